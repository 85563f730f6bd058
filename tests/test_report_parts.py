"""The small parts of reports: markup that cannot be injected, outlines, axes, words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markup_read import read_markup
from voices import examples

from sentiment_engine.report import words_en, words_zh
from sentiment_engine.report.axis import Axis, runs, thinned
from sentiment_engine.report.envelope import FIRST_STRETCH, Envelope
from sentiment_engine.report.markup import UNSHOWN, el, joined, number, text
from sentiment_engine.report.parts import address
from sentiment_engine.report.story import Tick
from sentiment_engine.report.words import clock, words_of

HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "</style><script>alert(1)</script>",
            "\"><img src=x onerror='alert(1)'>",
            "<!--",
            "]]>",
            "&lt;b&gt;",
            "javascript:alert(1)",
            "\u202egnp.exe",
            "\x00\x1b[2J",
            "</title></svg>",
        ]
    ),
)


@examples(300)
@given(HOSTILE, HOSTILE)
def test_whatever_is_said_comes_back_as_text_and_as_an_attribute(said, named):
    root = read_markup(el("p", said, el("b", [said, None, [1.5]]), title=named))
    (only,) = root.children
    assert (only.tag, [child.tag for child in only.children]) == ("p", ["b"])
    shown = UNSHOWN.sub("\ufffd", said).replace("\r\n", "\n").replace("\r", "\n")
    assert only.own.replace("\r\n", "\n").replace("\r", "\n") == shown
    assert only.children[0].own.replace("\r\n", "\n").replace("\r", "\n") == shown + "1.5"
    assert set(only.attributes) == {"title"}
    assert only.attributes["title"] == UNSHOWN.sub("\ufffd", named)


def test_what_steers_a_terminal_or_turns_the_direction_is_not_shown():
    assert text("a\x00\x1b\u202e\u2066b") == "a" + 4 * "\ufffd" + "b"
    assert text("a\tb\nc") == "a\tb\nc"


def test_attributes_are_left_out_named_alone_or_rounded():
    assert el("a", b=None, c=False, d=True, e=1 / 3, f=2.0, class_="x", aria_label="y") == (
        '<a d e="0.33" f="2" class="x" aria-label="y"></a>'
    )
    assert number(-0.5) == "-0.5"
    assert number(1000.0) == "1000"
    assert joined(el("br"), "<") == "<br>&lt;"


@pytest.mark.parametrize(
    "name", ["a b.html", "javascript:alert(1).html", "//evil.example/x.html", "..", "话/通.html", 'a"b.html']
)
def test_a_link_leads_to_a_file_below_and_nowhere_else(name):
    from pathlib import PurePosixPath  # noqa: PLC0415

    link = address(PurePosixPath(name))
    assert link.startswith("./")
    assert ":" not in link
    assert '"' not in link
    assert link.isascii()


@examples(60)
@given(
    st.integers(0, 40_000),
    st.integers(1, 2),
    st.lists(st.integers(1, 9_000), max_size=12),
    st.integers(0, 1000),
)
def test_how_audio_is_cut_never_changes_its_outline(frames, channels, cuts, seed):
    samples = np.random.default_rng(seed).integers(-32_768, 32_768, (frames, channels), np.int16)
    data, columns = samples.astype("<i2").tobytes(), 50
    whole, cut = Envelope(channels, 8000, columns), Envelope(channels, 8000, columns)
    whole.hear(data)
    at = 0
    for step in [*cuts, len(data)]:
        cut.hear(data[at : at + step])
        at += step
    for channel in range(channels):
        outline = whole.outline(channel)
        assert outline == cut.outline(channel)
        assert len(outline) <= 2 * columns + 1
        assert len(outline) >= min(columns, frames // FIRST_STRETCH)
        if frames:
            own = samples[:, channel] / 32_768
            assert min(low for _, low, _ in outline) == own.min()
            assert max(high for _, _, high in outline) == own.max()
            assert outline[-1][0] < frames / 8000


def test_an_outline_shows_the_loud_second_where_it_is():
    samples = np.zeros(80_000, np.int16)
    samples[48_000:56_000:2] = 16_384
    outline = Envelope(1, 8000)
    outline.hear(samples.tobytes())
    loud = [at for at, _, high in outline.outline(0) if high == 0.5]
    assert loud[0] == pytest.approx(6.0, abs=0.02)
    assert loud[-1] == pytest.approx(7.0, abs=0.02)
    assert len(loud) > 50


@examples(200)
@given(st.floats(0, 2e5), st.lists(st.tuples(st.floats(0, 2e5), st.floats(0, 2e5)), max_size=40))
def test_a_picture_never_holds_more_stretches_than_it_has_room_for(duration_s, spans):
    axis = Axis(10, 100, duration_s)
    drawn = runs([(min(span), max(span)) for span in spans], axis)
    assert len(drawn) <= 52
    assert drawn == sorted(drawn)
    assert all(10 <= low < high for low, high in drawn)
    assert len(axis.marks()) <= 13
    assert axis.marks()[0] == 0


@examples(100)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=500), st.integers(1, 100))
def test_thinning_keeps_order_bounds_and_the_peak(levels, most):
    ticks = [Tick(float(at), level, -4.0, {}, {}) for at, level in enumerate(levels)]
    kept = thinned(ticks, most)
    assert len(kept) == min(most, len(ticks))
    assert [tick.at_s for tick in kept] == sorted(tick.at_s for tick in kept)
    assert max(tick.level for tick in kept) == max(levels)


def test_both_languages_say_the_same_things():
    assert set(words_en.TEXTS) == set(words_zh.TEXTS)
    assert {key: len(texts) for key, texts in words_en.LISTS.items()} == {
        key: len(texts) for key, texts in words_zh.LISTS.items()
    }
    for key, said in words_en.TEXTS.items():
        assert said.count("{") == words_zh.TEXTS[key].count("{"), key


def test_words_follow_the_calls_language_and_pass_on_what_they_do_not_know():
    assert words_of("zh-TW").tag == "zh-CN"
    assert words_of("de").tag == "en"
    assert words_of("en").name("kind", "brand_new\x00") == "brand new\ufffd"
    assert words_of("zh").name("severity", "critical") == "严重"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (-1, "0:00")],
)
def test_times_read_like_a_clock(seconds, said):
    assert clock(seconds) == said
