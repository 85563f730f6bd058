"""Settings of what is judged: each party's baseline, the conversation, quality, tension.

Where most numbers of baseline and tension come from, ``scripts/fit_tension.py`` tells, and which were set by
hand; ``benchmarks/alerts.py`` says what they are worth on speakers that nothing was fitted on.
"""

import msgspec

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_base import StageSettings as _Stage


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
