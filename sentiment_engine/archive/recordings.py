"""Which audio is kept of which call: rows that say what the files of ``audio.py`` are.

A row is written before its first file and removed before its files, so that a file without a row is nobody's.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from sentiment_engine.archive.audio import Format, Joined
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import now_ms
from sentiment_engine.archive.schema import CALLS, RECORDINGS
from sentiment_engine.archive.views import KeptRecording


class Recording(NamedTuple):
    """One row."""

    name: str
    """Of its files."""
    call_id: str
    form: Format
    frames: int | None
    """Samples of each channel; None while the call is live, like the next two."""
    sha256: str | None
    lost: int | None
    """Stretches that could not be written or read, and are silence."""

    def json(self) -> KeptRecording:
        """As clients are given it."""
        return KeptRecording(
            live=self.frames is None,
            duration_s=None if self.frames is None else round(self.frames / self.form.rate_hz, 3),
            sample_rate=self.form.rate_hz,
            sha256=self.sha256,
            whole=None if self.lost is None else self.lost == 0,
        )


def begin(connection: Connection, name: str, call_id: str, form: Format) -> bool:
    """Audio of a call is kept from now on; False when the call is no longer known."""
    if connection.execute(select(CALLS.c.call_id).where(CALLS.c.call_id == call_id)).first() is None:
        return False
    connection.execute(
        insert(RECORDINGS).values(name=name, call_id=call_id, since_ms=now_ms(), **form._asdict())
    )
    return True


def end(connection: Connection, name: str, joined: Joined | None, lost: int) -> None:
    """The recording is in one file; or there was nothing to keep."""
    chosen = RECORDINGS.c.name == name
    if joined is None:
        connection.execute(delete(RECORDINGS).where(chosen))
    else:
        connection.execute(
            update(RECORDINGS)
            .where(chosen)
            .values(ended_ms=now_ms(), frames=joined.frames, sha256=joined.sha256, lost=lost + joined.lost)
        )


def forget(connection: Connection, before_ms: int) -> int:
    """Removes the rows of recordings that ended before; how many."""
    removed: int = connection.execute(delete(RECORDINGS).where(RECORDINGS.c.ended_ms < before_ms)).rowcount
    return removed


def of_call(reading: Reading, call_id: str) -> Recording | None:
    """The recording of the newest call of this id; None when none is kept."""
    rows = reading.rows(select(RECORDINGS).where(RECORDINGS.c.call_id == call_id))
    return _recording(rows[0]) if rows else None


def unfinished(reading: Reading) -> list[Recording]:
    """Recordings that a server left in parts."""
    return [
        _recording(row) for row in reading.rows(select(RECORDINGS).where(RECORDINGS.c.ended_ms.is_(None)))
    ]


def names(reading: Reading) -> set[str]:
    """Of all recordings that have a row."""
    return {row.name for row in reading.rows(select(RECORDINGS.c.name))}


def _recording(row: Any) -> Recording:
    return Recording(
        row.name, row.call_id, Format(row.rate_hz, row.channels), row.frames, row.sha256, row.lost
    )
