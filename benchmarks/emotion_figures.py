"""The figures that benchmarks/emotion.py reports, and their intervals: arithmetic on labels and scores only.

A figure is asked about a set of rows (clips), so that the same one serves the whole corpus and every
resampling of it. Intervals are 95 %, from resampling whole speakers (Efron and Tibshirani 1993, chapter 8:
the unit that was drawn is the unit to draw again), so with two speakers they are as wide as they should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]
Figure = Callable[[Ints], float]
"""Of the clips in these rows; a row may come twice. NaN where they cannot say."""
Speakers = Sequence[Ints]
"""The rows of each speaker of a corpus."""

RESAMPLINGS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A figure, and what it was on resampled speakers."""

    value: float
    draws: Floats
    """Shape (RESAMPLINGS,)."""

    def report(self, digits: int = 4) -> dict[str, Any]:
        """For JSON: `value` and its 95 % `interval`, over the draws that could say."""
        known = self.draws[~np.isnan(self.draws)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
        interval = [round(float(low), digits), round(float(high), digits)]
        return {"value": round(float(self.value), digits), "interval": interval}


def speakers_of(names: Names, rows: Ints) -> list[Ints]:
    """The `rows` of each speaker; `names` has one of all clips, shape (clips,)."""
    return [rows[names[rows] == name] for name in np.unique(names[rows])]


def measure(figures: Sequence[Figure], corpora: Sequence[Speakers]) -> Measured:
    """The mean of `figures`, one for each seed; speakers are drawn again within their corpus."""
    rng = np.random.default_rng(0)
    everything = np.concatenate([rows for speakers in corpora for rows in speakers])
    draws = []
    for _ in range(RESAMPLINGS):
        rows = np.concatenate(
            [
                speakers[index]
                for speakers in corpora
                for index in rng.integers(0, len(speakers), len(speakers))
            ]
        )
        draws.append(np.mean([figure(rows) for figure in figures]))
    return Measured(float(np.mean([figure(everything) for figure in figures])), np.array(draws))


def mean_of(measured: Sequence[Measured]) -> Measured:
    """The mean over corpora, each counting the same."""
    return Measured(
        float(np.mean([one.value for one in measured])), np.mean([one.draws for one in measured], axis=0)
    )


def by_corpus(figures: Sequence[Figure], speakers: Mapping[str, Speakers]) -> dict[str, Any]:
    """The report of every corpus, and under `mean` that of their mean."""
    measured = {name: measure(figures, [own]) for name, own in speakers.items()}
    reports = {name: one.report() for name, one in measured.items()}
    return reports | {"mean": mean_of(list(measured.values())).report()}


def recall(labels: Ints, guesses: Ints) -> float:
    """Unweighted average recall, 0..1, over the labels that occur."""
    return float(np.mean([np.mean(guesses[labels == label] == label) for label in np.unique(labels)]))


def auc(positive: Bools, scores: Floats) -> float:
    """Probability that a positive clip scores above a negative one; ties count half; NaN if all are alike."""
    hits = int(positive.sum())
    misses = len(positive) - hits
    if not hits or not misses:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((rank[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def calibration_error(labels: Ints, scores: Floats, bins: int = 15) -> float:
    """Expected calibration error of the top label: |confidence - accuracy| over equal-width bins."""
    rows = reliability(labels, scores, bins)
    gaps = [row["clips"] * abs(row["confidence"] - row["accuracy"]) for row in rows]
    return float(np.sum(gaps)) / len(labels)


def reliability(labels: Ints, scores: Floats, bins: int = 10) -> list[dict[str, float]]:
    """How often the top label is right where the model is so sure; only bins that hold clips.

    `above` is the lower edge of the bin, `confidence` and `accuracy` are means over its `clips`.
    """
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "above": index / bins,
            "clips": int((bin_of == index).sum()),
            "confidence": float(confidence[bin_of == index].mean()),
            "accuracy": float(right[bin_of == index].mean()),
        }
        for index in np.unique(bin_of).tolist()
    ]


def threshold(negative_scores: Floats, false_positives: float) -> float:
    """The score that a share `false_positives` of the negative clips exceeds."""
    return float(np.quantile(negative_scores, 1 - false_positives))


def shares(hit: Bools, asked: Bools, names: Names, least: int = 1) -> Floats:
    """Share of a speaker's `asked` clips that are `hit`, at the first of them; NaN elsewhere. All (clips,).

    NaN too for speakers with less than `least`. At one clip only, so that a speaker who is drawn twice counts
    twice.
    """
    found = np.full(len(names), np.nan)
    for name in np.unique(names[asked]):
        own = np.flatnonzero(asked & (names == name))
        if len(own) >= least:
            found[own[0]] = hit[own].mean()
    return found


def mean(shares: Floats) -> float:
    """Over those that are not NaN; NaN when all are."""
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if len(known) else float("nan")


def gap(shares: Sequence[float]) -> float:
    """Largest less smallest, in points; NaN when one of them is."""
    return 100 * (max(shares) - min(shares)) if not np.isnan(shares).any() else float("nan")
