"""Level to alert: raise, update, clear, then a quiet time.

One alert on tension at a time is open in a call. Its kind is the cause that leads, and it is updated when it
becomes more severe or another cause has led for a while. The rules are a table of moods and cues; the times
beside it are media time, so a recording scored faster than life gives the same alerts as the call did.
"""

from collections.abc import Sequence
from enum import Enum, auto

import msgspec

from sentiment_engine.events import Cause, Severity
from sentiment_engine.settings_alerts import AlertSettings
from sentiment_engine.tension import Level


class Mood(Enum):
    """Where a call stands."""

    CALM = auto()
    RISING = auto()
    """Over the threshold, not yet for long enough."""
    TENSE = auto()
    """An alert is open."""
    SOOTHED = auto()
    """An alert is open, the level is under the lower threshold, not yet for long enough."""
    QUIET = auto()
    """An alert was cleared a moment ago: the next one waits."""


class Cue(Enum):
    """What the level says."""

    HIGH = auto()
    MIDDLE = auto()
    LOW = auto()


NEXT_MOOD: dict[tuple[Mood, Cue], Mood] = {
    (Mood.CALM, Cue.HIGH): Mood.RISING,
    (Mood.RISING, Cue.MIDDLE): Mood.CALM,
    (Mood.RISING, Cue.LOW): Mood.CALM,
    (Mood.TENSE, Cue.LOW): Mood.SOOTHED,
    (Mood.SOOTHED, Cue.HIGH): Mood.TENSE,
    (Mood.SOOTHED, Cue.MIDDLE): Mood.TENSE,
}
"""What a cue changes at once; every other pair changes nothing."""

SEVERITIES: tuple[Severity, ...] = ("notice", "warning", "critical")


class Change(msgspec.Struct, frozen=True):
    """Something an alert did."""

    what: str
    """``raised``, ``updated`` or ``cleared``."""
    number: int
    """Which alert of the call, from 1."""
    severity: Severity
    since_s: float
    kind: Cause | None
    """The cause that leads; None when the level is high without any, by its bias alone."""


class Alerts:
    """The alert of one call."""

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings
        self._mood = Mood.CALM
        self._mood_since_s = 0.0
        self._high_since_s = 0.0
        self._severity: Severity = "notice"
        self._kind: Cause | None = None
        self._kind_seen_s = 0.0
        """When this kind last led."""
        self.raised = 0

    @property
    def calm(self) -> bool:
        """Whether a level under ``raise_at`` changes nothing: no alert is open, or was a moment ago."""
        return self._mood is Mood.CALM

    def step(self, at_s: float, level: Level) -> Change | None:
        """One second of media time: the level, and what it changes."""
        cue = self._cue(level.level)
        mood = NEXT_MOOD.get((self._mood, cue), self._mood)
        if mood is not self._mood:
            if mood is Mood.RISING:
                self._high_since_s = at_s
            self._enter(mood, at_s)
        lasted_s = at_s - self._mood_since_s
        if self._mood is Mood.RISING and lasted_s >= self._settings.min_duration_s:
            self._enter(Mood.TENSE, at_s)
            self.raised += 1
            self._severity = self._severity_of(level.level)
            self._kind, self._kind_seen_s = leading(level), at_s
            return self._change("raised")
        if self._mood is Mood.TENSE:
            kind = leading(level) or self._kind
            if kind == self._kind:
                self._kind_seen_s = at_s
            worse = self._worse(level.level)
            other = at_s - self._kind_seen_s >= self._settings.cause_holds_s
            if worse or other:
                self._severity = self._severity_of(level.level) if worse else self._severity
                self._kind, self._kind_seen_s = kind, at_s
                return self._change("updated")
        if self._mood is Mood.SOOTHED and lasted_s >= self._settings.clear_after_s:
            self._enter(Mood.QUIET, at_s)
            return self._change("cleared")
        if self._mood is Mood.QUIET and lasted_s >= self._settings.cooldown_s:
            self._enter(Mood.CALM, at_s)
        return None

    def finish(self) -> Change | None:
        """Clears the alert still open when the call ends."""
        return self._change("cleared") if self._mood in (Mood.TENSE, Mood.SOOTHED) else None

    def _enter(self, mood: Mood, at_s: float) -> None:
        self._mood, self._mood_since_s = mood, at_s

    def _cue(self, level: float) -> Cue:
        if level >= self._settings.raise_at:
            return Cue.HIGH
        return Cue.LOW if level < self._settings.clear_at else Cue.MIDDLE

    def _severity_of(self, level: float) -> Severity:
        over = (level >= self._settings.warning_at) + (level >= self._settings.critical_at)
        return SEVERITIES[over]

    def _worse(self, level: float) -> bool:
        return SEVERITIES.index(self._severity_of(level)) > SEVERITIES.index(self._severity)

    def _change(self, what: str) -> Change:
        return Change(what, self.raised, self._severity, self._high_since_s, self._kind)


def leading(level: Level) -> Cause | None:
    """The cause that an alert is named after: the strongest, or that both are angry; None without any.

    Both are where the lesser anger is at least half of the greater: one answers the other then.
    """
    agent, customer = (level.causes.get(cause, 0.0) for cause in ("agent_anger", "customer_anger"))
    first = next(iter(strongest_first(level)), None)
    if first in ("agent_anger", "customer_anger") and 2 * min(agent, customer) >= max(agent, customer):
        return "mutual_escalation"
    return first


def strongest_first(level: Level) -> Sequence[Cause]:
    """The causes of a level by contribution, ties by name."""
    return sorted(level.causes, key=lambda cause: (-level.causes[cause], cause))
