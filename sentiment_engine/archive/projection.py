"""What an event changes in the newest state of its call and of its alert."""

from sqlalchemy import Connection, delete, insert, update

from sentiment_engine import wire
from sentiment_engine.archive.duties import Rules, owe
from sentiment_engine.archive.records import Record
from sentiment_engine.archive.schema import ALERTS, CALLS, RECORDINGS
from sentiment_engine.events import (
    AlertAcknowledged,
    AlertAnswered,
    AlertAssigned,
    AlertCleared,
    AlertRaised,
    AlertUpdated,
    AnyEvent,
    CallEnded,
    CallStarted,
)


def project(connection: Connection, record: Record, rules: Rules) -> None:
    """Applies one event, in the transaction that writes it.

    An id that comes again, of a call or of an alert, stands for the newer one; the older one's events stay,
    its audio goes.
    """
    event = wire.decode(record.body)
    _renew(connection, record, event)
    owe(connection, record, event, rules)


def _renew(connection: Connection, record: Record, event: AnyEvent) -> None:
    match event:
        case CallStarted():
            for table in (CALLS, RECORDINGS):
                connection.execute(delete(table).where(table.c.call_id == event.call_id))
            connection.execute(
                insert(CALLS).values(
                    call_id=event.call_id,
                    cursor=record.cursor,
                    started_ms=record.time_ms,
                    language=event.language,
                    stage=event.stage,
                    started=record.body,
                    alerts=0,
                )
            )
        case CallEnded():
            connection.execute(
                update(CALLS)
                .where(CALLS.c.call_id == event.call_id)
                .values(ended_ms=record.time_ms, ended=record.body)
            )
            # A monitor clears its alerts before; only a call that was cut off leaves some open.
            connection.execute(
                update(ALERTS).where(ALERTS.c.call_id == event.call_id, ALERTS.c.open).values(open=False)
            )
        case AlertRaised():
            connection.execute(delete(ALERTS).where(ALERTS.c.alert_id == event.alert_id))
            connection.execute(
                insert(ALERTS).values(
                    alert_id=event.alert_id,
                    call_id=event.call_id,
                    cursor=record.cursor,
                    open=True,
                    kind=event.kind,
                    severity=event.severity,
                    raised_ms=record.time_ms,
                    body=record.body,
                )
            )
            connection.execute(
                update(CALLS).where(CALLS.c.call_id == event.call_id).values(alerts=CALLS.c.alerts + 1)
            )
        case AlertUpdated() | AlertCleared():
            connection.execute(
                update(ALERTS)
                .where(ALERTS.c.alert_id == event.alert_id)
                .values(severity=event.severity, body=record.body, open=not isinstance(event, AlertCleared))
            )
        case AlertAcknowledged():
            connection.execute(
                update(ALERTS)
                .where(ALERTS.c.alert_id == event.alert_id)
                .values(acknowledged_by=event.by, acknowledged_at=event.acknowledged_at)
            )
        case AlertAnswered():
            connection.execute(
                update(ALERTS).where(ALERTS.c.alert_id == event.alert_id).values(answered=record.body)
            )
        case AlertAssigned():
            connection.execute(
                update(ALERTS)
                .where(ALERTS.c.alert_id == event.alert_id)
                .values(assigned_to=event.to, assigned_by=event.by, assigned_at=event.assigned_at)
            )
        case _:
            return  # gaps and quality change nothing that is listed
