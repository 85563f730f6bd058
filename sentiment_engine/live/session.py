"""What every socket that feeds a call does, whatever it speaks: read, feed, give way, end.

Two tasks a socket: one reads and feeds the call, one sends what the call's mailbox holds. A new socket for
the same call ends both through :meth:`FeedingSession.refuse`; what the old one could not send stays in the
mailbox for the new one.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from sentiment_engine.errors import BadAudio, BadMessage
from sentiment_engine.events import EndReason, GapReason
from sentiment_engine.live.call import LiveCall
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.door import Caller
from sentiment_engine.live.logs import plain_trace
from sentiment_engine.live.messages import CLOSE_CODES, Refused
from sentiment_engine.live.sending import GONE, close, say_goodbye, send_waiting
from sentiment_engine.live.sockets import Socket

log = structlog.get_logger(__name__)

GAP_SLICE_S = 60.0
"""Media time that passes at once: resampled, a minute without audio takes the monitor 50 ms."""
TURN_S = 0.005
"""A session that held the loop this long lets the others go first, for as long again."""
CLEAN = 1000
"""The close code of a client that means it: it does not come back. (A lost connection is 1005 here.)"""
LAST_WORD_S = 2.0
"""Such a call waits only so long for another socket, for clients that close in order and connect again."""
TURN_MESSAGES = 64
"""Tiny frames are counted instead: the clock would cost more than they do."""


class FeedingSession:
    """One socket that feeds a call; a protocol fills in :meth:`begin` and :meth:`hear`."""

    leg = 0
    """Which of the sockets of one call this is, for protocols that open several."""
    clean_end: EndReason = "disconnected"
    """How a call ends whose client has closed in order, without saying that the call is over."""

    def __init__(self, socket: Socket, calls: Calls) -> None:
        self._socket, self._calls = socket, calls
        self.call: LiveCall | None = None
        self._caller: Caller | None = socket.state.caller
        self._verdict: Refused | None = None
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._stopped = False
        """Whether its client has said that the call is over."""
        self._code: int | None = None
        """What its client closed with."""
        self._held_s = 0.0
        self._messages = 0

    # -- what a protocol fills in

    async def accept(self) -> None:
        """Takes the connection."""
        await self._socket.accept()

    async def begin(self) -> LiveCall:
        """Reads until the call is known, and opens it."""
        raise NotImplementedError

    async def hear(self, call: LiveCall, message: Message) -> None:
        """One message after that; audio in bytes, everything else in text."""
        raise NotImplementedError

    def leave(self) -> None:
        """Hands what is held back to the call, before its socket goes."""

    async def parting(self) -> None:
        """The last words to the client before the call's end closes its socket."""

    async def say_no(self, refused: Refused) -> None:
        """Tells the client why it is refused, and closes."""
        await say_goodbye(self._socket, refused)

    # -- what the registry and the server ask

    @property
    def caller(self) -> Caller:
        """Whose token the socket came with; raises Refused as long as it has shown none."""
        if self._caller is None:
            raise Refused("unauthorized", "a token is needed before a call is opened")
        return self._caller

    def introduce(self, secret: str | None) -> None:
        """The token in a first message, for platforms that can set no header; one in a header goes before it.

        Raises:
            Refused: ``unauthorized``, ``forbidden``, ``rate_limited`` or ``limit_reached``.
        """
        if self._caller is None:
            self._caller = self._socket.state.introduce(secret)

    def refuse(self, refused: Refused) -> None:
        """Ends the session with an error, soon. The first verdict counts."""
        if self._verdict is None:
            self._verdict = refused
            for task in (self._reader, self._writer):
                if task is not None:
                    task.cancel()

    def abort(self) -> None:
        """Cuts the connection."""
        self._socket.state.abort()

    async def run(self) -> None:
        """Serves the socket until it is closed; never raises for what its client did."""
        await self.accept()
        self._calls.sessions.add(self)
        self._reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait({self._reader})
            self._judge_reader(self._reader)
            if self._writer is not None and (self._stopped or self._call_over()):
                # call.ended, and the close that the mailbox names, are still to be sent
                await asyncio.wait({self._writer})
        finally:
            self._reader.cancel()
            if self._writer is not None:
                self._writer.cancel()
                await asyncio.wait({self._writer})
            if self.call is not None:
                self.leave()
                self._drop(self.call)
            if self._verdict is not None:
                self._calls.metrics.errors.labels(self._verdict.code).inc()
                await self.say_no(self._verdict)
            self._calls.sessions.discard(self)

    def _drop(self, call: LiveCall) -> None:
        kept_s = self._calls.live.resume_grace_s
        if self._code == CLEAN:
            self._calls.drop(call, self, kept_s=min(LAST_WORD_S, kept_s), ends_as=self.clean_end)
        else:
            self._calls.drop(call, self, kept_s=kept_s, ends_as="disconnected")

    def _call_over(self) -> bool:
        return self.call is not None and self.call.ended.is_set() and self._verdict is None

    def _judge_reader(self, reader: asyncio.Task[None]) -> None:
        """Turns the reader's end into a verdict: the only place where exceptions become answers."""
        if reader.cancelled():
            return  # refuse() has left its verdict
        reason = reader.exception()
        if reason is None or isinstance(reason, WebSocketDisconnect):
            self._code = None if reason is None else reason.code
            if self._code == CLOSE_CODES["too_big"]:
                self._calls.metrics.errors.labels("too_big").inc()
        elif isinstance(reason, Refused):
            self._verdict = self._verdict or reason
        elif isinstance(reason, BadAudio):
            self._verdict = self._verdict or Refused("bad_audio", str(reason))
        elif isinstance(reason, BadMessage):
            self._verdict = self._verdict or Refused("bad_message", str(reason))
        elif self.call is not None:
            self._calls.fail(self.call, reason)
        else:
            log.error("session_failed", trace=plain_trace(reason))
            self._verdict = Refused("internal", "an internal error ended this session; try again")

    # -- reading

    async def _read(self) -> None:
        self.call = call = await self.begin()
        while not self._stopped:
            await self.hear(call, await self.receive())
            self._messages += 1
            if self._messages % TURN_MESSAGES == 0:
                await asyncio.sleep(0)

    async def receive(self) -> Message:
        """The next message; raises WebSocketDisconnect when there is none."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        return message

    def feeds(self, call: LiveCall) -> bool:
        """Whether what this socket says still reaches the call."""
        return call.legs.get(self.leg) is self and not call.closing

    async def listen(self, call: LiveCall, audio: bytes, second_bytes: int) -> None:
        """Feeds audio in slices of a second, held back while too many windows wait for the model."""
        for start in range(0, len(audio), second_bytes):
            await call.room.wait()
            if not self.feeds(call):
                return
            began = time.monotonic()
            self._calls.listen(call, audio[start : start + second_bytes])
            await self.give_way(time.monotonic() - began)
            call.heard_at = time.monotonic()

    async def pass_time(self, call: LiveCall, seconds: float, reason: GapReason) -> None:
        """Passes media time without audio, in slices; a long gap is told as several that adjoin."""
        while seconds > 0 and self.feeds(call):
            piece = min(seconds, GAP_SLICE_S)
            began = time.monotonic()
            self._calls.gap(call, piece, reason)
            await self.give_way(time.monotonic() - began)
            seconds -= piece

    async def give_way(self, held_s: float) -> None:
        """The loop was held for so long: others go first, once that adds up."""
        self._held_s += held_s
        if self._held_s > TURN_S:
            held_s, self._held_s = self._held_s, 0.0
            await asyncio.sleep(held_s)

    # -- writing

    def write(self, call: LiveCall, first: Sequence[str] = ()) -> None:
        """From now on the client is sent ``first``, then what the call's mailbox holds, then its end."""
        self._writer = asyncio.create_task(self._write(call, first))

    async def _write(self, call: LiveCall, first: Sequence[str]) -> None:
        try:
            for text in first:
                await self._socket.send_text(text)
            ending = await send_waiting(self._socket, call.mailbox)
            await self.parting()
        except GONE:
            return  # the reader learns of it too, and ends the session
        await close(self._socket, ending.code, ending.reason)
