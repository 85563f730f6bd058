"""The softphone's pure parts, run in Chromium: what is resampled, and what is remembered."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from browser import executable
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

PARTS = ("softphone-errors.js", "softphone-timeline.js", "softphone-wire.js", "softphone-worklet.js")
LOAD = """async () => {
  const [timeline, worklet, wire] = await Promise.all(
    ['timeline', 'worklet', 'wire'].map((name) => import(`http://localhost/softphone-${name}.js`)));
  Object.assign(window, { ...timeline, ...worklet, ...wire });
}"""
GAIN = """({from, to, tone, step}) => {
  const resampler = new Resampler(from, to);
  const input = Float32Array.from({ length: from }, (_, at) => Math.sin(2 * Math.PI * tone * at / from));
  const out = [];
  for (let at = 0; at < from; at += step) out.push(...resampler.process(input.slice(at, at + step)));
  return out;
}"""
PLAY = """({rate, keep, steps}) => {
  const timeline = new Timeline(rate, keep);
  let told = 0;  // samples given to the timeline so far: each says its own number
  const taken = [];
  const take = () => {
    const item = timeline.next();
    if (item?.audio) taken.push(['audio', item.audio.length / 2, item.audio[0], item.audio.at(-1)]);
    else if (item?.gap) taken.push(['gap', item.gap.seconds * rate, item.gap.reason]);
    else if (item) taken.push(['text', 0, item.text]);
    return item !== null;
  };
  for (const [what, value] of steps) {
    if (what === 'audio') {
      timeline.audio(Int16Array.from({ length: 2 * value }, (_, at) => (told + (at >> 1)) % 32000));
      told += value;
    } else if (what === 'gap') {
      timeline.gap(value / rate, 'paused');
      told += value;
    } else if (what === 'text') {
      timeline.text(String(value));
    } else if (what === 'take') {
      for (let n = 0; n < value && take(); n += 1);
    } else if (what === 'resume') {
      taken.push(['resume', timeline.resume(value)]);
    }
  }
  while (take());
  return { taken, told, end: timeline.endSeconds * rate, drained: timeline.isDrained };
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    path = executable()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not everybody has it

    web = files("sentiment_engine") / "web"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        for name in PARTS:
            body = (web / name).read_text("utf-8")
            page.route(f"http://localhost/{name}", served(body, "text/javascript"))
        page.route("http://localhost/", served("<!doctype html>", "text/html"))
        page.goto("http://localhost/")
        page.evaluate(LOAD)
        yield page
        browser.close()


def served(body: str, kind: str) -> Any:
    return lambda route: route.fulfill(body=body, content_type=kind)


def gain_db(page: Any, source: int, target: int, tone: float) -> float:
    out = np.array(page.evaluate(GAIN, {"from": source, "to": target, "tone": tone, "step": 128}))
    steady = out[len(out) // 10 : -len(out) // 10]
    return float(10 * np.log10(2 * np.mean(steady**2) + 1e-12))


@pytest.mark.parametrize(
    ("source", "target"), [(48_000, 8000), (44_100, 8000), (48_000, 16_000), (16_000, 8000)]
)
def test_the_voice_band_passes_unchanged_and_nothing_folds_back(page: Any, source: int, target: int):
    scale = target / 8000
    for tone in (60, 300, 1000, 2000, 3000, 3400):
        assert abs(gain_db(page, source, target, tone * scale)) < 0.5, tone
    for tone in (4000, 4300, 4900, 5700, 7900):
        if tone * scale < source / 2:
            assert gain_db(page, source, target, tone * scale) < -50, tone


@pytest.mark.parametrize(
    ("source", "target"), [(8000, 8000), (8000, 16_000), (22_050, 8000), (192_000, 8000)]
)
def test_unusual_rates_pass_the_voice_too(page: Any, source: int, target: int):
    for tone in (300, 1000, 3000):
        assert abs(gain_db(page, source, target, tone)) < 0.5


@pytest.mark.parametrize("step", [1, 7, 128, 441, 48_000])
def test_the_size_of_blocks_never_changes_the_samples(page: Any, step: int):
    asked = {"from": 44_100, "to": 8000, "tone": 440}
    whole = page.evaluate(GAIN, {**asked, "step": 44_100})
    assert page.evaluate(GAIN, {**asked, "step": step}) == whole
    assert abs(len(whole) - 8000) < 40  # a second, less the half filter that waits for more


@pytest.mark.parametrize(("source", "target"), [(44_101, 8000), (0, 8000), (48_000, 0), (48_000.5, 8000)])
def test_rates_that_cannot_be_resampled_are_refused_by_name(page: Any, source: float, target: float):
    said = page.evaluate(
        """({from, to}) => {
          try { new Resampler(from, to); } catch (error) { return error.message; }
          return '';
        }""",
        {"from": source, "to": target},
    )
    assert f"cannot resample {source:g} Hz to {target:g} Hz: use an AudioContext" in said


def test_frames_are_interleaved_rounded_and_held_within_16_bits(page: Any):
    said = page.evaluate(
        """() => {
          const frames = [];
          const framer = new Framer(3);
          framer.push(Float32Array.of(0, 0.5), Float32Array.of(1, -1), (frame) => frames.push([...frame]));
          framer.push(Float32Array.of(2, 0), Float32Array.of(-2, NaN), (frame) => frames.push([...frame]));
          return frames;
        }"""
    )
    assert said == [[0, 32767, 16384, -32767, 32767, -32767]]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("audio"), st.sampled_from([8, 960])),
        st.tuples(st.just("gap"), st.integers(1, 400).map(lambda ms: 8 * ms)),
        st.tuples(st.just("text"), st.integers(0, 9)),
        st.tuples(st.just("take"), st.integers(1, 9)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_every_moment_is_told_once_and_in_its_place(page: Any, steps: list):
    """Whatever is put in and taken: the media clock the server counts is the call's own."""
    said = page.evaluate(PLAY, {"rate": 8000, "keep": 0.5, "steps": steps})
    assert said["drained"]
    check(said["taken"], 0, said["told"])


@settings(max_examples=150, deadline=None)
@given(before=STEPS, after=STEPS, heard=st.floats(0, 1))
def test_after_a_resume_everything_from_there_on_is_told(page: Any, before: list, after: list, heard: float):
    """A server that was told ``taken`` of the call has heard any part of that, in whole milliseconds."""
    first = page.evaluate(PLAY, {"rate": 8000, "keep": 0.5, "steps": [["resume", 0], *before]})
    position = round(heard * first["told"] / 8) * 8
    if position == 0:
        return  # to the timeline that is a server which has lost the call: the next test
    steps = [["resume", 0], *before, ["take", 10_000], ["resume", position / 8000], *after]
    said = page.evaluate(PLAY, {"rate": 8000, "keep": 0.5, "steps": steps})
    at = max(index for index, item in enumerate(said["taken"]) if item[0] == "resume")
    assert said["taken"][at] == ["resume", False]
    check(said["taken"][at + 1 :], position, said["told"])


def check(taken: list, at: int, end: int) -> None:
    """Audio says its own position, gaps say how long they are, and together they leave nothing out."""
    for item in taken:
        if item[0] == "audio":
            assert item[2:] == [at % 32_000, (at + item[1] - 1) % 32_000]
        elif item[0] == "gap":
            assert item[1] > 0
            assert item[2] in {"lost", "paused"}
        if item[0] != "resume":
            at += round(item[1])
    assert at == end


def test_a_server_that_lost_the_call_is_told_what_is_kept(page: Any):
    steps = [["resume", 0], ["audio", 960], ["audio", 8000], ["take", 9], ["audio", 960], ["resume", 0]]
    said = page.evaluate(PLAY, {"rate": 8000, "keep": 1.2, "steps": steps})
    assert said["taken"][3:] == [["resume", True], ["audio", 8000, 960, 8959], ["audio", 960, 8960, 9919]]
    assert said["end"] == 8960  # the clock of the new call begins with the oldest that is kept


def test_a_page_that_is_loaded_again_goes_on_where_its_call_stands(page: Any):
    steps = [["audio", 960], ["resume", 45.25], ["audio", 960]]
    said = page.evaluate(PLAY, {"rate": 8000, "keep": 30, "steps": steps})
    assert said["taken"] == [["resume", False], ["audio", 960, 0, 959], ["audio", 960, 960, 1919]]
    assert said["end"] == 45.25 * 8000 + 2 * 960


def test_messages_without_audio_are_bounded_too(page: Any):
    steps = [["resume", 0], ["audio", 960], *(["text", number] for number in range(10_050))]
    said = page.evaluate(PLAY, {"rate": 8000, "keep": 30, "steps": steps})
    assert said["taken"][1] == ["gap", 960, "lost"]
    assert [int(item[2]) for item in said["taken"][2:]] == list(range(50, 10_050))


def test_a_server_that_has_heard_more_than_this_page_is_followed(page: Any):
    """Another page had taken the call over for five seconds; a later resume may fall into these."""
    steps = [["resume", 0], ["audio", 960], ["take", 1], ["resume", 5], ["audio", 960], ["resume", 3]]
    said = page.evaluate(PLAY, {"rate": 8000, "keep": 30, "steps": steps})
    assert [item[0:2] for item in said["taken"][3:]] == [["resume", False], ["gap", 16_000], ["audio", 960]]
    assert said["end"] == 5 * 8000 + 960


def test_messages_keep_their_place_between_the_audio(page: Any):
    steps = [
        ["resume", 0],
        ["text", 1],
        ["audio", 960],
        ["text", 2],
        ["take", 3],
        ["resume", 0.12],
        ["audio", 8],
    ]
    said = page.evaluate(PLAY, {"rate": 8000, "keep": 30, "steps": steps})
    kinds = [(item[0], item[-1]) for item in said["taken"]]
    # The second message may or may not have been heard, so it is told again: the server knows repetitions.
    assert kinds == [
        ("resume", False), ("text", "1"), ("audio", 959), ("text", "2"), ("resume", False), ("text", "2"),
        ("audio", 967),
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [0.001, 3600, 3600.5, 9000.25])
def test_a_long_gap_is_told_in_pieces_that_the_server_takes(page: Any, seconds: float):
    gap = {"seconds": seconds, "reason": "paused"}
    pieces = [json.loads(text) for text in page.evaluate("(gap) => [...gapMessages(gap)]", gap)]
    assert all(piece["type"] == "gap" and piece["reason"] == "paused" for piece in pieces)
    assert all(0 < piece["seconds"] <= 3600 for piece in pieces)
    assert sum(piece["seconds"] for piece in pieces) == pytest.approx(seconds)


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1")), st.from_regex(r"\{.*\}")))
@settings(max_examples=100, deadline=None)
def test_whatever_a_server_sends_is_an_event_or_nothing(page: Any, text: str):
    said = page.evaluate("(text) => eventOf(text)", text)
    assert said is None or isinstance(said["type"], str)


def test_nested_and_typeless_messages_are_no_events(page: Any):
    for text in ("null", "[]", "7", '"started"', '{"type":7}', "{}", "[" * 100_000, '{"type":"x"', ""):
        assert page.evaluate("(text) => eventOf(text)", text) is None
    assert page.evaluate("eventOf(new ArrayBuffer(8))") is None
    assert page.evaluate("""eventOf('{"type":"call.ended","reason":"stop"}').reason""") == "stop"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("wss://monitor.example/v1/stream", "wss://monitor.example/v1/stream"),
        ("https://monitor.example/v1/stream", "wss://monitor.example/v1/stream"),
        ("/v1/stream", "ws://localhost/v1/stream"),
        ("http://[::1]:8700/v1/stream?x=1", "ws://[::1]:8700/v1/stream?x=1"),
    ],
)
def test_addresses_may_be_written_as_pages_do(page: Any, url: str, address: str):
    assert page.evaluate("(url) => streamUrl(url)", url) == address


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=40))
@settings(max_examples=100, deadline=None)
def test_a_token_is_offered_unchanged_or_refused_without_being_repeated(page: Any, token: str):
    said = page.evaluate(
        "(token) => protocolsFor(token).then((offers) => ({offers}), ({code, message}) => ({code, message}))",
        token,
    )
    if "offers" in said:
        assert said["offers"] == ["sentiment-engine.v1", f"token.{token}"]
        assert token.isascii()
        assert not set(token) & set('()<>@,;:\\"/[]?={} \t\r\n')
    else:
        assert said["code"] == "token"
        assert said["message"].endswith("holds a character that a subprotocol may not have")
