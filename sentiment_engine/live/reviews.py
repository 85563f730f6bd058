"""Reviews by two roles, over HTTP: given, listed, and a day of them for the files."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive import review_log, review_reading, reviewing
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import cursor_text, now_ms, rfc3339
from sentiment_engine.archive.reviewing import GIVES, Duty, Kind, NotAllowed, State
from sentiment_engine.archive.views import ReviewCounts
from sentiment_engine.events import AlertReviewed, CallReviewed, Reviewed, ReviewRole
from sentiment_engine.live.answering import asked_id
from sentiment_engine.live.api.bodies import GivenReview, ReviewList
from sentiment_engine.live.asked import Asked, Unanswered, said
from sentiment_engine.live.door import Caller
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.kept import Kept
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.posted import posted
from sentiment_engine.live.review_body import ReviewBody
from sentiment_engine.live.review_subject import subject
from sentiment_engine.settings_reviews import REVIEW_ROLES, ReviewSettings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)

STATES = ("open", "overdue", "done")
FORMATS = ("csv", "html")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_OFFSET = re.compile(r"([+ -])(0[0-9]|1[0-4]):([0-5][0-9])", re.ASCII)


class Reviews:
    """The routes of reviews.

    Args:
        kept: answers when there is no archive, and lets one at a time decide.
        hub: takes reviews.
        settings: the words that may be used.
    """

    def __init__(self, kept: Kept, hub: Hub, settings: ReviewSettings) -> None:
        self._kept, self._hub, self._settings = kept, hub, settings

    def routes(self) -> list[Route]:
        """All of them."""
        answering = self._kept.answering
        return [
            Route(
                "/v1/alerts/{alert_id:path}/reviews",
                answering(partial(self._post, "alert")),
                methods=["POST"],
            ),
            Route(
                "/v1/calls/{call_id:path}/reviews", answering(partial(self._post, "call")), methods=["POST"]
            ),
            Route("/v1/reviews", answering(self._list)),
            Route("/v1/reviews/log", answering(self._log)),
        ]

    # -- giving one

    async def _post(self, kind: Kind, request: Request, archive: "Archive") -> Response:
        subject_id = asked_id(request, f"{kind}_id")
        caller: Caller = request.state.caller
        if not caller.name:
            raise Unanswered(
                "reviews_need_tokens", "a review needs a name, and this server has no tokens: set door.tokens"
            )
        body = await posted(request, ReviewBody)
        _check_role(body, caller)
        body.check(self._settings)
        async with self._kept.turn:
            await self._kept.written()
            known = await archive.ask(partial(_sent_before, caller=caller, body=body))
            if known is not None:
                _same_or_refuse(known, body, kind, subject_id)
                return said(await archive.ask(partial(_told, review=known)))
            duty = await archive.ask(
                partial(
                    subject,
                    kind=kind,
                    subject_id=subject_id,
                    role=body.role,
                    supersedes=body.supersedes,
                    cursor=body.place,
                )
            )
            try:
                reviewing.check(duty, role=body.role, by=caller.name, supersedes=body.supersedes)
            except NotAllowed as reason:
                raise Unanswered(reason.code, str(reason)) from reason
            event = _event(duty, body, caller)
            self._hub.publish(event)
            await self._kept.written()
        log.info("reviewed", kind=kind, subject=subject_id, role=body.role, caller=caller.name)
        return said(await archive.ask(partial(_told, review=event)), 201)

    # -- asking

    async def _list(self, request: Request, archive: "Archive") -> Response:
        asked = Asked(request, ("state", "role", "after", "limit"))
        role = _role(asked.one_of("role", REVIEW_ROLES))
        state = _state(asked.one_of("state", STATES))
        limit, after, now = asked.limit(), asked.cursor("after") or 0, now_ms()

        def ask(reading: Reading) -> ReviewList:
            found = review_reading.duties(
                reading, state=state, role=role, now_ms=now, after=after, limit=limit
            )
            return ReviewList(
                reviews=review_reading.duties_json(reading, found, now),
                counts=ReviewCounts(**review_reading.counts(reading, role, now)),
                next=cursor_text(found[-1].cursor) if len(found) == limit else None,
            )

        return said(await archive.ask(ask))

    async def _log(self, request: Request, archive: "Archive") -> Response:
        asked = Asked(request, ("day", "format", "offset"))
        day, offset = asked.text("day"), asked.text("offset")
        form = asked.one_of("format", FORMATS)
        if day is None or form is None:
            raise Refused("bad_query", "day and format are needed: day=2026-01-31&format=csv, or html")
        start_ms, zone = _day_start(day, offset)
        end_ms = start_ms + 86_400_000
        lines = await archive.ask(lambda reading: review_reading.day(reading, start_ms, end_ms))
        headers = {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f'attachment; filename="reviews-{day}.{form}"',
        }
        if form == "csv":
            return Response(review_log.as_csv(lines), 200, headers, media_type="text/csv; charset=utf-8")
        made = f"Made {rfc3339(now_ms())} for {request.state.caller.name or 'somebody on this machine'}."
        page = review_log.as_html(f"Reviews of {day} ({zone})", made, lines)
        headers = {**headers, "Content-Disposition": "inline", "Content-Security-Policy": review_log.POLICY}
        return Response(page, 200, headers, media_type="text/html; charset=utf-8")


def _check_role(body: ReviewBody, caller: Caller) -> None:
    if GIVES.get(caller.role) != body.role:
        gives = GIVES.get(caller.role, "no")
        raise Unanswered(
            "forbidden", f"the token {caller.name} has the role {caller.role}, which gives {gives} reviews"
        )


def _sent_before(reading: Reading, *, caller: Caller, body: ReviewBody) -> Reviewed | None:
    if not body.idempotency_key:
        return None
    return review_reading.by_key(reading, caller.name, body.idempotency_key)


def _same_or_refuse(known: Reviewed, body: ReviewBody, kind: Kind, subject_id: str) -> None:
    about = known.alert_id if isinstance(known, AlertReviewed) else known.call_id
    then = (known.role, known.decision, known.reason, known.note, known.supersedes)
    now = (body.role, body.decision, body.reason, body.note, body.supersedes)
    same_kind = isinstance(known, AlertReviewed) == (kind == "alert")
    same_place = body.place in (None, int(known.about))
    if then != now or about != subject_id or not (same_kind and same_place):
        raise Unanswered(
            "key_reused", "you have sent another review under this idempotency_key: use a new one"
        )


def _told(reading: Reading, *, review: Reviewed) -> GivenReview:
    duty = review_reading.duty(reading, int(review.about))
    owed = [] if duty is None else review_reading.duties_json(reading, [duty], now_ms())
    return GivenReview(review=review_reading.review_json(review), subject=owed[0] if owed else None)


def _event(duty: Duty, body: ReviewBody, caller: Caller) -> Reviewed:
    fields: dict[str, Any] = {
        "call_id": duty.call_id,
        "at_s": duty.at_s,
        "seq": 0,
        "about": cursor_text(duty.cursor),
        "review_id": uuid4().hex,
        "role": body.role,
        "by": caller.name,
        "decision": body.decision,
        "reason": body.reason,
        "note": body.note,
        "reviewed_at": rfc3339(now_ms()),
        "supersedes": body.supersedes,
        "key": body.idempotency_key,
    }
    if duty.kind == "alert":
        return AlertReviewed(**fields, alert_id=duty.subject_id)
    return CallReviewed(**fields)


def _role(text: str | None) -> ReviewRole | None:
    return None if text is None else msgspec.convert(text, ReviewRole)


def _state(text: str | None) -> State | None:
    return None if text is None else msgspec.convert(text, State)


def _day_start(day: str, offset: str | None) -> tuple[int, str]:
    """When a day begins, milliseconds since 1970, and what its clock is called."""
    ahead, zone = timedelta(0), "UTC"
    if offset is not None:
        found = _OFFSET.fullmatch(offset)
        if found is None:
            raise Refused("bad_query", f"offset={offset[:24]!a} must be like +08:00, from -14:59 to +14:59")
        sign = "-" if found[1] == "-" else "+"  # a plus sign that was not escaped arrives as a space
        ahead = timedelta(hours=int(found[2]), minutes=int(found[3])) * (-1 if sign == "-" else 1)
        zone = f"UTC{sign}{found[2]}:{found[3]}"
    try:
        if not _DAY.fullmatch(day):
            raise ValueError(day)
        start = datetime.fromisoformat(day).replace(tzinfo=UTC) - ahead
        return round(start.timestamp() * 1000), zone
    except (ValueError, OverflowError):
        raise Refused("bad_query", f"day={day[:24]!a} is no day: write 2026-01-31") from None
