"""Settings, one frozen record per stage, checked once where they enter.

Units stand in the names: ``_s`` seconds of media time, ``_db`` decibels, ``_hz`` hertz. Past this file code
trusts them. Where most numbers of baseline and tension come from, ``scripts/fit_tension.py`` tells, and which
were set by hand; ``benchmarks/alerts.py`` says what they are worth on speakers that nothing was fitted on.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from sentiment_engine.errors import BadSettings
from sentiment_engine.events import ProfileName
from sentiment_engine.settings_archive import ArchiveSettings, WebhookSettings, check_webhooks
from sentiment_engine.settings_audio import AudioSettings, check_kept_encrypted
from sentiment_engine.settings_audiosocket import AudioSocketSettings
from sentiment_engine.settings_base import StageSettings as _Stage
from sentiment_engine.settings_door import DoorSettings
from sentiment_engine.settings_evidence import EvidenceSettings
from sentiment_engine.settings_genesys import GenesysSettings
from sentiment_engine.settings_reviews import ReviewSettings, check_kept_until_due

_TIME = "([01][0-9]|2[0-3]):([0-5][0-9])"
QUIET_HOURS = re.compile(f"{_TIME}-{_TIME}", re.ASCII)
"""The hours and minutes from and until which nobody is called."""


class VadSettings(_Stage, frozen=True, kw_only=True):
    """How frames become speech segments."""

    model: Literal["webrtc", "silero"] = "webrtc"
    """Who says whether a frame holds a voice.

    Silero is not taken in by music and noise, costs some twenty times as much, and needs the extra `silero`.
    """
    aggressiveness: int = 1
    """WebRTC's 0..3; noise is the gate's business, and 3 misses soft speech."""
    silero_at: float = 0.2
    """Silero's probability that counts as voice."""
    onset_frames: int = 4
    """Voiced frames among the last ``onset_window`` that begin a segment."""
    onset_window: int = 6
    hangover_s: float = 0.28
    """Unvoiced time that ends a segment: longer than a stop closure, shorter than a breath.

    Anything from 0.24 to 0.3 s is about as good on the hand-labelled set (``benchmarks/vad.py``, odd files).
    """
    min_segment_s: float = 0.2
    """Shorter bursts (clicks, breaths) are not speech."""
    over_noise_db: float = 4.0
    """A frame must stand this far above the running noise floor."""
    onset_over_db: float = 2.0
    """And this much further to begin a segment."""
    min_level_db: float = -58.0
    """Nothing below this level (dBFS) is speech on a telephone."""
    music_check: bool = True
    """Whether a channel that carries music holds no voice (``music.py``).

    WebRTC's detector takes hold music for speech; Silero does not, and needs no check. Switch it off where
    people sing to each other.
    """
    music_over: float = 1.5
    """Log odds of music, of the last 1.5 s, that count as no evidence.

    A voice with music or a siren behind it may have that much; at 1, such a file of the hand-labelled set is
    lost, at 2 one piece in five of the hold music is not found (``benchmarks/vad.py``, odd files).
    """
    music_evidence: float = 10.0
    """Sum of the log odds over ``music_over``, twice a second, from which on the channel carries music.

    With 8 a held wail and a siren behind a voice pass for music; music takes 2 to 3 s to gather so much.
    """

    def check(self) -> None:
        self.within(0, 3, "aggressiveness")
        self.positive("onset_frames", "onset_window", "hangover_s", "min_segment_s")
        self.within(0.0, 40.0, "over_noise_db", "onset_over_db")
        self.within(0.0, 1.0, "silero_at")
        self.within(0.02, 5.0, "hangover_s")
        self.within(-20.0, 20.0, "music_over")
        self.within(0.1, 100.0, "music_evidence")
        if self.onset_frames > self.onset_window:
            raise BadSettings(
                f"onset_frames {self.onset_frames} cannot exceed onset_window {self.onset_window}"
            )


class WindowSettings(_Stage, frozen=True, kw_only=True):
    """Which stretches of speech the emotion model hears."""

    window_s: float = 3.0
    hop_s: float = 1.5
    """New speech of a party between two of its windows."""
    min_window_s: float = 0.6
    """Less speech than that is not scored: the model would guess."""
    join_s: float = 1.2
    """Speech of the same party after a pause no longer than this belongs to the same turn and window."""
    pauses_s: float = 3.0
    """Audio remembered beyond ``window_s`` for the pauses inside a window."""

    def check(self) -> None:
        self.within(0.5, 8.0, "window_s", "min_window_s")
        self.within(0.2, 8.0, "hop_s")
        self.within(0.0, 8.0, "join_s", "pauses_s")
        if self.min_window_s > self.window_s:
            raise BadSettings(f"min_window_s {self.min_window_s} cannot exceed window_s {self.window_s}")


class BaselineSettings(_Stage, frozen=True, kw_only=True):
    """From the calm voice of the training speakers to the party's own."""

    prior_anger: float = 2.0
    """Where a calm voice nobody has heard yet is expected on ``log(angry / neutral)``.

    Set high, above most calm voices: in an unheard language the model hears anger where there is none. The
    price is that a party hot from the first word is taken for calm; see ``benchmarks/alerts.py``, hot_start.
    """
    prior_against: float = -1.0
    """The same of ``log(angry / (sad + fearful))``."""
    prior_stirred: float = 1.35
    """The same of ``log((1 - neutral) / neutral)``."""
    prior_spread: float = 0.72
    """Standard deviation of either, within one calm party."""
    least_spread: float = 0.4
    """A voice more even than this is still judged as if it varied so much."""
    prior_doubt: float = 0.95
    """Standard deviation of that mean between parties: voices and languages differ."""
    others: float = 0.22
    """How much the other moods, happy, sad and fearful, count as not angry; neutral counts 1."""
    prior_others: float = 0.1
    """Where a calm voice is expected on ``log((happy + sad + fearful) / neutral)``."""
    prior_s: float = 1.0
    """Seconds of own calm speech that weigh as much as the prior."""
    memory_s: float = 43.64
    """Calm speech remembered; older evidence fades."""
    calm_below: float = 2.75
    """A window this many deviations above the baseline counts half as calm evidence."""
    calm_width: float = 0.4
    hold: float = 0.5
    """Evidence of anger that halves the rate at which a known baseline still moves."""
    calm_odds: dict[str, float] = msgspec.field(
        default_factory=lambda: {"happy": -0.68, "sad": 0.08, "angry": -1.49, "fearful": -0.47}
    )
    """How a calm voice that the model does not know scores by label, mean of ``log(p / neutral)``.

    Of training speakers, asked of a head that never heard their corpus (``scripts/experiments_calm.py``);
    what a party's own calm voice has beyond that is its lean, see ``calm.py``. Labels that are not named
    here are not corrected; nothing but ``relative`` in ``emotion.scored`` rests on these three.
    """
    lean_prior_s: float = 2.0
    """Seconds of own calm speech that weigh as much as the presumption that a party leans no way."""
    lean_most: float = 3.0
    """Most log odds of a lean, either way."""
    bare_from_s: float = 4.0
    """Speech of a party after which its voice is judged as it is, beside the training speakers' calm one."""
    bare_until_s: float = 15.0
    """And until when: a party that began calm has shown its calm voice by then."""
    level_after_s: float = 3.0
    """Calm speech needed before anything is called louder."""
    level_spread_db: float = 2.5
    """Standard deviation of the level of a calm party's windows, until its own is known."""
    pitch_spread_st: float = 2.0
    rate_spread: float = 0.25
    """The same of pitch, semitones, and of the rate of speech, octaves."""

    def check(self) -> None:
        self.positive("prior_s", "prior_spread", "least_spread", "memory_s", "calm_width", "hold")
        self.within(0.0, 60.0, "bare_from_s", "bare_until_s")
        self.positive("level_spread_db", "pitch_spread_st", "rate_spread")
        self.within(-6.0, 6.0, "prior_anger", "prior_against", "prior_others")
        self.within(-6.0, 6.0, "prior_stirred", "calm_below")
        for label, odds in self.calm_odds.items():
            if label == "neutral" or not -7.0 <= odds <= 7.0:
                raise BadSettings(
                    f"calm_odds has {label[:40]!r} = {odds}: it names log odds over neutral, in -7..7, and "
                    "neutral itself has none"
                )
        self.positive("lean_prior_s")
        self.within(0.0, 7.0, "lean_most")
        self.within(0.0, 1.0, "others")
        self.within(0.0, 6.0, "prior_doubt")


class ConversationSettings(_Stage, frozen=True, kw_only=True):
    """How the two parties' timing is read."""

    overlap_half_life_s: float = 10.0
    """Of the overlap ratio: the last turns count, not the whole call."""
    floor_s: float = 0.6
    """Whoever has spoken this long holds the floor."""
    talk_over_s: float = 0.7
    """Overlap that makes an interruption; a back-channel ("mm-hm") is over by then."""
    breath_s: float = 0.4
    """A pause this short ends neither a turn nor an overlap: a speaker draws breath."""
    interruption_half_life_s: float = 20.0
    back_channel_s: float = 1.0
    """A turn of the listener no longer than this, after which the speaker goes on, is a back-channel."""
    pause_s: float = 2.0
    """A silence this short is the speaker's own pause: nobody is waiting for an answer yet."""

    def check(self) -> None:
        self.positive(*self.__struct_fields__)


class QualitySettings(_Stage, frozen=True, kw_only=True):
    """When a channel cannot be judged, see ``quality.py``; ``tests/test_quality_calls.py`` tries it."""

    cannot_judge_below: float = 0.4
    """Under this quality a party's voice is scored, published, and counts for nothing."""
    noise_worst_db: float = 1.5
    """Estimated speech over noise at which the factor is 0.

    The gate hears the louder frames alone: at a true 0 dB the estimate is 2 to 6 dB, at 10 dB it is 9 to 16.
    """
    noise_fine_db: float = 11.5
    """And at which it is 1."""
    clipping_fine: float = 0.05
    """Share of clipped samples that does no harm: who shouts clips, and must not go unheard for it.

    Of all samples of voiced frames, the weak ones too; of those of strong frames it is about twice as much.
    """
    clipping_worst: float = 0.25
    loss_fine: float = 0.03
    """Share of lost audio; 1 to 3 % is what voice over IP is planned for (ITU-T G.114, G.1028)."""
    loss_worst: float = 0.2
    little_speech_s: float = 3.0
    """Speech in a minute; as much as the baseline of level needs (``level_after_s``)."""
    same_voice_over: float = 0.85
    """Correlation of both channels' envelopes that makes them one mix."""
    same_voice_within_db: float = 10.0
    """Echo further below the voice than that is how telephones are."""
    ringing_over_db: float = -45.0
    """Level of a tone that is heard as ringing, dBFS."""
    step: float = 0.15
    """A change of quality that is told although the reasons stay."""
    every_s: float = 5.0
    """At most one event a party in this time."""

    def check(self) -> None:
        self.within(0.0, 0.5, "cannot_judge_below")
        self.within(-20.0, 60.0, "noise_worst_db", "noise_fine_db")
        self.within(0.0, 1.0, "clipping_fine", "clipping_worst", "loss_fine", "loss_worst", "same_voice_over")
        self.within(0.0, 60.0, "little_speech_s", "same_voice_within_db", "every_s")
        self.within(-90.0, 0.0, "ringing_over_db")
        self.within(0.01, 1.0, "step")
        for low, high in (
            ("noise_worst_db", "noise_fine_db"),
            ("clipping_fine", "clipping_worst"),
            ("loss_fine", "loss_worst"),
        ):
            if getattr(self, low) >= getattr(self, high):
                raise BadSettings(f"{low} {getattr(self, low)} must lie below {high} {getattr(self, high)}")


class TensionSettings(_Stage, frozen=True, kw_only=True):
    """Coefficients on the logit scale: ``logit(level) = bias + sum of contributions``, none negative."""

    bias: float = -6.33
    """A call without any cause: level 0.066."""
    speech_half_life_s: float = 3.0
    """Of the means of a party's voice, in seconds of that party's speech."""
    idle_half_life_s: float = 12.64
    """Of all evidence about a party, in media time in which that party says nothing new."""
    anger_most: float = 5.13
    """One window may deviate this much and no more, either way: evidence has to last.

    With the drift and the weight it takes two windows, some three seconds of speech, to raise an alert: calm
    people stress a word now and then.
    """
    stirred_share: float = 0.98
    """Share of its deviation towards anything but calm in a window's evidence; the rest is towards anger."""
    effort_loud: float = 0.0
    """Deviations that a window gains for each standard deviation of level over the calm voice, or loses."""
    effort_high: float = 0.33
    """The same of pitch."""
    effort_fast: float = 0.14
    """The same of the rate of speech."""
    effort_most: float = 2.13
    """A raised voice adds at most this many times what the emotion model says of the window."""
    noisy_db: float = 0.0
    """A window's evidence counts in proportion to how far its voice stands over noise, up to this much."""
    bare_at: float = 3.5
    """Mean log odds (see ``Relative.bare``) from which a party counts as hot from the start, whatever its own
    calm voice may be. Set by hand, beside calls of eval speakers: what it catches and what it costs, most of
    all where people are cheerful from the start, ``benchmarks/alerts.py`` tells (hot_start, cheerful)."""
    anger_drift: float = 2.12
    """Deviations over the baseline that count as nothing; less than that counts as calm."""
    uncertain_discount: float = 0.0
    """Share of its evidence that a window loses when its scores are all alike."""
    anger_limit: float = 5.69
    """Most evidence kept, deviations times seconds: bounds how long calm must last to take it back."""
    anger_weight: float = 1.281
    """Per deviation and second."""
    distress_at: float = 0.0
    """Deviations of anger against sadness and fear at which an agitated customer is as much the one as the
    other; under it the evidence is of distress."""
    distress_width: float = 0.5
    mutual_weight: float = 0.05
    """On the lesser of both parties' anger contributions: two who are hot add to each other."""
    overlap_over: float = 0.2
    """Simultaneous speech over all speech; calm calls stay below."""
    overlap_weight: float = 0.05
    interruption_weight: float = 0.159
    louder_over_db: float = 3.0
    louder_weight: float = 0.402
    """Per dB."""
    higher_over_st: float = 1.5
    higher_weight: float = 0.25
    """Per semitone."""
    faster_over: float = 0.25
    """Octaves of the rate of speech."""
    faster_weight: float = 0.05
    silence_over_s: float = 8.0
    silence_weight: float = 0.05
    """Per second."""
    timing_limit: float = 1.5
    """Most that overlap, interruptions, a raised voice or silence add: none alone is an alert."""

    def check(self) -> None:
        self.within(-9.0, 0.0, "bias")
        self.within(-10.0, 10.0, "distress_at", "bare_at")
        self.positive("distress_width")
        self.positive("speech_half_life_s", "idle_half_life_s", "anger_most", "anger_limit", "timing_limit")
        self.within(0.0, 1.0, "uncertain_discount", "stirred_share")
        self.within(0.0, 60.0, "noisy_db")
        self.within(
            0.0,
            20.0,
            "anger_weight",
            "effort_loud",
            "effort_high",
            "effort_most",
            "mutual_weight",
            "overlap_weight",
            "interruption_weight",
            "louder_weight",
            "effort_fast",
            "higher_weight",
            "faster_weight",
            "silence_weight",
        )


class AlertSettings(_Stage, frozen=True, kw_only=True):
    """When a level becomes an alert, and when it is over."""

    raise_at: float = 0.69
    clear_at: float = 0.41
    warning_at: float = 0.8
    critical_at: float = 0.9
    min_duration_s: float = 0.0
    """The level must stay over ``raise_at`` for this long beyond the tick that found it there.

    The level is itself made of evidence that had to last; waiting longer cost a second of delay and saved no
    false alarm on the training speakers.
    """
    clear_after_s: float = 8.0
    """The level must stay under ``clear_at`` for this long."""
    cause_holds_s: float = 4.0
    """Another cause must have led for this long before the alert is updated for it."""
    cooldown_s: float = 20.0
    """Quiet time after a cleared alert before the next may be raised."""

    def check(self) -> None:
        if not 0 < self.clear_at < self.raise_at <= self.warning_at <= self.critical_at < 1:
            raise BadSettings(
                "alert thresholds must rise inside 0..1: "
                f"clear_at {self.clear_at} < raise_at {self.raise_at} <= warning_at {self.warning_at} "
                f"<= critical_at {self.critical_at}"
            )
        self.within(0.0, 600.0, "min_duration_s", "clear_after_s", "cause_holds_s", "cooldown_s")


class PlaybookSettings(_Stage, frozen=True, kw_only=True):
    """Which phrases may be shown."""

    at_most: int = 2
    """Phrases at once for each audience."""
    repeat_guard_s: float = 120.0
    """The same phrase is not shown twice within this time."""
    jurisdiction: str = ""
    """Entries marked ``off_in`` this one (for example ``EU``) are never shown; empty: the profile's own."""

    def check(self) -> None:
        self.within(0, 5, "at_most")
        self.within(0.0, 3600.0, "repeat_guard_s")


class WordsSettings(_Stage, frozen=True, kw_only=True):
    """What a cue in a transcript does. The weights were set by hand: no labelled transcripts were at hand."""

    hold_s: float = 30.0
    """An alert on words is cleared when no cue of its kind has come for this long."""
    again_s: float = 5.0
    """The same category once more updates its alert no sooner than this after it was last told."""
    notice_weight: float = 0.0
    """Log odds of tension that a cue of this severity adds: what anyone may say in calm adds nothing."""
    warning_weight: float = 0.5
    critical_weight: float = 1.0
    half_life_s: float = 30.0
    """Of what cues have added."""
    limit: float = 1.5
    """Most that words add to tension: they have alerts of their own."""

    def check(self) -> None:
        self.within(1.0, 3600.0, "hold_s", "half_life_s")
        self.within(0.0, 3600.0, "again_s")
        self.within(0.0, 9.0, "notice_weight", "warning_weight", "critical_weight", "limit")


class ContactSettings(_Stage, frozen=True, kw_only=True):
    """An operator's own rules of contact; None takes the profile's (``contact.py``). A cap of 0 is no cap."""

    quiet_hours: str | None = None
    """``22:00-08:00``, the called party's local time; ``none`` for no such hours."""
    attempts_per_day: int | None = None
    conversations_per_day: int | None = None
    calls_per_7_days: int | None = None
    days_after_conversation: int | None = None
    """Days that must lie between a conversation and the next call."""
    required_notices: tuple[str, ...] | None = None
    """Categories of kind ``notice`` (``flags.yaml``)."""
    notice_within_s: float = 60.0
    """Seconds of the agent's speech within which the required notices must be heard."""

    def check(self) -> None:
        if self.quiet_hours not in (None, "none") and not QUIET_HOURS.fullmatch(self.quiet_hours):
            raise BadSettings(
                f"quiet_hours is {self.quiet_hours[:40]!r}: write two times such as 22:00-08:00, or none"
            )
        for name in (
            "attempts_per_day",
            "conversations_per_day",
            "calls_per_7_days",
            "days_after_conversation",
        ):
            if getattr(self, name) is not None:
                self.within(0, 1000, name)
        self.within(1.0, 3600.0, "notice_within_s")


class LiveSettings(_Stage, frozen=True, kw_only=True):
    """Limits of the live server. Every queue is bounded; each field says what happens when it is full."""

    max_calls: int = 1000
    """One more is refused with close code 1013."""
    max_readers: int = 500
    """Feed readers; one more is refused with 1013."""
    max_message_bytes: int = 1 << 20
    """A larger WebSocket message closes its connection with 1009."""
    start_timeout_s: float = 10.0
    """A socket that has not sent ``start`` by then is closed with 1008."""
    idle_timeout_s: float = 60.0
    """A call without any message for this long ends with ``reason=idle``."""
    resume_grace_s: float = 30.0
    """A dropped call is kept for this long."""
    call_windows: int = 8
    """Windows of one call that may wait for the model; then its socket is read no further."""
    max_lag_s: float = 3.0
    """A window that waited longer is skipped and marked ``audio.gap reason=overload``."""
    batch_windows: int = 32
    """Most windows in one run of the model."""
    tick_s: float = 0.02
    """The scorer waits this long to gather windows of several calls into one run."""
    reader_events: int = 5000
    """Events one reader may be behind: ticks are dropped first; when alerts alone fill it, 1013."""
    kept_events: int = 100_000
    """Alerts, starts and ends kept in memory for ``since=``; an older cursor is refused, never skipped."""
    kept_ticks: int = 20_000
    """Tension, emotion and speech events kept for ``since=``."""
    drain_s: float = 5.0
    """Time a shutdown gives readers to take what was raised."""

    def check(self) -> None:
        self.positive(*(name for name in self.__struct_fields__ if name != "tick_s"))
        self.within(0.0, 0.5, "tick_s")


class Settings(_Stage, frozen=True, kw_only=True):
    """All settings; the defaults are the measured ones."""

    profile: ProfileName = "cn"
    """Whose law holds, see ``profiles.py``: China, United States, United Kingdom, European Union."""
    keep_audio: bool = False
    """Whether a server keeps the audio of calls, encrypted with ``audio.key``. Who speaks must know of it."""
    vad: VadSettings = VadSettings()
    windows: WindowSettings = WindowSettings()
    baseline: BaselineSettings = BaselineSettings()
    conversation: ConversationSettings = ConversationSettings()
    quality: QualitySettings = QualitySettings()
    tension: TensionSettings = TensionSettings()
    alerts: AlertSettings = AlertSettings()
    playbook: PlaybookSettings = PlaybookSettings()
    words: WordsSettings = WordsSettings()
    contact: ContactSettings = ContactSettings()
    live: LiveSettings = LiveSettings()
    door: DoorSettings = DoorSettings()
    archive: ArchiveSettings = ArchiveSettings()
    audio: AudioSettings = AudioSettings()
    webhooks: tuple[WebhookSettings, ...] = ()
    evidence: EvidenceSettings = EvidenceSettings()
    reviews: ReviewSettings = ReviewSettings()
    genesys: GenesysSettings = GenesysSettings()
    audiosocket: AudioSocketSettings = AudioSocketSettings()

    def check(self) -> None:
        check_webhooks(self.webhooks)
        check_kept_until_due(self.archive.keep_days, self.reviews)
        check_kept_encrypted(self.keep_audio, self.audio)
        if self.profile == "eu" and self.playbook.jurisdiction not in ("", "EU"):
            raise BadSettings(
                f'playbook.jurisdiction is {self.playbook.jurisdiction!r}, but profile "eu" shows only '
                "phrases allowed in the EU: leave jurisdiction out"
            )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Settings":
        """Settings from plain data, as a TOML file gives it.

        Raises:
            BadSettings: an unknown name, a value of the wrong type, or one out of range.
        """
        try:
            return msgspec.convert(mapping, cls, strict=True)
        except (msgspec.ValidationError, UnicodeError) as reason:
            raise BadSettings(f"settings: {reason}") from reason
