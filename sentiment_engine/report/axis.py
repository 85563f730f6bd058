"""Media time across a picture, and how much of it one column can show."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sentiment_engine.report.markup import Attribute, Html, el, joined, number
from sentiment_engine.report.story import Tick
from sentiment_engine.report.words import clock

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)
MOST_MARKS = 12


@dataclass(frozen=True, slots=True)
class Axis:
    """Seconds to the right; ``width`` units are ``duration_s``."""

    left: float
    width: float
    duration_s: float

    def x(self, at_s: float) -> float:
        """Where a time lies; times outside the call lie at its ends."""
        return self.left + self.width * min(1.0, max(0.0, at_s / self.duration_s if self.duration_s else 0.0))

    def marks(self) -> list[int]:
        """Round times, a dozen at most."""
        fitting = (step for step in STEPS_S if self.duration_s / step <= MOST_MARKS)
        step = next(fitting, max(STEPS_S[-1], 3600 * -(-int(self.duration_s) // (3600 * MOST_MARKS))))
        return list(range(0, int(self.duration_s) + 1, step))

    def drawn(self, top: float, bottom: float) -> Html:
        """Lines through all lanes, and the times below them."""
        lines = "".join(f"M{number(self.x(at))} {number(top)}V{number(bottom)}" for at in self.marks())
        return joined(
            el("path", d=lines, class_="grid"),
            [
                el("text", clock(at), x=self.x(at), y=bottom + 16, class_="mark", text_anchor="middle")
                for at in self.marks()
            ],
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """One strip of the picture."""

    axis: Axis
    top: float
    height: float

    def y(self, level: float) -> float:
        """Where a level of 0..1 lies: 1 is at the top."""
        return self.top + self.height * (1 - level)

    def at(self, below: float, height: float) -> "Lane":
        """Another strip that begins so far below the top of this one."""
        return Lane(self.axis, self.top + below, height)

    def rect(self, low: float, high: float, *inside: Html, **attributes: Attribute) -> Html:
        """A box from one abscissa to another, as high as the strip."""
        return el("rect", *inside, x=low, y=self.top, width=high - low, height=self.height, **attributes)


def thinned(ticks: Sequence[Tick], most: int) -> list[Tick]:
    """At most ``most`` of them: of each stretch the one with the highest level, so that no peak is lost."""
    if len(ticks) <= most:
        return list(ticks)
    edges = [round(index * len(ticks) / most) for index in range(most + 1)]
    return [max(ticks[low:high], key=lambda tick: tick.level) for low, high in pairwise(edges)]


def runs(spans: Sequence[tuple[float, float]], axis: Axis, least: float = 1.0) -> list[tuple[float, float]]:
    """Spans of time as stretches of the picture, none narrower or closer together than ``least`` units.

    There are never more of them than the picture has units.
    """
    out: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans):
        low = axis.x(start_s)
        high = max(axis.x(end_s), low + least)
        if out and low - out[-1][1] < least:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return out
