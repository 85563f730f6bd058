"""What a server would refuse, refused where it is said: an error there does not cost the call."""

import math
from collections.abc import Sequence

from sentiment_engine.errors import BadMessage, BadSettings
from sentiment_engine.events import STAGES
from sentiment_engine.monitor import LONGEST_TRANSCRIPT
from sentiment_engine.pcm import HIGHEST_HZ, LOWEST_HZ, SILENCE

LONGEST_PASS_S = 86_400.0
"""The longest gap a caller may ask for, and the most audio that is kept."""
LEAST_KEPT_S = 1.0


def check_format(encoding: str, sample_rate_hz: int, channels: int, keep_s: float) -> None:
    """Raises BadSettings for what no call can have."""
    if encoding not in SILENCE:
        raise BadSettings(f"encoding {encoding!r} is unknown: one of {', '.join(SILENCE)}")
    if not LOWEST_HZ <= sample_rate_hz <= HIGHEST_HZ:
        raise BadSettings(f"sample_rate {sample_rate_hz} Hz: must lie in {LOWEST_HZ}..{HIGHEST_HZ} Hz")
    if channels not in (1, 2):
        raise BadSettings(f"{channels} channels: a call has 1 or 2")
    if not LEAST_KEPT_S <= keep_s <= LONGEST_PASS_S:
        raise BadSettings(f"keep_s {keep_s}: must lie in {LEAST_KEPT_S:g}..{LONGEST_PASS_S:.0f} s")


def check_seconds(name: str, seconds: float) -> None:
    """Raises BadSettings unless ``seconds`` is a finite number above 0."""
    if not (math.isfinite(seconds) and seconds > 0):
        raise BadSettings(f"{name} {seconds}: must be a number of seconds above 0")


def check_gap(seconds: float, reason: str) -> None:
    """Raises BadMessage for a gap that is not above 0 s and at most a day, or for a reason not a caller's."""
    if not 0 < seconds <= LONGEST_PASS_S:  # also NaN
        raise BadMessage(f"gap of {seconds} s: must be above 0 and at most {LONGEST_PASS_S:.0f} s")
    if reason not in ("lost", "paused", "idle"):
        raise BadMessage(f"gap with reason {reason!r}: one of lost, paused, idle")


def check_stage(stage: str) -> None:
    """Raises BadMessage for a stage that is none."""
    if stage not in STAGES:
        raise BadMessage(f"stage {stage!r} is unknown: one of {', '.join(STAGES)}")


def check_transcript(channels: Sequence[str], party: str, text: str, start_s: float, end_s: float) -> None:
    """Raises BadMessage for a party that is not in the call, and a text or times that cannot be."""
    if party not in channels and tuple(channels) != ("mixed",):
        raise BadMessage(f"transcript of {party!r}: parties are {', '.join(channels)}")
    if len(text) > LONGEST_TRANSCRIPT:
        raise BadMessage(
            f"transcript of {len(text)} characters: send it in pieces of at most {LONGEST_TRANSCRIPT}"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadMessage(f"transcript {text[:40]!a} is no Unicode text: a lone surrogate is in it")
    if not (math.isfinite(end_s) and 0 <= start_s <= end_s):
        raise BadMessage(f"transcript from {start_s} to {end_s} s: must be finite, from 0 on, and in order")
