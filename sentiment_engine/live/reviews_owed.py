"""How many reviews are owed and overdue, for ``/metrics``: counted when it is asked, and seldom."""

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sentiment_engine.archive import review_reading
from sentiment_engine.archive.records import now_ms
from sentiment_engine.live.metrics import Metrics

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)

FRESH_S = 10.0
"""Counts are that old at most: reviews are due in hours, and scrapers come in seconds."""


class ReviewsOwed:
    """Keeps the gauges of reviews.

    Args:
        archive: where duties are kept; without one nothing is owed, and the gauges have no samples.
        metrics: has the gauges.
    """

    def __init__(self, archive: "Archive | None", metrics: Metrics) -> None:
        self._archive, self._metrics = archive, metrics
        self._looked_at: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def look(self) -> None:
        """Brings the gauges up to date, unless they are fresh.

        When the archive cannot be read they have no samples, which an alarm can tell from none owed.
        """
        if self._archive is None:
            return
        async with self._one_at_a_time:
            now = time.monotonic()
            if self._looked_at is not None and now - self._looked_at < FRESH_S:
                return
            try:
                owed = await self._archive.ask(lambda reading: review_reading.owed(reading, now_ms()))
            except SQLAlchemyError as reason:
                log.error("reviews_not_counted", reason=str(reason.__cause__ or reason)[:300])  # noqa: TRY400
                self._metrics.reviews_owed.clear()
                self._metrics.reviews_overdue.clear()
                return
            for role, numbers in owed.items():
                self._metrics.reviews_owed.labels(role).set(numbers.owed)
                self._metrics.reviews_overdue.labels(role).set(numbers.overdue)
            self._looked_at = now
