"""What one reader has yet to be sent: bounded, alerts before ticks, never an alert lost without a word."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sentiment_engine.live.messages import CLOSE_CODES


class Ending(NamedTuple):
    """Why a mailbox takes nothing more: the close code and reason its reader is to be given."""

    code: int
    reason: str


class Item(NamedTuple):
    """One text on its way to one reader."""

    order: int
    text: str
    tick: bool


class Mailbox:
    """What one reader has yet to be sent, oldest first; at most ``limit`` texts.

    Args:
        limit: texts it may hold.
        on_tick_lost: called once for each tick that had to go.
    """

    def __init__(self, limit: int, on_tick_lost: Callable[[], object]) -> None:
        self._limit = limit
        self._on_tick_lost = on_tick_lost
        self._rare: deque[Item] = deque()
        self._ticks: deque[Item] = deque()
        self._filled = asyncio.Event()
        self.ending: Ending | None = None
        self.overflowed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._rare) + len(self._ticks)

    def put(self, order: int, text: str, *, tick: bool) -> None:
        """Takes ``text``, unless it is finished; ``order`` grows from one call to the next."""
        if self.ending is not None or self.overflowed.is_set():
            return
        if len(self) >= self._limit:
            if tick or self._ticks:
                self._on_tick_lost()
            if self._ticks:
                self._ticks.popleft()
            elif tick:
                return
            else:
                # Rare events alone fill it. None of them will be sent: the reader comes back by cursor.
                self._rare.clear()
                self.overflowed.set()
                self._filled.set()
                return
        (self._ticks if tick else self._rare).append(Item(order, text, tick))
        self._filled.set()

    def finish(self, code: int, reason: str) -> None:
        """Nothing follows what is in the mailbox but a close with ``code``. The first ending counts."""
        if self.ending is None:
            self.ending = Ending(code, reason)
            self._filled.set()

    async def take(self) -> Item | Ending:
        """The oldest text that waits, or the ending when none does. Cancelling it loses nothing."""
        while not len(self):
            if self.overflowed.is_set():
                return Ending(CLOSE_CODES["too_slow"], "too_slow: read faster, or resume with since=")
            if self.ending is not None:
                return self.ending
            self._filled.clear()
            await self._filled.wait()
        rare_first = not self._ticks or (self._rare and self._rare[0].order < self._ticks[0].order)
        return (self._rare if rare_first else self._ticks).popleft()

    def give_back(self, item: Item) -> None:
        """Returns what was taken and could not be sent; it is the next to be taken again."""
        (self._ticks if item.tick else self._rare).appendleft(item)
        self._filled.set()
