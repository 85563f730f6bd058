"""The feed: every event of every call, once, in one order, kept for a while, handed to many readers.

**Cursors** are integers that only grow, across restarts too: a server starts at its boot time in milliseconds
shifted left by 20 bits. As text they have 20 digits, so that their order is the order of the text.

**Retention.** Rare events (alerts, starts, ends, gaps) and ticks (tension, emotion, speech) are kept apart,
so that ticks never push an alert out. ``floor`` is the newest cursor after which nothing rare has been
forgotten: a reader that asks for anything older is told so instead of being given a feed with a hole.

**Slow readers.** Each reader has a bounded :class:`Mailbox`: its oldest ticks go first, an alert never does.
When rare events alone fill it the reader is closed, and comes back with its cursor.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import takewhile
from typing import NamedTuple

import msgspec

from sentiment_engine import wire
from sentiment_engine.events import Event
from sentiment_engine.live.messages import CLOSE_CODES, Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings import LiveSettings

TICKS = frozenset({"tension.updated", "emotion.scored", "speech.ended"})
"""Event types of which only the newest matter to somebody who cannot keep up."""


class Entry(NamedTuple):
    """One event on the feed, encoded once for all readers."""

    cursor: int
    type: str
    call_id: str
    text: str
    """The CloudEvents JSON."""

    @property
    def is_tick(self) -> bool:
        return self.type in TICKS


class _CloudEvent(msgspec.Struct):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    dataschema: str
    sequence: str
    data: msgspec.Raw


def cursor_text(cursor: int) -> str:
    """The cursor as the ``sequence`` attribute carries it."""
    return f"{cursor:020d}"


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


class Hub:
    """Publishes events; knows what is kept and who reads."""

    def __init__(self, settings: LiveSettings, metrics: Metrics, *, booted_ms: int | None = None) -> None:
        self._metrics = metrics
        self.last = (time.time_ns() // 1_000_000 if booted_ms is None else booted_ms) << 20
        """The newest cursor given out."""
        self.floor = self.last
        """Nothing rare with a cursor above this one has been forgotten."""
        self._rare: deque[Entry] = deque()
        self._ticks: deque[Entry] = deque(maxlen=settings.kept_ticks)
        self._kept_events = settings.kept_events
        self._readers: dict[Mailbox, Callable[[Entry], bool]] = {}
        self._closed = False

    def publish(self, event: Event) -> str:
        """Puts ``event`` on the feed; returns it as the JSON of ``wire.encode``."""
        self.last += 1
        data = wire.encode(event)
        kind = str(type(event).__struct_config__.tag)
        sequence = cursor_text(self.last)
        envelope = _CloudEvent(
            specversion="1.0",
            id=sequence,
            source="/sentiment-engine",
            type=f"sentiment-engine.{kind}",
            subject=event.call_id,
            time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            datacontenttype="application/json",
            dataschema=f"urn:sentiment-engine:event:{wire.WIRE_VERSION}",
            sequence=sequence,
            data=msgspec.Raw(data),
        )
        entry = Entry(self.last, kind, event.call_id, msgspec.json.encode(envelope).decode())
        if entry.is_tick:
            self._ticks.append(entry)
        else:
            self._rare.append(entry)
            if len(self._rare) > self._kept_events:
                self.floor = self._rare.popleft().cursor
        for mailbox, wanted in self._readers.items():
            if wanted(entry):
                mailbox.put(entry.cursor, entry.text, tick=entry.is_tick)
        return data.decode()

    def subscribe(
        self, mailbox: Mailbox, wanted: Callable[[Entry], bool], since: int | None = None
    ) -> Iterable[str]:
        """Sends everything from now on to ``mailbox``; returns what is kept after ``since``, oldest first.

        No event can fall between the two. ``since=0`` stands for the oldest that is kept.

        Raises:
            Refused: ``shutting_down`` after :meth:`close`; ``cursor_too_old`` when rare events after
                ``since`` have been forgotten, or it is not one of ours.
        """
        if self._closed:
            raise Refused("shutting_down", "the server is shutting down: try again in a moment")
        replay: list[Entry] = []
        if since is not None:
            self._check(since)
            # From the newest backwards: the usual reader returns after seconds and must not cost a walk over
            # all.
            replay = [
                entry
                for kept in (self._rare, self._ticks)
                for entry in takewhile(lambda entry: entry.cursor > since, reversed(kept))
                if wanted(entry)
            ]
            replay.sort()
        self._readers[mailbox] = wanted
        self._metrics.readers.set(len(self._readers))
        return (entry.text for entry in replay)

    def _check(self, since: int) -> None:
        if since == 0:
            return
        if since < self.floor:
            raise Refused("cursor_too_old", f"the oldest cursor to resume from is {cursor_text(self.floor)}")
        if since > self.last:
            raise Refused(
                "cursor_too_old", f"not a cursor of this server: its newest is {cursor_text(self.last)}"
            )

    def unsubscribe(self, mailbox: Mailbox) -> None:
        """Sends nothing more to ``mailbox``; does nothing when it is not subscribed."""
        self._readers.pop(mailbox, None)
        self._metrics.readers.set(len(self._readers))

    @property
    def readers(self) -> int:
        """Readers subscribed now."""
        return len(self._readers)

    def close(self, code: int, reason: str) -> None:
        """Lets every reader have what waits for it, and then the close ``code``; takes no new reader."""
        self._closed = True
        for mailbox in self._readers:
            mailbox.finish(code, reason)
