"""Whom the emotion model hears worst: women or men, which language, which speaker.

Gaps are of anger recall, in points, at one threshold for all: the one that a tenth of all eval clips that are
not angry exceeds. `value` is with running normalisation (see benchmarks/emotion.py), `raw` on the probability
of angry. Eval corpora whose manifest knows the speakers' sex: all three; TESS has women only, and five
speakers of ASED of whom it says both are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.emotion_bench import ANGRY, Bench
from benchmarks.emotion_figures import Bools, Figure, Floats, Ints, gap, mean, measure, shares, threshold
from benchmarks.emotion_systems import System

FALSE_POSITIVES = 0.1
LEAST_ANGRY = 5
"""Angry clips that a speaker must have to be called the worst served."""


def fairness(bench: Bench, system: System) -> dict[str, Any]:
    """The gaps, and the worst served speakers."""
    alone = bench.alone(system)
    known = [bench.running(system, seed) for seed in system.seeds]
    made = {}
    for name, of in (("recall_gap_sex", gap_of_sexes), ("recall_gap_language", gap_of_languages)):
        raw = of(bench, [exceeding(bench, scores[:, ANGRY]) for scores in alone])
        made[name] = of(bench, [exceeding(bench, scores) for scores in known]) | {"raw": raw}
    return made | {"worst_speaker_recall": worst_speaker(bench, alone)}


def exceeding(bench: Bench, scores: Floats) -> Bools:
    """Which clips exceed the threshold; `scores` (clips,) are NaN for clips that are not asked."""
    others = scores[(bench.labels != ANGRY) & ~np.isnan(scores)]
    return np.asarray(scores > threshold(others, FALSE_POSITIVES))


def gap_of_sexes(bench: Bench, hits: Sequence[Bools]) -> dict[str, Any]:
    """|women - men|, each the mean of its speakers, so that a corpus of two women does not decide it."""
    angry = bench.labels == ANGRY
    each = [shares(hit, angry, bench.names) for hit in hits]

    def recalls(own: Floats, rows: Ints) -> list[float]:
        return [mean(own[rows[bench.sexes[rows] == sex]]) for sex in "FM"]

    def told(rows: Ints) -> dict[str, Any]:
        women, men = np.mean([recalls(own, rows) for own in each], axis=0)
        counted = [bench.sexes[rows] == sex for sex in "FM"]
        speakers = [int((~np.isnan(each[0][rows[sex]])).sum()) for sex in counted]
        return {"women": round(float(women), 4), "men": round(float(men), 4), "speakers": speakers}

    figures: list[Figure] = [lambda rows, own=own: gap(recalls(own, rows)) for own in each]
    report = measure(figures, list(bench.speakers.values())).report() | told(np.arange(len(bench.labels)))
    of_corpus = {name: np.flatnonzero(bench.corpora == name) for name in bench.speakers}
    report["by_corpus"] = {
        name: told(rows) for name, rows in of_corpus.items() if {"F", "M"} <= set(bench.sexes[rows].tolist())
    }
    return report


def gap_of_languages(bench: Bench, hits: Sequence[Bools]) -> dict[str, Any]:
    """Highest less lowest recall of the corpora, which are of one language each; clips count the same."""

    def recalls(hit: Bools, rows: Ints) -> list[float]:
        rows = rows[bench.labels[rows] == ANGRY]
        return [mean(hit[rows[bench.corpora[rows] == name]].astype(np.float64)) for name in bench.speakers]

    figures: list[Figure] = [lambda rows, hit=hit: gap(recalls(hit, rows)) for hit in hits]
    everything = np.arange(len(bench.labels))
    means = np.mean([recalls(hit, everything) for hit in hits], axis=0).round(4).tolist()
    told = dict(zip(bench.speakers, means, strict=True))
    return measure(figures, list(bench.speakers.values())).report() | {"recalls": told}


def worst_speaker(bench: Bench, alone: Sequence[Floats]) -> dict[str, Any]:
    """Share of a speaker's angry clips whose top label is angry: the lowest, and the tenth percentile."""
    angry = bench.labels == ANGRY
    right = [scores.argmax(axis=1) == ANGRY for scores in alone]
    each = np.mean([shares(hit, angry, bench.names, LEAST_ANGRY) for hit in right], axis=0)

    def at(share: float) -> Figure:
        def figure(rows: Ints) -> float:
            known = each[rows][~np.isnan(each[rows])]
            return float(np.quantile(known, share)) if len(known) else float("nan")

        return figure

    corpora = list(bench.speakers.values())
    percentile = measure([at(0.1)], corpora).report()
    return measure([at(0.0)], corpora).report() | {
        "tenth_percentile": percentile,
        "speakers": int((~np.isnan(each)).sum()),
    }
