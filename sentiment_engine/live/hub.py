"""The feed: every event of every call, once, in one order, kept for a while, handed to many readers.

**Cursors** are integers that only grow, across restarts too: a server starts at its boot time in milliseconds
shifted left by 20 bits. As text they have 20 digits, so that their order is the order of the text.

**The archive**, if there is one, has every event before any reader has: a reader is never shown what a crash
could take back. It answers for cursors that memory has forgotten.

**Retention.** Rare events (alerts, starts, ends, gaps) and ticks (tension, emotion, speech) are kept apart,
so that ticks never push an alert out. ``floor`` is the newest cursor after which nothing rare has been
forgotten: a reader that asks for anything older is told so instead of being given a feed with a hole.

**Slow readers.** Each reader has a bounded :class:`Mailbox`: its oldest ticks go first, an alert never does.
When rare events alone fill it the reader is closed, and comes back with its cursor.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from sentiment_engine.archive.records import TICKS, Record, Wish, cursor_text, now_ms, record_of
from sentiment_engine.events import Event
from sentiment_engine.live.mailbox import Mailbox
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings import LiveSettings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive
    from sentiment_engine.archive.commits import Commits

PAGE_EVENTS = 500
"""Events that a reader is given from the archive at once."""


class Entry(NamedTuple):
    """One event on the feed, encoded once for all readers."""

    cursor: int
    type: str
    call_id: str
    text: str
    """The CloudEvents JSON."""
    owners: frozenset[str] = frozenset()
    """Names of the tokens whose own call it is; only agents are asked for theirs."""

    @property
    def is_tick(self) -> bool:
        return self.type in TICKS


class Choice:
    """Which events a reader wants; None for all calls."""

    def __init__(self, types: frozenset[str], calls: frozenset[str] | None = None) -> None:
        self.types, self.calls = types, calls

    def __call__(self, entry: Entry) -> bool:
        return entry.type in self.types and (self.calls is None or entry.call_id in self.calls)

    async def among(self, records: Sequence[Record], archive: "Archive") -> Sequence[Record]:
        """Those of a page of the archive that this reader may have: all that were asked for."""
        return records


def _nobody(_: Entry) -> bool:
    return False


class Hub:
    """Publishes events; knows what is kept and who reads.

    Args:
        settings: limits.
        metrics: is kept up to date.
        archive: keeps every event, and answers for what memory has forgotten; without one nothing outlives
            the server.
        booted_ms: milliseconds since 1970 at which cursors begin; now, if not given.
    """

    def __init__(
        self,
        settings: LiveSettings,
        metrics: Metrics,
        *,
        archive: "Archive | None" = None,
        booted_ms: int | None = None,
    ) -> None:
        self._metrics, self._archive = metrics, archive
        self._commits: Commits | None = None
        self.last = (now_ms() if booted_ms is None else booted_ms) << 20
        """The newest cursor given out."""
        if archive is not None:
            self.last = max(self.last, archive.last)  # a clock may have been set back
        self._delivered = self._rare_floor = self._tick_floor = self.last
        self._rare: deque[Entry] = deque()
        self._ticks: deque[Entry] = deque()
        self._kept_events, self._kept_ticks = settings.kept_events, settings.kept_ticks
        self._readers: dict[Mailbox, Callable[[Entry], bool]] = {}
        self._closed = False

    @property
    def floor(self) -> int:
        """Nothing rare with a cursor above this one has been forgotten."""
        return self._rare_floor if self._archive is None else self._archive.floor

    # -- publishing

    def start(self, on_room: Callable[[], object]) -> None:
        """From now on events go to the archive first, if there is one.

        Args:
            on_room: called when the archive, after :attr:`is_full`, takes events again.
        """
        if self._archive is not None:
            self._commits = self._archive.start(self._written, on_room)

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the disk that no more should be heard of calls."""
        return self._commits is not None and self._commits.is_full

    def publish(
        self,
        event: Event,
        then: Callable[[Record], object] | None = None,
        *,
        owners: frozenset[str] = frozenset(),
    ) -> None:
        """Puts ``event`` on the feed, and calls ``then`` as soon as readers are given it.

        With an archive that is when it is on disk; before it, at once. A tick is lost when too much waits.
        Agents are given only what is published with their name among ``owners``.
        """
        self.last += 1
        record = record_of(event, self.last, now_ms())

        def deliver() -> None:
            self._deliver(record, owners)
            if then is not None:
                then(record)

        if self._commits is None:
            deliver()
        elif not self._commits.put(record, deliver):
            self._metrics.archive_ticks_dropped.inc()

    def in_turn(self, then: Callable[[], object]) -> None:
        """Calls ``then`` once readers have been given everything that was published before."""
        if self._commits is None:
            then()
        else:
            self._commits.in_turn(then)

    async def flush(self) -> None:
        """Returns when readers have been given everything that was published."""
        if self._commits is not None:
            await self._commits.flush()

    def _written(self, events: int, waited_s: float) -> None:
        self._metrics.archive_events.inc(events)
        self._metrics.archive_wait_seconds.observe(waited_s)

    def _deliver(self, record: Record, owners: frozenset[str]) -> None:
        entry = Entry(record.cursor, record.type, record.call_id, record.cloud_event, owners)
        self._delivered = entry.cursor
        if entry.is_tick:
            self._ticks.append(entry)
            if len(self._ticks) > self._kept_ticks:
                self._tick_floor = self._ticks.popleft().cursor
        else:
            self._rare.append(entry)
            if len(self._rare) > self._kept_events:
                self._rare_floor = self._rare.popleft().cursor
        for mailbox, wanted in self._readers.items():
            if wanted(entry):
                mailbox.put(entry.cursor, entry.text, tick=entry.is_tick)

    # -- reading

    def replay(self, mailbox: Mailbox, choice: Choice, since: int | None) -> AsyncIterator[str]:
        """What is kept after ``since``, oldest first, from the archive and then from memory.

        Once it has been read to its end, and not before, what is new goes to ``mailbox``: no event can fall
        between the two. ``since=0`` stands for the oldest that is kept, None for nothing.

        Raises:
            Refused: as :meth:`subscribe`, at once or while it is read.
        """
        if since is not None:
            self._check(since)
            if not self._in_memory(choice, since):
                self._refuse_when_closed()
                self._add(mailbox, _nobody)
                return self._from_archive(mailbox, choice, since)
        return _each(self.subscribe(mailbox, choice, since))

    def subscribe(
        self, mailbox: Mailbox, wanted: Callable[[Entry], bool], since: int | None = None
    ) -> Iterable[str]:
        """Sends all from now on to ``mailbox``; returns what memory holds after ``since``, oldest first.

        No event can fall between the two. ``since=0`` stands for the oldest that is kept.

        Raises:
            Refused: ``shutting_down`` after :meth:`close`; ``cursor_too_old`` when rare events after
                ``since`` have been forgotten, or it is not one of ours.
        """
        if since is not None:
            self._check(since)
        return self._from_memory(mailbox, wanted, since)

    def _from_memory(
        self, mailbox: Mailbox, wanted: Callable[[Entry], bool], since: int | None
    ) -> Iterable[str]:
        self._refuse_when_closed()
        replay: list[Entry] = []
        if since is not None:
            # From the newest backwards: the usual reader returns after seconds and must not cost a walk over
            # all.
            replay = [
                entry
                for kept in (self._rare, self._ticks)
                for entry in takewhile(lambda entry: entry.cursor > since, reversed(kept))
                if wanted(entry)
            ]
            replay.sort()
        self._add(mailbox, wanted)
        return (entry.text for entry in replay)

    def _in_memory(self, choice: Choice, since: int) -> bool:
        if self._archive is None:
            return True
        return since >= self._rare_floor and (since >= self._tick_floor or TICKS.isdisjoint(choice.types))

    async def _from_archive(self, mailbox: Mailbox, choice: Choice, since: int) -> AsyncIterator[str]:
        assert self._archive is not None  # noqa: S101 - or memory holds all there is
        wants_what_there_is = since == 0  # a call that lasted may be older than one that has gone
        while not self._in_memory(choice, since):
            page = Wish(types=choice.types, calls=choice.calls, after=since, until=self._delivered)
            records = await self._archive.page(page, PAGE_EVENTS)
            if not wants_what_there_is:
                self._check(since)  # or retention may have left a hole in them
            for record in await choice.among(records, self._archive):
                yield record.cloud_event
            since = records[-1].cursor if len(records) == PAGE_EVENTS else page.until or since
        for text in self._from_memory(mailbox, choice, since):
            yield text

    def _check(self, since: int) -> None:
        if since == 0:
            return
        if since < self.floor:
            raise Refused("cursor_too_old", f"the oldest cursor to resume from is {cursor_text(self.floor)}")
        if since > self.last:
            raise Refused(
                "cursor_too_old", f"not a cursor of this server: its newest is {cursor_text(self.last)}"
            )

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Refused("shutting_down", "the server is shutting down: try again in a moment")

    def _add(self, mailbox: Mailbox, wanted: Callable[[Entry], bool]) -> None:
        self._readers[mailbox] = wanted
        self._metrics.readers.set(len(self._readers))

    def forget(self, call_id: str) -> None:
        """Takes a call that is erased out of memory."""
        for kept in (self._rare, self._ticks):
            left = [entry for entry in kept if entry.call_id != call_id]
            kept.clear()
            kept.extend(left)

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


async def _each(texts: Iterable[str]) -> AsyncIterator[str]:
    for text in texts:
        yield text
