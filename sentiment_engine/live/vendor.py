"""A platform's socket: what its dialect hears becomes a call's audio, marked holes, and its end."""

import asyncio
import time
from collections.abc import Sequence

import structlog
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from sentiment_engine.events import EndReason, GapReason
from sentiment_engine.live.call import LiveCall
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.clocks import Clock, Connection, clock
from sentiment_engine.live.dialects.shape import (
    Alive,
    Answer,
    Audio,
    ClientCloses,
    Dialect,
    Ended,
    Heard,
    Hello,
    LanguageChange,
    Opened,
    Silence,
)
from sentiment_engine.live.farewell import be_probed, let_close, see_off
from sentiment_engine.live.media import Media, Tracks
from sentiment_engine.live.messages import CLOSE_CODES, Refused, StageChange, Transcript
from sentiment_engine.live.pieces import Placed
from sentiment_engine.live.sending import GONE, close, say
from sentiment_engine.live.session import CLEAN, GAP_SLICE_S, FeedingSession
from sentiment_engine.live.sockets import Socket

log = structlog.get_logger(__name__)

LATE_START_S = 2.0
"""Audio that comes before its start is kept for so long."""
EARLY_BYTES = 1 << 20
"""And so much of it."""
EARLY_PIECE_BYTES = 128
"""A piece counts as so much more: an empty one takes memory too."""


class VendorSession(FeedingSession):
    """One socket of a platform.

    Args:
        socket: not accepted yet.
        calls: the registry.
        dialect: what it speaks.
    """

    clean_end: EndReason = "stop"

    def __init__(self, socket: Socket, calls: Calls, dialect: type[Dialect]) -> None:
        super().__init__(socket, calls)
        self.dialect = dialect(Hello(dict(socket.query_params), dict(socket.headers)))
        self._clocks: dict[int, Clock] = {}
        self._connection = Connection()
        self._early: list[tuple[Heard, float]] = []
        """What came before its start, and when."""
        self._early_bytes = 0
        self._silent_writer: asyncio.Task[None] | None = None

    async def accept(self) -> None:
        offered = self._socket.scope.get("subprotocols", ())
        known = [name for name in offered if name in self.dialect.subprotocols]
        await self._socket.accept(known[0] if known else None)

    async def begin(self) -> LiveCall:
        opened = await self._opened()
        self.leg = opened.leg or 0
        self.introduce(opened.token)
        start = opened.start
        if opened.probe:
            await self._welcome(opened)
            await be_probed(self.dialect, self._next)
            await close(self._socket, CLEAN, "")
            raise WebSocketDisconnect(CLEAN)
        self.call = call = await self._calls.open(start, self)
        await self._welcome(opened)
        if call.media is None:
            call.media = Media(Tracks(start.encoding, start.sample_rate, opened.tracks))
        self._media = call.media
        mine = range(len(opened.tracks)) if opened.leg is None else [opened.leg]
        self._clocks = {
            track: clock(opened.clock, self._media.tracks, track, self._connection) for track in mine
        }
        self._media.clocks |= self._clocks
        if opened.wants_alerts:
            self.write(call)
        else:
            self._silent_writer = self._writer = asyncio.create_task(self._close_at_end(call))
        tracks = self._media.tracks
        # a call hears tenths of a second: smaller pieces would only cost more
        self._tenth_bytes = sum(map(tracks.frame_bytes, mine)) * start.sample_rate // 10
        self._fresh_bytes = 0
        early, self._early = self._early, []
        for heard, arrived_s in early:
            await self._take(call, [heard], arrived_s)
        return call

    async def hear(self, call: LiveCall, message: Message) -> None:
        await self._take(call, await self._heard(message))

    async def parting(self) -> None:
        for text in self.dialect.parting():
            await self._socket.send_text(text)

    async def say_no(self, refused: Refused) -> None:
        log.info("vendor_refused", dialect=self.dialect.name, code=refused.code, reason=refused.message)
        texts = self.dialect.no(refused)
        for text in texts:
            await say(self._socket, text)
        if texts:
            await see_off(self.dialect, self._next)
        await close(self._socket, refused.close_code, f"{refused.code}: {refused.message}")

    def leave(self) -> None:
        for track, kept in self._clocks.items():
            self._place(track, kept.flush())

    # -- before the call

    async def _welcome(self, opened: Opened) -> None:
        if opened.welcome is not None:
            await self._answer(opened.welcome())

    async def _opened(self) -> Opened:
        """Reads until the call is known; what was heard before waits in ``_early``."""
        seconds = self._calls.live.start_timeout_s
        opened: Opened | None = None
        try:
            async with asyncio.timeout(seconds) as limit:
                while opened is None:
                    for heard in await self._heard(await self.receive()):
                        if isinstance(heard, Opened):
                            opened = heard
                        elif isinstance(heard, Ended) and opened is None:
                            # a probe; or a call without audio, which is none
                            await close(self._socket, CLEAN, "")
                            raise WebSocketDisconnect(CLEAN)
                        else:
                            self._keep(heard)
                    if self._early_bytes and seconds > LATE_START_S:
                        seconds = LATE_START_S
                        limit.reschedule(asyncio.get_running_loop().time() + seconds)
        except TimeoutError:
            opened = self.dialect.unannounced() if self._early else None
            if opened is None:
                raise Refused(
                    "start_timeout",
                    f"no word within {seconds:g} s of which call this is: see docs/connect.md",
                ) from None
        return opened

    def _keep(self, heard: Heard) -> None:
        if isinstance(heard, Audio):
            self._early_bytes += len(heard.data) + EARLY_PIECE_BYTES
            if self._early_bytes > EARLY_BYTES:
                raise Refused("audio_before_start", f"{EARLY_BYTES} bytes of audio came before their start")
        elif isinstance(heard, Alive) and self._early:
            return  # one is enough
        self._early.append((heard, time.monotonic()))

    # -- during the call

    async def _heard(self, message: Message) -> list[Heard]:
        """What one message holds, less what is answered at once."""
        data, text = message.get("bytes"), message.get("text")
        heard = self.dialect.text(text or "") if data is None else self.dialect.binary(data)
        out: list[Heard] = []
        for item in heard:
            if isinstance(item, Answer):
                await self._answer(item.text)
            else:
                out.append(item)
        return out

    async def _next(self) -> list[Heard]:
        return await self._heard(await self.receive())

    async def _answer(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except RuntimeError as reason:  # closed from our side meanwhile
            raise WebSocketDisconnect(CLOSE_CODES["server_closing"]) from reason

    async def _take(self, call: LiveCall, heard: Sequence[Heard], arrived_s: float | None = None) -> None:
        if heard:
            call.heard_at = time.monotonic()
        for item in heard:
            match item:
                case Audio():
                    await self._sound(call, item, time.monotonic() if arrived_s is None else arrived_s)
                case Silence(seconds=seconds, reason=reason):
                    self.leave()
                    while seconds > 0 and self.feeds(call):
                        self._media.tracks.skip(min(seconds, GAP_SLICE_S), reason)
                        await self._advance(call)
                        seconds -= GAP_SLICE_S
                case StageChange(stage=stage) if self.feeds(call):
                    call.monitor.set_stage(stage)
                case LanguageChange(language=language) if self.feeds(call):
                    call.monitor.set_language(language)
                case Transcript() if self.feeds(call):
                    self._calls.transcript(call, item)
                case Ended(returns=returns):
                    await self._hang_up(call, returns=returns)
                    return
                case _:
                    pass  # Alive, and what comes too late

    async def _sound(self, call: LiveCall, audio: Audio, arrived_s: float) -> None:
        known = self._clocks.get(audio.track)
        if known is None or not self.feeds(call):
            return
        if audio.sequence is not None and not self._connection.sequences.add(audio.sequence):
            self._calls.metrics.packets_dropped.labels("duplicate").inc()
            return
        self._place(audio.track, known.put(audio.data, arrived_s, audio.stamp_s, audio.sequence))
        self._fresh_bytes += len(audio.data)
        if self._fresh_bytes >= self._tenth_bytes:
            self._fresh_bytes = 0
            await self._advance(call)

    def _place(self, track: int, pieces: Sequence[Placed]) -> None:
        for position, data, reason in pieces:
            if not self._media.tracks.place(track, position, data, reason):
                self._calls.metrics.packets_dropped.labels("late").inc()

    async def _advance(self, call: LiveCall) -> None:
        """Feeds what is complete; one socket of a call at a time, or two legs would mix their order."""
        async with self._media.turn:
            for track, kept in self._media.clocks.items():  # before the other leg's patience is over
                self._place(track, kept.due(time.monotonic()))
            lag: GapReason = "lost" if self._connection.sequences.broken else "idle"
            self._media.outputs.extend(self._media.tracks.take(lag))
            while self._media.outputs and self.feeds(call):
                await call.room.wait()
                if not (self._media.outputs and self.feeds(call)):
                    return  # the call has ended meanwhile
                began = time.monotonic()
                self._calls.take(call, self._media.outputs.popleft())
                await self.give_way(time.monotonic() - began)

    async def _hang_up(self, call: LiveCall, *, returns: bool) -> None:
        self._stopped = True
        self.leave()
        if self.feeds(call):
            await self._advance(call)
            if not returns:
                self._calls.hang_up(call, self)
        if self._silent_writer is not None:
            self._silent_writer.cancel()
            await let_close(self.dialect, self._next)
            await close(self._socket, CLEAN, "")

    async def _close_at_end(self, call: LiveCall) -> None:
        """On a one-way stream: closes the socket of a call that the server ends."""
        await call.told.wait()
        ending = call.mailbox.ending
        try:
            if ending is not None and ending.code == CLOSE_CODES["internal"]:
                for text in self.dialect.no(Refused("internal", "an internal error ended this call")):
                    await self._socket.send_text(text)
            else:
                await self.parting()
        except GONE:
            return
        if isinstance(self.dialect, ClientCloses):
            await asyncio.sleep(self.dialect.farewell_s)  # cancelled by its last word
        if ending is not None:
            await close(self._socket, ending.code, ending.reason)
