"""One phrase and its vocabulary.

Only the schema is checked here: no phrase has been reviewed by native speakers, counsel or call-centre staff.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from sentiment_engine.events import Audience, Basis, Party, Reason, Severity, Stage

LONGEST_ZH_CHARACTERS = 40
LONGEST_EN_WORDS = 25

Technique = Literal[
    "acknowledge",
    "label_emotion",
    "listen",
    "summarise",
    "open_question",
    "reframe",
    "offer_choice",
    "set_boundary",
    "pause",
    "slow_down",
    "lower_voice",
    "self_regulate",
    "apologise",
    "correct",
    "inform",
    "vulnerability_support",
    "signpost",
    "hand_over",
    "reschedule",
    "verify",
    "listen_in",
    "coach",
    "review",
    "support_agent",
]
"""What a phrase does; the head of ``playbook.yaml`` says where each comes from."""

BASES: Mapping[Reason, tuple[Basis, ...]] = {
    "customer_anger": ("acoustic_emotion",),
    "agent_anger": ("acoustic_emotion",),
    "anger": ("acoustic_emotion",),
    "mutual_escalation": ("acoustic_emotion",),
    "customer_distress": ("acoustic_emotion", "text"),
    "overlap": ("observable",),
    "interruptions": ("observable",),
    "raised_voice": ("observable",),
    "silence": ("observable",),
    "words": ("text",),
    "outside_hours": ("metadata", "text"),
    "contact_limit": ("metadata", "text"),
    "missing_notice": ("metadata", "text"),
    "recovery": ("observable",),
}
"""What each reason can rest on."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename={"zh_cn": "zh-CN"}):
    """One phrase; the head of ``playbook.yaml`` explains the fields."""

    id: str
    stage: tuple[Stage, ...]
    cause: Reason
    basis: Basis
    audience: Audience
    severity: tuple[Severity, ...]
    technique: Technique
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


def only_basis(cause: Reason, flags: tuple[str, ...]) -> Basis | None:
    """The basis that goes without saying."""
    if cause == "customer_distress":
        return "text" if flags else "acoustic_emotion"
    return BASES[cause][0] if len(BASES[cause]) == 1 else None


def faults(entry: Entry) -> Iterator[tuple[str, str]]:
    """What the types cannot say: a field and what is wrong with it."""
    for name in ("id", "zh-CN", "en", "flags", "off_in"):
        value = getattr(entry, name.replace("-", "_").lower())
        if not "".join(value).isprintable():
            yield name, "holds a character that cannot be shown: remove line breaks and control characters"
    for name in ("id", "stage", "severity", "zh-CN", "en"):
        value = getattr(entry, name.replace("-", "_").lower())
        if not "".join(value).strip():
            yield name, "must not be empty"
    if len(entry.zh_cn) > LONGEST_ZH_CHARACTERS:
        yield "zh-CN", f"has {len(entry.zh_cn)} characters, over {LONGEST_ZH_CHARACTERS}: shorten it"
    if len(entry.en.split()) > LONGEST_EN_WORDS:
        yield "en", f"has {len(entry.en.split())} words, over {LONGEST_EN_WORDS}: shorten it"
    if entry.audience == "supervisor" and entry.mode == "say":
        yield "mode", "say is for the agent: a supervisor's entry is an instruction, mode do"
    if entry.step is not None and entry.step < 1:
        yield "step", f"is {entry.step}: count from 1"
    if entry.cause == "anger":
        yield "cause", "anger is nobody's and is answered as a raised voice: write raised_voice"
    if entry.basis not in BASES[entry.cause]:
        yield "basis", f"{entry.basis}: {entry.cause} can rest on {' or '.join(BASES[entry.cause])} only"
    if entry.flags and entry.basis != "text":
        yield "flags", f"need a transcript: write basis: text, not {entry.basis}, or take the flags away"
    if entry.cause == "customer_distress" and entry.basis == "text" and not entry.flags:
        yield "flags", "are missing: with basis text, name the categories that the entry answers"
