"""What an alert says: its id, its sentence, its phrases, and what followed after them.

The rules of *when* are ``alerts.py`` (tension) and ``flagged.py`` (words, clock, counters); this is *what*.
"""

import zlib
from collections.abc import Sequence
from typing import Any

from sentiment_engine import events as ev
from sentiment_engine.alerts import Change, strongest_first
from sentiment_engine.effects import Effects
from sentiment_engine.emotion import sigmoid
from sentiment_engine.events import Alert, Cause, Party, QualityReason, Reason, Severity, Stage
from sentiment_engine.flagged import Flag, Flagged, FlagKind
from sentiment_engine.playbook import Moment, Playbook
from sentiment_engine.profiles import PROFILES, playbook_settings
from sentiment_engine.prompting import Prompter
from sentiment_engine.settings import Settings
from sentiment_engine.summary import (
    cannot_judge_sentence,
    cleared_sentence,
    flag_cleared_sentence,
    flag_sentence,
    sentence,
)
from sentiment_engine.tension import Level

ALERTS: dict[str, type[Alert]] = {
    "raised": ev.AlertRaised,
    "updated": ev.AlertUpdated,
    "cleared": ev.AlertCleared,
}

PHRASES_FOR: dict[FlagKind, tuple[Reason, ...]] = {
    "vulnerability": ("customer_distress", "words"),
    "words": ("words",),
    "customer_words": ("words",),
    "outside_hours": ("outside_hours",),
    "contact_limit": ("contact_limit",),
    "missing_notice": ("missing_notice",),
}
"""Which reasons' phrases answer an alert on what was observed."""
ANSWERED_SHARE = 0.25
"""A cause with less than this share of the strongest one is named, but no phrase is spent on it."""


class Teller:
    """The alerts of one call, as they are told."""

    def __init__(
        self,
        settings: Settings,
        playbook: Playbook,
        flagged: Flagged,
        *,
        call_id: str,
        language: str,
        stage: Stage,
        risk_class: str | None,
    ) -> None:
        self._call_id, self._risk_class = call_id, risk_class
        self.stage, self.language = stage, language
        """Of the conversation now."""
        self.cannot_judge: dict[Party, tuple[QualityReason, ...]] = {}
        """Whose voice does not count now, and why."""
        self.effects = Effects()
        self.raised = 0
        """Alerts so far, of all kinds."""
        self._clear_at = settings.alerts.clear_at
        self._calm_level = round(sigmoid(settings.tension.bias), 6)
        self._flagged = flagged
        self._seed = zlib.crc32(call_id.encode())  # hash() differs from one process to the next
        bases = PROFILES[settings.profile].bases
        self._prompter = Prompter(
            playbook, playbook_settings(settings), {party: frozenset(may) for party, may in bases.items()}
        )
        self._numbers: dict[str, int] = {}
        """Of the last alert of each kind."""

    def on_tension(
        self, change: Change, at_s: float, level: Level, *, ended: bool = False
    ) -> tuple[type[Alert], dict[str, Any]]:
        """What the alert on tension says; the record and its fields."""
        causes = strongest_first(level)
        lasted_s = at_s - change.since_s
        cleared = change.what == "cleared"
        tense = ended and level.level >= self._clear_at  # it ended first, but may have calmed down by then
        moment = self._moment(
            at_s,
            causes=_answered(level, cleared, ended),
            by=level.by | self._by("words", self._flagged.heated_by),
            severity=change.severity,
            flags=frozenset() if ended else self._flagged.active,
        )
        said = (
            cleared_sentence(level.level, lasted_s, tense, self.language)
            if cleared
            else sentence(causes, lasted_s, self.language)
        )
        return self._told(
            change.what,
            at_s,
            alert_id=self._alert_id("tension", change.what),
            kind=change.kind or "tension",
            severity=change.severity,
            level=level.level,
            since_s=change.since_s,
            causes={cause: level.causes[cause] for cause in causes},
            summary=said + cannot_judge_sentence(self.cannot_judge, self.language),
            suggestions=self._prompter.suggest(moment),
            cannot_judge=dict(self.cannot_judge),
        )

    def on_flag(self, flag: Flag, at_s: float, level: Level | None) -> tuple[type[Alert], dict[str, Any]]:
        """What an alert on something observed says; ``level`` is None before the first second."""
        heat = round(self._flagged.heat, 4) if flag.kind in ("words", "customer_words") else 0.0
        cleared = flag.what == "cleared"
        names = self._flagged.names(flag, self.language)
        moment = self._moment(
            at_s,
            causes=() if cleared else PHRASES_FOR[flag.kind],
            by=self._by("words", flag.party) | self._by("customer_distress", flag.party),
            severity=flag.severity,
            flags=self._heard(flag),
        )
        return self._told(
            flag.what,
            at_s,
            alert_id=self._alert_id(flag.kind, flag.what),
            kind=flag.kind,
            severity=flag.severity,
            level=level.level if level else self._calm_level,
            since_s=flag.since_s,
            causes={"words": heat} if heat else {},
            summary=flag_cleared_sentence(flag.kind, flag.ended, self.language)
            if cleared
            else flag_sentence(flag.kind, names, flag.party == "mixed", self.language),
            suggestions=self._prompter.suggest(moment),
            flags=flag.flags,
        )

    def _told(self, what: str, at_s: float, /, **fields: Any) -> tuple[type[Alert], dict[str, Any]]:
        """The alert, whose phrases are followed from now on; what followed is told when it is cleared."""
        alert_id, shown = fields["alert_id"], fields["suggestions"]
        if what == "cleared":
            fields["effects"] = self.effects.of(alert_id)
        else:
            ids = [suggestion.id for suggestion in shown if suggestion.audience == "agent"]
            self.effects.shown(alert_id, ids, at_s, fields["level"])
        return ALERTS[what], fields

    def _moment(
        self,
        at_s: float,
        *,
        causes: Sequence[Reason],
        by: dict[Cause, Party],
        severity: Severity,
        flags: frozenset[str],
    ) -> Moment:
        return Moment(
            causes=causes,
            by=by,
            severity=severity,
            stage=self.stage,
            language=self.language,
            risk_class=self._risk_class,
            at_s=at_s,
            seed=self._seed,
            flags=flags,
        )

    def _heard(self, flag: Flag) -> frozenset[str]:
        """The words that phrases answer; whatever the customer says, that they may need care still counts."""
        if flag.what == "cleared":
            return frozenset()
        care = frozenset() if flag.kind == "words" else self._flagged.vulnerable
        return care.union(flag.flags)

    def _alert_id(self, kind: str, what: str) -> str:
        """The id of the alert of this kind that is open, or opens; all kinds are numbered together."""
        if what == "raised":
            self.raised += 1
            self._numbers[kind] = self.raised
        return f"{self._call_id}.a{self._numbers[kind]}"

    @staticmethod
    def _by(cause: Cause, party: Party | None) -> dict[Cause, Party]:
        return {cause: party} if party else {}


def _answered(level: Level, cleared: bool, ended: bool) -> Sequence[Reason]:
    """What phrases answer: the causes that carry the level, or the calm after; nothing once it is over."""
    if cleared:
        return () if ended else ("recovery",)
    causes = strongest_first(level)
    least = ANSWERED_SHARE * level.causes[causes[0]] if causes else 0.0
    return [cause for cause in causes if level.causes[cause] >= least]
