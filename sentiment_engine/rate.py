"""How fast a voice is: syllables a second, told from the rise and fall of its intensity.

Syllable nuclei are peaks of intensity that stand out from the dips on both sides (de Jong and Wempe 2009,
"Praat script to detect syllable nuclei and measure speech rate automatically"). No words are needed, so it
works in any language; it counts too few syllables in fast or noisy speech, alike in a party's calm and hot
turns, and only the ratio of the two is used.
"""

import numpy as np

from sentiment_engine.frames import RATE_HZ, Float32

STEP = RATE_HZ // 100
"""Samples between two intensities: 10 ms."""
SMOOTH = 7
"""Intensities in a running mean: 70 ms, so that a glottal pulse or a burst is no syllable."""
DIP_DB = 2.0
"""A nucleus stands this far above the dips before and after it."""
WITHIN_DB = 25.0
"""Of the loudest: softer peaks are consonants and noise."""
SHORTEST_S = 0.6
SILENCE = 1e-10


def syllables_per_s(samples: Float32) -> float | None:
    """Syllable nuclei a second in a stretch of speech, shape (samples,) at 8 kHz. None below 0.6 s."""
    if len(samples) < SHORTEST_S * RATE_HZ:
        return None
    steps = samples[: len(samples) - len(samples) % STEP].reshape(-1, STEP)
    power = np.convolve(np.einsum("ij,ij->i", steps, steps), np.full(SMOOTH, 1 / (SMOOTH * STEP)), "same")
    level = 10.0 * np.log10(power + SILENCE)
    floor = float(level.max()) - WITHIN_DB
    turns = np.flatnonzero(np.diff(np.sign(np.diff(level)))) + 1
    nuclei, dip, peak = 0, float(level[0]), -np.inf
    for value in [*level[turns].tolist(), float(level[-1])]:
        if value > peak and value >= dip + DIP_DB and value >= floor:
            peak = value  # a nucleus, once the level has fallen from it
        elif value <= peak - DIP_DB:
            nuclei, peak, dip = nuclei + 1, -np.inf, value
        dip = min(dip, value)
    return nuclei * RATE_HZ / len(samples)
