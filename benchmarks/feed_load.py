"""What `benchmarks/feed.py` does to the server itself: calls that quarrel, and a reader that stalls."""

import asyncio
import json
import random
import socket as sockets
import sys
import time
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from live_server import quarrel, start  # noqa: E402

from benchmarks.feed_readers import HEAD  # noqa: E402

PIECE_BYTES = 3200
PIECE_S = 0.1
AUDIO = quarrel(3.0, 8.0)
CALL_S = len(AUDIO) / PIECE_BYTES * PIECE_S


async def call(url: str, number: int, speed: float, until: float) -> None:
    """Quarrels, one after the other, until the clock says ``until``."""
    await asyncio.sleep(random.Random(number).random() * CALL_S / speed)  # noqa: S311 - no secret
    turn = 0
    while time.monotonic() < until:
        turn += 1
        async with connect(f"{url}/v1/stream", compression=None) as socket:
            await socket.send(start(f"feed-{number}-{turn}"))
            began = time.monotonic()
            for piece, at in enumerate(range(0, len(AUDIO), PIECE_BYTES)):
                await asyncio.sleep(max(0.0, began + piece * PIECE_S / speed - time.monotonic()))
                await socket.send(AUDIO[at : at + PIECE_BYTES])
            await socket.send('{"type":"stop"}')
            async for _ in socket:
                pass


class Stalled:
    """A reader that takes nothing from its socket until it is told to."""

    def __init__(self) -> None:
        self.alerts: list[int] = []
        self.last = 0
        self.before = 0
        """Events that were in its buffers."""
        self.closed: int | None = None
        self.stalled_s = 0.0
        self.resumed = asyncio.Event()

    async def run(self, port: int) -> None:
        """Stalls, is closed, resumes, and then reads until it is cancelled."""
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", port))
        raw.setblocking(False)
        url = f"ws://127.0.0.1:{port}/v1/feed"
        began = time.monotonic()
        async with (
            connect(url, sock=raw, compression=None, max_queue=1, ping_interval=None) as socket,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        ):
            while await evictions(http) < 1:  # noqa: ASYNC110 - only the server knows
                await asyncio.sleep(1.0)
            self.stalled_s = time.monotonic() - began
            await self._read(socket)
            self.closed, self.before = socket.close_code, len(self.alerts)
        async with connect(f"{url}?since={self.last}", compression=None, ping_interval=None) as socket:
            self.resumed.set()
            await self._read(socket)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                assert isinstance(text, str)
                self.last = int(json.loads(text)["sequence"])
                if HEAD.match(text):
                    self.alerts.append(self.last)
        except ConnectionClosed:
            return


async def evictions(http: httpx.AsyncClient) -> int:
    """Readers that were too slow, as the server counts them."""
    return round(sample((await http.get("/metrics")).text, "reader_evictions_total"))


def sample(metrics: str, name: str) -> float:
    """One number of the server's own."""
    (found,) = [one for one in metrics.splitlines() if one.startswith(f"sentiment_engine_{name} ")]
    return float(found.rsplit(" ", 1)[1])
