"""Pages as files: one for each call while it is scored, then one that lists them all."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Self

from sentiment_engine.alerts import SEVERITIES
from sentiment_engine.errors import BadMessage
from sentiment_engine.events import CallStarted, Event, Party
from sentiment_engine.report.call_page import call_page
from sentiment_engine.report.charts import curve_of
from sentiment_engine.report.counting import Count
from sentiment_engine.report.envelope import Envelope
from sentiment_engine.report.lanes import worst_of
from sentiment_engine.report.story import Story
from sentiment_engine.report.summary_page import CallRow, summary_page
from sentiment_engine.report.totals import Totals

INDEX = "index"
"""Name of the list, without its ending."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the list needs to know of one page."""

    row: CallRow
    totals: Totals


class PageWriter:
    """The page of one call on its way.

    Args:
        path: Written at the end, in one go; replaced if it exists.
        parties: Whose voice each channel carries.
        rate_hz: Of the samples.
        raise_at: The alert threshold in force.
    """

    def __init__(self, path: Path, *, parties: Sequence[Party], rate_hz: int, raise_at: float) -> None:
        self._path, self._parties, self._raise_at = path, parties, raise_at
        self._envelope = Envelope(len(parties), rate_hz)
        self._count = Count()
        self._story: Story | None = None

    def heard(self, piece: bytes) -> None:
        self._envelope.hear(piece)

    def write(self, event: Event) -> None:
        self._count.tell(event)
        if self._story is None and isinstance(event, CallStarted):
            self._story = Story(event)
        elif self._story is not None:
            self._story.tell(event)

    def finish(self) -> Page:
        """Writes the page.

        Raises:
            BadMessage: the events were not those of a whole call.
        """
        totals, told = self._count.done(), self._story
        if told is None:
            raise BadMessage("has no call.started: score the recording again")
        outlines = {party: self._envelope.outline(index) for index, party in enumerate(self._parties)}
        self._path.write_text(call_page(told, outlines, self._raise_at), encoding="utf-8")
        return Page(_row(told, self._path), totals)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing is open between the events."""


def write_index(out: Path, pages: Sequence[tuple[Path, Page]]) -> None:
    """Writes ``index.html`` in ``out``: what all calls have in common, and a link to each.

    It is in Chinese where every call is, else in English.

    Args:
        out: The folder.
        pages: Where each page lies, below ``out``, in the order of the list.

    Raises:
        OSError: it cannot be written.
    """
    totals = Totals()
    for _, page in pages:
        totals.add(page.totals)
    rows = [replace(page.row, path=PurePosixPath(path.relative_to(out).as_posix())) for path, page in pages]
    chinese = bool(rows) and all(row.language.lower().startswith("zh") for row in rows)
    write_whole(out / f"{INDEX}.html", summary_page(totals, rows, "zh-CN" if chinese else "en"))


def write_whole(path: Path, text: str) -> None:
    """Writes a file that appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _row(told: Story, path: Path) -> CallRow:
    worst = max((SEVERITIES.index(worst_of(alert)) for alert in told.alerts.values()), default=None)
    return CallRow(
        call_id=told.started.call_id,
        path=PurePosixPath(path.name),
        language=told.started.language,
        stage=told.started.stage,
        duration_s=told.duration_s,
        peak=max((tick.level for tick in told.ticks), default=0.0),
        alerts=len(told.alerts),
        worst="" if worst is None else SEVERITIES[worst],
        reason=told.ended.reason if told.ended else "error",
        curve=curve_of(told),
    )
