"""The eval clips of benchmarks/emotion.py, and what is asked of a system about them."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import LABELS, Clip
from benchmarks.emotion_ears import Calls, hear_calls, hear_takes
from benchmarks.emotion_figures import (
    Bools,
    Figure,
    Floats,
    Ints,
    Names,
    auc,
    by_corpus,
    calibration_error,
    recall,
    reliability,
    speakers_of,
)
from benchmarks.emotion_systems import System
from scripts.emotion_features import Take
from sentiment_engine.emotion import Baseline
from sentiment_engine.events import Voice
from sentiment_engine.settings_tension import BaselineSettings

PHONE = Take("whole")
OTHER_LINES = {  # named like PHONE, so that a clip's level, band, law and noise are drawn alike
    "wide": Take("whole", wide=True),
    "gsm": Take("whole", lossy="gsm"),
    "opus": Take("whole", lossy="opus"),
}
ANGRY = LABELS.index("angry")
FIVE = range(len(LABELS))
FOUR = [LABELS.index(name) for name in ("neutral", "happy", "sad", "angry")]


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Labelled clips of several corpora, laid out for figures."""

    clips: Sequence[Clip]
    cache: Path
    labels: Ints
    names: Names
    """Speakers, named with their corpus."""
    corpora: Names
    sexes: Names
    """`F`, `M`, or empty where the manifest does not say or says both of a speaker."""
    speakers: Mapping[str, list[Ints]]
    """The rows of each speaker of each corpus."""

    @classmethod
    def of(cls, clips: Sequence[Clip], cache: Path) -> Bench:
        """Lays out `clips`, all with one of our labels."""
        names = np.array([f"{clip.corpus}/{clip.speaker}" for clip in clips])
        said: dict[str, set[str]] = {}
        for name, clip in zip(names.tolist(), clips, strict=True):
            said.setdefault(name, set()).add(clip.gender)
        corpora = np.array([clip.corpus for clip in clips])
        return cls(
            clips,
            cache,
            labels=np.array([LABELS.index(str(clip.emotion)) for clip in clips]),
            names=names,
            corpora=corpora,
            sexes=np.array([min(said[name]) if len(said[name]) == 1 else "" for name in names.tolist()]),
            speakers={
                corpus: speakers_of(names, np.flatnonzero(corpora == corpus))
                for corpus in dict.fromkeys(corpora.tolist())
            },
        )

    def alone(self, system: System, take: Take = PHONE) -> list[Floats]:
        """Probabilities of every clip, each on a line of its own: (clips, labels) for every seed."""
        return [self.heard(system, take, seed) for seed in system.seeds]

    def heard(self, system: System, take: Take, seed: int) -> Floats:
        """The same for one seed."""
        windows = hear_takes(system.ear, self.clips, take, self.cache, seed=seed)
        return system.score(windows.pooled[:, system.columns], windows.seconds)

    def in_call(self, system: System, seed: int) -> Floats:
        """Probabilities of every clip on its speaker's one line, (clips, labels)."""
        windows = self.calls(system, seed).clips
        return system.score(windows.pooled[:, system.columns], windows.seconds)

    def calls(self, system: System, seed: int) -> Calls:
        """Every speaker's clips and lead-in over one line."""
        return hear_calls(system.ear, self.clips, self.cache, seed=seed)

    def accuracy(self, system: System) -> dict[str, Any]:
        """AUC, UAR and ECE of each corpus, and their means."""
        alone = self.alone(system)
        known = [self.running(system, seed) for seed in system.seeds]
        same_line = [self.in_call(system, seed) for seed in system.seeds]
        shuffled = [self.shuffled(system, seed) for seed in system.seeds]
        four = np.isin(self.labels, FOUR)
        asked: dict[str, list[Figure]] = {
            "anger_auc": [self.anger_auc(scores, ~np.isnan(scores)) for scores in known],
            "anger_auc_same_clips": [
                self.anger_auc(scores[:, ANGRY], ~np.isnan(judged_there))
                for scores, judged_there in zip(same_line, known, strict=True)
            ],
            "anger_auc_shuffled": [self.anger_auc(scores) for scores in shuffled],
            "anger_auc_raw": [self.anger_auc(scores[:, ANGRY]) for scores in alone],
            "anger_auc_four": [self.anger_auc(scores[:, ANGRY], four) for scores in alone],
            "uar4": [self.uar(scores, FOUR) for scores in alone],
            "uar5": [self.uar(scores, FIVE) for scores in alone],
            "ece": [self.ece(scores) for scores in alone],
        }
        return {name: by_corpus(figures, self.speakers) for name, figures in asked.items()}

    def anger_auc(self, scores: Floats, asked: Bools | None = None) -> Figure:
        """AUC of `scores` (clips,) over the clips that are `asked`, all of them unless told otherwise."""

        def figure(rows: Ints) -> float:
            rows = rows if asked is None else rows[asked[rows]]
            return auc(self.labels[rows] == ANGRY, scores[rows])

        return figure

    def uar(self, scores: Floats, among: Sequence[int]) -> Figure:
        """In percent, over clips of the labels `among`, when only these can be guessed."""
        guesses = np.array(among)[scores[:, list(among)].argmax(axis=1)]
        asked = np.isin(self.labels, among)

        def figure(rows: Ints) -> float:
            rows = rows[asked[rows]]
            return 100 * recall(self.labels[rows], guesses[rows])

        return figure

    def ece(self, scores: Floats) -> Figure:
        """Calibration error of the top label."""
        return lambda rows: calibration_error(self.labels[rows], scores[rows])

    def running(self, system: System, seed: int) -> Floats:
        """`Relative.anger` of every clip after its speaker's lead-in, shape (clips,); NaN for the lead-in."""
        calls = self.calls(system, seed)
        lead = system.score(calls.lead.pooled[:, system.columns], calls.lead.seconds)
        scores = self.in_call(system, seed)
        anger = np.full(len(self.clips), np.nan)
        for rows in (rows for speakers in self.speakers.values() for rows in speakers):
            baseline = Baseline(BaselineSettings())
            for index in np.flatnonzero(calls.lead_speakers == self.names[rows[0]]):
                judged(baseline, lead[index], calls.lead.seconds[index])
            for index in rows[~calls.in_lead[rows]]:
                anger[index] = judged(copy.deepcopy(baseline), scores[index], calls.clips.seconds[index])
        return anger

    def shuffled(self, system: System, seed: int) -> Floats:
        """`Relative.anger` of every clip, shape (clips,), in random order, no label known."""
        calls = self.calls(system, seed)
        scores = self.in_call(system, seed)
        anger = np.zeros(len(self.clips))
        for rows in (rows for speakers in self.speakers.values() for rows in speakers):
            baseline = Baseline(BaselineSettings())
            rng = np.random.default_rng([seed, zlib.crc32(f"order/{self.names[rows[0]]}".encode())])
            for index in rng.permutation(rows):
                anger[index] = judged(baseline, scores[index], calls.clips.seconds[index])
        return anger

    def other_lines(self, system: System) -> dict[str, Any]:
        """What the telephone costs, and what a lossy codec before it costs, in points.

        Of the first seed; the same clips over the same lines, but for the band or the codec.
        """
        phone = self.heard(system, PHONE, system.seeds[0])
        found: dict[str, Any] = {}
        for name, take in OTHER_LINES.items():
            other = self.heard(system, take, system.seeds[0])
            before, after = (other, phone) if name == "wide" else (phone, other)
            uar = self.uar(before, FIVE), self.uar(after, FIVE)
            anger = self.anger_auc(before[:, ANGRY]), self.anger_auc(after[:, ANGRY])
            found[name] = {
                "uar5_points": by_corpus([loss(*uar)], self.speakers),
                "anger_auc_raw_points": by_corpus([loss(*anger, points=100)], self.speakers),
            }
            if name != "wide":
                found[name]["uar5"] = by_corpus([uar[1]], self.speakers)
                found[name]["anger_auc_raw"] = by_corpus([anger[1]], self.speakers)
        return {"wide_to_phone_loss": found.pop("wide"), "codec": found}

    def int8_loss(self, system: System, in_float: System) -> dict[str, Any]:
        """What int8 costs, in points: the same head on the same windows, heard by either network.

        Of the first seed.
        """
        before, after = (self.heard(one, PHONE, system.seeds[0]) for one in (in_float, system))
        uar = self.uar(before, FOUR), self.uar(after, FOUR)
        anger = self.anger_auc(before[:, ANGRY]), self.anger_auc(after[:, ANGRY])
        return {
            "uar4_points": by_corpus([loss(*uar)], self.speakers),
            "anger_auc_raw_points": by_corpus([loss(*anger, points=100)], self.speakers),
        }

    def lead_in_s(self, system: System) -> dict[str, list[float]]:
        """Seconds of lead-in in each corpus: the shortest of a speaker, the median, the longest."""
        calls = self.calls(system, system.seeds[0])
        return {
            corpus: [
                round(float(value), 1)
                for value in np.quantile(
                    [
                        calls.lead.seconds[calls.lead_speakers == self.names[rows[0]]].sum()
                        for rows in speakers
                    ],
                    [0, 0.5, 1],
                )
            ]
            for corpus, speakers in self.speakers.items()
        }

    def reliability(self, system: System) -> dict[str, list[dict[str, float]]]:
        """Confidence against accuracy of the top label, of each corpus and of all, all seeds together."""
        scores = np.concatenate(self.alone(system))
        labels, corpora = (np.tile(values, len(system.seeds)) for values in (self.labels, self.corpora))
        tables = {
            name: reliability(labels[corpora == name], scores[corpora == name]) for name in self.speakers
        }
        return {
            name: [{key: round(value, 4) for key, value in row.items()} for row in table]
            for name, table in (tables | {"all": reliability(labels, scores)}).items()
        }


def judged(baseline: Baseline, scores: Floats, seconds: float) -> float:
    """`Relative.anger` of a window that the baseline has not heard, and now learns from."""
    # neither level nor pitch nor rate bears on anger
    voice = Voice(
        new_speech_s=seconds, speech_s=seconds, level_db=0.0, over_noise_db=99.0, pitch_st=None, rate_sps=None
    )
    published = {label: round(float(p), 4) for label, p in zip(LABELS, scores, strict=True)}  # as in a call
    return baseline.compare(published, voice).anger


def loss(before: Figure, after: Figure, points: float = 1.0) -> Figure:
    """By how much a figure falls, times `points`."""
    return lambda rows: points * (before(rows) - after(rows))
