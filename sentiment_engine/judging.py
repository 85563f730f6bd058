"""The judging side of a call: the log of what was heard, and scores, in; events out.

Everything after the emotion model: baseline, tension, alerts, phrases. Nothing here depends on when scores
arrive, only on what they say.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from sentiment_engine import events as ev
from sentiment_engine.alerts import Alerts, Change, strongest_first
from sentiment_engine.conversation import Conversation
from sentiment_engine.emotion import Baseline, Window, uncertainty
from sentiment_engine.errors import ModelMismatch
from sentiment_engine.events import Event, GapReason, Party, QualityReason, Stage
from sentiment_engine.frames import Float32
from sentiment_engine.listening import End, Gap, Note, QualityNote, Segment, StageChange, Tick
from sentiment_engine.observed import Usual, Voice
from sentiment_engine.playbook import Moment, Playbook, Prompter
from sentiment_engine.profiles import PROFILES, playbook_settings
from sentiment_engine.settings import Settings
from sentiment_engine.summary import cannot_judge_sentence, cleared_sentence, sentence
from sentiment_engine.tension import Level, Tension

E = TypeVar("E", bound=Event)


class Judge:
    """Turns one call's log into its events, numbered from 1."""

    def __init__(
        self,
        settings: Settings,
        labels: Sequence[str],
        playbook: Playbook,
        *,
        call_id: str,
        parties: Sequence[Party],
        language: str,
        stage: Stage,
        risk_class: str | None,
    ) -> None:
        self._call_id, self._parties, self._labels = call_id, tuple(parties), tuple(labels)
        self._language, self._stage, self._risk_class = language, stage, risk_class
        self._raise_at, self._clear_at = settings.alerts.raise_at, settings.alerts.clear_at
        self._baselines = {party: Baseline(settings.baseline) for party in parties}
        refused = PROFILES[settings.profile].refused(parties)
        observed = [party for party, bases in refused.items() if "acoustic_emotion" in bases]
        self._usual = {party: Usual(settings.baseline) for party in parties}
        self._tension = Tension(settings.tension, parties, observed)
        self._cannot_judge_below = settings.quality.cannot_judge_below
        self._cannot_judge: dict[Party, tuple[QualityReason, ...]] = {}
        self._one_mix = False
        self._alerts = Alerts(settings.alerts)
        self._prompter = Prompter(playbook, playbook_settings(settings))
        self._seq = 0
        self._level: Level | None = None
        self._levels_sum = self._peak = 0.0
        self._ticks = self._ticks_above = 0

    def event(self, record: type[E], at_s: float, /, **fields: Any) -> E:
        """The next event of the call."""
        self._seq += 1
        return record(call_id=self._call_id, at_s=at_s, seq=self._seq, **fields)

    def window(self, window: Window, scores: Float32 | None) -> Event:
        """A window and its scores, shape (labels,); None when it was skipped under overload."""
        span = {"party": window.party, "start_s": window.start_s, "end_s": window.end_s}
        if scores is None:
            return self.event(ev.AudioGap, window.at_s, reason="overload", **span)
        values = scores.tolist()
        if not all(map(math.isfinite, values)):
            raise ModelMismatch(
                f"the model gave {values} for {window.party} at {window.start_s} s: not numbers"
            )
        # what is published is what is used: whoever replays the events gets the same tension
        published = {label: round(p, 4) for label, p in zip(self._labels, values, strict=True)}
        if window.party in self._cannot_judge:
            uncertain = round(uncertainty(published.values()), 4)
            return self.event(ev.EmotionScored, window.at_s, scores=published, uncertain=uncertain, **span)
        evidence = self._tension.evidence(window.party)
        relative = self._baselines[window.party].compare(published, window, evidence)
        self._tension.hear(window.party, relative, window.new_speech_s)
        uncertain = round(relative.uncertain, 4)
        return self.event(ev.EmotionScored, window.at_s, scores=published, uncertain=uncertain, **span)

    def note(self, note: Note, conversation: Conversation) -> list[Event]:
        """Anything of the log that needs no scores."""
        match note:
            case Segment():
                span = {"party": note.party, "start_s": note.start_s, "end_s": note.end_s}
                return [self.event(ev.SpeechEnded, note.at_s, **span)]
            case Gap():
                return [self._gap(note, party, note.reason) for party in self._parties]
            case StageChange() | Voice():
                self._take(note)
                return []
            case QualityNote():
                return self._quality(note)
            case Tick():
                return self._tick(note)
            case End():
                return self._end(note, conversation)
        raise AssertionError(f"a note without a rule: {note!r}")  # pragma: no cover - the union is closed

    def _gap(self, gap: Gap, party: Party, reason: GapReason) -> Event:
        return self.event(
            ev.AudioGap, gap.at_s, party=party, start_s=gap.start_s, end_s=gap.end_s, reason=reason
        )

    def _take(self, note: StageChange | Voice) -> None:
        if isinstance(note, StageChange):
            self._stage = note.stage
        elif note.party not in self._cannot_judge:
            louder_db, higher_st = self._usual[note.party].compare(note)
            self._tension.notice(note.party, louder_db, higher_st, note.new_speech_s)

    def _quality(self, note: QualityNote) -> list[Event]:
        party, quality, reasons = note.verdict.party, note.verdict.quality, note.verdict.reasons
        self._cannot_judge.pop(party, None)
        if quality < self._cannot_judge_below:
            self._cannot_judge[party] = reasons
        self._one_mix = "same_voice_on_both" in reasons
        if self._one_mix:
            self._tension.forget(party)
        return [self.event(ev.QualityChanged, note.at_s, party=party, quality=quality, reasons=reasons)]

    def _tick(self, tick: Tick) -> list[Event]:
        # a voice that does not count says nothing new: what is held against it fades as if it were silent
        idle = {
            party: idle or (party in self._cannot_judge and not tick.missing)
            for party, idle in tick.idle.items()
        }
        snapshot = tick.snapshot
        if self._one_mix:  # one voice on both channels is no overlap
            snapshot = msgspec.structs.replace(snapshot, overlap_ratio=0.0, interruptions={})
        level = self._level = self._tension.tick(1.0, idle, snapshot)
        self._ticks += 1
        self._ticks_above += level.level >= self._raise_at
        self._levels_sum += level.level
        self._peak = max(self._peak, level.level)
        ticked = self.event(
            ev.TensionUpdated,
            tick.at_s,
            level=level.level,
            bias=level.bias,
            causes=level.causes,
            **level.heat,
        )
        change = self._alerts.step(tick.at_s, level.level)
        return [ticked, self._alert(change, tick.at_s, level)] if change else [ticked]

    def _alert(self, change: Change, at_s: float, level: Level, *, ended: bool = False) -> Event:
        causes = strongest_first(level)
        lasted_s = at_s - change.since_s
        cleared = change.what == "cleared"
        tense = ended and level.level >= self._clear_at  # it ended first, but may have calmed down by then
        moment = Moment(
            causes=() if cleared else causes,
            by=level.by,
            severity=change.severity,
            stage=self._stage,
            language=self._language,
            risk_class=self._risk_class,
            at_s=at_s,
        )
        said = (
            cleared_sentence(level.level, lasted_s, tense, self._language)
            if cleared
            else sentence(causes, lasted_s, self._language)
        )
        kinds = {"raised": ev.AlertRaised, "updated": ev.AlertUpdated, "cleared": ev.AlertCleared}
        return self.event(
            kinds[change.what],
            at_s,
            alert_id=f"{self._call_id}.a{change.number}",
            kind="tension",
            severity=change.severity,
            level=level.level,
            since_s=change.since_s,
            causes={cause: level.causes[cause] for cause in causes},
            summary=said + cannot_judge_sentence(self._cannot_judge, self._language),
            suggestions=self._prompter.suggest(moment),
            cannot_judge=dict(self._cannot_judge),
        )

    def _end(self, end: End, conversation: Conversation) -> list[Event]:
        out: list[Event] = []
        change = self._alerts.finish()
        if change and self._level:
            out.append(self._alert(change, end.duration_s, self._level, ended=True))
        summary = ev.CallSummary(
            peak=self._peak,
            mean=round(self._levels_sum / self._ticks, 6) if self._ticks else 0.0,
            seconds_above=float(self._ticks_above),
            alerts=self._alerts.raised,
            talk_share=conversation.talk_share(),
            overlap_ratio=conversation.overlap_ratio(),
            interruptions=conversation.interruptions,
            longest_silence_s=round(conversation.longest_silence_s, 3),
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
