"""Alerts against the truth: one-to-one, with intervals.

The first alert from 1 s before the onset of an escalation to its end belongs to it. A second one there is a
repeat: neither right nor false. In calm spans (`Truth.calm`) every alert is false; in the 20 s after an
escalation it is late, and counts as nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.alert_hearing import Raised
from benchmarks.calls.truth import EARLY_S, Escalation, Truth
from sentiment_engine.tuning.intervals import bootstrap, garwood, wilson

NAMES_ANGER = frozenset({"customer_anger", "agent_anger", "anger", "mutual_escalation"})
PREVALENCES = (0.004, 0.02, 0.10)


@dataclass(slots=True)
class Tally:
    """What a system did on a set of calls."""

    calls: int = 0
    seconds: float = 0.0
    escalations: int = 0
    caught: int = 0
    false: int = 0
    repeats: int = 0
    calm_s: float = 0.0
    delays_s: list[float] = field(default_factory=list)
    named: int = 0
    """Alerts matched that name a cause at all: a baseline's name none."""
    cause_right: int = 0
    main_right: int = 0
    kind_right: int = 0
    offered: int = 0
    """Spans of distress or talking over."""
    noticed: int = 0
    """Of these, with an alert that names the right cause."""
    wrong_anger: int = 0
    """Alerts in such spans that name anger first; they count as false, too."""

    def add(self, truth: Truth, alerts: Sequence[Raised]) -> None:
        """One call and its alerts."""
        self.calls += 1
        self.seconds += truth.duration_s
        self.calm_s += sum(end - start for start, end in truth.calm)
        left = sorted(alerts, key=lambda alert: alert.at_s)
        for one in truth.escalations:
            inside = [alert for alert in left if one.onset_s - EARLY_S <= alert.at_s <= one.until_s]
            left = [alert for alert in left if alert not in inside]
            (self._demanded if one.demanded else self._offered)(one, inside)
        self.false += sum(any(start <= alert.at_s <= end for start, end in truth.calm) for alert in left)

    def _demanded(self, one: Escalation, inside: Sequence[Raised]) -> None:
        self.escalations += 1
        if not inside:
            return
        first = inside[0]
        self.caught += 1
        self.repeats += len(inside) - 1
        self.delays_s.append(first.at_s - one.onset_s)
        if first.causes:
            self.named += 1
            self.cause_right += first.causes[0] in one.causes
            self.main_right += first.causes[0] in one.main
            self.kind_right += first.kind in one.causes

    def _offered(self, one: Escalation, inside: Sequence[Raised]) -> None:
        self.offered += 1
        self.calm_s += one.until_s - one.onset_s  # of anger
        self.noticed += any(alert.causes[:1] and alert.causes[0] in one.causes for alert in inside)
        anger = sum(alert.causes[:1] and alert.causes[0] in NAMES_ANGER for alert in inside)
        self.wrong_anger += anger
        self.false += anger

    @property
    def recall(self) -> float:
        """Share of escalations caught."""
        return self.caught / self.escalations if self.escalations else math.nan

    @property
    def calm_hours(self) -> float:
        """Hours in which every alert is false."""
        return self.calm_s / 3600

    @property
    def false_per_hour(self) -> float:
        """False alarms per hour of calm audio."""
        return self.false / self.calm_hours if self.calm_s else math.nan

    @property
    def call_hours(self) -> float:
        """Mean length of a call."""
        return self.seconds / 3600 / self.calls if self.calls else math.nan

    def within(self, seconds: float) -> float:
        """Share of escalations caught within `seconds` of their onset."""
        return self._early(seconds) / self.escalations if self.escalations else math.nan

    def _early(self, seconds: float) -> int:
        return sum(delay <= seconds for delay in self.delays_s)

    def report(self) -> dict[str, object]:
        """Figures with their 95 % intervals; None where there was nothing to measure."""
        out: dict[str, object] = {
            "calls": self.calls,
            "escalations": self.escalations,
            "recall": rounded(self.recall),
            "recall_interval": wilson(self.caught, self.escalations),
            "recall_within_10_s": rounded(self.within(10.0)),
            "recall_within_10_s_interval": wilson(self._early(10.0), self.escalations),
            "recall_within_15_s": rounded(self.within(15.0)),
            "recall_within_15_s_interval": wilson(self._early(15.0), self.escalations),
            "false_alarms": self.false,
            "repeats": self.repeats,
            "calm_hours": rounded(self.calm_hours),
            "false_alarms_per_hour": rounded(self.false_per_hour),
            "false_alarms_per_hour_interval": garwood(self.false, self.calm_hours),
            "delay_p50_s": quantile(self.delays_s, 0.5),
            "delay_p50_s_interval": bootstrap(self.delays_s, 0.5),
            "delay_p95_s": quantile(self.delays_s, 0.95),
            "delay_p95_s_interval": bootstrap(self.delays_s, 0.95),
        }
        for name, right in (
            ("cause_accuracy", self.cause_right),
            ("main_cause_accuracy", self.main_right),
            ("kind_accuracy", self.kind_right),
        ):
            out[name] = rounded(right / self.named) if self.named else None
            out[f"{name}_interval"] = wilson(right, self.named)
        if self.offered:
            out |= {
                "spans": self.offered,
                "noticed": rounded(self.noticed / self.offered),
                "noticed_interval": wilson(self.noticed, self.offered),
                "named_anger": self.wrong_anger,
            }
        return out


def precision(recall: float, false_per_hour: float, call_hours: float, prevalence: float) -> float:
    """Share of alerted calls that do escalate, where `prevalence` (0..1) of all calls do.

    A call counts as alerted once. One that escalates is alerted with probability `recall`; a calm one of
    length L hours with 1 - exp(-F L), false alarms being a Poisson process of F an hour:
    `p r / (p r + (1 - p)(1 - exp(-F L)))`.
    """
    right = prevalence * recall
    wrong = (1 - prevalence) * -math.expm1(-false_per_hour * call_hours)
    return right / (right + wrong) if right + wrong else math.nan


def precisions(tally: Tally) -> list[dict[str, object]]:
    """At each prevalence; the interval pairs the worst recall with the most false alarms, and the reverse."""
    shares, rates = wilson(tally.caught, tally.escalations), garwood(tally.false, tally.calm_hours)
    if shares is None or rates is None:
        return []
    out: list[dict[str, object]] = []
    for prevalence in PREVALENCES:
        points = ((tally.recall, tally.false_per_hour), (shares[0], rates[1]), (shares[1], rates[0]))
        value, low, high = (rounded(precision(r, f, tally.call_hours, prevalence)) for r, f in points)
        out.append({"prevalence": prevalence, "precision": value, "precision_interval": [low, high]})
    return out


def rounded(value: float) -> float | None:
    """Three digits; None where there was nothing to measure."""
    return None if math.isnan(value) else round(value, 3)


def quantile(values: Sequence[float], q: float) -> float | None:
    """A quantile in seconds, or None."""
    return round(float(np.quantile(values, q)), 2) if values else None
