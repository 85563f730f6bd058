"""A voice of whom no emotion may be inferred: what anyone present would notice, and nothing else.

In place of a window such a party gets a ``Voice``: how loud, how high, how long, and no samples. It is
compared with the party's own earlier voice, so that a *raised* voice is told without a model.
"""

import msgspec

from sentiment_engine.emotion import Window, sigmoid
from sentiment_engine.events import Party
from sentiment_engine.settings import BaselineSettings

USUAL_BELOW_DB, USUAL_WIDTH_DB = 4.0, 1.0
"""A voice so much above the usual half counts as usual. Set by hand: above the ``louder_over_db`` of tension,
below what a raised voice adds to a normal one."""


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of speech, as heard from across the room."""

    party: Party
    start_s: float
    end_s: float
    at_s: float
    """Media time at which it is known."""
    new_speech_s: float
    """Speech that no earlier one of this party covered."""
    speech_s: float
    level_db: float
    """Level of its voiced frames, dBFS."""
    pitch_st: float | None
    """Low pitch, semitones above 100 Hz; None where it cannot be told."""

    @classmethod
    def of(cls, window: Window) -> "Voice":
        """What is left of a window without its samples."""
        return cls(**{name: getattr(window, name) for name in cls.__struct_fields__})


class Usual:
    """Running level and pitch of one party in one call, without any emotion.

    Everything said counts, a raised voice little: or who shouts for a minute would have a loud voice.
    """

    def __init__(self, settings: BaselineSettings) -> None:
        self._settings = settings
        self._level_db = self._pitch_st = self._known_s = self._pitch_s = 0.0

    def compare(self, voice: Voice) -> tuple[float, float]:
        """Level (dB) and pitch (semitones) above the usual, 0 until that is known; then lets the voice in."""
        s = self._settings
        over_db = voice.level_db - self._level_db if self._known_s else 0.0
        louder_db = over_db if self._known_s >= s.level_after_s else 0.0
        weight = voice.new_speech_s * sigmoid((USUAL_BELOW_DB - over_db) / USUAL_WIDTH_DB)
        self._known_s = min(self._known_s + weight, s.memory_s)
        self._level_db += min(1.0, weight / self._known_s) * (voice.level_db - self._level_db)
        if voice.pitch_st is None:
            return louder_db, 0.0
        higher_st = voice.pitch_st - self._pitch_st if self._pitch_s >= s.level_after_s else 0.0
        self._pitch_s = min(self._pitch_s + weight, s.memory_s)
        self._pitch_st += min(1.0, weight / self._pitch_s) * (voice.pitch_st - self._pitch_st)
        return louder_db, higher_st
