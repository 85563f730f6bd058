"""What a Genesys client offers when it opens a session, and what is made of it.

Source: Genesys Cloud Developer Center, "AudioHook protocol reference"; the names, their order and their case
are those of the vendor's reference implementation.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from sentiment_engine.contact import Told
from sentiment_engine.events import STAGES, Party, Stage
from sentiment_engine.live.messages import Refused, Start

Channel = Literal["external", "internal"]
"""Who is heard on it: the customer, wherever the call came from, and the agent."""

NULL_UUID = "00000000-0000-0000-0000-000000000000"
"""The conversation of a probe."""
LONGEST_S = 14_400.0
"""Four hours: no call is paused for longer, and so much time passes at one message."""
SEPARATOR = "."
"""Between conversation and participant, where each is a call: fit for file names and addresses."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_DURATION = re.compile(r"PT(\d+\.?\d*|\.\d+)S", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}", re.ASCII | re.IGNORECASE)

ENCODINGS = {"PCMU": "mulaw", "L16": "pcm_s16le"}
SAMPLE_BYTES = {"PCMU": 1, "L16": 2}


T = TypeVar("T")


class Medium(msgspec.Struct, frozen=True):
    """One entry of ``media``; the fields in the order in which the vendor writes them."""

    type: Literal["audio"]
    format: Literal["PCMU", "L16"]
    channels: tuple[Channel, ...]
    rate: Literal[8000]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of each channel."""
        return SAMPLE_BYTES[self.format] * len(self.channels)


class _Participant(msgspec.Struct):
    id: str


class OpenParameters(msgspec.Struct, rename="camel"):
    """The parameters of ``open``, as far as they matter here: nobody's number or name is among them."""

    organization_id: str
    conversation_id: str
    participant: _Participant
    media: list[Any]
    language: str | None = None
    supported_languages: bool = False
    custom_config: dict[str, Any] | None = None

    @property
    def is_probe(self) -> bool:
        """Whether the platform only tries the connection."""
        return self.conversation_id == NULL_UUID


class _Custom(msgspec.Struct):
    """What integrators may write into the custom configuration; other names are context."""

    call_id: str | None = None
    one_call_per: Literal["conversation", "participant"] = "conversation"
    agent_channel: Channel = "internal"
    language: str | None = None
    stage: Stage = "general"
    token: str | None = None


_NAMES = {
    name.replace("_", ""): name
    for name in (*_Custom.__struct_fields__, *Told.__struct_fields__, "risk_class")
}


class Session(NamedTuple):
    """What an ``open`` comes to."""

    start: Start
    medium: Medium | None
    """None where nothing is heard: a probe without media."""
    token: str | None
    is_language_fixed: bool
    """Whether the integrator has named the language, whatever the platform says."""


def seconds_of(duration: object, name: str, at_most: float = float("inf")) -> float:
    """``PT1.5S`` in seconds.

    Raises:
        Refused: ``bad_message``, with the field's ``name``: another form, or more than ``at_most``.
    """
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None:
        raise Refused("bad_message", f"{name} is {_shown(duration)}: write seconds such as PT1.5S")
    seconds = float(match[1])
    if seconds > at_most:
        raise Refused(
            "bad_message", f"{name} is {_shown(duration)}: at most PT{at_most:g}S can be passed over"
        )
    return seconds


def language_of(language: object) -> str:
    """A language tag; raises Refused ``bad_message`` for what cannot be one."""
    if not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
        raise Refused("bad_message", f"language is {_shown(language)}: write a tag such as en-US")
    return language


def chosen(offered: Sequence[object]) -> Medium | None:
    """The medium to listen to: both parties rather than one, then µ-law rather than linear, then the first.

    Entries that cannot be read, or name a channel twice, are passed over.
    """
    usable: list[Medium] = []
    for entry in offered:
        try:
            medium = msgspec.convert(entry, Medium, strict=True)
        except msgspec.ValidationError:
            continue
        if 0 < len(medium.channels) == len(set(medium.channels)):
            usable.append(medium)
    return min(usable, key=lambda each: (-len(each.channels), each.format != "PCMU"), default=None)


def session_of(parameters: Mapping[str, Any], api_key: str | None) -> tuple[OpenParameters, Session]:
    """Reads ``open``.

    Args:
        parameters: as they were sent.
        api_key: that of the handshake; taken for a token when the custom configuration holds none.

    Raises:
        Refused: ``bad_message`` for fields missing, of the wrong type or with an unknown value; ``bad_audio``
            when none of the offered media can be used.
    """
    opening = _converted(parameters, OpenParameters, "open")
    for name in ("organization_id", "conversation_id"):
        _check_uuid(getattr(opening, name), name)
    _check_uuid(opening.participant.id, "participant id")
    told = {_plain(name): value for name, value in (opening.custom_config or {}).items()}
    if told.get("stage", "general") not in STAGES:
        raise Refused(
            "bad_message", f"customConfig: stage is {_shown(told['stage'])}: one of {', '.join(STAGES)}"
        )
    custom = _converted(told, _Custom, "customConfig")
    medium = chosen(opening.media)
    if medium is None and not opening.is_probe:
        raise Refused(
            "bad_audio",
            "none of the offered media can be used: offer PCMU or L16 at 8000 Hz, external and internal",
        )
    language = custom.language if custom.language is not None else opening.language
    start = Start(
        call_id=_call_id(opening, custom),
        encoding=ENCODINGS[medium.format] if medium else "mulaw",
        sample_rate=8000,
        channels=_parties(medium, custom.agent_channel),
        stage=custom.stage,
        context={name: value for name, value in told.items() if name not in _Custom.__struct_fields__},
    )
    if language is not None:
        start = msgspec.structs.replace(start, language=language_of(language))
    token = custom.token if custom.token is not None else api_key
    return opening, Session(start, medium, token, custom.language is not None)


def _plain(name: str) -> str:
    """``riskClass``, ``risk-class`` and ``risk_class`` are one name; unknown ones stay as they are."""
    return _NAMES.get(name.replace("_", "").replace("-", "").lower(), name)


def _converted(value: Mapping[str, Any], kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as reason:
        raise Refused("bad_message", f"{name}: {reason}") from reason


def _call_id(opening: OpenParameters, custom: _Custom) -> str:
    if custom.call_id is not None:
        return custom.call_id
    if custom.one_call_per == "participant":
        return f"{opening.conversation_id}{SEPARATOR}{opening.participant.id}"
    return opening.conversation_id


def _parties(medium: Medium | None, agent_channel: Channel) -> tuple[Party, ...]:
    if medium is None:
        return ("customer", "agent")
    return tuple("agent" if channel == agent_channel else "customer" for channel in medium.channels)


def _check_uuid(value: str, name: str) -> None:
    if not UUID.fullmatch(value):
        raise Refused("bad_message", f"{name} is {_shown(value)}: it must be a UUID")


def _shown(value: object) -> str:
    return repr(value)[:60] if isinstance(value, str) else f"a {type(value).__name__}"
