"""What a replay says of one call, as far as alerts are counted and compared."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sentiment_engine.alerts import SEVERITIES, Alerts, Change, strongest_first
from sentiment_engine.events import (
    Alert,
    AlertCleared,
    AlertRaised,
    CallEnded,
    Event,
    Severity,
    TensionUpdated,
)
from sentiment_engine.replay import replay
from sentiment_engine.settings import Settings
from sentiment_engine.settings_alerts import AlertSettings
from sentiment_engine.tension import Level


@dataclass(frozen=True, slots=True)
class Raised:
    """One alert on tension, as far as it is counted."""

    at_s: float
    kind: str
    cause: str
    """The strongest one; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Spell:
    """One alert on tension, from when it was raised until it was cleared."""

    at_s: float
    until_s: float
    kind: str
    """When it was raised."""
    severity: Severity
    """The worst that it reached."""


@dataclass(frozen=True, slots=True)
class Track:
    """One call under one set of rules."""

    call_id: str
    duration_s: float
    steps: Sequence[tuple[float, Level]]
    """Media time and level whenever alerts look at it: with every window and every second."""
    spells: Sequence[Spell]
    as_stored: bool
    """Whether levels and alerts are those in the file."""

    def raised(self, rules: AlertSettings) -> list[Raised]:
        """The alerts that the engine's own rules raise on these levels; ``rules`` may be others."""
        alerts, out, raise_at = Alerts(rules), [], rules.raise_at
        for at_s, level in self.steps:
            if level.level < raise_at and alerts.calm:  # most of most calls
                continue
            change = alerts.step(at_s, level)
            if change and change.what == "raised":
                out.append(Raised(at_s, change.kind or "tension", next(iter(strongest_first(level)), "")))
        return out


def follow(events: Iterable[Event], settings: Settings) -> Track:
    """The track of one call under ``settings``.

    Raises:
        BadMessage: as :func:`~sentiment_engine.replay.replay`.
    """
    stored: list[tuple[object, ...]] = []
    alerts = _Seeing(settings.alerts)
    again = [e for e in replay(_noting(events, stored), settings, alerts) if isinstance(e, KEPT)]
    ended = again[-1]
    return Track(
        call_id=ended.call_id,
        duration_s=ended.at_s,
        steps=alerts.seen,
        spells=spells(again),
        as_stored=stored == [key for event in again if (key := _key(event))],
    )


KEPT = (TensionUpdated, Alert, CallEnded)


class _Seeing(Alerts):
    """The rules in force, and every level that they looked at."""

    def __init__(self, settings: AlertSettings) -> None:
        super().__init__(settings)
        self.seen: list[tuple[float, Level]] = []

    def step(self, at_s: float, level: Level) -> Change | None:
        self.seen.append((at_s, level))
        return super().step(at_s, level)


def spells(events: Iterable[Event]) -> list[Spell]:
    """The alerts on tension in the events of one call; one still open at the end is not told."""
    out: list[Spell] = []
    worst = 0
    raised: Alert | None = None
    for event in events:
        if not isinstance(event, Alert) or event.flags:
            continue
        worst = max(worst, SEVERITIES.index(event.severity))
        if isinstance(event, AlertRaised):
            raised, worst = event, SEVERITIES.index(event.severity)
        elif isinstance(event, AlertCleared) and raised:
            out.append(Spell(raised.at_s, event.at_s, raised.kind, SEVERITIES[worst]))
    return out


def _noting(events: Iterable[Event], keys: list[tuple[object, ...]]) -> Iterator[Event]:
    for event in events:
        if key := _key(event):
            keys.append(key)
        yield event


def _key(event: Event) -> tuple[object, ...]:
    """What must come back for a replay to be the call as it was scored; empty for other events."""
    if isinstance(event, TensionUpdated):
        return (event.level,)
    if isinstance(event, Alert) and not event.flags:
        return (type(event), event.at_s, event.kind, event.severity)
    return ()
