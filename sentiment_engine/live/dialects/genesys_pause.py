"""A Genesys pause, told to the call while it lasts.

A client that has paused goes on counting its position, and says how much it left out only when it resumes.
Hours that pass at once would hold up a pong for longer than that client waits, which is five seconds.
"""

from sentiment_engine.live.dialects.genesys_open import LONGEST_S

STEP_S = 60.0
MOST_AT_ONCE_S = 600.0
"""A minute without audio takes a call some 70 ms."""


class Pause:
    """Whether a session is paused, and how much of the pause has been told."""

    def __init__(self) -> None:
        self._began_s: float | None = None
        self._told_s = 0.0

    def __bool__(self) -> bool:
        return self._began_s is not None

    def begin(self, position_s: float) -> None:
        """Paused from this position on; the vendor's client says so twice."""
        if self._began_s is None:
            self._began_s, self._told_s = position_s, 0.0

    def so_far(self, position_s: float, at_least_s: float = STEP_S) -> float:
        """Seconds that have passed and were not told yet; 0 when that is less than ``at_least_s``."""
        if self._began_s is None:
            return 0.0
        untold_s = min(position_s - self._began_s, LONGEST_S) - self._told_s
        if untold_s < at_least_s:
            return 0.0
        untold_s = max(0.0, min(untold_s, MOST_AT_ONCE_S))
        self._told_s += untold_s
        return untold_s

    def end(self, lasted_s: float) -> float:
        """What is left to be told of a pause that is said to have lasted so long."""
        untold_s = max(0.0, lasted_s - self._told_s)
        self._began_s, self._told_s = None, 0.0
        return untold_s
