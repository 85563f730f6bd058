"""Alerts on what was observed, beside the one on tension: words, the clock, counters, notices not given.

Each kind has a lane of its own. An alert is raised at once; it is updated when a category is new, worse, or
comes again; it is cleared when nothing of its kind has come for ``hold_s``, when what it says no longer
holds, or when the call ends. Words that heat a call also add to tension for a while (:class:`Flagged.heat`).
"""

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from sentiment_engine.alerts import SEVERITIES
from sentiment_engine.contact import Contact, ContactRules
from sentiment_engine.cues import Cues
from sentiment_engine.errors import BadSettings
from sentiment_engine.events import Party, Severity
from sentiment_engine.settings_alerts import WordsSettings
from sentiment_engine.words import Hit

FlagKind = Literal[
    "vulnerability", "words", "customer_words", "outside_hours", "contact_limit", "missing_notice"
]
"""What an alert that is not about tension is about. The first three and the last rest on a transcript
(basis ``text``), the others on clock and counters (``metadata``)."""

OF_WORDS: tuple[FlagKind, ...] = ("vulnerability", "words", "customer_words")


class Flag(msgspec.Struct, frozen=True):
    """Something that such an alert did."""

    what: Literal["raised", "updated", "cleared"]
    kind: FlagKind
    severity: Severity
    """The worst so far."""
    since_s: float
    """Media time at which it was raised."""
    flags: tuple[str, ...]
    """Categories (or limits, or notices that are missing), in the order in which they came."""
    party: Party | None
    """Who said it last, ``mixed`` when nobody can be named; None where nobody's words are meant."""
    ended: bool = False
    """Cleared only because the call ended."""


class _Lane:
    """The alert of one kind."""

    def __init__(self, kind: FlagKind, again_s: float) -> None:
        self.kind, self._again_s = kind, again_s
        self.open = False
        self.last_s = 0.0
        """When it last came."""
        self._told_s = self._since_s = 0.0
        self._severity: Severity = "notice"
        self.flags: tuple[str, ...] = ()
        self._party: Party | None = None

    def come(self, at_s: float, flags: Sequence[str], severity: Severity, party: Party | None) -> list[Flag]:
        """It happened, with ``severity`` the worst of it."""
        was_open, self.open, self.last_s = self.open, True, at_s
        self._party = party
        if not was_open:
            self._since_s = self._told_s = at_s
            self.flags, self._severity = tuple(dict.fromkeys(flags)), severity
            return [self._flag("raised")]
        known = self.flags
        self.flags = tuple(dict.fromkeys((*known, *flags)))
        worse = SEVERITIES.index(severity) > SEVERITIES.index(self._severity)
        if not worse and self.flags == known and at_s - self._told_s < self._again_s:
            return []
        self._severity = severity if worse else self._severity
        self._told_s = at_s
        return [self._flag("updated")]

    def go(self, *, ended: bool = False) -> list[Flag]:
        """It is over, if it was there."""
        if not self.open:
            return []
        self.open = False
        return [self._flag("cleared", ended=ended)]

    def _flag(self, what: Literal["raised", "updated", "cleared"], *, ended: bool = False) -> Flag:
        return Flag(what, self.kind, self._severity, self._since_s, self.flags, self._party, ended)


class Flagged:
    """The alerts of one call that do not come from tension.

    Args:
        settings: What cues do.
        notice_within_s: Seconds of the agent's speech within which required notices must be heard.
        contact: Clock, counters and the rules for them.
        cues: What was looked for in transcripts.

    Raises:
        BadSettings: a required notice is none of the cues' notices.
    """

    def __init__(self, settings: WordsSettings, notice_within_s: float, contact: Contact, cues: Cues) -> None:
        self._settings, self._notice_within_s, self._contact = settings, notice_within_s, contact
        lanes = (_Lane(kind, settings.again_s) for kind in get_args(FlagKind))
        self._lanes: dict[FlagKind, _Lane] = {lane.kind: lane for lane in lanes}
        check_notices(contact.rules, cues)
        self._cues = cues
        self._missing = [n for n in contact.rules.required_notices if n not in contact.told.notices_given]
        self._spoken_s = 0.0
        """Speech of whoever is to give the notices."""
        self._followed = False
        """Whether the agent's words have come since before the notices were due."""
        self.heat = 0.0
        """What words add to tension now, log odds."""
        self.heated_by: Party | None = None
        """Whose words added last."""
        self.vulnerable: frozenset[str] = frozenset()
        """Categories of vulnerability heard in this call: nobody recovers from them in half a minute."""

    @property
    def active(self) -> frozenset[str]:
        """Categories of words that open alerts are about, and every category of vulnerability heard."""
        open_lanes = (self._lanes[kind] for kind in OF_WORDS if self._lanes[kind].open)
        return self.vulnerable.union(*(lane.flags for lane in open_lanes))

    def names(self, flag: Flag, language: str) -> list[str]:
        """What people call the categories that an alert is about; limits keep their ids."""
        known = self._cues.categories
        return [known[name].name(language) if name in known else name for name in flag.flags]

    def begin(self) -> list[Flag]:
        """What the start of the call already shows."""
        over = self._contact.over()
        raised = self._lanes["contact_limit"].come(0.0, over, "warning", None) if over else []
        return self._hours(0.0) + raised

    def said(self, at_s: float, party: Party, hits: Sequence[Hit]) -> list[Flag]:
        """A transcript of a party, with the cues found in it."""
        out: list[Flag] = []
        if party in ("agent", "mixed"):
            self._followed = self._followed or self._spoken_s < self._notice_within_s
        by_kind: dict[FlagKind, list[Hit]] = {}
        for hit in hits:
            category = hit.category
            if category.kind == "notice":
                if not hit.negated and category.category in self._missing:
                    self._missing.remove(category.category)
            elif category.speaker == "customer" or not hit.negated:
                by_kind.setdefault(_kind_of(hit), []).append(hit)
        for kind, told in by_kind.items():
            if kind == "vulnerability":
                self.vulnerable |= {hit.category.category for hit in told}
            else:
                self._warm(told)
            worst = max((hit.category.severity for hit in told), key=SEVERITIES.index)
            names = [hit.category.category for hit in told]
            out += self._lanes[kind].come(at_s, names, worst, party)
        return out if self._missing else out + self._lanes["missing_notice"].go()

    def spoke(self, party: Party, seconds: float) -> None:
        """A stretch of a party's speech is over."""
        if party in ("agent", "mixed"):
            self._spoken_s += seconds

    def tick(self, at_s: float, *, missing: bool) -> list[Flag]:
        """A second of media time has passed; ``missing``: without audio, so that nothing cools."""
        s = self._settings
        if not missing:
            self.heat *= 0.5 ** (1.0 / s.half_life_s)
        out = self._hours(at_s)
        for kind in OF_WORDS:
            lane = self._lanes[kind]
            if at_s - lane.last_s >= s.hold_s:
                out += lane.go()
        notices = self._lanes["missing_notice"]
        late = self._followed and self._spoken_s >= self._notice_within_s
        if late and self._missing and not notices.open:
            out += notices.come(at_s, self._missing, "notice", None)
        return out

    def end(self) -> list[Flag]:
        """The call is over: so is every alert."""
        return [flag for lane in self._lanes.values() for flag in lane.go(ended=True)]

    def _hours(self, at_s: float) -> list[Flag]:
        lane = self._lanes["outside_hours"]
        if not self._contact.quiet(at_s):
            return lane.go()
        return [] if lane.open else lane.come(at_s, ("quiet_hours",), "warning", None)

    def _warm(self, hits: Sequence[Hit]) -> None:
        s = self._settings
        weights = {"notice": s.notice_weight, "warning": s.warning_weight, "critical": s.critical_weight}
        added = sum(weights[hit.category.severity] for hit in hits)
        if added > 0:
            self.heat = min(s.limit, self.heat + added)
            self.heated_by = hits[-1].party


def _kind_of(hit: Hit) -> FlagKind:
    if hit.category.kind == "vulnerability":
        return "vulnerability"
    return "words" if hit.category.speaker == "agent" else "customer_words"


def check_notices(rules: ContactRules, cues: Cues) -> None:
    """Raises BadSettings for a required notice that no cue can hear; without cues nothing is listened for."""
    known = [name for name, category in cues.categories.items() if category.kind == "notice"]
    for notice in rules.required_notices if cues.categories else ():
        if notice not in known:
            raise BadSettings(
                f"required_notices names {notice[:40]!r}, and the notices with cues are "
                f"{', '.join(known) or 'none'}: add its cues, or set [contact] required_notices without it"
            )
