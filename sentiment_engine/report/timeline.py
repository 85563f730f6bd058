"""The picture of one call: its lanes under each other, over one axis of time, and the legend."""

from collections.abc import Mapping, Sequence

from sentiment_engine.alerts import SEVERITIES
from sentiment_engine.events import Party
from sentiment_engine.report import lanes
from sentiment_engine.report.axis import Axis, Lane
from sentiment_engine.report.lanes import Outline
from sentiment_engine.report.markup import Child, Html, el, joined
from sentiment_engine.report.story import Story
from sentiment_engine.report.words import Words, clock

WIDTH, LEFT, RIGHT = 1160.0, 84.0, 16.0
BAR, TENSION, HEAT, SOUND, STRIP = 20.0, 170.0, 64.0, 66.0, 12.0
TOP, SPACE = 10.0, 18.0


def timeline(
    story: Story, outlines: Mapping[Party, Outline], words: Words, raise_at: float | None = None
) -> Html:
    """The call as a picture with a title and a description.

    Args:
        story: The call.
        outlines: Of the channels that were kept for drawing; none is needed.
        words: Of the call's language.
        raise_at: The alert threshold in force, 0..1; None draws none.
    """
    axis = Axis(LEFT, WIDTH - LEFT - RIGHT, story.duration_s)
    alerts, drawn, y = list(story.alerts.values()), list[Html](), TOP
    bars, rows = lanes.bars(Lane(axis, y, BAR), alerts, words)
    drawn += [_label(words("alerts"), y + 14), bars]
    y += rows * (BAR + 3) + SPACE / 2
    lane = Lane(axis, y, TENSION)
    drawn += [_label(words("tension"), y + 10), _scale(lane), lanes.tension(lane, story.ticks)]
    if raise_at is not None:
        drawn.append(_threshold(lane.y(raise_at), words))
    y += TENSION + SPACE
    lane = Lane(axis, y, HEAT)
    drawn += [_label(words("heat"), y + 10), _scale(lane)]
    drawn.append(lanes.heat(lane, story.ticks, story.started.channels))
    y += HEAT + SPACE
    for party in story.started.channels:
        drawn.append(_label(words.name("party", party), y + 14, party))
        drawn.append(_party(Lane(axis, y, SOUND), story, party, outlines.get(party, ()), words))
        y += SOUND + 10 + STRIP + 4 + SPACE
    bottom = y - SPACE / 2
    return el(
        "svg",
        el("title", words("timeline"), id="timeline-title"),
        el(
            "desc",
            words(
                "timeline_desc",
                length=clock(story.duration_s),
                alerts=len(alerts),
                peak=f"{max((tick.level for tick in story.ticks), default=0.0):.2f}",
            ),
            id="timeline-desc",
        ),
        _hatch(),
        axis.drawn(TOP, bottom),
        drawn,
        class_="timeline",
        viewBox=f"0 0 {WIDTH:.0f} {bottom + 24:.0f}",
        role="img",
        aria_labelledby="timeline-title timeline-desc",
    )


def legend(story: Story, words: Words) -> Html:
    """What the colours of the picture mean: only what occurs in it."""
    named = {name for tick in story.ticks for name, value in tick.causes.items() if value > 0}
    labels = {label for heard in story.emotion.values() for one in heard for label in one.scores}
    worst = {step.severity for alert in story.alerts.values() for step in alert.steps}
    emotions: list[Child] = [
        _key(f"emotion {e} strong", words.name("emotion", e)) for e in lanes.EMOTIONS if e in labels
    ]
    groups: Sequence[tuple[str, list[Child]]] = (
        (
            words("alerts"),
            [_key(f"severity {s}", words.name("severity", s)) for s in SEVERITIES if s in worst],
        ),
        (
            words("tension"),
            [
                *(_key(f"cause {c}", words.name("cause", c)) for c in lanes.STACK if c in named),
                _key("resting", words("resting")),
            ],
        ),
        (
            words("heat"),
            [
                _key(f"heat {party}", words.name("party", party))
                for party in story.started.channels
                if any(party in tick.heat for tick in story.ticks)
            ],
        ),
        (
            words("emotion"),
            [*emotions, el("span", words("faint"), class_="soft")] if emotions else [],
        ),
    )
    return el(
        "div",
        [
            el("div", el("h3", name), el("ul", [el("li", key) for key in keys]), class_="legend")
            for name, keys in groups
            if keys
        ],
        class_="legends",
    )


def _key(name: str, said: str) -> Html:
    shape = (
        el("path", d="M0 6H22", class_=name)
        if name.startswith("heat")
        else el("rect", width=22, height=12, rx=3, class_=name)
    )
    return joined(el("svg", shape, width=22, height=12, aria_hidden="true"), said)


def _label(said: str, y: float, party: str = "") -> Html:
    return el("text", said, x=0, y=y, class_=f"label {party}".strip())


def _scale(lane: Lane) -> Html:
    """Lines at 0, a half and 1."""
    return joined(
        [
            joined(
                el("path", d=f"M{LEFT} {lane.y(at):.1f}H{WIDTH - RIGHT}", class_="grid"),
                el("text", f"{at:g}", x=LEFT - 8, y=lane.y(at) + 4, class_="mark", text_anchor="end"),
            )
            for at in (0.0, 0.5, 1.0)
        ]
    )


def _threshold(y: float, words: Words) -> Html:
    return joined(
        el("path", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}", class_="threshold"),
        el("text", words("threshold"), x=LEFT + 6, y=y - 5, class_="mark halo"),
    )


def _party(lane: Lane, story: Story, party: Party, outline: Outline, words: Words) -> Html:
    refused = "acoustic_emotion" in story.started.refused.get(party, ())
    heard = story.emotion.get(party, [])
    strip = lane.at(SOUND + 10, STRIP)
    why = words("not_judged", profile=story.started.profile) if refused else words("no_speech")
    right = LEFT + lane.axis.width
    return joined(
        lane.rect(LEFT, right, rx=4, class_="lane"),
        lanes.sound(lane.at(3, SOUND - 6), outline, party),
        lanes.unheard(lane, story.gaps.get(party, ()), words),
        lanes.poor(lane.at(SOUND - 3, 3), story.quality.get(party, ()), words),
        lanes.speech(lane.at(SOUND + 3, 4), story.speech.get(party, ()), party),
        strip.rect(LEFT, right, rx=3, class_="lane"),
        lanes.emotion(strip, heard, words)
        if heard
        else el("text", why, x=LEFT + 6, y=strip.y(0) - 2, class_="mark"),
    )


def _hatch() -> Html:
    lines = el("path", d="M0 8L8 0", class_="hatched")
    pattern = el("pattern", lines, id="hatch", width=8, height=8, patternUnits="userSpaceOnUse")
    return el("defs", pattern)
