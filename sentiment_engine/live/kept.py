"""What is kept, over HTTP: calls, their events, alerts, who has seen them; and erasure."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive import listing, recordings
from sentiment_engine.archive.records import Wish, cursor_text, now_ms, rfc3339
from sentiment_engine.events import AlertAcknowledged
from sentiment_engine.live.answering import answering, asked_id, failing, unknown
from sentiment_engine.live.api.bodies import (
    AlertList,
    CallList,
    CallWithAlerts,
    DeadLetter,
    DeadLetters,
    Erased,
    EventList,
)
from sentiment_engine.live.asked import Asked, Unanswered, said
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.feed import chosen
from sentiment_engine.live.hub import Hub

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)

PATIENCE_S = 5.0
"""How long somebody who acknowledges an alert waits for the disk."""
SEVERITIES = ("notice", "warning", "critical")
ALERT_FILTERS = (
    *("open", "acknowledged", "severity", "kind", "assigned", "call", "q", "from", "to"),
    *("before", "limit"),
)


class Kept:
    """The routes under ``/v1/calls``, ``/v1/alerts`` and ``/v1/webhooks``.

    Args:
        archive: what is kept; without it every answer is 404 ``no_archive``.
        hub: takes acknowledgements, and forgets calls that are erased.
        calls: knows which calls are live.
        turn: two who acknowledge or review at once must not both be first; what is erased must not come back.
    """

    def __init__(self, archive: "Archive | None", hub: Hub, calls: Calls, turn: asyncio.Lock) -> None:
        self._archive, self._hub, self._calls, self.turn = archive, hub, calls, turn

    def routes(self) -> list[Route]:
        """All of them. Ids may hold slashes, so the longer paths come first."""
        return [
            Route("/v1/calls", self.answering(self._list_calls)),
            Route("/v1/calls/{call_id:path}/events", self.answering(self._events)),
            Route("/v1/calls/{call_id:path}", self.answering(self._call)),
            Route("/v1/calls/{call_id:path}", self.answering(self._erase), methods=["DELETE"]),
            Route("/v1/alerts", self.answering(self._list_alerts)),
            Route("/v1/alerts/{alert_id:path}/ack", self.answering(self._ack), methods=["POST"]),
            Route("/v1/webhooks/dead", self.answering(self._dead)),
        ]

    def answering(
        self, ask: Callable[[Request, "Archive"], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint: what ``ask`` answers, or its refusal."""
        return answering(self._archive, ask)

    # -- calls

    async def _list_calls(self, request: Request, archive: "Archive") -> Response:
        asked = Asked(request, ("live", "alerts", "language", "q", "from", "to", "before", "limit"))
        limit = asked.limit()
        rows = await archive.ask(
            partial(
                listing.calls,
                live=asked.flag("live"),
                alerts=asked.flag("alerts"),
                language=asked.text("language"),
                part=asked.part("q"),
                since_ms=asked.time_ms("from"),
                until_ms=asked.time_ms("to"),
                before=asked.cursor("before"),
                limit=limit,
            )
        )
        return said(
            CallList(calls=[listing.call_json(row) for row in rows], next=listing.next_cursor(rows, limit))
        )

    async def _call(self, request: Request, archive: "Archive") -> Response:
        call_id = asked_id(request, "call_id")
        row = await archive.ask(lambda reading: reading.call(call_id))
        if row is None:
            raise unknown("call", call_id)
        alerts = await archive.ask(lambda reading: listing.alerts_of(reading, call_id))
        recording = await archive.ask(lambda reading: recordings.of_call(reading, call_id))
        return said(
            CallWithAlerts(
                call=listing.call_json(row),
                alerts=[listing.alert_json(alert) for alert in alerts],
                recording=None if recording is None else recording.json(),
            )
        )

    async def _events(self, request: Request, archive: "Archive") -> Response:
        asked = Asked(request, ("since", "types", "limit"))
        call_id, limit, since = asked_id(request, "call_id"), asked.limit(), asked.cursor("since") or 0
        types = asked.text("types")
        choice, _ = chosen(QueryParams({} if types is None else {"types": types}))
        if await archive.ask(lambda reading: reading.call(call_id)) is None:
            raise unknown("call", call_id)
        records = await archive.page(Wish(types=choice.types, calls=(call_id,), after=since), limit)
        return said(
            EventList(
                events=[msgspec.Raw(record.cloud_event.encode()) for record in records],
                next=cursor_text(records[-1].cursor) if len(records) == limit else None,
            )
        )

    async def _erase(self, request: Request, archive: "Archive") -> Response:
        call_id = asked_id(request, "call_id")
        async with self.turn:
            if self._calls.is_live(call_id):
                raise Unanswered("still_live", f"call {call_id} is live: erase it when it has ended")
            await self.written()
            self._hub.forget(call_id)
            found = await archive.change(lambda store: store.erase(call_id))
            try:
                await archive.remove_audio()
            except OSError as reason:
                log.error("audio_not_removed", call_id=call_id, reason=str(reason))  # noqa: TRY400 - as elsewhere
                raise Unanswered(
                    "archive_failing",
                    "the call is erased but for its audio, which cannot be removed now: that is tried every "
                    "ten minutes; see audio_not_removed in the log",
                ) from reason
        if not found:
            raise unknown("call", call_id)
        log.info("call_erased", call_id=call_id, caller=request.state.caller.name)
        return said(Erased(erased=call_id))

    # -- alerts

    async def _list_alerts(self, request: Request, archive: "Archive") -> Response:
        asked = Asked(request, ALERT_FILTERS)
        limit = asked.limit()
        rows = await archive.ask(
            partial(
                listing.alerts,
                is_open=asked.flag("open"),
                acknowledged=asked.flag("acknowledged"),
                severity=asked.one_of("severity", SEVERITIES),
                kind=asked.text("kind"),
                assigned=asked.text("assigned"),
                call_id=asked.text("call"),
                part=asked.part("q"),
                since_ms=asked.time_ms("from"),
                until_ms=asked.time_ms("to"),
                before=asked.cursor("before"),
                limit=limit,
            )
        )
        return said(
            AlertList(alerts=[listing.alert_json(row) for row in rows], next=listing.next_cursor(rows, limit))
        )

    async def _ack(self, request: Request, archive: "Archive") -> Response:
        alert_id = asked_id(request, "alert_id")
        async with self.turn:
            await self.written()
            row = await archive.ask(lambda reading: reading.alert(alert_id))
            if row is None:
                raise unknown("alert", alert_id)
            if row.acknowledged_at is None:
                self._hub.publish(
                    AlertAcknowledged(
                        call_id=row.call_id,
                        at_s=msgspec.json.decode(row.body)["at_s"],
                        seq=0,
                        alert_id=alert_id,
                        by=request.state.caller.name,
                        acknowledged_at=rfc3339(now_ms()),
                    )
                )
                await self.written()
                row = await archive.ask(lambda reading: reading.alert(alert_id))
        return said(listing.alert_json(row))

    async def written(self) -> None:
        """Returns when all that was published is on disk."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._hub.flush()
        except TimeoutError:
            raise failing() from None

    # -- webhooks

    async def _dead(self, request: Request, archive: "Archive") -> Response:
        limit = Asked(request, ("limit",)).limit()
        letters = await archive.ask(lambda reading: reading.dead(limit))
        return said(
            DeadLetters(
                dead=[
                    DeadLetter(
                        webhook=letter.hook,
                        attempts=letter.attempts,
                        last_error=letter.last_error,
                        event=msgspec.Raw(letter.record.cloud_event.encode()),
                    )
                    for letter in letters
                ]
            )
        )
