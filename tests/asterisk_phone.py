"""What Asterisk sends: legs over WebSockets, AudioSockets over TCP, both in pace and with real pauses."""

import asyncio
import functools
import json
import struct
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from live_server import RATE_HZ, LoudIsAngry
from voices import SETTINGS
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.media import Gap, Sound

PIECE_S = 0.02
STALL_S, ATTEMPTS = 0.03, 4
"""A piece that leaves so late after its time shows that the machine stood still."""
stalls_s: list[float] = []
"""How late pieces of the test that runs have left, where it was too late."""
MEDIA_START = {
    "event": "MEDIA_START",
    "connection_id": "standin",
    "channel": "WebSocket/standin/0x7f9478002450",
    "channel_id": "1795434060.20",
    "format": "slin",
    "optimal_frame_size": 320,
    "ptime": 20,
    "channel_variables": {
        "MEDIA_WEBSOCKET_CONNECTION_ID": "standin",
        "MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE": "320",
    },
}
"""The first frame of Asterisk 22, as it was seen; the format is that of the voices here."""


def media_start(**changes: object) -> str:
    return json.dumps({**MEDIA_START, **changes})


def samples(channel: np.ndarray) -> bytes:
    """16-bit little-endian bytes of one channel in [-1, 1]."""
    return (np.clip(channel, -0.99, 0.99) * 32767).astype("<i2").tobytes()


@asynccontextmanager
async def leg(server: LiveServer, query: str, start: str | None = None) -> AsyncIterator[ClientConnection]:
    """A socket of ``/v1/asterisk`` that has said what it is; ``start=""`` for one that has not."""
    url = f"{server.url}/v1/asterisk{query and '?' + query}"
    headers = {"Authorization": "Basic cGJ4MTpzZWNyZXQx"}
    async with connect(url, subprotocols=["media"], additional_headers=headers, compression=None) as socket:
        assert socket.subprotocol == "media"
        if start != "":
            await socket.send(media_start() if start is None else start)
        yield socket


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Waits until the server closes: code and reason. It must not have said anything."""
    try:
        async with asyncio.timeout(10):
            said = await socket.recv()
        raise AssertionError(f"Asterisk would play {said!r}")
    except ConnectionClosed as over:
        return over.rcvd.code, over.rcvd.reason


@asynccontextmanager
async def serving_audiosocket(settings=None, model=None) -> AsyncIterator[LiveServer]:
    server = LiveServer(settings or SETTINGS, model or LoudIsAngry(), port=0, audiosocket_port=0)
    async with server:
        yield server


def frame(kind: int, payload: bytes = b"") -> bytes:
    """One AudioSocket frame."""
    return struct.pack(">BH", kind, len(payload)) + payload


class AudioSocketLine:
    """One AudioSocket connection, seen from Asterisk."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, audio: bytes, kind: int = 0x10, step: int = 3200) -> None:
        """Audio in frames of ``step`` bytes, as fast as it is taken."""
        for at in range(0, len(audio), step):
            self.writer.write(frame(kind, audio[at : at + step]))
            await self.writer.drain()

    async def closed(self) -> bytes:
        """What the server sends until it closes; a reset counts as closed."""
        try:
            async with asyncio.timeout(10):
                return await self.reader.read()
        except ConnectionResetError:
            return b""


@asynccontextmanager
async def audiosocket(
    server: LiveServer, name: uuid.UUID | None, source: str = "127.0.0.1"
) -> AsyncIterator[AudioSocketLine]:
    """A connection that has sent its UUID; None for one that has not."""
    reader, writer = await asyncio.open_connection(
        server.host, server.audiosocket.port, local_addr=(source, 0)
    )
    if name is not None:
        writer.write(frame(0x01, name.bytes))
    try:
        yield AudioSocketLine(reader, writer)
    finally:
        writer.transport.abort()


def unstalled(body):
    """A test of times in the order of 60 ms: repeated when it fails *and* this machine stood still meanwhile.

    Whoever listens by arrival hears a stall of the sender as a pause; that says nothing about the clock.
    """

    @functools.wraps(body)
    async def repeated():
        for _ in range(ATTEMPTS):
            stalls_s.clear()
            try:
                return await body()
            except AssertionError:
                if not stalls_s:
                    raise
        return pytest.skip(
            f"this machine stood still for {max(stalls_s):.2f} s, and so in {ATTEMPTS} attempts"
        )

    return repeated


async def speak(send, channel: np.ndarray, spans: list[tuple[float, float]], began_s: float) -> None:
    """Sends what is spoken within ``spans`` (seconds) at its time, and nothing in between."""
    loop = asyncio.get_running_loop()
    step = round(PIECE_S * RATE_HZ)
    for start_s, end_s in spans:
        for at in range(round(start_s * RATE_HZ), round(end_s * RATE_HZ), step):
            due_s = began_s + (at + step) / RATE_HZ  # a piece can be sent when it is complete
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            if loop.time() - due_s > STALL_S:
                stalls_s.append(loop.time() - due_s)
            await send(samples(channel[at : at + step]))


def heard_by(server: LiveServer) -> list[bytes]:
    """From now on, everything that the server's calls hear: two channels of PCM16, gaps as silence."""
    heard: list[bytes] = []
    take = server.calls.take

    def taken(call, output) -> None:
        match output:
            case Sound(data=data):
                heard.append(data)
            case Gap(seconds=seconds):
                heard.append(bytes(4 * round(seconds * RATE_HZ)))
        take(call, output)

    server.calls.take = taken
    return heard


def onsets_s(channel: np.ndarray) -> list[float]:
    """Where sound begins after at least 0.1 s of digital silence, seconds; to 10 ms."""
    step = RATE_HZ // 100
    whole = len(channel) // step * step
    loud = np.flatnonzero(np.abs(channel[:whole].reshape(-1, step)).max(axis=1) > 0)
    return [int(at) / 100 for i, at in enumerate(loud) if i == 0 or at - loud[i - 1] > 10]
