"""Scored calls from files, for the commands that read many of them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_engine.batch.names import show
from sentiment_engine.cli.edge import complain
from sentiment_engine.errors import BadMessage

if TYPE_CHECKING:
    from rich.progress import Progress

    from sentiment_engine.events import Event


class Reading:
    """The calls in scored files, one in memory at a time; what could not be used is named and counted."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.failures = 0
        self._paths = paths
        self._seen: dict[str, Path] = {}
        self._progress: Progress | None = None

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *exception: object) -> None:
        self._hide()

    def each(self, use: "Callable[[list[Event]], None]") -> int:
        """Hands every call to ``use`` and names what it refuses with BadMessage; how many were used."""
        from sentiment_engine.tuning import scored  # noqa: PLC0415 for whoever has asked for it

        files, problems = scored.find(self._paths)
        for problem in problems:
            self.failed(problem)
        used = 0
        for path in self._shown(files):
            try:
                for call in scored.by_call(scored.read(path)):
                    used += self._use(path, list(call), use)
            except BadMessage as reason:
                self.failed(f"{show(path)}: {reason}")
        self._hide()
        return used

    def _use(self, path: Path, call: "list[Event]", use: "Callable[[list[Event]], None]") -> bool:
        call_id = call[0].call_id
        try:
            if call_id in self._seen:
                raise BadMessage(f"was given before, in {show(self._seen[call_id])}: leave one of them out")
            self._seen[call_id] = path
            use(call)
        except BadMessage as reason:
            self.failed(f"{show(path)}: call {show(call_id[:200])}: {reason}")
            return False
        return True

    def failed(self, problem: str) -> None:
        """Counts and names what could not be used."""
        self.failures += 1
        if self._progress is not None:
            self._progress.console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
        else:
            complain(problem)

    def _shown(self, files: Sequence[Path]) -> Iterator[Path]:
        if sys.stderr.isatty() and files:
            from rich.console import Console  # noqa: PLC0415 only where somebody watches
            from rich.progress import Progress  # noqa: PLC0415

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._progress.add_task("reading", total=len(files))
            self._progress.start()
        for path in files:
            yield path
            if self._progress is not None:
                self._progress.advance(self._progress.task_ids[0])

    def _hide(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
