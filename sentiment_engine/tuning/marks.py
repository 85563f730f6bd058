"""What people marked: when calls truly escalated; a CSV file with call_id, start_s, end_s and perhaps cause.

One row is one escalation, in seconds of the call's media clock. A row whose times are both empty says that
somebody listened to the call and it was calm. A call that is named is taken as marked in full: outside its
marks it is calm. A call that is not named is unknown, and left out, unless the marks are complete.

The first alert from ``EARLY_S`` before a mark to its end belongs to it, a second one there is a repeat; in
the ``SETTLE_S`` after it an alert is late, neither right nor false. The benchmarks count in the same way.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import get_args

from sentiment_engine.batch.names import show
from sentiment_engine.errors import BadMessage, BadSettings
from sentiment_engine.events import Cause
from sentiment_engine.resources import read_text

EARLY_S = 1.0
SETTLE_S = 20.0
LATEST_S = 1e6
NEEDED = ("call_id", "start_s", "end_s")
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mark:
    """One true escalation."""

    start_s: float
    end_s: float
    cause: str = ""
    """What it was about, a cause of ``events.py``; empty where nobody said."""
    line: int = 0
    """Of the file."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of many calls."""

    by_call: Mapping[str, Sequence[Mark]]
    """In order of time; empty for a call that was calm."""
    complete: bool = False
    """Whether every call not named was calm."""

    def of(self, call_id: str) -> Sequence[Mark] | None:
        """The marks of a call; None where nobody knows."""
        return self.by_call.get(call_id, () if self.complete else None)


def calm(marks: Sequence[Mark], duration_s: float) -> list[tuple[float, float]]:
    """Spans (start_s, end_s) in which every alert is false."""
    spans, start_s = [], 0.0
    for mark in marks:
        spans.append((start_s, mark.start_s - EARLY_S))
        start_s = mark.end_s + SETTLE_S
    spans.append((start_s, duration_s))
    return [(start, end) for start, end in spans if start < end]


def load_marks(path: Path, *, complete: bool = False) -> Marks:
    """The marks in a CSV file, UTF-8.

    Raises:
        BadSettings: the file cannot be read or holds what is no mark; names the file, line and remedy.
    """
    text = read_text(path).removeprefix("\ufeff")
    try:
        return Marks(_parse(text), complete)
    except BadSettings as reason:
        raise BadSettings(f"{show(path)}: {reason}") from reason


def check_within(marks: Sequence[Mark], duration_s: float) -> None:
    """Raises BadMessage for a mark beyond the end of its call; a second more is forgiven."""
    for mark in marks:
        if mark.end_s > duration_s + 1.0:
            raise BadMessage(
                f"is {duration_s:g} s long, and the mark in line {mark.line} ends at {mark.end_s:g} s: "
                "mend the mark; the call is left out"
            )


def _parse(text: str) -> dict[str, list[Mark]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    calls: dict[str, list[Mark]] = {}
    calms: dict[str, int] = {}
    try:
        columns = [name.strip() for name in next(reader, [])]
        if sorted(columns) not in (sorted(NEEDED), sorted((*NEEDED, "cause"))):
            raise BadSettings(f"line 1: must name the columns {','.join(NEEDED)} and, if you like, cause")
        for row in reader:
            if not row:
                continue
            where = f"line {reader.line_num}"
            if len(row) != len(columns):
                raise BadSettings(f"{where}: has {len(row)} fields, the first line names {len(columns)}")
            fields = {name: value.strip() for name, value in zip(columns, row, strict=True)}
            call_id = fields["call_id"]
            if not call_id:
                raise BadSettings(f"{where}: call_id is empty: write the call's id as score gives it")
            marks = calls.setdefault(call_id, [])
            if not fields["start_s"] and not fields["end_s"]:
                calms[call_id] = reader.line_num
            else:
                marks.append(_mark(fields, where, reader.line_num))
    except csv.Error as reason:
        raise BadSettings(f"line {reader.line_num}: is no CSV: {reason}") from reason
    for call_id, marks in calls.items():
        marks.sort(key=lambda mark: mark.start_s)
        _agree(call_id, marks, calms.get(call_id))
    return calls


def _mark(fields: Mapping[str, str], where: str, line: int) -> Mark:
    for name in ("start_s", "end_s"):
        if not SECONDS.fullmatch(fields[name]):
            raise BadSettings(
                f"{where}: {name} is {fields[name][:40]!r}: write seconds such as 12.5, "
                "or leave both times empty for a calm call"
            )
    start_s, end_s = float(fields["start_s"]), float(fields["end_s"])
    if not start_s < end_s <= LATEST_S:
        raise BadSettings(f"{where}: from {start_s:g} to {end_s:g} s: must end after it starts")
    cause = fields.get("cause", "")
    if cause and cause not in get_args(Cause):
        raise BadSettings(f"{where}: cause {cause[:40]!r} is unknown: one of {', '.join(get_args(Cause))}")
    return Mark(start_s, end_s, cause, line)


def _agree(call_id: str, marks: Sequence[Mark], calm_line: int | None) -> None:
    if marks and calm_line:
        raise BadSettings(
            f"line {calm_line}: says call {call_id[:60]!r} was calm, and line {marks[0].line} that it was "
            "not: keep one of them"
        )
    for one, two in pairwise(marks):
        if two.start_s < one.end_s:
            raise BadSettings(
                f"line {two.line}: overlaps line {one.line} in call {call_id[:60]!r}: make them one mark"
            )
