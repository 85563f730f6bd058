"""The lanes of a call's picture: alerts, tension, heat, and what each party sounded like."""

import math
from collections.abc import Sequence
from itertools import pairwise

from sentiment_engine.alerts import SEVERITIES
from sentiment_engine.emotion import sigmoid
from sentiment_engine.events import Party, Severity
from sentiment_engine.report.axis import Lane, runs, thinned
from sentiment_engine.report.markup import Html, el, joined, number
from sentiment_engine.report.story import AlertStory, Gap, Heard, Quality, Tick
from sentiment_engine.report.words import Words, clock

Outline = Sequence[tuple[float, float, float]]
"""Seconds, lowest and highest sample of each stretch, see ``envelope.py``."""
STACK = (
    "customer_anger",
    "agent_anger",
    "anger",
    "mutual_escalation",
    "customer_distress",
    "raised_voice",
    "overlap",
    "interruptions",
    "silence",
    "words",
)
"""Causes from the bottom up."""
EMOTIONS = ("neutral", "happy", "sad", "angry", "fearful")
MOST_TICKS = 600
MOST_WINDOWS = 300
ROWS = 3
"""Of bars, for alerts at the same time."""
MOST_TAGS = 60
"""Alerts that are numbered in the picture."""


def bars(lane: Lane, stories: Sequence[AlertStory], words: Words) -> tuple[Html, int]:
    """Alerts as bars from raised to cleared, and how many rows they take; ``lane`` is the first."""
    drawn, free = [], [-math.inf] * ROWS
    for index, alert in enumerate(stories[:MOST_TAGS], start=1):
        raised, last = alert.steps[0], alert.steps[-1]
        low = lane.axis.x(raised.at_s)
        high = max(lane.axis.x(last.at_s if alert.cleared else lane.axis.duration_s), low + 22)
        row = next((row for row in range(ROWS) if free[row] <= low), ROWS - 1)
        free[row] = high + 2
        said = f"{index}. {clock(raised.at_s)} {words.name('severity', worst_of(alert))}: {raised.summary}"
        own = lane.at(row * (lane.height + 3), lane.height)
        tag = el("text", str(index), x=low + 7, y=own.y(0) - 5.5, class_="tag")
        drawn.append(el("g", el("title", said), _severities(own, alert, high), tag))
    return joined(drawn), max(1, sum(end > -math.inf for end in free))


def _severities(lane: Lane, alert: AlertStory, high: float) -> Html:
    """An alert's bar up to ``high``, in the colour of the severity that it had when."""
    steps = alert.steps[:-1] if alert.cleared else alert.steps
    edges = [*(lane.axis.x(step.at_s) for step in steps), high]
    return joined(
        [
            lane.rect(low, max(low, until), class_=f"severity {step.severity}")
            for step, (low, until) in zip(steps, pairwise(edges), strict=True)
        ]
    )


def worst_of(alert: AlertStory) -> Severity:
    """The worst severity that an alert reached."""
    return SEVERITIES[max(SEVERITIES.index(step.severity) for step in alert.steps)]


def tension(lane: Lane, ticks: Sequence[Tick]) -> Html:
    """The level as a line; under it the causes, each with its share of the log odds above rest."""
    if not ticks:
        return joined()
    drawn = thinned(ticks, MOST_TICKS)
    xs = [lane.axis.x(tick.at_s) for tick in drawn]
    resting = [min(sigmoid(tick.resting), tick.level) for tick in drawn]
    above = [tick.level - rest for tick, rest in zip(drawn, resting, strict=True)]
    areas, lower = [_area(lane, xs, [0.0] * len(xs), resting, "resting")], resting
    for cause in STACK:
        shares = [_share(tick, cause) for tick in drawn]
        if any(shares):
            upper = [low + share * high for low, share, high in zip(lower, shares, above, strict=True)]
            areas.append(_area(lane, xs, lower, upper, f"cause {cause}"))
            lower = upper
    return joined(areas, _line(lane, xs, [tick.level for tick in drawn], "level"))


def _share(tick: Tick, cause: str) -> float:
    causes = {name: max(0.0, value) for name, value in tick.causes.items()}
    total = math.fsum(causes.values())
    return next((value / total for name, value in causes.items() if name == cause), 0.0) if total else 0.0


def heat(lane: Lane, ticks: Sequence[Tick], parties: Sequence[Party]) -> Html:
    """Each party's own heat as a line; told apart by dashes as well as by colour."""
    lines = []
    for party in parties:
        known = thinned([tick for tick in ticks if party in tick.heat], MOST_TICKS)
        if known:
            xs = [lane.axis.x(tick.at_s) for tick in known]
            lines.append(_line(lane, xs, [tick.heat[party] for tick in known], f"heat {party}"))
    return joined(lines)


def sound(lane: Lane, outline: Outline, party: Party) -> Html:
    """A channel's outline as a shape around its middle; the loudest moment fills the lane."""
    if not outline:
        return joined()
    middle = lane.y(0.5)
    loudest = max(max(high, -low) for _, low, high in outline)
    scale = lane.height / 2 / max(loudest, 0.02)  # what is all but silent stays small
    upper = [f"{number(lane.axis.x(at))} {number(middle - high * scale)}" for at, _, high in outline]
    lower = [f"{number(lane.axis.x(at))} {number(middle - low * scale)}" for at, low, _ in reversed(outline)]
    return el("path", d="M" + "L".join(upper + lower) + "Z", class_=f"sound {party}")


def speech(lane: Lane, spans: Sequence[tuple[float, float]], party: Party) -> Html:
    """Where a party spoke."""
    return joined(
        [lane.rect(low, high, rx=2, class_=f"speech {party}") for low, high in runs(spans, lane.axis)]
    )


def emotion(lane: Lane, heard: Sequence[Heard], words: Words) -> Html:
    """The leading emotion of each window; the fainter, the less it leads."""
    step = max(1, -(-len(heard) // MOST_WINDOWS))
    drawn, free_s = [], 0.0
    for window in sorted(heard, key=lambda one: one.end_s)[::step]:
        low, high = lane.axis.x(max(free_s, window.start_s)), lane.axis.x(window.end_s)
        free_s = max(free_s, window.end_s)
        if high <= low or not window.scores:
            continue
        label = max(window.scores, key=lambda name: window.scores[name])
        p = window.scores[label]
        shade = "strong" if p >= 0.6 else "fair" if p >= 0.4 else "faint"
        said = f"{clock(window.start_s)}-{clock(window.end_s)}: {words.name('emotion', label)} {p:.2f}"
        known = label if label in EMOTIONS else "other"
        drawn.append(lane.rect(low, high, el("title", said), class_=f"emotion {known} {shade}"))
    return joined(drawn)


def unheard(lane: Lane, gaps: Sequence[Gap], words: Words) -> Html:
    """Gaps of a party's channel, hatched."""
    spans = [(gap.start_s, gap.end_s) for gap in gaps]
    return joined(
        [
            lane.rect(low, high, el("title", words("gap")), fill="url(#hatch)")
            for low, high in runs(spans, lane.axis)
        ]
    )


def poor(lane: Lane, changes: Sequence[Quality], words: Words) -> Html:
    """Where a party was hard to judge."""
    edges = [*(change.at_s for change in changes), lane.axis.duration_s]
    spans = [span for now, span in zip(changes, pairwise(edges), strict=True) if now.reasons]
    return joined(
        [
            lane.rect(low, high, el("title", words("poor")), class_="poor")
            for low, high in runs(spans, lane.axis)
        ]
    )


def _line(lane: Lane, xs: Sequence[float], levels: Sequence[float], name: str) -> Html:
    return el("path", d="M" + "L".join(_points(lane, xs, levels)), class_=name)


def _area(lane: Lane, xs: Sequence[float], low: Sequence[float], high: Sequence[float], name: str) -> Html:
    points = _points(lane, xs, high) + _points(lane, xs, low)[::-1]
    return el("path", d="M" + "L".join(points) + "Z", class_=name)


def _points(lane: Lane, xs: Sequence[float], levels: Sequence[float]) -> list[str]:
    return [f"{number(x)} {number(lane.y(level))}" for x, level in zip(xs, levels, strict=True)]
