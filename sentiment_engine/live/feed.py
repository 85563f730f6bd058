"""``/v1/feed``: every event of every call for a supervisor's screen, as CloudEvents.

The socket carries nothing but CloudEvents, so a refusal is a close code whose reason says what is wrong:
1007 for a query that cannot be read, 1008 for a cursor whose events are no longer kept, 1013 for too many or
too slow readers. What a reader sends is ignored.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import get_args

import structlog
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket

from sentiment_engine.events import AnyEvent
from sentiment_engine.live.hub import Choice, Hub
from sentiment_engine.live.mailbox import Mailbox
from sentiment_engine.live.messages import CLOSE_CODES, Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.live.sending import GONE, close, send_waiting
from sentiment_engine.settings import LiveSettings

log = structlog.get_logger(__name__)

SUBPROTOCOL = "cloudevents.json"
PREFIX = "sentiment-engine."
EVENT_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(AnyEvent))


def chosen(query: QueryParams) -> tuple[Choice, int | None]:
    """The filter and the cursor that a query asks for.

    ``types=alert.*,call.ended`` and ``calls=c-1,c-2``: event types, with or without our prefix, ``*`` at the
    end for all that begin so; call ids. ``since=`` a cursor: digits, as in ``sequence``.

    Raises:
        Refused: ``bad_query``, naming what cannot be read.
    """
    types = _types(query["types"]) if "types" in query else EVENT_TYPES
    calls = frozenset(query["calls"].split(",")) if "calls" in query else None

    wanted = Choice(types, calls)
    since = query.get("since")
    if since is None:
        return wanted, None
    if not (since.isascii() and since.isdigit() and len(since) <= 20):
        raise Refused("bad_query", f"since={since[:24]!a} is no cursor: use the digits of a sequence, or 0")
    return wanted, int(since)


def _types(text: str) -> frozenset[str]:
    names: set[str] = set()
    for asked in text.split(","):
        name = asked.strip().removeprefix(PREFIX)
        if name.endswith("*"):
            found = {known for known in EVENT_TYPES if known.startswith(name[:-1])}
        else:
            found = {name} & EVENT_TYPES
        if not found:
            raise Refused(
                "bad_query", f"types={name[:24]!a} is unknown: try alert.*, call.*, tension.updated"
            )
        names |= found
    return frozenset(names)


class FeedSession:
    """One reader."""

    def __init__(self, websocket: WebSocket, hub: Hub, settings: LiveSettings, metrics: Metrics) -> None:
        self._socket, self._hub, self._settings, self._metrics = websocket, hub, settings, metrics

    def abort(self) -> None:
        """Cuts the connection."""
        self._socket.state.abort()

    # -- what another kind of reader does otherwise

    def wanted(self, query: QueryParams) -> tuple[Choice, int | None]:
        """The filter and the cursor that a query asks for; raises Refused ``bad_query``."""
        return chosen(query)

    def mailbox(self) -> Mailbox:
        """What takes new events for this reader."""
        return Mailbox(self._settings.reader_events, self._metrics.ticks_dropped.inc)

    def shown(self, text: str) -> str:
        """An event from before, a CloudEvent in JSON, as this reader is given it."""
        return text

    # -- serving

    async def run(self) -> None:
        """Serves the reader until it leaves, is too slow, or the server closes."""
        offered = self._socket.scope["subprotocols"]
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        mailbox = self.mailbox()
        try:
            if self._hub.readers >= self._settings.max_readers:
                raise Refused(
                    "overloaded", f"{self._settings.max_readers} readers, the limit: try again later"
                )
            wanted, since = self.wanted(self._socket.query_params)
            replay = self._hub.replay(mailbox, wanted, since)
        except Refused as refused:
            await self._say_no(refused)
            return
        tasks = {
            asyncio.create_task(self._ignore()),
            asyncio.create_task(self._write(mailbox, replay)),
            asyncio.create_task(mailbox.overflowed.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.unsubscribe(mailbox)
            for task in tasks:
                task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Refused):  # while the archive was read, its oldest events went
                await self._say_no(outcome)
            elif isinstance(outcome, Exception) and not isinstance(outcome, GONE):
                raise outcome  # a fault of ours: uvicorn logs it, and this reader alone is closed
        if mailbox.overflowed.is_set():
            self._metrics.reader_evictions.inc()
            log.warning("reader_evicted", readers=self._hub.readers)
            await close(self._socket, CLOSE_CODES["too_slow"], "too_slow: read faster, or resume with since=")

    async def _say_no(self, refused: Refused) -> None:
        self._metrics.errors.labels(refused.code).inc()
        await close(self._socket, refused.close_code, f"{refused.code}: {refused.message}")

    async def _ignore(self) -> None:
        messages = 0
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            messages += 1
            if messages % 64 == 0:
                await asyncio.sleep(0)

    async def _write(self, mailbox: Mailbox, replay: AsyncIterator[str]) -> None:
        async for text in replay:
            await self._socket.send_text(self.shown(text))
        ending = await send_waiting(self._socket, mailbox)
        if not mailbox.overflowed.is_set():
            await close(self._socket, ending.code, ending.reason)
