"""Genesys Cloud AudioHook, version 2: a JSON envelope for control, µ-law or linear audio in binary frames.

Source: Genesys Cloud Developer Center, "AudioHook protocol reference", and the vendor's public reference
implementation, whose field order and rules are kept. Both sides number their messages, each one more than the
one before. It is always the client that closes: the server answers ``close`` with ``closed``, and asks for a
close with ``disconnect``.

Alerts are not sent back: of the entities that ``event`` may carry, ``transcript`` holds words, which are not
ours to give, and ``agentassist`` is experimental and not shown to agents by Genesys Cloud.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from sentiment_engine.events import GapReason
from sentiment_engine.live.dialects.genesys_open import (
    LONGEST_S,
    NULL_UUID,
    UUID,
    Medium,
    language_of,
    seconds_of,
    session_of,
)
from sentiment_engine.live.dialects.genesys_pause import Pause
from sentiment_engine.live.dialects.shape import (
    Alive,
    Answer,
    Audio,
    Ended,
    Heard,
    Hello,
    LanguageChange,
    Opened,
    Silence,
)
from sentiment_engine.live.messages import Refused

LONGEST_TEXT = 65_535
LONGEST_INFO = 300
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""As far as every JSON reader can count."""

UNAUTHORIZED = frozenset({"unauthorized", "forbidden", "rate_limited"})
COMPLETED = frozenset({"taken_over", "shutting_down", "server_closing"})
"""Which refusals are not the client's fault, nor one of ours: its session is simply over."""


class _Message(msgspec.Struct):
    version: str
    id: str
    type: str
    seq: Count
    serverseq: Count
    position: str
    parameters: dict[str, Any]


_messages = msgspec.json.Decoder(_Message)


class Genesys:
    """One connection of ``/v1/audiohook``."""

    name: ClassVar[str] = "genesys"
    subprotocols: ClassVar[Sequence[str]] = ()
    farewell_s: ClassVar[float] = 3.0
    """The vendor's client answers at once; a drain gives all sessions five seconds."""

    def __init__(self, hello: Hello) -> None:
        self._headers = hello.headers
        self._id = hello.headers.get("audiohook-session-id", "")
        self._seq = self._clientseq = 0
        self._is_open = self._is_probe = self._is_language_fixed = False
        self._position_s = 0.0
        """The client's, at its last message."""
        self._pause = Pause()
        self._parting = self._closed = False
        """Whether the last word is being said, and whether it has been."""
        self._medium: Medium | None = None
        self._parsers: Mapping[str, Callable[[Mapping[str, Any]], Sequence[Heard]]] = {
            "open": self._open,
            "close": self._close,
            "ping": self._ping,
            "update": self._update,
            "paused": self._paused,
            "resumed": self._resumed,
            "discarded": self._discarded,
        }

    def text(self, text: str) -> Sequence[Heard]:
        if self._parting:
            return self._last_word(text)
        message = self._message(text)
        known = self._parsers.get(message.type)
        # the client's own errors, and what later versions bring, ask for nothing
        return [] if known is None else known(message.parameters)

    def binary(self, data: bytes) -> Sequence[Heard]:
        if self._parting or self._is_probe:
            return []
        if self._medium is None:
            raise Refused("audio_before_start", "audio came before opened: wait for it")
        if len(data) % self._medium.frame_bytes:
            # half a frame would turn agent into customer from here on
            raise Refused(
                "bad_message",
                f"{len(data)} bytes of audio: send whole frames of {self._medium.frame_bytes} bytes, "
                f"{self._medium.format} of {' and '.join(self._medium.channels)}",
            )
        return [Audio(data)]

    def unannounced(self) -> Opened | None:
        return None

    def parting(self) -> Sequence[str]:
        return self._disconnect("completed", "the monitor has ended this call")

    def no(self, refused: Refused) -> Sequence[str]:
        reason = "unauthorized" if refused.code in UNAUTHORIZED else "error"
        if refused.code in COMPLETED:
            reason = "completed"
        return self._disconnect(reason, f"{refused.code}: {refused.message}"[:LONGEST_INFO])

    # -- the envelope

    def _message(self, text: str) -> _Message:
        if len(text) > LONGEST_TEXT:
            raise Refused("too_big", f"a message of {len(text)} characters: at most {LONGEST_TEXT} are read")
        try:
            message = _messages.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
            raise Refused("bad_message", f"a message that is not AudioHook's: {reason}") from reason
        if message.version != "2":
            raise Refused("bad_message", f"version is {message.version[:20]!r}: version 2 is spoken here")
        if message.seq != self._clientseq + 1:
            raise Refused("bad_message", f"seq is {message.seq}: it must be {self._clientseq + 1}")
        self._clientseq = message.seq
        if message.serverseq > self._seq:
            raise Refused("bad_message", f"serverseq is {message.serverseq}: {self._seq} messages were sent")
        self._position_s = seconds_of(message.position, "position")
        self._identify(message.id)
        return message

    def _identify(self, session_id: str) -> None:
        if not UUID.fullmatch(session_id):
            raise Refused("bad_message", f"id is {session_id[:60]!r}: it must be a UUID")
        self._id = self._id or session_id
        if session_id != self._id:
            raise Refused("bad_message", f"id is {session_id}: this is session {self._id[:60]}")

    def _say(self, kind: str, parameters: Mapping[str, object]) -> str:
        self._seq += 1
        message = {
            "version": "2",
            "type": kind,
            "id": self._id if UUID.fullmatch(self._id) else NULL_UUID,
            "seq": self._seq,
            "clientseq": self._clientseq,
            "parameters": parameters,
        }
        return msgspec.json.encode(message).decode()

    def _disconnect(self, reason: str, info: str) -> Sequence[str]:
        if self._parting:
            return ()
        self._parting = True
        return (self._say("disconnect", {"reason": reason, "info": info}),)

    def _last_word(self, text: str) -> Sequence[Heard]:
        """After our disconnect, or the client's close: only a close is answered, whatever else is wrong."""
        if self._closed:
            return []
        try:
            message = _messages.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return []
        self._clientseq = max(self._clientseq, message.seq)
        return self._close(message.parameters) if message.type == "close" else []

    # -- what the client says

    def _open(self, parameters: Mapping[str, Any]) -> Sequence[Heard]:
        if self._is_open:
            raise Refused("already_started", "this session is open: close it before another open")
        opening, session = session_of(parameters, self._headers.get("x-api-key"))
        organization = self._headers.get("audiohook-organization-id", opening.organization_id)
        if organization != opening.organization_id:
            raise Refused(
                "unauthorized", "organizationId is not that of the header audiohook-organization-id"
            )
        self._is_open, self._is_probe = True, opening.is_probe
        self._medium, self._is_language_fixed = session.medium, session.is_language_fixed
        opened: dict[str, object] = {
            "media": [session.medium] if session.medium else [],
            "startPaused": False,
        }
        if opening.supported_languages:
            opened["supportedLanguages"] = []  # of transcripts, which nobody gets here
        return [
            Opened(
                start=session.start,
                tracks=(session.start.channels,),
                clock="flow",
                token=session.token,
                welcome=lambda: self._say("opened", opened),
                probe=opening.is_probe,
            )
        ]

    def _close(self, parameters: Mapping[str, Any]) -> Sequence[Heard]:
        self._parting = self._closed = True
        returns = self._is_open and parameters.get("reason") == "reconnect"
        return [
            Answer(self._say("closed", {})),
            *self._silence(self._pause.so_far(self._position_s, 0.0)),
            Ended(returns=returns),
        ]

    def _ping(self, _: Mapping[str, Any]) -> Sequence[Heard]:
        pong = Answer(self._say("pong", {}))
        if not self._pause:
            return [pong]
        return [pong, Alive(), *self._silence(self._pause.so_far(self._position_s))]

    def _update(self, parameters: Mapping[str, Any]) -> Sequence[Heard]:
        language = language_of(parameters.get("language"))
        if not self._is_open:
            return []
        updated = Answer(self._say("updated", {}))
        if self._is_probe or self._is_language_fixed:
            return [updated]
        return [updated, LanguageChange(language)]

    def _paused(self, _: Mapping[str, Any]) -> Sequence[Heard]:
        if self._is_open:
            self._pause.begin(self._position_s)
        return [Alive()]

    def _resumed(self, parameters: Mapping[str, Any]) -> Sequence[Heard]:
        return self._silence(self._pause.end(_left_out_s(parameters)))

    def _discarded(self, parameters: Mapping[str, Any]) -> Sequence[Heard]:
        return self._silence(_left_out_s(parameters), "lost")

    def _silence(self, seconds: float, reason: GapReason = "paused") -> Sequence[Heard]:
        return [Silence(seconds, reason)] if seconds and self._is_open else []


def _left_out_s(parameters: Mapping[str, Any]) -> float:
    seconds_of(parameters.get("start"), "start")
    return seconds_of(parameters.get("discarded"), "discarded", LONGEST_S)
