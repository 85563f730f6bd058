"""Pitch of what a telephone leaves of a voice."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.pitch import FRAME, pitch_semitones, quantile

SECONDS = np.arange(24000) / 8000


def buzz(hz, level=0.1, noise_db=-99.0):
    """A voice-like tone in the telephone band: harmonics between 300 and 3400 Hz, the fundamental gone."""
    harmonics = [k for k in range(1, 48) if 300 < hz * k < 3400]
    tone = sum(np.sin(2 * np.pi * hz * k * SECONDS) / k for k in harmonics)
    hiss = np.random.default_rng(1).normal(0, tone.std() * 10 ** (noise_db / 20), len(SECONDS))
    return (level * (tone + hiss) / np.abs(tone).max()).astype(np.float32)


@pytest.mark.parametrize("hz", [80, 100, 140, 200, 260, 350, 450])
def test_the_pitch_is_found_although_the_line_has_cut_the_fundamental(hz):
    assert pitch_semitones(buzz(hz)) == pytest.approx(12 * math.log2(hz / 100), abs=0.5)


@given(st.floats(0.001, 0.9), st.sampled_from([110, 180, 240]))
@examples(30)
def test_the_level_of_a_voice_does_not_change_its_pitch(level, hz):
    assert pitch_semitones(buzz(hz, level)) == pytest.approx(12 * math.log2(hz / 100), abs=0.5)


def test_the_floor_of_a_voice_counts_not_its_peaks():
    lively = np.concatenate([buzz(150)[:12000], buzz(300)[:12000]])
    assert pitch_semitones(lively) == pytest.approx(12 * math.log2(1.5), abs=0.5)


def test_pitch_survives_the_noisiest_line_we_measure_with():
    assert pitch_semitones(buzz(150, noise_db=-10.0)) == pytest.approx(12 * math.log2(1.5), abs=0.5)


def test_what_has_no_pitch_gets_none():
    assert pitch_semitones(np.zeros(24000, np.float32)) is None
    assert pitch_semitones(np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32)) is None
    assert pitch_semitones(buzz(150)[: FRAME - 1]) is None
    assert pitch_semitones(buzz(150)[:FRAME]) is None


@given(values=st.lists(st.integers(0, 98), min_size=1, max_size=80), share=st.floats(0.0, 1.0))
@examples(200)
def test_a_quantile_is_numpys_to_the_last_bit(values, share):
    assert quantile(values, share) == float(np.quantile(values, share))
