"""Many calls in numbers: what is counted, and how it adds up. Nothing is kept of single people or calls.

Times are counted in whole milliseconds, so that totals are the same in whatever order calls are added.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class PhraseTally:
    """One phrase over many calls."""

    text: str = ""
    """As it was first shown; empty where no alert of the calls carries it."""
    language: str = ""
    technique: str = ""
    changes: list[float] = field(default_factory=list)
    """Of the level, from when it was shown until it was last followed."""
    whole: int = 0
    """How often it was followed for all the time there is, ``effects.AFTER_S``."""

    def add(self, other: "PhraseTally") -> None:
        """Takes the figures of other calls in."""
        self.name(other.text, other.language, other.technique)
        self.changes += other.changes
        self.whole += other.whole

    def name(self, text: str, language: str, technique: str) -> None:
        """What it says. Of several wordings, the first by alphabet, so that order makes no difference."""
        if text and (
            not self.text or (text, language, technique) < (self.text, self.language, self.technique)
        ):
            self.text, self.language, self.technique = text, language, technique


@dataclass(slots=True)
class Totals:
    """What is counted over calls."""

    calls: int = 0
    heard_ms: int = 0
    above_ms: int = 0
    """Time with the level at or over the alert threshold that each call was scored under."""
    events: Counter[str] = field(default_factory=Counter)
    """By type; every event once."""
    alerts: int = 0
    alerted: int = 0
    """Calls with an alert."""
    kinds: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    """Alerts by the worst severity that each reached."""
    stages: Counter[str] = field(default_factory=Counter)
    """Alerts by the stage in which their call began."""
    led: Counter[str] = field(default_factory=Counter)
    """Alerts by the strongest cause when raised; empty where there was none."""
    named: Counter[str] = field(default_factory=Counter)
    """Alerts in which a cause was named when raised."""
    calls_by_stage: Counter[str] = field(default_factory=Counter)
    ms_by_stage: Counter[str] = field(default_factory=Counter)
    phrases: dict[str, PhraseTally] = field(default_factory=dict)
    """By id; the empty id stands for alerts that showed the agent none."""
    poor_ms: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By party and reason: time in which that made the party hard to judge."""
    poor_calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    gap_ms: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By party and reason."""
    gap_calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    party_calls: Counter[str] = field(default_factory=Counter)
    """Calls with a channel of that party."""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls by party and basis that was not judged."""
    profiles: Counter[str] = field(default_factory=Counter)
    """Calls by profile; empty for events older than profiles."""
    endings: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Totals") -> None:
        """Takes the figures of other calls in."""
        for name in ("calls", "heard_ms", "above_ms", "alerts", "alerted"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for phrase, tally in other.phrases.items():
            self.phrases.setdefault(phrase, PhraseTally()).add(tally)


COUNTERS = (
    "events",
    "kinds",
    "severities",
    "stages",
    "led",
    "named",
    "calls_by_stage",
    "ms_by_stage",
    "poor_ms",
    "poor_calls",
    "gap_ms",
    "gap_calls",
    "party_calls",
    "refused",
    "profiles",
    "endings",
)
