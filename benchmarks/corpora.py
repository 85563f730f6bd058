"""The labelled recordings behind every accuracy figure, as records.

They stay outside the repository (their licences ask for it): `data_root()` says where they are,
`read_manifest` lists them, `load_clip` reads one. Filtering by split happens here, once, so that nobody
trains on an eval corpus by a slip of the hand.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Float32 = npt.NDArray[np.float32]

LABELS = ("neutral", "happy", "sad", "angry", "fearful")
EMOTIONS = {  # the corpora's own words -> ours; disgust, surprise and boredom are left out
    "neutral": "neutral", "calm": "neutral",
    "happy": "happy", "happiness": "happy",
    "sad": "sad", "sadness": "sad",
    "angry": "angry", "anger": "angry",
    "fearful": "fearful", "fear": "fearful",
}  # fmt: skip
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording."""

    path: Path
    """The audio file."""
    split: str
    """`train`, `eval`, `calm`, `noise`, ...; only `train` may shape shipped weights."""
    corpus: str
    speaker: str
    """Unique within the corpus; "unknown" where the corpus does not say."""
    gender: str
    """`F`, `M`, or empty."""
    emotion: str | None
    """One of LABELS, or None where the corpus means something else."""
    raw_emotion: str
    """The corpus's own word."""
    language: str
    duration_s: float
    extra: str
    """Whatever else the corpus says, `key=value;...`."""


def data_root() -> Path:
    """Where the recordings are: $SENTIMENT_DATA, else ../shared/data beside the repository.

    Raises SystemExit naming the path and the remedy when there is no manifest.tsv.
    """
    root = Path(os.environ.get("SENTIMENT_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (root / "manifest.tsv").is_file():
        raise SystemExit(f"no manifest.tsv in {root}: set SENTIMENT_DATA to the folder with the corpora")
    return root


def read_manifest(
    root: Path, *, split: str | None = None, corpus: str | Collection[str] | None = None
) -> list[Clip]:
    """Every clip of `root`/manifest.tsv, in its order; `split` and `corpus` narrow it down.

    Raises ValueError when nothing is left, because an empty corpus is always a mistake.
    """
    wanted = {corpus} if isinstance(corpus, str) else None if corpus is None else set(corpus)
    with (root / "manifest.tsv").open(encoding="utf-8", newline="") as table:
        clips = [
            _clip(root, row)
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
            if split in (None, row["split"]) and (wanted is None or row["corpus"] in wanted)
        ]
    if not clips:
        raise ValueError(f"{root}/manifest.tsv has no clip with split={split!r}, corpus={corpus!r}")
    return clips


def load_clip(clip: Clip) -> tuple[Float32, int]:
    """Read one clip: mono samples in [-1, 1], shape (n,), and their rate in Hz; channels are averaged."""
    samples, rate_hz = soundfile.read(clip.path, dtype="float32", always_2d=True)
    return samples.mean(axis=1, dtype=np.float32), int(rate_hz)


def _clip(root: Path, row: dict[str, str]) -> Clip:
    return Clip(
        path=root / row["path"],
        split=row["split"],
        corpus=row["corpus"],
        speaker=row["speaker"],
        gender=row["gender"],
        emotion=EMOTIONS.get(row["emotion"]),
        raw_emotion=row["emotion"],
        language=row["language"],
        duration_s=float(row["duration_s"] or "nan"),
        extra=row["extra"] or "",
    )
