"""Settings of reviews by two roles: which calls are drawn, how soon each role is due, which words it uses."""

import re

from sentiment_engine.errors import BadSettings
from sentiment_engine.events import ReviewRole
from sentiment_engine.settings_base import StageSettings

REVIEW_ROLES: tuple[ReviewRole, ...] = ("business", "legal")

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
MOST_WORDS = 50
HOURS_A_YEAR = 8784.0


class ReviewSettings(StageSettings, frozen=True, kw_only=True):
    """What two people must look at, and what they may say of it."""

    sample_share: float = 0.02
    """The share of all calls that is drawn for review, 0..1. No law names one: what two people can hear."""
    business_due_hours: float = 24.0
    """A business review is overdue so many hours after it became owed: the next working day."""
    legal_due_hours: float = 72.0
    """The same for a legal review, which may need papers."""
    decisions: tuple[str, ...] = ("confirmed", "false_alarm", "needs_action", "no_action")
    """What a review may decide, ``a-z 0-9 _``."""
    reasons: tuple[str, ...] = (
        "tension",
        "threat_or_abuse",
        "customer_distress",
        "missing_notice",
        "contact_rules",
        "misheard",
        "poor_audio",
        "routine",
        "other",
    )
    """What it may rest on, written alike."""
    note_chars: int = 2000
    """Longest note, characters; 0 for no notes."""

    def check(self) -> None:
        self.within(0.0, 1.0, "sample_share")
        self.positive("business_due_hours", "legal_due_hours")
        self.within(0.0, HOURS_A_YEAR, "business_due_hours", "legal_due_hours")
        self.within(0, 10_000, "note_chars")
        for name, words in (("decisions", self.decisions), ("reasons", self.reasons)):
            if not 1 <= len(words) <= MOST_WORDS or len(set(words)) < len(words):
                raise BadSettings(f"reviews.{name} must list 1 to {MOST_WORDS} words, each once")
            for word in words:
                if not _WORD.fullmatch(word):
                    raise BadSettings(
                        f"reviews.{name}: {word[:50]!r} must hold a-z, 0-9 and _, begin with a-z, at most 40"
                    )

    def due_hours(self, role: ReviewRole) -> float:
        """Hours from the moment a review by ``role`` becomes owed until it is overdue."""
        return self.business_due_hours if role == "business" else self.legal_due_hours


def check_kept_until_due(keep_days: float, reviews: ReviewSettings) -> None:
    """Raises BadSettings when retention would remove calls whose reviews are not even due."""
    longest = max(map(reviews.due_hours, REVIEW_ROLES))
    if keep_days and keep_days * 24 < longest:
        raise BadSettings(
            f"archive.keep_days {keep_days} is shorter than the {longest} hours that reviews may take: "
            "keep calls for longer, or set reviews.business_due_hours and legal_due_hours lower"
        )
