"""Speech of a party of whom no emotion may be inferred: how loud, how high, how long, and no samples.

In place of a window such a party gets an ``Observed``, so that a raised voice is told without a model.
"""

import msgspec

from sentiment_engine.emotion import Window
from sentiment_engine.events import Party, Voice


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of speech, as heard from across the room."""

    party: Party
    start_s: float
    end_s: float
    at_s: float
    """Media time at which it is known."""
    voice: Voice

    @classmethod
    def of(cls, window: Window) -> "Observed":
        """What is left of a window without its samples."""
        return cls(**{name: getattr(window, name) for name in cls.__struct_fields__})
