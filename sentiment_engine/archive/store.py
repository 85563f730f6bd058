"""What the one writing thread does: batches of events, acknowledgements, erasure, retention, webhooks' state.

Every method is one transaction, and is called on one thread only. ``reading.py`` is for everybody else.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, insert, select, update

from sentiment_engine.archive.database import Database
from sentiment_engine.archive.duties import Rules, draw_key
from sentiment_engine.archive.projection import project
from sentiment_engine.archive.records import Record, now_ms
from sentiment_engine.archive.schema import (
    ALERTS,
    CALLS,
    CHECKPOINTS,
    CHUNKS,
    DELIVERIES,
    DUTIES,
    EVENTS,
    FACTS,
    LEAVES,
    RECORDINGS,
    REVIEWS,
)
from sentiment_engine.archive.signed import Signed
from sentiment_engine.settings_reviews import ReviewSettings

T = TypeVar("T")

FLOOR = "floor"
DELETED_AT_ONCE = 5000
"""Rows a sweep removes in one transaction: events that wait for it wait some tens of milliseconds."""


class Store:
    """Writes to an open database.

    Args:
        database: which.
        hooks: of each webhook, by name, whether it wants an event of a type.
        reviews: what is to be reviewed.
    """

    def __init__(
        self,
        database: Database,
        hooks: Mapping[str, Callable[[str], bool]] | None = None,
        reviews: ReviewSettings | None = None,
    ) -> None:
        self._database, self._is_sqlite = database, database.is_sqlite
        self._hooks = hooks or {}
        self._connection = database.engine.connect()
        with self._connection.begin():
            self._leaves, self._newest = self._log_end()
            self._rules = Rules(reviews or ReviewSettings(), draw_key(self._connection))

    def close(self) -> None:
        """Lets go of the connection."""
        self._connection.close()

    def _log_end(self) -> tuple[int, int]:
        """The position of the next leaf, and the cursor of the last one; both 0 for an empty log."""
        end = self._connection.execute(
            select(LEAVES.c.position, LEAVES.c.cursor).order_by(LEAVES.c.position.desc()).limit(1)
        ).first()
        return (0, 0) if end is None else (end.position + 1, end.cursor)

    def write(self, records: Sequence[Record], *, again: bool = False) -> None:
        """Puts events, their leaves and what follows from them on disk: all or nothing.

        Args:
            records: at least one, cursors growing, from batch to batch too.
            again: whether these may be on disk already: a connection lost during a commit does not tell.

        Raises:
            SQLAlchemyError: nothing was written, as far as can be told.
            BadSettings: another server writes this archive since the connection was lost.
        """
        if again:
            self._database.hold()
        rare = any(not record.is_tick for record in records)
        self._be_durable(rare)
        with self._connection.begin():
            if again:
                self._leaves, self._newest = self._log_end()
                if self._newest >= records[-1].cursor:
                    return
            if not rare and not self._is_sqlite:
                self._connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            self._connection.execute(insert(EVENTS), [_event_row(record) for record in records])
            self._connection.execute(
                insert(LEAVES),
                [
                    {"position": position, "cursor": record.cursor, "hash": record.leaf}
                    for position, record in enumerate(records, self._leaves)
                ],
            )
            for record in records:
                if not record.is_tick:
                    project(self._connection, record, self._rules)
            due = [
                {"hook": hook, "cursor": record.cursor, "call_id": record.call_id, "attempts": 0, "due_ms": 0}
                for record in records
                for hook, wants in self._hooks.items()
                if wants(record.type)
            ]
            if due:
                self._connection.execute(insert(DELIVERIES), due)
        self._leaves, self._newest = self._leaves + len(records), records[-1].cursor

    def _be_durable(self, rare: bool) -> None:
        """Ticks alone need not be flushed to the disk: losing power may cost some, a killed server none."""
        if self._is_sqlite:
            self._connection.connection.execute(f"PRAGMA synchronous={'FULL' if rare else 'NORMAL'}")

    # -- less often

    def erase(self, call_id: str) -> bool:
        """Removes all that is kept of a call but its leaf hashes; False when nothing was."""
        self._be_durable(rare=True)
        with self._connection.begin():
            found = self._remove_call(call_id, limit=None)
        if found and self._is_sqlite:
            # Or what was erased could be read from the write-ahead log until that is overwritten.
            self._connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return found > 0

    def expire(self, before_ms: int) -> int:
        """Removes one slice of what ended before ``before_ms``; the rows removed, 0 when all is done.

        The floor is raised with it: who asks for older events is told that they are gone.
        """
        self._be_durable(rare=True)
        with self._connection.begin():
            call_id = self._connection.execute(
                select(CALLS.c.call_id)
                .where(CALLS.c.ended_ms < before_ms)
                .order_by(CALLS.c.ended_ms)
                .limit(1)
            ).scalar()
            if call_id is None:
                return 0
            newest = self._connection.execute(
                select(func.max(EVENTS.c.cursor)).where(EVENTS.c.call_id == call_id, EVENTS.c.tick.is_(False))
            ).scalar()
            if newest is not None:
                self._raise_floor(newest)
            return self._remove_call(call_id, limit=DELETED_AT_ONCE)

    def _raise_floor(self, cursor: int) -> None:
        known = self._connection.execute(select(FACTS.c.value).where(FACTS.c.name == FLOOR)).scalar()
        if known is None:
            self._connection.execute(insert(FACTS).values(name=FLOOR, value=cursor))
        elif known < cursor:
            self._connection.execute(update(FACTS).where(FACTS.c.name == FLOOR).values(value=cursor))

    def _remove_call(self, call_id: str, limit: int | None) -> int:
        """Removes up to ``limit`` events of a call, and with the last of them all the rest of it."""
        chosen = (
            select(EVENTS.c.cursor).where(EVENTS.c.call_id == call_id).order_by(EVENTS.c.cursor).limit(limit)
        )
        removed: int = self._connection.execute(delete(EVENTS).where(EVENTS.c.cursor.in_(chosen))).rowcount
        if limit is None or removed < limit:
            for table in (ALERTS, DELIVERIES, DUTIES, REVIEWS, RECORDINGS, CALLS):
                removed += self._connection.execute(delete(table).where(table.c.call_id == call_id)).rowcount
        return removed

    # -- evidence

    def keep_checkpoint(self, key: str, signed: Signed) -> None:
        """Keeps what ``key`` has signed; after that, and not before, it may be given out."""
        self._be_durable(rare=True)
        with self._connection.begin():
            self._connection.execute(
                insert(CHECKPOINTS).values(
                    key=key, size=signed.size, note=signed.note, signed_ms=now_ms(), stamp=signed.stamp
                )
            )
            if signed.chunks:
                rows = [{"number": number, "root": root} for number, root in signed.chunks]
                self._connection.execute(insert(CHUNKS), rows)

    def keep_stamp(self, key: str, size: int, stamp: bytes) -> None:
        """Keeps the time stamp of the checkpoint of ``size`` leaves."""
        self._be_durable(rare=True)
        with self._connection.begin():
            self._connection.execute(
                update(CHECKPOINTS)
                .where(CHECKPOINTS.c.key == key, CHECKPOINTS.c.size == size)
                .values(stamp=stamp)
            )

    def record(self, job: Callable[[Connection], T]) -> T:
        """What a change of ``recordings.py`` returns."""
        self._be_durable(rare=True)
        with self._connection.begin():
            return job(self._connection)

    # -- webhooks

    def delivered(self, hook: str, cursor: int) -> None:
        """A webhook has taken an event."""
        with self._connection.begin():
            self._connection.execute(_delivery(delete(DELIVERIES), hook, cursor))

    def not_delivered(self, hook: str, cursor: int, *, due_ms: int | None, error: str) -> None:
        """A webhook has not taken an event; it is tried again at ``due_ms``, or never when that is None."""
        with self._connection.begin():
            self._connection.execute(
                _delivery(update(DELIVERIES), hook, cursor).values(
                    attempts=DELIVERIES.c.attempts + 1, due_ms=due_ms, last_error=error
                )
            )


def _delivery(statement: Any, hook: str, cursor: int) -> Any:
    return statement.where(DELIVERIES.c.hook == hook, DELIVERIES.c.cursor == cursor)


def _event_row(record: Record) -> dict[str, Any]:
    return {
        "cursor": record.cursor,
        "call_id": record.call_id,
        "seq": record.seq,
        "type": record.type,
        "tick": record.is_tick,
        "at_s": record.at_s,
        "time_ms": record.time_ms,
        "body": record.body,
    }
