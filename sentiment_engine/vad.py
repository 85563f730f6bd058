"""Frames to speech segments.

WebRTC's voice activity detector answers for each 20 ms frame at telephone rate in under 2 µs, but alone it
flickers and takes hiss for speech. ``SpeechGate`` asks in addition that a frame stand above the running
noise floor, and smooths with hysteresis: several voiced frames begin a segment, a hangover ends it.
"""

from collections import deque
from typing import Protocol

import webrtcvad

from sentiment_engine.frames import FRAME_S, RATE_HZ
from sentiment_engine.settings import VadSettings

FLOOR_BUCKETS = 8
"""Seconds that the noise floor looks back: nobody speaks that long without a breath (Martin 2001 uses
1.5 s of minima; telephone turns are longer than his sentences)."""
FLOOR_START_DB = -70.0


class SpeechModel(Protocol):
    """Says of one frame whether it holds voice; may keep state of one channel."""

    def __call__(self, frame: bytes) -> bool:
        """One 20 ms frame, 160 samples s16le at 8 kHz."""


class WebRtcFrames:
    """WebRTC's GMM detector (``webrtcvad``), one instance a channel."""

    def __init__(self, aggressiveness: int) -> None:
        self._vad = webrtcvad.Vad(aggressiveness)

    def __call__(self, frame: bytes) -> bool:
        """Whether the frame is voiced."""
        return bool(self._vad.is_speech(frame, RATE_HZ))


class NoiseFloor:
    """Lowest smoothed level of the last ``FLOOR_BUCKETS`` seconds, dBFS, in buckets of 1 s."""

    def __init__(self) -> None:
        self._minima = deque([FLOOR_START_DB] * FLOOR_BUCKETS, maxlen=FLOOR_BUCKETS)
        self._now = 0.0
        self._smooth = FLOOR_START_DB
        self._frames = 0
        self.level_db = FLOOR_START_DB

    def step(self, level_db: float) -> None:
        """One frame's level in dBFS."""
        self._smooth += 0.2 * (level_db - self._smooth)  # 100 ms: a plosive's gap is not the room
        self._now = min(self._now, self._smooth)
        self._frames += 1
        if self._frames * FRAME_S >= 1.0:
            self._minima.append(self._now)
            self._now, self._frames = self._smooth, 0
            self.level_db = min(self._minima)


class SpeechGate:
    """Frame decisions of one channel to segments, counted in frames since the call began.

    ``start`` is the first frame of the open segment or None; ``speaking`` says whether voice was heard a
    moment ago (within ``ACTIVE_FRAMES``), which is what overlap is judged by: a hangover is not speech.
    """

    ACTIVE_FRAMES = 8

    def __init__(self, settings: VadSettings, model: SpeechModel) -> None:
        self._settings, self._model = settings, model
        self._floor = NoiseFloor()
        self._recent: deque[bool] = deque(maxlen=settings.onset_window)
        self._hangover = round(settings.hangover_s / FRAME_S)
        self._shortest = round(settings.min_segment_s / FRAME_S)
        self._frame = 0
        self._last_voiced = -1
        self.start: int | None = None

    @property
    def speaking(self) -> bool:
        """Whether someone speaks at this moment."""
        return self.start is not None and self._frame - self._last_voiced <= self.ACTIVE_FRAMES

    def step(self, frame: bytes, level_db: float) -> tuple[bool, tuple[int, int] | None]:
        """One frame (s16le) and its level.

        Returns:
            Whether the frame is voiced, and the segment (first frame, frame after the last) it closed.
        """
        self._floor.step(level_db)
        heard = self._model(frame)  # always asked: it keeps state of its own
        settings = self._settings
        least_db = max(settings.min_level_db, self._floor.level_db + settings.over_noise_db)
        voiced = heard and level_db >= least_db
        self._recent.append(voiced)
        closed = None
        if voiced:
            self._last_voiced = self._frame
        if self.start is None:
            if sum(self._recent) >= settings.onset_frames:
                self.start = self._frame - len(self._recent) + 1 + self._recent.index(True)
        elif self._frame - self._last_voiced >= self._hangover:
            closed = self._close()
        self._frame += 1
        return voiced, closed

    def skip(self, frames: int) -> None:
        """Frames without audio: time passes, nothing is learned."""
        self._frame += frames

    def finish(self) -> tuple[int, int] | None:
        """The segment still open when the audio ends, or is missing from here on."""
        return self._close() if self.start is not None else None

    def _close(self) -> tuple[int, int] | None:
        start, end = self.start, self._last_voiced + 1
        self.start = None
        self._recent.clear()
        return (start, end) if start is not None and end - start >= self._shortest else None
