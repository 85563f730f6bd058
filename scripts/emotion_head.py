"""The linear head on pooled features: balanced multinomial logistic regression, and its temperature.

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


def balanced_weights(labels: Ints, corpora: Sequence[str], speakers: Sequence[str]) -> Floats:
    """Weights of mean 1: every (corpus, label) weighs the same, and within it every speaker."""
    keys = list(zip(corpora, labels.tolist(), speakers, strict=True))
    clips = Counter(keys)
    cells = Counter(key[:2] for key in clips)
    weights = np.array([1 / (clips[key] * cells[key[:2]]) for key in keys])
    return np.asarray(weights / weights.mean())


def fit_head(features: Float32, labels: Ints, weights: Floats, *, strength: float) -> Head:
    """Fit on (n, features) and labels 0..k-1; smaller `strength` (scikit-learn's C) regularises more."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  a training-only dependency

    wide = features.astype(np.float64)
    mean = np.average(wide, axis=0, weights=weights)
    scale = np.sqrt(np.average((wide - mean) ** 2, axis=0, weights=weights)) + SCALE_FLOOR
    fitted = LogisticRegression(C=strength, max_iter=500, tol=1e-3)
    # float32 halves the time and moves no figure: the regularisation rounds far more than it does.
    fitted.fit(((wide - mean) / scale).astype(np.float32), labels, sample_weight=weights.astype(np.float32))
    weight = fitted.coef_.astype(np.float64) / scale
    return Head(weight, fitted.intercept_.astype(np.float64) - weight @ mean)


def softmax(logits: Floats) -> Floats:
    """Row by row, (n, labels) -> probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(logits: Floats, labels: Ints, weights: Floats) -> float:
    """The temperature in 0.2..5 with the least weighted log-loss of held-out `logits` (n, labels)."""
    candidates = np.geomspace(0.2, 5.0, 200)
    picked = np.arange(len(labels)), labels
    losses = [-np.average(np.log(softmax(logits / t)[picked] + 1e-12), weights=weights) for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def speaker_folds(speakers: Sequence[str], folds: int, seed: int) -> Ints:
    """A fold number for each clip such that no speaker is in two folds; shape (n,)."""
    names = sorted(set(speakers))
    np.random.default_rng(seed).shuffle(names)
    fold_of = {name: index % folds for index, name in enumerate(names)}
    return np.array([fold_of[name] for name in speakers])
