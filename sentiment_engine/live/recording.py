"""``POST /v1/calls/{call_id}/recording``: whoever keeps a recording names it, for the log."""

from typing import TYPE_CHECKING, Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive.records import now_ms, rfc3339
from sentiment_engine.events import RecordingHashed
from sentiment_engine.live.answering import asked_id, unknown
from sentiment_engine.live.api.bodies import NamedRecording
from sentiment_engine.live.asked import Asked, Unanswered, said
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.kept import Kept
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.recorder import BY

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

MAX_BODY_BYTES = 4096


class RecordingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a recorder sends."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    """Of the recording's file, 64 lower-case hexadecimal digits."""


class Recordings:
    """The route.

    Args:
        kept: answers when there is no archive, and lets one at a time decide.
        hub: takes the event.
    """

    def __init__(self, kept: Kept, hub: Hub) -> None:
        self._kept, self._hub = kept, hub

    def routes(self) -> list[Route]:
        """To be put before that of ``/v1/calls/{call_id}``: ids may hold slashes."""
        path = "/v1/calls/{call_id:path}/recording"
        return [Route(path, self._kept.answering(self._name), methods=["POST"])]

    async def _name(self, request: Request, archive: "Archive") -> Response:
        call_id = asked_id(request, "call_id")
        Asked(request, ())
        named = await _body(request)
        async with self._kept.turn:
            await self._kept.written()
            if await archive.ask(lambda reading: reading.call(call_id)) is None:
                raise unknown("call", call_id)
            named_before = [
                msgspec.json.decode(record.body)
                for record in await archive.ask(lambda reading: reading.recordings(call_id))
            ]
            if not any(one["by"] != BY or one["sha256"] == named.sha256 for one in named_before):
                last = await archive.ask(lambda reading: reading.last_said(call_id))
                self._hub.publish(
                    RecordingHashed(
                        call_id=call_id,
                        at_s=last.at_s,
                        seq=0,
                        sha256=named.sha256,
                        by=request.state.caller.name,
                        named_at=rfc3339(now_ms()),
                    )
                )
                await self._kept.written()
            elif all(one["sha256"] != named.sha256 for one in named_before):
                raise Unanswered(
                    "recording_known", f"call {call_id} has a recording of another SHA-256, which stays"
                )
        return said(NamedRecording(call_id=call_id, sha256=named.sha256))


async def _body(request: Request) -> RecordingBody:
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BODY_BYTES:
            raise Refused(
                "bad_query", f"the body is over {MAX_BODY_BYTES} bytes: send the hash, not the file"
            )
    try:
        return msgspec.json.decode(data, type=RecordingBody)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
        raise Refused(
            "bad_query", f'the body must be {{"sha256": "64 lower-case hexadecimal digits"}}: {reason}'
        ) from reason
