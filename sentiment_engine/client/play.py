"""Plays a recording into ``/v1/stream``; a dropped call goes on where the server heard it last."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sentiment_engine.batch.recordings import Recording
from sentiment_engine.client.link import Patience, Unreachable, closing, connection, json_object
from sentiment_engine.errors import BadAudio
from sentiment_engine.events import Stage

PIECE_S = 0.1
"""What a softphone sends at a time."""
TRY_LATER = frozenset({"overloaded", "shutting_down", "server_closing"})
"""Error codes after which the same request may succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a recording is announced to the server."""

    call_id: str
    language: str
    stage: Stage
    agent_channel: int = 0
    """0 or 1."""
    send_tension: bool = False
    """Whether the server is asked for the tension of every second, besides alerts."""

    def start(self, recording: Recording) -> str:
        """The first text frame."""
        message: dict[str, Any] = {
            "type": "start",
            "call_id": self.call_id,
            "encoding": "pcm_s16le",
            "sample_rate": recording.rate_hz,
            "channels": recording.parties(self.agent_channel),
            "language": self.language,
            "stage": self.stage,
            "context": {},
        }
        if self.send_tension:
            message["send"] = ["tension"]
        return json.dumps(message, ensure_ascii=False)


async def play(
    recording: Recording,
    url: str,
    call: Call,
    *,
    speed: float = 1.0,
    token: str | None = None,
    tls: ssl.SSLContext | None = None,
    hear: Callable[[str], None],
    note: Callable[[str], None],
) -> None:
    """Plays ``recording`` as a softphone would, until the server has ended the call.

    Pieces leave on a schedule fixed at the first one, so a slow moment is caught up with and never adds up.

    Args:
        recording: What to play.
        url: ``ws://HOST:PORT/v1/stream``.
        call: How to announce it.
        speed: 1 is real time, 2 twice as fast; 0 as fast as the server takes it.
        token: Sent as ``Authorization: Bearer``.
        tls: For ``wss://``, whose certificates to believe (``client/trust.py``); None for the machine's own.
        hear: Called with every text frame the server sends.
        note: Called with a line for people, when a connection is lost.

    Raises:
        Unreachable: no connection, a refusal, or too many lost connections.
        BadAudio: the recording broke off or cannot be used; what came before was played.
        BadSettings: ``url`` is no WebSocket address.
    """
    player = _Player(recording, call, speed, hear)
    patience = Patience(url, note)
    while True:
        try:
            socket = await connection(url, token, tls=tls)
        except (OSError, InvalidHandshake) as reason:
            await patience.failed(reason)
            continue
        patience.connected()
        try:
            async with socket:
                await socket.send(call.start(recording))
                await player.run(socket, patience)
        except ConnectionClosed as reason:
            await patience.lost(closing(reason))
        else:
            return


class _Player:
    """One call's way through any number of connections."""

    def __init__(self, recording: Recording, call: Call, speed: float, hear: Callable[[str], None]) -> None:
        self._recording, self._call, self._speed, self._hear = recording, call, speed, hear
        self._began: float | None = None
        self._furthest_s = -1.0
        self._problem: BadAudio | None = None
        self._stopped = False

    async def run(self, socket: ClientConnection, patience: "Patience") -> None:
        """Returns when the call has ended; raises ConnectionClosed when it has not and the connection has."""
        sender: asyncio.Task[None] | None = None
        message: dict[str, Any] = {}
        try:
            while message.get("type") != "call.ended":
                text = await socket.recv(decode=True)
                self._hear(text)
                message = json_object(text)
                if message.get("type") == "started":
                    resume_at_s = float(message.get("resume_at_s", 0.0))
                    if self._stopped and not resume_at_s:
                        # The old connection's end was not heard; this would be a new call of the same name.
                        await self._stop(socket)
                        raise Unreachable("all was played, but nobody heard how the server ended the call")
                    self._stopped = False
                    if resume_at_s > self._furthest_s:
                        self._furthest_s = resume_at_s
                        patience.renew()
                    sender = sender or asyncio.create_task(self._send(socket, resume_at_s))
                elif message.get("type") == "error" and message.get("code") not in TRY_LATER:
                    raise Unreachable(f"the server refused the call: {message.get('message') or text}")
        finally:
            if sender is not None:
                sender.cancel()
                with suppress(asyncio.CancelledError):
                    await sender
        if not self._stopped:
            raise Unreachable(f"the server ended the call before all was played ({message.get('reason')})")
        if self._problem is not None:
            raise self._problem

    async def _send(self, socket: ClientConnection, resume_at_s: float) -> None:
        clock = asyncio.get_running_loop().time
        rate_hz, frame_bytes = self._recording.rate_hz, 2 * self._recording.channels
        skip = round(resume_at_s * rate_hz) * frame_bytes
        if self._began is None:
            self._began = clock() - (resume_at_s / self._speed if self._speed else 0.0)
        sent = skip
        try:
            for piece in _after(self._recording.pieces(piece_s=PIECE_S), skip):
                sent += len(piece)
                if self._speed:  # a piece can leave once it has been spoken
                    due = self._began + sent / (frame_bytes * rate_hz) / self._speed
                    await asyncio.sleep(max(0.0, due - clock()))
                await socket.send(piece)
            await self._stop(socket)
        except BadAudio as problem:  # the call ends here, and properly
            self._problem = problem
            with suppress(ConnectionClosed):
                await self._stop(socket)
        except ConnectionClosed:
            pass  # the receiving side learns the same, and the reason
        except Exception:
            await socket.close(1011)  # nobody would ever stop the receiving side
            raise

    async def _stop(self, socket: ClientConnection) -> None:
        self._stopped = True  # first: the answer may come before this task goes on
        await socket.send('{"type":"stop"}')


def _after(pieces: Iterator[bytes], skip: int) -> Iterator[bytes]:
    """``pieces`` without their first ``skip`` bytes."""
    for piece in pieces:
        if skip < len(piece):
            yield piece[skip:]
        skip = max(0, skip - len(piece))
