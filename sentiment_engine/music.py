"""Does a channel carry music instead of a voice? Hold music is loud, tonal and nobody's mood.

Notes keep their pitch where a voice glides and breaks off: the lines of the spectrum stay where they are from
one tenth of a second to the next (Hawley 1993; Seyerlehner et al. 2007). The envelope of the spectrum moves
less (spectral flux, Scheirer & Slaney 1997), and less often from voiced to unvoiced (Saunders 1996). Measures
of the last 1.5 s go through a small network (``music_weights.py``, taught by ``scripts/train_music.py``), and
its log odds into a running sum (Page 1954) with two thresholds. Everything is counted in blocks.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_SAMPLES, Float32, Int16
from sentiment_engine.music_weights import HIDDEN, HIDDEN_BIAS, MEAN, OUT, OUT_BIAS, SCALE
from sentiment_engine.settings_hearing import VadSettings

CONTEXT_BLOCKS = 15
HOP_BLOCKS, LONG_HOP_BLOCKS = 5, 12
"""Blocks from one look to the next, with some evidence of music and without.

Gathered, because array operations cost by the call more than by the number.
"""
OUTLIER = np.float32(5)
"""Standard deviations beyond which a measure says no more: a line unlike all that were taught."""
LAGS = (1, 2)
"""Blocks between two spectra that are compared."""
FIRST_BIN, GROUPS, GROUP_BINS = 20, 16, 20
"""Bins of 10 Hz from 200 to 3400 Hz, in groups of 200 Hz."""
REGIONS = (0, 3, 8)
"""First group of each region: most fundamentals, the middle, the rest."""
REGION_BINS = [group * GROUP_BINS for group in REGIONS]
LEAST_POWER = np.float32(1e3)
"""What rounding to 16 bits alone puts into a bin: no line of the spectrum lies below it."""
COLUMNS = 24
"""Measures of one block; the first two are levels, told relative to the loudest block of the context."""
MEASURES = 3 * COLUMNS
QUIET_BLOCKS = 10
"""After a second in which no frame passes for a voice, what was heard before says nothing."""
MUSIC_ENDS = 0.7
"""Share of the full evidence below which music is over: one look that doubts it is enough."""
_WINDOW = np.hanning(BLOCK_SAMPLES).astype(np.float32)
_GROUP_STARTS = list(range(0, GROUPS * GROUP_BINS, GROUP_BINS))
_REGION_MEANS = np.kron(
    np.eye(3, dtype=np.float32),
    np.stack(
        [
            np.isin(np.arange(GROUPS), np.arange(first, after)) / np.float32(after - first)
            for first, after in pairwise((*REGIONS, GROUPS))
        ],
        axis=1,
    ),
).astype(np.float32)
"""(3 * GROUPS, 3 * regions): means by region of three measures side by side."""


class Context:
    """Measures of the last ``CONTEXT_BLOCKS`` of one channel, moved on by some blocks at a time."""

    def __init__(self) -> None:
        self._fine = np.zeros((max(LAGS), GROUPS * GROUP_BINS), np.float32)  # log spectrum less its envelope
        self._power = np.zeros((max(LAGS), len(REGIONS)), np.float32)  # of ``_fine``, by region
        self._envelope: Float32 | None = None  # of the last block, a mean of the log spectrum a group
        self._rows = np.zeros((CONTEXT_BLOCKS, COLUMNS), np.float32)

    def push(self, blocks: Int16, levels_db: Sequence[float], trebles_db: Sequence[float]) -> None:
        """The next blocks, shape (n <= CONTEXT_BLOCKS, BLOCK_SAMPLES), with each frame's level and treble."""
        n = len(blocks)
        spectrum = np.fft.rfft(blocks * _WINDOW)[:, FIRST_BIN : FIRST_BIN + GROUPS * GROUP_BINS]
        log_power = np.log(np.square(spectrum.real) + np.square(spectrum.imag) + LEAST_POWER)
        grouped = log_power.reshape(n, GROUPS, GROUP_BINS)
        envelope = np.add.reduce(grouped, axis=2) * np.float32(1 / GROUP_BINS)
        grouped -= envelope[:, :, None]
        fine = np.concatenate((self._fine, log_power))
        products = np.empty((1 + len(LAGS), *log_power.shape), np.float32)
        for at, lag in enumerate((0, *LAGS)):
            np.multiply(log_power, fine[len(fine) - n - lag : len(fine) - lag], out=products[at])
        alike = np.add.reduceat(products, REGION_BINS, axis=2)  # (1 + lags, blocks, regions)
        power = np.concatenate((self._power, alike[0]))
        before = envelope[:1] if self._envelope is None else self._envelope
        moved = envelope - np.concatenate((before, envelope[:-1]))
        drift = np.add.reduce(moved, axis=1, keepdims=True) * np.float32(1 / GROUPS)
        peaks = np.maximum.reduceat(log_power, _GROUP_STARTS, axis=1)
        by_region = np.concatenate((peaks, np.abs(moved), envelope), axis=1) @ _REGION_MEANS
        frames = np.array((levels_db, trebles_db), np.float32).reshape(2, n, BLOCK_FRAMES)
        frames[1] -= frames[0]  # high in unvoiced sounds

        row = np.empty((n, COLUMNS), np.float32)
        row[:, 0] = np.add.reduce(envelope, axis=1) * np.float32(1 / GROUPS)
        row[:, 1:3] = np.add.reduce(frames, axis=2).T * np.float32(1 / BLOCK_FRAMES)
        row[:, 3:5] = (np.maximum.reduce(frames, axis=2) - np.minimum.reduce(frames, axis=2)).T
        row[:, 5] = np.add.reduce(np.abs(moved - drift), axis=1)  # flux of the shape, not of the level
        row[:, 6:15] = by_region  # peaks over the envelope, flux, and the envelope itself:
        row[:, 12:15] -= row[:, :1]  # its shape
        row[:, 15:18] = np.log(alike[0] + np.float32(1))
        for at, lag in enumerate(LAGS):  # correlation with the spectrum before: do the lines stay?
            norm = np.sqrt(alike[0] * power[len(power) - n - lag : len(power) - lag]) + np.float32(1)
            row[:, 18 + 3 * at : 21 + 3 * at] = alike[1 + at] / norm

        keep = max(LAGS)
        # copies: a part of an array keeps all of it in memory
        self._fine, self._power, self._envelope = fine[-keep:].copy(), power[-keep:], envelope[-1:].copy()
        self._rows = np.concatenate((self._rows[n:], row))

    def measures(self) -> Float32:
        """(MEASURES,): of each column the mean, the mean of the louder blocks, the standard deviation.

        A voice over soft music is in the louder blocks.
        """
        rows = self._rows.copy()
        rows[:, :2] -= np.maximum.reduce(rows[:, :2])
        loud = np.exp(rows[:, 0] * np.float32(0.5))  # amplitude
        mean = np.add.reduce(rows) * np.float32(1 / CONTEXT_BLOCKS)
        mean_loud = loud @ rows / np.add.reduce(loud)
        variance = np.add.reduce(np.square(rows)) * np.float32(1 / CONTEXT_BLOCKS) - np.square(mean)
        return np.concatenate((mean, mean_loud, np.sqrt(np.maximum(variance, np.float32(0)))))


def music_log_odds(measures: Float32) -> float:
    """Log odds of music, of ``Context.measures``: one hidden layer of rectified units."""
    even = np.minimum(np.maximum((measures - MEAN) / SCALE, -OUTLIER), OUTLIER)
    return float(np.maximum(even @ HIDDEN + HIDDEN_BIAS, np.float32(0)) @ OUT) + OUT_BIAS


class MusicCheck:
    """Whether one channel carries music at the moment, asked block by block."""

    def __init__(self, settings: VadSettings, log_odds: Callable[[Float32], float] = music_log_odds) -> None:
        self._settings, self._log_odds = settings, log_odds
        self._context = Context()
        self._blocks: list[Int16] = []  # and their levels and trebles: what waits for the next look
        self._levels_db: list[float] = []
        self._trebles_db: list[float] = []
        self._due = CONTEXT_BLOCKS  # so many of them
        self._quiet = QUIET_BLOCKS  # blocks since a frame passed for a voice
        self._evidence = 0.0
        self.present = False
        self.since = 0
        """How many blocks ago the music began, while ``present``."""

    def block(
        self, samples: Int16, levels_db: Sequence[float], trebles_db: Sequence[float], heard: bool
    ) -> bool:
        """One block with its frames' levels (dBFS), and whether any of them passes for a voice."""
        self._quiet = 0 if heard else self._quiet + 1
        if self._quiet >= QUIET_BLOCKS:
            self.clear()
            return False
        self.since += 1
        self._blocks.append(samples)
        self._levels_db += levels_db
        self._trebles_db += trebles_db
        if len(self._blocks) == self._due:
            self._look()
        return self.present

    def clear(self) -> None:
        """Quiet, or missing audio: whoever comes next is heard without prejudice."""
        if self._blocks or self._due != CONTEXT_BLOCKS:
            self._context, self._due = Context(), CONTEXT_BLOCKS
            self._blocks, self._levels_db, self._trebles_db = [], [], []
            self._quiet, self._evidence, self.present = QUIET_BLOCKS, 0.0, False

    def _look(self) -> None:
        self._context.push(
            np.concatenate(self._blocks).reshape(-1, BLOCK_SAMPLES), self._levels_db, self._trebles_db
        )
        self._blocks, self._levels_db, self._trebles_db = [], [], []
        settings = self._settings
        if self._evidence == 0.0:
            self.since = CONTEXT_BLOCKS
        grown = self._evidence + self._log_odds(self._context.measures()) - settings.music_over
        self._evidence = min(max(0.0, grown), settings.music_evidence)
        self._due = HOP_BLOCKS if self._evidence else LONG_HOP_BLOCKS
        threshold = settings.music_evidence * (MUSIC_ENDS if self.present else 1.0)
        self.present = self._evidence >= threshold
