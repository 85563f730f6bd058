"""Reads what a report counts, a page at a time: however many calls there are, few are in memory."""

from sqlalchemy import select

from sentiment_engine.archive.call_report import CallReport
from sentiment_engine.archive.listing import between
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.schema import ALERTS, CALLS

PAGE = 2000


def add_calls(
    reading: Reading, report: CallReport, *, since_ms: int | None, until_ms: int | None, after: int
) -> int | None:
    """Adds a page of the calls that began in a period; where the next begins, None after the last.

    Args:
        reading: the archive.
        report: takes them.
        since_ms: begun at or after, milliseconds since 1970; None for all.
        until_ms: begun before.
        after: only with a start whose cursor is above; 0 for the first page.
    """
    columns = (CALLS.c.cursor, CALLS.c.started_ms, CALLS.c.stage, CALLS.c.alerts, CALLS.c.ended)
    chosen = between(CALLS.c.started_ms, since_ms, until_ms)
    statement = select(*columns).where(CALLS.c.cursor > after, *chosen).order_by(CALLS.c.cursor).limit(PAGE)
    rows = reading.rows(statement)
    for row in rows:
        report.add_call(row.started_ms, row.stage, row.alerts, row.ended)
    return rows[-1].cursor if len(rows) == PAGE else None


def add_alerts(
    reading: Reading, report: CallReport, *, since_ms: int | None, until_ms: int | None, after: int
) -> int | None:
    """Adds a page of the alerts of those calls; the arguments are those of :func:`add_calls`."""
    columns = (ALERTS.c.cursor, ALERTS.c.kind, ALERTS.c.body, ALERTS.c.acknowledged_at)
    statement = (
        select(*columns)
        # An id that came again stands for the newer call: alerts of the older one are none of its.
        .join(CALLS, (CALLS.c.call_id == ALERTS.c.call_id) & (CALLS.c.cursor < ALERTS.c.cursor))
        .where(ALERTS.c.cursor > after, *between(CALLS.c.started_ms, since_ms, until_ms))
        .order_by(ALERTS.c.cursor)
        .limit(PAGE)
    )
    rows = reading.rows(statement)
    for row in rows:
        report.add_alert(row.kind, row.body, seen=row.acknowledged_at is not None)
    return rows[-1].cursor if len(rows) == PAGE else None
