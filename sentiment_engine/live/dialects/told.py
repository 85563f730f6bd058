"""What integrators tell beside the audio: in a platform's parameters, its metadata or the address.

Platforms pass names and values on as text, in their own spelling: ``call_id``, ``callId`` and ``Call-Id`` are
one name here, and ``"3"`` is a number where one is meant. What is not known is the call's context.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from sentiment_engine.contact import Told as Contact
from sentiment_engine.events import PARTIES, STAGES, Party
from sentiment_engine.live.messages import Refused, Start

CONTROLS = frozenset(
    {
        "call_id", "language", "stage", "token", "send", "party", "agent_track", "agent_channel", "inbound",
        "outbound", "tracks", "sample_rate", "channels",
    }
)  # fmt: skip
"""Names that say how to hear the call; they are no part of its context."""
LONGEST_STAMP_MS = 1e15
"""Beyond any clock that counts milliseconds since 1970."""

_contact = {field.name: field.type for field in msgspec.structs.fields(Contact)}
_known = {name.replace("_", ""): name for name in {*CONTROLS, *_contact, "risk_class", "agent"}}


def plain(name: str) -> str:
    """A name without what platforms spell differently: ``mediaFormat`` and ``media_format`` are one."""
    return name.replace("_", "").replace("-", "").lower()


_OFTEN = {
    name: plain(name)
    for name in (
        *("event", "media", "sequenceNumber", "sequence_number", "streamSid", "stream_sid", "streamId"),
        *("stream_id", "extra_headers", "track", "chunk", "timestamp", "payload"),
    )
}
"""Names of which every packet is full."""


class Told:
    """What was told, by plain name; where a name comes twice, the source named first counts.

    Args:
        sources: parameters, metadata, a query; the most particular first.
    """

    def __init__(self, *sources: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        for source in sources:
            for name, value in source.items():
                self._values.setdefault(_known.get(plain(name), name), value)

    def text(self, name: str, *, otherwise: str | None = None) -> str | None:
        """A value that has to be text; None, or ``otherwise``, if it was not told.

        Raises:
            Refused: ``bad_message``: it is neither text nor a whole number.
        """
        value = self._values.get(name)
        if value is None or value == "":
            return otherwise
        return as_text(value, name)

    def one_of(self, name: str, choices: tuple[str, ...]) -> str | None:
        """A value out of a few, in lower case; None if it was not told.

        Raises:
            Refused: ``bad_message``: it is none of them.
        """
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in choices:
            raise Refused("bad_message", f"{name} is {value[:40]!r}: send one of {', '.join(choices)}")
        return value.lower()

    def listed(self, name: str) -> tuple[str, ...]:
        """The texts of a list, which may be written with commas; none if it was not told.

        Raises:
            Refused: ``bad_message``: it is neither a list of texts nor text.
        """
        value = self._values.get(name)
        if value is None:
            return ()
        each = value if isinstance(value, list) else as_text(value, name).split(",")
        return tuple(as_text(one, name) for one in each if one != "")

    def party(self, name: str) -> Party | None:
        """A party, where one is told; raises as :meth:`one_of` does."""
        found = self.one_of(name, PARTIES)
        return next((party for party in PARTIES if party == found), None)

    def start(self, call_id: str, encoding: str, sample_rate: int, channels: tuple[Party, ...]) -> Start:
        """The call's start; a ``call_id`` that was told counts before the platform's own.

        Raises:
            Refused: ``bad_message``: an unknown stage.
        """
        stage = self.one_of("stage", STAGES)
        return msgspec.convert(
            {
                "call_id": self.text("call_id", otherwise=call_id),
                "encoding": encoding,
                "sample_rate": sample_rate,
                "channels": channels,
                "context": self._context(),
                **({} if stage is None else {"stage": stage}),
                **({} if (language := self.text("language")) is None else {"language": language}),
            },
            Start,
        )

    def _context(self) -> dict[str, Any]:
        context = {name: value for name, value in self._values.items() if name not in CONTROLS}
        for name, kind in _contact.items():
            value = context.get(name)
            if isinstance(value, str):
                context[name] = _typed(value.split(",") if name == "notices_given" else value, kind)
        return context


def _typed(value: object, kind: object) -> object:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return value  # the core names the field, and what it may hold


def as_text(value: object, name: str) -> str:
    """Text, or a whole number as text.

    Raises:
        Refused: ``bad_message``: it is something else.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)  # a longer one could not even be printed
    raise Refused("bad_message", f"{name} must be text")


def number(value: object, name: str, low: float, high: float) -> float:
    """A number, which platforms may write as text.

    Raises:
        Refused: ``bad_message``: it is none, or out of range.
    """
    try:
        found = float(value) if isinstance(value, str | int | float) else low - 1
    except (ValueError, OverflowError):
        found = low - 1
    if isinstance(value, bool) or not low <= found <= high:  # NaN is in no range
        raise Refused("bad_message", f"{name} must be a number in {low:g}..{high:g}")
    return found


def whole(value: object, name: str, high: int = 2**53) -> int:
    """A whole number from 0, which platforms may write as text; raises as :func:`number` does."""
    found = number(value, name, 0, high)
    if found != int(found):
        raise Refused("bad_message", f"{name} is {found}: it must be a whole number")
    return int(found)


def fields(value: object, name: str) -> Mapping[str, Any]:
    """The fields of a JSON object by their plain names.

    Raises:
        Refused: ``bad_message``: it is no object.
    """
    if not isinstance(value, dict):
        raise Refused("bad_message", f"{name} must be a JSON object")
    return {_OFTEN.get(key) or plain(key): inner for key, inner in value.items()}


def payload(value: object) -> bytes:
    """The bytes of a base64 payload.

    Raises:
        Refused: ``bad_message``: it is no base64.
    """
    try:
        return base64.b64decode(as_text(value, "media.payload"), validate=True)
    except (binascii.Error, ValueError) as reason:
        raise Refused("bad_message", f"media.payload is no base64: {reason}") from reason
