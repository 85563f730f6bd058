"""The calls of this server and their lives.

A call is *live* while a socket feeds it, *dropped* while it waits for its socket to come back, *closing* from
the moment its end is known until its last windows are scored, then *ended* and forgotten. Everything here
runs on the event loop, so a monitor is never entered twice at once.
"""

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import structlog

from sentiment_engine.archive.records import Record
from sentiment_engine.cues import Cues
from sentiment_engine.emotion import EmotionModel, Window
from sentiment_engine.events import (
    Alert,
    AlertRaised,
    CallEnded,
    EndReason,
    Event,
    GapReason,
    TensionUpdated,
)
from sentiment_engine.live.call import LiveCall, Session, bare_end, format_of
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.logs import plain_trace
from sentiment_engine.live.mailbox import Mailbox
from sentiment_engine.live.media import Absent, Gap, Output, Present, Sound
from sentiment_engine.live.messages import CLOSE_CODES, Refused, Start, Transcript
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.live.opening import Monitors, wants_audio_kept
from sentiment_engine.live.owning import agent_named, introduced
from sentiment_engine.live.scorer import Scorer, Scores
from sentiment_engine.live.secrecy import redacted
from sentiment_engine.playbook import Playbook
from sentiment_engine.settings import Settings

if TYPE_CHECKING:
    from sentiment_engine.live.recorder import RecordingDesk

log = structlog.get_logger(__name__)

CLOSE_CODE_AT_END: dict[EndReason, int] = {
    "shutdown": CLOSE_CODES["server_closing"],
    "error": CLOSE_CODES["internal"],
}
"""What a stream's socket is closed with after ``call.ended``; 1000 for every other reason."""


class Calls:
    """Opens calls, feeds them, ends them; publishes what they say.

    Args:
        settings: checked settings.
        model: scores windows.
        playbook: phrases, or None.
        hub: gets every event.
        metrics: is kept up to date.
        cues: what to look for in transcripts, or None.
        recordings: keeps the audio of calls; None keeps none.

    Raises:
        BadSettings: the settings require a notice that the cues do not know.
    """

    def __init__(
        self,
        settings: Settings,
        model: EmotionModel,
        playbook: Playbook | None,
        hub: Hub,
        metrics: Metrics,
        *,
        cues: Cues | None = None,
        recordings: "RecordingDesk | None" = None,
    ) -> None:
        self.live, self.metrics, self._hub, self._recordings = settings.live, metrics, hub, recordings
        self._monitors = Monitors(settings, model, playbook, cues)
        self._scorer: Scorer[LiveCall] = Scorer(self.live, model, metrics, self._deliver)
        self._calls: dict[str, LiveCall] = {}
        self.sessions: set[Session] = set()
        """Sockets of ``/v1/stream``, those that have not started a call included."""
        self.draining = False

    async def run(self) -> None:
        """Scores windows and ends calls that nobody feeds, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._scorer.run())
            group.create_task(self._sweep())

    def is_live(self, call_id: str) -> bool:
        """Whether a call has not ended, fed or not."""
        return call_id in self._calls

    def began(self, owner: str | None) -> int | None:
        """The newest cursor before any of this owner's live calls began; None when none is live.

        Args:
            owner: name of a token; None for everybody's calls.
        """
        own = (call for call in self._calls.values() if owner is None or owner in call.owners)
        return min((call.before for call in own), default=None)

    # -- a call's life

    async def open(self, start: Start, session: Session) -> LiveCall:
        """A new call, or the one with this id that still lives, taken over from its old socket.

        Raises:
            Refused: ``shutting_down``, ``overloaded``, ``limit_reached``, ``forbidden``, ``format_changed``,
                ``bad_message`` or ``bad_audio``.
        """
        if redacted(start.call_id) != start.call_id:  # it would go to every reader
            raise Refused(
                "bad_message", "call_id holds a token: send the call's own id, and replace the token"
            )
        agent = agent_named(start.context)
        while (call := self._calls.get(start.call_id)) and call.closing:
            await call.ended.wait()
        if self.draining:
            raise _shutting_down()
        if call is None:
            return self._begin(start, session, agent)
        if not session.caller.may_continue(call.owner):
            raise Refused(
                "forbidden", f"call {start.call_id} was opened with another token: use its own call_id"
            )
        if call.format != format_of(start):
            raise Refused(
                "format_changed",
                f"call {start.call_id} runs with encoding, sample_rate, channels {call.format}: "
                "resume with the same, or use another call_id",
            )
        if old := call.legs.get(session.leg):
            old.refuse(Refused("taken_over", f"another socket continues call {call.id}"))
        if call.mailbox.overflowed.is_set():
            call.mailbox = self._mailbox()
        call.attach(session, start)
        call.resumed = True
        log.info("call_resumed", call_id=call.id, at_s=round(call.monitor.heard_s, 3))
        return call

    def _begin(self, start: Start, session: Session, agent: str) -> LiveCall:
        if len(self._calls) >= self.live.max_calls:
            raise Refused("overloaded", f"{self.live.max_calls} calls are live, the limit: try again later")
        caller = session.caller
        own = sum(call.owner.name == caller.name for call in self._calls.values())
        if caller.max_calls is not None and own >= caller.max_calls:
            raise Refused(
                "limit_reached", f"the token {caller.name} has {own} live calls, its limit: end one"
            )
        keeps_audio = wants_audio_kept(start)
        monitor = self._monitors.open(start)
        call = LiveCall(monitor, start, session, self._mailbox())
        self._calls[call.id] = call
        self.metrics.calls_live.set(len(self._calls))
        log.info("call_started", call_id=call.id, caller=caller.name)
        call.before = self._hub.last
        self._publish(call, introduced(call, monitor.judge(()), agent))
        if self._recordings is not None and keeps_audio:
            call.recorder = self._recordings.open(start)
        return call

    def _mailbox(self) -> Mailbox:
        return Mailbox(self.live.reader_events, self.metrics.ticks_dropped.inc)

    def listen(self, call: LiveCall, audio: bytes) -> None:
        """Feeds audio; at most about a second at once, for the loop is held meanwhile."""
        due = call.monitor.listen(audio)
        if call.recorder is not None:
            call.recorder.sound(audio)
        self._advance(call, due)

    def take(self, call: LiveCall, output: Output) -> None:
        """Feeds what has come out of a call's tracks."""
        match output:
            case Sound(data=data):
                self.listen(call, data)
            case Gap(seconds=seconds, reason=reason):
                self.gap(call, seconds, reason)
            case Absent(party=party, reason=reason):
                self._advance(call, call.monitor.absent(party, reason))
            case Present(party=party):
                self._advance(call, call.monitor.present(party))

    def gap(self, call: LiveCall, seconds: float, reason: GapReason) -> None:
        """Moves the call's media clock on without audio."""
        due = call.monitor.gap(seconds, reason)
        if call.recorder is not None:
            call.recorder.move_to(call.monitor.heard_s)
        self._advance(call, due)

    def transcript(self, call: LiveCall, said: Transcript) -> None:
        """Words that some recogniser heard; raises BadMessage for those that do not belong to the call."""
        call.monitor.transcript(said.party, said.text, said.start_s, said.end_s)
        self._advance(call, [])

    def drop(self, call: LiveCall, session: Session, *, kept_s: float, ends_as: EndReason) -> None:
        """``session`` has no socket any more; when that was the last one, the call waits for another.

        Args:
            call: which.
            session: does nothing when another has taken its place.
            kept_s: how long the call waits.
            ends_as: how it ends if none comes.
        """
        if call.legs.get(session.leg) is not session:
            return
        del call.legs[session.leg]
        if call.legs or call.closing:
            return
        call.kept_until, call.ends_as = time.monotonic() + kept_s, ends_as
        log.info("call_dropped", call_id=call.id, kept_s=kept_s)

    def hang_up(self, call: LiveCall, session: Session) -> None:
        """The party on this socket has hung up; the call ends with its last one."""
        if call.legs.get(session.leg) is session:
            if len(call.legs) > 1:
                del call.legs[session.leg]
            else:
                self.end(call, "stop")

    def end(self, call: LiveCall, reason: EndReason) -> None:
        """No more audio; ``call.ended`` follows when the last windows are scored. Once is enough."""
        if call.closing:
            return
        try:
            if call.media is not None:
                call.media.outputs.extend(call.media.tracks.finish())
                while call.media.outputs:
                    self.take(call, call.media.outputs.popleft())
            call.closing = True
            self._advance(call, call.monitor.close(reason))
        except Exception as fault:  # noqa: BLE001 - one call's fault must not reach the others
            self.fail(call, fault)

    def fail(self, call: LiveCall, reason: BaseException) -> None:
        """Ends a call in whose monitor, or on whose socket, ``reason`` was raised."""
        log.error("call_failed", call_id=call.id, trace=plain_trace(reason))
        if call.ended.is_set():
            return
        self.metrics.errors.labels("internal").inc()
        refused = Refused("internal", "an internal error ended this call; the others go on")
        self._hub.in_turn(lambda: call.mailbox.put(self._hub.last, refused.frame(), tick=False))
        self._give_up(call, "error")

    def _give_up(self, call: LiveCall, reason: EndReason) -> None:
        """Ends a call now, without the scores it still waits for."""
        self._scorer.forget(call)
        try:
            if not call.closing:
                call.closing = True
                call.monitor.close(reason)
            skipped = call.monitor.waiting
            self.metrics.windows_skipped.labels(reason).inc(skipped)
            events: list[Event] = call.monitor.judge([None] * skipped)
        except Exception as fault:  # noqa: BLE001 - the monitor cannot even end; that is said in its place
            log.error(  # noqa: TRY400 - exception() may print local variables
                "call_cannot_end", call_id=call.id, trace=plain_trace(fault)
            )
            events = []
        if not any(isinstance(event, CallEnded) for event in events):
            heard_s = call.monitor.heard_s
            events.append(bare_end(call.id, call.last_seq, call.last_at_s, reason, heard_s))
        self._publish(call, events)

    # -- scores and events

    def _advance(self, call: LiveCall, due: list[Window]) -> None:
        heard_s = call.monitor.heard_s
        self.metrics.audio_seconds.inc(heard_s - call.heard_s)
        call.heard_s = heard_s
        self._scorer.add(call, due)
        self._publish(call, call.monitor.judge(()))
        if call.monitor.waiting >= self.live.call_windows or self._hub.is_full:
            call.room.clear()

    def _deliver(self, call: LiveCall, scores: Scores) -> None:
        if call.ended.is_set():
            return  # given up while the model ran
        try:
            self._publish(call, call.monitor.judge(scores))
        except Exception as fault:  # noqa: BLE001 - one call's fault must not reach the others
            self.fail(call, fault)
        self._let_in(call)

    def let_in(self) -> None:
        """Calls may be heard again: the archive has room."""
        for call in self._calls.values():
            self._let_in(call)

    def _let_in(self, call: LiveCall) -> None:
        if call.monitor.waiting < self.live.call_windows and not self._hub.is_full:
            call.room.set()

    def _publish(self, call: LiveCall, events: list[Event]) -> None:
        for event in events:
            self._hub.publish(event, partial(self._tell, call, event), owners=call.owners)
            call.last_seq, call.last_at_s = event.seq, event.at_s
            if isinstance(event, AlertRaised):
                self.metrics.alerts.labels(event.severity).inc()
                log.info("alert_raised", call_id=call.id, severity=event.severity, at_s=event.at_s)
            elif isinstance(event, CallEnded):
                self._ended(call, event.reason)

    def _tell(self, call: LiveCall, event: Event, record: Record) -> None:
        """What a call's own client is sent, once everybody may know of it."""
        if isinstance(event, Alert | CallEnded):
            call.mailbox.put(record.cursor, record.body.decode(), tick=False)
        elif isinstance(event, TensionUpdated) and call.wants_ticks:
            call.mailbox.put(record.cursor, record.body.decode(), tick=True)
        if isinstance(event, CallEnded):
            call.mailbox.finish(CLOSE_CODE_AT_END.get(event.reason, 1000), event.reason)
            call.told.set()

    def _ended(self, call: LiveCall, reason: EndReason) -> None:
        call.ended.set()
        call.room.set()
        if call.recorder is not None:
            call.recorder.end(call.monitor.heard_s)
        del self._calls[call.id]
        self.metrics.calls_live.set(len(self._calls))
        self.metrics.calls_ended.labels(reason).inc()
        log.info("call_ended", call_id=call.id, reason=reason, heard_s=round(call.monitor.heard_s, 3))

    # -- time

    async def _sweep(self) -> None:
        """Ends calls that were dropped or silent for too long; measures how late the loop runs."""
        every = min(0.25, self.live.resume_grace_s / 4, self.live.idle_timeout_s / 4)
        while True:
            due = time.monotonic() + every
            await asyncio.sleep(every)
            now = time.monotonic()
            self.metrics.loop_lag_seconds.set(max(0.0, now - due))
            for call in list(self._calls.values()):
                if call.kept_until is not None and now > call.kept_until:
                    self.end(call, call.ends_as)
                elif call.legs and now - call.heard_at > self.live.idle_timeout_s:
                    self.end(call, "idle")

    async def drain(self) -> None:
        """Refuses new calls and ends the live ones, within ``drain_s``."""
        self.draining = True
        for call in list(self._calls.values()):
            self.end(call, "shutdown")
        ending = [asyncio.create_task(call.ended.wait()) for call in self._calls.values()]
        if ending:
            _, late = await asyncio.wait(ending, timeout=self.live.drain_s)
            for task in late:
                task.cancel()
        for call in list(self._calls.values()):
            self._give_up(call, "shutdown")
        for session in list(self.sessions):
            if session.call is None:
                session.refuse(_shutting_down())


def _shutting_down() -> Refused:
    return Refused("shutting_down", "the server is shutting down: try again in a moment")
