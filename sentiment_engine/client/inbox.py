"""What has come from the server, for any number of readers of one program."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from sentiment_engine.client.notices import Notice
from sentiment_engine.events import AnyEvent, TensionUpdated

KEPT = 1000
"""Alerts and notices; a call of an hour has tens."""
KEPT_TICKS = 600
"""Ten minutes of tension: of what comes every second only the newest matter."""


class Inbox:
    """The newest events, oldest first. Each reader gets all that are kept, then what comes."""

    def __init__(self) -> None:
        self._rare: deque[tuple[int, AnyEvent | Notice]] = deque(maxlen=KEPT)
        self._ticks: deque[tuple[int, AnyEvent | Notice]] = deque(maxlen=KEPT_TICKS)
        self._count = 0
        self._news = asyncio.Event()
        self._finished = False

    def put(self, event: AnyEvent | Notice) -> None:
        """Takes one event; where there is no room the oldest of its kind goes."""
        self._count += 1
        (self._ticks if isinstance(event, TensionUpdated) else self._rare).append((self._count, event))
        self._wake()

    def finish(self) -> None:
        """Nothing more will come."""
        self._finished = True
        self._wake()

    async def read(self) -> AsyncGenerator[AnyEvent | Notice]:
        """Every event in order, until the inbox is finished and read."""
        seen = 0
        while True:
            news = self._news
            for order, event in sorted(
                (item for item in (*self._rare, *self._ticks) if item[0] > seen), key=lambda item: item[0]
            ):
                seen = order
                yield event
            if news is self._news:
                if self._finished:
                    return
                await news.wait()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
