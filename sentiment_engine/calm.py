"""What a window sounds like beside its party's own calm voice, for all moods.

In a voice or language that the model was not trained on it leans: one party's calm is heard as sad, another's
as angry, whatever is said. That lean is an offset of the log odds, so it can be heard in the calm voice and
taken off (the offsets of vector scaling, Guo et al. 2017, learnt of one speaker during the call and without a
label). The scores of the model stay what they are; these stand beside them. What that is worth,
``benchmarks/emotion.py`` tells.
"""

import math
from collections.abc import Mapping

from sentiment_engine.emotion import log_odds
from sentiment_engine.settings_tension import BaselineSettings

CALM = "neutral"


class CalmVoice:
    """How one party's calm voice is scored in one call, and scores relative to that.

    Nobody says which windows are calm: each counts as one with the probability that it sounds so, after what
    is known has been taken off (a mean over soft assignments, as in expectation maximisation: Dempster, Laird
    and Rubin 1977). So a party that is angry from the first word teaches little, and is not taken for calm.
    """

    def __init__(self, settings: BaselineSettings) -> None:
        self._settings = settings
        self._mean = dict(settings.calm_odds)
        self._known_s = 0.0

    def relative(self, scores: Mapping[str, float], new_speech_s: float) -> dict[str, float]:
        """Scores of a window against the calm voice of its party before it; the voice is then learnt from it.

        Args:
            scores: Probability by label, as published. Labels that ``calm_odds`` does not name are not
                corrected, and without ``neutral`` none is.
            new_speech_s: Seconds of the window that no earlier one held.

        Returns:
            Probability by label, rounded to four digits; their sum is 1 but for rounding.
        """
        if CALM not in scores:
            return dict(scores)
        odds = {label: log_odds(p, scores[CALM]) for label, p in scores.items()}
        powers = {label: math.exp(value - self._lean(label)) for label, value in odds.items()}
        total = sum(powers.values())
        self._learn(odds, new_speech_s * powers[CALM] / total)
        return {label: round(power / total, 4) for label, power in powers.items()}

    def _lean(self, label: str) -> float:
        """Log odds over calm that the party's calm voice has beyond the usual, as far as it is known."""
        if label not in self._mean:
            return 0.0
        s = self._settings
        off = self._mean[label] - s.calm_odds[label]
        return self._known_s / (self._known_s + s.lean_prior_s) * max(-s.lean_most, min(s.lean_most, off))

    def _learn(self, odds: Mapping[str, float], weight: float) -> None:
        """Lets a window in with its share of all evidence (West 1979, weighted update)."""
        self._known_s = min(self._known_s + weight, self._settings.memory_s)
        share = min(1.0, weight / self._known_s) if weight else 0.0  # a window may outlast memory_s
        for label in self._mean.keys() & odds.keys():
            self._mean[label] += share * (odds[label] - self._mean[label])
