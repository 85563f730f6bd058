"""The systems that benchmarks/emotion.py compares: the shipped network and what it has to beat.

Each is an ear (what features it hears) and a score (features of a window to probabilities). The shipped graph
is cut at `pooled`; what follows is run as it is, so the probabilities are the shipped ones. The baselines are
fitted here, on the clips and takes that the shipped head was trained on: plain multinomial logistic
regression, balanced alike and calibrated alike, on log-mel statistics, on eGeMAPS functionals, and on the
frozen trunk's first block (the probe of EVALUATION.md).
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from benchmarks.corpora import LABELS, Clip
from benchmarks.emotion_ears import Ear, Egemaps, Network, hear_takes
from benchmarks.emotion_figures import Floats, Ints
from benchmarks.telephone import RATE_HZ
from scripts.emotion_features import Float32, Take, make_session
from scripts.emotion_graph import MELS, STAGES, WIDTH, float_model
from scripts.emotion_head import (
    Head,
    balanced_weights,
    fit_calibration,
    fit_head,
    shrunk,
    softmax,
    speaker_folds,
)
from sentiment_engine.onnx_model import OnnxEmotionModel

Score = Callable[[Float32, Floats], Floats]
"""Features (n, m) and seconds (n,) of windows -> probabilities (n, labels)."""

STRENGTH = 0.001
"""Of the baselines' regularisation (scikit-learn's C)."""
FOLDS = 4
EGEMAPS_TAKES = 2
"""openSMILE takes 15 ms for a second of audio, so its head hears fewer takes and its test one line a clip."""
BASELINES = ("frozen_probe", "log_mel", "egemaps")


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Something that hears windows and gives probabilities."""

    name: str
    ear: Ear
    columns: slice
    """Of the ear's features, those that it reads."""
    score: Score
    takes: Sequence[Take]
    """Augmented takes that its head was trained on."""
    seeds: Sequence[int]
    """Telephone lines that it is asked about."""


def shipped(path: Path, model: OnnxEmotionModel, takes: Sequence[Take], seeds: Sequence[int]) -> System:
    """The network at `path`, cut at `pooled`.

    Raises SystemExit when the two parts together do not say what `model` says.
    """
    graph = onnx.load(path)
    system = System("shipped", up_to_pooled(graph), slice(None), after_pooled(graph), takes, seeds)
    hear = system.ear.start()
    for window in probes():
        said = system.score(hear(window)[None], np.array([len(window) / RATE_HZ]))
        if not np.allclose(said, model([window]), atol=1e-5):
            raise SystemExit(f"{path} cut at 'pooled' says {said}, the whole of it {model([window])}")
    return system


def in_float(system: System, path: Path) -> System:
    """`system` with the network at `path` before its head, but in float: its scores less int8's rounding."""
    return dataclasses.replace(system, name="float", ear=up_to_pooled(float_model(onnx.load(path))))


def up_to_pooled(graph: onnx.ModelProto) -> Network:
    """The part of the graph that gives the features."""
    return Network(onnx.utils.Extractor(graph).extract_model(["samples"], ["pooled"]).SerializeToString())


def after_pooled(graph: onnx.ModelProto) -> Score:
    """What the graph does from `pooled`, and the length of the window, to `probabilities`."""
    maker = {output: node for node in graph.graph.node for output in node.output}
    needed, nodes = ["probabilities"], []
    for name in needed:  # grows while it is walked
        if name in maker and name not in ("pooled", "length_f") and maker[name] not in nodes:
            nodes.append(maker[name])
            needed += maker[name].input
    inputs = {
        "pooled": helper.make_tensor_value_info("pooled", 1, ["batch", None]),
        "length_f": helper.make_tensor_value_info("length_f", 1, ["batch", 1]),
    }
    read = [inputs[name] for name in inputs if name in needed]
    made = helper.make_tensor_value_info("probabilities", 1, ["batch", None])
    constants = [constant for constant in graph.graph.initializer if constant.name in needed]
    in_order = [node for node in graph.graph.node if node in nodes]
    tail = helper.make_model(
        helper.make_graph(in_order, "tail", read, [made], constants),
        opset_imports=graph.opset_import,
        ir_version=graph.ir_version,
    )
    session = make_session(tail.SerializeToString())

    def score(pooled: Float32, seconds: Floats) -> Floats:
        lengths = np.rint(seconds * RATE_HZ).astype(np.float32)[:, None]
        given = {"pooled": pooled, "length_f": lengths}
        (said,) = session.run(None, {value.name: given[value.name] for value in session.get_inputs()})
        return np.asarray(said, np.float64)

    return score


def probes() -> list[Float32]:
    """Two windows of noise, of different lengths."""
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, int(s * RATE_HZ)).astype(np.float32) for s in (1.3, 3.0)]


def same_features(one: Network, other: Network) -> bool:
    """Whether two networks hear the same in a window."""
    first, second = one.start(), other.start()
    pairs = [(first(window), second(window)) for window in probes()]
    return all(a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in pairs)


def columns(network: Network) -> Mapping[str, slice]:
    """Where the network's `pooled` holds the log-mel statistics and those of the trunk's first block."""
    graph = onnx.load_model_from_string(network.content).graph
    (parts,) = [list(node.input) for node in graph.node if "pooled" in node.output]
    ends = np.cumsum([MELS if part.startswith("mel") else WIDTH for part in parts]).tolist()
    starts = dict(zip(parts, [0, *ends[:-1]], strict=True))
    block = f"{STAGES[1]}_mean"
    if "mel_mean" not in starts or block not in starts:
        raise SystemExit(f"'pooled' holds {parts}: log_mel needs mel_mean, frozen_probe {block}")
    return {
        "log_mel": slice(starts["mel_mean"], starts["mel_mean"] + 2 * MELS),
        "frozen_probe": slice(starts[block], starts[block] + 2 * WIDTH),
    }


def baselines(
    clips: Sequence[Clip],
    trunk: Network,
    takes: Sequence[Take],
    cache: Path,
    *,
    seeds: Sequence[int],
    seed: int,
    with_egemaps: bool,
) -> list[System]:
    """The baselines, fitted on `takes` of training `clips` with that `seed`; eGeMAPS if it is installed."""
    made = [
        System(name, trunk, part, trained(trunk, part, clips, takes, cache, seed=seed), takes, seeds)
        for name, part in columns(trunk).items()
    ]
    if with_egemaps and importlib.util.find_spec("opensmile"):
        ear, fewer = Egemaps(), takes[:EGEMAPS_TAKES]
        score = trained(ear, slice(None), clips, fewer, cache, seed=seed)
        made.append(System("egemaps", ear, slice(None), score, fewer, seeds[:1]))
    return made


def trained(
    ear: Ear, part: slice, clips: Sequence[Clip], takes: Sequence[Take], cache: Path, *, seed: int
) -> Score:
    """A calibrated linear head on `part` of the features.

    Calibrated as the shipped one (scripts/train_emotion.py): on held-out speakers and held-out corpora.
    """
    heard = [hear_takes(ear, clips, take, cache, seed=seed) for take in takes]
    pooled = np.concatenate([windows.pooled[:, part] for windows in heard])
    seconds = np.concatenate([windows.seconds for windows in heard])
    labels = np.tile([LABELS.index(str(clip.emotion)) for clip in clips], len(takes))
    corpora = np.tile([clip.corpus for clip in clips], len(takes))
    speakers = np.tile([f"{clip.corpus}/{clip.speaker}" for clip in clips], len(takes))

    def weights(rows: Ints) -> Floats:
        return balanced_weights(labels[rows], corpora[rows].tolist(), speakers[rows].tolist())

    def head(rows: Ints) -> Head:
        return fit_head(pooled[rows], labels[rows], weights(rows), strength=STRENGTH)

    folds = speaker_folds(speakers.tolist(), FOLDS, seed)
    held_out = [np.flatnonzero(folds == fold) for fold in range(FOLDS)]
    held_out += [np.flatnonzero(corpora == corpus) for corpus in np.unique(corpora)]
    everything = np.arange(len(labels))
    logits = [head(np.setdiff1d(everything, out)).logits(pooled[out]) for out in held_out]
    asked = np.concatenate(held_out)
    temperature, shrink_s = fit_calibration(
        np.concatenate(logits),
        labels[asked],
        np.concatenate([weights(out) for out in held_out]),
        seconds[asked],
    )
    final = head(everything).cooled(temperature)
    return lambda features, lasted: softmax(shrunk(final.logits(features), lasted, shrink_s))
