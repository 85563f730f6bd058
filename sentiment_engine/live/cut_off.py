"""Calls that a server was killed in: the next one tells everybody that they are over."""

from typing import TYPE_CHECKING

import structlog

from sentiment_engine.archive.records import Record
from sentiment_engine.events import CallEnded, CallSummary
from sentiment_engine.live.hub import Hub

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)


async def end_cut_off(archive: "Archive", hub: Hub) -> None:
    """Publishes ``call.ended`` with ``reason=error`` for every call that has begun and not ended."""
    for last in await archive.ask(lambda reading: reading.cut_off()):
        log.warning("call_cut_off", call_id=last.call_id, at_s=last.at_s)
        hub.publish(_end(last))


def _end(last: Record) -> CallEnded:
    nothing = CallSummary(
        peak=0.0,
        mean=0.0,
        seconds_above=0.0,
        alerts=0,
        talk_share={},
        overlap_ratio=0.0,
        interruptions=0,
        longest_silence_s=0.0,
    )
    return CallEnded(
        call_id=last.call_id,
        at_s=last.at_s,
        seq=last.seq + 1,
        reason="error",
        duration_s=last.at_s,
        summary=nothing,
    )
