"""Do both channels carry the same mix? Then no word on them can be given to a party.

Crosstalk and echo are normal on telephones: the other's voice, far below one's own. So the envelopes (20 ms)
of the last ten seconds must be alike *and* about equally strong; and, since two people may keep the same
rhythm, the waveforms of the last seconds must be alike as well. Both are normalised cross-correlations within
a lag of 0.25 s; the second is asked only when the first says so.
"""

import math
from collections import deque

import numpy as np

from sentiment_engine.frames import BLOCK_S, FRAME_S, RATE_HZ, Float32, Int16, UInt8
from sentiment_engine.settings_tension import QualitySettings

RING_FRAMES = round(10.0 / FRAME_S)
LEAST_FRAMES = round(5.0 / FRAME_S)
"""Less is too little to compare."""
VOICED_FRAMES = round(2.0 / FRAME_S)
LAG_S = 0.25
LAG_FRAMES = math.ceil(LAG_S / FRAME_S)
WAVE_BLOCKS = round(3.0 / BLOCK_S)
SILENT = 1e-9
"""Of the envelopes' powers: nothing moves on one of them."""
DIFFERENT = 0.6
"""Correlation of the envelopes, for a finding to be taken back. Calls in two directions stay below 0.4."""
ALIKE_WAVES = 0.5
"""Of the waveforms: a mix through another codec is alike by more, two voices of one rhythm by less."""


class SameVoice:
    """Follows two channels."""

    def __init__(self, settings: QualitySettings) -> None:
        self._settings = settings
        self._blocks: deque[Int16] = deque(maxlen=WAVE_BLOCKS)
        self.found = False

    def push(self, block: Int16) -> None:
        """The next block, shape (2, BLOCK_SAMPLES)."""
        self._blocks.append(block)

    def look(self, levels_db: Float32, states: UInt8, frames: int) -> None:
        """Makes up its mind, or changes it.

        Args:
            levels_db: Ring of the last frames' levels, (2, RING_FRAMES) dBFS.
            states: Ring likewise, 2 where a frame is voiced.
            frames: How many have been written in all.
        """
        voiced = np.count_nonzero(states == 2, axis=1)
        # nobody has said anything that could tell; and a finding takes both to have spoken
        if frames < LEAST_FRAMES or (max if self.found else min)(voiced) < VOICED_FRAMES:
            return
        turned = np.roll(levels_db, -frames % RING_FRAMES if frames >= RING_FRAMES else 0, axis=1)
        envelopes = np.power(np.float32(10.0), turned[:, : min(frames, RING_FRAMES)] / np.float32(20.0))
        alike, apart_db = alike_envelopes(envelopes)
        if self.found:
            self.found = alike >= DIFFERENT
            return
        if alike >= self._settings.same_voice_over and apart_db <= self._settings.same_voice_within_db:
            self.found = alike_waves(np.concatenate(self._blocks, axis=1)) >= ALIKE_WAVES


def alike_envelopes(envelopes: Float32) -> tuple[float, float]:
    """Greatest correlation of two envelopes (2, frames) within the lag, -1..1, and their difference in dB."""
    one, other = envelopes - envelopes.mean(axis=1, keepdims=True)
    middle = one[LAG_FRAMES : len(one) - LAG_FRAMES]
    windows = np.lib.stride_tricks.sliding_window_view(other, len(middle))
    strengths = np.sqrt(np.einsum("ls,ls->l", windows, windows) * float(middle @ middle))
    if min(strengths) < SILENT:
        return 0.0, math.inf
    apart_db = 10.0 * abs(math.log10(float(one @ one) / float(other @ other)))
    return float((windows @ middle / strengths).max()), apart_db


def alike_waves(samples: Int16) -> float:
    """Greatest correlation of two waveforms (2, samples) within the lag, 0..1; of either sign."""
    waves = samples.astype(np.float32)
    waves -= waves.mean(axis=1, keepdims=True)
    strength = math.sqrt(float(np.square(waves[0]).sum()) * float(np.square(waves[1]).sum()))
    if strength == 0.0:
        return 0.0
    size, lag = 2 * waves.shape[1], round(LAG_S * RATE_HZ)
    spectra = np.fft.rfft(waves, size)
    products = np.abs(np.fft.irfft(spectra[0] * np.conj(spectra[1]), size))
    return float(max(products[: lag + 1].max(), products[-lag:].max())) / strength
