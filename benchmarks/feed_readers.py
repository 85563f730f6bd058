"""What `benchmarks/feed.py` starts beside the server: readers of the feed, some hundred in one process.

They say `ready` when all are connected, read until a line comes in, and print what they got as one JSON
object: for each reader its filter, its alerts by cursor and how it ended; and how long each alert took.

They are sockets that take frames apart and look at little more than each one's first bytes: a hundred readers
of a usual library take a core for themselves, and their own backlog would be measured.
"""

import asyncio
import json
import re
import sys
import time
from datetime import datetime
from typing import Any

FILTERS = ("", "types=alert.*,call.*")
"""What a console asks for, and what a program asks for that only acts on alerts; readers take turns."""

HEAD = re.compile(r'.{0,60}"id":"(\d{20})".{0,60}"type":"sentiment-engine\.(alert\.\w+)"')
"""The first fields of an event on the feed."""
HEAD_BYTES = 200
TIME = re.compile(r'"time":"([^"]+)"')
TEXT, CLOSE, PING, MASKED_PONG = 0x81, 0x88, 0x89, (0x8A, 0x80)


def raised_ms(text: str) -> float:
    """When the server published the event ``text``: its CloudEvents ``time``, milliseconds since 1970."""
    found = TIME.search(text)
    assert found is not None, text
    return datetime.fromisoformat(found[1]).timestamp() * 1000


class Reader(asyncio.Protocol):
    """One reader.

    Args:
        number: which one.
        took: gets cursor and milliseconds of each ``alert.raised``.
    """

    def __init__(self, number: int, took: list[tuple[int, float]]) -> None:
        self.query, self._took = FILTERS[number % len(FILTERS)], took
        self.connected = asyncio.get_running_loop().create_future()
        self.alerts: list[int] = []
        self.events = 0
        self.closed: int | None = None
        """The code of a close that nobody here asked for; 1006 for none."""
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the feed."""
        self._transport = transport
        self._transport.write(
            f"GET /v1/feed?{self.query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """An end that no close frame announced."""
        if self.closed is None and not self._transport.is_closing():
            self.closed = 1006

    def data_received(self, data: bytes) -> None:
        """Bytes of the server."""
        now_ms = time.time() * 1000
        data = self._rest + data
        at = 0
        if not self.connected.done():
            head, _, data = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101 "):
                raise ConnectionError(f"no feed: {head!r}")
            self.connected.set_result(None)
        while len(data) - at >= 2:
            begin, length = at + 2, data[at + 1]
            if length >= 126:
                begin += 2 if length == 126 else 8
                length = int.from_bytes(data[at + 2 : begin], "big")
            if len(data) < begin + length:
                break
            self._frame(data[at], memoryview(data)[begin : begin + length], now_ms)
            at = begin + length
        self._rest = data[at:]

    def _frame(self, kind: int, payload: memoryview, now_ms: float) -> None:
        if kind == TEXT:
            self.events += 1
            text = str(payload[:HEAD_BYTES], "utf-8", "ignore")
            if alert := HEAD.match(text):
                cursor = int(alert[1])
                self.alerts.append(cursor)
                if alert[2] == "alert.raised":
                    self._took.append((cursor, now_ms - raised_ms(str(payload, "utf-8"))))
        elif kind == CLOSE:
            self.closed = int.from_bytes(payload[:2], "big")
        elif kind == PING:
            kind, masked = MASKED_PONG
            self._transport.write(bytes([kind, masked | len(payload), 0, 0, 0, 0]) + payload)
        else:
            raise ConnectionError(f"a frame that a feed has not: {kind:#x}")

    def leave(self) -> None:
        """Closes."""
        self._transport.close()

    def told(self) -> dict[str, Any]:
        """What it got."""
        return {"query": self.query, "alerts": self.alerts, "events": self.events, "closed": self.closed}


async def read(host: str, port: int, numbers: range) -> None:
    """All of them."""
    took: list[tuple[int, float]] = []
    readers = [Reader(number, took) for number in numbers]
    loop = asyncio.get_running_loop()
    for reader in readers:
        await loop.create_connection(lambda reader=reader: reader, host, port)
        await reader.connected
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for reader in readers:
        reader.leave()
    print(json.dumps({"readers": [reader.told() for reader in readers], "took": took}), flush=True)


if __name__ == "__main__":
    asyncio.run(read("127.0.0.1", int(sys.argv[1]), range(int(sys.argv[2]), int(sys.argv[3]))))
