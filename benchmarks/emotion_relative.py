"""What scores beside a speaker's own calm voice are worth (`sentiment_engine/calm.py`, `relative` in events).

All of a speaker's clips go over one line. Three ways to come to know the calm voice, none with a label:

- `known`: a calm lead-in, as for `anger_auc` (benchmarks/emotion.py); each other clip is judged after it and
  teaches nothing.
- `unlabelled`: the clips in random order, each judged before it teaches; half of them is no calm at all.
- `one_mood`: the trap. A speaker's clips of one label alone, up to `MOST` of them, as a party that never
  shows another: whoever is angry throughout must not be taken for calm.

Each with `before`, the model's own scores of the same clips over the same line. `anger_auc` is of the
probability of angry, which alerts do not rest on: they weigh anger against calm (`Relative` in
`sentiment_engine/emotion.py`).
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.corpora import LABELS
from benchmarks.emotion_bench import ANGRY, FIVE, FOUR, Bench
from benchmarks.emotion_fairness import exceeding, gap_of_languages, gap_of_sexes
from benchmarks.emotion_figures import Bools, Figure, Floats, Ints, by_corpus
from benchmarks.emotion_systems import System
from sentiment_engine.calm import CalmVoice
from sentiment_engine.settings_tension import BaselineSettings

DEFAULT = BaselineSettings()
LEAST, MOST = 3, 15
"""Clips of a speaker and label in `one_mood`."""


def relative(bench: Bench, system: System) -> dict[str, Any]:
    """Every protocol's figures."""
    before = [bench.in_call(system, seed) for seed in system.seeds]
    found: dict[str, Any] = {}
    for name, way in WAYS.items():
        after = [way(bench, system, seed, DEFAULT) for seed in system.seeds]
        asked = [~np.isnan(scores[:, 0]) for scores in after]
        found[name] = accuracy(bench, after, asked) | {"before": accuracy(bench, before, asked)}
        if name == "known":
            hits = [exceeding(bench, scores[:, ANGRY]) for scores in after]
            found[name] |= {
                "recall_gap_sex": gap_of_sexes(bench, hits),
                "recall_gap_language": gap_of_languages(bench, hits),
            }
    return found


def accuracy(bench: Bench, scores: Sequence[Floats], asked: Sequence[Bools]) -> dict[str, Any]:
    """FIGURES of the clips that are asked, (clips, labels) and (clips,) for every seed, with intervals."""
    return {
        name: by_corpus(
            [_among(figure(bench, one), which) for one, which in zip(scores, asked, strict=True)],
            bench.speakers,
        )
        for name, figure in FIGURES.items()
    }


def known(bench: Bench, system: System, seed: int, settings: BaselineSettings = DEFAULT) -> Floats:
    """Relative scores of every clip after its speaker's lead-in, (clips, labels); NaN for the lead-in."""
    calls = bench.calls(system, seed)
    lead = system.score(calls.lead.pooled[:, system.columns], calls.lead.seconds)
    scores, after = bench.in_call(system, seed), _nowhere(bench)
    for rows in (rows for speakers in bench.speakers.values() for rows in speakers):
        voice = CalmVoice(settings)
        for index in np.flatnonzero(calls.lead_speakers == bench.names[rows[0]]):
            beside(voice, lead[index], calls.lead.seconds[index])
        for index in rows[~calls.in_lead[rows]]:
            after[index] = beside(copy.deepcopy(voice), scores[index], calls.clips.seconds[index])
    return after


def unlabelled(bench: Bench, system: System, seed: int, settings: BaselineSettings = DEFAULT) -> Floats:
    """Relative scores of every clip, in random order, (clips, labels)."""
    orders = [
        _shuffled(rows, f"order/{bench.names[rows[0]]}", seed)
        for speakers in bench.speakers.values()
        for rows in speakers
    ]
    return _follow(bench, system, seed, orders, settings)


def one_mood(bench: Bench, system: System, seed: int, settings: BaselineSettings = DEFAULT) -> Floats:
    """Relative scores of the clips of parties that show one mood only, (clips, labels); NaN elsewhere."""
    moods = [
        (f"mood/{bench.names[rows[0]]}/{LABELS[label]}", rows[bench.labels[rows] == label])
        for speakers in bench.speakers.values()
        for rows in speakers
        for label in FIVE
    ]
    orders = [_shuffled(own, name, seed)[:MOST] for name, own in moods if len(own) >= LEAST]
    return _follow(bench, system, seed, orders, settings)


def beside(voice: CalmVoice, scores: Floats, seconds: float) -> Floats:
    """Relative scores of a window, (labels,), which the voice has not heard and now learns from."""
    published = {label: round(float(p), 4) for label, p in zip(LABELS, scores, strict=True)}  # as in a call
    made = voice.relative(published, float(seconds))
    return np.array([made[label] for label in LABELS])


FIGURES: dict[str, Callable[[Bench, Floats], Figure]] = {
    "uar4": lambda bench, scores: bench.uar(scores, FOUR),
    "uar5": lambda bench, scores: bench.uar(scores, FIVE),
    "anger_auc": lambda bench, scores: bench.anger_auc(scores[:, ANGRY]),
    "ece": lambda bench, scores: bench.ece(scores),
}
WAYS: dict[str, Callable[[Bench, System, int, BaselineSettings], Floats]] = {
    "known": known,
    "unlabelled": unlabelled,
    "one_mood": one_mood,
}


def _follow(
    bench: Bench, system: System, seed: int, orders: Sequence[Ints], settings: BaselineSettings
) -> Floats:
    """Relative scores of the clips of many parties, each of which says its clips in that order."""
    seconds, scores = bench.calls(system, seed).clips.seconds, bench.in_call(system, seed)
    after = _nowhere(bench)
    for order in orders:
        voice = CalmVoice(settings)
        for index in order:
            after[index] = beside(voice, scores[index], seconds[index])
    return after


def _shuffled(rows: Ints, name: str, seed: int) -> Ints:
    return np.asarray(np.random.default_rng([seed, zlib.crc32(name.encode())]).permutation(rows))


def _nowhere(bench: Bench) -> Floats:
    return np.full((len(bench.clips), len(LABELS)), np.nan)


def _among(figure: Figure, asked: Bools) -> Figure:
    return lambda rows: figure(rows[asked[rows]])
