"""The one shape of every dialect: a start, audio with its place, an end.

A dialect turns a platform's frames into the records below, and nothing else: it opens no socket, reads no
clock and knows no call. ``vendor.py`` does with the records what has to be done.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import msgspec

from sentiment_engine.events import GapReason, Party
from sentiment_engine.live.clocks import ClockName
from sentiment_engine.live.messages import Refused, StageChange, Start, Transcript


class Hello(NamedTuple):
    """What a client says before its first frame."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The call is known."""

    start: Start
    tracks: tuple[tuple[Party, ...], ...]
    """The parties of each track, in the order of ``start.channels``; one track carries several parties
    interleaved."""
    clock: ClockName
    leg: int | None = None
    """The one track that this socket feeds, where each leg of a call has its own; None: all tracks."""
    token: str | None = None
    """Whose bearer may open calls; for platforms that can set no header."""
    wants_alerts: bool = False
    """Whether alerts are sent back as text."""
    welcome: Callable[[], str] | None = None
    """Makes what is said once the call is open; it is not called for a call that is refused."""
    probe: bool = False
    """The platform only tries the connection: it is let in, or not, as a call would be, and answered; nothing
    is recorded."""


class Audio(msgspec.Struct, frozen=True):
    """Encoded samples of one track."""

    data: bytes
    track: int = 0
    stamp_s: float | None = None
    """On the sender's clock; needed with ``clock="stamps"``."""
    sequence: int | None = None
    """Counts the packets of the connection, without gaps."""


class Silence(msgspec.Struct, frozen=True):
    """The sender says that so much time passed without audio."""

    seconds: float
    reason: GapReason = "paused"


class Answer(msgspec.Struct, frozen=True):
    """To be sent back at once."""

    text: str


class Alive(msgspec.Struct, frozen=True):
    """No audio, and rightly so: the call is not idle."""


class Ended(msgspec.Struct, frozen=True):
    """The party, or the call, has hung up; the socket is closed with 1000 after what is to be answered."""

    returns: bool = False
    """Only this socket is done: its client says that it comes back on another, and the call waits for it."""


class LanguageChange(msgspec.Struct, frozen=True):
    """What is spoken from here on."""

    language: str


Heard = Opened | Audio | Silence | Answer | Alive | Ended | StageChange | LanguageChange | Transcript


class Dialect(Protocol):
    """One connection's translator.

    :meth:`text` and :meth:`binary` raise :class:`Refused`, ``bad_message`` above all, for what cannot be
    understood and must be; what is unknown and harmless is ignored.
    """

    name: ClassVar[str]
    subprotocols: ClassVar[Sequence[str]]
    """Those it can speak; the first that the client offers is echoed."""

    def __init__(self, hello: Hello) -> None: ...

    def text(self, text: str) -> Sequence[Heard]:
        """One text frame."""

    def binary(self, data: bytes) -> Sequence[Heard]:
        """One binary frame."""

    def unannounced(self) -> Opened | None:
        """The call, when there is no word of what it is; None: refuse it.

        Asked ``LATE_START_S`` after audio has come, or ``start_timeout_s`` after a sign of life alone.
        """

    def parting(self) -> Sequence[str]:
        """What is said before the server closes a call that it ended itself."""

    def no(self, refused: Refused) -> Sequence[str]:
        """What is said before the socket is closed for a fault; nothing on a one-way stream."""


@runtime_checkable
class ClientCloses(Protocol):
    """What a dialect has besides where it is the client that closes the socket, after the last words of both.

    After :meth:`Dialect.parting` or a spoken :meth:`Dialect.no`, texts go on being read until one is
    :class:`Ended`; after that, the client closes. The server does so itself only when that takes too long.
    """

    farewell_s: ClassVar[float]
    """How long each of the two may take."""
