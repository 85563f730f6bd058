"""The summary of many calls for a terminal."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from sentiment_engine.report.figures import report_of
from sentiment_engine.report.totals import Totals
from sentiment_engine.report.words import Words, clock, words_of

WIDTH = 110


def summary_text(totals: Totals) -> str:
    """Tables of what :func:`~sentiment_engine.report.figures.report_of` holds, in English."""
    words, report = words_of("en"), report_of(totals)
    out = StringIO()
    console = Console(file=out, width=WIDTH, highlight=False, markup=False, color_system=None)
    alerts = report["alerts"]
    with_alert = alerts["calls_with_an_alert"]
    console.print(f"calls: {report['calls']}; call-hours: {report['hours']:.2f}; alerts: {alerts['count']}")
    console.print(f"alerts per call-hour: {_rate(alerts)}")
    console.print(f"calls with an alert: {with_alert['count']} ({_share(with_alert)})")
    for key in ("by_kind", "by_severity", "by_stage", "by_cause"):
        family = key.removeprefix("by_")
        rows = [
            (words.name(family, name), str(one["count"]), _rate(one)) for name, one in alerts[key].items()
        ]
        _table(console, words(key), ("", "count", "per hour, 95 %"), rows)
    phrases = [
        (
            one["id"] or words("no_phrase"),
            str(one["shown"]),
            _share(one["fell"]),
            f"{one['median_change']:+.2f}",
        )
        for one in report["phrases"]
    ]
    heads = ("", "shown", "tension fell, 95 %", "median change")
    _table(console, words("phrase_effects"), heads, phrases)
    _table(console, words("quality_of"), SPANS, _spans(report["quality"], "quality", words))
    _table(console, words("gaps"), SPANS, _spans(report["gaps"], "gap", words))
    refused = [
        (f"{words.name('party', one['party'])}: {words.name('basis', one['basis'])}", str(one["count"]))
        for one in report["refused"]
    ]
    _table(console, words("refusals"), ("", "calls"), refused)
    endings = [(words.name("end", name), str(count)) for name, count in report["ended"].items()]
    _table(console, words("endings"), ("", "calls"), endings)
    for note in report["notes"]:
        console.print(f"\nnote: {note}")
    return out.getvalue()


SPANS = ("", "time", "calls, 95 %")


def _spans(spans: Sequence[Mapping[str, Any]], family: str, words: Words) -> list[tuple[str, ...]]:
    return [
        (
            f"{words.name('party', one['party'])}: {words.name(family, one['reason'])}",
            clock(one["seconds"]),
            f"{one['calls']['count']} ({_share(one['calls'])})",
        )
        for one in spans
    ]


def _table(console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    console.print(f"\n{title}")
    table = Table(box=None, padding=(0, 3, 0, 0))
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_printable, row))
    console.print(table)


def _printable(cell: str) -> str:
    """Without what could steer a terminal."""
    return "".join(one if one.isprintable() else "\ufffd" for one in cell)


def _rate(one: Mapping[str, Any]) -> str:
    if one["per_hour"] is None:
        return "-"
    low, high = one["interval"]
    return f"{one['per_hour']:.2f} ({low:.2f} - {high:.2f})"


def _share(one: Mapping[str, Any]) -> str:
    if one["share"] is None:
        return "-"
    low, high = one["interval"]
    return f"{one['share']:.0%}, {low:.0%} - {high:.0%}"
