"""What an event changes in the list of what two roles have to review; the rules are in ``reviewing.py``."""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from sentiment_engine.archive import reviewing
from sentiment_engine.archive.records import Record
from sentiment_engine.archive.reviewing import Duty, Kind, Standing, Why
from sentiment_engine.archive.schema import ALERTS, CALLS, DUTIES, FACTS, REVIEWS
from sentiment_engine.events import Alert, AlertReviewed, CallEnded, Event, Reviewed
from sentiment_engine.settings_reviews import REVIEW_ROLES, ReviewSettings

KEY_PARTS = ("review_key_1", "review_key_2")
"""Facts that hold the key of the draw, 63 bits each."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings, and the archive's own key of the draw."""

    settings: ReviewSettings
    key: bytes


def draw_key(connection: Connection) -> bytes:
    """The key that calls are drawn with; made once for an archive, so that backups go on with the same."""
    parts = []
    for name in KEY_PARTS:
        value = connection.execute(select(FACTS.c.value).where(FACTS.c.name == name)).scalar()
        if value is None:
            value = secrets.randbits(63)
            connection.execute(insert(FACTS).values(name=name, value=value))
        parts.append(value.to_bytes(8, "big"))
    return b"".join(parts)


def owe(connection: Connection, record: Record, event: Event, rules: Rules) -> None:
    """Applies one event, after its alert's and its call's newest state, in the same transaction."""
    match event:
        case Alert() if event.severity == "critical":
            cursor = connection.execute(
                select(ALERTS.c.cursor).where(ALERTS.c.alert_id == event.alert_id)
            ).scalar()
            if cursor is not None and load(connection, cursor) is None:
                _insert(
                    connection,
                    _duty(
                        record, rules, cursor=cursor, kind="alert", subject_id=event.alert_id, why="critical"
                    ),
                )
        case CallEnded():
            cursor = connection.execute(
                select(CALLS.c.cursor).where(CALLS.c.call_id == event.call_id)
            ).scalar()
            if (
                cursor is not None
                and reviewing.is_sampled(rules.key, rules.settings.sample_share, event.call_id, cursor)
                and load(connection, cursor) is None
            ):
                _insert(
                    connection,
                    _duty(record, rules, cursor=cursor, kind="call", subject_id=event.call_id, why="sampled"),
                )
        case Reviewed():
            _review(connection, record, event, rules)
        case _:
            return  # nothing else is owed a review


def _review(connection: Connection, record: Record, event: Reviewed, rules: Rules) -> None:
    about = int(event.about)
    before = load(connection, about)
    if before is None:
        # Whoever looks at what nobody had to look at asks the other role to look at it too.
        alert_id = event.alert_id if isinstance(event, AlertReviewed) else None
        before = _duty(
            record,
            rules,
            cursor=about,
            kind="call" if alert_id is None else "alert",
            subject_id=event.call_id if alert_id is None else alert_id,
            why="voluntary",
        )
        _insert(connection, before)
    now = reviewing.after(before, event, record.time_ms)
    connection.execute(
        insert(REVIEWS).values(
            cursor=record.cursor,
            about=about,
            call_id=event.call_id,
            review_id=event.review_id,
            by=event.by,
            key=event.key,
            counts=now is not before,
            time_ms=record.time_ms,
            body=record.body,
        )
    )
    stands = now.standing.get(event.role)
    if now is not before and stands is not None:
        connection.execute(
            update(DUTIES)
            .where(DUTIES.c.cursor == about)
            .values(
                {
                    f"{event.role}_review": stands.review_id,
                    f"{event.role}_by": stands.by,
                    f"{event.role}_ms": stands.first_ms,
                }
            )
        )


def _duty(record: Record, rules: Rules, *, cursor: int, kind: Kind, subject_id: str, why: Why) -> Duty:
    return Duty(
        cursor=cursor,
        kind=kind,
        subject_id=subject_id,
        call_id=record.call_id,
        why=why,
        at_s=record.at_s,
        since_ms=record.time_ms,
        due_ms=reviewing.due_ms(record.time_ms, rules.settings),
    )


def load(connection: Connection, cursor: int) -> Duty | None:
    """The duty about the alert or call that began with ``cursor``, or None."""
    row = connection.execute(select(DUTIES).where(DUTIES.c.cursor == cursor)).first()
    return None if row is None else duty_of(row)


def duty_of(row: Any) -> Duty:
    """A row of :data:`schema.DUTIES` as the rules know it."""
    columns = row._mapping
    return Duty(
        cursor=row.cursor,
        kind=row.kind,
        subject_id=row.subject_id,
        call_id=row.call_id,
        why=row.why,
        at_s=row.at_s,
        since_ms=row.since_ms,
        due_ms={role: columns[f"{role}_due_ms"] for role in REVIEW_ROLES},
        standing={
            role: Standing(columns[f"{role}_review"], columns[f"{role}_by"], columns[f"{role}_ms"])
            for role in REVIEW_ROLES
            if columns[f"{role}_review"] is not None
        },
    )


def _insert(connection: Connection, duty: Duty) -> None:
    connection.execute(
        insert(DUTIES).values(
            cursor=duty.cursor,
            kind=duty.kind,
            subject_id=duty.subject_id,
            call_id=duty.call_id,
            why=duty.why,
            at_s=duty.at_s,
            since_ms=duty.since_ms,
            **{f"{role}_due_ms": due for role, due in duty.due_ms.items()},
        )
    )
