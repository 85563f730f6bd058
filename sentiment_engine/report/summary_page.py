"""The page about many calls, with or without a list of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sentiment_engine.report.charts import rates, spark
from sentiment_engine.report.figures import report_of
from sentiment_engine.report.markup import Child, Html, el, joined
from sentiment_engine.report.parts import address, badge, figures, framed, section, sentences, table
from sentiment_engine.report.totals import Totals
from sentiment_engine.report.words import Words, clock, words_of

MOST_PHRASES = 100


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call in the list of all."""

    call_id: str
    path: PurePosixPath
    """Of its page, below the list's folder."""
    language: str
    stage: str
    duration_s: float
    peak: float
    alerts: int
    worst: str
    """Severity; empty without alerts."""
    reason: str
    curve: tuple[float, ...]
    """The highest levels of so many equal stretches."""


def summary_page(totals: Totals, rows: Sequence[CallRow] | None = None, language: str = "en") -> str:
    """One self-contained HTML document about many calls.

    Args:
        totals: What to tell.
        rows: The calls to list, with links to their pages; None lists none.
        language: BCP 47 tag; Chinese gives Chinese, everything else English.
    """
    words, report = words_of(language), report_of(totals)
    facts: list[tuple[str, Child]] = [
        (words("calls_count"), f"{totals.calls:,}"),
        (words("hours"), f"{report['hours']:,.2f}"),
        (words("profile"), ", ".join(name for name in report["profiles"] if name) or words("none")),
    ]
    body = [
        el("p", words("no_calls"), class_="note") if not totals.calls else None,
        _figures(report, words),
        _calls(rows, words) if rows else None,
        section(words("reading"), sentences(words.each("summary")), name="caveat"),
        *(
            _alerts(report["alerts"][key], key, words)
            for key in ("by_kind", "by_severity", "by_stage", "by_cause")
        ),
        section(
            words("phrase_effects"),
            sentences(words.each("effects")),
            _phrases(report["phrases"], words),
        ),
        el(
            "div",
            section(words("quality_of"), _spans(report["quality"], "quality", words)),
            section(words("gaps"), _spans(report["gaps"], "gap", words)),
            section(words("refusals"), _refused(report["refused"], words)),
            section(words("endings"), _counts(report["ended"], "end", words("ended"), words)),
            class_="pairs",
        ),
        section(words("is_not"), sentences(words.each("is_not")), name="caveat"),
    ]
    return framed(
        words("summary") if rows is None else words("all_calls"), words("report"), facts, body, words
    )


def _figures(report: Mapping[str, Any], words: Words) -> Html:
    alerts = report["alerts"]
    with_alert = alerts["calls_with_an_alert"]
    share = report["share_of_time_above"]
    return figures(
        [
            (words("alerts"), f"{alerts['count']:,}", None),
            (words("alerts_per_hour"), _figure(alerts["per_hour"]), _interval(alerts["interval"])),
            (
                words("calls_alerted"),
                _percent(with_alert["share"]),
                _interval(with_alert["interval"], share=True),
            ),
            (words("above_share"), _percent(share), None),
        ]
    )


def _calls(rows: Sequence[CallRow], words: Words) -> Html:
    heads = [
        words(key) for key in ("call", "curve", "length", "peak", "alerts", "severity", "stage", "ended")
    ]
    cells: list[Sequence[Child]] = [
        (
            el("a", el("bdi", row.call_id), href=address(row.path)),
            spark(row.curve, words),
            clock(row.duration_s),
            f"{row.peak:.2f}",
            str(row.alerts),
            badge(row.worst, words.name("severity", row.worst)) if row.worst else words("none"),
            words.name("stage", row.stage),
            words.name("end", row.reason),
        )
        for row in rows
    ]
    return section(words("calls"), table(words("calls"), heads, cells, numbers=(2, 3, 4)))


def _alerts(by: Mapping[str, Mapping[str, Any]], key: str, words: Words) -> Html:
    family = key.removeprefix("by_")
    if not by:
        return section(words(key), el("p", words("nothing"), class_="soft"))
    heads = [
        words(family if family != "cause" else "leading"),
        *map(words, ("count", "per_hour", "interval")),
    ]
    rows: list[list[Child]] = [
        [
            words.name(family, name),
            f"{one['count']:,}",
            _figure(one["per_hour"]),
            _interval(one["interval"]),
        ]
        for name, one in by.items()
    ]
    if family == "cause":
        heads += [words("named"), words("basis")]
        for row, one in zip(rows, by.values(), strict=True):
            row += [f"{one['named']:,}", ", ".join(words.name("basis", basis) for basis in one["basis"])]
    if family == "stage":
        heads += [words("calls_count"), words("hours")]
        for row, one in zip(rows, by.values(), strict=True):
            row += [f"{one['calls']:,}", f"{one['hours']:,.2f}"]
    bars = rates({words.name(family, name): one for name, one in by.items()}, words)
    right = (1, 2, 3, 4, 5) if family == "stage" else (1, 2, 3, 4)
    return section(words(key), el("div", bars, table(words(key), heads, rows, numbers=right), class_="pair"))


def _phrases(phrases: Sequence[Mapping[str, Any]], words: Words) -> Html:
    if not phrases:
        return el("p", words("no_phrases"), class_="soft")
    heads = [words(key) for key in ("phrase", "times_shown", "fell", "interval", "median_change")]
    # the row to compare with is kept whatever is left out
    kept = [*phrases[:MOST_PHRASES], *(one for one in phrases[MOST_PHRASES:] if not one["id"])]
    rows = [
        (
            joined(
                el("span", one["text"], lang=one["language"] or None) if one["text"] else None,
                " " if one["text"] else None,
                el("span", one["id"] or words("no_phrase"), class_="soft"),
            ),
            f"{one['shown']:,}",
            _percent(one["fell"]["share"]),
            _interval(one["fell"]["interval"], share=True),
            f"{one['median_change']:+.2f}",
        )
        for one in kept
    ]
    return table(words("phrase_effects"), heads, rows, numbers=(1, 2, 3, 4))


def _spans(spans: Sequence[Mapping[str, Any]], family: str, words: Words) -> Html:
    if not spans:
        return el("p", words("nothing"), class_="calm")
    heads = [words(key) for key in ("party", "reason", "seconds", "calls_affected", "share", "interval")]
    rows = [
        (
            words.name("party", one["party"]),
            words.name(family, one["reason"]),
            clock(one["seconds"]),
            f"{one['calls']['count']:,}",
            _percent(one["calls"]["share"]),
            _interval(one["calls"]["interval"], share=True),
        )
        for one in spans
    ]
    return table(words("quality"), heads, rows, numbers=(2, 3, 4, 5))


def _refused(refused: Sequence[Mapping[str, Any]], words: Words) -> Html:
    if not refused:
        return el("p", words("nothing"), class_="soft")
    heads = [words(key) for key in ("party", "refused", "calls_affected", "share")]
    rows = [
        (
            words.name("party", one["party"]),
            words.name("basis", one["basis"]),
            f"{one['count']:,}",
            _percent(one["share"]),
        )
        for one in refused
    ]
    return table(words("refusals"), heads, rows, numbers=(2, 3))


def _counts(counts: Mapping[str, int], family: str, head: str, words: Words) -> Html:
    rows = [(words.name(family, name), f"{count:,}") for name, count in counts.items()]
    return table(head, [head, words("calls_count")], rows, numbers=(1,))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def _interval(interval: Sequence[float] | None, *, share: bool = False) -> str | None:
    if interval is None:
        return "-"
    low, high = interval
    return f"{low:.0%} - {high:.0%}" if share else f"{low:,.2f} - {high:,.2f}"
