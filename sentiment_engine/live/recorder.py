"""Keeps the audio of live calls: what is heard is cut into parts, and one task puts them on disk."""

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from sentiment_engine.archive import recordings
from sentiment_engine.archive.audio import Format, Joined, new_name
from sentiment_engine.archive.recordings import Recording
from sentiment_engine.archive.records import now_ms, rfc3339
from sentiment_engine.errors import BadRecording, BadSettings
from sentiment_engine.events import RecordingHashed
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.messages import Start
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.pcm import SILENCE, decode
from sentiment_engine.settings import Settings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)

PART_S = 10.0
"""Audio of a call that waits for the disk, and that a killed server loses."""
MOST_WAITING_BYTES = 256 << 20
"""Beyond it a disk that cannot keep up costs audio, never a call."""
BY = "sentiment-engine"
"""Who names the recording in ``recording.hashed``."""


class Part(NamedTuple):
    """A stretch of one recording."""

    recorder: "Recorder"
    at: int
    """Its first sample on the call's media clock."""
    data: bytes


class End(NamedTuple):
    """A recording is over."""

    recorder: "Recorder"
    frames: int


class Recorder:
    """Takes the audio of one call, as it came, on the event loop.

    Args:
        desk: takes the parts.
        start: what the call said it would send.
    """

    def __init__(self, desk: "RecordingDesk", start: Start) -> None:
        self._desk = desk
        self.call_id = start.call_id
        self.encoding = start.encoding
        self.form = Format(start.sample_rate, len(start.channels))
        self.name = new_name()
        self.has_row = False
        self.lost = 0
        """Parts that could not be written."""
        self._width = len(SILENCE[start.encoding]) * self.form.channels
        self._limit = round(PART_S * start.sample_rate) * self._width
        self._waiting = bytearray()
        self._at = 0

    def sound(self, data: bytes) -> None:
        """What the call's monitor hears."""
        self._waiting += data
        if len(self._waiting) >= self._limit:
            self._cut()

    def move_to(self, heard_s: float) -> None:
        """The media clock has moved on without audio. What is left of a sample will never be completed."""
        self._cut()
        self._waiting.clear()
        self._at = round(heard_s * self.form.rate_hz)

    def end(self, heard_s: float) -> None:
        """The call is over; a recording follows."""
        self.move_to(heard_s)
        self._desk.take(End(self, self._at))

    def _cut(self) -> None:
        size = len(self._waiting) // self._width * self._width
        if size:
            self._desk.take(Part(self, self._at, bytes(self._waiting[:size])))
            del self._waiting[:size]
            self._at += size // self._width


class RecordingDesk:
    """Writes what recorders cut, and names each recording in the log when its call is over.

    Args:
        archive: keeps the files and their rows.
        hub: is told the hash.
        metrics: is kept up to date.
        turn: nobody may erase a call while its recording is named.
    """

    def __init__(self, archive: "Archive", hub: Hub, metrics: Metrics, turn: asyncio.Lock) -> None:
        self._archive, self._hub, self._metrics, self._turn = archive, hub, metrics, turn
        self._work: asyncio.Queue[Part | End] = asyncio.Queue()
        self._waiting_bytes = 0

    def open(self, start: Start) -> Recorder:
        """A recorder for the call that ``start`` announces."""
        return Recorder(self, start)

    def take(self, work: Part | End) -> None:
        """Something to be done, after all that came before."""
        if isinstance(work, Part):
            if self._waiting_bytes + len(work.data) > MOST_WAITING_BYTES:
                self._lose(work.recorder, "the disk cannot keep up")
                return
            self._waiting_bytes += len(work.data)
        self._work.put_nowait(work)

    async def run(self) -> None:
        """Finishes what an earlier server has left, then writes what comes, until cancelled."""
        for left in await self._archive.ask(recordings.unfinished):
            log.warning("recording_left_in_parts", call_id=left.call_id)
            await self._finish(left, 0, 0)
        while True:
            work = await self._work.get()
            try:
                if isinstance(work, Part):
                    self._waiting_bytes -= len(work.data)
                    await self._write(work)
                elif work.recorder.has_row:
                    one = work.recorder
                    row = Recording(one.name, one.call_id, one.form, None, None, None)
                    await self._finish(row, work.frames, one.lost)
            finally:
                self._work.task_done()

    async def finished(self) -> None:
        """Returns when all that was taken is on disk and named."""
        await self._work.join()

    async def _write(self, part: Part) -> None:
        recorder = part.recorder
        try:
            if not recorder.has_row:
                await self._hub.flush()  # the start of the call comes before its recording
                recorder.has_row = await self._archive.change(
                    lambda store: store.record(
                        partial(
                            recordings.begin,
                            name=recorder.name,
                            call_id=recorder.call_id,
                            form=recorder.form,
                        )
                    )
                )
            if recorder.has_row:
                await asyncio.to_thread(self._put, part)
        except (OSError, SQLAlchemyError) as reason:
            self._lose(recorder, str(reason)[:300])

    def _put(self, part: Part) -> None:
        recorder = part.recorder
        samples = decode(recorder.encoding, part.data, recorder.form.channels)
        began = time.perf_counter()
        self._archive.audio.put(recorder.name, part.at, samples, recorder.form.rate_hz)
        self._metrics.audio_part_seconds.observe(time.perf_counter() - began)

    def _lose(self, recorder: Recorder, reason: str) -> None:
        recorder.lost += 1
        self._metrics.audio_parts_lost.inc()
        log.error("audio_not_kept", call_id=recorder.call_id, reason=reason)

    async def _finish(self, row: Recording, frames: int, lost: int) -> None:
        try:
            joined = await asyncio.to_thread(self._archive.audio.finish, row.name, row.form, frames)
            if joined is not None:
                await self._name(row, joined)
            await self._archive.change(
                lambda store: store.record(partial(recordings.end, name=row.name, joined=joined, lost=lost))
            )
        except (OSError, BadRecording, SQLAlchemyError) as reason:
            # It stays in parts, and the next server tries again.
            log.error("recording_not_finished", call_id=row.call_id, reason=str(reason)[:300])  # noqa: TRY400

    async def _name(self, row: Recording, joined: Joined) -> None:
        async with self._turn:
            await self._hub.flush()
            kept = await self._archive.ask(lambda reading: recordings.of_call(reading, row.call_id))
            if kept is None or kept.name != row.name:
                return  # erased, or another call has its id now
            named = await self._archive.ask(lambda reading: reading.recordings(row.call_id))
            if any(msgspec.json.decode(one.body)["sha256"] == joined.sha256 for one in named):
                return  # named already, by a server that was killed after that
            last = await self._archive.ask(lambda reading: reading.last_said(row.call_id))
            self._hub.publish(
                RecordingHashed(
                    call_id=row.call_id,
                    at_s=last.at_s,
                    seq=0,
                    sha256=joined.sha256,
                    by=BY,
                    named_at=rfc3339(now_ms()),
                )
            )
            await self._hub.flush()


def open_desk(
    settings: Settings, archive: "Archive | None", hub: Hub, metrics: Metrics, turn: asyncio.Lock
) -> RecordingDesk:
    """The desk of a server that keeps audio.

    Raises:
        BadSettings: there is no archive, or it was opened without the key.
    """
    if archive is None or not archive.has_audio_key:
        raise BadSettings("keep_audio needs an archive that was opened with audio.key: give serve --data DIR")
    return RecordingDesk(archive, hub, metrics, turn)
