"""The archive as a server uses it: opened before anything is served, closed after the last event."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sentiment_engine.archive import recordings
from sentiment_engine.archive.audio import FOLDER, KeptAudio
from sentiment_engine.archive.audio_key import load_audio_key
from sentiment_engine.archive.commits import Commits
from sentiment_engine.archive.database import Database
from sentiment_engine.archive.evidence import EvidenceLog, LogKeys
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import Record, Wish, now_ms
from sentiment_engine.archive.store import Store
from sentiment_engine.settings_archive import ArchiveSettings, WebhookSettings
from sentiment_engine.settings_audio import AudioSettings
from sentiment_engine.settings_evidence import EvidenceSettings
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
        evidence: who signs what is kept; nobody without a key.
        reviews: what two roles have to review.
        audio: the key of kept audio; without one, audio that is there can be removed only.

    Raises:
        BadSettings: the database cannot be opened, is in use, or is newer than this code; or a file of
            ``evidence`` or ``audio`` cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        settings: ArchiveSettings | None = None,
        webhooks: Sequence[WebhookSettings] = (),
        evidence: EvidenceSettings | None = None,
        *,
        reviews: ReviewSettings | None = None,
        audio: AudioSettings | None = None,
    ) -> None:
        self._settings = settings or ArchiveSettings()
        self._audio_days = 0.0 if audio is None else audio.keep_days
        self.has_audio_key = audio is not None and bool(audio.key)
        self.webhooks = tuple(webhooks)
        self._news = {webhook.name: asyncio.Event() for webhook in webhooks}
        keys = LogKeys(evidence) if evidence is not None and evidence.key else None
        self.audio = KeptAudio(
            folder / FOLDER, load_audio_key(Path(audio.key)) if audio is not None and audio.key else None
        )
        """The files of kept audio."""
        self._database = Database(folder, self._settings.url)
        hooks = {webhook.name: webhook.wants for webhook in webhooks}
        self._store = Store(self._database, hooks, reviews)
        self._reading = Reading(self._database)
        self.evidence = None if keys is None else EvidenceLog(self._database, keys)
        """The log over all that is kept; None without a key."""
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
        """Events, oldest first; afterwards :attr:`floor` tells of all that was missing from them."""

        def read(reading: Reading) -> tuple[list[Record], int]:
            return reading.events(wish, limit), reading.floor()  # in this order: it rises as events go

        records, floor = await self.ask(read)
        self.floor = max(self.floor, floor)
        return records

    async def change(self, job: Callable[[Store], T]) -> T:
        """What ``job`` returns, on the thread that writes."""
        if self._commits is None:
            raise RuntimeError("the archive has not been started")
        return await self._commits.run(job)

    async def keep_house(self) -> None:
        """Removes what has been kept long enough, until cancelled; raises what ended the thread."""
        if self._commits is None:
            raise RuntimeError("the archive has not been started")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            await self._commits.broken

    async def _sweep(self) -> None:
        while True:
            try:
                await self.expire(now_ms())
            except SQLAlchemyError as reason:
                log.error("expiry_failed", reason=str(reason.__cause__ or reason)[:300])  # noqa: TRY400
            except OSError as reason:
                log.error("audio_not_removed", reason=str(reason))  # noqa: TRY400
            await asyncio.sleep(SWEEP_S)

    async def expire(self, at_ms: int) -> None:
        """Removes, slice by slice, what has been kept long enough at ``at_ms``: calls, audio.

        Raises:
            OSError: a file of audio cannot be removed.
        """
        removed = 0
        if self._settings.keep_days:
            before_ms = at_ms - round(self._settings.keep_days * DAY_MS)
            while rows := await self.change(lambda store: store.expire(before_ms)):
                removed += rows
                self.floor = await self.ask(Reading.floor)
        if self._audio_days:
            heard_ms = at_ms - round(self._audio_days * DAY_MS)
            await self.change(
                lambda store: store.record(lambda connection: recordings.forget(connection, heard_ms))
            )
        files = await self.remove_audio()
        if removed or files:
            log.info("expired", rows=removed, recordings=files)

    async def remove_audio(self) -> int:
        """Removes the files of audio whose call, or whose row, is gone; how many recordings.

        Raises:
            OSError: one cannot be removed.
        """

        def remove(reading: Reading) -> int:
            found = self.audio.names()  # before the rows: a row is there before its first file
            nobodys = found - recordings.names(reading)
            for name in nobodys:
                self.audio.remove(name)
            return len(nobodys)

        return await self.ask(remove)

    def close(self) -> None:
        """Writes what waits, if the disk takes it, and lets go. Does nothing a second time."""
        if self._commits is not None:
            lost = self._commits.stop()
            if lost:
                log.error("not_archived", events=lost)
            self._commits = None
        self._store.close()
        self._database.close()
