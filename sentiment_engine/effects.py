"""What happened after a phrase was shown: the level then, and half a minute later.

So that phrases can be compared over many calls. One call proves nothing: whoever is at the top comes down by
himself (regression to the mean), so compare phrases with each other, and with alerts that showed none.
"""

from collections.abc import Sequence

import msgspec

from sentiment_engine.events import Effect

AFTER_S = 30.0
"""Long enough to say the phrase and to be answered."""


class Effects:
    """The phrases shown in one call."""

    def __init__(self) -> None:
        self._shown: list[tuple[str, Effect]] = []
        self._done = 0
        """How many of them, in order, have been followed for long enough."""

    def shown(self, alert_id: str, ids: Sequence[str], at_s: float, level: float) -> None:
        """Phrases were shown by an alert at a level; none at all counts as well."""
        for phrase in ids or ("",):
            effect = Effect(id=phrase, shown_at_s=at_s, level=level, after_s=0.0, level_after=level)
            self._shown.append((alert_id, effect))

    def tick(self, at_s: float, level: float) -> None:
        """The level of this second; what was shown up to ``AFTER_S`` ago has led to it."""
        # they are shown in order of time, so they are done in that order, too
        while self._done < len(self._shown) and self._shown[self._done][1].after_s >= AFTER_S:
            self._done += 1
        for index in range(self._done, len(self._shown)):
            alert_id, effect = self._shown[index]
            passed_s = round(min(at_s - effect.shown_at_s, AFTER_S), 3)
            later = msgspec.structs.replace(effect, after_s=passed_s, level_after=level)
            self._shown[index] = (alert_id, later)

    def of(self, alert_id: str) -> tuple[Effect, ...]:
        """What one alert's phrases have led to so far."""
        return tuple(effect for other, effect in self._shown if other == alert_id)

    def all(self) -> tuple[Effect, ...]:
        """What every phrase of the call has led to."""
        return tuple(effect for _, effect in self._shown)
