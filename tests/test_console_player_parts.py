"""What playback and zoom decide, without a page: which seconds are shown, where it goes, what is drawn."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_console_parts import loaded
from voices import examples

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

TURN = """([span, steps]) => {
  const view = new View();
  view.grow(span);
  return steps.map(([what, at, factor]) => {
    if (what === 'zoom') view.zoom(factor, at);
    else if (what === 'follow') view.follow(at);
    else if (what === 'whole') view.whole();
    else view.grow(at);
    return [view.from_s, view.to_s, view.span_s, view.isWhole, view.part(view.moment(0.25))];
  });
}"""
KEY = """([key, inside, held]) => {
  const place = document.createElement(inside);
  document.body.replaceChildren(place);
  return asked({ key, target: place, ...Object.fromEntries(held.map((name) => [name, true])) });
}"""

times = st.floats(0, 7200, allow_nan=False)
talk = st.lists(st.tuples(times, st.floats(0.05, 30)), max_size=12).map(
    lambda found: [{"start_s": start, "end_s": start + length} for start, length in found]
)


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with loaded(("view", "steps", "recording", "call_data")) as page:
        yield page


@given(
    st.floats(0, 7200),
    st.lists(
        st.tuples(st.sampled_from(["zoom", "follow", "whole", "grow"]), times, st.sampled_from([0.5, 2, 64])),
        min_size=1,
        max_size=12,
    ),
)
@examples(80)
def test_what_is_shown_lies_in_the_call_and_holds_the_moment(page: Any, span: float, steps: list):
    for (what, at, _), (from_s, to_s, span_s, whole, part) in zip(
        steps, page.evaluate(TURN, [span, steps]), strict=True
    ):
        assert 0 <= from_s < to_s <= span_s + 1e-6
        assert to_s - from_s >= 10 - 1e-6
        assert whole == (from_s == 0 and to_s == span_s)
        assert part == pytest.approx(0.25)
        if what in {"zoom", "follow"} and at <= span_s:
            assert from_s - 1e-6 <= at <= to_s + 1e-6
        if what == "whole":
            assert whole


@given(talk, times)
@examples(100)
def test_a_silence_is_skipped_forwards_to_shortly_before_a_word(page: Any, speech: list, at: float):
    goal = page.evaluate("([speech, at]) => overSilence(speech, at)", [speech, at])
    is_talk = any(one["start_s"] <= at < one["end_s"] for one in speech)
    if goal is None:
        coming = [one["start_s"] - at for one in speech if one["start_s"] > at]
        just = any(one["start_s"] <= at < one["end_s"] + 0.4 for one in speech)
        assert is_talk or just or not coming or min(coming) <= 2
        return
    assert not is_talk
    assert goal > at + 1.5
    assert goal + 0.4 == pytest.approx(min(one["start_s"] for one in speech if one["start_s"] > at))


@given(st.lists(times, max_size=8), times)
@examples(60)
def test_every_alert_is_reached_in_both_directions(page: Any, since: list[float], at: float):
    story = [{"type": "alert.raised", "since_s": time} for time in since]
    story += [{"type": "alert.updated", "since_s": 1.0}, {"type": "call.ended"}]
    walk = """([story, at, go]) => {
      const found = [];
      const step = { nextAlert, previousAlert }[go];
      for (let next = step(story, at); next !== null && found.length < 20; next = step(story, next)) {
        found.push(next);
      }
      return found;
    }"""
    on = page.evaluate(walk, [story, at, "nextAlert"])
    assert on == sorted(set(on))
    assert all(any(abs(time - found) <= 0.05 for found in on) for time in since if time > at + 0.05)
    back = page.evaluate(walk, [story, at, "previousAlert"])
    assert back == sorted(set(back), reverse=True)
    assert all(time < at for time in back)
    assert bool(back) == any(time < at - 0.05 for time in since)


@pytest.mark.parametrize(
    ("key", "inside", "held", "wish"),
    [
        (" ", "div", [], "toggle"),
        ("ArrowLeft", "div", [], "back"),
        ("ArrowRight", "button", [], "on"),
        ("ArrowLeft", "a", ["shiftKey"], "previous"),
        ("ArrowRight", "main", ["shiftKey"], "next"),
        (" ", "button", [], None),
        (" ", "summary", [], None),
        (" ", "textarea", [], None),
        ("ArrowLeft", "input", [], None),
        ("ArrowLeft", "select", [], None),
        ("ArrowLeft", "div", ["altKey"], None),
        (" ", "div", ["ctrlKey"], None),
        ("ArrowRight", "div", ["metaKey"], None),
        (" ", "div", ["defaultPrevented"], None),
        ("p", "div", [], None),
    ],
)
def test_keys_are_playbacks_unless_what_has_the_focus_needs_them(
    page: Any, key: str, inside: str, held: list[str], wish: str | None
):
    assert page.evaluate(KEY, [key, inside, held]) == wish


@given(st.lists(st.lists(st.integers(-127, 127), min_size=4, max_size=4), min_size=1, max_size=2))
@examples(60)
def test_peaks_keep_their_order_and_one_scale_for_both_parties(page: Any, peaks: list[list[int]]):
    answer = {"channels": ["agent", "customer"][: len(peaks)], "duration_s": 0.1, "peaks": peaks}
    drawn = page.evaluate("(answer) => unpack(answer).columns.map((column) => [...column])", answer)
    pairs = sorted(
        (value, height)
        for column, heights in zip(peaks, drawn, strict=True)
        for value, height in zip(column, heights, strict=True)
    )
    heights = [height for _, height in pairs]
    assert heights == sorted(heights)
    assert all(math.copysign(1, value) == math.copysign(1, height) for value, height in pairs if value)
    assert max(map(abs, heights)) <= 1 + 1e-6


@pytest.mark.parametrize(
    "answer",
    [
        {"channels": [], "duration_s": 0, "peaks": []},
        {"channels": ["agent"], "duration_s": 0, "peaks": [[]]},
        {"channels": ["agent"], "duration_s": 0.01, "peaks": [[]]},
    ],
)
def test_a_recording_that_has_just_begun_draws_nothing(page: Any, answer: dict):
    assert page.evaluate("unpack", answer) is None


def test_levels_of_voices_come_with_and_without_emotion(page: Any):
    window = {"party": "customer", "start_s": 1.0, "end_s": 3.0, "at_s": 3.0, "voice": {"level_db": -20.0}}
    events = [
        {"type": "emotion.scored", "scores": {"neutral": 1.0}, **window},
        {"type": "voice.measured", **window, "party": "agent"},
        {"type": "emotion.scored", "scores": {"neutral": 1.0}, **window, "voice": None},
    ]
    take = """(events) => {
      const data = new CallData();
      for (const one of events) data.take(one);
      return data.voices;
    }"""
    heard = {"start_s": 1.0, "end_s": 3.0, "level_db": -20.0}
    assert page.evaluate(take, events) == [{"party": "customer", **heard}, {"party": "agent", **heard}]
