"""What else is on a line: hiss, other people, a place; and noise that changes in steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.calls.truth import rms
from benchmarks.telephone import RATE_HZ, Float32

BABBLERS = (4, 7)
STEP_S = (8.0, 25.0)
LARGEST_STEP_DB = 12.0


def hiss(n: int, rng: np.random.Generator) -> Float32:
    """Noise of RMS 1 whose power falls as 1/f^a, a between 0 (hiss) and 2 (rumble)."""
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 50.0)
    shape = hz ** (-rng.uniform(0.0, 2.0) / 2)
    return unit(np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n).astype(np.float32))


def babble(n: int, voice: Callable[[], Callable[[], Float32]], rng: np.random.Generator) -> Float32:
    """Several people talking elsewhere, RMS 1; `voice()` gives another speaker's supply of utterances."""
    out = np.zeros(n, np.float32)
    for _ in range(int(rng.integers(*BABBLERS))):
        draw, at = voice(), int(rng.uniform(0.0, 2.0) * RATE_HZ)
        level = float(10 ** (rng.uniform(-6.0, 0.0) / 20))
        while at < n:
            speech = unit(draw()) * np.float32(level)
            piece = out[at : at + len(speech)]
            piece += speech[: len(piece)]
            at += len(speech) + int(rng.uniform(0.1, 2.0) * RATE_HZ)
    return unit(out)


def looped(n: int, recording: Float32, rng: np.random.Generator) -> Float32:
    """A recording of a place, begun somewhere and repeated, RMS 1."""
    return unit(np.resize(np.roll(recording, -int(rng.integers(len(recording)))), n))


def steps(n: int, rng: np.random.Generator) -> Float32:
    """A gain that jumps every 8 to 25 s, shape (n,), between 1 and 12 dB below it; it starts anywhere."""
    gain = np.empty(n, np.float32)
    at = 0
    while at < n:
        size = int(rng.uniform(*STEP_S) * RATE_HZ)
        gain[at : at + size] = 10 ** (-rng.uniform(0.0, LARGEST_STEP_DB) / 20)
        at += size
    return gain


def unit(samples: Float32) -> Float32:
    """Scaled to RMS 1; silence stays silence."""
    level = rms(samples)
    return samples / np.float32(level) if level else samples
