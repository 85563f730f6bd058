"""``/v1/stream``: one softphone's socket, from its start to its close.

Two tasks a socket: one reads and feeds the call, one sends what the call's mailbox holds. A new socket for
the same call ends both through :meth:`StreamSession.refuse`; what the old one could not send stays in the
mailbox for the new one.
"""

import asyncio
import math
import time

import structlog
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from sentiment_engine.errors import BadAudio, BadMessage
from sentiment_engine.events import GapReason
from sentiment_engine.live.call import LiveCall
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.door import Caller
from sentiment_engine.live.hub import Mailbox
from sentiment_engine.live.logs import plain_trace
from sentiment_engine.live.messages import (
    CLOSE_CODES,
    TYPES,
    Gap,
    Refused,
    StageChange,
    Start,
    Stop,
    Transcript,
    parse,
)
from sentiment_engine.live.sending import GONE, close, say_goodbye, send_waiting
from sentiment_engine.pcm import SILENCE

log = structlog.get_logger(__name__)

SUBPROTOCOL = "sentiment-engine.v1"
"""What a browser offers beside its token; a client without a token need not offer any."""
LONGEST_UNIT_S = 0.05
"""Rates whose whole milliseconds are rarer than this (11 kHz has one each 1 ms, 11.025 kHz each 40 ms, 8.001
kHz each second) are cut at any sample: their ``resume_at_s`` is then off by less than a millisecond."""
GAP_SLICE_S = 60.0
"""Media time that passes at once: resampled, a minute without audio takes the monitor 50 ms."""
TURN_S = 0.005
"""A session that held the loop this long lets the others go first, for as long again."""
TURN_MESSAGES = 64
"""Tiny frames are counted instead: the clock would cost more than they do."""


class StreamSession:
    """One socket of ``/v1/stream``."""

    def __init__(self, websocket: WebSocket, calls: Calls) -> None:
        self._socket, self._calls = websocket, calls
        self.caller: Caller = websocket.state.caller
        self.call: LiveCall | None = None
        self._verdict: Refused | None = None
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._stopped = False
        self._tail = b""
        self._held_s = 0.0
        self._messages = 0

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
        offered = self._socket.scope["subprotocols"]
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
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
                self._calls.drop(self.call, self)
            if self._verdict is not None:
                self._calls.metrics.errors.labels(self._verdict.code).inc()
                await say_goodbye(self._socket, self._verdict)
            self._calls.sessions.discard(self)

    def _call_over(self) -> bool:
        return self.call is not None and self.call.ended.is_set() and self._verdict is None

    def _judge_reader(self, reader: asyncio.Task[None]) -> None:
        """Turns the reader's end into a verdict: the only place where exceptions become answers."""
        if reader.cancelled():
            return  # refuse() has left its verdict
        reason = reader.exception()
        if reason is None or isinstance(reason, WebSocketDisconnect):
            if isinstance(reason, WebSocketDisconnect) and reason.code == CLOSE_CODES["too_big"]:
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
        try:
            async with asyncio.timeout(self._calls.live.start_timeout_s):
                start = self._first(await self._socket.receive())
        except TimeoutError:
            seconds = self._calls.live.start_timeout_s
            raise Refused(
                "start_timeout", f"no start within {seconds:g} s: send it as the first frame"
            ) from None
        self.call = call = await self._calls.open(start, self)
        frame_bytes = len(SILENCE[start.encoding]) * len(start.channels)
        self._second_bytes = frame_bytes * start.sample_rate
        milliseconds = 1000 // math.gcd(start.sample_rate, 1000)
        self._unit_bytes = frame_bytes
        if milliseconds <= 1000 * LONGEST_UNIT_S:
            # The call hears whole milliseconds only, so that resume_at_s is exact and no sample is lost or
            # doubled.
            self._unit_bytes *= start.sample_rate * milliseconds // 1000
        started = {"type": "started", "call_id": call.id, "resume_at_s": round(call.monitor.heard_s, 3)}
        self._writer = asyncio.create_task(self._write(call.mailbox, started))
        while not self._stopped:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            call.heard_at = time.monotonic()
            audio = message.get("bytes")
            if audio is not None:
                await self._hear(call, audio)
            else:
                await self._obey(call, message["text"])
            self._messages += 1
            if self._messages % TURN_MESSAGES == 0:
                await asyncio.sleep(0)

    def _first(self, message: Message) -> Start:
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        if text is None:
            raise Refused(
                "audio_before_start", "audio came before start: send the start object first, as text"
            )
        start = parse(text)
        if not isinstance(start, Start):
            raise Refused("not_started", "the first frame must be of type start")
        self._calls.metrics.messages.labels(TYPES[Start]).inc()
        return start

    async def _hear(self, call: LiveCall, audio: bytes) -> None:
        """Feeds audio in slices of a second, held back while too many windows wait for the model."""
        audio = self._tail + audio
        whole = len(audio) - len(audio) % self._unit_bytes
        self._tail = audio[whole:]
        for start in range(0, whole, self._second_bytes):
            await call.room.wait()
            if call.session is not self or call.closing:
                return
            began = time.monotonic()
            self._calls.listen(call, audio[start : min(start + self._second_bytes, whole)])
            await self._give_way(time.monotonic() - began)
            call.heard_at = time.monotonic()

    async def _pass(self, call: LiveCall, seconds: float, reason: GapReason) -> None:
        """Passes media time without audio, in slices; a long gap is told as several that adjoin."""
        self._flush(call)
        while seconds > 0 and call.session is self and not call.closing:
            piece = min(seconds, GAP_SLICE_S)
            began = time.monotonic()
            self._calls.gap(call, piece, reason)
            await self._give_way(time.monotonic() - began)
            seconds -= piece

    async def _give_way(self, held_s: float) -> None:
        self._held_s += held_s
        if self._held_s > TURN_S:
            held_s, self._held_s = self._held_s, 0.0
            await asyncio.sleep(held_s)

    async def _obey(self, call: LiveCall, text: str) -> None:
        if not text.lstrip().startswith("{"):
            raise Refused(
                "not_json_object",
                "a text frame after start must hold a JSON object; send audio as binary frames",
            )
        message = parse(text)
        if call.session is not self or call.closing:
            return
        match message:
            case Start():
                raise Refused(
                    "already_started", f"call {call.id} runs on this socket: send stop before another start"
                )
            case Gap(seconds=seconds, reason=reason):
                await self._pass(call, seconds, reason)
            case StageChange(stage=stage):
                call.monitor.set_stage(stage)
            case Stop():
                self._flush(call)
                self._stopped = True
                self._calls.end(call, "stop")
            case Transcript():
                began = time.monotonic()
                self._calls.transcript(call, message)
                await self._give_way(time.monotonic() - began)
        self._calls.metrics.messages.labels(TYPES[type(message)]).inc()

    def _flush(self, call: LiveCall) -> None:
        """What is left of a millisecond belongs to the call when no more audio follows at once."""
        tail, self._tail = self._tail, b""
        if tail:
            self._calls.listen(call, tail)

    # -- writing

    async def _write(self, mailbox: Mailbox, started: dict[str, object]) -> None:
        try:
            await self._socket.send_json(started)
            ending = await send_waiting(self._socket, mailbox)
        except GONE:
            return  # the reader learns of it too, and ends the session
        await close(self._socket, ending.code, ending.reason)
