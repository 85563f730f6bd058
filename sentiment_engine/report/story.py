"""One call as its page tells it: what of its events is drawn and listed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sentiment_engine.errors import BadMessage
from sentiment_engine.events import (
    Alert,
    AlertCleared,
    AlertRaised,
    AudioGap,
    CallEnded,
    CallStarted,
    Cause,
    EmotionScored,
    Event,
    GapReason,
    Party,
    QualityChanged,
    QualityReason,
    SpeechEnded,
    Suggestion,
    TensionUpdated,
)


@dataclass(frozen=True, slots=True)
class Tick:
    """One second of tension."""

    at_s: float
    level: float
    resting: float
    """``bias``: log odds of the level without any cause."""
    causes: dict[Cause, float]
    heat: dict[Party, float]


@dataclass(frozen=True, slots=True)
class Heard:
    """One window of a party and the emotion scores that count: beside its own calm voice, where known."""

    start_s: float
    end_s: float
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without audio that could be judged."""

    start_s: float
    end_s: float
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Quality:
    """From then on, how far a party could be judged."""

    at_s: float
    quality: float
    reasons: tuple[QualityReason, ...]


@dataclass(slots=True)
class AlertStory:
    """One alert from raised to cleared."""

    steps: list[Alert]
    """Raised, then updates, then cleared."""

    @property
    def cleared(self) -> AlertCleared | None:
        """Its last event, if it has one."""
        last = self.steps[-1]
        return last if isinstance(last, AlertCleared) else None

    @property
    def phrases(self) -> list[tuple[float, Suggestion]]:
        """When each phrase was shown, in order."""
        return [(step.at_s, phrase) for step in self.steps for phrase in step.suggestions]


@dataclass(slots=True)
class Story:
    """One call, event by event."""

    started: CallStarted
    ended: CallEnded | None = None
    ticks: list[Tick] = field(default_factory=list)
    speech: dict[Party, list[tuple[float, float]]] = field(default_factory=dict)
    emotion: dict[Party, list[Heard]] = field(default_factory=dict)
    gaps: dict[Party, list[Gap]] = field(default_factory=dict)
    quality: dict[Party, list[Quality]] = field(default_factory=dict)
    alerts: dict[str, AlertStory] = field(default_factory=dict)
    """By ``alert_id``, in the order in which they were raised."""

    @property
    def duration_s(self) -> float:
        """Of the whole call, or of what is told of it so far."""
        return self.ended.duration_s if self.ended else max((tick.at_s for tick in self.ticks), default=0.0)

    def tell(self, event: Event) -> None:
        """Takes the next event."""
        match event:
            case TensionUpdated():
                heats: tuple[tuple[Party, float | None], ...] = (
                    ("agent", event.agent),
                    ("customer", event.customer),
                    ("mixed", event.mixed),
                )
                heat = {party: value for party, value in heats if value is not None}
                self.ticks.append(Tick(event.at_s, event.level, event.bias, dict(event.causes), heat))
            case SpeechEnded():
                self.speech.setdefault(event.party, []).append((event.start_s, event.end_s))
            case EmotionScored():
                scores = event.scores if event.relative is None else event.relative
                heard = Heard(event.start_s, event.end_s, dict(scores))
                self.emotion.setdefault(event.party, []).append(heard)
            case AudioGap():
                gap = Gap(event.start_s, event.end_s, event.reason)
                self.gaps.setdefault(event.party, []).append(gap)
            case QualityChanged():
                now = Quality(event.at_s, event.quality, event.reasons)
                self.quality.setdefault(event.party, []).append(now)
            case AlertRaised():
                self.alerts[event.alert_id] = AlertStory([event])
            case Alert() if event.alert_id in self.alerts:
                self.alerts[event.alert_id].steps.append(event)
            case CallEnded():
                self.ended = event


def story(events: Iterable[Event]) -> Story:
    """The story of one call.

    Raises:
        BadMessage: the events do not begin with ``call.started``.
    """
    told: Story | None = None
    for event in events:
        if told is None:
            if not isinstance(event, CallStarted):
                raise BadMessage("does not begin with call.started: score the recording again")
            told = Story(event)
        else:
            told.tell(event)
    if told is None:
        raise BadMessage("has no events: score the recording again")
    return told
