"""uvicorn's protocols, hardened: every socket is gone some seconds after its session, whatever its peer does.

What uvicorn 0.54 leaves open and this file closes:

- A peer that never reads keeps its connection for ever: ``transport.close()`` waits for a buffer that nobody
  empties. Here a timer aborts. Sessions reach ``abort`` as ``websocket.state.abort``.
- A message over the size limit is answered with close 1009 and an immediate ``close()``; the unread rest
  then turns the close into a reset, and the client never learns why. Here the rest is read and thrown away.
- While a session does not read (back-pressure), pongs wait unread in the socket, and a healthy client is
  closed for a missing pong. Here a paused socket is not asked.
- A TCP connection that never sends a request stays for ever. Here it has a time limit.
- A handshake that is refused with an HTTP answer is logged as an error of ours. Here it counts as complete.
"""

import asyncio
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_S = 5.0
"""A peer has this long to take our close and answer it."""
SILENT_S = 0.2
"""A refused peer that sends nothing for this long has sent all it had."""
FIRST_REQUEST_S = 10.0
"""A TCP connection has this long to send its first request."""
READ_BYTES = 16_384
"""Bytes taken from a socket at once: a thousand tiny frames parse in milliseconds, so nobody else waits
long."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Gives the session its ``abort``, and reads in small pieces."""
        super().connection_made(transport)
        self._silent = False
        self.app_state = {**self.app_state, "abort": self.transport.abort}
        if hasattr(transport, "max_size"):  # asyncio's own transports; other loops read as they like
            transport.max_size = READ_BYTES

    def send_receive_event_to_app(self) -> None:
        """Takes a message. Reading stops only when one waits already: the session has fallen behind.

        uvicorn stops at each and begins again: two system calls a message, an eighth of a busy server's time.
        """
        if self.read_paused or not self.queue.empty():
            super().send_receive_event_to_app()
        else:
            self.read_paused = True  # then uvicorn leaves the transport alone
            super().send_receive_event_to_app()
            self.read_paused = False

    def handle_parser_exception(self) -> None:
        """Says 1009, 1002 or 1007, then reads on and throws away until the peer has fallen silent."""
        if self.disconnected or self.close_timer is not None:
            return
        close = self.conn.close_sent
        code, reason = (1006, "") if close is None else (close.code, close.reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.stop_keepalive()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._part(self.loop.time() + LINGER_S)

    def _part(self, deadline: float) -> None:
        if self._silent:
            self.transport.close()
            self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)
        elif self.loop.time() >= deadline:
            self.transport.abort()
        else:
            self._silent = True
            self.close_timer = self.loop.call_later(SILENT_S, self._part, deadline)

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        if self.conn.parser_exc is None:
            super().data_received(data)
        else:
            self._silent = False

    def keepalive_timeout(self) -> None:
        """No pong in time; not the peer's fault while we are not reading."""
        if self.read_paused and not self.transport.is_closing():
            self.pong_timer = None
            self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()
            self.loop.call_later(LINGER_S, self.transport.abort)

    async def send(self, message: ASGISendEvent) -> None:
        """What the session says."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The session is over: its peer has some seconds to close."""
        super().on_task_complete(task)
        if not self.disconnected:
            self.loop.call_later(LINGER_S, self.transport.abort)


class HttpProtocol(H11Protocol):
    """One HTTP connection, or a WebSocket before its handshake."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # like uvicorn
        """Starts the clock for the first request, and gives endless answers their ``abort``."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": self.transport.abort}
        self.loop.call_later(FIRST_REQUEST_S, self._no_request)

    def _no_request(self) -> None:
        protocol: Any = self.transport.get_protocol()
        if protocol is self and self.cycle is None:
            self.transport.abort()
