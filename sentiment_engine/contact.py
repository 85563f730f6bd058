"""When and how often a person may be called, as far as the caller tells: clock and counters, never the voice.

The rules are a profile's, as its sources give them, with an operator's own on top. They are reminders for
people, not legal advice: sources marked [V2] were read in secondary texts only, [M] from memory. What the
caller does not tell is not judged.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from sentiment_engine.errors import BadAudio
from sentiment_engine.settings import Settings
from sentiment_engine.settings_alerts import QUIET_HOURS

DAY_S = 86_400
MOST = 100_000
"""Of any counter."""

Limit = Literal["attempts_per_day", "conversations_per_day", "calls_per_7_days", "days_after_conversation"]


class ContactRules(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for contact; None is no rule."""

    quiet_hours: tuple[int, int] | None
    """From and until when nobody is called: seconds after midnight on the called party's clock."""
    attempts_per_day: int | None = None
    """Most attempts at one number in a day."""
    conversations_per_day: int | None = None
    """Most conversations with one person in a day."""
    calls_per_7_days: int | None = None
    """Most calls about one debt in seven days."""
    days_after_conversation: int | None = None
    """Days that must lie between a conversation about a debt and the next call about it."""
    required_notices: tuple[str, ...] = ()
    """Categories of kind ``notice`` that the agent is to say early in the call."""


def hours(text: str) -> tuple[int, int] | None:
    """``22:00-08:00`` as seconds after midnight; None for what is no such text."""
    match = QUIET_HOURS.fullmatch(text)
    if match is None:
        return None
    hour, minute, until_hour, until_minute = map(int, match.groups())
    return 3600 * hour + 60 * minute, 3600 * until_hour + 60 * until_minute


PROFILES: dict[str, ContactRules] = {
    # Hours and three conversations: GB/T 45251-2025, presumably 5.3 [V2]. Six attempts: China Banking
    # Association's guideline of 2026-01-30, for unanswered calls [V2]. Identity: NIFA's pact of 2018-03 [M].
    "cn": ContactRules(
        quiet_hours=hours("22:00-08:00"),
        attempts_per_day=6,
        conversations_per_day=3,
        required_notices=("notice_identity", "notice_recording"),
    ),
    # Hours: 12 CFR 1006.6(b)(1)(i) [V]. "7-in-7": 12 CFR 1006.14(b)(2), a presumption, not a hard cap [V].
    # "This is a debt collector": 12 CFR 1006.18(e) [M]. Recording: all-party states, Cal. Penal Code 632 [M].
    "us": ContactRules(
        quiet_hours=hours("21:00-08:00"),
        calls_per_7_days=7,
        days_after_conversation=7,
        required_notices=("notice_identity", "notice_recording"),
    ),
    # FCA CONC 7.9.4R asks for reasonable hours and names none [M]: these are a proposal.
    "gb": ContactRules(
        quiet_hours=hours("21:00-08:00"), required_notices=("notice_identity", "notice_recording")
    ),
    # Hours and caps are national law: the operator sets them. Regulation (EU) 2024/1689 Art 50(3): people
    # exposed to emotion recognition are told [text M].
    "eu": ContactRules(
        quiet_hours=None, required_notices=("notice_identity", "notice_recording", "notice_analysis")
    ),
}
"""Defaults by profile, from the market's rules known on 2026-11-23; an operator must confirm them."""


def rules_of(settings: Settings) -> ContactRules:
    """The rules that hold: the profile's, with what ``[contact]`` of the settings says in its place."""
    rules, own = PROFILES[settings.profile], settings.contact
    changes: dict[str, Any] = {
        name: getattr(own, name) or None  # a cap of 0 is no cap
        for name in (
            "attempts_per_day",
            "conversations_per_day",
            "calls_per_7_days",
            "days_after_conversation",
        )
        if getattr(own, name) is not None
    }
    if own.quiet_hours is not None:
        changes["quiet_hours"] = hours(own.quiet_hours)  # "none" is none
    if own.required_notices is not None:
        changes["required_notices"] = own.required_notices
    return msgspec.structs.replace(rules, **changes)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may tell in the ``context`` of a call's start; counters include this call."""

    local_time: str | None = None
    """RFC 3339, the called party's local time when the call began, with its offset."""
    utc_offset: str | None = None
    """``+08:00``: the called party's, now; with the call's ``started_at`` it stands for ``local_time``."""
    direction: Literal["outbound", "inbound"] = "outbound"
    """Hours and caps bind outbound calls only."""
    consented_hours: bool = False
    """The person called agreed to quiet hours too."""
    attempts_today: int | None = None
    conversations_today: int | None = None
    calls_7d: int | None = None
    days_since_conversation: float | None = None
    """Since the last conversation about this debt, before this call."""
    notices_given: tuple[str, ...] = ()
    """Required notices that need not be heard: an announcement before the call gave them."""


class Contact(msgspec.Struct, frozen=True):
    """One contact, judged by the rules that hold."""

    rules: ContactRules
    told: Told
    began_s: float | None
    """Seconds after midnight on the called party's clock when the call began; None when that is not known."""

    def quiet(self, at_s: float) -> bool:
        """Whether the called party's clock stands in quiet hours ``at_s`` seconds into the call."""
        hours = self.rules.quiet_hours
        if self.began_s is None or hours is None or self._free or self.told.consented_hours:
            return False
        start, until = hours
        now = (self.began_s + at_s) % DAY_S
        return start <= now < until if start <= until else not until <= now < start

    def over(self) -> tuple[Limit, ...]:
        """The limits that this call is over."""
        rules, told = self.rules, self.told
        counted: tuple[tuple[Limit, int | None, int | None], ...] = (
            ("attempts_per_day", told.attempts_today, rules.attempts_per_day),
            ("conversations_per_day", told.conversations_today, rules.conversations_per_day),
            ("calls_per_7_days", told.calls_7d, rules.calls_per_7_days),
        )
        over = [name for name, count, cap in counted if count is not None and cap is not None and count > cap]
        days, since = rules.days_after_conversation, told.days_since_conversation
        if days is not None and since is not None and since < days:
            over.append("days_after_conversation")
        return () if self._free else tuple(over)

    @property
    def _free(self) -> bool:
        return self.told.direction == "inbound"


_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_STAMP = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)"
    r"(?:\.[0-9]{1,9})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII,
)


def read_contact(rules: ContactRules, context: Mapping[str, Any], started_at: str | None) -> Contact:
    """The contact that ``context`` tells of; names in it that are not :class:`Told`'s are not looked at.

    Args:
        rules: What holds.
        context: Plain data, as the caller sent it.
        started_at: RFC 3339 wall-clock time of the first sample, if known.

    Raises:
        BadAudio: a field has a value that cannot be used; names it and says what can.
    """
    fields = {name: context[name] for name in Told.__struct_fields__ if name in context}
    try:
        told = msgspec.convert(fields, Told, strict=True)
    except (msgspec.ValidationError, UnicodeError) as reason:
        raise BadAudio(f"context: {reason}: leave the field out, or send what contact.py names") from reason
    for name in ("attempts_today", "conversations_today", "calls_7d", "days_since_conversation"):
        value = getattr(told, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= MOST):
            raise BadAudio(f"context: {name} is {value}: it must lie in 0..{MOST}")
    return Contact(rules, told, _began_s(told, started_at))


def _began_s(told: Told, started_at: str | None) -> float | None:
    if told.local_time is not None:
        return _of_day(told.local_time, "context: local_time")
    if told.utc_offset is None:
        return None
    offset = _OFFSET.fullmatch(told.utc_offset)
    if offset is None:
        raise BadAudio(f"context: utc_offset {told.utc_offset[:40]!r}: write it as +08:00")
    if started_at is None:
        raise BadAudio("context: utc_offset needs started_at: give local_time instead")
    return (_of_day(started_at, "started_at") - _ahead_s(started_at) + _ahead_s(told.utc_offset)) % DAY_S


def _of_day(stamp: str, name: str) -> float:
    """Seconds after midnight on the clock that the time stamp shows."""
    match = _STAMP.fullmatch(stamp)
    if match is None:
        raise BadAudio(f"{name} {stamp[:60]!r}: write RFC 3339 with an offset, as 2026-11-24T21:05:00+08:00")
    hour, minute, second = (int(match[group]) for group in (3, 4, 5))
    return 3600 * hour + 60 * minute + second


def _ahead_s(stamp: str) -> int:
    """Seconds that the offset at the end of a time stamp is ahead of UTC; ``Z`` is none."""
    offset = _OFFSET.fullmatch(stamp[-6:])
    if offset is None:
        return 0
    return (1 if offset[1] == "+" else -1) * (3600 * int(offset[2]) + 60 * int(offset[3]))
