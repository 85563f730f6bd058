"""Leave one corpus out: what the experiments train on, what they ask, and the figures of the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.corpora import LABELS, Clip, data_root, read_manifest
from scripts.emotion_features import Float32, Take, features
from scripts.emotion_graph import pooled_model
from scripts.emotion_head import Floats, Ints, balanced_weights, softmax
from scripts.train_emotion import (
    CACHE,
    CORPORA,
    SEED,
    STAGES,
    TAKES,
    find_trunk,
    refuse_other_splits,
    training_clips,
)

TESTS = (Take("test0", window_s=3.0), Take("test1", window_s=3.0))
"""What every row is asked: crops of 3 s (or all, where there is less) through the standard telephone."""
PLAIN = tuple(Take(f"plain{index}", window_s=0, speed=0.1) for index in range(2))
WEAK_CORPUS = "emospeech_rakshak"
SHIPPED = ("0", "1", "2", "mel")
"""Columns of the shipped design; see Lab.columns."""
NEUTRAL, HAPPY, ANGRY = (LABELS.index(name) for name in ("neutral", "happy", "angry"))
FOUR = tuple(LABELS.index(name) for name in ("neutral", "happy", "sad", "angry"))
FIGURES = ("anger_auc", "uar5", "uar4", "calm_auc", "calm_happy_auc")

Answer = Callable[[str], Mapping[str, Sequence[Floats]]]
"""Name of the held-out corpus -> logits by row, one array (clips, labels) for each test take."""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Windows as rows: columns of features, and what is known of each."""

    columns: Float32
    labels: Ints
    weights: Floats
    speakers: npt.NDArray[np.str_]
    """Named with their corpus."""

    def where(self, kept: npt.NDArray[np.bool_]) -> Sheet:
        """The rows for which `kept` is true."""
        return Sheet(*(getattr(self, field.name)[kept] for field in dataclasses.fields(self)))


def figures(logits: Floats, labels: Ints, speakers: npt.NDArray[np.str_]) -> dict[str, float]:
    """FIGURES of one take of one corpus.

    `anger_auc` is angry against all others by probability; `calm_auc` angry against neutral by
    log(angry / neutral) minus its mean over the same speaker's neutral windows, as the engine uses it, and
    `calm_happy_auc` the same against neutral and happy. UAR in %; for `uar4` fearful is left out.
    """
    ratio = logits[:, ANGRY] - logits[:, NEUTRAL]
    for speaker in set(speakers.tolist()):
        own = speakers == speaker
        calm = own & (labels == NEUTRAL)
        if calm.any():
            ratio = np.where(own, ratio - ratio[calm].mean(), ratio)
    four = np.isin(labels, FOUR)
    calm, lively = np.isin(labels, (NEUTRAL, ANGRY)), np.isin(labels, (NEUTRAL, HAPPY, ANGRY))
    guesses4 = np.array(FOUR)[logits[:, FOUR].argmax(axis=1)]
    return {
        "anger_auc": auc(labels == ANGRY, softmax(logits)[:, ANGRY]),
        "uar5": recall(labels, logits.argmax(axis=1)),
        "uar4": recall(labels[four], guesses4[four]),
        "calm_auc": auc(labels[calm] == ANGRY, ratio[calm]),
        "calm_happy_auc": auc(labels[lively] == ANGRY, ratio[lively]),
    }


def auc(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """Probability that a positive clip scores above another one; ties count half."""
    _, ranks, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[ranks]
    hits = int(positive.sum())
    return float((rank[positive].sum() - hits * (hits + 1) / 2) / (hits * (len(scores) - hits)))


def recall(labels: Ints, guesses: Ints) -> float:
    """Unweighted average recall over the labels that occur, in %."""
    return 100 * float(np.mean([(guesses[labels == label] == label).mean() for label in np.unique(labels)]))


class Lab:
    """The training corpora and what each take of them sounds like to the trunk; cached on disk."""

    def __init__(self, takes: int = 2) -> None:
        self.takes = TAKES[:takes]
        """Heard in full; the shipped features are there for all TAKES."""

    @cached_property
    def clips(self) -> list[Clip]:
        """What is trained on and asked; split `train` only."""
        return training_clips(data_root())

    @cached_property
    def weak_clips(self) -> list[Clip]:
        """Labelled by what a speaker was asked to sound like, a word at a time."""
        clips = [c for c in read_manifest(data_root(), split="train", corpus=WEAK_CORPUS) if c.emotion]
        refuse_other_splits(clips)
        return clips

    @cached_property
    def trunk(self) -> Path:
        """The trunk's file."""
        return find_trunk(None)

    @cached_property
    def network(self) -> bytes:
        """Samples to the shipped features."""
        return pooled_model(self.trunk, STAGES, mel=True).SerializeToString()

    @cached_property
    def corpora(self) -> npt.NDArray[np.str_]:
        """Of each clip."""
        return np.array([clip.corpus for clip in self.clips])

    @cached_property
    def labels(self) -> Ints:
        """Of each clip."""
        return np.array([LABELS.index(str(clip.emotion)) for clip in self.clips])

    @cached_property
    def speakers(self) -> npt.NDArray[np.str_]:
        """Of each clip, named with the corpus."""
        return np.array([f"{clip.corpus}/{clip.speaker}" for clip in self.clips])

    @cache  # noqa: B019  one lab lives as long as the command
    def heard(self, take: Take) -> Path:
        """The file of experiments_features.hear."""
        from scripts.experiments_features import hear  # noqa: PLC0415  the tests need no network

        return hear(self.clips, take, self.trunk, CACHE / "experiments")

    def columns(self, take: Take, names: tuple[str, ...]) -> Float32:
        """Features of a take of all clips, (clips, size).

        A stage ("0", "1", "2", "2full", "mel", or "tiny0".. of tiny.en) stands for its mean and deviation;
        "1.delta" and the like for that statistic; "prosody" for itself.
        """
        if names == SHIPPED and take not in TESTS:
            return features(self.clips, take, self.network, CACHE, seed=SEED).pooled
        with np.load(self.heard(take)) as kept:
            parts = []
            for name in names:
                if name.startswith("tiny"):
                    stage = int(name.removeprefix("tiny"))
                    parts.append(self.tiny(take)[:, 768 * stage : 768 * (stage + 1)])
                elif name in kept:
                    parts.append(kept[name])
                else:
                    parts += [kept[f"{name}.mean"], kept[f"{name}.std"]]
        made = np.concatenate(parts, axis=1)
        return np.where(np.isfinite(made), made, np.nanmedian(made, axis=0)) if "prosody" in names else made

    @cache  # noqa: B019
    def tiny(self, take: Take, blocks: int = 3) -> Float32:
        """Mean and deviation of the stages of tiny.en, (clips, 768 (blocks + 1))."""
        file = self.heard(take).with_name(self.heard(take).name.replace("heard", f"tiny{blocks}"))
        if not file.is_file():
            from scripts.experiments_trunk import Mels, pooled, tiny_en  # noqa: PLC0415  needs torch

            made = pooled(tiny_en(CACHE, blocks), Mels(self.heard(take)))
            unfinished = file.with_suffix(".part.npz")
            np.savez(unfinished, pooled=made)
            unfinished.rename(file)
        with np.load(file) as kept:
            return np.asarray(kept["pooled"])

    def sheet(self, take: Take, names: tuple[str, ...], kept: npt.NDArray[np.bool_]) -> Sheet:
        """The rows of one take for which `kept` is true; weights are balanced over them."""
        labels, speakers = self.labels[kept], self.speakers[kept]
        weights = balanced_weights(labels, self.corpora[kept].tolist(), speakers.tolist())
        return Sheet(self.columns(take, names)[kept], labels, weights, speakers)

    def training(self, held_out: str, takes: Sequence[Take], names: tuple[str, ...]) -> Sheet:
        """All `takes` of every corpus but one, stacked."""
        return stack([self.sheet(take, names, self.corpora != held_out) for take in takes])

    def tests(self, held_out: str, names: tuple[str, ...]) -> list[Sheet]:
        """The held-out corpus, a sheet for each of TESTS."""
        return [self.sheet(take, names, self.corpora == held_out) for take in TESTS]

    def weak(self, factor: float) -> Sheet:
        """The weakly labelled corpus, one take; its weight is `factor` of a take of a corpus."""
        made = features(self.weak_clips, TAKES[0], self.network, CACHE, seed=SEED)
        labels = np.array([LABELS.index(str(clip.emotion)) for clip in self.weak_clips])
        speakers = np.array([f"{clip.corpus}/{clip.speaker}" for clip in self.weak_clips])
        weights = balanced_weights(labels, [WEAK_CORPUS] * len(labels), speakers.tolist())
        return Sheet(made.pooled, labels, weights * factor, speakers)

    def score(self, answer: Answer) -> dict[str, dict[str, dict[str, float]]]:
        """Row -> held-out corpus -> FIGURES, the mean over the test takes that were answered."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for held_out in CORPORA:
            asked = self.corpora == held_out
            for row, takes in answer(held_out).items():
                each = [figures(logits, self.labels[asked], self.speakers[asked]) for logits in takes]
                found.setdefault(row, {})[held_out] = {
                    name: round(float(np.mean([one[name] for one in each])), 4) for name in FIGURES
                }
        return found


def stack(sheets: Sequence[Sheet]) -> Sheet:
    """One below the other."""
    fields = [field.name for field in dataclasses.fields(Sheet)]
    return Sheet(*(np.concatenate([getattr(sheet, name) for sheet in sheets]) for name in fields))
