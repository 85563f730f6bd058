"""Lists of calls and alerts: what can be asked of them, and the rows as clients are given them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement

from sentiment_engine.archive.containing import containing
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import cursor_text, rfc3339
from sentiment_engine.archive.schema import ALERTS, CALLS
from sentiment_engine.archive.views import Acknowledgement, AgentAnswer, Assignment, KeptAlert, KeptCall
from sentiment_engine.events import AlertAnswered

ANYBODY, NOBODY = "*", "-"
"""Whoever, or no one, an alert is assigned to; no token has such a name."""


def calls(
    reading: Reading,
    *,
    live: bool | None,
    alerts: bool | None,
    language: str | None,
    part: str | None,
    since_ms: int | None,
    until_ms: int | None,
    before: int | None,
    limit: int,
) -> Sequence[Any]:
    """Rows of calls, newest first.

    Args:
        reading: the archive.
        live: whether they have not ended; None for either, as for all that follow.
        alerts: whether any alert was raised.
        language: exactly as the call said it.
        part: of the call id, see :func:`containing`.
        since_ms: begun at or after, milliseconds since 1970.
        until_ms: begun before.
        before: with a start whose cursor is below.
        limit: at most so many.
    """
    conditions: list[ColumnElement[bool]] = []
    if live is not None:
        conditions.append(CALLS.c.ended_ms.is_(None) if live else CALLS.c.ended_ms.is_not(None))
    if alerts is not None:
        conditions.append(CALLS.c.alerts > 0 if alerts else CALLS.c.alerts == 0)
    if language is not None:
        conditions.append(CALLS.c.language == language)
    if part is not None:
        conditions.append(containing(CALLS.c.call_id, part))
    conditions += between(CALLS.c.started_ms, since_ms, until_ms)
    return reading.calls(*conditions, before=before, limit=limit)


def alerts(
    reading: Reading,
    *,
    is_open: bool | None,
    acknowledged: bool | None,
    severity: str | None,
    kind: str | None,
    assigned: str | None,
    call_id: str | None,
    part: str | None,
    since_ms: int | None,
    until_ms: int | None,
    before: int | None,
    limit: int,
) -> Sequence[Any]:
    """Rows of alerts, newest first; the arguments are as for :func:`calls`, times are those of raising.

    ``assigned`` is the name of who sees to them, :data:`ANYBODY` or :data:`NOBODY`.
    """
    conditions: list[ColumnElement[bool]] = []
    if is_open is not None:
        conditions.append(ALERTS.c.open.is_(is_open))
    if acknowledged is not None:
        seen = ALERTS.c.acknowledged_at
        conditions.append(seen.is_not(None) if acknowledged else seen.is_(None))
    for column, value in ((ALERTS.c.severity, severity), (ALERTS.c.kind, kind), (ALERTS.c.call_id, call_id)):
        if value is not None:
            conditions.append(column == value)
    holder = ALERTS.c.assigned_to
    if assigned == ANYBODY:
        conditions.append(holder.is_not(None))
    elif assigned is not None:
        conditions.append(holder.is_(None) if assigned == NOBODY else holder == assigned)
    if part is not None:
        conditions.append(containing(ALERTS.c.call_id, part))
    conditions += between(ALERTS.c.raised_ms, since_ms, until_ms)
    return reading.alerts(*conditions, before=before, limit=limit)


def between(
    column: ColumnElement[int], since_ms: int | None, until_ms: int | None
) -> list[ColumnElement[bool]]:
    """At or after the one moment and before the other, where they are given."""
    least = [] if since_ms is None else [column >= since_ms]
    return least if until_ms is None else [*least, column < until_ms]


def alerts_of(reading: Reading, call_id: str) -> Sequence[Any]:
    """All alerts of a call, newest first."""
    return reading.alerts(ALERTS.c.call_id == call_id, before=None, limit=None)


def call_json(row: Any) -> KeptCall:
    """A call as clients are given it."""
    return KeptCall(
        call_id=row.call_id,
        cursor=cursor_text(row.cursor),
        live=row.ended_ms is None,
        started_at=rfc3339(row.started_ms),
        ended_at=None if row.ended_ms is None else rfc3339(row.ended_ms),
        language=row.language,
        stage=row.stage,
        alerts=row.alerts,
        started=msgspec.Raw(row.started),
        ended=None if row.ended is None else msgspec.Raw(row.ended),
    )


def alert_json(row: Any) -> KeptAlert:
    """An alert as clients are given it."""
    seen = None
    if row.acknowledged_at is not None:
        seen = Acknowledgement(by=row.acknowledged_by, at=row.acknowledged_at)
    assigned = None
    if row.assigned_to is not None:
        assigned = Assignment(to=row.assigned_to, by=row.assigned_by, at=row.assigned_at)
    return KeptAlert(
        alert_id=row.alert_id,
        call_id=row.call_id,
        cursor=cursor_text(row.cursor),
        open=row.open,
        kind=row.kind,
        severity=row.severity,
        raised_at=rfc3339(row.raised_ms),
        acknowledged=seen,
        answered=None if row.answered is None else answer_json(row.answered),
        assigned=assigned,
        event=msgspec.Raw(row.body),
    )


def answer_json(body: bytes) -> AgentAnswer:
    """An agent's answer as clients are given it.

    Args:
        body: what ``wire.encode`` made of the ``alert.answered``.
    """
    said = msgspec.json.decode(body, type=AlertAnswered)
    return AgentAnswer(by=said.by, answer=said.answer, note=said.note, at=said.answered_at)


def next_cursor(rows: Sequence[Any], limit: int) -> str | None:
    """What to ask for as ``before`` to be given the next page; None when there is none."""
    return cursor_text(rows[-1].cursor) if len(rows) == limit else None
