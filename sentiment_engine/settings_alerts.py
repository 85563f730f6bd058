"""Settings of what is said: alerts, phrases, words, and when people may be called at all."""

import re

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_base import StageSettings as _Stage

_TIME = "([01][0-9]|2[0-3]):([0-5][0-9])"
QUIET_HOURS = re.compile(f"{_TIME}-{_TIME}", re.ASCII)
"""The hours and minutes from and until which nobody is called."""


class AlertSettings(_Stage, frozen=True, kw_only=True):
    """When a level becomes an alert, and when it is over."""

    raise_at: float = 0.69
    clear_at: float = 0.41
    warning_at: float = 0.8
    critical_at: float = 0.9
    min_duration_s: float = 0.0
    """The level must stay over ``raise_at`` for this long beyond the tick that found it there.

    The level is itself made of evidence that had to last; waiting longer cost a second of delay and saved no
    false alarm on the training speakers.
    """
    clear_after_s: float = 8.0
    """The level must stay under ``clear_at`` for this long."""
    cause_holds_s: float = 4.0
    """Another cause must have led for this long before the alert is updated for it."""
    cooldown_s: float = 20.0
    """Quiet time after a cleared alert before the next may be raised."""

    def check(self) -> None:
        if not 0 < self.clear_at < self.raise_at <= self.warning_at <= self.critical_at < 1:
            raise BadSettings(
                "alert thresholds must rise inside 0..1: "
                f"clear_at {self.clear_at} < raise_at {self.raise_at} <= warning_at {self.warning_at} "
                f"<= critical_at {self.critical_at}"
            )
        self.within(0.0, 600.0, "min_duration_s", "clear_after_s", "cause_holds_s", "cooldown_s")


class PlaybookSettings(_Stage, frozen=True, kw_only=True):
    """Which phrases may be shown."""

    at_most: int = 2
    """Phrases at once for each audience."""
    repeat_guard_s: float = 120.0
    """The same phrase is not shown twice within this time."""
    jurisdiction: str = ""
    """Entries marked ``off_in`` this one (for example ``EU``) are never shown; empty: the profile's own."""

    def check(self) -> None:
        self.within(0, 5, "at_most")
        self.within(0.0, 3600.0, "repeat_guard_s")


class WordsSettings(_Stage, frozen=True, kw_only=True):
    """What a cue in a transcript does. The weights were set by hand: no labelled transcripts were at hand."""

    hold_s: float = 30.0
    """An alert on words is cleared when no cue of its kind has come for this long."""
    again_s: float = 5.0
    """The same category once more updates its alert no sooner than this after it was last told."""
    notice_weight: float = 0.0
    """Log odds of tension that a cue of this severity adds: what anyone may say in calm adds nothing."""
    warning_weight: float = 0.5
    critical_weight: float = 1.0
    half_life_s: float = 30.0
    """Of what cues have added."""
    limit: float = 1.5
    """Most that words add to tension: they have alerts of their own."""

    def check(self) -> None:
        self.within(1.0, 3600.0, "hold_s", "half_life_s")
        self.within(0.0, 3600.0, "again_s")
        self.within(0.0, 9.0, "notice_weight", "warning_weight", "critical_weight", "limit")


class ContactSettings(_Stage, frozen=True, kw_only=True):
    """An operator's own rules of contact; None takes the profile's (``contact.py``). A cap of 0 is no cap."""

    quiet_hours: str | None = None
    """``22:00-08:00``, the called party's local time; ``none`` for no such hours."""
    attempts_per_day: int | None = None
    conversations_per_day: int | None = None
    calls_per_7_days: int | None = None
    days_after_conversation: int | None = None
    """Days that must lie between a conversation and the next call."""
    required_notices: tuple[str, ...] | None = None
    """Categories of kind ``notice`` (``flags.yaml``)."""
    notice_within_s: float = 60.0
    """Seconds of the agent's speech within which the required notices must be heard."""

    def check(self) -> None:
        if self.quiet_hours not in (None, "none") and not QUIET_HOURS.fullmatch(self.quiet_hours):
            raise BadSettings(
                f"quiet_hours is {self.quiet_hours[:40]!r}: write two times such as 22:00-08:00, or none"
            )
        for name in (
            "attempts_per_day",
            "conversations_per_day",
            "calls_per_7_days",
            "days_after_conversation",
        ):
            if getattr(self, name) is not None:
                self.within(0, 1000, name)
        self.within(1.0, 3600.0, "notice_within_s")
