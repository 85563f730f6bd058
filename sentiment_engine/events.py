"""The records everything else speaks in: what a call's monitor says, one JSON object each.

A newcomer reads this file, then ``monitor.py``, and knows the engine. Times are seconds on the call's
**media clock** (counted in samples, never the wall clock), rounded to the millisecond; probabilities and
levels lie in [0, 1]; every number is finite. ``seq`` counts the events of one call from 1 without gaps.
Readers ignore fields they do not know.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Party = Literal["agent", "customer", "mixed"]
"""Whose voice a channel carries; ``mixed`` when a recording has both parties on one channel."""

Cause = Literal[
    "customer_anger",
    "agent_anger",
    "anger",
    "customer_distress",
    "mutual_escalation",
    "overlap",
    "interruptions",
    "raised_voice",
    "silence",
    "words",
]
"""A named contribution to tension. ``anger`` appears only on ``mixed`` calls, where no party can be named."""

Reason = Cause | Literal["outside_hours", "contact_limit", "missing_notice", "recovery"]
"""What a phrase answers: a cause of tension, what the call's metadata shows, or that the call calmed down."""

Severity = Literal["notice", "warning", "critical"]
Stage = Literal["facts", "negotiation", "notice", "general"]
Audience = Literal["agent", "supervisor"]
GapReason = Literal["lost", "paused", "idle", "overload"]
EndReason = Literal["stop", "shutdown", "disconnected", "idle", "error"]

Basis = Literal["acoustic_emotion", "observable", "text", "metadata"]
"""What a cause rests on: emotion inferred from a voice; timing, level; a transcript; clock and counters."""
ProfileName = Literal["cn", "us", "gb", "eu"]
"""A market's law, see ``profiles.py``."""
Answer = Literal["helped", "did_not_help", "does_not_fit"]
"""What an agent says of the phrases that an alert offered."""
ReviewRole = Literal["business", "legal"]
"""The two sides that review, see ``archive/reviewing.py``."""
QualityReason = Literal[
    "noise", "clipping", "loss", "little_speech", "same_voice_on_both", "channels_swapped?"
]
"""Why a channel cannot be judged well, see ``quality.py``."""

STAGES: tuple[Stage, ...] = ("facts", "negotiation", "notice", "general")
PARTIES: tuple[Party, ...] = ("agent", "customer", "mixed")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What every event carries."""

    call_id: str
    at_s: float
    """Media time at which the event is known."""
    seq: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The conversation at one moment; ``conversation.py`` defines the terms."""

    overlap_ratio: float
    """Recent time with both speaking over recent time with anyone speaking, 0..1."""
    overlap_by: Mapping[Party, float] = {}
    """The part of ``overlap_ratio`` that each party began; nobody began the rest."""
    interruptions: Mapping[Party, float]
    """Recent interruptions by each party, fading."""
    successes: Mapping[Party, float] = {}
    """Those of them that took the floor."""
    back_channels: Mapping[Party, float] = {}
    """Recent back-channels by each party, fading alike."""
    silence_s: float
    """Time since anyone spoke; gaps do not count."""
    latency_s: Mapping[Party, float] = {}
    """Running mean of each party's response latency; absent until it has answered once."""
    unanswered_s: Mapping[Party, float] = {}
    """Silence in which each party owed an answer."""


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of the speech of one window beside its emotion."""

    new_speech_s: float
    """Speech that no earlier window of this party covered."""
    speech_s: float
    """All its speech, seconds; pauses left out."""
    level_db: float
    """Level of its voiced frames, dBFS."""
    over_noise_db: float
    """How far that stands over the channel's noise floor; a few dB more than the signal-to-noise ratio."""
    pitch_st: float | None
    """Low pitch, semitones above 100 Hz (``pitch.py``); None where it cannot be told."""
    rate_sps: float | None
    """Syllables a second (``rate.py``); None where it cannot be told."""


class CallStarted(Event, frozen=True, kw_only=True, tag="call.started"):
    """The first event of a call."""

    channels: tuple[Party, ...]
    sample_rate_hz: int
    """As the caller sends it; the engine itself listens at 8 kHz."""
    language: str
    stage: Stage
    wire: int
    """Version of this vocabulary, see ``wire.py``."""
    started_at: str | None = None
    """RFC 3339; absent for recordings without one."""
    profile: ProfileName | None = None
    """The law the call is judged under; absent in events older than profiles."""
    refused: dict[Party, tuple[Basis, ...]] = {}
    """What is not judged of a party, because the profile forbids it; absent when nothing is."""
    opened_by: str = ""
    """Name of the token that opened the call; absent for recordings and on a server without tokens."""
    agent: str = ""
    """Name of the agent's own token, where the start named one (``context.agent``)."""

    @property
    def owners(self) -> frozenset[str]:
        """Names of the tokens whose own call it is: who opened it, and the agent that was named."""
        return frozenset({self.opened_by, self.agent} - {""})


class SpeechEnded(Event, frozen=True, kw_only=True, tag="speech.ended"):
    """One stretch of speech on one channel is over."""

    party: Party
    start_s: float
    end_s: float


class EmotionScored(Event, frozen=True, kw_only=True, tag="emotion.scored"):
    """The emotion model has heard one window."""

    party: Party
    start_s: float
    end_s: float
    scores: dict[str, float]
    """Probability by label, sum 1 (up to rounding at the fourth digit)."""
    relative: dict[str, float] | None = None
    """The same against the party's own calm voice so far, see ``calm.py``; sum 1 likewise. Absent while the
    party cannot be judged, and in older events."""
    uncertain: float = 0.0
    """How little the scores say, 0..1: their entropy over that of scores all alike."""
    voice: Voice
    """The rest of what the window adds to tension."""
    words: float = 0.0
    """What words add at that moment, log odds: an alert may be raised before the next ``tension.updated``."""


class VoiceMeasured(Event, frozen=True, kw_only=True, tag="voice.measured"):
    """Speech of a party of whom no emotion may be inferred: what anyone present would notice, and no more."""

    party: Party
    start_s: float
    end_s: float
    voice: Voice


class TensionUpdated(Event, frozen=True, kw_only=True, tag="tension.updated"):
    """Once a second of media time. ``logit(level) = bias + sum(causes.values())``."""

    level: float
    bias: float
    """The level of a call without any cause, on the logit scale."""
    causes: dict[Cause, float]
    """Contributions on the logit scale; causes that contribute nothing are left out."""
    agent: float | None = None
    """The agent's own heat, 0..1; absent when no channel is the agent's, and where a profile refuses it."""
    customer: float | None = None
    mixed: float | None = None
    """Heat of whoever speaks, on a call with one mixed channel."""
    conversation: Snapshot
    """What timing adds to tension."""
    idle: tuple[Party, ...] = ()
    """Who was heard and silent in this second."""
    missing: bool = False
    """Whether this second ended without audio, so that nothing faded."""
    words: float = 0.0
    """What words add, log odds; more than ``causes`` says where the level has reached its limit."""


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One phrase of the playbook, as offered in an alert."""

    id: str
    text: str
    language: str
    audience: Audience
    technique: str
    mode: Literal["say", "do"]
    """``say``: words the agent may speak. ``do``: a private instruction, never read aloud."""
    rule: str
    """Why this phrase was chosen: the playbook rule in plain terms."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What followed after a phrase was shown to the agent; see ``effects.py`` for what it does not prove."""

    id: str
    """Of the phrase; empty where an alert showed none, for comparison."""
    shown_at_s: float
    level: float
    """Tension at that moment."""
    after_s: float
    """Seconds from then to ``level_after``: 30, or less when the call or the alert ended first."""
    level_after: float


class Alert(Event, frozen=True, kw_only=True):
    """What the three alert events share."""

    alert_id: str
    kind: str
    """``tension``, or what else was observed: one of ``FlagKind`` in ``flagged.py``."""
    severity: Severity
    level: float
    since_s: float
    """Media time since when the level has been over the threshold, or since the first of ``flags`` came."""
    causes: dict[Cause, float]
    summary: str
    """One plain sentence in the call's language."""
    suggestions: tuple[Suggestion, ...]
    flags: tuple[str, ...] = ()
    """What it is about, but for ``tension``: categories of words (``flags.yaml``), limits or notices."""
    cannot_judge: dict[Party, tuple[QualityReason, ...]] = {}
    """Parties whose voice does not count at the moment, and why; absent when all do."""


class AlertRaised(Alert, frozen=True, kw_only=True, tag="alert.raised"):
    """Tension stayed over the threshold, or something else was observed that people should know of."""


class AlertUpdated(Alert, frozen=True, kw_only=True, tag="alert.updated"):
    """An open alert became more severe, or what it is about came again."""


class AlertCleared(Alert, frozen=True, kw_only=True, tag="alert.cleared"):
    """An open alert is over: the call calmed down, or ended."""

    effects: tuple[Effect, ...] = ()
    """What followed after each phrase it had shown."""


class AlertAcknowledged(Event, frozen=True, kw_only=True, tag="alert.acknowledged"):
    """Somebody has seen an alert. People say this, not the call's monitor, so its ``seq`` is 0."""

    alert_id: str
    by: str
    """Name of the token; empty on a server without tokens."""
    acknowledged_at: str
    """RFC 3339. ``at_s`` repeats that of the alert's newest event."""


class AlertAnswered(Event, frozen=True, kw_only=True, tag="alert.answered"):
    """The agent says what became of an alert's phrases; the newest answer stands. ``seq`` is 0 as above."""

    alert_id: str
    answer: Answer
    note: str = ""
    """In the agent's own words."""
    by: str
    """Name of the token; empty on a server without tokens."""
    answered_at: str
    """RFC 3339. ``at_s`` repeats that of the alert's newest event."""


class AlertAssigned(Event, frozen=True, kw_only=True, tag="alert.assigned"):
    """Somebody has given an alert to a supervisor, or taken it back. People say this, so its ``seq`` is 0."""

    alert_id: str
    by: str
    """Name of the token; empty on a server without tokens."""
    to: str | None
    """Who is to see to it; None for nobody any more."""
    assigned_at: str
    """RFC 3339. ``at_s`` repeats that of the alert's newest event."""


class RecordingHashed(Event, frozen=True, kw_only=True, tag="recording.hashed"):
    """Whoever keeps the call's recording has named it. The call's monitor does not say this: ``seq`` is 0."""

    sha256: str
    """Of the recording's file, 64 lower-case hexadecimal digits."""
    by: str
    """Name of the token; empty on a server without tokens."""
    named_at: str
    """RFC 3339. ``at_s`` repeats that of the call's newest event."""


class Reviewed(Event, frozen=True, kw_only=True):
    """What both events of reviews share. People say this, so ``seq`` is 0."""

    about: str
    """Cursor of the ``alert.raised`` or ``call.started`` that is reviewed: an id may come again."""
    review_id: str
    role: ReviewRole
    by: str
    """Name of the token that gave it."""
    decision: str
    reason: str
    """Words of the settings, ``reviews.decisions`` and ``reviews.reasons``."""
    note: str = ""
    reviewed_at: str
    """RFC 3339. ``at_s`` is the media time at which the review became owed."""
    supersedes: str | None = None
    """The reviewer's own earlier review that this one corrects."""
    key: str = ""
    """What its sender calls the request, so that it can be sent twice and count once."""


class AlertReviewed(Reviewed, frozen=True, kw_only=True, tag="alert.reviewed"):
    """Somebody has decided on an alert, for the business or for the legal side."""

    alert_id: str


class CallReviewed(Reviewed, frozen=True, kw_only=True, tag="call.reviewed"):
    """Somebody has decided on a whole call that has ended."""


class AudioGap(Event, frozen=True, kw_only=True, tag="audio.gap"):
    """A stretch that could not be judged. A gap is not calm: tension holds still across it."""

    party: Party
    start_s: float
    end_s: float
    reason: GapReason


class QualityChanged(Event, frozen=True, kw_only=True, tag="quality.changed"):
    """A channel became easier or harder to judge. Until the first of a party its quality is 1."""

    party: Party
    quality: float
    """0..1, an estimate; under ``quality.cannot_judge_below`` the party's voice does not count."""
    reasons: tuple[QualityReason, ...]
    """What is wrong; empty when all is well again. With ``?`` a suspicion."""


class CallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A call in numbers."""

    peak: float
    """Highest tension level."""
    mean: float
    seconds_above: float
    """Seconds of media time with the level at or over the alert threshold."""
    alerts: int
    talk_share: dict[Party, float]
    """Each party's share of all speech time, sum 1; zeros when nobody spoke."""
    overlap_ratio: float
    """Time with both parties speaking over time with anyone speaking."""
    interruptions: int
    longest_silence_s: float
    effects: tuple[Effect, ...] = ()
    """What followed after each phrase of the call: half a minute later, or at the call's end."""


class CallEnded(Event, frozen=True, kw_only=True, tag="call.ended"):
    """The last event of a call."""

    reason: EndReason
    duration_s: float
    summary: CallSummary


AnyEvent = (
    CallStarted
    | SpeechEnded
    | EmotionScored
    | VoiceMeasured
    | TensionUpdated
    | AlertRaised
    | AlertUpdated
    | AlertCleared
    | AlertAcknowledged
    | AlertAnswered
    | AlertAssigned
    | RecordingHashed
    | AlertReviewed
    | CallReviewed
    | AudioGap
    | QualityChanged
    | CallEnded
)
"""Every event there is; the tagged union that ``wire.py`` reads."""
