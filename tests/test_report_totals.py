"""Many calls in numbers: everything counted once, in whatever order, and nothing of single people."""

import json
from collections import Counter
from statistics import median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markup_read import read_page
from scored_calls import read_back, told, with_
from voices import SETTINGS, examples, only

from sentiment_engine.alerts import SEVERITIES
from sentiment_engine.errors import BadMessage
from sentiment_engine.events import (
    Alert,
    AlertAcknowledged,
    AlertAnswered,
    AlertAssigned,
    AlertRaised,
    AudioGap,
    QualityChanged,
    Suggestion,
)
from sentiment_engine.report.counting import totals_of
from sentiment_engine.report.figures import EXACT_UP_TO, rate_interval, report_of
from sentiment_engine.report.summary_page import summary_page
from sentiment_engine.report.summary_text import summary_text
from sentiment_engine.report.totals import COUNTERS, Totals
from sentiment_engine.tuning.intervals import garwood

STEPS = ("calm", "answer", "shout", "agent shouts", "both", "noise", "silence", 2.0, 0, 1, 2)
EU = with_(SETTINGS, profile="eu")
CALLS = [
    read_back(told(steps, settings=settings))
    for steps, settings in (
        (("calm", "answer", "shout", "both", 0, "silence", "silence", "calm"), SETTINGS),
        (("calm", 3.0, "answer", "noise", 1, "both", "silence"), SETTINGS),
        (("calm", "answer", "silence"), SETTINGS),
        (("calm", "answer", "agent shouts", "shout", "both"), EU),
    )
]


def added(calls):
    totals = Totals()
    for call in calls:
        totals.add(totals_of(call))
    return totals


def as_shown(totals):
    return json.loads(msgspec.json.encode(report_of(totals)))


@examples(25)
@given(st.lists(st.sampled_from(STEPS), max_size=7), st.sampled_from([SETTINGS, EU]))
def test_every_event_of_a_call_is_counted_once(steps, settings):
    call = read_back(told(steps, settings=settings))
    totals = totals_of(call)
    assert totals.events == Counter(type(event).__struct_config__.tag for event in call)
    assert sum(totals.events.values()) == len(call) == call[-1].seq
    raised = only(AlertRaised, call)
    assert totals.alerts == len(raised)
    for counter in (totals.kinds, totals.severities, totals.stages, totals.led):
        assert sum(counter.values()) == len(raised)
    assert totals.kinds == Counter(alert.kind for alert in raised)
    effects = call[-1].summary.effects
    assert sum(len(tally.changes) for tally in totals.phrases.values()) == len(effects)
    gaps = only(AudioGap, call)
    assert sum(totals.gap_ms.values()) == round(1000 * sum(gap.end_s - gap.start_s for gap in gaps))
    reasons = {(one.party, reason) for one in only(QualityChanged, call) for reason in one.reasons}
    assert set(totals.poor_calls) == set(totals.poor_ms) == reasons
    assert all(ms <= totals.heard_ms for ms in totals.poor_ms.values())


@examples(30)
@given(st.lists(st.integers(0, len(CALLS) - 1), max_size=8), st.randoms())
def test_neither_order_nor_grouping_changes_the_report(chosen, random):
    calls = [CALLS[index] for index in chosen]
    shuffled = random.sample(calls, len(calls))
    halves = Totals()
    for part in (shuffled[: len(calls) // 2], shuffled[len(calls) // 2 :]):
        halves.add(added(part))
    assert as_shown(added(calls)) == as_shown(halves)
    assert sum(halves.events.values()) == sum(map(len, calls))
    assert halves.calls == len(calls)


def test_every_counter_is_added():
    counters = {
        name for name, kind in Totals.__annotations__.items() if str(kind).startswith("collections.Counter")
    }
    assert set(COUNTERS) == counters
    twice = added([CALLS[0], CALLS[0]])
    once = totals_of(CALLS[0])
    for name in COUNTERS:
        assert getattr(twice, name) == Counter({key: 2 * n for key, n in getattr(once, name).items()})


def test_the_report_gives_the_figures_that_a_plain_count_gives():
    report, alerts = as_shown(added(CALLS)), [alert for call in CALLS for alert in only(AlertRaised, call)]
    hours = sum(call[-1].duration_s for call in CALLS) / 3600
    assert report["calls"] == len(CALLS)
    assert report["hours"] == pytest.approx(hours, abs=1e-4)
    assert report["alerts"]["count"] == len(alerts)
    assert report["alerts"]["per_hour"] == pytest.approx(len(alerts) / hours, abs=1e-3)
    assert report["alerts"]["interval"] == garwood(len(alerts), hours)
    worst = Counter()
    for call in CALLS:
        by_id = {}
        for alert in only(Alert, call):
            by_id.setdefault(alert.alert_id, []).append(SEVERITIES.index(alert.severity))
        worst.update(SEVERITIES[max(steps)] for steps in by_id.values())
    assert {
        name: one["count"] for name, one in report["alerts"]["by_severity"].items() if one["count"]
    } == worst
    effects = [effect for call in CALLS for effect in call[-1].summary.effects]
    for phrase in report["phrases"]:
        changes = [one.level_after - one.level for one in effects if one.id == phrase["id"]]
        assert phrase["shown"] == len(changes)
        assert phrase["fell"]["count"] == sum(change < 0 for change in changes)
        assert phrase["median_change"] == pytest.approx(median(changes), abs=1e-3)
    assert {one["party"] for one in report["refused"]} == {"agent"}
    assert report["refused"][0]["count"] == 1
    assert any("regression to the mean" in note for note in report["notes"])


def test_nothing_is_told_of_single_calls_or_people():
    calls = [
        [msgspec.structs.replace(event, call_id=f"secret-{n}") for event in call]
        for n, call in enumerate(CALLS)
    ]
    totals = added(calls)
    for text in (json.dumps(as_shown(totals)), summary_page(totals), summary_text(totals)):
        assert "secret-" not in text


def test_the_same_phrase_in_two_wordings_shows_one_whatever_the_order():
    calls = []
    for text in ("b", "a"):
        call = [
            msgspec.structs.replace(
                event,
                suggestions=tuple(msgspec.structs.replace(one, text=text) for one in event.suggestions),
            )
            if isinstance(event, Alert)
            else event
            for event in CALLS[0]
        ]
        calls.append(call)
    for order in (calls, calls[::-1]):
        assert {one["text"] for one in as_shown(added(order))["phrases"]} <= {"a", ""}


def test_acknowledgements_and_answers_may_stand_anywhere():
    seen = AlertAcknowledged(
        call_id="c-1", at_s=0.0, seq=0, alert_id="x", by="", acknowledged_at="2026-01-01T00:00:00Z"
    )
    answered = AlertAnswered(
        call_id="c-1", at_s=0.0, seq=0, alert_id="x", by="", answer="helped", answered_at=seen.acknowledged_at
    )
    totals = totals_of([*CALLS[0][:5], seen, answered, *CALLS[0][5:], answered])
    assert (totals.events["alert.acknowledged"], totals.events["alert.answered"]) == (1, 2)
    assert sum(totals.events.values()) == len(CALLS[0]) + 3


def test_acknowledgements_and_assignments_may_stand_anywhere():
    seen = AlertAcknowledged(
        call_id="c-1", at_s=0.0, seq=0, alert_id="x", by="", acknowledged_at="2026-01-01T00:00:00Z"
    )
    assigned = AlertAssigned(
        call_id="c-1", at_s=0.0, seq=0, alert_id="x", by="", to=None, assigned_at="2026-01-01T00:00:00Z"
    )
    totals = totals_of([*CALLS[0][:5], seen, assigned, *CALLS[0][5:]])
    assert (totals.events["alert.acknowledged"], totals.events["alert.assigned"]) == (1, 1)
    assert sum(totals.events.values()) == len(CALLS[0]) + 2


def changed(call, kind, /, **fields):
    """``call`` with other fields in its first event of a kind."""
    at = next(index for index, event in enumerate(call) if isinstance(event, kind))
    return [*call[:at], msgspec.structs.replace(call[at], **fields), *call[at + 1 :]]


SUMMARY = CALLS[0][-1].summary
EFFECT = SUMMARY.effects[0]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ([], "breaks off before call.ended"),
        (CALLS[0][1:], "does not begin with call.started"),
        (CALLS[0][:-1], "breaks off before call.ended"),
        (CALLS[0][:4] + CALLS[0][5:], "event 5 should come here"),
        (CALLS[0][:3] + CALLS[0], "the call before it has no call.ended"),
        (changed(CALLS[0], AlertRaised, kind="love"), "kind of alert 'love' is unknown"),
        (changed(CALLS[0], type(CALLS[0][-1]), duration_s=1e300), "outside 0..1e"),
        (changed(CALLS[0], type(CALLS[0][-1]), duration_s=-1.0), "outside 0..1e"),
        (changed(CALLS[1], AudioGap, end_s=1e308), "outside 0..1e"),
        (
            changed(
                CALLS[0],
                type(CALLS[0][-1]),
                summary=msgspec.structs.replace(
                    SUMMARY, effects=(msgspec.structs.replace(EFFECT, level=1e308),)
                ),
            ),
            "outside 0..1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_one_whole_call_is_refused_with_the_remedy(call, reason):
    with pytest.raises(BadMessage, match="score") as refused:
        totals_of(call)
    assert reason in str(refused.value)


def test_the_interval_of_large_counts_meets_the_exact_one():
    near, far = rate_interval(EXACT_UP_TO, 10.0), rate_interval(EXACT_UP_TO + 1, 10.0)
    assert near == garwood(EXACT_UP_TO, 10.0)
    for ours, exact in zip(far, garwood(EXACT_UP_TO + 1, 10.0), strict=True):
        assert ours == pytest.approx(exact, rel=1e-3)
    assert rate_interval(5000, 0.0) is None
    low, high = rate_interval(1_000_000, 1000.0)
    assert low < 1000 < high < 1003


def test_pages_and_text_hold_the_figures_of_the_report():
    totals, report = added(CALLS), as_shown(added(CALLS))
    root, text = read_page(summary_page(totals)), summary_text(totals)
    for kind, one in report["alerts"]["by_kind"].items():
        (table,) = [t for t in root.all("table") if t.one("caption").text == "Alerts by kind"]
        (row,) = [r for r in table.one("tbody").children if r.children[1].text == str(one["count"])][:1] or [
            None
        ]
        assert row is not None, kind
    assert f"{report['alerts']['per_hour']:,.2f}" in root.text
    assert f"{report['alerts']['per_hour']:.2f}" in text
    for phrase in report["phrases"]:
        assert (phrase["id"] or "no phrase") in text
        assert phrase["text"] in root.text
    assert "regression to the mean" in root.text
    assert "regression to the mean" in " ".join(text.split())
    assert "emotion heard in the voice" in root.text
    assert read_page(summary_page(totals, language="zh-CN")).one("h1").text == "通话汇总"


def test_hostile_phrases_are_shown_and_run_nowhere():
    evil = "</style><script>alert(1)</script>\x1b[2J\u202e"
    phrase = Suggestion(
        id=evil, text=evil, language=evil, audience="agent", technique=evil, mode="say", rule=evil
    )
    call = [
        msgspec.structs.replace(event, suggestions=(phrase,)) if isinstance(event, Alert) else event
        for event in CALLS[0][:-1]
    ]
    effect = msgspec.structs.replace(EFFECT, id=evil)
    end = msgspec.structs.replace(CALLS[0][-1], summary=msgspec.structs.replace(SUMMARY, effects=(effect,)))
    totals = totals_of([*call, end])
    assert "alert(1)" in read_page(summary_page(totals)).text
    assert "\x1b" not in summary_page(totals) + summary_text(totals)


def test_no_call_at_all_is_said_and_nothing_is_divided_by_it():
    root = read_page(summary_page(Totals(), []))
    assert "No call could be scored." in root.text
    assert report_of(Totals())["alerts"]["per_hour"] is None
    assert "calls: 0" in summary_text(Totals())
