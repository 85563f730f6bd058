"""The leaves of the evidence log as the archive keeps them."""

from typing import NamedTuple

from sqlalchemy import func, select

from sentiment_engine.archive.database import Database
from sentiment_engine.archive.schema import CALLS, EVENTS, LEAVES

_REVIEW = "review."
"""What the types of reviews begin with."""


class CallLeaves(NamedTuple):
    """All leaves of one call, each with its position in the log and its bytes, in the order of the log."""

    events: list[tuple[int, bytes]]
    reviews: list[tuple[int, bytes]]

    @property
    def end(self) -> int:
        """The size of the smallest log that holds all of them; 0 when there are none."""
        return 1 + max((leaves[-1][0] for leaves in self if leaves), default=-1)


class StoredLeaves:
    """The hashes of all leaves, for ``merkle.Tree``.

    Args:
        database: an open archive.
    """

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self._size = 0

    def look(self) -> int:
        """Counts the leaves anew; until the next look :meth:`size` stays the same."""
        with self._engine.connect() as connection:
            newest = connection.execute(select(func.max(LEAVES.c.position))).scalar()
        self._size = 0 if newest is None else newest + 1
        return self._size

    def size(self) -> int:
        """How many there were at the last look: asked for at every step of every proof."""
        return self._size

    def hashes(self, start: int, end: int) -> list[bytes]:
        statement = (
            select(LEAVES.c.hash)
            .where(LEAVES.c.position >= start, LEAVES.c.position < end)
            .order_by(LEAVES.c.position)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(statement).scalars())

    def of_call(self, call_id: str) -> CallLeaves:
        """The leaves of the newest call of this id; none when it is not kept, or no longer."""
        began = select(CALLS.c.cursor).where(CALLS.c.call_id == call_id).scalar_subquery()
        statement = (
            select(LEAVES.c.position, EVENTS.c.type, EVENTS.c.body)
            .join(EVENTS, EVENTS.c.cursor == LEAVES.c.cursor)
            .where(EVENTS.c.call_id == call_id, EVENTS.c.cursor >= began)
            .order_by(LEAVES.c.position)
        )
        found = CallLeaves([], [])
        with self._engine.connect() as connection:
            for position, kind, body in connection.execute(statement):
                (found.reviews if kind.startswith(_REVIEW) else found.events).append((position, body))
        return found
