"""The linear head on pooled features: balanced multinomial logistic regression, and its calibration.

The trunk stays frozen: fine-tuning it fits the training speakers and loses other languages
(models/EXPERIMENTS.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCALE_FLOOR = (
    1e-3  # features that hardly vary in training (mel filters above the band) must not explode later
)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Logits are `features @ weight.T + bias`; standardisation is already folded in."""

    weight: Floats
    """Shape (labels, features)."""
    bias: Floats
    """Shape (labels,)."""

    def logits(self, features: Float32) -> Floats:
        """(n, features) -> (n, labels)."""
        return np.asarray(features.astype(np.float64) @ self.weight.T + self.bias)

    def cooled(self, temperature: float) -> Head:
        """The same head with its logits divided by `temperature`."""
        return Head(self.weight / temperature, self.bias / temperature)

    def levelled(self, features: Float32, labels: Ints) -> Head:
        """The same head without its lean on other voices, `features` (n, features) with rough `labels` (n,).

        In a corpus that it does not know, a head gives some labels more than their share whatever is said:
        its mean logits, every label counting the same, are taken off its bias (the offsets of vector scaling,
        Guo et al. 2017). Labels that `features` lack are levelled by what the others give them.
        """
        logits = self.logits(features)
        lean = np.mean([logits[labels == label].mean(axis=0) for label in np.unique(labels)], axis=0)
        return Head(self.weight, self.bias - (lean - lean.mean()))


def balanced_weights(labels: Ints, corpora: Sequence[str], speakers: Sequence[str]) -> Floats:
    """Weights of mean 1: every (corpus, label) weighs the same, and within it every speaker."""
    keys = list(zip(corpora, labels.tolist(), speakers, strict=True))
    clips = Counter(keys)
    cells = Counter(key[:2] for key in clips)
    weights = np.array([1 / (clips[key] * cells[key[:2]]) for key in keys])
    return np.asarray(weights / weights.mean())


def fit_head(
    features: Float32,
    labels: Ints,
    weights: Floats,
    *,
    strength: float,
    contrast: tuple[int, int] | None = None,
    emphasis: float = 0.0,
    clips: Ints | None = None,
    consistency: float = 0.0,
    iterations: int = 60,
) -> Head:
    """Fit on (n, features) and labels 0..k-1; smaller `strength` (scikit-learn's C) regularises more.

    Minimises the weighted log-loss plus |W|^2 / (2 strength n) by L-BFGS from zero. With `contrast`, two
    labels, the log-loss of telling the second from the first is added, `emphasis` times: those two are what
    tension lives on, and the same weights serve both tasks. With `clips`, which recording each row is a take
    of, logits that differ between takes of one recording cost `consistency` times as much as their size does:
    what the line, the noise or the crop change is not the voice (nuisance attribute projection, Solomonoff,
    Campbell and Boardman 2005, made soft).
    """
    from scipy.optimize import minimize  # noqa: PLC0415  a training-only dependency

    shares = (weights / weights.sum()).astype(np.float32)
    mean = shares @ features
    inputs = features - mean  # float32 throughout: half the time, and no figure moves
    scale = np.sqrt(shares @ np.square(inputs)) + np.float32(SCALE_FLOOR)
    inputs /= scale
    n, size, count = len(labels), inputs.shape[1], int(labels.max()) + 1
    truth = np.eye(count, dtype=np.float32)[labels]
    low, high = contrast or (0, 0)
    chosen = np.isin(labels, contrast or ()).astype(np.float32) * shares * np.float32(emphasis)
    wobble = np.eye(size, dtype=np.float32)
    if clips is not None and consistency:
        wobble += np.float32(consistency) * within_clips(inputs, clips, shares)

    def loss(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.astype(np.float32).reshape(count, size + 1)
        logits = inputs @ matrix[:, :size].T + matrix[:, size]
        logits -= logits.max(axis=1, keepdims=True)
        log_total = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        error = (np.exp(logits - log_total) - truth) * shares[:, None]
        total = float(((log_total - logits) * truth).sum(axis=1) @ shares)
        if contrast:
            gap = logits[:, high] - logits[:, low]
            signed = np.where(labels == high, gap, -gap)
            total += float(np.logaddexp(0, -signed) @ chosen)
            pull = chosen * (1 / (1 + np.exp(-gap)) - (labels == high))
            error[:, high] += pull
            error[:, low] -= pull
        gradient = np.empty_like(matrix)
        held = matrix[:, :size] @ wobble
        gradient[:, :size] = error.T @ inputs + held / np.float32(strength * n)
        gradient[:, size] = error.sum(axis=0)
        total += float((matrix[:, :size] * held).sum()) / (2 * strength * n)
        return total, gradient.ravel().astype(np.float64)

    found = minimize(loss, np.zeros(count * (size + 1)), jac=True, method="L-BFGS-B",
                     options={"maxiter": iterations, "maxcor": 10})  # fmt: skip
    matrix = found.x.reshape(count, size + 1)
    weight = matrix[:, :size] / scale
    return Head(weight, matrix[:, size] - weight @ mean)


def within_clips(features: Float32, clips: Ints, shares: Float32) -> Float32:
    """How features (n, size) vary between the takes of one recording: their covariance, (size, size).

    `clips` (n,) numbers the recordings, each with as many takes, two at least; `shares` (n,) sum to 1.
    """
    takes = np.argsort(clips, kind="stable").reshape(len(np.unique(clips)), -1)
    off = features - features[takes].mean(axis=1)[np.unique(clips, return_inverse=True)[1]]
    count = takes.shape[1]
    return np.asarray((off * shares[:, None]).T @ off * np.float32(count / (count - 1)))


def mean_head(heads: Sequence[Head], columns: Sequence[slice]) -> Head:
    """One head that gives the mean of the logits of `heads`, each of which reads its own `columns`.

    Experts that see different evidence and err apart (Hinton 2002, products of experts). One head on all
    features leans on the few combinations that tell its training speakers apart.
    """
    width = max(part.stop for part in columns)
    weight = np.zeros((len(heads[0].bias), width))
    for head, part in zip(heads, columns, strict=True):
        weight[:, part] += head.weight / len(heads)
    return Head(weight, np.asarray(np.mean([head.bias for head in heads], axis=0)))


def softmax(logits: Floats) -> Floats:
    """Row by row, (n, labels) -> probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def shrunk(logits: Floats, seconds: Floats, shrink_s: float) -> Floats:
    """Logits as the graph gives them: a window of t seconds keeps t / (t + `shrink_s`) of them."""
    return np.asarray(logits * (seconds / (seconds + shrink_s))[:, None])


def fit_calibration(logits: Floats, labels: Ints, weights: Floats, seconds: Floats) -> tuple[float, float]:
    """Temperature (0.3..5) and `shrink_s` (0..3) with the least weighted log-loss of held-out `logits`."""
    picked = np.arange(len(labels)), labels
    best = (np.inf, 1.0, 0.0)
    for shrink_s in np.linspace(0.0, 3.0, 13):
        kept = shrunk(logits, seconds, shrink_s)
        for temperature in np.geomspace(0.3, 5.0, 60):
            loss = -np.average(np.log(softmax(kept / temperature)[picked] + 1e-12), weights=weights)
            best = min(best, (float(loss), float(temperature), float(shrink_s)))
    return best[1], best[2]


def speaker_folds(speakers: Sequence[str], folds: int, seed: int) -> Ints:
    """A fold number for each clip such that no speaker is in two folds; shape (n,)."""
    names = sorted(set(speakers))
    np.random.default_rng(seed).shuffle(names)
    fold_of = {name: index % folds for index, name in enumerate(names)}
    return np.array([fold_of[name] for name in speakers])
