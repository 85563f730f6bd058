"""Who speaks: the clips of a split by corpus, speaker and emotion; tuning and reporting kept apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.calls.scripts import DISTRESS, DISTRESSED
from benchmarks.corpora import Clip, load_clip, read_manifest
from benchmarks.telephone import RATE_HZ, Float32, resample

UNKNOWN = ("unknown", "")
"""What a manifest says where a corpus does not name the speaker: many people, not one."""
LEVELLED = frozenset({"nemo"})
"""Corpora whose clips were all brought to one level: shouting is as loud as talking there."""
SPLITS = ("train", "eval")
"""For tuning, and for reporting."""
ENOUGH = 3
"""Clips of a mood that a speaker needs."""
TRIM_DB = 35.0
TRIM_MARGIN_S = 0.04

Speaker = tuple[str, str]
"""Corpus and name: names are unique within a corpus only."""


class Voices:
    """The clips of one corpus by speaker and emotion."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.corpus = clips[0].corpus
        self.levelled = self.corpus in LEVELLED
        self._clips: dict[str, dict[str, list[Clip]]] = {}
        for clip in clips:
            if clip.emotion and clip.speaker not in UNKNOWN:
                self._clips.setdefault(clip.speaker, {}).setdefault(clip.emotion, []).append(clip)

    @property
    def speakers(self) -> list[str]:
        """Everybody with a name and a known emotion."""
        return sorted(self._clips)

    def able(self, moods: Collection[str]) -> list[str]:
        """Speakers with enough clips of every mood; `distress` is either sad or fearful."""
        return [name for name in self.speakers if all(self.moods(name, mood) for mood in moods)]

    def moods(self, speaker: str, mood: str) -> list[str]:
        """The emotions by which a speaker can act a mood; empty when he cannot."""
        wanted = DISTRESSED if mood == DISTRESS else (mood,)
        own = self._clips[speaker]
        return [emotion for emotion in wanted if len(own.get(emotion, ())) >= ENOUGH]

    def utterances(self, speaker: str, emotion: str, rng: np.random.Generator) -> Callable[[], Float32]:
        """An endless supply of one speaker's clips at 8 kHz without their silence, shuffled, in rounds."""
        clips = self._clips[speaker][emotion]
        queue: list[int] = []

        def draw() -> Float32:
            if not queue:
                queue.extend(rng.permutation(len(clips)).tolist())
            return _audio(clips[queue.pop()])

        return draw


@lru_cache(maxsize=1000)
def _audio(clip: Clip) -> Float32:
    """Decoding takes longer than all the rest of a call; a thousand clips are some 80 MB."""
    samples = trimmed(resample(*load_clip(clip), RATE_HZ))
    samples.setflags(write=False)  # it is shared
    return samples


def trimmed(samples: Float32) -> Float32:
    """8 kHz speech without the silence at either end: acted clips have up to a second of it."""
    frame = RATE_HZ // 100
    whole = len(samples) // frame * frame
    power = np.square(samples[:whole]).reshape(-1, frame).mean(axis=1)
    if not power.size or not power.any():
        return samples
    loud = np.flatnonzero(power >= power.max() * 10 ** (-TRIM_DB / 10))
    margin = round(TRIM_MARGIN_S * RATE_HZ)
    return samples[max(0, loud[0] * frame - margin) : (loud[-1] + 1) * frame + margin]


def split_clips(root: Path, split: str, speakers: Collection[Speaker] | None = None) -> list[Clip]:
    """The labelled clips of `train` or `eval`, of `speakers` only if given.

    Raises ValueError for another split, for a speaker who is in both, or when nobody is left.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r}: calls are tuned on {SPLITS[0]!r} and reported on {SPLITS[1]!r}")
    own, others = (read_manifest(root, split=one) for one in (split, SPLITS[1 - SPLITS.index(split)]))
    refuse_shared_speakers(own, others)
    kept = [clip for clip in own if speakers is None or (clip.corpus, clip.speaker) in speakers]
    if not kept:
        raise ValueError(f"none of the {len(speakers or ())} speakers asked for is in split {split!r}")
    return kept


def refuse_shared_speakers(some: Sequence[Clip], others: Sequence[Clip]) -> None:
    """Raises ValueError naming a speaker who is in both: what was tuned on him may not be reported on him."""
    shared = named(some) & named(others)
    if shared:
        corpus, speaker = min(shared)
        raise ValueError(
            f"{len(shared)} speakers are in both splits, {speaker} of {corpus} among them: "
            f"give each speaker one split in manifest.tsv"
        )


def named(clips: Sequence[Clip]) -> set[Speaker]:
    """Everybody whose name is known."""
    return {(clip.corpus, clip.speaker) for clip in clips if clip.speaker not in UNKNOWN}


def folds(clips: Sequence[Clip], n: int) -> list[frozenset[Speaker]]:
    """The speakers in `n` parts that never meet, each corpus spread evenly; always the same ones."""
    if n < 1:
        raise ValueError(f"{n} folds: ask for one at least")
    out: list[set[Speaker]] = [set() for _ in range(n)]
    by_corpus: dict[str, list[Speaker]] = {}
    for speaker in sorted(named(clips)):
        by_corpus.setdefault(speaker[0], []).append(speaker)
    for members in by_corpus.values():
        for i, speaker in enumerate(members):
            out[i % n].add(speaker)
    return [frozenset(part) for part in out]
