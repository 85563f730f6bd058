"""One live call, streamed to ``/v1/stream``: audio in, alerts out, through cuts and restarts.

The caller only ever touches memory; a task of its own speaks with the server, see ``line.py``.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from sentiment_engine.client.checks import (
    check_format,
    check_gap,
    check_seconds,
    check_stage,
    check_transcript,
)
from sentiment_engine.client.line import Line
from sentiment_engine.client.link import Unreachable, check_url
from sentiment_engine.client.notices import Notice
from sentiment_engine.client.timeline import Timeline
from sentiment_engine.errors import BadSettings
from sentiment_engine.events import Alert, AnyEvent, CallEnded, Party, Stage

PATIENCE_S = 25.0
"""The server keeps a dropped call for 30 s (``live.resume_grace_s``)."""
KEEP_S = 30.0


class Stream:
    """One call, streamed live; an async context manager.

    Inside it the call runs: ``send`` takes audio, ``alerts`` and ``events`` give what the server says.
    Leaving it sends all that waits, tells the server to stop, and waits until :attr:`ended` is known.

    **Live audio never waits.** What is sent goes to memory; the last ``keep_s`` seconds stay there. When the
    connection is lost the stream connects again, after waits that double up to 8 s and are drawn at random
    below that, for ``patience_s`` in all; the server says how far it heard the call and is sent the rest.
    What is no longer kept by then, and what a server too slow for the audio leaves behind, passes as a gap
    (``lost``), so that the call's clock stays right.

    **A server that no longer knows the call** (it was restarted, or had given the call up) gets it as a new
    one with the same ``call_id``, from the live position: audio from before is not sent to it, its clock
    begins at 0, and :class:`Restarted` among the events says where that is. The same happens when the server
    ends the call without having been asked.

    **A server that stays away** is given up when patience is at its end: from then on every method, every
    reader and the end of the block raise :class:`Unreachable`, which names the address and the remedy.

    Args:
        url: ``ws://HOST:PORT/v1/stream``.
        call_id: The caller's own id of the call. One that the server still knows from another connection is
            taken over and goes on.
        encoding: ``pcm_s16le``, ``mulaw`` or ``alaw``.
        sample_rate: Hz, 8000..48000.
        channels: Who is heard on each of the interleaved channels: one or two of ``agent`` and ``customer``,
            or ``mixed`` alone.
        language: BCP 47 tag of what is spoken.
        stage: Which conversation this is.
        context: What the server should know of the case; JSON.
        token: Sent as ``Authorization: Bearer``.
        tls: For ``wss://``, whose certificates to believe; None for those that the machine does.
        send_tension: Whether the server is asked for the tension of every second, besides alerts.
        keep_s: Seconds of audio that are kept, 1..86400.
        patience_s: For how long a lost connection is tried again; below the server's ``resume_grace_s``.
        end_within_s: How long leaving may take.

    Raises:
        BadSettings: an argument that cannot be; BadMessage for the stage.
    """

    def __init__(
        self,
        url: str,
        *,
        call_id: str,
        encoding: str = "pcm_s16le",
        sample_rate: int = 8000,
        channels: Sequence[Party] = ("agent", "customer"),
        language: str = "zh-CN",
        stage: Stage = "general",
        context: Mapping[str, Any] | None = None,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        send_tension: bool = False,
        keep_s: float = KEEP_S,
        patience_s: float = PATIENCE_S,
        end_within_s: float = 10.0,
    ) -> None:
        check_url(url)
        check_format(encoding, sample_rate, len(channels), keep_s)
        check_stage(stage)
        check_seconds("patience_s", patience_s)
        check_seconds("end_within_s", end_within_s)
        start = {
            "type": "start",
            "call_id": call_id,
            "encoding": encoding,
            "sample_rate": sample_rate,
            "channels": list(channels),
            "language": language,
            "context": dict(context or {}),
            "send": ["tension"] if send_tension else [],
        }
        try:
            json.dumps(start, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as reason:
            raise BadSettings(f"call {call_id!a}: cannot be told as JSON: {reason}") from reason
        self._url, self._end_within_s = url, end_within_s
        self._channels = tuple(channels)
        self._timeline = Timeline(encoding, sample_rate, len(self._channels), keep_s=keep_s, stage=stage)
        self._line = Line(url, start, self._timeline, token=token, tls=tls, patience_s=patience_s)
        self._task: asyncio.Task[None] | None = None

    @property
    def ended(self) -> CallEnded | None:
        """The end of the call, in the server's words; None until it has ended."""
        return self._line.ended

    @property
    def position_s(self) -> float:
        """Seconds of audio and gaps given so far: the clock of ``transcript`` and of notices."""
        return self._timeline.end_s

    @property
    def lost_s(self) -> float:
        """Seconds of audio that the server was never given."""
        return self._timeline.lost_s

    async def __aenter__(self) -> Self:
        """Connects; returns once the server has taken the call.

        Raises:
            Unreachable: no connection, or a refusal; the message names the address and the remedy.
        """
        if self._task is not None:
            raise RuntimeError("a stream is one call: make another for another call")
        self._task = asyncio.create_task(self._line.run())
        self._task.add_done_callback(lambda _: self._line.inbox.finish())
        try:
            await self._until(self._line.began)
        except BaseException:
            await self._cancel(self._task)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the call, within ``end_within_s``.

        Raises:
            Unreachable: the connection was given up, or the server has not said how the call ended; not
                when the body has raised something already.
        """
        task = self._task
        if task is None:
            raise RuntimeError("the stream has not begun: use it in `async with`")
        self._line.leave()
        try:
            await asyncio.wait({task}, timeout=self._end_within_s)
            in_time = task.done()
        finally:
            await self._cancel(task)
        if error is None:
            if in_time:
                task.result()
            if self.ended is None:
                raise Unreachable(
                    f"{self._url}: no word within {self._end_within_s:g} s of how the call ended; "
                    "a server ends calls without a connection by itself"
                )

    # -- what the caller says

    async def send(self, pcm: bytes) -> None:
        """Takes interleaved samples of any length, even parts of a sample; never waits for the network.

        Audio that comes faster than life should be followed by ``await call.drain()``: else what exceeds
        ``keep_s`` becomes a gap. From another thread: ``asyncio.run_coroutine_threadsafe(call.send(pcm),
        loop)``.
        """
        self._running()
        self._timeline.audio(pcm)
        self._line.said()

    async def gap(self, seconds: float, reason: Literal["lost", "paused", "idle"] = "lost") -> None:
        """Time that passed without audio, above 0 s and at most a day: music, a hold, a loss.

        Raises:
            BadMessage: ``seconds`` or ``reason`` cannot be.
        """
        self._running()
        check_gap(seconds, reason)
        self._timeline.gap(seconds, reason)
        self._line.said()

    async def stage(self, stage: Stage) -> None:
        """The conversation has moved on to another stage.

        Raises:
            BadMessage: no stage of that name.
        """
        self._running()
        check_stage(stage)
        self._timeline.set_stage(stage)
        self._line.said()

    async def transcript(self, party: Party, text: str, start_s: float, end_s: float) -> None:
        """Words that a recogniser heard; it may send an utterance again as it grows.

        Args:
            party: Who spoke; one of the channels', or anybody on a mixed one.
            text: At most 10,000 characters.
            start_s: Seconds on the clock of :attr:`position_s`.
            end_s: At least ``start_s``.

        Raises:
            BadMessage: a party that is not in the call, a text or times that cannot be.
        """
        self._running()
        check_transcript(self._channels, party, text, start_s, end_s)
        self._timeline.transcript(party, text, start_s, end_s)
        self._line.said()

    async def drain(self) -> None:
        """Returns once all that was given has been handed to the connection."""
        await self._until(self._line.drained)

    # -- what the server says

    async def events(self) -> AsyncGenerator[AnyEvent | Notice]:
        """What the server sends, and what the connection goes through, until the call has ended.

        Each iterator begins with the oldest that is kept: the newest 1000, besides 600 ticks of tension.
        """
        async for event in self._line.inbox.read():
            yield event
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def alerts(self) -> AsyncGenerator[Alert]:
        """The alerts among :meth:`events`: raised, updated, cleared."""
        async for event in self.events():
            if isinstance(event, Alert):
                yield event

    # -- the task

    def _running(self) -> asyncio.Task[None]:
        """The task; what broke it is raised."""
        if self._task is None:
            raise RuntimeError("the stream has not begun: use it in `async with`")
        if self._task.done():
            self._task.result()
            raise RuntimeError("the call has ended: nothing more can be said in it")
        return self._task

    async def _until(self, moment: asyncio.Event) -> None:
        waiting = asyncio.create_task(moment.wait())
        try:
            await asyncio.wait({self._running(), waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        self._running()

    @staticmethod
    async def _cancel(task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait({task})
