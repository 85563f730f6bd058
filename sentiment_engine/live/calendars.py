"""Has checkpoints attested by OpenTimestamps calendars: promises now, Bitcoin blocks some hours later."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from sentiment_engine.archive.promises import Promise, keep
from sentiment_engine.archive.records import now_ms
from sentiment_engine.archive.signed import Signed
from sentiment_engine.errors import BadEvidence, NoTimeStamp
from sentiment_engine.live.metrics import Metrics

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive
    from sentiment_engine.archive.evidence import EvidenceLog

log = structlog.get_logger(__name__)

ASKED_AT_ONCE = 50
"""Promises that a calendar is reminded of in one round; the others come in the next."""


class Calendars:
    """The calendars of the settings.

    Args:
        archive: keeps what they give.
        evidence: asks them.
        metrics: is kept up to date.
    """

    def __init__(self, archive: "Archive", evidence: "EvidenceLog", metrics: Metrics) -> None:
        self._archive, self._evidence, self._metrics = archive, evidence, metrics

    async def ask(self, signed: Signed) -> None:
        """Has each calendar promise ``signed``, and reminds it of its promises.

        A calendar that fails stops no other, and is not asked again until the next round.
        """
        for calendar in self._evidence.settings.calendars:
            try:
                await self._promised(calendar, signed)
                await self._attested(calendar)
            except NoTimeStamp as reason:
                self._metrics.calendar_proofs.labels("failed").inc()
                log.warning("no_calendar_proof", calendar=calendar, reason=str(reason))

    async def _promised(self, calendar: str, signed: Signed) -> None:
        known = await asyncio.to_thread(self._evidence.promises.of_size, signed.size)
        if any(one.calendar == calendar for one in known):
            return
        promise = await asyncio.to_thread(self._evidence.promise, calendar, signed)
        await self._keep(promise, "promised")

    async def _attested(self, calendar: str) -> None:
        waiting = await asyncio.to_thread(self._evidence.promises.waiting, calendar, ASKED_AT_ONCE)
        for promise in waiting:
            try:
                told = await asyncio.to_thread(self._evidence.ask_again, promise)
            except BadEvidence as reason:
                self._metrics.calendar_proofs.labels("failed").inc()
                log.error("calendar_proof_altered", leaves=promise.size, reason=str(reason))  # noqa: TRY400
                told = promise  # asked for just now, so that it lets the others have their turn
            await self._keep(told, "attested" if told.attested else None)

    async def _keep(self, promise: Promise, outcome: str | None) -> None:
        kept = partial(keep, key=self._evidence.key, promise=promise, asked_ms=now_ms())
        await self._archive.change(lambda store: store.record(kept))
        if outcome is not None:
            self._metrics.calendar_proofs.labels(outcome).inc()
            log.info(f"checkpoint_{outcome}", calendar=promise.calendar, leaves=promise.size)
