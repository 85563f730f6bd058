"""The console's parts without a page: the feed's client, the live picture, a calendar, both languages."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.resources import files
from typing import Any, get_args

import pytest
from browser import executable
from hypothesis import given
from hypothesis import strategies as st
from test_softphone_parts import served
from voices import examples

from sentiment_engine.events import (
    Answer,
    Cause,
    EndReason,
    GapReason,
    Party,
    QualityReason,
    Severity,
    Stage,
)
from sentiment_engine.flagged import FlagKind
from sentiment_engine.live.reviews import STATES
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings_door import ROLES
from sentiment_engine.settings_reviews import REVIEW_ROLES, ReviewSettings

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

PARTS = ("feed", "state", "report_data", "router", "call_data", "language", "names", "preferences", "words")
LOAD = """async (parts) => {
  for (const part of parts) Object.assign(window, await import(`http://localhost/${part}.js`));
}"""
PLAY = """(steps) => {
  const said = { events: [], states: [], urls: [], protocols: [], waits: [], gaps: 0 };
  let socket, waiting;
  const feed = new Feed({
    url: 'ws://server/v1/feed', token: 'setk_1', since: null, query: { types: 'alert.*' },
    onEvent: (event) => said.events.push(event.n),
    onState: (state) => said.states.push(state),
    onGap: () => (said.gaps += 1),
    connect: (url, protocols) => {
      said.urls.push(url);
      said.protocols.push(protocols);
      return (socket = { close() {} });
    },
    later: (act, ms) => { said.waits.push(ms); waiting = act; return 0; },
  });
  feed.open();
  for (const [what, value] of steps) {
    if (what === 'open') socket.onopen();
    else if (what === 'event') {
      const sequence = String(value).padStart(20, '0');
      socket.onmessage({ data: JSON.stringify({ sequence, data: { n: value } }) });
    } else if (what === 'close') {
      socket.onclose({ code: value });
      const next = waiting;
      waiting = null;
      next?.();
    } else if (what === 'stop') feed.stop();
  }
  return { ...said, cursor: feed.cursor };
}"""


@contextmanager
def loaded(parts: Sequence[str]) -> Iterator[Any]:
    """An empty page in which what the modules export can be used by name."""
    path = executable()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not everybody has it

    folder = files("sentiment_engine") / "web" / "console"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(timezone_id="Asia/Shanghai")
        for name in parts:
            body = (folder / f"{name}.js").read_text("utf-8")
            page.route(f"http://localhost/{name}.js", served(body, "text/javascript"))
        page.route("http://localhost/", served("<!doctype html>", "text/html"))
        page.goto("http://localhost/")
        page.evaluate(LOAD, parts)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with loaded(PARTS) as page:
        yield page


def test_the_token_travels_as_a_subprotocol_and_the_cursor_as_the_query(page: Any):
    said = page.evaluate(
        PLAY, [["open", 0], ["event", 7], ["close", 1006], ["open", 0], ["event", 7], ["event", 8]]
    )
    assert said["urls"] == [
        "ws://server/v1/feed?types=alert.*",
        f"ws://server/v1/feed?types=alert.*&since={7:020d}",
    ]
    assert said["protocols"] == [["cloudevents.json", "token.setk_1"]] * 2
    assert said["events"] == [7, 8]
    assert said["states"] == ["connecting", "live", "waiting", "waiting", "live"]


def test_waits_grow_until_something_is_heard_and_a_refused_query_is_not_asked_again(page: Any):
    said = page.evaluate(PLAY, [["close", 1006]] * 9)
    bounds = [min(15_000, 500 * 2**n) for n in range(9)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(said["waits"], bounds, strict=True))
    said = page.evaluate(PLAY, [["close", 1006], ["event", 1], ["close", 1006]])
    assert said["waits"][1] <= 500
    said = page.evaluate(PLAY, [["close", 1007]])
    assert (said["states"][-1], len(said["urls"])) == ("stopped", 1)
    said = page.evaluate(PLAY, [["stop", 0], ["close", 1006]])
    assert (said["states"][-1], len(said["urls"])) == ("stopped", 1)


def test_a_cursor_that_is_too_old_is_given_up_and_said(page: Any):
    said = page.evaluate(PLAY, [["event", 5], ["close", 1008], ["event", 3]])
    assert (said["gaps"], said["urls"][1], said["events"]) == (1, "ws://server/v1/feed?types=alert.*", [5, 3])


@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.data())
@examples(40)
def test_no_break_and_no_repetition_loses_or_doubles_an_event(
    page: Any, runs: list[int], data: st.DataObject
):
    """After each break the server may send again what was heard, from anywhere."""
    steps, sent = [["open", 0]], 0
    for run in runs:
        sent += run
        steps += [["event", n] for n in range(sent - run + 1, sent + 1)]
        steps += [["close", 1006], ["open", 0]]
        repeated = data.draw(st.integers(0, sent))
        steps += [["event", n] for n in range(repeated + 1, sent + 1)]
    assert page.evaluate(PLAY, steps)["events"] == list(range(1, sent + 1))


def tick(call: str, at_s: float, level: float) -> dict:
    return {"type": "tension.updated", "call_id": call, "at_s": at_s, "seq": 1, "level": level, "causes": {}}


def alert(kind: str, **fields: object) -> dict:
    return {
        "type": f"alert.{kind}", "call_id": "c", "alert_id": "c/1", "at_s": 3.0, "severity": "warning",
        "level": 0.8, "causes": {}, "suggestions": [], **fields,
    }  # fmt: skip


APPLY = """(events) => {
  const state = new State(20);
  for (const event of events) state.apply(event, '2026-01-01T00:00:00Z');
  return { calls: [...state.calls.values()], alerts: [...state.alerts.values()] };
}"""


def test_a_call_that_has_ended_is_gone_and_late_ticks_do_not_bring_it_back(page: Any):
    events = [
        {"type": "call.started", "call_id": "c", "at_s": 0, "stage": "facts"},
        tick("c", 1.0, 0.4),
        {"type": "call.ended", "call_id": "c", "at_s": 2},
    ]
    assert page.evaluate(APPLY, events[:2])["calls"][0]["level"] == 0.4
    assert page.evaluate(APPLY, [*events, tick("c", 3.0, 0.4)])["calls"] == []
    assert len(page.evaluate(APPLY, [*events, events[0], tick("c", 1.0, 0.4)])["calls"]) == 1


def test_a_review_is_neither_a_live_call_nor_an_alert(page: Any):
    reviewed = {"call_id": "c", "at_s": 3.0, "seq": 0, "alert_id": "c/1", "role": "legal"}
    events = [{**reviewed, "type": kind} for kind in ("alert.reviewed", "call.reviewed", "of.a.newer.server")]
    assert page.evaluate(APPLY, events) == {"calls": [], "alerts": []}


def test_an_alert_keeps_its_phrases_and_who_saw_it_first(page: Any):
    said = [{"id": "p"}]
    seen = {
        "type": "alert.acknowledged",
        "call_id": "c",
        "alert_id": "c/1",
        "at_s": 3,
        "acknowledged_at": "t",
    }
    events = [
        alert("raised", suggestions=said),
        {**seen, "by": "one"},
        {**seen, "by": "two"},
        alert("cleared"),
    ]
    [found] = page.evaluate(APPLY, events)["alerts"]
    assert (found["open"], found["suggestions"], found["seen"]["by"]) == (False, said, "one")


def test_the_newest_answer_of_an_agent_stands_and_opens_no_call(page: Any):
    said = {"type": "alert.answered", "call_id": "c", "alert_id": "c/1", "at_s": 3, "seq": 0, "by": "anna"}
    first, second = (
        {**said, "answer": "helped", "answered_at": "1"},
        {**said, "answer": "x", "answered_at": "2"},
    )
    found = page.evaluate(APPLY, [first, alert("raised"), first, second, alert("cleared")])
    assert [one["answered"] for one in found["alerts"]] == [
        {"by": "anna", "answer": "x", "note": "", "at": "2"}
    ]
    assert page.evaluate(APPLY, [first]) == {"calls": [], "alerts": []}


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=80))
@examples(40)
def test_open_alerts_are_never_forgotten(page: Any, steps: list[tuple[int, bool]]):
    events = [alert("raised" if up else "cleared", alert_id=f"c/{n}", call_id=f"c{n}") for n, up in steps]
    open_at_end = {}
    for event in events:
        open_at_end[event["alert_id"]] = event["type"] == "alert.raised"
    found = page.evaluate(APPLY, events)["alerts"]
    assert {one["id"] for one in found if one["open"]} == {
        key for key, is_open in open_at_end.items() if is_open
    }
    assert sum(not one["open"] for one in found) <= 20


@given(st.lists(st.floats(0.5, 3.0), min_size=1, max_size=400))
@examples(30)
def test_curves_hold_the_last_two_minutes_in_order_and_no_more_than_twice_that(page: Any, steps: list[float]):
    at, events = 0.0, []
    for step in steps:
        at += step
        events.append(tick("c", at, 0.5))
    [call] = page.evaluate(APPLY, events)["calls"]
    times = [point["at"] for point in call["points"]]
    assert times == sorted(times)
    assert len(times) <= 240
    wanted = [event["at_s"] for event in events if event["at_s"] >= at - 120]
    assert times[-len(wanted) :] == pytest.approx(wanted)


@given(st.text(max_size=40), st.sampled_from(["call", "alerts", "wall"]))
@examples(60)
def test_an_address_leads_back_to_the_call_it_was_made_of(page: Any, argument: str, where: str):
    argument = argument.encode("utf-16", "replace").decode("utf-16")
    assert page.evaluate("([p, a]) => readHash(address(p, a))", [where, argument]) == {
        "page": where,
        "argument": argument,
        "moment": {"at": None, "alert": None},
    }


@given(st.text(max_size=20), st.floats(0, 1e5), st.text(max_size=20))
@examples(60)
def test_an_address_names_a_moment_in_seconds_or_by_its_alert(
    page: Any, argument: str, at_s: float, alert: str
):
    argument, alert = (text.encode("utf-16", "replace").decode("utf-16") for text in (argument, alert))
    read = "([a, moment]) => readHash(address('call', a, moment))"
    assert page.evaluate(read, [argument, {"t": at_s}]) == {
        "page": "call",
        "argument": argument,
        "moment": {"at": at_s, "alert": None},
    }
    assert page.evaluate(read, [argument, {"alert": alert}])["moment"] == {"at": None, "alert": alert}


@pytest.mark.parametrize("text", ["", "-1", "NaN", "Infinity", "x", "null", "--5"])
def test_what_is_no_moment_is_none(page: Any, text: str):
    assert page.evaluate("(t) => readHash(`#/call/c?t=${t}`)", text)["moment"]["at"] is None


@given(st.text(max_size=60))
@examples(100)
def test_any_hash_is_read(page: Any, text: str):
    assert page.evaluate("(text) => readHash(text)", text)["page"]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 400))
@examples(60)
def test_no_day_of_the_calendar_is_left_out_or_doubled(page: Any, first: date, more: int):
    wanted = [(first + timedelta(days=n)).isoformat() for n in range(more + 1)]
    assert page.evaluate("([a, b]) => daysBetween(a, b)", [wanted[0], wanted[-1]]) == wanted


@given(st.lists(st.dictionaries(st.sampled_from(get_args(Cause)), st.floats(-3, 3)), max_size=20))
@examples(40)
def test_stacked_causes_lie_on_one_another(page: Any, ticks: list[dict]):
    found = page.evaluate(
        """(ticks) => {
          const data = new CallData();
          ticks.forEach((causes, at) => data.take({ type: 'tension.updated', at_s: at, causes }));
          return data.stack(data.causes());
        }""",
        ticks,
    )
    times, *columns = found
    assert times == list(range(len(ticks)))
    for at, causes in enumerate(ticks):
        heights = [column[at] for column in columns]
        assert heights == sorted(heights, reverse=True)
        assert (heights or [0])[0] == pytest.approx(sum(value for value in causes.values() if value > 0))


def test_both_languages_say_the_same_things_with_the_same_gaps(page: Any):
    words = page.evaluate("WORDS")
    assert set(words) == {"en", "zh-CN"}
    assert list(words["en"]) == list(words["zh-CN"])
    gaps = re.compile(r"\{(\w+)\}")
    for key, english in words["en"].items():
        assert english.strip()
        assert words["zh-CN"][key].strip()
        assert set(gaps.findall(english)) == set(gaps.findall(words["zh-CN"][key])), key


def test_every_text_is_used_and_every_text_that_is_used_is_there(page: Any):
    folder = files("sentiment_engine") / "web" / "console"
    code = "".join(
        file.read_text("utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".js") and file.name != "words.js"
    )
    words = set(page.evaluate("Object.keys(WORDS.en)"))
    assert set(re.findall(r'\bt\("(\w+)"', code)) <= words
    assert {word for word in words if not re.search(rf'["]{word}["]', code)} == set()


def test_every_name_of_the_engine_has_a_name_for_people(page: Any):
    names = page.evaluate("NAMES")
    phrases = load_playbook().in_force("")
    for group, known in {
        "cause": get_args(Cause),
        "stage": get_args(Stage),
        "severity": get_args(Severity),
        "party": get_args(Party),
        "kind": get_args(FlagKind),
        "gap": get_args(GapReason),
        "quality": get_args(QualityReason),
        "end": get_args(EndReason),
        "answer": get_args(Answer),
        "technique": {entry.technique for entry in phrases},
        "role": ROLES,
        "review_role": REVIEW_ROLES,
        "review_state": STATES,
        "decision": ReviewSettings().decisions,
        "reason": ReviewSettings().reasons,
    }.items():
        assert set(known) <= set(names[group]), group
    assert all(len(pair) == 2 and all(pair) for group in names.values() for pair in group.values())
