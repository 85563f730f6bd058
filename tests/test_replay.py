"""A call replayed from its events is the call that was heard, and nothing else passes for one."""

import json
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_calls import SAID, SOUNDS, read_back, told, with_
from voices import SETTINGS, examples, lines, only

from sentiment_engine import BadMessage, BadSettings, wire
from sentiment_engine.events import (
    Alert,
    AlertCleared,
    AlertRaised,
    CallEnded,
    CallStarted,
    EmotionScored,
    QualityChanged,
    TensionUpdated,
    VoiceMeasured,
)
from sentiment_engine.replay import check_replayable, replay


def bare(events):
    """Events without what a replay does not give back: phrases, and what followed them."""
    return [_bare(event) for event in events]


def _bare(event):
    if isinstance(event, Alert) and not event.flags:
        effects = {"effects": ()} if isinstance(event, AlertCleared) else {}
        return msgspec.structs.replace(event, suggestions=(), **effects)
    if isinstance(event, CallEnded):
        return msgspec.structs.replace(event, summary=msgspec.structs.replace(event.summary, effects=()))
    return event


STEPS = st.lists(
    st.sampled_from([*SOUNDS, "facts", "negotiation"])
    | st.integers(0, len(SAID) - 1)
    | st.sampled_from([0.05, 1.0, 2.34567, 7.9]),
    max_size=9,
)


@given(
    steps=STEPS,
    parties=st.sampled_from([("agent", "customer"), ("customer", "agent"), ("mixed",), ("customer",)]),
    profile=st.sampled_from(["cn", "eu"]),
    skip=st.sampled_from([0, 0, 1, 3]),
    rate_hz=st.sampled_from([8000, 11025]),
    calls_today=st.sampled_from([1, 99]),
    bias=st.sampled_from([-3.0, -1.0, -0.1]),
)
@examples(40)
def test_a_replay_under_the_same_settings_gives_the_same_events(
    steps, parties, profile, skip, rate_hz, calls_today, bias
):
    settings = with_(SETTINGS, profile=profile, tension={"bias": bias})
    context = {"attempts_today": calls_today, "local_time": "2026-11-24T21:59:55+08:00"}
    heard = told(steps, settings=settings, parties=parties, skip=skip, rate_hz=rate_hz, context=context)
    again = list(replay(read_back(heard), settings))
    assert lines(again) == lines(bare(heard))


@pytest.mark.parametrize("profile", ["cn", "eu"])
def test_a_replay_counts_a_party_out_that_could_not_be_judged_then(profile):
    settings = with_(SETTINGS, profile=profile)
    heard = told(["calm", 7.9, "calm", 7.9, "calm", 7.9, "shout", 0.05, "calm"], settings=settings)
    assert any("loss" in event.reasons for event in only(QualityChanged, heard))
    assert bool(only(VoiceMeasured, heard)) == (profile == "eu")  # of the agent, who is not scored there
    assert lines(replay(read_back(heard), settings)) == lines(bare(heard))


@cache
def quarrel():
    """A call with everything in it: words before and during the heat, a gap, both parties hot."""
    return tuple(
        read_back(
            told(["calm", 0, "answer", "shout", 1, "both", 2.5, "both", 0, "silence", "silence", "calm"])
        )
    )


def test_the_call_that_the_tests_replay_has_what_a_replay_could_get_wrong():
    assert {event.kind for event in only(Alert, quarrel())} >= {"words", "vulnerability", "customer_anger"}
    assert any(event.words for event in only(TensionUpdated, quarrel()))
    assert any(event.missing for event in only(TensionUpdated, quarrel()))
    assert only(AlertRaised, quarrel())


@given(raise_at=st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.95]), bias=st.sampled_from([-3.0, -4.5]))
@examples(10)
def test_a_replay_under_other_rules_is_the_call_as_heard_under_them(raise_at, bias):
    other = with_(
        SETTINGS,
        alerts={"raise_at": raise_at, "clear_at": raise_at / 2, "warning_at": 0.97, "critical_at": 0.98},
        tension={"bias": bias},
        baseline={"prior_anger": -1.0},
    )
    steps = ["calm", 0, "answer", "shout", 1, "both", 2.5, "both", 0, "silence", "silence", "calm"]
    heard, again = told(steps, settings=other), list(replay(quarrel(), other))
    kept = [event for event in again if not isinstance(event, Alert) or not event.flags]
    assert lines(kept) == lines(
        event for event in bare(heard) if not isinstance(event, Alert) or not event.flags
    )
    flags = [(type(e), e.kind, e.at_s, e.level, e.alert_id, e.flags, e.causes) for e in only(Alert, again)]
    assert flags == [
        (type(e), e.kind, e.at_s, e.level, e.alert_id, e.flags, e.causes) for e in only(Alert, heard)
    ]


def test_more_than_the_highest_level_is_replayed_too():
    settings = with_(SETTINGS, tension={"anger_weight": 20.0, "anger_limit": 50.0, "mutual_weight": 20.0})
    heard = told([0, "both", "both", "both", "silence"], settings=settings)
    limited = [tick for tick in only(TensionUpdated, heard) if 0 < tick.causes.get("words", 0.0) < tick.words]
    assert limited
    assert lines(replay(read_back(heard), settings)) == lines(bare(heard))


def test_a_replay_takes_events_as_they_come():
    taken = []
    again = replay((taken.append(event) or event for event in quarrel()), SETTINGS)
    assert isinstance(next(again), CallStarted)
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (
            with_(SETTINGS, vad={"aggressiveness": 0}, windows={"hop_s": 2.0}),
            "vad.aggressiveness, windows.hop_s: ",
        ),
        (with_(SETTINGS, quality={"cannot_judge_below": 0.1}), "quality.cannot_judge_below: cannot be"),
        (with_(SETTINGS, profile="gb"), "profile: cannot be replayed"),
        (with_(SETTINGS, words={"limit": 1.0}), "words.limit: "),
    ],
)
def test_rules_about_what_was_settled_with_the_audio_are_refused(other, named):
    with pytest.raises(BadSettings, match=named):
        check_replayable(SETTINGS, other)


def test_rules_about_tension_and_alerts_may_be_tried():
    rules = {
        "tension": {"bias": -1.0},
        "alerts": {"cooldown_s": 0.0},
        "baseline": {"hold": 1.0},
        "live": {"max_calls": 3},
        "playbook": {"at_most": 0},
    }
    assert check_replayable(SETTINGS, with_(SETTINGS, **rules)) is None
    with pytest.raises(BadSettings, match=r"vad\.aggressiveness"):  # the same beside one that may not
        check_replayable(SETTINGS, with_(SETTINGS, **rules, vad={"aggressiveness": 0}))


def first(kind, events):
    return next(number for number, event in enumerate(events) if isinstance(event, kind))


def without(*fields):
    def cut(events):
        out = []
        for event in events:
            plain = json.loads(wire.encode(event))
            out.append(wire.decode(json.dumps({k: v for k, v in plain.items() if k not in fields})))
        return out

    return cut


def changed(record, where=lambda event: True, **fields):
    def change(events):
        number = next(n for n, event in enumerate(events) if isinstance(event, record) and where(event))
        return [*events[:number], msgspec.structs.replace(events[number], **fields), *events[number + 1 :]]

    return change


def voiced(**fields):
    def change(events):
        number = first(EmotionScored, events)
        scored = events[number]
        altered = msgspec.structs.replace(scored, voice=msgspec.structs.replace(scored.voice, **fields))
        return [*events[:number], altered, *events[number + 1 :]]

    return change


FLAGGED = {"where": lambda event: bool(event.flags)}


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda events: [], "does not begin with call.started"),
        (lambda events: events[1:], "does not begin with call.started"),
        (lambda events: events[:-1], r"breaks off before call\.ended"),
        (lambda events: events[:1], r"breaks off before call\.ended"),
        (lambda events: events + events[1:2], r"event 2 comes after call\.ended"),
        (lambda events: events[:5] + events[6:], "event 6 should come here"),
        (lambda events: events[:5] + events, "the call before it has no call.ended"),
        (changed(TensionUpdated, call_id="c-2"), "belongs to call 'c-2'"),
        (changed(CallStarted, profile=None), "names no profile: an older engine"),
        (changed(TensionUpdated, lambda event: event.at_s == 2.0, at_s=0.5), "time runs backwards"),
        (changed(EmotionScored, party="mixed"), "no party mixed"),
        (changed(EmotionScored, scores={"angry": -0.1}), "no probabilities"),
        (voiced(speech_s=0.0), "voice.speech_s is 0.0, outside"),
        (voiced(rate_sps=-1.0), "voice.rate_sps is -1.0, outside"),
        (voiced(level_db=1e308), "voice.level_db"),
        (without("words"), "the field words is absent: an older engine"),
        (
            changed(EmotionScored, lambda event: event.words > 0, words=0.0),
            "scored.*the field words is absent: an older",
        ),
        (without("missing"), "the field missing is absent: an older engine"),
        (changed(Alert, **FLAGGED, kind="moods"), "kind of alert 'moods' is unknown"),
        (changed(AlertCleared, **FLAGGED, kind="outside_hours"), "no alert of kind outside_hours was raised"),
    ],
)
def test_what_is_not_one_whole_call_is_refused_by_name(spoil, named):
    with pytest.raises(BadMessage, match=named):
        list(replay(spoil(list(quarrel())), SETTINGS))


@given(st.data())
@examples(60)
def test_no_altered_number_breaks_a_replay(data):
    events = list(quarrel())
    number = data.draw(st.integers(0, len(events) - 1))
    plain = json.loads(wire.encode(events[number]))
    spots = list(_spots(plain))
    holder, key = data.draw(st.sampled_from(spots))
    holder[key] = data.draw(
        st.sampled_from([-1, 0, 1e-300, 1e300, -1e300, 2**53])
        | st.floats(allow_nan=False, allow_infinity=False)
    )
    try:
        events[number] = wire.decode(json.dumps(plain))
        again = list(replay(events, SETTINGS))
    except BadMessage:
        return
    assert [wire.decode(line) for line in lines(again)] == again


def _spots(value):
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _spots(inner)
        elif isinstance(inner, (int, float)) and not isinstance(inner, bool):
            yield value, key
