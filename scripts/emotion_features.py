"""Pooled network features of many recordings, as telephone windows, cached on disk.

One `Take` says how a recording becomes a window (which stretch, which line); the same take of the same clip
with the same seed is the same window, whatever the order or the number of processes.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.corpora import Clip, load_clip
from benchmarks.telephone import CODECS, RATE_HZ, overload, resample, reverberate, telephone

if TYPE_CHECKING:
    import onnxruntime

Float32 = npt.NDArray[np.float32]

LONGEST_S = 8.0  # the trunk's positions end there
SHORTEST_S = 0.6
PROCESSES = 2
TRIM_DB = 35.0  # frames this far below the loudest one count as silence at either end


@dataclass(frozen=True, slots=True)
class Take:
    """How a recording becomes one window."""

    name: str
    """Names the cache file and seeds the randomness."""
    window_s: float | None = None
    """Length of a random crop of the speech; None takes all of it, 0 draws 1-3 s (a quarter: all of it)."""
    wide: bool = False
    """Leave out the telephone line."""
    speed: float = 0.0
    """Largest change of speed and pitch, as a share: 0.1 is up to 10 % either way."""
    rough: bool = False
    """At times a room, an overloaded microphone, a lossy codec before the line."""
    lossy: str | None = None
    """One of benchmarks.telephone.CODECS, always."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What the network made of one take of each clip."""

    pooled: Float32
    """Shape (clips, features)."""
    seconds: npt.NDArray[np.float64]
    """Length of each window, shape (clips,)."""


def features(clips: Sequence[Clip], take: Take, model: bytes, cache: Path, *, seed: int) -> Windows:
    """The one output of `model` for a `take` of each clip.

    Cached under `cache`, keyed by clips, take, seed and model; an interrupted run loses only the unfinished
    take.
    """
    key = hashlib.sha256(model)
    key.update(repr((take, seed)).encode())
    for clip in clips:
        key.update(f"{clip.corpus}/{clip.path.name}".encode())
    file = cache / f"{take.name}-{seed}-{key.hexdigest()[:16]}.npz"
    if file.is_file():
        with np.load(file) as kept:
            return Windows(kept["pooled"], kept["seconds"])
    with multiprocessing.get_context("spawn").Pool(PROCESSES, _start, (model,)) as pool:
        rows = pool.map(partial(_row, take=take, seed=seed), clips, chunksize=64)
    made = Windows(np.stack([pooled for pooled, _ in rows]), np.array([seconds for _, seconds in rows]))
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, pooled=made.pooled, seconds=made.seconds)
    unfinished.rename(file)
    return made


def window(clip: Clip, take: Take, seed: int) -> Float32:
    """The window that `take` makes of `clip`: float32 (n,) at 8000 Hz, 0.6 to 8 s."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{take.name}/{clip.corpus}/{clip.path.name}".encode())])
    samples, rate_hz = load_clip(clip)
    samples = speech(samples, rate_hz)
    if take.speed:
        played = rate_hz * (1 + rng.uniform(-take.speed, take.speed))
        samples = resample(samples, round(played), rate_hz)
    longest_s = take.window_s
    if longest_s == 0:
        longest_s = None if rng.random() < 0.25 else rng.uniform(1.0, 3.0)
    size = min(len(samples), int((longest_s or LONGEST_S) * rate_hz))
    start = int(rng.integers(0, len(samples) - size + 1))
    samples, lossy = samples[start : start + size], take.lossy
    if take.rough:
        samples, lossy, rate_hz = *_rough(resample(samples, rate_hz, RATE_HZ), rng), RATE_HZ
    heard = telephone(samples, rate_hz, rng, wide=take.wide, lossy=lossy)
    return heard[: int(LONGEST_S * RATE_HZ)]


def _rough(samples: Float32, rng: np.random.Generator) -> tuple[Float32, str | None]:
    """Augmentation at 8 kHz beyond the line itself, and the codec to use."""
    if rng.random() < 0.2:
        samples = reverberate(samples, rng.uniform(0.08, 0.4), rng.uniform(0.003, 0.16), rng)
    if rng.random() < 0.15:
        samples = overload(samples, rng.uniform(1.0, 4.0))
    return samples, str(rng.choice(sorted(CODECS))) if rng.random() < 0.2 else None


def speech(samples: Float32, rate_hz: int) -> Float32:
    """`samples` without silence at either end, at least 0.6 s (padded with silence when shorter)."""
    frame = rate_hz // 50
    least = int(SHORTEST_S * rate_hz) + frame
    if len(samples) < least:
        return np.pad(samples, (0, least - len(samples)))
    power = np.square(samples[: len(samples) // frame * frame].reshape(-1, frame)).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-TRIM_DB / 10))
    start, end = int(loud[0]) * frame, int(loud[-1] + 1) * frame
    missing = max(0, least - (end - start))
    start = max(0, min(start - missing // 2, len(samples) - least))
    return samples[start : max(end, start + least)]


_session: onnxruntime.InferenceSession


def _start(model: bytes) -> None:
    global _session  # noqa: PLW0603  one runtime per worker process, made when the worker starts
    _session = make_session(model)


def make_session(model: bytes) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on one thread, as the product uses it."""
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _row(clip: Clip, take: Take, seed: int) -> tuple[Float32, float]:
    samples = window(clip, take, seed)
    (pooled,) = _session.run(None, {"samples": samples[None]})
    return np.asarray(pooled[0], np.float32), len(samples) / RATE_HZ
