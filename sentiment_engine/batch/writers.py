"""The files that a scored recording can become: events a line, events as rows, or a page to read."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from sentiment_engine import wire
from sentiment_engine.batch.recordings import Recording
from sentiment_engine.events import Event

if TYPE_CHECKING:
    from sentiment_engine.batch.pool import FileFormat
    from sentiment_engine.batch.score import Scorer
    from sentiment_engine.report.call_files import Page


class Writer(Protocol):
    """One file on its way; OSError where it cannot be written."""

    def heard(self, piece: bytes) -> None:
        """The next samples, s16le, before the events that they give."""

    def write(self, event: Event) -> None:
        """The next event."""

    def finish(self) -> "Page | None":
        """After the last event: what the list of all pages needs to know, where there is one."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_writer(file_format: "FileFormat", path: Path, recording: Recording, scorer: "Scorer") -> Writer:
    """A writer that replaces ``path``."""
    if file_format == "html":
        from sentiment_engine.report.call_files import PageWriter  # noqa: PLC0415 only who wants pages

        return PageWriter(
            path,
            parties=recording.parties(scorer.agent_channel),
            rate_hz=recording.rate_hz,
            raise_at=scorer.settings.alerts.raise_at,
        )
    if file_format == "parquet":
        from sentiment_engine.batch.parquet import RowWriter  # noqa: PLC0415 loads pyarrow

        return RowWriter(path)
    return LineWriter(path)


class LineWriter:
    """One event a line, as JSON."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def heard(self, piece: bytes) -> None:
        """Nothing: events alone are written."""

    def write(self, event: Event) -> None:
        self._file.write(wire.encode(event) + b"\n")

    def finish(self) -> None:
        """Nothing: there is no list."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()
