"""``/v1/feed/sse``: the feed as server-sent events, for whoever cannot open a WebSocket.

Each event's ``id`` is its cursor, and its data one CloudEvent. A browser that lost the connection sends the
last ``id`` as ``Last-Event-ID``, and misses nothing. The query is that of ``/v1/feed``.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import structlog
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sentiment_engine.live.asked import refusal
from sentiment_engine.live.feed import chosen
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.mailbox import Ending, Mailbox
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings import LiveSettings

log = structlog.get_logger(__name__)

ALIVE_S = 15.0
"""A line without meaning is sent after so long a silence, or proxies close what seems idle."""
FIRST_LINES = "retry: 2000\n\n"
"""How many milliseconds a browser waits before it connects again."""


class SseFeed:
    """The endpoint."""

    def __init__(self, hub: Hub, settings: LiveSettings, metrics: Metrics) -> None:
        self._hub, self._settings, self._metrics = hub, settings, metrics

    async def get(self, request: Request) -> Response:
        """The stream, or the reason why there is none: 400, 410 for a cursor too old, 503 for too many."""
        mailbox = Mailbox(self._settings.reader_events, self._metrics.ticks_dropped.inc)
        try:
            if self._hub.readers >= self._settings.max_readers:
                raise Refused(
                    "overloaded", f"{self._settings.max_readers} readers, the limit: try again later"
                )
            choice, since = chosen(_query(request))
            replay = self._hub.replay(mailbox, choice, since)
        except Refused as refused:
            self._metrics.errors.labels(refused.code).inc()
            return refusal(refused)
        return _Stream(self._hub, mailbox, replay, self._metrics)


def _query(request: Request) -> QueryParams:
    """The query, in which a browser's ``Last-Event-ID`` replaces the ``since`` that it began with."""
    given = dict(request.query_params)
    last = request.headers.get("last-event-id", "")
    if last:
        given["since"] = last
    return QueryParams(given)


class _Stream(Response):
    """One reader, from its first event until it leaves, is too slow, or the server closes."""

    def __init__(self, hub: Hub, mailbox: Mailbox, replay: AsyncIterator[str], metrics: Metrics) -> None:
        super().__init__(None, 200, {"Cache-Control": "no-store"}, "text/event-stream")
        del self.headers["content-length"]
        self._hub, self._mailbox, self._replay, self._metrics = hub, mailbox, replay, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tasks = {
            asyncio.create_task(self._write(send)),
            asyncio.create_task(_gone(receive)),
            asyncio.create_task(self._mailbox.overflowed.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.unsubscribe(self._mailbox)
            for task in tasks:
                task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome  # a fault of ours: uvicorn logs it, and this reader alone is closed
        if self._mailbox.overflowed.is_set():
            self._metrics.reader_evictions.inc()
            log.warning("reader_evicted", readers=self._hub.readers)
            scope["state"]["abort"]()  # what it has not read would be waited for

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _say(send, FIRST_LINES)
        with contextlib.suppress(Refused):  # its oldest events went meanwhile; it is told when it comes back
            async for text in self._replay:
                await _say(send, _event(text))
            while True:
                try:
                    item = await asyncio.wait_for(self._mailbox.take(), ALIVE_S)
                except TimeoutError:
                    await _say(send, ": nothing new\n\n")
                    continue
                if isinstance(item, Ending):
                    break
                await _say(send, _event(item.text))
        await send({"type": "http.response.body", "body": b""})


class _Head(msgspec.Struct):
    sequence: str


_head = msgspec.json.Decoder(_Head)


def _event(text: str) -> str:
    return f"id: {_head.decode(text).sequence}\ndata: {text}\n\n"


async def _say(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
