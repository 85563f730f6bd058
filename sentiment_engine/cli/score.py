"""``score``: recordings on disk to events."""

import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from sentiment_engine.batch.names import show
from sentiment_engine.cli.edge import (
    FAILED,
    AgentChannel,
    Config,
    Language,
    Model,
    StageName,
    as_stage,
    complain,
    edge,
    one_of,
)
from sentiment_engine.errors import BadSettings

if TYPE_CHECKING:
    from rich.progress import Progress

    from sentiment_engine.batch.pool import FileFormat, Job, Outcome
    from sentiment_engine.report.call_files import Page

FORMATS = ("jsonl", "parquet", "html")


@edge
def score(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="Recordings, folders of them, or quoted patterns such as 'calls/**'."
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="One file per recording goes here, CALL_ID.jsonl; without, lines to standard output.",
        ),
    ] = None,
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            callback=one_of(FORMATS),
            help="jsonl, one event a line; parquet, one event a row; html, a page a call and an index.",
        ),
    ] = "jsonl",
    jobs: Annotated[
        int, typer.Option(min=1, help="Processes at work at once; the results are the same.")
    ] = 1,
    language: Language = "zh-CN",
    stage: StageName = "general",
    agent_channel: AgentChannel = 0,
    config: Config = None,
    model: Model = None,
) -> None:
    """Score recordings: their events, as the live server would have sent them.

    A recording with one channel has both parties mixed. A recording that cannot be used is named on standard
    error with the reason, and the others are scored. One that breaks off before its header's length is scored
    as far as it goes (its call.ended says "error"), and named too.
    """
    # Imported here so that --help loads nothing but Typer.
    from sentiment_engine.batch import inputs  # noqa: PLC0415
    from sentiment_engine.batch.pool import Job, Options, score_all  # noqa: PLC0415
    from sentiment_engine.resources import load_settings  # noqa: PLC0415

    if file_format != "jsonl" and out is None:
        raise BadSettings(f"--format {file_format}: needs --out, the folder for the files")
    if file_format == "parquet":
        from sentiment_engine.batch.parquet import check_parquet  # noqa: PLC0415

        check_parquet()
    options = Options(
        settings=load_settings(config),
        model=model,
        language=language,
        stage=as_stage(stage),
        agent_channel=agent_channel,
        file_format=cast("FileFormat", file_format),
    )
    found, problems = inputs.find(paths)
    ids = inputs.call_ids([one.path for one in found])
    with _folder(out) as folder:
        outputs = (
            inputs.outputs(folder, found, ids, f".{file_format}", "index" if file_format == "html" else "")
            if out is not None
            else [folder / f"{number}.jsonl" for number in range(len(found))]
        )
        todo = [Job(one.path, name, output) for one, name, output in zip(found, ids, outputs, strict=True)]
        tally = _Tally(len(todo))
        for problem in problems:
            tally.failed(problem)
        pages: dict[Path, Page] = {}
        with tally, closing(score_all(todo, options, jobs)) as outcomes:
            for outcome in tally.follow(outcomes):
                if outcome.page is not None:
                    pages[outcome.job.output] = outcome.page
                if out is None:
                    tally.release(todo, outcome)
        if out is not None and file_format == "html":
            from sentiment_engine.report.call_files import write_index  # noqa: PLC0415

            write_index(out, [(job.output, pages[job.output]) for job in todo if job.output in pages])
    if tally.failures:
        raise typer.Exit(FAILED)


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """The folder for the events: the one asked for, or one that is gone afterwards."""
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as reason:
            raise BadSettings(f"--out {show(out)}: cannot be made a folder: {reason.strerror}") from reason
        yield out
    else:
        with tempfile.TemporaryDirectory(prefix="sentiment-engine-") as spool:
            yield Path(spool)


class _Tally:
    """What is said on standard error while recordings are scored, and the count of failures."""

    def __init__(self, total: int) -> None:
        self.failures = 0
        self._total = total
        self._scored, self._alerts, self._heard_s = 0, 0, 0.0
        self._began = time.perf_counter()
        self._written: dict[Path, bool] = {}
        self._next = 0
        self._progress: Progress | None = None

    def __enter__(self) -> "_Tally":
        if sys.stderr.isatty() and self._total:
            from rich.console import Console  # noqa: PLC0415 only where somebody watches
            from rich.progress import Progress  # noqa: PLC0415

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._progress.add_task("scoring", total=self._total)
            self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()
        if exception[0] is None:
            complain(self._closing_line())

    def failed(self, problem: str) -> None:
        """Counts and names an input that failed, or failed in part."""
        self.failures += 1
        if self._progress is not None:
            self._progress.console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
        else:
            complain(problem)

    def follow(self, outcomes: "Iterator[Outcome]") -> "Iterator[Outcome]":
        """Hands on ``outcomes``, keeping count."""
        for outcome in outcomes:
            if outcome.problem:
                self.failed(outcome.problem)
            self._scored += outcome.written
            self._alerts += outcome.alerts
            self._heard_s += outcome.heard_s
            yield outcome
            if self._progress is not None:
                self._progress.advance(self._progress.task_ids[0])

    def release(self, todo: "Sequence[Job]", outcome: "Outcome") -> None:
        """Copies to standard output whatever is complete and next in order."""
        self._written[outcome.job.output] = outcome.written
        while self._next < len(todo) and todo[self._next].output in self._written:
            output = todo[self._next].output
            if self._written.pop(output):
                with output.open("rb") as events:
                    shutil.copyfileobj(events, sys.stdout.buffer)
                sys.stdout.buffer.flush()
                output.unlink()
            self._next += 1

    def _closing_line(self) -> str:
        took_s = time.perf_counter() - self._began
        speed = self._heard_s / took_s if took_s else math.inf
        failed = f"; {self.failures} failed, named above" if self.failures else ""
        return (
            f"scored {self._scored} of {self._total} recordings: {self._heard_s / 60:.1f} minutes of calls "
            f"in {took_s:.1f} s ({speed:.0f} times real time), {self._alerts} alerts{failed}"
        )
