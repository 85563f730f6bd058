"""The archive as a server uses it: opened before anything is served, closed after the last event."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from sentiment_engine.archive.commits import Commits
from sentiment_engine.archive.database import Database
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import Record, Wish
from sentiment_engine.archive.store import Store
from sentiment_engine.settings_archive import ArchiveSettings, WebhookSettings
from sentiment_engine.settings_reviews import ReviewSettings

log = structlog.get_logger(__name__)

T = TypeVar("T")

DAY_MS = 86_400_000
SWEEP_S = 600.0
"""Between two looks for calls that have been kept long enough."""


class Archive:
    """Everything a server keeps.

    Args:
        folder: the data folder, which exists.
        settings: checked settings.
        webhooks: who is to be told of events.
        reviews: what two roles have to review.

    Raises:
        BadSettings: the database cannot be opened, is in use, or is newer than this code.
    """

    def __init__(
        self,
        folder: Path,
        settings: ArchiveSettings | None = None,
        webhooks: Sequence[WebhookSettings] = (),
        reviews: ReviewSettings | None = None,
    ) -> None:
        self._settings = settings or ArchiveSettings()
        self.webhooks = tuple(webhooks)
        self._news = {webhook.name: asyncio.Event() for webhook in webhooks}
        self._database = Database(folder, self._settings.url)
        hooks = {webhook.name: webhook.wants for webhook in webhooks}
        self._store = Store(self._database, hooks, reviews)
        self._reading = Reading(self._database)
        self.last = self._reading.last()
        """The newest cursor that an earlier server has written; 0 when there was none."""
        self.floor = self._reading.floor()
        """No rare event above this cursor has been forgotten."""
        self._commits: Commits | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the disk cannot be written at the moment, so that no event goes out."""
        return self._commits is not None and self._commits.failing

    def start(self, on_batch: Callable[[int, float], object], on_room: Callable[[], object]) -> Commits:
        """Begins to write, on a thread of its own; what is given out takes events.

        Args:
            on_batch: called after each batch: events in it, seconds the oldest waited.
            on_room: called when a full queue has room again.
        """

        def written(events: int, waited_s: float) -> None:
            on_batch(events, waited_s)
            for news in self._news.values():
                news.set()

        self._commits = Commits(self._store, self._settings.waiting_events, on_batch=written, on_room=on_room)
        self._commits.start()
        return self._commits

    def news(self, hook: str) -> asyncio.Event:
        """Is set whenever something was written; for the one who sends to this webhook, who clears it."""
        return self._news[hook]

    async def ask(self, question: Callable[[Reading], T]) -> T:
        """What ``question`` finds, on a thread that may wait for the disk."""
        return await asyncio.to_thread(question, self._reading)

    async def page(self, wish: Wish, limit: int) -> list[Record]:
        """Events, oldest first."""
        return await self.ask(lambda reading: reading.events(wish, limit))

    async def change(self, job: Callable[[Store], T]) -> T:
        """What ``job`` returns, on the thread that writes."""
        if self._commits is None:
            raise RuntimeError("the archive has not been started")
        return await self._commits.run(job)

    async def keep_house(self) -> None:
        """Removes calls that have been kept long enough, until cancelled; raises what ended the thread."""
        if self._commits is None:
            raise RuntimeError("the archive has not been started")
        while True:
            if self._settings.keep_days:
                await self.expire(time.time_ns() // 1_000_000)
            await asyncio.wait({self._commits.broken}, timeout=SWEEP_S)
            if self._commits.broken.done():
                self._commits.broken.result()

    async def expire(self, now_ms: int) -> None:
        """Removes, slice by slice, calls that ended more than ``keep_days`` before ``now_ms``."""
        before_ms = now_ms - round(self._settings.keep_days * DAY_MS)
        removed = 0
        while rows := await self.change(lambda store: store.expire(before_ms)):
            removed += rows
            self.floor = await self.ask(Reading.floor)
        if removed:
            log.info("expired", rows=removed)

    def close(self) -> None:
        """Writes what waits, if the disk takes it, and lets go. Does nothing a second time."""
        if self._commits is not None:
            lost = self._commits.stop()
            if lost:
                log.error("not_archived", events=lost)
            self._commits = None
        self._store.close()
        self._database.close()
