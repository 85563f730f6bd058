"""Events as the rows of a Parquet file, for whoever analyses many calls. Needs the extra ``parquet``.

The columns hold what most analyses ask for; ``event`` holds the whole event, as in a ``.jsonl`` file.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import msgspec

from sentiment_engine import wire
from sentiment_engine.errors import BadSettings
from sentiment_engine.events import Event

ROWS_AT_ONCE = 4096
"""Rows of one group; memory does not grow beyond them."""

NUMBERS = (
    "start_s",
    "end_s",
    "level",
    "agent",
    "customer",
    "mixed",
    "bias",
    "since_s",
    "quality",
    "duration_s",
)
TEXTS = ("party", "alert_id", "kind", "severity", "summary", "reason", "language", "stage", "profile")
MAPS = ("causes", "scores", "relative")
"""Name -> number; each is empty where an event has none of it."""


def check_parquet() -> None:
    """Raises BadSettings where Parquet cannot be written: a missing library."""
    if find_spec("pyarrow") is None:
        raise BadSettings('--format parquet needs pyarrow: pip install "sentiment-engine[parquet]"')


def row(event: Event) -> dict[str, Any]:
    """One event as a row; columns that it does not have are None."""
    plain = msgspec.to_builtins(event)
    told = {name: plain.get(name) for name in ("type", "call_id", "at_s", "seq", *NUMBERS, *TEXTS)}
    if not isinstance(told["summary"], str):  # of call.ended it is a record, which ``event`` holds
        told["summary"] = None
    for name in MAPS:
        told[name] = list((plain.get(name) or {}).items())
    return {**told, "event": wire.encode(event).decode()}


class RowWriter:
    """A file of rows on its way.

    Args:
        path: Replaced if it exists.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa  # noqa: PLC0415 only who wants rows needs it
        import pyarrow.parquet as pq  # noqa: PLC0415

        text, numbers = pa.string(), pa.map_(pa.string(), pa.float64())
        self._pa = pa
        self._schema = pa.schema(
            [
                pa.field("type", text, nullable=False),
                pa.field("call_id", text, nullable=False),
                pa.field("at_s", pa.float64(), nullable=False),
                pa.field("seq", pa.int64(), nullable=False),
                *(pa.field(name, pa.float64()) for name in NUMBERS),
                *(pa.field(name, text) for name in TEXTS),
                *(pa.field(name, numbers) for name in MAPS),
                pa.field("event", text, nullable=False),
            ],
            metadata={"sentiment_engine.wire": str(wire.WIRE_VERSION)},
        )
        self._rows: list[dict[str, Any]] = []
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")

    def heard(self, piece: bytes) -> None:
        """Nothing: events alone are written."""

    def write(self, event: Event) -> None:
        self._rows.append(row(event))
        if len(self._rows) >= ROWS_AT_ONCE:
            self._flush()

    def finish(self) -> None:
        """Writes the last rows."""
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def _flush(self) -> None:
        if self._rows:
            self._file.write_table(self._pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()
