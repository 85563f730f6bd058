"""The one thread that writes: what is published goes on once its batch is on disk, in the order it came.

Everything that waits when the thread becomes free is one batch: the more there is to do, the less each event
costs. A batch of ticks alone is given a moment to grow; anything rare goes at once. While the disk cannot be
written, the batch is tried again and nothing behind it moves: no alert is shown that a crash could lose.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sentiment_engine.archive.records import Record
from sentiment_engine.archive.store import Store
from sentiment_engine.live.logs import plain_trace

log = structlog.get_logger(__name__)

T = TypeVar("T")

BATCH_EVENTS = 2000
"""Most events in one transaction, so that none takes much longer than a tenth of a second."""
GATHER_S = 0.01
"""How long ticks alone wait for company."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Between two attempts to write a batch; the pause doubles."""


class _Item(NamedTuple):
    record: Record | None
    """None for something to do in turn that needs no disk."""
    then: Callable[[], object]
    """Called on the event loop once everything up to here is on disk."""
    came: float

    @property
    def hurries(self) -> bool:
        return self.record is None or not self.record.is_tick


class Commits:
    """A queue in front of a store, and the thread that empties it.

    Args:
        store: is used by the thread alone from :meth:`start` on.
        limit: events that may wait; see :meth:`put` and :attr:`is_full`.
        on_batch: called on the loop after each batch with its size and the seconds its oldest event waited.
        on_room: called on the loop when a full queue has been emptied by half.
    """

    def __init__(
        self,
        store: Store,
        limit: int,
        *,
        on_batch: Callable[[int, float], object],
        on_room: Callable[[], object],
    ) -> None:
        self._store, self._limit = store, limit
        self._on_batch, self._on_room = on_batch, on_room
        self._waiting: deque[_Item] = deque()
        self._jobs: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._hurry = False
        self._unfinished = 0
        self._was_full = False
        self.failing = False
        """Whether the newest attempt to write has failed."""
        self.broken: asyncio.Future[None]
        """Holds the fault of ours that has ended the thread, if any."""

    def start(self) -> None:
        """Starts the thread; from inside the event loop that everything else is called on."""
        self._loop = asyncio.get_running_loop()
        self.broken = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether whoever can should bring no more."""
        return self._was_full

    def put(self, record: Record, then: Callable[[], object]) -> bool:
        """Writes ``record``, then calls ``then``; False for a tick for which there is no room."""
        if self._unfinished >= self._limit:
            self._was_full = True
            if record.is_tick:
                return False
        self._add(_Item(record, then, time.monotonic()))
        return True

    def in_turn(self, then: Callable[[], object]) -> None:
        """Calls ``then`` once everything that was put before is on disk."""
        self._add(_Item(None, then, time.monotonic()))

    def _add(self, item: _Item) -> None:
        self._unfinished += 1
        with self._changed:
            self._waiting.append(item)
            self._hurry = self._hurry or item.hurries
            self._changed.notify()

    async def run(self, job: Callable[[Store], T]) -> T:
        """What ``job`` returns, run between two batches; raises what it raises."""
        done: Future[T] = Future()

        def work() -> None:
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(job(self._store))
                except Exception as reason:  # noqa: BLE001 - whoever asked is told
                    done.set_exception(reason)

        with self._changed:
            self._jobs.append(work)
            self._changed.notify()
        return await asyncio.wrap_future(done)

    async def flush(self) -> None:
        """Returns when all that was put is on disk and has gone on."""
        done = asyncio.Event()
        self.in_turn(done.set)
        await done.wait()

    def stop(self) -> int:
        """Ends the thread after what it is doing; returns how many events were not written."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()
        for work in self._jobs:
            work()
        self._jobs.clear()
        return sum(item.record is not None for item in self._waiting)

    # -- on the thread

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._waiting or self._jobs or self._stopping.is_set())
                    if not self._stopping.is_set():
                        self._changed.wait_for(
                            lambda: self._jobs or self._stopping.is_set() or self._hurry, GATHER_S
                        )
                    batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_EVENTS))]
                    self._hurry = bool(self._waiting)
                    jobs = [self._jobs.popleft() for _ in range(len(self._jobs))]
                if not batch and not jobs and self._stopping.is_set():
                    return
                if batch and not self._written([item.record for item in batch if item.record is not None]):
                    self._waiting.extendleft(reversed(batch))
                    return
                if batch:
                    self._loop.call_soon_threadsafe(self._done, batch)
                for work in jobs:
                    work()
        except Exception as fault:  # noqa: BLE001 - handed to the loop, which ends the server
            self._loop.call_soon_threadsafe(self._break, fault)

    def _written(self, records: list[Record]) -> bool:
        """Writes until it succeeds; False when the thread is to end before that."""
        pause_s, again = FIRST_PAUSE_S, False
        while records:
            try:
                self._store.write(records, again=again)
            except (SQLAlchemyError, sqlite3.Error) as reason:  # the latter from pragmas
                log.error("archive_failing", events=len(records), reason=_short(reason))  # noqa: TRY400
                self.failing = again = True
                if self._stopping.wait(pause_s):
                    return False
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                break
        if again:
            log.info("archive_recovered")
        self.failing = False
        return True

    # -- on the loop

    def _done(self, batch: list[_Item]) -> None:
        events = sum(item.record is not None for item in batch)
        if events:
            self._on_batch(events, time.monotonic() - batch[0].came)
        for item in batch:
            try:
                item.then()
            except Exception as fault:  # noqa: BLE001 - one reader's fault must not keep the rest from theirs
                log.error("delivery_failed", trace=plain_trace(fault))  # noqa: TRY400 - as elsewhere
        self._unfinished -= len(batch)
        if self._was_full and self._unfinished <= self._limit // 2:
            self._was_full = False
            self._on_room()

    def _break(self, fault: Exception) -> None:
        if not self.broken.done():
            self.broken.set_exception(fault)


def _short(reason: Exception) -> str:
    return " ".join(str(getattr(reason, "orig", None) or reason).split())[:300]
