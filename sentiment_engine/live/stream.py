"""``/v1/stream``: one softphone's socket, from its start to its close."""

import asyncio
import math
import time

import msgspec
from starlette.types import Message
from starlette.websockets import WebSocket

from sentiment_engine.live.call import LiveCall
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.messages import TYPES, Gap, Refused, StageChange, Start, Stop, Transcript, parse
from sentiment_engine.live.session import FeedingSession
from sentiment_engine.pcm import SILENCE

SUBPROTOCOL = "sentiment-engine.v1"
"""What a browser offers beside its token; a client without a token need not offer any."""
LONGEST_UNIT_S = 0.05
"""Rates whose whole milliseconds are rarer than this (11 kHz has one each 1 ms, 11.025 kHz each 40 ms, 8.001
kHz each second) are cut at any sample: their ``resume_at_s`` is then off by less than a millisecond."""


class StreamSession(FeedingSession):
    """One socket of ``/v1/stream``."""

    def __init__(self, websocket: WebSocket, calls: Calls) -> None:
        super().__init__(websocket, calls)
        self._tail = b""

    async def accept(self) -> None:
        offered = self._socket.scope["subprotocols"]
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)

    async def begin(self) -> LiveCall:
        try:
            async with asyncio.timeout(self._calls.live.start_timeout_s):
                start = self._first(await self.receive())
        except TimeoutError:
            seconds = self._calls.live.start_timeout_s
            raise Refused(
                "start_timeout", f"no start within {seconds:g} s: send it as the first frame"
            ) from None
        call = await self._calls.open(start, self)
        frame_bytes = len(SILENCE[start.encoding]) * len(start.channels)
        self._second_bytes = frame_bytes * start.sample_rate
        milliseconds = 1000 // math.gcd(start.sample_rate, 1000)
        self._unit_bytes = frame_bytes
        if milliseconds <= 1000 * LONGEST_UNIT_S:
            # The call hears whole milliseconds only, so that resume_at_s is exact and no sample is lost or
            # doubled.
            self._unit_bytes *= start.sample_rate * milliseconds // 1000
        started = {"type": "started", "call_id": call.id, "resume_at_s": round(call.monitor.heard_s, 3)}
        if call.resumed:
            started["resumed"] = True  # resume_at_s alone cannot tell: it may be 0 for a call that goes on
        self.write(call, [msgspec.json.encode(started).decode()])
        return call

    def _first(self, message: Message) -> Start:
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

    async def hear(self, call: LiveCall, message: Message) -> None:
        call.heard_at = time.monotonic()
        audio = message.get("bytes")
        if audio is None:
            await self._obey(call, message["text"])
            return
        audio = self._tail + audio
        whole = len(audio) - len(audio) % self._unit_bytes
        self._tail = audio[whole:]
        await self.listen(call, audio[:whole], self._second_bytes)

    async def _obey(self, call: LiveCall, text: str) -> None:
        if not text.lstrip().startswith("{"):
            raise Refused(
                "not_json_object",
                "a text frame after start must hold a JSON object; send audio as binary frames",
            )
        message = parse(text)
        if not self.feeds(call):
            return
        match message:
            case Start():
                raise Refused(
                    "already_started", f"call {call.id} runs on this socket: send stop before another start"
                )
            case Gap(seconds=seconds, reason=reason):
                self._flush(call)
                await self.pass_time(call, seconds, reason)
            case StageChange(stage=stage):
                call.monitor.set_stage(stage)
            case Stop():
                self._flush(call)
                self._stopped = True
                self._calls.end(call, "stop")
            case Transcript():
                began = time.monotonic()
                self._calls.transcript(call, message)
                await self.give_way(time.monotonic() - began)
        self._calls.metrics.messages.labels(TYPES[type(message)]).inc()

    def _flush(self, call: LiveCall) -> None:
        """What is left of a millisecond belongs to the call when no more audio follows at once."""
        tail, self._tail = self._tail, b""
        if tail:
            self._calls.listen(call, tail)
