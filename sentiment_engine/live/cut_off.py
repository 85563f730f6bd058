"""Calls that a server was killed in: the next one tells everybody that they are over."""

from functools import partial
from typing import TYPE_CHECKING

import structlog

from sentiment_engine.archive.owning import owners_at
from sentiment_engine.live.call import bare_end
from sentiment_engine.live.hub import Hub

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)


async def end_cut_off(archive: "Archive", hub: Hub) -> None:
    """Publishes ``call.ended`` with ``reason=error`` for every call that has begun and not ended."""
    for last in await archive.ask(lambda reading: reading.cut_off()):
        log.warning("call_cut_off", call_id=last.call_id, at_s=last.at_s)
        ended = bare_end(last.call_id, last.seq, last.at_s, "error", last.at_s)
        hub.publish(
            ended, owners=await archive.ask(partial(owners_at, call_id=last.call_id, cursor=last.cursor))
        )
