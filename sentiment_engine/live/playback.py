"""Kept audio over HTTP: the recording of a call, and what its waveform is drawn from."""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive import recordings
from sentiment_engine.archive.audio import Joined, decoded, peaks
from sentiment_engine.archive.recordings import Recording
from sentiment_engine.errors import BadRecording
from sentiment_engine.live.answering import answering, asked_id, unknown
from sentiment_engine.live.api.bodies import Peaks
from sentiment_engine.live.asked import Asked, Unanswered, said

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)

PER_SECOND = 20
"""Pairs of peaks: a call of an hour is 72,000 of a channel, and no screen shows more."""


class Playback:
    """The routes.

    Args:
        archive: what is kept; without it every answer is 404 ``no_archive``.
    """

    def __init__(self, archive: "Archive | None") -> None:
        self._archive = archive
        self._one_at_a_time = asyncio.Lock()
        """A long recording takes some memory while it is decrypted."""

    def routes(self) -> list[Route]:
        """To be put before that of ``/v1/calls/{call_id}``: ids may hold slashes."""
        path = "/v1/calls/{call_id:path}/recording"
        return [
            Route(path + "/peaks", answering(self._archive, self._peaks)),
            Route(path, answering(self._archive, self._flac)),
        ]

    async def _flac(self, request: Request, archive: "Archive") -> Response:
        call_id = asked_id(request, "call_id")
        Asked(request, ())
        async with self._one_at_a_time:
            _, joined = await self._read(archive, call_id)
        log.info("recording_read", call_id=call_id, caller=request.state.caller.name)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="recording.flac"',
        }
        return Response(joined.flac, headers=headers, media_type="audio/flac")

    async def _peaks(self, request: Request, archive: "Archive") -> Response:
        call_id = asked_id(request, "call_id")
        Asked(request, ())
        started = (await self._call(archive, call_id)).started
        async with self._one_at_a_time:
            row, joined = await self._read(archive, call_id)
            drawn = await asyncio.to_thread(lambda: peaks(decoded(joined.flac), row.form.rate_hz, PER_SECOND))
        return said(
            Peaks(
                channels=msgspec.json.decode(started)["channels"],
                sample_rate=row.form.rate_hz,
                duration_s=round(joined.frames / row.form.rate_hz, 3),
                per_second=PER_SECOND,
                peaks=drawn,
            )
        )

    async def _read(self, archive: "Archive", call_id: str) -> tuple[Recording, Joined]:
        row = await archive.ask(lambda reading: recordings.of_call(reading, call_id))
        if row is None:
            await self._call(archive, call_id)
            raise Unanswered("no_recording", f"no audio of call {call_id[:200]!a} is kept: see keep_audio")
        try:
            return row, await asyncio.to_thread(archive.audio.read, row.name, row.form)
        except BadRecording as reason:
            log.error("recording_unreadable", call_id=call_id, reason=str(reason))  # noqa: TRY400 - as elsewhere
            raise Unanswered(
                "recording_unreadable", f"the recording of call {call_id[:200]!a} {reason}"
            ) from reason

    async def _call(self, archive: "Archive", call_id: str) -> Any:
        row = await archive.ask(lambda reading: reading.call(call_id))
        if row is None:
            raise unknown("call", call_id)
        return row
