"""Asterisk's chan_websocket: raw audio in binary frames, events in text, one socket for each leg.

Source: Asterisk, "WebSocket" channel driver (20.16, 21.11, 22.6, 23.0 and later). Events are JSON, or by
default and in older versions one line, ``MEDIA_START connection_id:… format:…``. A leg that is silent sends
nothing, so a piece's time is its arrival. The driver plays what it is sent: nothing is ever sent back.

Which call, and whose leg, stands in the address, as the dial string's ``v(…)`` adds it there.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import msgspec

from sentiment_engine.events import Party
from sentiment_engine.live.dialects.shape import Alive, Audio, Ended, Heard, Hello, Opened
from sentiment_engine.live.dialects.told import Told
from sentiment_engine.live.messages import MAX_TEXT_CHARS, Refused


class Form(NamedTuple):
    """What a format of Asterisk's is called here."""

    encoding: str
    sample_rate_hz: int


FORMATS: Mapping[str, Form] = {
    "ulaw": Form("mulaw", 8000),
    "alaw": Form("alaw", 8000),
    "slin": Form("pcm_s16le", 8000),
    "slin12": Form("pcm_s16le", 12000),
    "slin16": Form("pcm_s16le", 16000),
    "slin24": Form("pcm_s16le", 24000),
    "slin32": Form("pcm_s16le", 32000),
    "slin44": Form("pcm_s16le", 44100),
    "slin48": Form("pcm_s16le", 48000),
}
LEGS: tuple[Party, ...] = ("agent", "customer")
"""The tracks of a call whose legs come apart, in order."""
OF_THE_LEG = frozenset({"role", "party", "format"})
"""What the address says of the socket and not of the call; ``party`` is what other dialects call the role."""
SHOWN = 40
"""So many characters of what a client sent are repeated to it."""


class _Event(msgspec.Struct):
    event: str
    channel_id: str = ""
    format: str = ""


_events = msgspec.json.Decoder(_Event)


class Asterisk:
    """One socket of ``/v1/asterisk``, a leg of a call or, without ``role``, both parties mixed."""

    name: ClassVar[str] = "asterisk"
    subprotocols: ClassVar[Sequence[str]] = ("media",)

    def __init__(self, hello: Hello) -> None:
        self._told = Told({name: value for name, value in hello.query.items() if name not in OF_THE_LEG})
        self._announced = hello.query.get("format")
        self._role = hello.query.get("role", hello.query.get("party", "mixed"))
        self._leg = LEGS.index(self._role) if self._role in LEGS else None
        """None for a mixed line; a role that is unknown is refused with the first event."""
        self._format: str | None = None

    def text(self, text: str) -> Sequence[Heard]:
        event = _read(text)
        match event.event:
            case "MEDIA_START" if self._format is None:
                self._format = event.format
                return [self._opened(event.format, event.channel_id)]
            case "MEDIA_START" if self._format != event.format:
                raise Refused(
                    "format_changed",
                    f"the format was {self._format!r} and is now {event.format[:SHOWN]!r}: "
                    "open another socket for it",
                )
            case "DTMF_END":
                return [Alive()]
            case "HANGUP":
                return [Ended()]
        return []

    def binary(self, data: bytes) -> Sequence[Heard]:
        return [Audio(data, self._leg or 0)] if data else []

    def unannounced(self) -> Opened | None:
        if self._announced is None:
            return None
        self._format = self._announced
        return self._opened(self._announced, "")

    def parting(self) -> Sequence[str]:
        return ()

    def no(self, refused: Refused) -> Sequence[str]:
        del refused
        return ()

    def _opened(self, name: str, channel_id: str) -> Opened:
        form = FORMATS.get(name)
        if form is None:
            raise Refused(
                "bad_audio",
                f"the format {name[:SHOWN]!r} cannot be heard: dial with c(slin16), or with one of "
                f"{', '.join(FORMATS)}",
            )
        if self._role not in (*LEGS, "mixed"):
            raise Refused(
                "bad_query",
                f"role is {self._role[:SHOWN]!r}: write {' or '.join(LEGS)}, or mixed for one socket",
            )
        call_id = self._told.text("call_id")
        if call_id is None and self._leg is not None:
            raise Refused(
                "bad_query",
                "a leg needs the id of its call: dial with v(call_id=…,role=…), the same id for both legs",
            )
        if call_id is None and not channel_id:
            raise Refused("bad_query", "no id for the call: dial with v(call_id=…)")
        channels: tuple[Party, ...] = LEGS if self._leg is not None else ("mixed",)
        return Opened(
            start=self._told.start(channel_id, form.encoding, form.sample_rate_hz, channels),
            tracks=tuple((party,) for party in channels),
            clock="arrival",
            leg=self._leg,
        )


def _read(text: str) -> _Event:
    """One event in either form; Refused for JSON that is none."""
    if len(text) > MAX_TEXT_CHARS:
        raise Refused("too_big", f"a text frame of {len(text)} characters: at most {MAX_TEXT_CHARS} are read")
    if text.lstrip().startswith("{"):
        try:
            return _events.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
            raise Refused("bad_message", f"an event that is not Asterisk's: {reason}") from reason
    word, *pairs = text.split() or [""]
    fields = dict(pair.split(":", 1) for pair in pairs if ":" in pair)
    return _Event(word, fields.get("channel_id", ""), fields.get("format", ""))
