"""The checkpoints that were signed, as the archive keeps them. Those of each key are a log of their own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, exists, func, select

from sentiment_engine.archive.database import Database
from sentiment_engine.archive.schema import CALENDAR_PROOFS, CHECKPOINTS, CHUNKS


class Signed(NamedTuple):
    """One checkpoint."""

    size: int
    """Leaves that it covers, from the first."""
    note: bytes
    """As it is given out, see ``checkpoints.py``."""
    stamp: bytes | None
    """An RFC 3161 response over ``note``, if there is one."""
    chunks: tuple[tuple[int, bytes], ...] = ()
    """Of a new one: what ``merkle.Tree.chunks`` gave on the way, to be kept with it."""


class SignedBefore:
    """What one key has signed.

    Args:
        database: an open archive.
        key: name and id of the key.
    """

    def __init__(self, database: Database, key: str) -> None:
        self._engine = database.engine
        self._signed = select(CHECKPOINTS.c.size, CHECKPOINTS.c.note, CHECKPOINTS.c.stamp).where(
            CHECKPOINTS.c.key == key
        )

    def newest(self) -> Signed | None:
        """The largest; None before the first."""
        return self._one(self._signed.order_by(CHECKPOINTS.c.size.desc()))

    def of_size(self, size: int) -> Signed | None:
        """The one of ``size`` leaves."""
        return self._one(self._signed.where(CHECKPOINTS.c.size == size))

    def covering(self, size: int) -> Signed | None:
        """The one that says most of the first ``size`` leaves; None when none covers them.

        That is the first that was time-stamped, since an early stamp proves more than a late one; without
        any stamp the first that a calendar has had attested, or else promised to; or else the newest.
        """
        covering = self._signed.where(CHECKPOINTS.c.size >= size)
        proofs = CALENDAR_PROOFS.c
        of_it = (proofs.key == CHECKPOINTS.c.key) & (proofs.size == CHECKPOINTS.c.size)
        for sign in (
            CHECKPOINTS.c.stamp.is_not(None),
            exists().where(of_it, proofs.attested),
            exists().where(of_it),
        ):
            if first := self._one(covering.where(sign).order_by(CHECKPOINTS.c.size)):
                return first
        return self._one(covering.order_by(CHECKPOINTS.c.size.desc()))

    def before(self, size: int, limit: int) -> list[Signed]:
        """The newest of fewer than ``size`` leaves, at most ``limit``, the smallest first."""
        found = self._all(
            self._signed.where(CHECKPOINTS.c.size < size).order_by(CHECKPOINTS.c.size.desc()).limit(limit)
        )
        return [Signed(*row) for row in reversed(found)]

    def chunks(self) -> list[tuple[int, bytes]]:
        """What is kept of the tree, whatever key signed it."""
        return [(row.number, row.root) for row in self._all(select(CHUNKS))]

    def next_chunk(self) -> int:
        """The number of the first chunk that is not kept."""
        newest: int | None = self._all(select(func.max(CHUNKS.c.number)))[0][0]
        return 0 if newest is None else newest + 1

    def _one(self, statement: Select[Any]) -> Signed | None:
        found = self._all(statement.limit(1))
        return Signed(*found[0]) if found else None

    def _all(self, statement: Select[Any]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(statement).all()
