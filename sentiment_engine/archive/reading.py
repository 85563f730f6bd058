"""What anybody may ask the archive, on any thread."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select

from sentiment_engine.archive.database import Database
from sentiment_engine.archive.records import TICKS, Record, Wish
from sentiment_engine.archive.schema import ALERTS, CALLS, DELIVERIES, EVENTS, FACTS, LEAVES
from sentiment_engine.archive.store import FLOOR

_RECORD = (
    EVENTS.c.cursor,
    EVENTS.c.call_id,
    EVENTS.c.seq,
    EVENTS.c.type,
    EVENTS.c.at_s,
    EVENTS.c.time_ms,
    EVENTS.c.body,
)


class Due(NamedTuple):
    """A webhook message that waits, or that was given up."""

    hook: str
    attempts: int
    last_error: str | None
    record: Record


class Reading:
    """Queries on an open database; each is one short transaction."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine

    def _all(self, statement: Select[Any]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(statement).all()

    def rows(self, statement: Select[Any]) -> Sequence[Any]:
        """What a query of another file finds."""
        return self._all(statement)

    def _one(self, statement: Select[Any]) -> Any:
        with self._engine.connect() as connection:
            return connection.execute(statement).first()

    def last(self) -> int:
        """The newest cursor that was ever written, erased ones included; 0 for an empty archive."""
        return self._one(select(func.max(LEAVES.c.cursor)))[0] or 0

    def floor(self) -> int:
        """The newest cursor of a rare event that retention has removed; 0 when none was."""
        row = self._one(select(FACTS.c.value).where(FACTS.c.name == FLOOR))
        return 0 if row is None else row.value

    def events(self, wish: Wish, limit: int) -> list[Record]:
        """Events in the order of the feed, at most ``limit``."""
        statement = (
            select(*_RECORD).where(EVENTS.c.cursor > wish.after).order_by(EVENTS.c.cursor).limit(limit)
        )
        if wish.until is not None:
            statement = statement.where(EVENTS.c.cursor <= wish.until)
        if wish.types is not None:
            statement = statement.where(EVENTS.c.type.in_(wish.types))
            if TICKS.isdisjoint(wish.types):
                statement = statement.where(EVENTS.c.tick.is_(False))
        if wish.calls is not None:
            statement = statement.where(EVENTS.c.call_id.in_(wish.calls))
        return [Record(*row) for row in self._all(statement)]

    def recordings(self, call_id: str) -> list[Record]:
        """The events that name recordings of the newest call of this id."""
        began = select(CALLS.c.cursor).where(CALLS.c.call_id == call_id).scalar_subquery()
        statement = (
            select(*_RECORD)
            .where(EVENTS.c.call_id == call_id, EVENTS.c.cursor >= began, EVENTS.c.type == "recording.hashed")
            .order_by(EVENTS.c.cursor)
        )
        return [Record(*row) for row in self._all(statement)]

    def call(self, call_id: str) -> Any:
        """The row of :data:`schema.CALLS`, or None."""
        return self._one(select(CALLS).where(CALLS.c.call_id == call_id))

    def calls(self, *conditions: ColumnElement[bool], before: int | None, limit: int | None) -> Sequence[Any]:
        """Rows of :data:`schema.CALLS`, newest first, that began before cursor ``before``."""
        if before is not None:
            conditions = (*conditions, CALLS.c.cursor < before)
        return self._all(select(CALLS).where(*conditions).order_by(CALLS.c.cursor.desc()).limit(limit))

    def cut_off(self) -> list[Record]:
        """Of each call that a server has begun and not ended, the last event that its monitor said."""
        ids = self._all(select(CALLS.c.call_id).where(CALLS.c.ended_ms.is_(None)))
        return [self.last_said(row.call_id) for row in ids]

    def last_said(self, call_id: str) -> Record:
        """The last event that a call's monitor said, of a call that is kept."""
        statement = (
            select(*_RECORD)
            .where(EVENTS.c.call_id == call_id, EVENTS.c.seq > 0)
            .order_by(EVENTS.c.cursor.desc())
            .limit(1)
        )
        return Record(*self._one(statement))

    def alert(self, alert_id: str) -> Any:
        """The row of :data:`schema.ALERTS`, or None."""
        return self._one(select(ALERTS).where(ALERTS.c.alert_id == alert_id))

    def alerts(
        self, *conditions: ColumnElement[bool], before: int | None, limit: int | None
    ) -> Sequence[Any]:
        """Rows of :data:`schema.ALERTS`, newest first, that were raised before cursor ``before``."""
        if before is not None:
            conditions = (*conditions, ALERTS.c.cursor < before)
        return self._all(select(ALERTS).where(*conditions).order_by(ALERTS.c.cursor.desc()).limit(limit))

    def due(self, hook: str, now_ms: int, limit: int) -> list[Due]:
        """Messages to one webhook whose time has come, the oldest first."""
        condition = (DELIVERIES.c.hook == hook) & (DELIVERIES.c.due_ms <= now_ms)
        return self._deliveries(condition, order=DELIVERIES.c.cursor, limit=limit)

    def dead(self, limit: int) -> list[Due]:
        """Webhook messages that were given up, the newest first."""
        return self._deliveries(DELIVERIES.c.due_ms.is_(None), order=DELIVERIES.c.cursor.desc(), limit=limit)

    def _deliveries(
        self, condition: ColumnElement[bool], *, order: ColumnElement[int], limit: int
    ) -> list[Due]:
        statement = (
            select(
                DELIVERIES.c.hook,
                DELIVERIES.c.attempts,
                DELIVERIES.c.last_error,
                *_RECORD,
            )
            .join(EVENTS, EVENTS.c.cursor == DELIVERIES.c.cursor)
            .where(condition)
            .order_by(order)
            .limit(limit)
        )
        return [Due(row.hook, row.attempts, row.last_error, Record(*row[3:])) for row in self._all(statement)]
