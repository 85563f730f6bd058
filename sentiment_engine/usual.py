"""A party's usual level, pitch and rate of speech, against which a raised voice is told.

What anyone present would notice: nothing here infers an emotion.
"""

import math

import msgspec

from sentiment_engine.events import Voice
from sentiment_engine.settings_tension import BaselineSettings

SLOWEST_SPS = 0.5
"""Added to a rate of speech, so that a window without a syllable is slow, and not infinitely so."""
USUAL_BELOW, USUAL_WIDTH = 2.0, 0.5
"""A voice raised by so many standard deviations half counts as usual, where no emotion tells. Set by hand."""


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of speech against its party's calm voice; all 0 until that is known."""

    louder_db: float = 0.0
    higher_st: float = 0.0
    """Semitones."""
    faster: float = 0.0
    """Octaves of the rate of speech: 1 is twice as fast."""
    loud: float = 0.0
    high: float = 0.0
    fast: float = 0.0
    """The three in standard deviations of the party's calm voice."""


class Usual:
    """Fading mean and spread of a measure of voice, which not every window has.

    The spread begins at a prior one, which weighs ``prior_s`` seconds, and is never less than half of it. On
    a line with automatic gain the level of a calm voice varies twice as much as elsewhere, in a lively voice
    its pitch: what is far for one party is near for another.
    """

    def __init__(self, spread: float) -> None:
        self._prior = spread**2
        self._mean = self._known_s = 0.0
        self._variance = self._prior

    def above(self, value: float | None, after_s: float) -> float:
        """How far ``value`` lies above; 0 where it is not known, or the mean not for ``after_s``."""
        return value - self._mean if value is not None and self._known_s >= after_s else 0.0

    def deviation(self, value: float | None, settings: BaselineSettings) -> float:
        """The same in standard deviations."""
        own = self._known_s / (self._known_s + settings.prior_s)
        variance = own * self._variance + (1.0 - own) * self._prior
        return self.above(value, settings.level_after_s) / math.sqrt(max(variance, self._prior / 4))

    def learn(self, value: float | None, weight: float, memory_s: float) -> None:
        """Lets a value in that weighs ``weight`` seconds."""
        if value is not None and weight:
            first = not self._known_s
            self._known_s = min(self._known_s + weight, memory_s)
            share = min(1.0, weight / self._known_s)
            difference = value - self._mean
            self._mean += share * difference
            if not first:
                self._variance = (1 - share) * (self._variance + share * difference**2)


class Manner:
    """Running level, pitch and rate of speech of one party in one call."""

    def __init__(self, settings: BaselineSettings) -> None:
        self._settings = settings
        self._level_db = Usual(settings.level_spread_db)
        self._pitch_st = Usual(settings.pitch_spread_st)
        self._rate = Usual(settings.rate_spread)

    def compare(self, voice: Voice) -> Effort:
        """How raised a voice is."""
        s = self._settings
        return Effort(
            louder_db=self._level_db.above(voice.level_db, s.level_after_s),
            higher_st=self._pitch_st.above(voice.pitch_st, s.level_after_s),
            faster=self._rate.above(_octaves(voice), s.level_after_s),
            loud=self._level_db.deviation(voice.level_db, s),
            high=self._pitch_st.deviation(voice.pitch_st, s),
            fast=self._rate.deviation(_octaves(voice), s),
        )

    def learn(self, voice: Voice, weight: float) -> None:
        """Lets a voice in that counts as ``weight`` seconds of the usual one."""
        memory_s = self._settings.memory_s
        self._level_db.learn(voice.level_db, weight, memory_s)
        self._pitch_st.learn(voice.pitch_st, weight, memory_s)
        self._rate.learn(_octaves(voice), weight, memory_s)

    def observe(self, voice: Voice) -> Effort:
        """Both at once, of a party whose emotion is not judged.

        Everything said counts as usual, a raised voice little: or who shouts for a minute would have a loud
        voice.
        """
        effort = self.compare(voice)
        raised = max(effort.loud, effort.high)
        usual = 1.0 / (1.0 + math.exp(min(50.0, (raised - USUAL_BELOW) / USUAL_WIDTH)))
        self.learn(voice, voice.new_speech_s * usual)
        return effort


def _octaves(voice: Voice) -> float | None:
    return None if voice.rate_sps is None else math.log2(voice.rate_sps + SLOWEST_SPS)
