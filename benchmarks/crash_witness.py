"""What clients of a server that is killed over and over were shown, and whether the archive has all of it."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sentiment_engine.archive.database import Database
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import Record, Wish
from sentiment_engine.archive.schema import ALERTS, LEAVES


class Witness:
    """Everything that anybody was shown."""

    def __init__(self) -> None:
        self.feed: dict[int, str] = {}
        """Cursor -> CloudEvent, as the reader of the feed was given it first."""
        self.streams: dict[tuple[str, int], dict[str, Any]] = {}
        """Call and seq -> alert event, as the call's own client was given it."""
        self.acks: dict[str, dict[str, Any]] = {}
        """Alert -> what the server answered to its acknowledgement."""
        self.hooks: dict[str, bytes] = {}
        """Message id -> body, as the webhook's receiver was given it first."""
        self.again: Counter[str] = Counter()
        """Where something came again under its id."""
        self.different = 0
        """What came again under its id, and was not the same."""

    def saw(self, text: str) -> int:
        """The feed's reader was given an event; returns its cursor."""
        cursor = int(json.loads(text)["sequence"])
        if cursor in self.feed:
            self.again["feed"] += 1
            self.different += self.feed[cursor] != text
        self.feed.setdefault(cursor, text)
        return cursor

    def was_told(self, message_id: str, body: bytes) -> None:
        """The webhook's receiver was given a message."""
        if message_id in self.hooks:
            self.again["webhook"] += 1
            self.different += self.hooks[message_id] != body
        self.hooks.setdefault(message_id, body)

    def compare(self, folder: Path) -> dict[str, Any]:
        """Reads the archive; counts what it lacks of what was shown, and what nobody was shown of it."""
        database = Database(folder)
        try:
            records = Reading(database).events(Wish(), 10**9)
            with database.engine.connect() as connection:
                leaves = connection.execute(sa.select(LEAVES).order_by(LEAVES.c.position)).all()
                acknowledged = dict(
                    connection.execute(sa.select(ALERTS.c.alert_id, ALERTS.c.acknowledged_at)).all()
                )
        finally:
            database.close()
        by_cursor = {record.cursor: record for record in records}
        by_seq = {(r.call_id, r.seq): json.loads(r.body) for r in records if r.type.startswith("alert.")}
        rare = [record for record in records if not record.is_tick]
        raised = [record for record in rare if record.type == "alert.raised"]
        return {
            "events_kept": len(records),
            "alerts_raised": len(raised),
            "alerts_shown": sum('"type":"sentiment-engine.alert.raised"' in t for t in self.feed.values()),
            "acknowledged_lost": sum(_lost(by_cursor, cursor, text) for cursor, text in self.feed.items())
            + sum(by_seq.get(key) != event for key, event in self.streams.items()),
            "shown_to_agents": len(self.streams),
            "acks": len(self.acks),
            "acks_lost": sum(
                acknowledged.get(alert) != answer["acknowledged"]["at"] for alert, answer in self.acks.items()
            ),
            "skipped_on_feed": sum(record.cursor not in self.feed for record in rare),
            "webhooks_lost": sum(f"{record.cursor:020d}" not in self.hooks for record in raised),
            "duplicates": dict(self.again),
            "duplicates_that_differ": self.different,
            "calls_without_end": _open_calls(records),
            "log_intact": [leaf.position for leaf in leaves] == list(range(len(records)))
            and [(leaf.cursor, leaf.hash) for leaf in leaves]
            == [(r.cursor, hashlib.sha256(b"\0" + r.body).digest()) for r in records],
        }


def _lost(kept: dict[int, Record], cursor: int, text: str) -> bool:
    return cursor not in kept or kept[cursor].cloud_event != text


def _open_calls(records: list[Record]) -> int:
    started = {record.call_id for record in records if record.type == "call.started"}
    return len(started - {record.call_id for record in records if record.type == "call.ended"})
