"""One party's share of ``quality.py``: what its channel has carried lately, and what that is worth."""

import math
from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np

from sentiment_engine.events import QualityReason
from sentiment_engine.frames import BLOCK_FRAMES, FRAME_S, FRAME_SAMPLES, Float32, Int16, UInt8
from sentiment_engine.same_voice import RING_FRAMES
from sentiment_engine.settings_tension import QualitySettings

HINT = 0.5
"""Factor of a reason that is no more than a hint; the limit of judging must lie below."""
REASON_BELOW, REASON_OVER = 0.7, 0.8
"""A factor under the first names its reason, one over the second takes it back."""
LEAST_SPOKEN = 250
"""Frames, 5 s, that a share of lost ones is taken of at least."""
CLIPPING_S, LOSS_S, LITTLE_S = 30, 30, 60
LEAST_VOICED, LEAST_QUIET = 50, 25
"""Frames in the last 10 s, 1 s and 0.5 s, that a level can be told from."""
UNHEARD_DB = -24.0
"""A voice that was not found in 10 s is taken to be this loud, dBFS, a little over the nominal level of
telephone speech (-26, ITU-T P.56): in noise as strong the gate would not have found it."""
SILENT_POWER = 1e-10
OVER_NOISE_DB = 4.5
"""A second of speech must stand so far above the noise to count: zeros in a line's noise make the gate hear
voices in what is left of it."""
QUIET_SHARE = 0.3
"""The noise is the level that so many of the frames without speech stay below: a third of them may be lost
packets, and two thirds ringing, before it misleads."""
ZERO_RUN = 8
"""Samples, 1 ms: a voice is not exactly zero for so long, a lost packet is."""
RUN_BYTES = bytes(ZERO_RUN * 2)
NO_RUNS = [0] * BLOCK_FRAMES
LOST_FRAMES_MOST = 10
"""Zeros inside speech that last longer than 200 ms are a pause on a line that mutes itself."""
LOUD_WITHIN_DB = 25.0
"""A voice that fades out before the zeros begin was muted, not lost."""


def linear(value: float, worst: float, fine: float) -> float:
    """0 at ``worst`` and beyond, 1 at ``fine`` and beyond, linear between; either may be the larger."""
    return min(1.0, max(0.0, (value - worst) / (fine - worst)))


def zero_runs(samples: Int16) -> list[int]:
    """How many runs of ``ZERO_RUN`` zeros each frame of a block, shape (BLOCK_SAMPLES,), holds."""
    if RUN_BYTES not in samples.tobytes():  # a fifth of the price, and most blocks hold none
        return NO_RUNS
    runs = samples.reshape(BLOCK_FRAMES, -1, ZERO_RUN).any(axis=2)
    zeros: list[int] = (runs.shape[1] - np.count_nonzero(runs, axis=1)).tolist()
    return zeros


class _Second(msgspec.Struct, gc=False):
    """What a channel carried in a second of audio."""

    frames: int = 0
    spoken: int = 0
    voiced: int = 0
    full_scale: int = 0
    lost: float = 0.0
    """Frames replaced by zeros inside speech."""


class Channel:
    """One party's figures."""

    def __init__(self, settings: QualitySettings) -> None:
        self._settings = settings
        self.factors: dict[QualityReason, float] = {}
        self.reasons: tuple[QualityReason, ...] = ()
        self._second = _Second()
        self._seconds: deque[_Second] = deque(maxlen=LITTLE_S)
        self._speech_db: float | None = None
        self._noise_db: float | None = None
        self._loud_db = UNHEARD_DB - LOUD_WITHIN_DB
        self._zeros = 0.0  # frames of zeros since the last voiced frame
        self._since_voiced = LOST_FRAMES_MOST
        self._loud = False  # whether the frame before was within ``LOUD_WITHIN_DB`` of the voice

    def block(
        self, levels_db: Sequence[float], voiced: Sequence[bool], speaking: Sequence[bool], full: int
    ) -> None:
        """One block, frame by frame, with its samples at full scale."""
        second = self._second
        second.frames += BLOCK_FRAMES
        second.spoken += speaking.count(True)
        second.voiced += voiced.count(True)
        second.full_scale += full
        self._loud = levels_db[-1] >= self._loud_db
        if True not in speaking:
            self._zeros = 0.0

    def zeros(self, levels_db: Sequence[float], voiced: Sequence[bool], zeros: Sequence[int]) -> None:
        """Runs of zeros of each frame of a block in which the party speaks; call it before ``block``."""
        for level_db, is_voiced, runs in zip(levels_db, voiced, zeros, strict=True):
            if runs and (self._zeros or self._loud):
                self._zeros += runs * ZERO_RUN / FRAME_SAMPLES
            self._since_voiced += 1
            if is_voiced or self._since_voiced > LOST_FRAMES_MOST:
                if is_voiced:
                    self._second.lost += self._zeros
                    self._since_voiced = 0
                self._zeros = 0.0
            self._loud = level_db >= self._loud_db

    def second(self, levels_db: Float32, states: UInt8, gap_share: float) -> None:
        """The factors once a second has passed.

        Args:
            levels_db: Of the last frames, (frames,) dBFS, in any order.
            states: Of the same frames: 2 voiced inside a segment, 0 neither, 1 one of both.
            gap_share: Of the last 30 s, 0..1.
        """
        s = self._settings
        if self._second.frames:
            self._seconds.append(self._second)
            self._second = _Second()
        last = list(self._seconds)[-CLIPPING_S:]
        voiced = sum(second.voiced for second in last)
        clipped = sum(second.full_scale for second in last) / (max(voiced, LEAST_VOICED) * FRAME_SAMPLES)
        spoken = sum(second.spoken for second in last)
        lost = min(1.0, sum(second.lost for second in last) / max(spoken, LEAST_SPOKEN))
        loss = 1.0 - (1.0 - lost) * (1.0 - gap_share)
        self.factors["noise"] = linear(self._snr_db(levels_db, states), s.noise_worst_db, s.noise_fine_db)
        self.factors["clipping"] = linear(clipped, s.clipping_worst, s.clipping_fine)
        self.factors["loss"] = linear(loss, s.loss_worst, s.loss_fine)
        self.factors["little_speech"] = self._enough()

    def judge(self) -> float:
        """The worst factor; brings ``reasons`` up to date."""
        self.reasons = tuple(
            reason
            for reason, factor in self.factors.items()
            if factor < (REASON_OVER if reason in self.reasons else REASON_BELOW)
        )
        return round(min(self.factors.values()), 2)

    def _snr_db(self, levels_db: Float32, states: UInt8) -> float:
        """Speech over noise, dB; infinite while nothing is known."""
        speech, quiet = levels_db[states > 0], levels_db[states == 0]
        if len(quiet) >= LEAST_QUIET:
            at = int(QUIET_SHARE * len(quiet))
            quiet.partition(at)
            self._noise_db = float(quiet[at])
        if self._noise_db is None:
            return math.inf
        if np.count_nonzero(speech > self._noise_db + OVER_NOISE_DB) >= LEAST_VOICED:
            speech = speech[speech > self._noise_db]
            powers = np.power(10.0, speech / 10.0)
            power = float(np.add.reduce(powers) / len(powers)) - 10.0 ** (self._noise_db / 10.0)
            self._speech_db = 10.0 * math.log10(max(power, SILENT_POWER))
            self._loud_db = self._speech_db - LOUD_WITHIN_DB
        if self._speech_db is not None:
            return self._speech_db - self._noise_db
        return UNHEARD_DB - self._noise_db if len(levels_db) == RING_FRAMES else math.inf

    def _enough(self) -> float:
        if len(self._seconds) < LITTLE_S:
            return 1.0
        spoken_s = sum(second.spoken for second in self._seconds) * FRAME_S
        needed_s = self._settings.little_speech_s * (1.5 if "little_speech" in self.reasons else 1.0)
        return 1.0 if spoken_s >= needed_s else HINT
