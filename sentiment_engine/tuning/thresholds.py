"""Thresholds for a budget of false alarms, and what each threshold would have done.

A threshold is ``alerts.raise_at``; the other three move along. What may be proposed is told from the top: a
threshold qualifies when it **and every higher one** keeps to the budget. Further down alerts flow together
into one long alert, and their count falls again without anybody being left in peace.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from sentiment_engine.emotion import sigmoid
from sentiment_engine.errors import BadMessage
from sentiment_engine.settings import Settings
from sentiment_engine.settings_alerts import AlertSettings
from sentiment_engine.tuning.intervals import TAIL, garwood, wilson
from sentiment_engine.tuning.marks import EARLY_S, Mark, calm
from sentiment_engine.tuning.tracks import Raised, Track

HIGHEST = 0.9999
"""Of a threshold; no level lies above (``tension.LEVEL_LIMIT``)."""
LEAST = 0.0001
ROOM = 0.5
"""Log odds."""


def moved(alerts: AlertSettings, raise_at: float) -> AlertSettings:
    """The same rules at another ``raise_at``, in 0.01..0.99 to two digits.

    The other thresholds keep their distance from it on the logit scale, on which causes add up: as much more
    evidence makes a warning, as much less clears the alert. Rounded to four digits, at most ``HIGHEST``, and
    ``clear_at`` at least ``LEAST`` below ``raise_at``.
    """
    if raise_at == alerts.raise_at:
        return alerts
    by = _logit(raise_at) - _logit(alerts.raise_at)
    clear_at, warning_at, critical_at = (
        min(HIGHEST, round(sigmoid(_logit(at) + by), 4))
        for at in (alerts.clear_at, alerts.warning_at, alerts.critical_at)
    )
    return msgspec.structs.replace(
        alerts,
        raise_at=raise_at,
        clear_at=max(LEAST, min(clear_at, round(raise_at - LEAST, 4))),
        warning_at=warning_at,
        critical_at=critical_at,
    )


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def rules_to_try(settings: Settings) -> list[AlertSettings]:
    """In steps of 0.01 of ``raise_at``, lowest first; the rules in force are among them.

    From where ``clear_at`` lies ``ROOM`` above the level of a call without any cause: else alerts would
    hardly ever be cleared.
    """
    calm_level = sigmoid(settings.tension.bias + ROOM)
    at = {round(0.01 * n, 2) for n in range(5, 100)} | {settings.alerts.raise_at}
    rules = [moved(settings.alerts, raise_at) for raise_at in sorted(at)]
    return [rule for rule in rules if rule.clear_at > calm_level or rule is settings.alerts]


@dataclass(slots=True)
class Tally:
    """What one threshold would have done with the calls so far."""

    rules: AlertSettings
    alarms: int = 0
    """False alarms; without marks every alert, the true ones too."""
    seconds: float = 0.0
    """Time in which an alert is an alarm."""
    escalations: int = 0
    caught: int = 0
    repeats: int = 0
    delays_s: list[float] = field(default_factory=list)
    cause_told: int = 0
    """Escalations caught whose mark names a cause."""
    cause_right: int = 0
    """Those of them whose alert has that cause as its kind, or as its strongest."""

    def add(self, track: Track, marks: Sequence[Mark] | None) -> None:
        """One call, with its marks; None: count every alert as an alarm."""
        left = track.raised(self.rules)
        spans = calm(marks or (), track.duration_s)
        for mark in marks or ():
            inside = [one for one in left if mark.start_s - EARLY_S <= one.at_s <= mark.end_s]
            left = [one for one in left if one not in inside]
            self._escalation(mark, inside)
        self.seconds += sum(end - start for start, end in spans)
        self.alarms += sum(any(start <= one.at_s <= end for start, end in spans) for one in left)

    def _escalation(self, mark: Mark, inside: Sequence[Raised]) -> None:
        self.escalations += 1
        if not inside:
            return
        self.caught += 1
        self.repeats += len(inside) - 1
        self.delays_s.append(inside[0].at_s - mark.start_s)
        if mark.cause:
            self.cause_told += 1
            self.cause_right += mark.cause in (inside[0].kind, inside[0].cause)

    @property
    def hours(self) -> float:
        """Call-hours in which an alert is an alarm."""
        return self.seconds / 3600

    @property
    def per_hour(self) -> float:
        """Alarms per call-hour; raises ZeroDivisionError where no time was heard."""
        return self.alarms / self.hours

    @property
    def recall(self) -> float:
        """Share of escalations caught; raises ZeroDivisionError where there was none."""
        return self.caught / self.escalations

    def report(self) -> dict[str, Any]:
        """As plain data, with 95 % intervals: rates exact for Poisson counts, shares by Wilson."""
        out: dict[str, Any] = {
            name: getattr(self.rules, name) for name in ("raise_at", "clear_at", "warning_at", "critical_at")
        }
        out |= {
            "alarms": self.alarms,
            "alarms_per_hour": round(self.per_hour, 3),
            "alarms_per_hour_interval": garwood(self.alarms, self.hours),
        }
        if self.escalations:
            out |= {
                "escalations": self.escalations,
                "caught": self.caught,
                "repeats": self.repeats,
                "recall": round(self.recall, 3),
                "recall_interval": wilson(self.caught, self.escalations),
                "delay_p50_s": self._delay(0.5),
                "delay_p95_s": self._delay(0.95),
            }
        if self.cause_told:
            out |= {"cause_told": self.cause_told, "cause_right": self.cause_right}
        return out

    def _delay(self, q: float) -> float | None:
        return round(float(np.quantile(self.delays_s, q)), 2) if self.delays_s else None


def _worth(tally: Tally) -> tuple[float, ...]:
    delay_s = float(np.median(tally.delays_s)) if tally.delays_s else math.inf
    return tally.recall, -tally.alarms, -delay_s, tally.rules.raise_at


@dataclass(frozen=True, slots=True)
class Proposal:
    """The threshold for a budget, and what must be known beside it."""

    chosen: Tally
    notes: tuple[str, ...]


def propose(tallies: Sequence[Tally], budget: float, *, marked: bool) -> Proposal:
    """The threshold for ``budget`` alarms per call-hour, above 0.

    Without marks the lowest that qualifies; with marks the one of the highest recall, then of the fewest
    alarms, then of the shortest median delay, then the highest.

    Raises:
        BadMessage: no time was heard, no escalation is among the calls, or no threshold keeps to the budget.
    """
    hours = tallies[0].hours
    if not hours:
        raise BadMessage(
            "no call-hours to count in: give calls that were scored, and marked where --marks is"
        )
    if marked and not tallies[0].escalations:
        raise BadMessage(
            "none of the marks is in the calls given: the ids in --marks must be those of the calls"
        )
    fit: list[Tally] = []
    for tally in reversed(tallies):
        if tally.per_hour > budget:
            break
        fit.append(tally)
    if not fit:
        raise BadMessage(
            f"no threshold keeps to {budget:g} alarms an hour: raise_at {tallies[-1].rules.raise_at:g} has "
            f"{tallies[-1].per_hour:.2f}; allow more, or look at what the calls say (tune --what-if)"
        )
    chosen = max(fit, key=_worth) if marked else fit[-1]
    notes = []
    if not marked:
        notes.append(
            "without marks every alert counts as an alarm, true escalations too: false alarms are at most "
            "these"
        )
    _, most = garwood(chosen.alarms, hours) or (0.0, math.inf)
    if most > budget:
        notes.append(
            f"{chosen.alarms} alarms in {hours:.2f} call-hours do not show {budget:g} an hour: up to "
            f"{most:.2f} fit as well (95 % interval); it takes {-math.log(TAIL) / budget:.1f} call-hours "
            "without any alarm to show it, and more with some"
        )
    if len(fit) == len(tallies):
        notes.append(
            "every threshold tried keeps to the budget: these calls do not say where it would be spent"
        )
    notes.append("chosen on these very calls: expect somewhat more alarms and less recall on others")
    return Proposal(chosen, tuple(notes))
