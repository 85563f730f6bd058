"""Scored calls on disk: ``.jsonl`` files, one event a line, one call after another; ``score`` writes them."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from sentiment_engine import wire
from sentiment_engine.batch.names import show
from sentiment_engine.errors import BadMessage
from sentiment_engine.events import CallEnded, Event

SUFFIX = ".jsonl"
LONGEST_LINE = 1 << 20
"""Bytes; the longest event is some tens of kilobytes."""


def find(arguments: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Files named outright, and those in folders, searched to the bottom and sorted; each file once.

    Hidden files in folders are left alone, links to folders are not followed. Files that are named but absent
    are returned too: reading them says so.

    Returns:
        The files; and a line for each folder without any, or that cannot be searched.
    """
    found: dict[str, Path] = {}
    problems: list[str] = []
    for argument in arguments:
        paths = [Path(argument)]
        if os.path.isdir(argument):  # noqa: PTH112 Path.is_dir raises where a folder above may not be entered
            before = len(problems)
            paths = _walk(argument, problems)
            if not paths and len(problems) == before:
                problems.append(
                    f"{show(argument)}: no {SUFFIX} file in this folder: name one from score --out"
                )
        for path in paths:
            found.setdefault(os.path.abspath(path), path)  # noqa: PTH100 resolving would follow links
    return list(found.values()), problems


def _walk(top: str, problems: list[str]) -> list[Path]:
    def unreadable(reason: OSError) -> None:
        problems.append(f"{show(reason.filename)}: this folder cannot be searched: {reason.strerror}")

    paths = []
    for folder, folders, names in os.walk(top, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [
            Path(folder, name) for name in sorted(names) if name.endswith(SUFFIX) and not name.startswith(".")
        ]
    return paths


def read(path: Path) -> Iterator[Event]:
    """The events of a file, in order, one in memory at a time.

    Raises:
        BadMessage: the file cannot be read, is empty, or a line of it is no event of this engine; says which
            line, why, and the remedy. The file's name is left to the caller.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise BadMessage("is not a regular file: name a file of events on disk")
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise BadMessage(f"line {number}: is longer than any event: name what score --out wrote")
                yield _event(line, number)
            if not number:
                raise BadMessage("is empty: score the recording again")
    except (OSError, ValueError) as reason:  # ValueError: a null byte in the name
        why = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        raise BadMessage(f"cannot be read: {why}: check the name and its permissions") from reason


def _event(line: bytes, number: int) -> Event:
    try:
        return wire.decode(line)
    except BadMessage as reason:
        raise BadMessage(
            f"line {number}: {reason}: an older engine wrote it, or it is damaged; score the recording again"
        ) from reason


def by_call(events: Iterable[Event]) -> Iterator[Iterator[Event]]:
    """The events of each call, which must be taken before the next call is."""
    stream = iter(events)
    for first in stream:
        yield _until_the_end(first, stream)


def _until_the_end(event: Event | None, stream: Iterator[Event]) -> Iterator[Event]:
    while event is not None:
        yield event
        event = None if isinstance(event, CallEnded) else next(stream, None)
