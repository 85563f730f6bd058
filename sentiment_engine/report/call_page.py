"""The page of one call."""

from collections.abc import Mapping, Sequence

from sentiment_engine.events import Party
from sentiment_engine.report.alert_cards import cards
from sentiment_engine.report.lanes import Outline
from sentiment_engine.report.markup import Child, Html, el
from sentiment_engine.report.parts import figures, framed, section, sentences, table
from sentiment_engine.report.story import Story, Tick
from sentiment_engine.report.timeline import legend, timeline
from sentiment_engine.report.words import Words, clock, words_of

STRETCHES_S = (10, 30, 60, 300, 600, 1800, 3600)
MOST_STRETCHES = 60


def call_page(story: Story, outlines: Mapping[Party, Outline], raise_at: float | None = None) -> str:
    """One self-contained HTML document about one call, in the call's language.

    Args:
        story: The call.
        outlines: Of the channels, for the waveforms; a party that is missing has none.
        raise_at: The alert threshold in force, 0..1; None draws none.
    """
    words = words_of(story.started.language)
    broken = story.ended is None or story.ended.reason == "error"
    body = [
        el("p", words("cut_short"), class_="note") if broken else None,
        _figures(story, words),
        section(
            words("timeline"),
            el("div", timeline(story, outlines, words, raise_at), class_="wide", tabindex="0"),
            legend(story, words),
        ),
        cards(story, words),
        section(words("quality"), _quality(story, words)),
        el(
            "details",
            el("summary", words("minutes_table")),
            _minutes(story.ticks, story.duration_s, words),
            class_="card",
        ),
        section(words("is_not"), sentences(words.each("is_not")), name="caveat"),
    ]
    return framed(story.started.call_id, words("report"), _facts(story, words), body, words)


def _facts(story: Story, words: Words) -> list[tuple[str, Child]]:
    started, facts = story.started, []
    facts.append((words("length"), clock(story.duration_s)))
    if started.started_at:
        facts.append((words("started"), started.started_at))
    facts += [(words("language"), started.language), (words("stage"), words.name("stage", started.stage))]
    if started.profile:
        facts.append((words("profile"), started.profile))
    if story.ended:
        facts.append((words("ended"), words.name("end", story.ended.reason)))
    return [(name, value) for name, value in facts]


def _figures(story: Story, words: Words) -> Html | None:
    if story.ended is None:
        return None
    told = story.ended.summary
    at = max(story.ticks, key=lambda tick: tick.level, default=None)
    shares = [
        el(
            "span",
            f"{words.name('party', party)} {share:.0%}",
            class_="soft",
        )
        for party, share in told.talk_share.items()
        if party != "mixed"
    ]
    return figures(
        [
            (
                words("peak"),
                f"{told.peak:.2f}",
                words("at", time=clock(at.at_s)) if at and at.level else None,
            ),
            (words("mean"), f"{told.mean:.2f}", None),
            (words("alerts"), str(told.alerts), None),
            (words("above"), clock(told.seconds_above), None),
            *([(words("talk"), el("span", shares, class_="shares"), None)] if shares else []),
            (words("interruptions"), str(told.interruptions), f"{words('overlap')} {told.overlap_ratio:.0%}"),
            (words("silence"), f"{told.longest_silence_s:.0f} s", None),
        ]
    )


def _quality(story: Story, words: Words) -> Html:
    rows = [
        (
            words.name("party", party),
            clock(now.at_s),
            f"{now.quality:.2f}",
            ", ".join(words.name("quality", reason) for reason in now.reasons or ("",)),
        )
        for party, changes in story.quality.items()
        for now in changes[:100]
    ]
    gaps = [
        (
            words.name("party", party),
            clock(gap.start_s),
            "",
            f"{words('gap')}: {words.name('gap', gap.reason)}",
        )
        for party, many in story.gaps.items()
        for gap in many[:100]
    ]
    if not rows + gaps:
        return el("p", words("quality_fine"), class_="calm")
    heads = [words(key) for key in ("party", "from", "quality", "reason")]
    return table(words("quality"), heads, rows + gaps, numbers=(1, 2))


def _minutes(ticks: Sequence[Tick], duration_s: float, words: Words) -> Html:
    """Tension in words: for each stretch the highest level and what led then."""
    stretch = next((s for s in STRETCHES_S if duration_s / s <= MOST_STRETCHES), 24 * 3600)
    by_stretch: dict[int, list[Tick]] = {}
    for tick in ticks:
        by_stretch.setdefault(int(max(0.0, tick.at_s - 0.001) // stretch), []).append(tick)
    rows = []
    for index, some in sorted(by_stretch.items()):
        top = max(some, key=lambda tick: tick.level)
        cause = max(top.causes, key=lambda name: top.causes[name], default="")
        rows.append(
            (
                f"{clock(index * stretch)} - {clock(min((index + 1) * stretch, duration_s))}",
                f"{sum(tick.level for tick in some) / len(some):.2f}",
                f"{top.level:.2f}",
                words.name("cause", cause),
            )
        )
    heads = [words(key) for key in ("from_to", "mean", "highest", "leading")]
    return table(words("minutes_table"), heads, rows, numbers=(0, 1, 2))
