"""What is asked of reviews: who owes which, what was said, and what a day has brought."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, and_, case, func, or_, select

from sentiment_engine import wire
from sentiment_engine.archive.duties import duty_of
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import cursor_text, rfc3339
from sentiment_engine.archive.review_log import Line
from sentiment_engine.archive.reviewing import Duty, Kind, State
from sentiment_engine.archive.schema import DUTIES, REVIEWS
from sentiment_engine.archive.views import OwedReview, RoleReview
from sentiment_engine.events import Reviewed, ReviewRole
from sentiment_engine.settings_reviews import REVIEW_ROLES


def duties(
    reading: Reading,
    *,
    state: State | None,
    role: ReviewRole | None,
    now_ms: int,
    after: int,
    limit: int,
) -> list[Duty]:
    """Duties, those that began first coming first.

    Args:
        reading: the archive.
        state: ``open``: a review is missing, overdue or not; ``overdue``; ``done``: none is. None for all.
        role: looks at this role's review alone; None at both.
        now_ms: milliseconds since 1970.
        after: only with a cursor above.
        limit: at most so many.
    """
    conditions: list[ColumnElement[bool]] = [DUTIES.c.cursor > after]
    if state is not None:
        conditions.append(_in_state(state, REVIEW_ROLES if role is None else (role,), now_ms))
    rows = reading.rows(select(DUTIES).where(*conditions).order_by(DUTIES.c.cursor).limit(limit))
    return [duty_of(row) for row in rows]


def counts(reading: Reading, role: ReviewRole | None, now_ms: int) -> dict[str, int]:
    """How many duties are ``open``, overdue ones among them, and how many ``overdue``."""
    roles = REVIEW_ROLES if role is None else (role,)
    return {
        state: reading.rows(select(func.count()).select_from(DUTIES).where(_in_state(state, roles, now_ms)))[
            0
        ][0]
        for state in ("open", "overdue")
    }


class Owed(NamedTuple):
    """Reviews that one role has not given."""

    owed: int
    overdue: int
    """Those of ``owed`` that should be there."""


def owed(reading: Reading, now_ms: int) -> dict[ReviewRole, Owed]:
    """How many reviews each role owes at ``now_ms``, ms since 1970, in one walk over open duties."""
    states: tuple[State, ...] = ("open", "overdue")
    numbers = [
        func.count(case((_in_state(state, (role,), now_ms), 1))) for role in REVIEW_ROLES for state in states
    ]
    (row,) = reading.rows(select().add_columns(*numbers).where(_in_state("open", REVIEW_ROLES, now_ms)))
    return {role: Owed(*row[2 * at : 2 * at + 2]) for at, role in enumerate(REVIEW_ROLES)}


def _in_state(state: State, roles: Sequence[ReviewRole], now_ms: int) -> ColumnElement[bool]:
    columns = DUTIES.c
    missing = [columns[f"{role}_review"].is_(None) for role in roles]
    if state == "open":
        return or_(*missing)
    if state == "done":
        return and_(*(columns[f"{role}_review"].is_not(None) for role in roles))
    return or_(
        *(and_(columns[f"{role}_review"].is_(None), columns[f"{role}_due_ms"] < now_ms) for role in roles)
    )


def about(reading: Reading, kind: Kind, subject_id: str) -> list[Duty]:
    """All duties of one id, the newest last; usually one."""
    statement = select(DUTIES).where(DUTIES.c.kind == kind, DUTIES.c.subject_id == subject_id)
    return [duty_of(row) for row in reading.rows(statement.order_by(DUTIES.c.cursor))]


def duty(reading: Reading, cursor: int) -> Duty | None:
    """The duty about what began with ``cursor``, or None."""
    rows = reading.rows(select(DUTIES).where(DUTIES.c.cursor == cursor))
    return duty_of(rows[0]) if rows else None


def given(reading: Reading, *conditions: ColumnElement[bool]) -> list[Reviewed]:
    """Review events that count, oldest first."""
    statement = select(REVIEWS.c.body).where(REVIEWS.c.counts, *conditions).order_by(REVIEWS.c.cursor)
    return [_review(row.body) for row in reading.rows(statement)]


def by_id(reading: Reading, ids: Collection[str]) -> dict[str, Reviewed]:
    """Reviews by their ids."""
    return {review.review_id: review for review in given(reading, REVIEWS.c.review_id.in_(ids))}


def by_key(reading: Reading, name: str, key: str) -> Reviewed | None:
    """What ``name`` has sent as ``key`` before, or None."""
    found = given(reading, REVIEWS.c.by == name, REVIEWS.c.key == key)
    return found[0] if found else None


def _review(body: bytes) -> Reviewed:
    event = wire.decode(body)
    if not isinstance(event, Reviewed):
        raise TypeError(f"a row of reviews holds a {type(event).__name__}")
    return event


# -- as clients are given it


def duties_json(reading: Reading, found: Sequence[Duty], now_ms: int) -> list[OwedReview]:
    """Duties with the reviews that stand."""
    reviews = by_id(reading, [stands.review_id for each in found for stands in each.standing.values()])
    return [_duty_json(each, reviews, now_ms) for each in found]


def _duty_json(each: Duty, reviews: dict[str, Reviewed], now_ms: int) -> OwedReview:
    return OwedReview(
        cursor=cursor_text(each.cursor),
        kind=each.kind,
        alert_id=each.subject_id if each.kind == "alert" else None,
        call_id=each.call_id,
        why=each.why,
        owed_since=rfc3339(each.since_ms),
        state=each.state(now_ms),
        business=_role_json(each, "business", reviews, now_ms),
        legal=_role_json(each, "legal", reviews, now_ms),
    )


def _role_json(each: Duty, role: ReviewRole, reviews: dict[str, Reviewed], now_ms: int) -> RoleReview:
    stands = each.standing.get(role)
    return RoleReview(
        due_at=rfc3339(each.due_ms[role]),
        overdue=each.is_overdue(role, now_ms),
        late=stands is not None and stands.first_ms > each.due_ms[role],
        review=None if stands is None else review_json(reviews[stands.review_id]),
    )


def review_json(review: Reviewed) -> msgspec.Raw:
    """The event, as the feed has it."""
    return msgspec.Raw(wire.encode(review))


# -- a day


def day(reading: Reading, start_ms: int, end_ms: int) -> list[Line]:
    """What became owed, was reviewed, or fell due unreviewed, from ``start_ms`` until before ``end_ms``."""
    in_day = [_between(DUTIES.c.since_ms, start_ms, end_ms)]
    in_day += [_between(DUTIES.c[f"{role}_due_ms"], start_ms, end_ms) for role in REVIEW_ROLES]
    touched = {each.cursor: each for each in map(duty_of, reading.rows(select(DUTIES).where(or_(*in_day))))}
    reviews = reading.rows(
        select(REVIEWS).where(REVIEWS.c.counts, _between(REVIEWS.c.time_ms, start_ms, end_ms))
    )
    wanted = {row.about for row in reviews} - set(touched)
    more = reading.rows(select(DUTIES).where(DUTIES.c.cursor.in_(wanted))) if wanted else ()
    known = {**touched, **{row.cursor: duty_of(row) for row in more}}
    lines = [
        Line(each.since_ms, "owed", each, None, None)
        for each in touched.values()
        if start_ms <= each.since_ms < end_ms
    ]
    for each in touched.values():
        for role, due in each.due_ms.items():
            stands = each.standing.get(role)
            if start_ms <= due < end_ms and (stands is None or stands.first_ms > due):
                lines.append(Line(due, "fell_due", each, role, None))
    for row in reviews:
        review = _review(row.body)
        lines.append(Line(row.time_ms, "reviewed", known[row.about], review.role, review))
    return sorted(lines, key=lambda line: (line.time_ms, line.duty.cursor, line.what, line.role or ""))


def _between(column: ColumnElement[int], start_ms: int, end_ms: int) -> ColumnElement[bool]:
    return and_(column >= start_ms, column < end_ms)
