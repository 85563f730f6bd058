"""The tables. Migrations make them (``migrations/versions``); a test keeps the two alike."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    or_,
)

METADATA: Final = MetaData()

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("call_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("tick", Boolean, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("events_by_call", "call_id", "cursor"),
)
"""``body`` holds the exact bytes of ``wire.encode``; ``time_ms`` when it was published, since 1970."""

RARE_EVENTS: Final = Index(
    "events_rare",
    EVENTS.c.cursor,
    sqlite_where=EVENTS.c.tick == false(),
    postgresql_where=EVENTS.c.tick == false(),
)
"""Alerts, starts and ends are few among ticks: a reader of those alone must not walk over the others."""

LEAVES: Final = Table(
    "leaves",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("cursor", BigInteger, nullable=False, unique=True),
    Column("hash", LargeBinary(32), nullable=False),
)
"""The evidence log: leaf hashes (RFC 6962) from position 0 without gaps. Never deleted."""

CALLS: Final = Table(
    "calls",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("language", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("started", LargeBinary, nullable=False),
    Column("ended", LargeBinary),
    Column("alerts", Integer, nullable=False),
    Index("calls_by_cursor", "cursor"),
    Index("calls_by_end", "ended_ms"),
)
"""The newest call of each id. ``cursor`` is that of its start; ``started`` and ``ended`` hold bodies."""

ALERTS: Final = Table(
    "alerts",
    METADATA,
    Column("alert_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Text),
    Column("answered", LargeBinary),
    Column("assigned_to", Text),
    Column("assigned_by", Text),
    Column("assigned_at", Text),
    Index("alerts_by_cursor", "cursor"),
    Index("alerts_by_call", "call_id"),
    Index("alerts_by_assigned", "assigned_to", "cursor"),
)
"""The newest state of each alert. ``cursor``: of ``alert.raised``; ``body``: of its newest event;
``answered``: of its newest ``alert.answered``.

``assigned_by`` and ``assigned_at`` tell of the newest assignment, also where nobody has it any more."""

DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    Column("hook", Text, primary_key=True),
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("call_id", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger),
    Column("last_error", Text),
    Index("deliveries_due", "due_ms"),
    Index("deliveries_by_call", "call_id"),
)
"""Webhook messages not yet delivered; ``due_ms`` is NULL for those given up: the dead letters."""

CHECKPOINTS: Final = Table(
    "checkpoints",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    Column("signed_ms", BigInteger, nullable=False),
    Column("stamp", LargeBinary),
)
"""What was signed over the first ``size`` leaves, by name and id of the ``key``. Never deleted."""

CALENDAR_PROOFS: Final = Table(
    "calendar_proofs",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("calendar", Text, primary_key=True),
    Column("proof", LargeBinary, nullable=False),
    Column("attested", Boolean, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
)
"""OpenTimestamps proofs of checkpoints; ``asked_ms`` is when the calendar was last asked about one."""

WAITING_PROOFS: Final = Index(
    "calendar_proofs_waiting",
    CALENDAR_PROOFS.c.asked_ms,
    sqlite_where=CALENDAR_PROOFS.c.attested == false(),
    postgresql_where=CALENDAR_PROOFS.c.attested == false(),
)

CHUNKS: Final = Table(
    "chunks",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
)
"""Roots of each 1024 leaves, so that a server that starts need not hash them all again. May be emptied."""

FACTS: Final = Table(
    "facts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Single numbers: ``floor``, the newest cursor of a rare event that retention has removed."""

DUTIES: Final = Table(
    "duties",
    METADATA,
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("business_due_ms", BigInteger, nullable=False),
    Column("business_review", Text),
    Column("business_by", Text),
    Column("business_ms", BigInteger),
    Column("legal_due_ms", BigInteger, nullable=False),
    Column("legal_review", Text),
    Column("legal_by", Text),
    Column("legal_ms", BigInteger),
    Index("duties_by_subject", "kind", "subject_id"),
    Index("duties_by_call", "call_id"),
)
"""Alerts and calls that two roles have to review, see ``reviewing.py``; ``…_review`` is that which stands."""

_MISSING: Final = or_(DUTIES.c.business_review.is_(None), DUTIES.c.legal_review.is_(None))
OPEN_DUTIES: Final = Index("duties_open", DUTIES.c.cursor, sqlite_where=_MISSING, postgresql_where=_MISSING)
"""Most duties are done; the queue must not walk over them."""

REVIEWS: Final = Table(
    "reviews",
    METADATA,
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("about", BigInteger, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("review_id", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("reviews_by_id", "review_id"),
    Index("reviews_by_key", "by", "key"),
    Index("reviews_by_call", "call_id"),
    Index("reviews_by_time", "time_ms"),
)
"""Every review ever given, corrected ones too. ``about`` is the cursor of its duty."""

RECORDINGS: Final = Table(
    "recordings",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("rate_hz", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("frames", BigInteger),
    Column("sha256", Text),
    Column("lost", Integer),
    Index("recordings_by_call", "call_id"),
    Index("recordings_by_end", "ended_ms"),
)
"""Kept audio, whose files are called ``name`` (``audio.py``); without ``ended_ms`` it is still in parts."""
