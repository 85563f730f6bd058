"""The table of phrases, and which of them fit a moment of a call.

An entry says when it fits (reason, severity, stage, whose behaviour) and what to say or do, in every language
the product ships. ``prompting.py`` chooses among those that fit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sentiment_engine.errors import BadSettings
from sentiment_engine.events import Audience, Cause, Party, Reason, Severity, Stage
from sentiment_engine.phrase_file import File, Problem, read_file
from sentiment_engine.phrases import Entry

ANSWERED_AS: Mapping[str, Reason] = {"anger": "raised_voice"}
"""A mixed channel names no party, so its anger is answered as a raised voice that is nobody's."""

CARE_FLAGS = frozenset({"customer_self_harm", "customer_hardship"})
"""Words that make care for the customer come before everything else."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What the choice depends on."""

    causes: Sequence[Reason]
    """Strongest first."""
    by: Mapping[Cause, Party]
    """Whose behaviour a cause is, where that is known."""
    severity: Severity
    stage: Stage
    language: str
    risk_class: str | None
    at_s: float
    seed: int
    """Orders phrases that fit equally well; the same all through a call."""
    flags: frozenset[str] = frozenset()
    """Categories of flagged language that hold now."""

    @property
    def care(self) -> frozenset[str]:
        """Why care for the customer comes first; empty when nothing says so."""
        acute = self.severity == "critical" and "customer_distress" in self.causes
        return (self.flags & CARE_FLAGS) | ({"customer_distress"} if acute else set())

    def whose(self, reason: Reason) -> Party | None:
        """Whose behaviour it is, None where that is not known."""
        return next((party for cause, party in self.by.items() if cause == reason), None)


class Playbook:
    """Checked entries in the order of the file; shared by all calls, never changed."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)

    def overridden(self, mapping: Mapping[str, Any]) -> "Playbook":
        """This playbook with a deployment's own file on top.

        An entry with a known id replaces it, a new id is added, ids under ``remove`` go.

        Raises:
            BadSettings: the file breaks the schema, or removes an id that does not exist; names every entry.
        """
        file, problems = read_file(mapping)
        _refuse([*problems, *self.unknown(file)])
        return self.under(file)

    def unknown(self, file: File) -> list[Problem]:
        """What a file on top of this one removes though it is not there."""
        known = {entry.id for entry in self.entries}
        says = "does not exist: take it from the list, or correct the id"
        return [
            Problem(("remove", at), gone, says) for at, gone in enumerate(file.remove) if gone not in known
        ]

    def under(self, file: File) -> "Playbook":
        """This playbook with a checked file on top."""
        kept = {entry.id: entry for entry in self.entries if entry.id not in file.remove}
        return Playbook(tuple((kept | {entry.id: entry for entry in file.entries}).values()))

    def in_force(self, jurisdiction: str) -> tuple[Entry, ...]:
        """The entries that may be shown in a jurisdiction."""
        return tuple(entry for entry in self.entries if jurisdiction not in entry.off_in)

    def fitting(self, reason: Reason, audience: Audience, moment: Moment, jurisdiction: str) -> list[Entry]:
        """Entries that fit one reason, in the order of the file."""
        answered = ANSWERED_AS.get(reason, reason)
        return [
            entry
            for entry in self.in_force(jurisdiction)
            if entry.cause == answered
            and entry.audience == audience
            and moment.severity in entry.severity
            and (moment.stage in entry.stage or "general" in entry.stage)
            and entry.party in (None, moment.whose(reason))
            and (not entry.flags or not moment.flags.isdisjoint(entry.flags))
            and entry.risk_class in (None, moment.risk_class)
        ]

    def last_step(self, entry: Entry) -> int:
        """The last step of the sequence that ``entry`` belongs to, at least 1."""
        return max(other.step or 1 for other in self.entries if sequence_of(other) == sequence_of(entry))


def sequence_of(entry: Entry) -> tuple[Reason, Audience, Party | None]:
    """Steps of the same reason, audience and party follow each other."""
    return entry.cause, entry.audience, entry.party


def parse_playbook(mapping: Mapping[str, Any]) -> Playbook:
    """A playbook from plain data, as its YAML file gives it.

    Raises:
        BadSettings: unknown fields or values, repeated ids, phrases that are too long; names every entry.
    """
    file, problems = read_file(mapping)
    _refuse(problems)
    return Playbook(()).under(file)


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise BadSettings("playbook: " + "\n".join(map(str, problems)))
