"""Whose call it was, as the call's own first event says: what an agent may be shown, and may answer."""

import msgspec
from sqlalchemy import select

from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.schema import EVENTS
from sentiment_engine.events import CallStarted


def owners_at(reading: Reading, call_id: str, cursor: int) -> frozenset[str]:
    """Names of the tokens whose own call it was when ``cursor`` was given out.

    An id may come again, as another agent's call: the newest start up to ``cursor`` counts. Nobody's where
    that start is no longer kept, so that what is forgotten is shown to no one.
    """
    newest = reading.call(call_id)
    if newest is not None and newest.cursor <= cursor:
        return owners_of(newest.started)
    rows = reading.rows(
        select(EVENTS.c.body)
        .where(EVENTS.c.call_id == call_id, EVENTS.c.type == "call.started", EVENTS.c.cursor <= cursor)
        .order_by(EVENTS.c.cursor.desc())
        .limit(1)
    )
    return owners_of(rows[0].body) if rows else frozenset()


def owners_of(body: bytes) -> frozenset[str]:
    """Those that a ``call.started`` names; ``body`` is what ``wire.encode`` made of it."""
    return msgspec.json.decode(body, type=CallStarted).owners
