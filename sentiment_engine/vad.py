"""Frames to speech segments.

WebRTC's voice activity detector answers for each 20 ms frame at telephone rate in under 2 µs, but alone it
takes noise and music for speech. ``SpeechGate`` asks in addition that a frame stand above the running noise
floor, takes no block for speech that is a signalling tone (``tones.py``) nor any while the channel carries
music (``music.py``), and smooths with hysteresis: several voiced frames begin a segment, a hangover ends it.
``benchmarks/vad.py`` says what it is worth.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import webrtcvad

from sentiment_engine.frames import BLOCK_FRAMES, FRAME_S, FRAME_SAMPLES, RATE_HZ, Int16
from sentiment_engine.music import MusicCheck
from sentiment_engine.settings import VadSettings
from sentiment_engine.tones import is_tone

FLOOR_BUCKETS = 8
"""Seconds that the noise floor looks back: nobody speaks that long without a breath (Martin 2001 uses
1.5 s of minima; telephone turns are longer than his sentences)."""
FLOOR_START_DB = -30.0
"""During its first second a line is taken to be no noisier than this, so that a voice there is heard."""
TONE_FRAMES = 25
"""A segment half a second old was not begun by a tone; to look further would double the gate's cost."""
FRAME_BYTES = FRAME_SAMPLES * 2


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


ZEROS_DB = -90.0
LOST_FRAMES = 10
"""Digital silence of up to 200 ms is lost packets, and tells nothing of the line's noise: taken for its
floor, it would make the noise itself pass for speech. Longer, it is a line that mutes itself."""


class NoiseFloor:
    """Lowest smoothed level of the last ``FLOOR_BUCKETS`` seconds, dBFS, in buckets of 1 s.

    It starts with the first sounds of the line, not with silence: on a noisy line the noise would pass for
    speech until silence was forgotten.
    """

    def __init__(self) -> None:
        self._minima: deque[float] = deque(maxlen=FLOOR_BUCKETS)
        self._before = FLOOR_START_DB  # lowest of the buckets that are full
        self._now = self._smooth = 0.0  # lowest of this one; dBFS are never above 0
        self._frames = self._zeros = 0
        self.level_db = FLOOR_START_DB

    def step(self, level_db: float) -> None:
        """One frame's level in dBFS."""
        self._zeros = self._zeros + 1 if level_db <= ZEROS_DB else 0
        if 0 < self._zeros <= LOST_FRAMES:
            return
        self._smooth += 0.35 * (level_db - self._smooth)  # 60 ms: a plosive's gap is not the room
        self._now = min(self._now, self._smooth)
        self.level_db = min(self._now, self._before)
        self._frames += 1
        if self._frames * FRAME_S >= 1.0:
            self._minima.append(self._now)
            self._before = min(self._minima)
            self._now, self._frames = self._smooth, 0


class SpeechGate:
    """Frame decisions of one channel to segments, counted in frames since the call began.

    ``start`` is the first frame of the open segment or None; ``speaking`` says whether voice was heard a
    moment ago (within ``ACTIVE_FRAMES``), which is what overlap is judged by: a hangover is not speech.
    """

    ACTIVE_FRAMES = 8

    def __init__(self, settings: VadSettings, model: SpeechModel) -> None:
        self._settings, self._model = settings, model
        checked = settings.music_check and settings.model == "webrtc"  # Silero knows music when it hears it
        self._music = MusicCheck(settings) if checked else None
        self._floor, self._treble_floor = NoiseFloor(), NoiseFloor()
        self._level_db = self._treble_db = FLOOR_START_DB
        self._recent: deque[bool] = deque(maxlen=settings.onset_window)
        self._hangover = round(settings.hangover_s / FRAME_S)
        self._shortest = round(settings.min_segment_s / FRAME_S)
        self._frame = 0
        self._last_voiced = -1
        self.start: int | None = None

    @property
    def noise_db(self) -> float:
        """Noise floor of the channel, dBFS: the least level of the last seconds."""
        return self._floor.level_db

    @property
    def speaking(self) -> bool:
        """Whether someone speaks at this moment."""
        return self.start is not None and self._frame - self._last_voiced <= self.ACTIVE_FRAMES

    def block(
        self, samples: Int16, levels_db: Sequence[float], trebles_db: Sequence[float]
    ) -> Iterator[tuple[bool, tuple[int, int] | None]]:
        """One block of the channel, frame by frame: what ``step`` says of each."""
        data = samples.tobytes()
        # always asked: the model keeps state of its own
        heard = [self._model(data[at : at + FRAME_BYTES]) for at in range(0, len(data), FRAME_BYTES)]
        voice = any(heard)
        young = self.start is None or self._frame - self.start < TONE_FRAMES
        silenced = voice and young and is_tone(samples)
        if self._music and self._music.block(samples, levels_db, trebles_db, voice):
            silenced = True
            began = self._frame + (1 - self._music.since) * BLOCK_FRAMES
            self._last_voiced = min(self._last_voiced, began - 1)  # what was heard since then was music, too
        if silenced:
            heard = [False] * len(heard)
        return map(self.step, heard, levels_db, trebles_db)

    def step(self, heard: bool, level_db: float, treble_db: float) -> tuple[bool, tuple[int, int] | None]:
        """One frame: whether the model hears a voice in it, its level, and that of its treble.

        The treble (differences of neighbouring samples) shows consonants above a rumble, the level vowels
        above a hiss; either will do. Both are evened over two frames.

        Returns:
            Whether the frame is voiced, and the segment (first frame, frame after the last) it closed.
        """
        self._floor.step(level_db)
        self._treble_floor.step(treble_db)
        even_db, even_treble_db = (level_db + self._level_db) / 2, (treble_db + self._treble_db) / 2
        self._level_db, self._treble_db = level_db, treble_db
        settings = self._settings
        over_db = max(even_db - self._floor.level_db, even_treble_db - self._treble_floor.level_db)
        needed_db = settings.over_noise_db + (settings.onset_over_db if self.start is None else 0.0)
        voiced = heard and over_db >= needed_db and even_db >= settings.min_level_db
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
        """Frames without audio: time passes, nothing is learned, and no onset reaches across them."""
        self._frame += frames
        self._recent.clear()
        if self._music:
            self._music.clear()

    def finish(self) -> tuple[int, int] | None:
        """The segment still open when the audio ends, or is missing from here on."""
        return self._close() if self.start is not None else None

    def _close(self) -> tuple[int, int] | None:
        start, end = self.start, self._last_voiced + 1
        self.start = None
        self._recent.clear()
        return (start, end) if start is not None and end - start >= self._shortest else None
