"""One event as the archive keeps it."""

import hashlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, get_args

import msgspec

from sentiment_engine import wire
from sentiment_engine.archive.views import Cursor, Moment, as_named
from sentiment_engine.events import AnyEvent, Event

TICKS = frozenset({"tension.updated", "emotion.scored", "voice.measured", "speech.ended"})
"""Event types of which only the newest matter to somebody who cannot keep up."""


EVENT_TYPES = tuple(str(kind.__struct_config__.tag) for kind in get_args(AnyEvent))


class CloudEvent(msgspec.Struct):
    """One event of one call, CloudEvents 1.0 as JSON."""

    specversion: Annotated[str, msgspec.Meta(extra_json_schema={"const": "1.0"})]
    id: str
    """Unique; the same as `sequence`."""
    source: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri-reference"})]
    type: Annotated[
        str, msgspec.Meta(extra_json_schema={"enum": [f"sentiment-engine.{name}" for name in EVENT_TYPES]})
    ]
    subject: str
    """The call's id."""
    time: Moment
    """When it was published."""
    datacontenttype: Annotated[str, msgspec.Meta(extra_json_schema={"const": "application/json"})]
    dataschema: str
    """Grows when a field changes its meaning; new fields alone do not raise it."""
    sequence: Cursor
    """The cursor to resume from."""
    data: Annotated[msgspec.Raw, as_named(*(kind.__name__ for kind in get_args(AnyEvent)))]


class Record(NamedTuple):
    """One published event."""

    cursor: int
    """Its place on the feed: grows from event to event, across restarts too."""
    call_id: str
    seq: int
    type: str
    at_s: float
    """Media time, seconds."""
    time_ms: int
    """When it was published: milliseconds since 1970."""
    body: bytes
    """What ``wire.encode`` made of it."""

    @property
    def is_tick(self) -> bool:
        return self.type in TICKS

    @property
    def leaf(self) -> bytes:
        """The leaf hash of RFC 6962, section 2.1: 32 bytes."""
        return hashlib.sha256(b"\x00" + self.body).digest()

    @property
    def cloud_event(self) -> str:
        """The event as every reader is given it: one CloudEvents 1.0 JSON object, the same at each call."""
        sequence = cursor_text(self.cursor)
        envelope = CloudEvent(
            specversion="1.0",
            id=sequence,
            source="/sentiment-engine",
            type=f"sentiment-engine.{self.type}",
            subject=self.call_id,
            time=rfc3339(self.time_ms),
            datacontenttype="application/json",
            dataschema=f"urn:sentiment-engine:event:{wire.WIRE_VERSION}",
            sequence=sequence,
            data=msgspec.Raw(self.body),
        )
        return msgspec.json.encode(envelope).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which events, calls or alerts; a field that is None asks for all."""

    types: Collection[str] | None = None
    calls: Collection[str] | None = None
    after: int = 0
    """Only with a cursor above this one."""
    until: int | None = None
    """Only with a cursor up to this one."""


def record_of(event: Event, cursor: int, time_ms: int) -> Record:
    """``event`` as it is published under ``cursor`` at ``time_ms``."""
    kind = str(type(event).__struct_config__.tag)
    return Record(cursor, event.call_id, event.seq, kind, event.at_s, time_ms, wire.encode(event))


def cursor_text(cursor: int) -> str:
    """The cursor as the ``sequence`` attribute carries it: 20 digits, so that texts sort as numbers do."""
    return f"{cursor:020d}"


def now_ms() -> int:
    """Milliseconds since 1970, by this machine's clock."""
    return time.time_ns() // 1_000_000


def rfc3339(time_ms: int) -> str:
    """Milliseconds since 1970 as ``2026-01-31T12:00:00.000Z``."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC).replace(microsecond=time_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
