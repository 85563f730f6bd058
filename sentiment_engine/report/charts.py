"""Small pictures for the page about many calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from sentiment_engine.report.markup import Html, el, number
from sentiment_engine.report.story import Story
from sentiment_engine.report.words import Words

SPARK_STEPS = 60
ROW, BAR, LABELS = 28.0, 300.0, 190.0


def curve_of(story: Story) -> tuple[float, ...]:
    """The call's tension in a few figures, for the list."""
    steps = [0.0] * SPARK_STEPS
    for tick in story.ticks:
        at = min(SPARK_STEPS - 1, int(SPARK_STEPS * tick.at_s / story.duration_s)) if story.duration_s else 0
        steps[at] = max(steps[at], round(tick.level, 3))
    return tuple(steps)


def spark(curve: Sequence[float], words: Words) -> Html:
    """A call's tension at a glance, from :func:`curve_of`."""
    points = "L".join(f"{at} {number(29 - 27 * level)}" for at, level in enumerate(curve))
    return el(
        "svg",
        el("title", words("curve_desc", peak=f"{max(curve, default=0.0):.2f}")),
        el("path", d=f"M0 29H{SPARK_STEPS - 1}", class_="floor"),
        el("path", d=f"M0 29L{points}L{SPARK_STEPS - 1} 29Z", class_="shape"),
        class_="spark",
        viewBox=f"0 0 {SPARK_STEPS - 1} 30",
        preserveAspectRatio="none",
        role="img",
    )


def rates(by: Mapping[str, Mapping[str, Any]], words: Words) -> Html:
    """Rates as bars, intervals as whiskers."""
    most = max((one["interval"][1] for one in by.values() if one["interval"]), default=0.0) or 1.0
    drawn = []
    for index, (name, one) in enumerate(by.items()):
        y = ROW * index
        drawn.append(el("text", name, x=LABELS - 10, y=y + 18, text_anchor="end"))
        if one["interval"]:
            low, high = (LABELS + BAR * at / most for at in one["interval"])
            drawn += [
                el("rect", x=LABELS, y=y + 6, width=max(1.0, BAR * one["per_hour"] / most), height=16, rx=3),
                el(
                    "path",
                    d=f"M{number(low)} {y + 14:.0f}H{number(high)}M{number(low)} {y + 10:.0f}v8"
                    f"M{number(high)} {y + 10:.0f}v8",
                    class_="whisker",
                ),
            ]
    return el(
        "svg",
        el("title", words("alerts_per_hour")),
        el("desc", words("bars_desc")),
        drawn,
        class_="chart",
        viewBox=f"0 0 {LABELS + BAR + 10:.0f} {ROW * len(by):.0f}",
        role="img",
    )
