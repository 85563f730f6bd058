"""The AudioSocket port: plain TCP, its connections given to the sessions that serve every other platform."""

import asyncio
import socket
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import State
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.dialects.audiosocket import HANG_UP, AudioSocket
from sentiment_engine.live.door import Caller
from sentiment_engine.live.session import CLEAN
from sentiment_engine.live.transport import LINGER_S
from sentiment_engine.live.vendor import VendorSession
from sentiment_engine.settings_audiosocket import AudioSocketSettings

log = structlog.get_logger(__name__)

READ_BYTES = 16_384
"""Taken from a connection at once: a second of a call at 8 kHz. When twice as much waits, no more is read."""
BROKEN = 1006
"""What a WebSocket's close code is when there was none."""
BYE = bytes((HANG_UP, 0, 0))
CALLER = Caller("(audiosocket)", "ingest")
"""Who opens the calls; no token can have this name."""


class Connection:
    """One AudioSocket as a :class:`~sentiment_engine.live.sockets.Socket`: bytes in, and no word out."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Mapping[str, str]
    ) -> None:
        self._reader, self._writer = reader, writer
        self.query_params: Mapping[str, str] = told
        self.headers: Mapping[str, str] = {}
        self.scope: MutableMapping[str, Any] = {"type": "audiosocket"}
        self.state = State({"abort": writer.transport.abort, "caller": CALLER})

    async def accept(self, subprotocol: str | None = None) -> None:
        """Nothing: TCP has accepted already."""

    async def receive(self) -> Message:
        """The next bytes; a FIN is how AudioSocket hangs up, and everything else a broken line."""
        try:
            data = await self._reader.read(READ_BYTES)
        except OSError:
            return {"type": "websocket.disconnect", "code": BROKEN}
        if not data:
            return {"type": "websocket.disconnect", "code": CLEAN}
        return {"type": "websocket.receive", "bytes": data}

    async def send_text(self, data: str) -> None:
        """Raises WebSocketDisconnect: AudioSocket carries no text, and the peer would play it."""
        raise WebSocketDisconnect(CLEAN, f"AudioSocket cannot carry {data[:40]!r}")

    async def close(self, code: int = CLEAN, reason: str | None = None) -> None:
        """Hangs up; neither code nor reason can be told."""
        del code, reason
        try:
            self._writer.write(BYE)
            self._writer.close()
            await self._writer.wait_closed()
        except OSError as gone:
            raise WebSocketDisconnect(BROKEN) from gone


class AudioSocketPort:
    """Listens for AudioSockets.

    Args:
        settings: who may connect, and what their calls are.
        calls: the registry.
        listener: bound to where :func:`require_named_peers` lets it listen.
    """

    def __init__(self, settings: AudioSocketSettings, calls: Calls, listener: socket.socket) -> None:
        self._settings, self._calls = settings, calls
        self._told = {"role": settings.party, "language": settings.language, "stage": settings.stage}
        self._most = 2 * calls.live.max_calls  # legs, and those that have not named their call
        self._open: set[asyncio.Task[None]] = set()
        self._listener = listener
        self.port: int = listener.getsockname()[1]

    async def start(self) -> None:
        """Takes connections from now on."""
        self._server = await asyncio.start_server(self._taken, sock=self._listener, limit=READ_BYTES)
        log.info("audiosocket_listening", port=self.port)

    def stop(self) -> None:
        """Takes no more; those that are open end with their calls."""
        self._server.close()

    async def stopped(self) -> None:
        """Returns when every connection is closed; cuts those that are not after ``LINGER_S``."""
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=LINGER_S)
            for task in late:
                task.cancel()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        peer = writer.get_extra_info("peername")
        address = peer[0] if peer else ""
        if not self._settings.admits(address):
            log.warning("audiosocket_refused", address=address, remedy="audiosocket.allow")
            self._calls.metrics.errors.labels("forbidden").inc()
            writer.transport.abort()
        elif task is None or len(self._open) >= self._most:
            log.warning("audiosocket_refused", address=address, connections=self._most)
            self._calls.metrics.errors.labels("overloaded").inc()
            writer.transport.abort()
        else:
            self._open.add(task)
            if hasattr(writer.transport, "max_size"):  # asyncio's own transports read 256 KiB at once
                writer.transport.max_size = READ_BYTES
            try:
                await VendorSession(Connection(reader, writer, self._told), self._calls, AudioSocket).run()
            finally:
                self._open.discard(task)
                writer.transport.abort()


def require_named_peers(settings: AudioSocketSettings, host: str) -> None:
    """Refuses to listen where others could connect, unless those who may are named.

    Raises:
        BadSettings: ``host`` is not loopback, and ``settings.allow`` is empty.
    """
    if not (settings.allow or host == "localhost" or AudioSocketSettings().admits(host)):
        raise BadSettings(
            f"host {host!r} is reachable by others and AudioSocket knows no credentials: name the "
            "Asterisks that may connect in audiosocket.allow"
        )
