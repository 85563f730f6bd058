"""The task behind a stream: connects, hands out what the server has not heard, listens, begins again."""

import asyncio
import json
import math
from typing import Any, get_args

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sentiment_engine import wire
from sentiment_engine.client.inbox import Inbox
from sentiment_engine.client.link import Patience, Unreachable, closing, connection, json_object
from sentiment_engine.client.notices import Disconnected, Restarted, Resumed
from sentiment_engine.client.timeline import Timeline
from sentiment_engine.errors import BadMessage
from sentiment_engine.events import AnyEvent, CallEnded

TRY_AGAIN = frozenset({"overloaded", "shutting_down", "server_closing", "internal"})
"""Error codes after which the same request may succeed."""
LASTING_S = 5.0
"""A connection that held this long has nothing to do with the trouble before it."""
PING_EVERY_S = 5.0
"""With websockets' 20 s for the answer, a dead line is noticed while the audio since is still kept."""
STOP = '{"type":"stop"}'
EVENT_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(AnyEvent))
"""Messages of other types may come from newer servers."""


class Line:
    """One call's way through any number of connections.

    Args:
        url: ``ws://HOST:PORT/v1/stream``.
        start: The start message, but for its stage.
        timeline: What is said, and with which stage it began.
        token: Sent as ``Authorization: Bearer``.
        patience_s: For how long a lost connection is tried again.
    """

    def __init__(
        self, url: str, start: dict[str, Any], timeline: Timeline, *, token: str | None, patience_s: float
    ) -> None:
        self._url, self._token, self._start = url, token, start
        self.timeline = timeline
        self._patience = Patience(url, self._lost, tries=None, within_s=patience_s, jitter=True)
        self.inbox = Inbox()
        self.began, self.drained, self._wake = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.ended: CallEnded | None = None
        self._fresh = True
        """Whether the server is expected not to know the call."""
        self._furthest_s = 0.0
        self._leaving = self._stopped = False

    def said(self) -> None:
        """The timeline has something to hand out."""
        self.drained.clear()
        self._wake.set()

    def leave(self) -> None:
        """Nothing more will be said: the server is told to stop once it has all."""
        self._leaving = True
        self._wake.set()

    async def run(self) -> None:
        """Returns when the call has ended because it was left.

        Raises:
            Unreachable: no first connection, a refusal, or patience is at its end.
            BadMessage: what answers does not speak this protocol.
        """
        clock = asyncio.get_running_loop().time
        while True:
            try:
                socket = await connection(self._url, self._token, ping_every_s=PING_EVERY_S)
            except (OSError, InvalidHandshake) as reason:
                await self._patience.failed(reason)
                continue
            self._patience.connected()
            connected_at = clock()
            try:
                async with socket:
                    try:
                        ended = await self._converse(socket)
                    except asyncio.CancelledError:
                        socket.transport.abort()  # whoever cancels has waited long enough
                        raise
                words = f"the server ended the call: {ended.reason}"
            except ConnectionClosed as reason:
                ended, words = None, closing(reason)
            if ended is not None and self._leaving:
                return
            if clock() - connected_at >= LASTING_S:
                self._patience.renew()
            if ended is not None and ended.reason == "idle":
                await self._more_to_say()  # the server has nothing against the call, but nobody speaks
                if not self.timeline.waiting:
                    return
            else:
                await self._patience.lost(words)

    async def _converse(self, socket: ClientConnection) -> CallEnded:
        """One connection's part of the call, to the call's end."""
        start = self._start | {"stage": self.timeline.first_stage}
        await socket.send(json.dumps(start, ensure_ascii=False))
        started = await self._next(socket)
        while started.get("type") != "started":
            started = await self._next(socket)
        await self._place(socket, started)
        self.began.set()
        sender = asyncio.create_task(self._hand_out(socket))
        try:
            while True:
                ended = self._told(await self._next(socket))
                if ended is not None:
                    return ended
        finally:
            sender.cancel()
            await asyncio.wait({sender})
            if not sender.cancelled() and (fault := sender.exception()) is not None:
                raise fault

    async def _next(self, socket: ClientConnection) -> dict[str, Any]:
        """The next message; refusals and bytes that no server of ours sends are raised."""
        text = await socket.recv()
        if not isinstance(text, str):
            raise BadMessage(f"{self._url}: sends binary frames: check that it is a /v1/stream of ours")
        message = json_object(text)
        if message.get("type") == "error" and message.get("code") not in TRY_AGAIN:
            raise Unreachable(f"{self._url}: the server refused the call: {message.get('message') or text}")
        if message.get("type") in EVENT_TYPES:
            message["event"] = wire.decode(text)
        return message

    async def _place(self, socket: ClientConnection, started: dict[str, Any]) -> None:
        """Finds where the server stands: at a call that goes on, or at a new one."""
        resume_at_s = started.get("resume_at_s")
        if not isinstance(resume_at_s, int | float) or not (math.isfinite(resume_at_s) and resume_at_s >= 0):
            raise BadMessage(
                f"{self._url}: resume_at_s is {resume_at_s!r}, not a time: check the server's version"
            )
        goes_on = bool(started.get("resumed", resume_at_s > 0))
        timeline, first = self.timeline, not self.began.is_set()
        if goes_on or first or self._fresh:
            timeline.resume(resume_at_s)
        elif self._stopped:
            # All was sent, but the call ended, or was forgotten, unheard: this is a new one of its name.
            await socket.send(STOP)
            raise Unreachable(f"{self._url}: all was sent, but nobody heard how the server ended the call")
        else:
            announced = timeline.first_stage
            timeline.restart()
            if timeline.stage != announced:
                timeline.set_stage(timeline.stage)
        self._stopped = False
        if goes_on:
            self.inbox.put(Resumed(round(timeline.origin_s + resume_at_s, 3), round(timeline.lost_s, 3)))
        elif not first:
            self._furthest_s = 0.0
            self.inbox.put(Restarted(round(timeline.origin_s, 3), round(timeline.lost_s, 3)))
        if resume_at_s > self._furthest_s:
            self._furthest_s = resume_at_s
            self._patience.renew()
        self._fresh, self.ended = False, None

    def _told(self, message: dict[str, Any]) -> CallEnded | None:
        event = message.get("event")
        if event is None:
            return None
        if not isinstance(event, CallEnded):
            self.inbox.put(event)
            return None
        self.ended = event
        self.inbox.put(event)
        if not self._leaving:
            self.timeline.restart()
            self._fresh = True
        return event

    async def _hand_out(self, socket: ClientConnection) -> None:
        try:
            while True:
                message = self.timeline.take()
                if message is not None:
                    await socket.send(message)
                elif self._leaving:
                    self._stopped = True  # first: the answer may come before this task goes on
                    await socket.send(STOP)
                    return
                else:
                    self.drained.set()
                    await self._more_to_say()
        except ConnectionClosed:
            return  # the receiving side learns the same, and the reason
        except Exception:
            await socket.close(1011)  # nobody would ever stop the receiving side
            raise

    async def _more_to_say(self) -> None:
        while not (self.timeline.waiting or self._leaving):
            self._wake.clear()
            await self._wake.wait()

    def _lost(self, words: str) -> None:
        self.inbox.put(Disconnected(words))
