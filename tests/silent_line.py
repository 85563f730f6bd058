"""A platform's connection without a socket: what ``vendor.py`` does with a dialect, and what always holds."""

from typing import Any

from sentiment_engine.errors import BadAudio
from sentiment_engine.live.arrival import LONGEST_HOLE_S
from sentiment_engine.live.clocks import JUMP_S, Connection, clock
from sentiment_engine.live.dialects.shape import (
    Alive,
    Answer,
    Audio,
    Ended,
    Hello,
    LanguageChange,
    Opened,
    Silence,
)
from sentiment_engine.live.media import Absent, Gap, Present, Sound, Tracks
from sentiment_engine.live.messages import Refused, StageChange, Transcript
from sentiment_engine.monitor import CallMonitor
from sentiment_engine.pcm import SILENCE
from sentiment_engine.settings import Settings

HEARD = Opened | Audio | Silence | Answer | Alive | Ended | StageChange | LanguageChange | Transcript


class Nobody:
    """A model that is never asked."""

    labels = ("neutral", "happy", "sad", "angry", "fearful")
    sample_rate_hz = 8000


class SilentLine:
    """One connection. Each frame arrives ``wait_s`` after the one before."""

    def __init__(self, dialect: type[Any], query: dict[str, str] | None = None) -> None:
        self.dialect = dialect(Hello(query or {}, {}))
        self.over = False
        self.opened: Opened | None = None
        self.samples = 0
        """Samples of each party that came out, gaps included."""
        self._now_s, self._sent = 1000.0, 0
        self._early: list[Audio] = []

    def text(self, text: str, wait_s: float) -> None:
        self._frame(self.dialect.text, text, len(text), wait_s)

    def binary(self, data: bytes, wait_s: float) -> None:
        self._frame(self.dialect.binary, data, len(data), wait_s)

    def end(self) -> None:
        """The socket is gone."""
        if self.opened is None and not self.over:
            self._take(self._guarded(self.dialect.unannounced))
        for said in (*self.dialect.parting(), *self.dialect.no(Refused("bad_message", "x"))):
            assert isinstance(said, str)
        if self.opened is not None:
            self._flush()
            self._out(self._tracks.finish())
            assert self.samples == max(self._tracks.end(track) for track in range(len(self.opened.tracks)))

    def _frame(self, hear: Any, frame: Any, size: int, wait_s: float) -> None:
        if self.over:
            return
        self._now_s += wait_s
        self._sent += size
        for heard in self._guarded(hear, frame) or ():
            assert isinstance(heard, HEARD)
            self._take(heard)

    def _guarded(self, ask: Any, *arguments: Any) -> Any:
        try:
            return ask(*arguments)
        except Refused:
            self.over = True
            return None

    def _take(self, heard: Any) -> None:
        match heard:
            case Opened() if self.opened is None:
                self._open(heard)
            case Audio() if self.opened is None:
                self._early.append(heard)
            case Audio():
                self._sound(heard)
            case Silence(seconds=seconds):
                assert 0 <= seconds < 1e7
                if self.opened is not None:
                    self._flush()
                    self._tracks.skip(min(seconds, 60.0), heard.reason)
                    self._out(self._tracks.take())
            case Answer(text=text):
                text.encode()
            case Ended():
                self.over = True

    def _open(self, opened: Opened) -> None:
        start = opened.start
        try:
            CallMonitor(
                Settings(),
                Nobody(),
                call_id=start.call_id,
                encoding=start.encoding,
                sample_rate_hz=start.sample_rate,
                channels=start.channels,
                language=start.language,
                stage=start.stage,
                context=start.context,
            )
        except BadAudio:
            self.over = True
            return
        if opened.welcome is not None:
            opened.welcome().encode()
        assert [party for track in opened.tracks for party in track] == list(start.channels)
        self.opened = opened
        self._width = len(SILENCE[start.encoding]) * len(start.channels)
        self._tracks = Tracks(start.encoding, start.sample_rate, opened.tracks)
        mine = range(len(opened.tracks)) if opened.leg is None else [opened.leg]
        shared = Connection()
        self._connection = shared
        self._clocks = {track: clock(opened.clock, self._tracks, track, shared) for track in mine}
        for audio in self._early:
            self._sound(audio)

    def _sound(self, audio: Audio) -> None:
        known = self._clocks.get(audio.track)
        if known is None or (
            audio.sequence is not None and not self._connection.sequences.add(audio.sequence)
        ):
            return
        for piece in known.put(audio.data, self._now_s, audio.stamp_s, audio.sequence):
            self._tracks.place(audio.track, *piece)
        self._out(self._tracks.take())

    def _flush(self) -> None:
        for track, known in self._clocks.items():
            for piece in known.flush():
                self._tracks.place(track, *piece)

    def _out(self, outputs: Any) -> None:
        rate_hz = self._tracks.sample_rate_hz
        for output in outputs:
            match output:
                case Sound(data=data):
                    assert data
                    assert len(data) % self._width == 0
                    assert len(data) <= self._width * rate_hz
                    self.samples += len(data) // self._width
                case Gap(seconds=seconds):
                    assert 0 < seconds <= max(JUMP_S, LONGEST_HOLE_S) + self._now_s - 1000.0 + 1
                    self.samples += round(seconds * rate_hz)
                case Absent() | Present():
                    assert output.party in self.opened.start.channels
