"""Asterisk's AudioSocket: frames over plain TCP, told apart by their kind; one mono channel a connection.

Source: Asterisk, "AudioSocket", and its ``res_audiosocket.c``. A frame is a kind (1 byte), a length (2 bytes,
big-endian) and so many bytes. The first one holds a UUID, the only thing that is told of the call. A kind of
audio is a sample rate. A side that hangs up says so, or simply closes. Silence sends nothing, so a piece's
time is its arrival; and what is sent back is played to somebody, so nothing is.

What AudioSocket cannot tell, the operator's settings do; they come as the query of an address would.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from sentiment_engine.events import Party
from sentiment_engine.live.dialects.shape import Alive, Audio, Ended, Heard, Hello, Opened
from sentiment_engine.live.dialects.told import Told
from sentiment_engine.live.messages import Refused

HANG_UP, UUID, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
RATES_HZ: Mapping[int, int] = {
    0x10: 8000,
    0x11: 12000,
    0x12: 16000,
    0x13: 24000,
    0x14: 32000,
    0x15: 44100,
    0x16: 48000,
    0x17: 96000,
    0x18: 192000,
}
"""Kind -> sample rate of 16-bit little-endian mono; before 2025 Asterisk sent every rate as 0x10."""
HEAD_BYTES = 3
CALLER_HUNG_UP = b"\x01"
"""The one error that is none."""
LEGS: tuple[Party, ...] = ("agent", "customer")
"""The tracks of a call whose legs come apart. Their UUIDs are alike but for the last hexadecimal digit, 0 for
the agent and 1 for the customer."""
PARTIES: Mapping[str, Party] = {"agent": "agent", "customer": "customer", "mixed": "mixed"}


class Frame(NamedTuple):
    """What came under one head."""

    kind: int
    payload: bytes


class Frames:
    """Bytes in pieces of any length to whole frames; at most one incomplete frame, 64 KiB, is kept."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes."""
        self._rest += data
        out, at = [], 0
        while len(self._rest) - at >= HEAD_BYTES:
            end = at + HEAD_BYTES + int.from_bytes(self._rest[at + 1 : at + HEAD_BYTES], "big")
            if len(self._rest) < end:
                break
            out.append(Frame(self._rest[at], bytes(self._rest[at + HEAD_BYTES : end])))
            at = end
        del self._rest[:at]
        return out


class AudioSocket:
    """One connection; its bytes come as binary messages, cut anywhere."""

    name: ClassVar[str] = "audiosocket"
    subprotocols: ClassVar[Sequence[str]] = ()

    def __init__(self, hello: Hello) -> None:
        self._role = hello.query["role"]
        self._told = Told({name: hello.query[name] for name in ("language", "stage")})
        self._frames = Frames()
        self._id: uuid.UUID | None = None
        self._kind: int | None = None
        """Of the audio, once the call is opened."""
        self._leg: int | None = None

    def text(self, text: str) -> Sequence[Heard]:
        del text
        raise Refused("bad_message", "AudioSocket carries no text: connect to its own port by TCP")

    def binary(self, data: bytes) -> Sequence[Heard]:
        heard: list[Heard] = []
        for frame in self._frames.feed(data):
            heard += self._hear(frame)
            if heard and isinstance(heard[-1], Ended):
                break
        return heard

    def unannounced(self) -> Opened | None:
        """A call of known name whose every party is silent; 8 kHz is what the application always sends."""
        return None if self._id is None or self._kind is not None else self._opened(0x10)

    def parting(self) -> Sequence[str]:
        return ()

    def no(self, refused: Refused) -> Sequence[str]:
        del refused
        return ()

    def _hear(self, frame: Frame) -> Sequence[Heard]:
        kind, payload = frame
        if kind == HANG_UP or (kind == ERROR and payload == CALLER_HUNG_UP):
            return [Ended()]
        if kind == UUID:
            self._name(payload)
            return [Alive()]
        if self._id is None:
            raise Refused(
                "not_started",
                f"the first frame is of kind 0x{kind:02x} and not the UUID: this port takes AudioSocket, "
                "WebSockets go to the other",
            )
        if kind in RATES_HZ:
            return self._sound(kind, payload)
        return [Alive()] if kind in (DTMF, ERROR) else []

    def _name(self, payload: bytes) -> None:
        if len(payload) != 16:
            raise Refused("bad_message", f"a UUID has 16 bytes, and this one {len(payload)}")
        name = uuid.UUID(bytes=payload)
        if self._id not in (None, name):
            raise Refused(
                "already_started", "a second UUID on one connection: connect again for another call"
            )
        self._id = name

    def _sound(self, kind: int, payload: bytes) -> Sequence[Heard]:
        opening: list[Heard] = [] if self._kind is not None else [self._opened(kind)]
        if kind != self._kind:
            raise Refused(
                "format_changed",
                f"audio of kind 0x{kind:02x} after 0x{self._kind or 0:02x}: dial with the same c(…) for the "
                "whole call",
            )
        return [*opening, Audio(payload, self._leg or 0)] if payload else opening

    def _opened(self, kind: int) -> Opened:
        self._kind = kind
        name = str(self._id)
        if self._role != "legs":
            channels: tuple[Party, ...] = (PARTIES[self._role],)
        else:
            if name[-1] not in "01":
                raise Refused(
                    "bad_message",
                    f"the UUID {name} ends in {name[-1]}: with audiosocket.party = legs it ends in 0 for the "
                    "agent's leg and in 1 for the customer's",
                )
            channels, self._leg, name = LEGS, int(name[-1]), name[:-1] + "0"
        return Opened(
            start=self._told.start(name, "pcm_s16le", RATES_HZ[kind], channels),
            tracks=tuple((party,) for party in channels),
            clock="arrival",
            leg=self._leg,
        )
