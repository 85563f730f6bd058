"""The answer of ``/v1/reports`` as a record: what ``archive/call_report.py`` tells, and of which period."""

from collections.abc import Sequence

import msgspec

from sentiment_engine.archive.views import Moment


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Some calls."""

    calls: int
    with_alerts: int
    """How many of them had an alert."""
    alerts: int
    peak: float | None
    """Median of the highest tension of calls that have ended, 0..1; null without any."""
    seconds_above: float
    """Time over the alert threshold."""


class Day(Tally, frozen=True, kw_only=True):
    """The calls that began on a day."""

    day: str
    """`2026-01-31`, of the calendar of the zone."""


class StageTally(Tally, frozen=True, kw_only=True):
    """The calls that began with a stage."""

    stage: str


class KindCount(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts of one kind."""

    kind: str
    alerts: int


class CauseCount(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts to which one cause gives most in their newest event."""

    cause: str
    alerts: int
    share: float
    """Of those that have a cause, 0..1."""


class PhraseCount(msgspec.Struct, frozen=True, kw_only=True):
    """What followed after one phrase."""

    id: str
    """Empty, and the first, for alerts that showed none: compare with it."""
    shown: int
    change: float
    """Median change of tension after it."""
    fell: float
    """Share after which tension fell, 0..1."""


class Report(Tally, frozen=True, kw_only=True):
    """The calls of a period in numbers. Nothing in it is by agent or supervisor."""

    since: Moment | None = msgspec.field(name="from")
    """Null where the period has no beginning, like `to`."""
    to: Moment | None
    zone: str
    """IANA's name of the time zone whose days are counted."""
    seen: int
    """Alerts that somebody has acknowledged."""
    by_day: Sequence[Day]
    by_stage: Sequence[StageTally]
    by_kind: Sequence[KindCount]
    by_cause: Sequence[CauseCount]
    by_phrase: Sequence[PhraseCount]
