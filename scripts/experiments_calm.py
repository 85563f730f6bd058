"""Scores beside the party's own calm voice, chosen on training speakers: models/EXPERIMENTS.md.

    python scripts/experiments_calm.py      # prints the table that stands there, and `calm_odds`

RAVDESS is asked of the shipped recipe fitted on nEMO, and the other way round; both the head and `calm_odds`,
the usual scores of a calm voice, are of the other corpus. The protocols are those of
benchmarks/emotion_relative.py, over three telephone lines. The eval corpora are never touched. Needs the
`train` extra and the corpora.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.corpora import LABELS, data_root  # noqa: E402
from benchmarks.emotion_bench import Bench  # noqa: E402
from benchmarks.emotion_ears import Network  # noqa: E402
from benchmarks.emotion_figures import Floats  # noqa: E402
from benchmarks.emotion_relative import FIGURES, WAYS  # noqa: E402
from benchmarks.emotion_systems import System  # noqa: E402
from scripts import train_emotion as training  # noqa: E402
from scripts.emotion_features import Float32  # noqa: E402
from scripts.emotion_graph import pooled_model  # noqa: E402
from scripts.emotion_head import Head, shrunk, softmax  # noqa: E402
from sentiment_engine.calm import CALM  # noqa: E402
from sentiment_engine.emotion import log_odds  # noqa: E402
from sentiment_engine.onnx_model import load_emotion_model  # noqa: E402
from sentiment_engine.settings_tension import BaselineSettings  # noqa: E402

SEEDS = (1, 2, 3)
TRIED = (  # lean_prior_s, lean_most
    (2.0, 0.0), (1.0, 3.0), (2.0, 3.0), (3.0, 3.0), (6.0, 3.0), (12.0, 3.0),
    (2.0, 1.0), (2.0, 2.0), (2.0, 7.0),
)  # fmt: skip
SHOWN = (("uar4", 1, 1), ("anger_auc", 1, 100), ("ece", 1, 100))


def main() -> None:
    """Ask every setting, print the table."""
    bench, systems = heard()
    usual = {corpus: calm_odds(bench, systems[corpus], corpus) for corpus in training.CORPORA}
    both = {
        label: float(np.mean([odds[label] for odds in usual.values()])) for label in LABELS if label != CALM
    }
    print("calm_odds, the mean of both:", {label: round(odds, 2) for label, odds in both.items()})
    print("| design | " + " | ".join(f"{way}: UAR-4, anger AUC, ECE" for way in WAYS) + " |")
    print("|---|" + "---|" * len(WAYS))
    for prior_s, most in TRIED:
        found = {}
        for corpus, other in zip(training.CORPORA, reversed(training.CORPORA), strict=True):
            settings = msgspec.structs.replace(
                BaselineSettings(), calm_odds=usual[other], lean_prior_s=prior_s, lean_most=most
            )
            found[corpus] = asked(bench, systems[corpus], corpus, settings)
        title = f"lean_prior_s {prior_s:g}, lean_most {most:g}" if most else "the model's own scores"
        print(row(title, found), flush=True)


def asked(
    bench: Bench, system: System, corpus: str, settings: BaselineSettings
) -> dict[str, dict[str, float]]:
    """Each protocol's figures of one corpus, means over the lines."""
    found = {}
    for name, way in WAYS.items():
        scores = [way(bench, system, seed, settings) for seed in SEEDS]
        rows = [np.flatnonzero((bench.corpora == corpus) & ~np.isnan(one[:, 0])) for one in scores]
        found[name] = {
            figure: float(np.mean([make(bench, one)(own) for one, own in zip(scores, rows, strict=True)]))
            for figure, make in FIGURES.items()
        }
    return found


def heard() -> tuple[Bench, Mapping[str, System]]:
    """All clips, and for each corpus the system that never heard it."""
    clips = training.training_clips(data_root())
    content = pooled_model(training.find_trunk(None), training.STAGES, mel=True).SerializeToString()
    trunk, calibration = Network(content), load_emotion_model().description.calibration
    rows = training.training_rows(clips, content)
    systems = {}
    for corpus in training.CORPORA:
        head = training.bare_head(rows.where(rows.corpora != corpus)).cooled(calibration.temperature)
        score = partial(_scores, head, calibration.shrink_s)
        systems[corpus] = System("held out", trunk, slice(None), score, training.TAKES, SEEDS)
    return Bench.of(clips, training.CACHE), systems


def _scores(head: Head, shrink_s: float, pooled: Float32, seconds: Floats) -> Floats:
    return softmax(shrunk(head.logits(pooled), seconds, shrink_s))


def calm_odds(bench: Bench, system: System, corpus: str) -> dict[str, float]:
    """Mean of log(p / neutral) of neutral clips by label, each speaker and line counting the same."""
    calm = LABELS.index(CALM)
    means = []
    for seed in SEEDS:
        scores = bench.in_call(system, seed)
        for name in np.unique(bench.names[bench.corpora == corpus]):
            own = scores[(bench.names == name) & (bench.labels == calm)].tolist()
            means.append(np.mean([[log_odds(p, one[calm]) for p in one] for one in own], axis=0))
    mean = np.mean(means, axis=0)
    return {label: float(mean[index]) for index, label in enumerate(LABELS) if label != CALM}


def row(title: str, found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """One line of the table: mean of both corpora (nEMO, RAVDESS)."""
    cells = []
    for way in WAYS:
        parts = []
        for name, digits, scale in SHOWN:
            each = [scale * found[corpus][way][name] for corpus in ("nemo", "ravdess")]
            parts.append(f"{np.mean(each):.{digits}f} ({each[0]:.{digits}f} {each[1]:.{digits}f})")
        cells.append(", ".join(parts))
    return f"| {title} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
