"""The OpenTimestamps proofs of an archive's checkpoints, promised and attested."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select

from sentiment_engine.archive.database import Database
from sentiment_engine.archive.schema import CALENDAR_PROOFS


class Promise(NamedTuple):
    """What one calendar has given for one checkpoint."""

    size: int
    """Of the checkpoint, leaves."""
    calendar: str
    """Address, as the settings had it."""
    proof: bytes
    """An ``.ots`` file over the checkpoint's note."""
    attested: bool
    """Whether a Bitcoin block stands in it; otherwise it is a promise, and the calendar is asked again."""


def keep(connection: Connection, key: str, promise: Promise, asked_ms: int) -> None:
    """Keeps what a calendar said of a checkpoint at ``asked_ms``, in the place of what it said before.

    For ``Store.record``.
    """
    columns = CALENDAR_PROOFS.c
    connection.execute(
        delete(CALENDAR_PROOFS).where(
            columns.key == key, columns.size == promise.size, columns.calendar == promise.calendar
        )
    )
    connection.execute(insert(CALENDAR_PROOFS).values(key=key, asked_ms=asked_ms, **promise._asdict()))


class Promises:
    """What one key's checkpoints were promised.

    Args:
        database: an open archive.
        key: name and id of the key.
    """

    def __init__(self, database: Database, key: str) -> None:
        self._engine = database.engine
        columns = CALENDAR_PROOFS.c
        self._all = select(columns.size, columns.calendar, columns.proof, columns.attested).where(
            columns.key == key
        )

    def of_size(self, size: int) -> list[Promise]:
        """Those of the checkpoint of ``size`` leaves, attested ones first."""
        columns = CALENDAR_PROOFS.c
        statement = self._all.where(columns.size == size)
        return self._read(statement.order_by(columns.attested.desc(), columns.calendar))

    def waiting(self, calendar: str, limit: int) -> list[Promise]:
        """Promises of one calendar, that which was asked for longest ago first."""
        columns = CALENDAR_PROOFS.c
        statement = self._all.where(columns.calendar == calendar, ~columns.attested)
        return self._read(statement.order_by(columns.asked_ms, columns.size).limit(limit))

    def _read(self, statement: Select[Any]) -> list[Promise]:
        with self._engine.connect() as connection:
            return [Promise(*row) for row in connection.execute(statement)]
