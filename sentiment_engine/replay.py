"""The events of one call once more, under other rules: no audio, no model.

The events hold everything that tension is made of: scores and voice of each window, the conversation, who
was silent, gaps, quality, what words added. :func:`replay` makes the log of the call from them and hands it
to the engine's own ``Judge``. Under the settings of the first time, ``tension.updated`` and ``alert.*`` come
back to the last digit.

What cannot be replayed:

- What is heard: speech, windows, timing, quality and what a profile refuses were settled with the audio. Only
  ``REPLAYED`` may change, see :func:`check_replayable`.
- Alerts on words, clock and counters (those with ``flags``) rest on transcripts and on what the caller told.
  They come back as they were, but for ``alert_id``, ``seq`` and ``level``, which are the replay's. So does
  what words add to tension.
- Phrases, and what followed after them: alerts on tension come back without ``suggestions`` and ``effects``.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar, cast

import msgspec
import numpy as np

from sentiment_engine.alerts import Alerts
from sentiment_engine.contact import Contact, ContactRules, Told
from sentiment_engine.conversation import Conversation
from sentiment_engine.cues import NO_CUES
from sentiment_engine.emotion import Window
from sentiment_engine.errors import BadMessage, BadSettings
from sentiment_engine.events import (
    Alert,
    AlertCleared,
    AlertRaised,
    AlertUpdated,
    CallEnded,
    CallStarted,
    EmotionScored,
    Event,
    Party,
    QualityChanged,
    SpeechEnded,
    TensionUpdated,
    VoiceMeasured,
)
from sentiment_engine.flagged import Flag, Flagged, FlagKind
from sentiment_engine.frames import Float32
from sentiment_engine.integrity import OLDER, Integrity
from sentiment_engine.judging import Judge
from sentiment_engine.listening import End, Note, QualityNote, Said, Segment, Tick
from sentiment_engine.observed import Observed
from sentiment_engine.playbook import Playbook
from sentiment_engine.quality import Verdict
from sentiment_engine.settings import Settings
from sentiment_engine.settings_alerts import PlaybookSettings
from sentiment_engine.words import Hit

E = TypeVar("E", bound=Event)

REPLAYED = ("baseline", "tension", "alerts")
"""Settings that a replay tries."""
NOT_ASKED = ("playbook", "live")
"""Settings that change neither tension nor alerts."""
OF_TIMING = ("talk_share", "overlap_ratio", "interruptions", "longest_silence_s")
"""Of a call's summary: heard, not judged."""
NO_SAMPLES: Float32 = np.zeros(0, np.float32)
BASE_FIELDS = frozenset(Event.__struct_fields__)
WHAT: dict[type[Event], Literal["raised", "updated", "cleared"]] = {
    AlertRaised: "raised",
    AlertUpdated: "updated",
    AlertCleared: "cleared",
}


def check_replayable(scored: Settings, other: Settings) -> None:
    """Whether calls scored under one set of rules can be replayed under another.

    Raises:
        BadSettings: they differ in what was settled with the audio; names every such setting.
    """
    differ: list[str] = []
    for name in Settings.__struct_fields__:
        one, two = getattr(scored, name), getattr(other, name)
        if name in (*REPLAYED, *NOT_ASKED) or one == two:
            continue
        fields = getattr(one, "__struct_fields__", ())
        differ += [f"{name}.{f}" for f in fields if getattr(one, f) != getattr(two, f)] or [name]
    if differ:
        raise BadSettings(
            f"{', '.join(differ)}: cannot be replayed, it was settled when the calls were heard; leave it as "
            f"it was, or score the recordings again (a replay tries {', '.join(REPLAYED)})"
        )


def replay(events: Iterable[Event], settings: Settings, alerts: Alerts | None = None) -> Iterator[Event]:
    """The events of one call, in order, as they would have been under ``settings``.

    The profile is the call's own. Events are taken as they come, so memory does not grow with the call.
    ``alerts`` stands in for the rules of ``settings.alerts``, for whoever wants to see every level they see.

    Raises:
        BadMessage: these are not the events of one whole call, in order, with all that a replay needs; names
            the event and the remedy.
    """
    stream = iter(events)
    started = next(stream, None)
    if not isinstance(started, CallStarted):
        raise BadMessage("does not begin with call.started: give the events of whole calls")
    check, again = Integrity(started), _Replay(started, settings, alerts)
    yield again.same(started)
    ended = False
    for event in stream:
        if ended:
            raise BadMessage(f"event {event.seq} comes after call.ended: give one call after another")
        check.next(event)
        yield from again.event(event)
        ended = isinstance(event, CallEnded)
    if not ended:
        raise BadMessage("breaks off before call.ended: score the recording again")


class _Retold(Flagged):
    """Alerts that do not come from tension, as they were told, without the transcripts they rest on."""

    def __init__(self, settings: Settings) -> None:
        nothing = Contact(ContactRules(quiet_hours=None), Told(), None)
        super().__init__(settings.words, settings.contact.notice_within_s, nothing, NO_CUES)
        self.due: list[Alert] = []

    def said(self, at_s: float, party: Party, hits: Sequence[Hit]) -> list[Flag]:
        return [_flag(alert) for alert in self.due]

    def tick(self, at_s: float, *, missing: bool) -> list[Flag]:
        return []  # what a second brought was told after it, as events of their own

    def end(self) -> list[Flag]:
        return [_flag(alert) for alert in self.due]


def _flag(alert: Alert) -> Flag:
    return Flag(
        WHAT[type(alert)], cast("FlagKind", alert.kind), alert.severity, alert.since_s, alert.flags, None
    )


class _Replay:
    """One call."""

    def __init__(self, started: CallStarted, settings: Settings, alerts: Alerts | None) -> None:
        if started.profile is None:
            raise BadMessage(f"call.started names no profile: {OLDER}")
        settings = msgspec.structs.replace(settings, profile=started.profile, playbook=PlaybookSettings())
        self._parties = started.channels
        self._flagged = _Retold(settings)
        self._conversation = Conversation(settings.conversation, started.channels)
        self._judge = Judge(
            settings,
            (),
            Playbook(()),
            self._flagged,
            call_id=started.call_id,
            parties=started.channels,
            language=started.language,
            stage=started.stage,
            risk_class=None,
            alerts=alerts,
        )
        self._ending: list[Alert] = []
        """Alerts cleared last, on what is not tension: perhaps by the end of the call."""

    def same(self, event: E) -> E:
        """An event that no rule changes, as the next one of this call."""
        fields = {name: getattr(event, name) for name in event.__struct_fields__ if name not in BASE_FIELDS}
        return self._judge.event(type(event), event.at_s, **fields)

    def event(self, event: Event) -> list[Event]:
        """What follows from the next event of the call."""
        if isinstance(event, CallEnded):
            return self._end(event)
        if isinstance(event, AlertCleared) and event.flags:
            self._ending.append(event)
            return []
        waiting, self._ending = self._ending, []
        return [again for alert in waiting for again in self._retell(alert)] + self._next(event)

    def _next(self, event: Event) -> list[Event]:
        if isinstance(event, EmotionScored):
            self._flagged.heat = event.words
            window = Window(samples=NO_SAMPLES, **_fields(event, Window))
            return [_bare(event) for event in self._judge.weigh(window, event.scores)]
        if isinstance(event, Alert):
            return self._retell(event) if event.flags else []
        note = self._note(event)
        if note is None:
            return [self.same(event)]
        return [_bare(event) for event in self._judge.note(note, self._conversation)]

    def _note(self, event: Event) -> Note | None:
        """The log's entry that the event came from; None for what the log does not need."""
        match event:
            case VoiceMeasured():
                return Observed(**_fields(event, Observed))
            case QualityChanged():
                return QualityNote(event.at_s, Verdict(event.party, event.quality, event.reasons))
            case SpeechEnded():
                return Segment(event.at_s, event.party, event.start_s, event.end_s)
            case TensionUpdated():
                self._flagged.heat = event.words
                idle = {party: party in event.idle for party in self._parties}
                return Tick(event.at_s, idle, event.conversation, event.missing)
        return None

    def _retell(self, alert: Alert) -> list[Event]:
        self._flagged.due = [alert]
        return self._as_told(self._judge.note(Said(alert.at_s, self._parties[0], ()), self._conversation))

    def _as_told(self, events: Sequence[Event]) -> list[Event]:
        """Alerts with ``flags`` are what they were; the number, the id and the level are this call's."""
        told = iter(self._flagged.due)
        return [
            msgspec.structs.replace(next(told), seq=event.seq, alert_id=event.alert_id, level=event.level)
            if isinstance(event, Alert) and event.flags
            else _bare(event)
            for event in events
        ]

    def _end(self, ended: CallEnded) -> list[Event]:
        self._flagged.due = self._ending
        *out, end = self._judge.note(End(ended.duration_s, ended.reason), self._conversation)
        anew = cast("CallEnded", end).summary
        known = {name: getattr(ended.summary, name) for name in OF_TIMING}
        summary = msgspec.structs.replace(anew, effects=(), **known)
        return [*self._as_told(out), msgspec.structs.replace(cast("CallEnded", end), summary=summary)]


def _fields(event: Event, record: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: getattr(event, name) for name in record.__struct_fields__ if name != "samples"}


def _bare(event: Event) -> Event:
    """An alert without what was not replayed."""
    return msgspec.structs.replace(event, effects=()) if isinstance(event, AlertCleared) else event
