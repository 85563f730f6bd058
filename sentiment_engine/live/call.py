"""One live call: its monitor, what waits for the model, and what waits for its socket."""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from sentiment_engine.emotion import Window
from sentiment_engine.events import CallEnded, CallSummary, EndReason
from sentiment_engine.live.door import Caller
from sentiment_engine.live.mailbox import Mailbox
from sentiment_engine.live.media import Media
from sentiment_engine.live.messages import Refused, Start
from sentiment_engine.monitor import CallMonitor

if TYPE_CHECKING:
    from sentiment_engine.live.recorder import Recorder


class Session(Protocol):
    """The socket that feeds a call, as far as the registry cares."""

    call: "LiveCall | None"
    """None until its start has been accepted."""
    leg: int
    """Which of the sockets of one call this is, for protocols that open several."""

    @property
    def caller(self) -> Caller:
        """Whose token the socket came with; raises Refused as long as it has shown none."""

    def refuse(self, refused: Refused) -> None:
        """Ends the session with an error, soon; returns at once."""

    def abort(self) -> None:
        """Cuts the connection."""


class LiveCall:
    """One call: its monitor, what waits for the model, what waits for its socket."""

    def __init__(self, monitor: CallMonitor, start: Start, session: Session, mailbox: Mailbox) -> None:
        self.monitor = monitor
        self.owner = session.caller
        """Only its owner, or an admin, may continue the call."""
        self.format = format_of(start)
        self.mailbox = mailbox
        self.windows: deque[tuple[Window, float]] = deque()
        """Due and not yet taken by the scorer, each with the time it became due."""
        self.room = asyncio.Event()
        """Set while fewer than ``call_windows`` windows wait: then its socket may be read."""
        self.room.set()
        self.closing = False
        self.ended = asyncio.Event()
        """Set once its last event is published."""
        self.told = asyncio.Event()
        """Set once readers and its own client may have that event, which may be a little later."""
        self.heard_s = 0.0
        """Media time already counted in the metrics."""
        self.last_seq, self.last_at_s = 0, 0.0
        self.legs: dict[int, Session] = {}
        """The sockets that feed it now."""
        self.media: Media | None = None
        """What puts the audio of other protocols than our own in order."""
        self.recorder: Recorder | None = None
        """What keeps its audio, if that is asked for."""
        self.resumed = False
        """Whether another socket fed it before."""
        self.owners: frozenset[str] = frozenset()
        """Names of the tokens whose own call it is, as its first event says."""
        self.before = 0
        """The newest cursor when it began: what is its own comes after."""
        self.attach(session, start)

    @property
    def id(self) -> str:
        """The caller's own id."""
        return self.monitor.call_id

    def attach(self, session: Session, start: Start) -> None:
        """From now on ``session`` feeds the call and gets its events."""
        self.legs[session.leg] = session
        self.wants_ticks = "tension" in start.send
        self.kept_until: float | None = None
        """When it ends, if it has lost its last socket and none comes back."""
        self.ends_as: EndReason = "disconnected"
        """How it ends if none comes back."""
        self.heard_at = time.monotonic()
        """When its socket last said anything."""


def format_of(start: Start) -> tuple[object, ...]:
    """What may not change when a call is resumed."""
    return start.encoding, start.sample_rate, start.channels


def bare_end(
    call_id: str, last_seq: int, last_at_s: float, reason: EndReason, duration_s: float
) -> CallEnded:
    """The end of a call whose monitor cannot say it, after the last event of it that is known."""
    return CallEnded(
        call_id=call_id,
        at_s=last_at_s,
        seq=last_seq + 1,
        reason=reason,
        duration_s=round(duration_s, 3),
        summary=CallSummary(
            peak=0.0,
            mean=0.0,
            seconds_above=0.0,
            alerts=0,
            talk_share={},
            overlap_ratio=0.0,
            interruptions=0,
            longest_silence_s=0.0,
        ),
    )
