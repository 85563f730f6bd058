"""The judging side of a call: the log of what was heard, and scores, in; events out.

Everything after the emotion model: baseline, tension, alerts, phrases. Nothing here depends on when scores
arrive, only on what they say.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from sentiment_engine import events as ev
from sentiment_engine.alerts import Alerts, Change
from sentiment_engine.calm import CalmVoice
from sentiment_engine.conversation import Conversation
from sentiment_engine.emotion import Baseline, Window, uncertainty
from sentiment_engine.errors import ModelMismatch
from sentiment_engine.events import Event, GapReason, Party, Snapshot, Stage
from sentiment_engine.flagged import Flag, Flagged
from sentiment_engine.frames import Float32
from sentiment_engine.listening import (
    End,
    Gap,
    LanguageChange,
    Note,
    QualityNote,
    Said,
    Segment,
    StageChange,
    Tick,
)
from sentiment_engine.observed import Observed
from sentiment_engine.playbook import Playbook
from sentiment_engine.profiles import PROFILES
from sentiment_engine.settings import Settings
from sentiment_engine.telling import Teller
from sentiment_engine.tension import Level, Tension
from sentiment_engine.usual import Manner

E = TypeVar("E", bound=Event)


class Judge:
    """Turns one call's log into its events, numbered from 1."""

    def __init__(
        self,
        settings: Settings,
        labels: Sequence[str],
        playbook: Playbook,
        flagged: Flagged,
        *,
        call_id: str,
        parties: Sequence[Party],
        language: str,
        stage: Stage,
        risk_class: str | None,
        alerts: Alerts | None = None,
    ) -> None:
        self._call_id, self._parties, self._labels = call_id, tuple(parties), tuple(labels)
        self._raise_at = settings.alerts.raise_at
        self._baselines = {party: Baseline(settings.baseline) for party in parties}
        self._calm_voices = {party: CalmVoice(settings.baseline) for party in parties}
        self._manners = {party: Manner(settings.baseline) for party in parties}
        refused = PROFILES[settings.profile].refused(parties)
        observed = [party for party, bases in refused.items() if "acoustic_emotion" in bases]
        self._tension = Tension(settings.tension, parties, observed)
        self._cannot_judge_below = settings.quality.cannot_judge_below
        self._one_mix = False
        self._alerts = alerts or Alerts(settings.alerts)
        self._flagged = flagged
        self._teller = Teller(
            settings,
            playbook,
            flagged,
            call_id=call_id,
            language=language,
            stage=stage,
            risk_class=risk_class,
        )
        self._seq = 0
        self._level: Level | None = None
        self._snapshot = Snapshot(overlap_ratio=0.0, interruptions={}, silence_s=0.0)
        self._levels_sum = self._peak = 0.0
        self._ticks = self._ticks_above = 0

    def event(self, record: type[E], at_s: float, /, **fields: Any) -> E:
        """The next event of the call."""
        self._seq += 1
        return record(call_id=self._call_id, at_s=at_s, seq=self._seq, **fields)

    def begin(self) -> list[Event]:
        """What is to be said at the start of the call, before anything is heard."""
        return self._flags(self._flagged.begin(), 0.0)

    def window(self, window: Window, scores: Float32 | None) -> list[Event]:
        """A window and its scores, shape (labels,); None when it was skipped under overload."""
        span = {"party": window.party, "start_s": window.start_s, "end_s": window.end_s}
        if scores is None:
            return [self.event(ev.AudioGap, window.at_s, reason="overload", **span)]
        values = scores.tolist()
        if not all(map(math.isfinite, values)):
            raise ModelMismatch(
                f"the model gave {values} for {window.party} at {window.start_s} s: not numbers"
            )
        # what is published is what is used: whoever replays the events gets the same tension
        return self.weigh(window, {label: round(p, 4) for label, p in zip(self._labels, values, strict=True)})

    def weigh(self, window: Window, published: dict[str, float]) -> list[Event]:
        """A window, of which the samples are not looked at, with its scores as they are published."""
        if window.party in self._teller.cannot_judge:
            uncertain = round(uncertainty(published.values()), 4)
            return [self._scored(window, published, None, uncertain)]
        evidence = self._tension.evidence(window.party)
        beside_calm = self._calm_voices[window.party].relative(published, window.voice.new_speech_s)
        relative = self._baselines[window.party].compare(published, window.voice, evidence)
        self._tension.hear(window.party, relative, window.voice.new_speech_s)
        uncertain = round(relative.uncertain, 4)
        # an alert does not wait for the next second
        level = self._tension.tick(0.0, {}, self._snapshot, self._words())
        change = self._alerts.step(window.at_s, level)
        scored = self._scored(window, published, beside_calm, uncertain)
        return [scored, self._alert(change, window.at_s, level)] if change else [scored]

    def _scored(
        self,
        window: Window,
        scores: dict[str, float],
        relative: dict[str, float] | None,
        uncertain: float,
    ) -> Event:
        return self.event(
            ev.EmotionScored,
            window.at_s,
            party=window.party,
            start_s=window.start_s,
            end_s=window.end_s,
            scores=scores,
            relative=relative,
            uncertain=uncertain,
            voice=window.voice,
            words=self._words(),
        )

    def _words(self) -> float:
        """What words add now, log odds, as it is published."""
        return round(self._flagged.heat, 4)

    def note(self, note: Note, conversation: Conversation) -> list[Event]:
        """Anything of the log that needs no scores."""
        match note:
            case Segment():
                return self._segment(note)
            case Gap():
                return [self._gap(note, party, note.reason) for party in note.parties]
            case Observed():
                return [self._observed(note)]
            case Tick():
                return self._tick(note)
            case End():
                return self._end(note, conversation)
            case Window():
                raise TypeError("a window is judged with its scores: see Judge.window")
            case _:
                return self._told(note)

    def _told(self, note: StageChange | LanguageChange | Said | QualityNote) -> list[Event]:
        """What is not heard in the audio but told by the caller, or about the channel."""
        if isinstance(note, StageChange):
            self._teller.stage = note.stage
            return []
        if isinstance(note, LanguageChange):
            self._teller.language = note.language
            return []
        if isinstance(note, Said):
            return self._flags(self._flagged.said(note.at_s, note.party, note.hits), note.at_s)
        return self._quality(note)

    def _segment(self, note: Segment) -> list[Event]:
        self._flagged.spoke(note.party, note.end_s - note.start_s)
        span = {"party": note.party, "start_s": note.start_s, "end_s": note.end_s}
        return [self.event(ev.SpeechEnded, note.at_s, **span)]

    def _gap(self, gap: Gap, party: Party, reason: GapReason) -> Event:
        return self.event(
            ev.AudioGap, gap.at_s, party=party, start_s=gap.start_s, end_s=gap.end_s, reason=reason
        )

    def _observed(self, note: Observed) -> Event:
        """Speech of a party whose emotion is not judged: what anyone present would notice."""
        if note.party not in self._teller.cannot_judge:
            effort = self._manners[note.party].observe(note.voice)
            self._tension.notice(note.party, effort, note.voice.new_speech_s)
        return self.event(
            ev.VoiceMeasured,
            note.at_s,
            party=note.party,
            start_s=note.start_s,
            end_s=note.end_s,
            voice=note.voice,
        )

    def _quality(self, note: QualityNote) -> list[Event]:
        party, quality, reasons = note.verdict.party, note.verdict.quality, note.verdict.reasons
        self._teller.cannot_judge.pop(party, None)
        if quality < self._cannot_judge_below:
            self._teller.cannot_judge[party] = reasons
        self._one_mix = "same_voice_on_both" in reasons
        if self._one_mix:
            self._tension.forget(party)
        return [self.event(ev.QualityChanged, note.at_s, party=party, quality=quality, reasons=reasons)]

    def _tick(self, tick: Tick) -> list[Event]:
        # a voice that does not count says nothing new: what is held against it fades as if it were silent
        idle = {
            party: idle or (party in self._teller.cannot_judge and not tick.missing)
            for party, idle in tick.idle.items()
        }
        snapshot = tick.snapshot
        if self._one_mix:  # one voice on both channels is no overlap
            snapshot = Snapshot(overlap_ratio=0.0, interruptions={}, silence_s=snapshot.silence_s)
        flags = self._flagged.tick(tick.at_s, missing=tick.missing)
        words = self._words()
        self._snapshot = snapshot
        level = self._level = self._tension.tick(1.0, idle, snapshot, words)
        self._ticks += 1
        self._ticks_above += level.level >= self._raise_at
        self._levels_sum += level.level
        self._peak = max(self._peak, level.level)
        self._teller.effects.tick(tick.at_s, level.level)
        ticked = self.event(
            ev.TensionUpdated,
            tick.at_s,
            level=level.level,
            bias=level.bias,
            causes=level.causes,
            conversation=tick.snapshot,
            idle=tuple(party for party, silent in tick.idle.items() if silent),
            missing=tick.missing,
            words=words,
            **level.heat,
        )
        change = self._alerts.step(tick.at_s, level)
        out: list[Event] = [ticked, self._alert(change, tick.at_s, level)] if change else [ticked]
        return out + self._flags(flags, tick.at_s)

    def _flags(self, flags: Sequence[Flag], at_s: float) -> list[Event]:
        """The alerts that do not come from tension."""
        told = (self._teller.on_flag(flag, at_s, self._level) for flag in flags)
        return [self.event(record, at_s, **fields) for record, fields in told]

    def _alert(self, change: Change, at_s: float, level: Level, *, ended: bool = False) -> Event:
        record, fields = self._teller.on_tension(change, at_s, level, ended=ended)
        return self.event(record, at_s, **fields)

    def _end(self, end: End, conversation: Conversation) -> list[Event]:
        out: list[Event] = []
        change = self._alerts.finish()
        if change and self._level:
            out.append(self._alert(change, end.duration_s, self._level, ended=True))
        out += self._flags(self._flagged.end(), end.duration_s)
        summary = ev.CallSummary(
            peak=self._peak,
            mean=round(self._levels_sum / self._ticks, 6) if self._ticks else 0.0,
            seconds_above=float(self._ticks_above),
            alerts=self._teller.raised,
            talk_share=conversation.talk_share(),
            overlap_ratio=conversation.overlap_ratio(),
            interruptions=conversation.interruptions,
            longest_silence_s=round(conversation.longest_silence_s, 3),
            effects=self._teller.effects.all(),
        )
        out.append(
            self.event(
                ev.CallEnded,
                end.duration_s,
                reason=end.reason,
                duration_s=end.duration_s,
                summary=summary,
            )
        )
        return out
