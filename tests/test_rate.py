"""How many syllables a second a stretch of speech has, whatever its level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.rate import syllables_per_s


def babble(per_s, seconds=3.0, level=0.1, depth_db=12.0, noise=0.0):
    """Noise in the telephone band that swells `per_s` times a second by `depth_db`."""
    rng = np.random.default_rng(3)
    at = np.arange(int(seconds * 8000)) / 8000
    swell = 10 ** (-depth_db / 40 * (1 + np.cos(2 * np.pi * per_s * at)) / 1)
    voice = level * swell * rng.normal(0, 1, len(at)) * 0.3
    return (voice + noise * rng.normal(0, 1, len(at))).astype(np.float32)


@pytest.mark.parametrize("per_s", [2, 3, 4, 5, 6])
def test_every_swell_is_a_syllable(per_s):
    assert syllables_per_s(babble(per_s)) == pytest.approx(per_s, rel=0.15)


@given(st.floats(0.001, 1.0), st.sampled_from([3, 5]))
@examples(20)
def test_the_level_of_a_voice_does_not_change_its_rate(level, per_s):
    assert syllables_per_s(babble(per_s, level=level)) == pytest.approx(per_s, rel=0.2)


def test_what_does_not_swell_has_no_syllables():
    tone = 0.1 * np.sin(2 * np.pi * 400 * np.arange(24000) / 8000).astype(np.float32)
    assert syllables_per_s(tone) <= 0.4  # its own beginning, at most
    assert syllables_per_s(np.zeros(24000, np.float32)) == 0.0


def test_a_swell_far_below_the_loudest_is_none():
    loud, soft = babble(4, 2.0, level=0.3), babble(4, 2.0, level=0.003)
    both = syllables_per_s(np.concatenate([loud, soft]))
    assert both == pytest.approx(2.0, rel=0.25)


def test_too_little_speech_tells_nothing():
    assert syllables_per_s(np.zeros(4799, np.float32)) is None
    assert syllables_per_s(np.zeros(4800, np.float32)) == 0.0


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.01, 1.0]), st.integers(4800, 30000))
@examples(30)
def test_any_samples_give_a_rate_a_mouth_could_have(seed, scale, count):
    rng = np.random.default_rng(seed)
    samples = np.clip(scale * rng.standard_cauchy(count), -1, 1).astype(np.float32)
    assert 0.0 <= syllables_per_s(samples) <= 50.0
