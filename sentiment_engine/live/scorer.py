"""Windows of all calls, one run of the model at a time, in a thread: the event loop never waits for it.

Calls take turns: each run holds the oldest window of every call that waits, then the second oldest, up to
``batch_windows``. A window that waited longer than ``max_lag_s`` is skipped, so that under overload alerts
stay late by seconds instead of by an ever longer backlog; its call hears ``None`` and marks a gap.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import numpy as np
import structlog

from sentiment_engine.emotion import EmotionModel, Window
from sentiment_engine.frames import Float32
from sentiment_engine.live.logs import plain_trace
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings import LiveSettings

log = structlog.get_logger(__name__)

Scores = list[Float32 | None]


class Waiting(Protocol):
    """What the scorer needs of a call: a place for its windows, oldest first, each with its arrival."""

    windows: deque[tuple[Window, float]]


CallT = TypeVar("CallT", bound=Waiting)


class Scorer(Generic[CallT]):
    """Gathers windows, runs the model, hands scores back.

    Args:
        settings: how much to gather, and when to skip.
        model: is entered by one thread at a time.
        metrics: counts windows and times runs.
        deliver: is given a call and scores for its next windows, in the order they were handed in; runs on
        the
            event loop and must not raise.
    """

    def __init__(
        self,
        settings: LiveSettings,
        model: EmotionModel,
        metrics: Metrics,
        deliver: Callable[[CallT, Scores], None],
    ) -> None:
        self._settings, self._model, self._metrics, self._deliver = settings, model, metrics, deliver
        self._calls: deque[CallT] = deque()  # those with windows waiting, whose turn is next first
        self._waiting = 0
        self._due = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="emotion")

    def add(self, call: CallT, windows: Sequence[Window]) -> None:
        """Queues windows of a call behind those it has waiting."""
        if not windows:
            return
        if not call.windows:
            self._calls.append(call)
        now = time.monotonic()
        call.windows.extend((window, now) for window in windows)
        self._waiting += len(windows)
        self._due.set()

    def forget(self, call: CallT) -> None:
        """Throws away what a call has waiting; nothing is delivered for it."""
        if call.windows:
            self._calls.remove(call)
            self._waiting -= len(call.windows)
            call.windows.clear()

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            while True:
                await self._due.wait()
                if self._waiting < self._settings.batch_windows:
                    oldest = min(call.windows[0][1] for call in self._calls)
                    await asyncio.sleep(max(0.0, oldest + self._settings.tick_s - time.monotonic()))
                await self._turn()
                if not self._waiting:
                    self._due.clear()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _turn(self) -> None:
        """One run of the model; every window taken is answered."""
        answers, due = self._gather()
        scores: Sequence[Float32 | None] = ()
        if due:
            began = time.monotonic()
            scores = await self._score([window for _, _, window, _ in due])
            done = time.monotonic()
            self._metrics.batch_windows.observe(len(due))
            self._metrics.batch_seconds.observe(done - began)
            for _, _, _, arrived in due:
                self._metrics.window_wait_seconds.observe(done - arrived)
        for (call, place, _, _), row in zip(due, scores, strict=True):
            answers[call][place] = row
        for call, rows in answers.items():
            self._deliver(call, rows)

    def _gather(self) -> tuple[dict[CallT, Scores], list[tuple[CallT, int, Window, float]]]:
        """What each call will be told, None until scored; and the windows to score, each with its place."""
        answers: dict[CallT, Scores] = {}
        due: list[tuple[CallT, int, Window, float]] = []
        too_old = time.monotonic() - self._settings.max_lag_s
        while self._calls and len(due) < self._settings.batch_windows:
            call = self._calls.popleft()
            window, arrived = call.windows.popleft()
            self._waiting -= 1
            if call.windows:
                self._calls.append(call)
            rows = answers.setdefault(call, [])
            if arrived < too_old:
                self._metrics.windows_skipped.labels("overload").inc()
            else:
                due.append((call, len(rows), window, arrived))
            rows.append(None)
        return answers, due

    async def _score(self, windows: list[Window]) -> Sequence[Float32 | None]:
        """A row for each window; all None when the model fails, which ends nobody's call."""
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._thread, self._run, windows)
        except Exception as fault:  # noqa: BLE001 - whatever a model raises, the calls live on; it is counted
            log.error(  # noqa: TRY400 - exception() may print local variables: audio
                "model_failed", windows=len(windows), trace=plain_trace(fault)
            )
            self._metrics.windows_skipped.labels("model_error").inc(len(windows))
            return [None] * len(windows)
        self._metrics.windows_scored.inc(len(windows))
        return list(rows)

    def _run(self, windows: list[Window]) -> Float32:
        rows = self._model([window.samples for window in windows])
        expected = (len(windows), len(self._model.labels))
        if rows.shape != expected or not np.isfinite(rows).all():
            raise ValueError(f"the model gave {rows.shape}, expected finite numbers in {expected}")
        return rows
