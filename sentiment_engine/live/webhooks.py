"""Webhooks: every event somebody asked for is delivered at least once, or is found among the dead letters.

What waits lies in the archive, put there in the transaction that wrote its event, so no crash loses one. A
receiver may be given the same message again; its ``webhook-id`` is the event's cursor, and tells. A few are
on their way at a time, and one that failed comes later: the order is not promised, the cursor tells it.
"""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sentiment_engine.archive.records import cursor_text, now_ms
from sentiment_engine.errors import BadSettings
from sentiment_engine.live.logs import plain_trace
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.live.webhook_message import Answer, post, secret_of, signed
from sentiment_engine.settings import Settings
from sentiment_engine.settings_archive import WebhookSettings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive
    from sentiment_engine.archive.reading import Due

log = structlog.get_logger(__name__)

RETRY_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 18_000.0, 36_000.0)
"""After each failed attempt: ten in all, over 18 hours; then a message is dead."""
JITTER = 0.2
"""Each pause is up to so much longer, or receivers that come back would be met by all at once."""
LONGEST_S = 86_400.0
"""Whatever a receiver asks for."""
TOGETHER = 4
"""Messages of one receiver on their way at a time."""
LOOK_S = 0.2
"""At least between two looks for what is due: news come every tick."""
QUIET_S = 2.0
"""At most, for what is due again."""
GONE = 410
"""The receiver says that it wants no more of this."""

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]


def webhooks_of(settings: Settings, archive: "Archive | None", metrics: Metrics) -> "Webhooks | None":
    """The webhooks of the settings, or None when there are none.

    Raises:
        BadSettings: there is no archive that was opened with them, or a signing secret is missing.
    """
    if settings.webhooks and (archive is None or archive.webhooks != settings.webhooks):
        raise BadSettings("webhooks need an archive that was opened with them: give serve --data DIR")
    return Webhooks(archive, os.environ, metrics) if archive is not None and archive.webhooks else None


class Webhooks:
    """Sends what waits to those whom the archive was opened with.

    Args:
        archive: where messages wait.
        environ: holds the signing secrets.
        metrics: is kept up to date.
        send: posts one message.

    Raises:
        BadSettings: a signing secret is missing, or is none.
    """

    def __init__(
        self, archive: "Archive", environ: Mapping[str, str], metrics: Metrics, send: Post = post
    ) -> None:
        self._archive, self._metrics, self._send = archive, metrics, send
        self._hooks = [(webhook, secret_of(webhook, environ)) for webhook in archive.webhooks]

    async def run(self) -> None:
        """Sends until cancelled."""
        async with asyncio.TaskGroup() as group:
            for webhook, secret in self._hooks:
                group.create_task(self._serve(webhook, secret))

    async def _serve(self, webhook: WebhookSettings, secret: bytes) -> None:
        news = self._archive.news(webhook.name)
        while True:
            news.clear()  # before the look, so that nothing written meanwhile is missed
            sent = 0
            try:
                due = await self._archive.ask(lambda reading: reading.due(webhook.name, now_ms(), TOGETHER))
                sent = len(due)
                await asyncio.gather(*(self._attempt(webhook, secret, message) for message in due))
            except SQLAlchemyError as fault:  # the messages stay where they are
                log.error("webhooks_wait", webhook=webhook.name, trace=plain_trace(fault))  # noqa: TRY400
            if sent < TOGETHER:
                await asyncio.sleep(LOOK_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), QUIET_S)

    async def _attempt(self, webhook: WebhookSettings, secret: bytes, due: "Due") -> None:
        record = due.record
        body = record.cloud_event.encode()
        headers = signed(secret, cursor_text(record.cursor), int(time.time()), body)
        headers["Content-Type"] = "application/cloudevents+json"
        answer = await self._send(webhook.url, headers, body)
        if answer.is_success:
            self._metrics.webhooks.labels("delivered").inc()
            await self._archive.change(lambda store: store.delivered(webhook.name, record.cursor))
            return
        pause_s = _pause_s(due.attempts, answer)
        due_ms = None if pause_s is None else now_ms() + round(1000 * pause_s)
        self._metrics.webhooks.labels("dead" if pause_s is None else "failed").inc()
        log.warning(
            "webhook_failed",
            webhook=webhook.name,
            cursor=record.cursor,
            attempt=due.attempts + 1,
            reason=answer.error,
            again_in_s=None if pause_s is None else round(pause_s),
        )
        await self._archive.change(
            lambda store: store.not_delivered(webhook.name, record.cursor, due_ms=due_ms, error=answer.error)
        )


def _pause_s(attempts: int, answer: Answer) -> float | None:
    """How long to wait after another failed attempt; None to give up."""
    if attempts >= len(RETRY_S) or answer.status == GONE:
        return None
    jitter = 1 + JITTER * random.random()  # noqa: S311 - nobody gains by guessing it
    return max(RETRY_S[attempts] * jitter, min(answer.retry_after_s, LONGEST_S))
