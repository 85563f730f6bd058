"""Lists of calls and alerts: what can be asked of them, and the rows as clients are given them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement

from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import cursor_text, rfc3339
from sentiment_engine.archive.schema import ALERTS, CALLS
from sentiment_engine.archive.views import Acknowledgement, AgentAnswer, KeptAlert, KeptCall
from sentiment_engine.events import AlertAnswered


def calls(
    reading: Reading,
    *,
    live: bool | None,
    alerts: bool | None,
    language: str | None,
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
    if since_ms is not None:
        conditions.append(CALLS.c.started_ms >= since_ms)
    if until_ms is not None:
        conditions.append(CALLS.c.started_ms < until_ms)
    return reading.calls(*conditions, before=before, limit=limit)


def alerts(
    reading: Reading,
    *,
    is_open: bool | None,
    acknowledged: bool | None,
    severity: str | None,
    kind: str | None,
    call_id: str | None,
    before: int | None,
    limit: int,
) -> Sequence[Any]:
    """Rows of alerts, newest first; the arguments are as for :func:`calls`."""
    conditions: list[ColumnElement[bool]] = []
    if is_open is not None:
        conditions.append(ALERTS.c.open.is_(is_open))
    if acknowledged is not None:
        seen = ALERTS.c.acknowledged_at
        conditions.append(seen.is_not(None) if acknowledged else seen.is_(None))
    for column, value in ((ALERTS.c.severity, severity), (ALERTS.c.kind, kind), (ALERTS.c.call_id, call_id)):
        if value is not None:
            conditions.append(column == value)
    return reading.alerts(*conditions, before=before, limit=limit)


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
