"""Calls heard by the engine's own two sides; what was heard is kept without its audio."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.calls import Call, Recipe, Speaker, Studio, Truth
from sentiment_engine import Settings
from sentiment_engine.contact import read_contact, rules_of
from sentiment_engine.conversation import Conversation
from sentiment_engine.cues import Cues
from sentiment_engine.emotion import EmotionModel, Window
from sentiment_engine.events import AlertRaised, Cause, Event
from sentiment_engine.flagged import Flagged
from sentiment_engine.frames import Float32
from sentiment_engine.judging import Judge
from sentiment_engine.listening import Listener, Note
from sentiment_engine.onnx_model import OnnxEmotionModel, load_emotion_model
from sentiment_engine.playbook import Playbook

NOTHING = np.zeros(0, np.float32)
AT_ONCE = 64
"""Windows in one run of the model."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A call after the listening side and the model: everything thresholds can be tried on, without audio."""

    truth: Truth
    log: list[tuple[Note, Float32 | None]]
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class Raised:
    """One alert, as far as it is scored."""

    at_s: float
    causes: tuple[Cause, ...] = ()
    """Strongest first; empty where a system names none."""
    kind: str = ""


def hear(call: Call, settings: Settings, model: EmotionModel) -> Heard:
    """Runs the engine's own listening side and scores its windows."""
    listener = Listener(settings, "pcm_s16le", 8000, ("agent", "customer"))
    pcm = np.clip(np.rint(call.samples * 32768), -32768, 32767).astype("<i2").tobytes()
    notes = listener.feed(pcm) + listener.close("stop")
    windows = [note.samples for note in notes if isinstance(note, Window)]
    scores = iter([row for i in range(0, len(windows), AT_ONCE) for row in model(windows[i : i + AT_ONCE])])
    # twenty hours of overlapping windows would be gigabytes, and judging needs none of it
    log = [
        (msgspec.structs.replace(note, samples=NOTHING), next(scores).copy())
        if isinstance(note, Window)
        else (note, None)
        for note in notes
    ]
    return Heard(call.truth, log, listener.conversation)


def hear_all(
    recipes: Sequence[Recipe],
    studio: Studio,
    settings: Settings,
    model: OnnxEmotionModel,
    *,
    model_path: Path | None = None,
    processes: int = 1,
) -> Iterator[Heard]:
    """Makes and hears calls in the order of the recipes, one in memory at a time and process.

    `model_path` is where `model` was loaded from, None for the one that ships. The answer does not depend on
    `processes`; more than one needs a main module that may be imported.
    """
    if processes <= 1:
        for recipe in recipes:
            yield hear(studio.make(recipe), settings, model)
        return
    start = (studio.root, studio.split, studio.speakers, settings, model_path)
    with ProcessPoolExecutor(processes, get_context("spawn"), _start, start) as pool:
        yield from pool.map(_hear, recipes, chunksize=4)


_worker: tuple[Studio, Settings, OnnxEmotionModel]


def _start(
    root: Path, split: str, speakers: Collection[Speaker] | None, settings: Settings, model_path: Path | None
) -> None:
    global _worker  # noqa: PLW0603  one studio and one model per worker process, made when it starts
    _worker = Studio(root, split, speakers), settings, load_emotion_model(model_path)


def _hear(recipe: Recipe) -> Heard:
    studio, settings, model = _worker
    return hear(studio.make(recipe), settings, model)


def judge(heard: Heard, settings: Settings, labels: Sequence[str]) -> list[Event]:
    """The engine's own judging side over a heard call."""
    contact = read_contact(rules_of(settings), {}, None)
    flagged = Flagged(settings.words, settings.contact.notice_within_s, contact, Cues(()))
    judge = Judge(
        settings,
        labels,
        Playbook(()),
        flagged,
        call_id=heard.truth.name,
        parties=("agent", "customer"),
        language="en",
        stage="general",
        risk_class=None,
    )
    out: list[Event] = []
    for note, scores in heard.log:
        if isinstance(note, Window):
            out += judge.window(note, scores)
        else:
            out += judge.note(note, heard.conversation)
    return out


def raised(events: Sequence[Event]) -> list[Raised]:
    """The alerts."""
    return [
        Raised(event.at_s, tuple(sorted(event.causes, key=lambda c: (-event.causes[c], c))), event.kind)
        for event in events
        if isinstance(event, AlertRaised)
    ]
