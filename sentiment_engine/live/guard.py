"""Stands before every endpoint: what the door refuses gets an HTTP answer, and no handshake."""

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment_engine.live.buckets import Pace
from sentiment_engine.live.credentials import SUBPROTOCOL_PREFIX, without_credentials
from sentiment_engine.live.door import Caller, Door
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.live.rights import RIGHTS, Right

log = structlog.get_logger(__name__)

HTTP_STATUS = {
    "bad_query": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "limit_reached": 429,
}
"""Error code -> status, for what is refused before a handshake."""
RETRY_AFTER_S = 60


def guarded(
    routes: Iterable[Route | WebSocketRoute], door: Door, metrics: Metrics
) -> list[Route | WebSocketRoute]:
    """The routes with a guard before each; raises KeyError for one whose rights nobody has written down."""
    guarded_routes = list(routes)
    for route in guarded_routes:
        route.app = Guard(route.app, door, metrics, route.path, RIGHTS[route.path])
    return guarded_routes


class Guard:
    """ASGI middleware of one route: checks page, address, token and limits, then paces what comes in.

    The application behind it finds the :class:`Caller` as ``scope["state"]["caller"]``, and no credentials.
    Where that is None, it calls ``scope["state"]["introduce"]`` with the token that a message brought.
    """

    def __init__(self, app: ASGIApp, door: Door, metrics: Metrics, path: str, right: Right) -> None:
        self._app, self._door, self._metrics, self._path, self._right = app, door, metrics, path, right

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._right.is_open:
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        address = client[0] if client else ""
        with ExitStack() as inside:
            try:
                caller = self._admitted(scope, address)
                if caller is not None:
                    inside.enter_context(self._door.inside(caller))
            except Refused as refused:
                await self._turn_away(refused, address, scope, receive, send)
                return

            def introduce(secret: str | None) -> Caller:
                told = self._door.admit_secret(secret, address, *sorted(self._right.roles))
                inside.enter_context(self._door.inside(told))
                return told

            state = {**scope.get("state", {}), "caller": caller, "introduce": introduce}
            inner = {**scope, "state": state}
            inner["headers"], subprotocols = without_credentials(
                scope["headers"], scope.get("subprotocols", [])
            )
            if scope["type"] == "websocket":
                inner["subprotocols"] = subprotocols
                receive = _paced(receive, self._door.pace())
            await self._app(inner, receive, send)

    def _admitted(self, scope: Scope, address: str) -> Caller | None:
        """The caller; None for one who may say later who it is."""
        headers = Headers(scope=scope)
        subprotocols = scope.get("subprotocols", [])
        self._door.check_query(scope["query_string"].decode("latin-1"), address)
        self._door.check_page(headers, address)
        signed = self._door.signed(self._path, headers, address)
        if signed is not None:
            return signed
        shown = "authorization" in headers or any(p.startswith(SUBPROTOCOL_PREFIX) for p in subprotocols)
        if self._right.may_tell_later and not shown and not self._door.is_open:
            return None
        return self._door.admit(headers, subprotocols, address, *sorted(self._right.roles))

    async def _turn_away(
        self, refused: Refused, address: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._metrics.errors.labels(refused.code).inc()
        if refused.code != "rate_limited":  # or whoever guesses fills the log
            log.warning(
                "refused", path=self._path, code=refused.code, reason=refused.message, address=address
            )
        status = HTTP_STATUS[refused.code]
        headers = {"Cache-Control": "no-store"}
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="sentiment-engine"'
        elif status == 429:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        answer = Response(refused.frame(), status, headers, media_type="application/json")
        await answer(scope, receive, send)


def _paced(receive: Receive, pace: Pace) -> Receive:
    """``receive`` that waits while its connection has sent faster than it may; nothing is lost by that."""

    async def paced() -> Message:
        owed_s = pace.owed_s()
        if owed_s:
            await asyncio.sleep(owed_s)
        message = await receive()
        if message["type"] == "websocket.receive":
            pace.took(_size(message))
        return message

    return paced


def _size(message: Message) -> int:
    payload: Any = message.get("bytes")
    return len(message["text"] if payload is None else payload)
