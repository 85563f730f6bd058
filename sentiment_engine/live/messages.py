"""What a client of ``/v1/stream`` says, read strictly; and every way of being refused, in one table."""

from typing import Annotated, Any, Literal

import msgspec

from sentiment_engine.errors import EngineError
from sentiment_engine.events import Party, Stage
from sentiment_engine.live.secrecy import redacted

MAX_TEXT_CHARS = 65_536
"""Longest text frame: no transcript or context needs more, and contexts stay in memory with their calls."""

CLOSE_CODES = {
    # 1001 going away
    "server_closing": 1001,
    # 1003 wrong kind of frame
    "audio_before_start": 1003,
    "not_json_object": 1003,
    # 1007 bad data
    "bad_json": 1007,
    "bad_message": 1007,
    "bad_audio": 1007,
    "bad_query": 1007,
    "unknown_type": 1007,
    # 1008 not allowed
    "not_started": 1008,
    "already_started": 1008,
    "start_timeout": 1008,
    "taken_over": 1008,
    "format_changed": 1008,
    "cursor_too_old": 1008,
    "unauthorized": 1008,
    "forbidden": 1008,
    "rate_limited": 1008,
    # 1009 too big (binary frames over the limit are refused by the WebSocket layer itself)
    "too_big": 1009,
    # 1011 our own fault
    "internal": 1011,
    # 1013 try again later
    "overloaded": 1013,
    "too_slow": 1013,
    "shutting_down": 1013,
    "limit_reached": 1013,
}
"""Error code -> WebSocket close code: the only place where one becomes the other."""


class Refused(EngineError):
    """A client is told no: an error frame with ``code`` and ``message``, then the close code."""

    def __init__(self, code: str, message: str) -> None:
        message = redacted(message)  # some repeat what a client sent, and clients log what they are told
        super().__init__(message)
        self.code = code
        self.message = message
        self.close_code = CLOSE_CODES[code]

    def frame(self) -> str:
        """The error as the text frame a client gets."""
        return msgspec.json.encode({"type": "error", "code": self.code, "message": self.message}).decode()


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The first frame of a stream. The core checks what the types cannot say."""

    call_id: str
    encoding: str
    sample_rate: int
    channels: tuple[Party, ...] = ("agent", "customer")
    language: str = "zh-CN"
    stage: Stage = "general"
    context: dict[str, Any] = {}
    send: tuple[Literal["tension"], ...] = ()


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """Words that some recogniser heard."""

    party: Party
    text: str
    start_s: Annotated[float, msgspec.Meta(ge=0)]
    end_s: Annotated[float, msgspec.Meta(ge=0)]


class StageChange(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation has moved on to another stage."""

    stage: Stage


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Media time that passed without audio."""

    seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)]
    reason: Literal["lost", "paused", "idle"] = "lost"


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """The call is over."""


ClientMessage = Start | Transcript | StageChange | Gap | Stop

TYPES: dict[type[ClientMessage], str] = {
    Start: "start",
    Transcript: "transcript",
    StageChange: "stage",
    Gap: "gap",
    Stop: "stop",
}
"""What each message calls itself on the wire."""


class _Head(msgspec.Struct):
    type: str


_head = msgspec.json.Decoder(_Head)
_bodies: dict[str, msgspec.json.Decoder[ClientMessage]] = {
    name: msgspec.json.Decoder(kind) for kind, name in TYPES.items()
}


def parse(text: str) -> ClientMessage:
    """The message that one text frame holds; fields nobody knows are ignored.

    Raises:
        Refused: ``too_big``, ``bad_json`` (also NaN, lone surrogates and nesting too deep to read),
            ``unknown_type``, or ``bad_message`` (a field is missing, of the wrong type or out of range).
    """
    if len(text) > MAX_TEXT_CHARS:
        raise Refused("too_big", f"a text frame of {len(text)} characters: at most {MAX_TEXT_CHARS} are read")
    try:
        kind = _head.decode(text).type
        body = _bodies.get(kind)
        if body is None:
            raise Refused("unknown_type", f"type {kind[:40]!r} is not one of {', '.join(_bodies)}")
        message = body.decode(text)
    except msgspec.ValidationError as reason:
        raise Refused("bad_message", f"{reason}; see section 6 of the protocol") from reason
    except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
        raise Refused("bad_json", f"the text frame cannot be read as JSON: {reason}") from reason
    if isinstance(message, Transcript) and message.end_s < message.start_s:
        raise Refused("bad_message", f"end_s {message.end_s} lies before start_s {message.start_s}")
    return message
