"""What a scripted call follows from, and what it really is: the records written beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.telephone import Float32

PARTIES = ("agent", "customer")
"""Channel 0 is the agent."""
EARLY_S = 1.0
"""An alert belongs to an escalation from this long before its onset."""
SETTLE_S = 20.0
"""After an escalation a call may still be tense: an alert in this time is late, not false."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a call follows from, beside the recordings."""

    script: str
    corpus: str
    number: int
    seed: int

    @property
    def name(self) -> str:
        """Of the call; unique in a set."""
        return f"{self.corpus}-{self.script}-{self.number}"

    def named(self) -> dict[str, Any]:
        """What the truth of its call repeats of it."""
        return {"name": self.name, **asdict(self)}

    def rng(self) -> np.random.Generator:
        """The recipe's own, so that calls may be made in any order."""
        return np.random.default_rng([self.seed, *self.name.encode()])


@dataclass(frozen=True, slots=True)
class Line:
    """What one party's telephone line does."""

    agc: bool = False
    """Automatic gain, slow enough to be heard."""
    snr_db: float | None = None
    """Speech over noise; None for a clean line."""
    noise: str | None = None
    """`hiss`, `babble` (other speakers) or `room` (a recorded place)."""
    steps: bool = False
    """Whether the noise jumps up and down, `snr_db` being the worst of it."""
    loss: float = 0.0
    """Share of packets lost."""
    echo_db: float | None = None
    """How far below its own level the other party can be heard; None for not at all."""
    codec: str | None = None
    """A lossy codec before G.711."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """One span that alerts may tell of. Seconds on the media clock."""

    onset_s: float
    """Start of its first utterance."""
    until_s: float
    """End of its last."""
    parties: tuple[str, ...]
    """Whose it is, in the order in which they joined."""
    main: tuple[str, ...]
    """The causes that the script is about."""
    causes: tuple[str, ...]
    """All that may rightly be named: `main`, and what else is true of this very span."""
    demanded: bool = True
    """False for distress and talking over: one that says so is right, none is no miss, anger is false."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One call, without its audio."""

    name: str
    script: str
    corpus: str
    seed: int
    number: int
    duration_s: float
    speakers: tuple[str, ...]
    """By channel; where one channel is silent, the other's only."""
    lines: tuple[Line, ...]
    escalations: tuple[Escalation, ...] = ()
    interruptions: int = 0
    """Turns that break in on the other's, of the whole call."""
    overlap_ratio: float = 0.0
    """Time with both speaking over time with anyone speaking, by the utterances' own ends."""
    levelled: bool = False
    """Whether the corpus levels every clip, so that no voice in it is ever raised."""

    @property
    def calm(self) -> tuple[tuple[float, float], ...]:
        """Spans (start_s, end_s) in which every alert is false."""
        spans, start_s = [], 0.0
        for one in self.escalations:
            spans.append((start_s, one.onset_s - EARLY_S))
            start_s = one.until_s + SETTLE_S
        spans.append((start_s, self.duration_s))
        return tuple((start, end) for start, end in spans if start < end)

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {**asdict(self), "calm": [list(span) for span in self.calm]}


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call and the truth about it."""

    truth: Truth
    samples: Float32
    """(n, 2) at 8 kHz in [-1, 1]; channel 0 is the agent."""


def rms(samples: Float32) -> float:
    """Root mean square; 0 for nothing."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
