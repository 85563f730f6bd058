"""How well the emotion model hears: figures on speakers, corpora and languages it was never trained on.

    python benchmarks/emotion.py           # prints a table, writes benchmarks/results/emotion.json

All audio goes through a telephone line (benchmarks/telephone.py) unless a figure says `wide`. Intervals are
95 %, from resampling whole speakers, so with two speakers they are as wide as they should be.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.corpora import LABELS, Clip, data_root, read_manifest  # noqa: E402
from scripts.emotion_features import Float32, Take, features  # noqa: E402
from scripts.emotion_head import Head, balanced_weights, fit_head, softmax  # noqa: E402
from sentiment_engine.onnx_model import OnnxEmotionModel, load_emotion_model  # noqa: E402

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figure = Callable[[Ints], float]

RESULTS = Path(__file__).resolve().parent / "results" / "emotion.json"
CACHE = REPOSITORY / ".cache" / "emotion"
EVAL = ("tess", "ased", "casia")
PHONE, WIDE = Take("whole"), Take("wide", wide=True)
ANGRY = LABELS.index("angry")
FOUR = [LABELS.index(name) for name in ("neutral", "happy", "sad", "angry")]
RAVDESS_FOLDS = (  # test actors, EmoBox (arXiv 2406.07162)
    (1, 11, 20, 21), (4, 10, 12, 14), (8, 9, 19, 23), (3, 5, 7, 24), (2, 15, 16, 18), (6, 13, 17, 22),
)  # fmt: skip
RAVDESS_STRENGTH = 0.01
RESAMPLINGS = 200


def main() -> None:
    """Measure everything, print it, write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="how many telephone lines each clip goes through"
    )
    seeds = range(1, parser.parse_args().seeds + 1)
    root = data_root()
    model = load_emotion_model()
    metrics: dict[str, Any] = {}
    pooled = pooled_part(model)
    metrics["ravdess8_uar"] = ravdess8(read_manifest(root, split="train", corpus="ravdess"), pooled, seeds)
    for name in EVAL:
        clips = [clip for clip in read_manifest(root, split="eval", corpus=name) if clip.emotion]
        for figure, value in cross_corpus(clips, pooled, seeds).items():
            metrics.setdefault(figure, {})[name] = value
    for figure in ("anger_auc_raw", "uar4", "uar5", "ece"):
        values = [metrics[figure][name]["value"] for name in EVAL]
        metrics[figure]["mean"] = round(float(np.mean(values)), 4)
    metrics["ms_per_window"] = speed(model)
    metrics["size_bytes"] = model_path().stat().st_size
    RESULTS.parent.mkdir(exist_ok=True)
    results = {"model_sha256": model.sha256, "seeds": list(seeds), "metrics": metrics}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    show(metrics)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The shipped network in two pieces, so that features are computed once and cached."""

    front: bytes
    """ONNX: samples -> pooled features."""
    head: Head

    def pool(self, clips: Sequence[Clip], take: Take, seed: int) -> Float32:
        """Pooled features (clips, features) of one `take` of each clip."""
        return features(clips, take, self.front, CACHE, seed=seed)


def model_path() -> Path:
    """The model in this source tree."""
    return REPOSITORY / "models" / "emotion.onnx"


def pooled_part(model: OnnxEmotionModel) -> Graph:
    """The shipped graph cut before its head, and the head's own weights and bias."""
    import onnx  # noqa: PLC0415  a development dependency

    whole = onnx.load(model_path())
    arrays = {value.name: onnx.numpy_helper.to_array(value) for value in whole.graph.initializer}
    front = onnx.utils.Extractor(whole).extract_model(["samples"], ["pooled"])
    if arrays["head_bias"].shape != (len(model.labels),):
        raise SystemExit(
            f"{model_path()} has {arrays['head_bias'].shape} biases for {len(model.labels)} labels"
        )
    head = Head(arrays["head_weight"].astype(np.float64), arrays["head_bias"].astype(np.float64))
    return Graph(front.SerializeToString(), head)


def ravdess8(clips: Sequence[Clip], graph: Graph, seeds: Sequence[int]) -> dict[str, Any]:
    """UAR in percent over all eight RAVDESS classes, pooled over EmoBox's folds, a head per fold.

    The head hears augmented takes of the other actors and is asked about whole utterances.
    """
    raw = np.array([clip.raw_emotion for clip in clips])
    labels = np.unique(raw, return_inverse=True)[1].astype(np.int64)
    speakers = np.array([clip.speaker for clip in clips])
    actors = np.array([int(name.removeprefix("Actor_")) for name in speakers])
    guesses = {seed: np.zeros(len(labels), np.int64) for seed in seeds}
    for seed in seeds:
        heard = graph.pool(clips, PHONE, seed)
        takes = [heard, *(graph.pool(clips, Take(f"crop{i}", 0, speed=0.1), seed) for i in range(2))]
        for fold in RAVDESS_FOLDS:
            test = np.isin(actors, fold)
            train = np.tile(np.flatnonzero(~test), len(takes))
            weights = balanced_weights(labels[train], ["ravdess"] * len(train), speakers[train].tolist())
            pooled = np.concatenate([take[~test] for take in takes])
            head = fit_head(pooled, labels[train], weights, strength=RAVDESS_STRENGTH)
            guesses[seed][test] = head.logits(heard[test]).argmax(axis=1)
    return over_seeds(
        seeds, speakers, lambda seed: lambda rows: 100 * recall(labels[rows], guesses[seed][rows])
    )


def cross_corpus(clips: Sequence[Clip], graph: Graph, seeds: Sequence[int]) -> dict[str, Any]:
    """The shipped model on a corpus that it never heard."""
    labels = np.array([LABELS.index(str(clip.emotion)) for clip in clips])
    speakers = np.array([clip.speaker for clip in clips])
    logits = {
        (take.name, seed): graph.head.logits(graph.pool(clips, take, seed))
        for take, seed in [(WIDE, seeds[0]), *((PHONE, seed) for seed in seeds)]
    }
    phone = {seed: softmax(logits[PHONE.name, seed]) for seed in seeds}
    wide = softmax(logits[WIDE.name, seeds[0]])
    four = np.isin(labels, FOUR)

    def uar4(scores: Floats) -> Figure:
        guess = np.array(FOUR)[scores[:, FOUR].argmax(axis=1)]
        return lambda rows: 100 * recall(labels[rows[four[rows]]], guess[rows[four[rows]]])

    def uar5(scores: Floats) -> Figure:
        return lambda rows: 100 * recall(labels[rows], scores[rows].argmax(axis=1))

    def anger_auc(scores: Floats) -> Figure:
        return lambda rows: auc(labels[rows] == ANGRY, scores[rows, ANGRY])

    def ece(scores: Floats) -> Figure:
        return lambda rows: calibration_error(labels[rows], scores[rows])

    made = {
        name: over_seeds(seeds, speakers, lambda seed, figure=figure: figure(phone[seed]))
        for name, figure in (("anger_auc_raw", anger_auc), ("uar4", uar4), ("uar5", uar5), ("ece", ece))
    }
    everything = np.arange(len(labels))
    made["wide_to_phone_loss"] = {
        "anger_auc_raw": round(anger_auc(wide)(everything) - made["anger_auc_raw"]["value"], 4),
        "uar5": round(uar5(wide)(everything) - made["uar5"]["value"], 4),
    }
    return made | {"clips": len(clips), "speakers": len(set(speakers.tolist()))}


def over_seeds(
    seeds: Sequence[int], speakers: npt.NDArray[np.str_], figure_of: Callable[[int], Figure]
) -> dict[str, Any]:
    """The mean of a figure over `seeds`, and its 95 % interval from resampling speakers."""
    figures = [figure_of(seed) for seed in seeds]
    everything = np.arange(len(speakers))
    rows_of = [np.flatnonzero(speakers == name) for name in sorted(set(speakers.tolist()))]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLINGS):
        picked = rng.integers(0, len(rows_of), len(rows_of))
        rows = np.concatenate([rows_of[index] for index in picked])
        drawn.append(np.mean([figure(rows) for figure in figures]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = np.mean([figure(everything) for figure in figures])
    return {"value": round(float(value), 4), "interval": [round(float(low), 4), round(float(high), 4)]}


def recall(labels: Ints, guesses: Ints) -> float:
    """Unweighted average recall, 0..1, over the labels that occur."""
    return float(np.mean([np.mean(guesses[labels == label] == label) for label in np.unique(labels)]))


def auc(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """Probability that a positive clip scores above a negative one; ties count half."""
    values, ranks, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[ranks]
    hits = int(positive.sum())
    return float((rank[positive].sum() - hits * (hits + 1) / 2) / (hits * (len(values[ranks]) - hits)))


def calibration_error(labels: Ints, scores: Floats, bins: int = 15) -> float:
    """Expected calibration error of the top label: |confidence - accuracy| over equal-width bins."""
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        (bin_of == index).mean() * abs(confidence[bin_of == index].mean() - right[bin_of == index].mean())
        for index in np.unique(bin_of)
    ]
    return float(np.sum(gaps))


def speed(model: OnnxEmotionModel, rounds: int = 300) -> dict[str, Any]:
    """Milliseconds for one 3-second window on one thread, the wrapper included.

    `cpu_p50` is processor time, which a busy machine distorts less; `load` is the tasks that wanted to run.
    """
    window = np.random.default_rng(0).normal(0, 0.1, 3 * model.sample_rate_hz).astype(np.float32)
    took, cpu = [], []
    for _ in range(rounds + 10):
        started, cpu_started = time.perf_counter(), time.process_time()
        model([window])
        took.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - cpu_started))
    p50, p99 = np.quantile(took[10:], [0.5, 0.99])
    return {
        "p50": round(float(p50), 2),
        "p99": round(float(p99), 2),
        "cpu_p50": round(float(np.median(cpu[10:])), 2),
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }


def show(metrics: dict[str, Any]) -> None:
    """Print the figures as a table."""

    def cell(figure: dict[str, Any], digits: int) -> str:
        low, high = figure["interval"]
        return f"{figure['value']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    print(f"RAVDESS, 8 classes, UAR %   {cell(metrics['ravdess8_uar'], 1)}")
    print(f"{'corpus':8}{'anger AUC':>24}{'UAR-4 %':>22}{'UAR-5 %':>22}{'ECE':>24}{'wide-phone UAR-5':>18}")
    for name in EVAL:
        row = {
            figure: values[name]
            for figure, values in metrics.items()
            if isinstance(values, dict) and name in values
        }
        print(
            f"{name:8}{cell(row['anger_auc_raw'], 3):>24}{cell(row['uar4'], 1):>22}"
            f"{cell(row['uar5'], 1):>22}{cell(row['ece'], 3):>24}{row['wide_to_phone_loss']['uar5']:>18.1f}"
        )
    means = [f"{metrics[name]['mean']:g}" for name in ("anger_auc_raw", "uar4", "uar5", "ece")]
    print(f"mean    anger AUC {means[0]}, UAR-4 {means[1]}, UAR-5 {means[2]}, ECE {means[3]}")
    took = metrics["ms_per_window"]
    print(
        f"3 s window, one thread: p50 {took['p50']} ms, p99 {took['p99']} ms, "
        f"processor {took['cpu_p50']} ms, load {took['load']} on {took['cores']} cores"
    )
    print(f"model: {metrics['size_bytes']} bytes")


if __name__ == "__main__":
    main()
