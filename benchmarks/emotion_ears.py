"""What the systems of benchmarks/emotion.py hear: telephone windows turned into features, cached on disk.

Two kinds of windows. *Takes* (scripts/emotion_features.py): every clip over a line of its own. *Calls*: all
clips of a speaker over one and the same line, as in a call, with a calm lead-in chosen from the neutral ones.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.corpora import Clip, load_clip
from benchmarks.emotion_figures import Bools, Floats, Names
from benchmarks.telephone import RATE_HZ, resample, telephone
from scripts.emotion_features import (
    LONGEST_S,
    PROCESSES,
    Float32,
    Take,
    Windows,
    features,
    make_session,
    speech,
    window,
)
from sentiment_engine.settings_hearing import WindowSettings

LEAD_S = 30.0
"""Calm speech before the test, where a speaker has that much."""
LEAD_SHARE = 0.5
"""Of a speaker's neutral speech at most: neutral clips must be left to test on."""
GAP_S = 0.2
"""Silence between two clips of a call; band edges ring for less."""
WINDOW_S, LEAST_S = WindowSettings().window_s, WindowSettings().min_window_s

Hear = Callable[[Float32], Float32]
"""Samples (n,) at 8 kHz -> features (m,)."""


class Ear(Protocol):
    """A way to turn samples into features."""

    @property
    def key(self) -> str:
        """Names its features on disk: another ear has another key."""

    def start(self) -> Hear:
        """Made once in every worker process."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """An ONNX graph from `samples` to one output of pooled features."""

    content: bytes

    @property
    def key(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def start(self) -> Hear:
        session = make_session(self.content)
        return lambda samples: np.asarray(session.run(None, {"samples": samples[None]})[0][0], np.float32)


@dataclass(frozen=True, slots=True)
class Egemaps:
    """The 88 functionals of eGeMAPSv02 (Eyben et al. 2016), by the PyPI package opensmile, at 8 kHz."""

    key: str = "eGeMAPSv02"

    def start(self) -> Hear:
        import opensmile  # noqa: PLC0415  optional

        smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
        )

        def hear(samples: Float32) -> Float32:
            found = smile.process_signal(samples, RATE_HZ).to_numpy(np.float32)[0]
            return np.asarray(np.nan_to_num(found, posinf=0.0, neginf=0.0))

        return hear


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """Features of many speakers' clips, each speaker on one line."""

    clips: Windows
    """Every clip as one window, in the order that was asked."""
    in_lead: Bools
    """Which clips the lead-in is made of, shape (clips,)."""
    lead: Windows
    """The lead-ins, cut into windows of WINDOW_S."""
    lead_speakers: Names
    """Whose window it is, shape (lead windows,)."""


def hear_takes(ear: Ear, clips: Sequence[Clip], take: Take, cache: Path, *, seed: int) -> Windows:
    """The features of one `take` of each clip, a line for every clip."""
    if isinstance(ear, Network):
        return features(clips, take, ear.content, cache, seed=seed)

    def make() -> dict[str, Any]:
        rows = _parallel(ear, partial(_take_row, take=take, seed=seed), clips, chunk=16)
        return {"pooled": np.stack([row for row, _ in rows]), "seconds": np.array([s for _, s in rows])}

    made = _cached(cache, f"{take.name}-{seed}", (ear.key, take, seed, _named(clips)), make)
    return Windows(made["pooled"], made["seconds"])


def hear_calls(ear: Ear, clips: Sequence[Clip], cache: Path, *, seed: int) -> Calls:
    """The features of `clips`, a line for every speaker; speakers are told apart by name and corpus."""
    indices: dict[str, list[int]] = {}
    for index, clip in enumerate(clips):
        indices.setdefault(f"{clip.corpus}/{clip.speaker}", []).append(index)

    def make() -> dict[str, Any]:
        longest_first = sorted(indices, key=lambda name: -len(indices[name]))
        asked = [[clips[index] for index in indices[name]] for name in longest_first]
        heard = _parallel(ear, partial(_call_rows, seed=seed), asked, chunk=1)
        order = np.argsort(np.concatenate([indices[name] for name in longest_first]))
        lead_counts = [len(one["lead_seconds"]) for one in heard]
        made = {name: np.concatenate([one[name] for one in heard]) for name in heard[0]}
        for name in ("pooled", "seconds", "in_lead"):
            made[name] = made[name][order]
        return made | {"lead_speakers": np.repeat(longest_first, lead_counts)}

    key = (ear.key, seed, LEAD_S, LEAD_SHARE, GAP_S, WINDOW_S, _named(clips))
    made = _cached(cache, f"call-{seed}", key, make)
    return Calls(
        Windows(made["pooled"], made["seconds"]),
        made["in_lead"],
        Windows(made["lead_pooled"], made["lead_seconds"]),
        made["lead_speakers"],
    )


def one_line(clips: Sequence[Clip], seed: int) -> tuple[list[Float32], list[int], list[Float32]]:
    """One speaker's `clips` over one random line: each as a window, which are the lead-in, its windows.

    The clips, silence at their ends removed, are joined to one signal that `telephone` hears as a whole, so
    they share band, law, level and noise; a softer clip stays softer. Lead-in windows are WINDOW_S long, the
    last one shorter.
    """
    name = f"call/{clips[0].corpus}/{clips[0].speaker}"
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    spoken = [resample(speech(*loaded), loaded[1], RATE_HZ) for loaded in map(load_clip, clips)]
    lead = _lead_in([clip.emotion == "neutral" for clip in clips], [len(one) for one in spoken], rng)
    gap = np.zeros(int(GAP_S * RATE_HZ), np.float32)
    joined = np.concatenate([part for one in spoken for part in (one, gap)])
    joined = np.pad(joined, (0, -len(joined) % RATE_HZ))  # whole seconds: a length that Fourier likes
    line = telephone(joined, RATE_HZ, rng)
    starts = np.cumsum([0, *(len(one) + len(gap) for one in spoken)])
    heard = [line[start : start + len(one)] for start, one in zip(starts[:-1], spoken, strict=True)]
    size = int(WINDOW_S * RATE_HZ)
    stream = np.concatenate([np.zeros(0, np.float32), *(heard[index] for index in lead)])
    windows = [stream[start : start + size] for start in range(0, len(stream), size)]
    windows = [one for one in windows if len(one) >= LEAST_S * RATE_HZ]
    return [one[: int(LONGEST_S * RATE_HZ)] for one in heard], lead, windows


def _lead_in(neutral: Sequence[bool], sizes: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Neutral clips, drawn until they last LEAD_S, but no more than LEAD_SHARE of all neutral speech."""
    indices = np.flatnonzero(neutral)
    most = LEAD_SHARE * sum(sizes[index] for index in indices)
    lead: list[int] = []
    total = 0
    for index in rng.permutation(indices).tolist():
        if total >= LEAD_S * RATE_HZ or total + sizes[index] > most:
            break
        lead.append(index)
        total += sizes[index]
    return lead


def _named(clips: Sequence[Clip]) -> list[str]:
    return [f"{clip.corpus}/{clip.path.name}" for clip in clips]


def _cached(cache: Path, name: str, key: object, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Arrays out of `cache`, made first when they are not there."""
    file = cache / f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.npz"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part.npz")
        np.savez(unfinished, **make())
        unfinished.rename(file)
    with np.load(file) as kept:
        return dict(kept)


_hear: Hear


def _start(ear: Ear) -> None:
    global _hear  # noqa: PLW0603  one ear per worker process, made when the worker starts
    _hear = ear.start()


def _parallel(ear: Ear, work: Callable[[Any], Any], items: Sequence[Any], *, chunk: int) -> list[Any]:
    with multiprocessing.get_context("spawn").Pool(PROCESSES, _start, (ear,)) as pool:
        return pool.map(work, items, chunksize=chunk)


def _take_row(clip: Clip, take: Take, seed: int) -> tuple[Float32, float]:
    samples = window(clip, take, seed)
    return _hear(samples), len(samples) / RATE_HZ


def _call_rows(clips: Sequence[Clip], seed: int) -> dict[str, npt.NDArray[Any]]:
    """The parts of `Calls` for one speaker."""
    heard, lead, lead_windows = one_line(clips, seed)
    rows = np.stack([_hear(samples) for samples in heard])
    lead_rows = [_hear(samples) for samples in lead_windows]
    return {
        "pooled": rows,
        "seconds": _seconds(heard),
        "in_lead": np.isin(np.arange(len(clips)), lead),
        "lead_pooled": np.stack(lead_rows) if lead_rows else rows[:0],
        "lead_seconds": _seconds(lead_windows),
    }


def _seconds(windows: Sequence[Float32]) -> Floats:
    return np.array([len(samples) / RATE_HZ for samples in windows], np.float64)
