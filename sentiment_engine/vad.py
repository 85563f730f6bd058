"""Frames to speech segments.

WebRTC's voice activity detector answers for each 20 ms frame at telephone rate in under 2 µs, but alone it
takes noise and music for speech. ``SpeechGate`` asks in addition that a frame stand above the running noise
floor, takes no block for speech that is a signalling tone (``tones.py``) nor any while the channel carries
music (``music.py``), and smooths with hysteresis: several voiced frames begin a segment, a hangover ends it.
``benchmarks/vad.py`` says what it is worth.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import webrtcvad

from sentiment_engine.frames import BLOCK_FRAMES, FRAME_S, FRAME_SAMPLES, RATE_HZ, Int16
from sentiment_engine.music import MusicCheck
from sentiment_engine.settings_hearing import VadSettings
from sentiment_engine.tones import is_tone

FLOOR_BUCKETS = 8
"""Seconds that the noise floor looks back: nobody speaks that long without a breath (Martin 2001 uses
1.5 s of minima; telephone turns are longer than his sentences)."""
FLOOR_START_DB = -30.0
"""During its first second a line is taken to be no noisier than this, so that a voice there is heard."""
TONE_FRAMES = 25
"""A segment half a second old was not begun by a tone; to look further would double the gate's cost."""
FRAME_BYTES = FRAME_SAMPLES * 2
UNHEARD = -math.inf
"""Over the noise, of a frame without a voice."""
Decisions = tuple[list[bool], list[bool], list[tuple[int, int]]]
"""Of each frame whether it is voiced and whether the party speaks; then the segments (first frame, frame
after the last) that ended."""


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


BUCKET_FRAMES = round(1.0 / FRAME_S)
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

    def follow(self, levels_db: Sequence[float]) -> list[float]:
        """The floor after each of the next frames, of which these are the levels; both dBFS."""
        floors: list[float] = []
        smooth, now, before, floor_db = self._smooth, self._now, self._before, self.level_db
        for level_db in levels_db:
            self._zeros = self._zeros + 1 if level_db <= ZEROS_DB else 0
            if not 0 < self._zeros <= LOST_FRAMES:
                smooth += 0.35 * (level_db - smooth)  # 60 ms: a plosive's gap is not the room
                now = smooth if smooth < now else now  # min() would take half of the time
                floor_db = now if now < before else before
                self._frames += 1
                if self._frames == BUCKET_FRAMES:
                    self._minima.append(now)
                    before = min(self._minima)
                    now, self._frames = smooth, 0
            floors.append(floor_db)
        self._smooth, self._now, self._before, self.level_db = smooth, now, before, floor_db
        return floors


class SpeechGate:
    """Frame decisions of one channel to segments, counted in frames since the call began.

    ``start`` is the first frame of the open segment or None. A party *speaks* while voice was heard a moment
    ago (within ``ACTIVE_FRAMES``), which is what overlap is judged by: a hangover is not speech.
    """

    ACTIVE_FRAMES = 8

    def __init__(self, settings: VadSettings, model: SpeechModel) -> None:
        self._settings, self._model = settings, model
        checked = settings.music_check and settings.model == "webrtc"  # Silero knows music when it hears it
        self._music = MusicCheck(settings) if checked else None
        self._floor, self._treble_floor = NoiseFloor(), NoiseFloor()
        self._level_db = self._treble_db = FLOOR_START_DB
        self._recent = 0  # of the last frames, a bit each, the last one lowest: which were voiced
        self._window = (1 << settings.onset_window) - 1
        self._hangover = round(settings.hangover_s / FRAME_S)
        self._shortest = round(settings.min_segment_s / FRAME_S)
        self._frame = 0
        self._last_voiced = -1
        self.start: int | None = None

    @property
    def noise_db(self) -> float:
        """Noise floor of the channel, dBFS: the least level of the last seconds."""
        return self._floor.level_db

    def block(self, samples: Int16, levels_db: Sequence[float], trebles_db: Sequence[float]) -> Decisions:
        """One block of the channel, with each frame's level and that of its treble, dBFS."""
        data = samples.tobytes()
        # always asked: the model keeps state of its own
        heard = [self._model(data[at : at + FRAME_BYTES]) for at in range(0, len(data), FRAME_BYTES)]
        over_db = self.over(heard, levels_db, trebles_db)
        young = self.start is None or self._frame - self.start < TONE_FRAMES
        # a block too soft for a voice is not asked whether it is a tone
        silenced = young and max(over_db) >= self._needed_db() and is_tone(samples)
        if self._music and self._music.block(samples, levels_db, trebles_db, True in heard):
            silenced = True
            began = self._frame + (1 - self._music.since) * BLOCK_FRAMES
            self._last_voiced = min(self._last_voiced, began - 1)  # what was heard since then was music, too
        return self.decide([UNHEARD] * len(over_db) if silenced else over_db)

    def over(
        self, heard: Sequence[bool], levels_db: Sequence[float], trebles_db: Sequence[float]
    ) -> list[float]:
        """How far each of the next frames stands above the noise, dB; ``UNHEARD`` where there is no voice.

        The treble (differences of neighbouring samples) shows consonants above a rumble, the level vowels
        above a hiss; either will do. Both are evened over two frames.

        Args:
            heard: Whether the model hears a voice in it.
            levels_db: Its level, dBFS.
            trebles_db: Level of its treble.
        """
        floors_db, treble_floors_db = self._floor.follow(levels_db), self._treble_floor.follow(trebles_db)
        before_db, before_treble_db = self._level_db, self._treble_db
        self._level_db, self._treble_db = levels_db[-1], trebles_db[-1]
        over_db = [UNHEARD] * len(heard)
        for at, voice in enumerate(heard):
            level_db, treble_db = levels_db[at], trebles_db[at]
            if voice and (even_db := (level_db + before_db) / 2) >= self._settings.min_level_db:
                even_treble_db = (treble_db + before_treble_db) / 2
                over_db[at] = max(even_db - floors_db[at], even_treble_db - treble_floors_db[at])
            before_db, before_treble_db = level_db, treble_db
        return over_db

    def decide(self, over_db: Sequence[float]) -> Decisions:
        """What is voice among the next frames, given what ``over`` says of them."""
        voiced: list[bool] = []
        speaking: list[bool] = []
        closed: list[tuple[int, int]] = []
        needed_db = self._needed_db()
        for over in over_db:
            voice = over >= needed_db
            self._recent = (self._recent << 1 | voice) & self._window
            if voice:
                self._last_voiced = self._frame
            if self.start is None:
                if voice and self._recent.bit_count() >= self._settings.onset_frames:
                    self.start = self._frame + 1 - self._recent.bit_length()
                    needed_db = self._needed_db()
            elif self._frame - self._last_voiced >= self._hangover:
                if segment := self._close():
                    closed.append(segment)
                needed_db = self._needed_db()
            self._frame += 1
            voiced.append(voice)
            speaking.append(self.start is not None and self._frame - self._last_voiced <= self.ACTIVE_FRAMES)
        return voiced, speaking, closed

    def skip(self, frames: int) -> None:
        """Frames without audio: time passes, nothing is learned, and no onset reaches across them."""
        self._frame += frames
        self._recent = 0
        if self._music:
            self._music.clear()

    def finish(self) -> tuple[int, int] | None:
        """The segment still open when the audio ends, or is missing from here on."""
        return self._close() if self.start is not None else None

    def _needed_db(self) -> float:
        """How far a frame must stand above the noise: further to begin a segment than to go on."""
        settings = self._settings
        return settings.over_noise_db + (settings.onset_over_db if self.start is None else 0.0)

    def _close(self) -> tuple[int, int] | None:
        start, end = self.start, self._last_voiced + 1
        self.start, self._recent = None, 0
        return (start, end) if start is not None and end - start >= self._shortest else None
