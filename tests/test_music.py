"""Hold music is told from a voice, soon after it begins and as soon as a voice is back."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import RATE_HZ, examples, hush, turns, voice

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.corpora import load_clip, read_manifest  # noqa: E402 - the path above
from benchmarks.telephone import resample, telephone  # noqa: E402
from scripts.music_synth import piece  # noqa: E402
from scripts.train_music import levels_db  # noqa: E402
from sentiment_engine import Settings  # noqa: E402
from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_SAMPLES  # noqa: E402
from sentiment_engine.listening import Listener, Segment  # noqa: E402
from sentiment_engine.music import (  # noqa: E402
    CONTEXT_BLOCKS,
    HOP_BLOCKS,
    LONG_HOP_BLOCKS,
    MEASURES,
    QUIET_BLOCKS,
    Context,
    MusicCheck,
    music_log_odds,
)
from sentiment_engine.settings_hearing import VadSettings  # noqa: E402
from sentiment_engine.vad import SpeechGate  # noqa: E402

DATA = Path(os.environ.get("SENTIMENT_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "manifest.tsv").is_file(), reason=f"no recordings in {DATA}: set SENTIMENT_DATA"
)
SCRIPTED = VadSettings(music_over=0.0, music_evidence=10.0)
BLOCK, LEVELS = np.zeros(BLOCK_SAMPLES, np.int16), [-20.0] * BLOCK_FRAMES
TUNE = 7
"""A seed whose piece has neither rests nor a solo voice."""


class Odds:
    """Says one number after another, then the last for ever; counts how often it was asked."""

    def __init__(self, *says):
        self.says, self.asked = says, 0

    def __call__(self, measures):
        assert measures.shape == (MEASURES,)
        self.asked += 1
        return self.says[min(self.asked, len(self.says)) - 1]


def checked(odds, blocks, heard=True):
    """A check after so many blocks, and what it said of each."""
    check = MusicCheck(SCRIPTED, odds)
    return check, [check.block(BLOCK, LEVELS, LEVELS, heard) for _ in range(blocks)]


def music(seconds, level=3000.0, seed=TUNE):
    """A piece of made music, 16 bit."""
    sound = piece(seconds, np.random.default_rng(seed))
    return np.clip(np.rint(level * 10 * sound), -32768, 32767).astype(np.int16)


def segments(sound, step=None, settings=None):
    """Segments in seconds, as the engine finds them with the settings people get."""
    listener, data = Listener(settings or Settings(), "pcm_s16le", RATE_HZ, ("mixed",)), sound.tobytes()
    step = step or len(data)
    notes = [note for at in range(0, len(data), step) for note in listener.feed(data[at : at + step])]
    return [(n.start_s, n.end_s) for n in [*notes, *listener.close("stop")] if isinstance(n, Segment)]


def spoken_s(found, from_s=0.0, to_s=np.inf):
    """Seconds of speech found between two times."""
    return sum(max(0.0, min(end, to_s) - max(start, from_s)) for start, end in found)


def test_nothing_is_decided_before_the_context_is_whole():
    odds = Odds(50.0)
    assert checked(odds, CONTEXT_BLOCKS - 1)[1] == [False] * (CONTEXT_BLOCKS - 1)
    assert odds.asked == 0


def test_overwhelming_odds_tell_at_the_first_look_and_lesser_ones_later():
    assert checked(Odds(50.0), CONTEXT_BLOCKS)[1][-1]
    said = checked(Odds(5.0), CONTEXT_BLOCKS + HOP_BLOCKS)[1]
    assert said.index(True) == CONTEXT_BLOCKS + HOP_BLOCKS - 1


def test_music_is_dated_back_to_the_context_in_which_the_evidence_began():
    check, said = checked(Odds(-1.0, 5.0), CONTEXT_BLOCKS + LONG_HOP_BLOCKS + HOP_BLOCKS)
    assert said[-1]
    assert check.since == CONTEXT_BLOCKS + HOP_BLOCKS


def test_between_the_thresholds_nothing_changes():
    looks = slice(CONTEXT_BLOCKS - 1, None, HOP_BLOCKS)
    assert checked(Odds(9.0, -2.5, 3.3, -2.0), CONTEXT_BLOCKS + 3 * HOP_BLOCKS)[1][looks] == [False] * 4
    _, said = checked(Odds(10.0, -2.5, -0.4, -0.5, 2.5), CONTEXT_BLOCKS + 4 * HOP_BLOCKS)
    assert said[looks] == [True, True, True, False, False]


def test_evidence_is_limited_so_that_a_voice_is_heard_after_an_hour_of_music():
    check, _ = checked(Odds(*[9.0] * 100, -7.0), CONTEXT_BLOCKS + 99 * HOP_BLOCKS)
    assert check.present
    assert not [check.block(BLOCK, LEVELS, LEVELS, True) for _ in range(HOP_BLOCKS)][-1]


def test_while_nothing_speaks_for_music_it_looks_less_often():
    odds = Odds(-9.0)
    checked(odds, CONTEXT_BLOCKS + 10 * LONG_HOP_BLOCKS)
    assert odds.asked == 11
    doubtful = Odds(0.1)
    checked(doubtful, CONTEXT_BLOCKS + 10 * LONG_HOP_BLOCKS)
    assert doubtful.asked == 1 + 10 * LONG_HOP_BLOCKS // HOP_BLOCKS


def test_a_second_of_quiet_ends_what_was_known_and_costs_nothing():
    odds = Odds(50.0)
    check, _ = checked(odds, CONTEXT_BLOCKS)
    assert [check.block(BLOCK, LEVELS, LEVELS, False) for _ in range(QUIET_BLOCKS)] == [True] * (
        QUIET_BLOCKS - 1
    ) + [False]
    asked = odds.asked
    checked(odds, 100, heard=False)
    assert odds.asked == asked
    assert [check.block(BLOCK, LEVELS, LEVELS, True) for _ in range(CONTEXT_BLOCKS)][-2:] == [False, True]


@given(sizes=st.lists(st.integers(1, 15), min_size=3, max_size=12), seed=st.integers(0, 99))
@examples(20)
def test_the_measures_do_not_depend_on_how_many_blocks_come_at_once(sizes, seed):
    rng = np.random.default_rng(seed)
    count = sum(sizes)
    sound = rng.normal(0, 800, (count, BLOCK_SAMPLES)).astype(np.int16)
    levels = rng.normal(-30, 5, (2, count * BLOCK_FRAMES))
    one, many = Context(), Context()
    at = 0
    for size in sizes:
        frames = slice(at * BLOCK_FRAMES, (at + size) * BLOCK_FRAMES)
        many.push(sound[at : at + size], levels[0, frames].tolist(), levels[1, frames].tolist())
        at += size
    for block in range(count):
        frames = slice(block * BLOCK_FRAMES, (block + 1) * BLOCK_FRAMES)
        one.push(sound[block : block + 1], levels[0, frames].tolist(), levels[1, frames].tolist())
    np.testing.assert_allclose(many.measures(), one.measures(), rtol=1e-3, atol=1e-3)


def test_digital_silence_and_full_scale_have_finite_measures():
    for sound in (BLOCK, np.full(BLOCK_SAMPLES, -32768, np.int16)):
        context = Context()
        context.push(np.stack([sound] * CONTEXT_BLOCKS), [-100.0] * 75, [-100.0] * 75)
        assert np.isfinite(context.measures()).all()
        assert np.isfinite(music_log_odds(context.measures()))


def test_missing_audio_makes_the_check_forget():
    gate = SpeechGate(VadSettings(), lambda _: True)
    *blocks, last = music(8.0).reshape(-1, BLOCK_SAMPLES)
    for block in blocks:
        gate.block(block, *levels_db(block.reshape(BLOCK_FRAMES, -1)))
    loud = [-5.0] * BLOCK_FRAMES
    assert not any(gate.block(last, loud, loud)[0])
    gate.skip(1)
    assert any(gate.block(last, loud, loud)[0])


def test_without_the_check_there_is_nothing_to_forget():
    gate = SpeechGate(VadSettings(music_check=False), lambda _: True)
    gate.skip(1)
    loud = [-5.0] * BLOCK_FRAMES
    assert any(gate.block(BLOCK + 1, loud, loud)[0])


def test_music_from_the_first_moment_is_no_segment_at_all():
    assert spoken_s(segments(music(20.0))) == 0.0
    switched_off = Settings(vad=VadSettings(music_check=False))
    assert spoken_s(segments(music(20.0), settings=switched_off)) > 10.0


def test_music_after_a_voice_ends_its_segment_about_where_the_music_begins():
    found = segments(turns(hush(0.5), voice(5.0), music(15.0)))
    assert spoken_s(found, 0.5, 5.5) > 3.4  # dated back to the context in which the evidence began
    assert spoken_s(found, 5.5) < 1.0


def test_a_voice_after_music_is_heard_within_two_seconds():
    found = segments(turns(music(15.0), voice(6.0), hush(1.0)))
    assert spoken_s(found, 0.0, 14.0) < 1.0
    assert spoken_s(found, 17.0, 21.0) > 3.9


@given(step=st.integers(1, 40_000), lead_s=st.floats(0.0, 2.0))
@examples(4)
def test_the_length_of_the_pieces_never_changes_what_is_music(step, lead_s):
    sound = turns(hush(round(lead_s, 2)), music(5.0), voice(3.0), music(5.0), hush(0.5))
    assert segments(sound, step) == segments(sound)


def real(corpus, split, count, **wanted):
    """Recordings of one corpus, each on a telephone line."""
    clips = [
        clip
        for clip in read_manifest(DATA, split=split, corpus=corpus)
        if all(getattr(clip, name) == value for name, value in wanted.items())
    ]
    for number, clip in enumerate(clips[:: max(1, len(clips) // count)][:count]):
        sound = resample(*load_clip(clip), RATE_HZ)
        line = telephone(sound[: 60 * RATE_HZ], RATE_HZ, np.random.default_rng(number))
        yield np.rint(line * 32767).astype(np.int16)


@needs_data
@pytest.mark.slow
def test_real_hold_music_is_hardly_ever_speech():
    sounds = list(real("asterisk_moh", "calm", 5))
    whole_s = sum(map(len, sounds)) / RATE_HZ
    assert sum(spoken_s(segments(sound)) for sound in sounds) < 0.15 * whole_s


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["ravdess", "nemo", "emospeech_rakshak"])
def test_no_angry_voice_is_taken_for_music(corpus):
    said = turns(
        *(np.concatenate((sound, hush(0.3))) for sound in real(corpus, "train", 25, emotion="angry"))
    )
    unchecked = Settings(vad=VadSettings(music_check=False))
    assert spoken_s(segments(said)) > 0.995 * spoken_s(segments(said, settings=unchecked))
