"""How high a voice is: the one measure of effort that automatic gain and level-normalised lines leave alone.

Short-time autocorrelation, divided by that of the window function so that long lags are not punished
(Boersma 1993, "Accurate short-term analysis of the fundamental frequency"), without his path finder: a
quantile over a window of speech forgives single octave errors. A low quantile, because effort lifts the
floor of a voice, while liveliness and stress lift its peaks (eGeMAPS keeps the 20th and 80th percentile apart
for that reason; Eyben et al. 2016), and most errors are an octave up.
"""

import math
from collections.abc import Sequence

import numpy as np

from sentiment_engine.frames import RATE_HZ, Float32

FRAME = 320
"""Samples, 40 ms: three periods of a low voice."""
EVERY = 2
"""Every second frame is looked at: 37 in a window of 3 s, enough for a quantile, at half the cost."""
LOWEST_HZ, HIGHEST_HZ = 70.0, 500.0
SHORTEST_LAG, LONGEST_LAG = round(RATE_HZ / HIGHEST_HZ), round(RATE_HZ / LOWEST_HZ)
FFT = 512
"""At least FRAME + LONGEST_LAG, so that the correlation does not wrap round."""
LOW_BAND = FFT * 1500 // RATE_HZ
"""Only harmonics below 1500 Hz are looked at: those above would ask for lags finer than a sample."""
PERIODIC = 0.5
"""Normalised correlation of a frame that counts as voiced (Boersma's voicing threshold is 0.45)."""
OCTAVE_COST = 0.03
"""Taken off the correlation for each octave down: a multiple of the period fits as well as the period."""
LOUD = 1e-3
"""Share of the loudest frame's power that a frame must have."""
FEWEST_FRAMES = 6
LOW_SHARE = 0.3
"""The quantile taken, from below."""

_TAPER: Float32 = np.hanning(FRAME).astype(np.float32)


def _correlation(frames: Float32) -> Float32:
    spectrum = np.fft.rfft(frames, FFT)[..., :LOW_BAND]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    correlation: Float32 = np.fft.irfft(power, FFT)[..., : LONGEST_LAG + 1].astype(np.float32)
    return correlation


_TAPER_CORRELATION: Float32 = (_correlation(_TAPER) / _correlation(_TAPER)[0])[SHORTEST_LAG:]
_LAGS = np.arange(SHORTEST_LAG, LONGEST_LAG + 1)
_COST: Float32 = (OCTAVE_COST * np.log2(_LAGS / SHORTEST_LAG)).astype(np.float32)


def pitch_semitones(samples: Float32) -> float | None:
    """Low pitch of a stretch of speech, shape (samples,) at 8 kHz, in semitones above 100 Hz.

    Three tenths of its voiced frames lie below.

    None where too little of it is voiced to say.
    """
    if len(samples) < FRAME:
        return None
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)[::EVERY] * _TAPER
    correlation = _correlation(frames)
    power = correlation[:, 0]
    normal = correlation[:, SHORTEST_LAG:] / (np.maximum(power, 1e-12)[:, None] * _TAPER_CORRELATION)
    normal -= _COST
    lags = normal.argmax(axis=1)
    voiced = (normal.max(axis=1) > PERIODIC) & (power > LOUD * power.max())
    if np.count_nonzero(voiced) < FEWEST_FRAMES:
        return None
    low = quantile(lags[voiced].tolist(), 1.0 - LOW_SHARE)  # a long lag is a low voice
    return 12.0 * math.log2(RATE_HZ / (low + SHORTEST_LAG) / 100.0)


def quantile(values: Sequence[float], share: float) -> float:
    """What ``share`` (0..1) of the values lie below; as ``np.quantile`` says, which costs as much as the FFT.

    At least one value; between two of them linear.
    """
    ordered = sorted(values)
    at = (len(ordered) - 1) * share
    low, high = ordered[math.floor(at)], ordered[math.ceil(at)]
    beyond = at - math.floor(at)
    return high - (high - low) * (1.0 - beyond) if beyond >= 0.5 else low + (high - low) * beyond
