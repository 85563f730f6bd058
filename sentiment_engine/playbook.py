"""The table of phrases and the choice among them.

An entry says when it fits (cause, severity, stage, whose behaviour) and what to say or do, in every language
the product ships. The choice is a fixed order, so the same call gives the same phrases, and each suggestion
names the rule that chose it. Only the schema is checked here: no phrase has been reviewed by native speakers,
counsel or call-centre staff.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sentiment_engine.errors import BadSettings
from sentiment_engine.events import Audience, Cause, Party, Severity, Stage, Suggestion
from sentiment_engine.settings import PlaybookSettings

LONGEST_ZH_CHARACTERS = 40
LONGEST_EN_WORDS = 25

ANSWERED_AS: dict[Cause, Cause] = {"anger": "raised_voice"}
"""A mixed channel names no party, so its anger is answered as a raised voice that is nobody's."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"zh_cn": "zh-CN"}):
    """One phrase; the head of ``playbook.yaml`` explains the fields."""

    id: str
    stage: tuple[Stage, ...]
    cause: Cause
    audience: Audience
    severity: tuple[Severity, ...]
    technique: str
    mode: Literal["say", "do"]
    zh_cn: str
    en: str
    party: Party | None = None
    flags: tuple[str, ...] = ()
    step: int | None = None
    risk_class: Literal["A", "B", "C"] | None = None
    off_in: tuple[str, ...] = ()
    note: str = ""

    def text(self, language: str) -> tuple[str, str]:
        """The phrase and the language it is in: Chinese for any ``zh``, English for everyone else."""
        return (self.zh_cn, "zh-CN") if language.lower().startswith("zh") else (self.en, "en")

    def check(self) -> None:
        """Raises BadSettings for a phrase too long to read at a glance, or an empty list."""
        if not all(text.isprintable() for text in (self.id, self.technique, self.zh_cn, self.en)):
            raise BadSettings(f"playbook entry {self.id!r}: holds a character that cannot be shown")
        if not (self.stage and self.severity and self.zh_cn.strip() and self.en.strip()):
            raise BadSettings(f"playbook entry {self.id}: stage, severity, zh-CN and en must not be empty")
        if len(self.zh_cn) > LONGEST_ZH_CHARACTERS:
            raise BadSettings(f"playbook entry {self.id}: zh-CN is over {LONGEST_ZH_CHARACTERS} characters")
        if len(self.en.split()) > LONGEST_EN_WORDS:
            raise BadSettings(f"playbook entry {self.id}: en is over {LONGEST_EN_WORDS} words")
        if self.audience == "supervisor" and self.mode == "say":
            raise BadSettings(f"playbook entry {self.id}: a supervisor's entry is an instruction, mode do")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    entries: tuple[Entry, ...] = ()
    remove: tuple[str, ...] = ()


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What the choice depends on."""

    causes: Sequence[Cause]
    """Strongest first."""
    by: Mapping[Cause, Party]
    """Whose behaviour a cause is, where that is known."""
    severity: Severity
    stage: Stage
    language: str
    risk_class: str | None
    at_s: float
    flags: frozenset[str] = frozenset()
    """Categories of words heard (``flags.yaml``); without a transcript there are none."""
    to_the_point: bool = False
    """Whether the agent gets, of cause ``words``, entries for these flags only.

    No stock phrase about charges or courts answers who has the wrong number or cannot go on.
    """


class Playbook:
    """Checked entries in the order of the file; shared by all calls, never changed."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)

    def overridden(self, mapping: Mapping[str, Any]) -> "Playbook":
        """This playbook with a deployment's own file on top.

        An entry with a known id replaces it, a new id is added, ids under ``remove`` go.

        Raises:
            BadSettings: the file breaks the schema, or removes an id that does not exist.
        """
        file = _parse(mapping)
        entries = {entry.id: entry for entry in self.entries}
        for gone in file.remove:
            if gone not in entries:
                raise BadSettings(f"playbook: remove names {gone!r}, which does not exist")
            del entries[gone]
        return Playbook(tuple((entries | {entry.id: entry for entry in file.entries}).values()))

    def fitting(self, cause: Cause, audience: Audience, moment: Moment, jurisdiction: str) -> list[Entry]:
        """Entries that fit one cause: this stage's own first, then by step, then in the file's order."""
        answered = ANSWERED_AS.get(cause, cause)
        fits = [
            entry
            for entry in self.entries
            if entry.cause == answered
            and entry.audience == audience
            and moment.severity in entry.severity
            and (moment.stage in entry.stage or "general" in entry.stage)
            and (entry.party is None or entry.party == moment.by.get(cause))
            and _meant(entry, cause, moment)
            and entry.risk_class in (None, moment.risk_class)
            and jurisdiction not in entry.off_in
        ]
        return sorted(fits, key=lambda entry: (moment.stage not in entry.stage, entry.step or 0))


class Prompter:
    """Chooses phrases within one call, and remembers which it showed."""

    def __init__(self, playbook: Playbook, settings: PlaybookSettings) -> None:
        self._playbook, self._settings = playbook, settings
        self._shown_at_s: dict[str, float] = {}

    def suggest(self, moment: Moment) -> tuple[Suggestion, ...]:
        """At most ``at_most`` phrases for the agent and as many for the supervisor, strongest cause first."""
        return self._for("agent", moment) + self._for("supervisor", moment)

    def _for(self, audience: Audience, moment: Moment) -> tuple[Suggestion, ...]:
        chosen: list[Suggestion] = []
        for cause in moment.causes:
            fitting = self._playbook.fitting(cause, audience, moment, self._settings.jurisdiction)
            fresh = [entry for entry in fitting if self._may_show(entry, moment.at_s)]
            if fresh and len(chosen) < self._settings.at_most:
                self._shown_at_s[fresh[0].id] = moment.at_s
                chosen.append(_suggestion(fresh[0], cause, moment))
        return tuple(chosen)

    def _may_show(self, entry: Entry, at_s: float) -> bool:
        shown = self._shown_at_s.get(entry.id)
        return shown is None or at_s - shown >= self._settings.repeat_guard_s


def parse_playbook(mapping: Mapping[str, Any]) -> Playbook:
    """A playbook from plain data, as its YAML file gives it.

    Raises:
        BadSettings: an unknown field or value, a repeated id, or a phrase that is too long; names the entry.
    """
    return Playbook(_parse(mapping).entries)


def _parse(mapping: Mapping[str, Any]) -> _File:
    try:
        file = msgspec.convert(mapping, _File, strict=True)
    except (msgspec.ValidationError, UnicodeError) as reason:
        raise BadSettings(f"playbook: {reason}") from reason
    seen: set[str] = set()
    for entry in file.entries:
        entry.check()
        if entry.id in seen:
            raise BadSettings(f"playbook: the id {entry.id!r} stands twice")
        seen.add(entry.id)
    return file


def _meant(entry: Entry, cause: Cause, moment: Moment) -> bool:
    """Whether an entry answers the words heard."""
    if entry.flags:
        return not moment.flags.isdisjoint(entry.flags)
    return not (moment.to_the_point and cause == "words" and entry.audience == "agent")


def _suggestion(entry: Entry, cause: Cause, moment: Moment) -> Suggestion:
    text, language = entry.text(moment.language)
    stage = moment.stage if moment.stage in entry.stage else "general"
    return Suggestion(
        id=entry.id,
        text=text,
        language=language,
        audience=entry.audience,
        technique=entry.technique,
        mode=entry.mode,
        rule=f"cause {cause}, severity {moment.severity}, stage {stage}",
    )
