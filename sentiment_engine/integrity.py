"""Whether events are those of one call as this engine writes them: whole, in order, of sound numbers.

Files come from elsewhere and may be cut, edited, mixed up or older. What is found here is refused with the
event's number; past this file the arithmetic trusts its input.
"""

from typing import get_args

from sentiment_engine.errors import BadMessage
from sentiment_engine.events import (
    Alert,
    AlertCleared,
    AlertUpdated,
    AudioGap,
    CallStarted,
    EmotionScored,
    Event,
    QualityChanged,
    TensionUpdated,
    Voice,
    VoiceMeasured,
)
from sentiment_engine.flagged import FlagKind
from sentiment_engine.frames import BLOCK_S

OLDER = "an older engine wrote it; score the recording again"
ROUNDED_S = 0.001
"""Times are published in milliseconds."""
LIMITS: dict[str, tuple[float, float]] = {
    "new_speech_s": (0.0, 60.0),
    "speech_s": (0.001, 60.0),
    "level_db": (-200.0, 100.0),
    "over_noise_db": (-300.0, 300.0),
    "pitch_st": (-200.0, 200.0),
    "rate_sps": (0.0, 100.0),
}
"""Of ``Voice``: far wider than what is ever measured, close enough for the arithmetic."""


class Integrity:
    """What the events of one call so far allow the next one to be."""

    def __init__(self, started: CallStarted) -> None:
        self._call_id, self._parties = started.call_id, started.channels
        self._seq, self._at_s = started.seq, started.at_s
        self._gap_until_s = dict.fromkeys(started.channels, 0.0)
        self._words = 0.0
        self._raised: set[str] = set()
        """Kinds of alert on what is not tension that were raised."""

    def next(self, event: Event) -> None:
        """Looks at the next event.

        Raises:
            BadMessage: it cannot follow; names it and the remedy.
        """
        where = f"event {event.seq} ({type(event).__struct_config__.tag})"
        if event.call_id != self._call_id:
            raise BadMessage(f"{where}: belongs to call {event.call_id[:60]!r}: keep calls apart")
        if isinstance(event, CallStarted):
            raise BadMessage(f"{where}: the call before it has no call.ended: score the recording again")
        if event.seq != self._seq + 1:
            raise BadMessage(f"{where}: event {self._seq + 1} should come here: score the recording again")
        if event.at_s < self._at_s:
            raise BadMessage(f"{where}: time runs backwards from {self._at_s} s: score the recording again")
        self._seq, self._at_s = event.seq, event.at_s
        wrong = self._wrong(event)
        if wrong:
            raise BadMessage(f"{where}: {wrong}")

    def _wrong(self, event: Event) -> str:
        """What is wrong with the event, and the remedy; empty when nothing is."""
        match event:
            case EmotionScored() | VoiceMeasured() | QualityChanged() | AudioGap() if (
                event.party not in self._parties
            ):
                return f"the call has no party {event.party}: score the recording again"
            case EmotionScored():
                return self._wrong_scores(event) or _wrong_voice(event.voice)
            case VoiceMeasured():
                return _wrong_voice(event.voice)
            case AudioGap() if event.reason != "overload":  # an overload skips a window, and no time
                self._gap_until_s[event.party] = event.end_s
            case TensionUpdated():
                return self._wrong_tick(event)
            case Alert() if event.flags:
                return self._wrong_alert(event)
        return ""

    def _wrong_scores(self, scored: EmotionScored) -> str:
        if not all(0.0 <= p <= 1.0 for p in scored.scores.values()):
            return "its scores are no probabilities: score the recording again"
        if self._words and not scored.words:  # between ticks words do not cool
            return f"words count and the field words is absent: {OLDER}"
        return ""

    def _wrong_tick(self, tick: TensionUpdated) -> str:
        if tick.causes.get("words") and not tick.words:
            return f"words count and the field words is absent: {OLDER}"
        if not tick.missing and tick.at_s - BLOCK_S < min(self._gap_until_s.values()) - ROUNDED_S:
            return f"it lies in a gap and the field missing is absent: {OLDER}"
        self._words = tick.words
        return ""

    def _wrong_alert(self, alert: Alert) -> str:
        if alert.kind not in get_args(FlagKind):
            return f"the kind of alert {alert.kind[:60]!r} is unknown: replay with the engine that scored it"
        if isinstance(alert, AlertUpdated | AlertCleared) and alert.kind not in self._raised:
            return f"no alert of kind {alert.kind} was raised before it: score the recording again"
        self._raised.add(alert.kind)
        return ""


def _wrong_voice(voice: Voice) -> str:
    for name, (low, high) in LIMITS.items():
        value = getattr(voice, name)
        if value is not None and not low <= value <= high:
            return f"voice.{name} is {value}, outside {low}..{high}: score the recording again"
    return ""
