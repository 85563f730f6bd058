"""Scoring recordings in processes of their own, so that no recording can stop the others.

Each worker holds one model on one thread and one recording at a time. A recording that kills its worker (a
crash in a decoder, too little memory) is thereby known by name: it is reported, and a fresh worker takes
over. One process or many, the way is the same, so the events are too. A file of events appears whole or not
at all.
"""

import contextlib
import multiprocessing
import signal
import sys
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sentiment_engine.batch.names import show
from sentiment_engine.errors import BadAudio, BadSettings, EngineError
from sentiment_engine.events import AlertRaised, CallEnded, Stage
from sentiment_engine.settings import Settings

if TYPE_CHECKING:
    from sentiment_engine.batch.score import Scorer
    from sentiment_engine.report.call_files import Page

FileFormat = Literal["jsonl", "parquet", "html"]


@dataclass(frozen=True, slots=True)
class Job:
    """One recording to score, and the file its events go to."""

    path: Path
    call_id: str
    output: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to score, the same for every recording."""

    settings: Settings
    model: Path | None
    """The .onnx file of the emotion model; None is the one that ships."""
    language: str
    stage: Stage
    agent_channel: int
    """0 or 1."""
    file_format: FileFormat = "jsonl"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job."""

    job: Job
    problem: str = ""
    """One line naming the file, the reason and the remedy; empty when all went well."""
    written: bool = False
    """Whether the output is there; with a problem too when the recording was cut short."""
    heard_s: float = 0.0
    alerts: int = 0
    page: "Page | None" = None
    """What the list of all pages says of it; with ``html`` only."""


def score_all(jobs: Sequence[Job], options: Options, processes: int) -> Generator[Outcome, None, None]:
    """Scores ``jobs`` with ``processes`` workers at most; yields one outcome for each, as they are done.

    Raises:
        BadSettings, ModelMismatch: no recording can be scored with these options or this model.
        EngineError: a worker died before it could take a recording.
    """
    waiting = deque(jobs)
    workers: dict[Connection, _Worker] = {}

    def start() -> None:
        worker = _Worker.start(options)
        workers[worker.connection] = worker

    try:
        for _ in range(min(processes, len(jobs))):
            start()
        while workers:
            for connection in [one for one in wait(list(workers)) if isinstance(one, Connection)]:
                worker = workers[connection]
                try:
                    said = connection.recv()
                except (EOFError, ConnectionResetError):
                    del workers[connection]
                    yield worker.died()
                    if waiting:
                        start()
                    continue
                if isinstance(said, EngineError):
                    raise said
                if isinstance(said, Outcome):
                    yield said
                if waiting:
                    worker.give(waiting.popleft())
                else:
                    del workers[connection]
                    worker.stop()
    finally:
        for worker in workers.values():
            worker.stop(at_once=True)


@dataclass(slots=True)
class _Worker:
    """The parent's end of one worker process."""

    process: SpawnProcess
    connection: Connection
    job: Job | None = None

    @classmethod
    def start(cls, options: Options) -> "_Worker":
        context = multiprocessing.get_context("spawn")  # a forked model runtime may hang
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, options), daemon=True)
        # A child is born deaf to Ctrl-C: the parent hears it and decides.
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.start()
        finally:
            signal.signal(signal.SIGINT, heard)
        theirs.close()  # so that the worker's death is the end of the stream here
        return cls(process, ours)

    def give(self, job: Job) -> None:
        self.job = job
        # If it died since it last spoke, the end of its stream says so and the job is named there.
        with contextlib.suppress(BrokenPipeError):
            self.connection.send(job)

    def stop(self, *, at_once: bool = False) -> None:
        if at_once:
            self.process.terminate()
        self.connection.close()
        self.process.join()
        if at_once and self.job is not None:
            _part(self.job).unlink(missing_ok=True)

    def died(self) -> Outcome:
        """The outcome of the job that took this worker with it; raises EngineError when there was none."""
        self.connection.close()
        self.process.join()
        code = self.process.exitcode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if self.job is None:
            raise EngineError(f"a scoring process died before its first recording ({how})")
        _part(self.job).unlink(missing_ok=True)
        return Outcome(
            self.job,
            problem=f"{show(self.job.path)}: the process scoring it died ({how}); convert it to "
            "16-bit WAV, and check that there is memory to spare",
        )


def _work(connection: Connection, options: Options) -> None:
    """A worker's life: load the model once, then one recording after another until the parent hangs up."""
    # Imported here: the parent never loads the model runtime.
    from sentiment_engine.batch.score import Scorer  # noqa: PLC0415
    from sentiment_engine.onnx_model import load_emotion_model  # noqa: PLC0415
    from sentiment_engine.resources import load_playbook  # noqa: PLC0415

    try:
        scorer = Scorer(
            settings=options.settings,
            model=load_emotion_model(options.model, threads=1),
            playbook=load_playbook(),
            language=options.language,
            stage=options.stage,
            agent_channel=options.agent_channel,
        )
        try:
            scorer.monitor("trial", 8000, ("mixed",))
        except BadAudio as reason:  # what is wrong for every recording is wrong with the options
            raise BadSettings(str(reason)) from reason
    except EngineError as reason:
        connection.send(reason)
        return
    connection.send("ready")
    with contextlib.suppress(EOFError, ConnectionError):  # the parent is gone or has nothing more
        while True:
            connection.send(_score(connection.recv(), scorer, options.file_format))


def _score(job: Job, scorer: "Scorer", file_format: FileFormat) -> Outcome:
    part = _part(job)
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
        outcome = _write(job, part, scorer, file_format)
        part.replace(job.output)
    except BadAudio as reason:
        outcome = Outcome(job, problem=str(reason))
    except OSError as reason:
        outcome = Outcome(
            job, problem=f"{show(job.path)}: its events cannot be written to {job.output}: {reason}"
        )
    except MemoryError:
        outcome = Outcome(job, problem=f"{show(job.path)}: there was not enough memory to score it")
    except Exception as reason:  # noqa: BLE001 our own mistake must not cost the other recordings their scores
        traceback.print_exc(file=sys.stderr)
        outcome = Outcome(job, problem=f"{show(job.path)}: internal error, please report it: {reason!r}")
    if not outcome.written:
        part.unlink(missing_ok=True)
    return outcome


def _write(job: Job, part: Path, scorer: "Scorer", file_format: FileFormat) -> Outcome:
    # Imported here, like everything that decodes audio: the parent stays light.
    from sentiment_engine.batch.recordings import Recording  # noqa: PLC0415
    from sentiment_engine.batch.writers import open_writer  # noqa: PLC0415

    recording = Recording.open(job.path, call_id=job.call_id)
    alerts, heard_s = 0, 0.0
    with open_writer(file_format, part, recording, scorer) as writer:
        events = scorer.events(recording, writer.heard)
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                cut_short: str = end.value
                break
            writer.write(event)
            alerts += isinstance(event, AlertRaised)
            if isinstance(event, CallEnded):
                heard_s = event.duration_s
        page = writer.finish()
    return Outcome(job, problem=cut_short, written=True, heard_s=heard_s, alerts=alerts, page=page)


def _part(job: Job) -> Path:
    """Where the events stand until they are complete; known to the parent, which clears up after a crash."""
    return job.output.with_name(f".{job.output.name}.part")
