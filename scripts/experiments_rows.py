"""Every idea tried for the emotion model: a row of models/EXPERIMENTS.md each, or a few from one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from scripts.emotion_features import Float32, Take
from scripts.emotion_head import Floats, Head, fit_head, mean_head, softmax
from scripts.experiments_loco import ANGRY, FIGURES, PLAIN, SHIPPED, Answer, Lab, Sheet, stack
from scripts.train_emotion import CONSISTENCY, CONTRAST, EMPHASIS, STAGES, STRENGTH, TAKES, statistics

PROBE = "block 1, plain logistic regression (C .001)"
"""The frozen probe that every row is compared with."""
TWO = "shipped stages, two takes"
PLAIN_STRENGTH = 0.0002
"""Where consistency is not asked for; it holds the weights down as well, so with it they may be freer."""
PLAIN_EMPHASIS = 5.0


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run, which gives figures for one row or for several."""

    group: str
    rows: tuple[str, ...]
    takes: int
    """Augmented takes of each clip that it trains on."""
    answer: Callable[[Lab], Answer]
    shown: tuple[str, ...] = FIGURES
    """Those of FIGURES that mean something for it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to fine-tune the shipped trunk from where its frozen head starts."""

    name: str
    mode: str
    """What may move beside the head: `lora`, `norms` (norms and biases), `full` (the blocks) or nothing."""
    rate: float = 0.0
    """Of the trunk; the head moves at 1e-4."""
    passes: int = 1
    rank: int = 4
    """Of the low-rank updates of every matrix."""
    adversary: float = 0.0
    """Reversed gradient of a classifier of training speakers, times this."""
    contrast: float = 0.0
    """Weight of a supervised-contrastive loss; only other speakers' windows attract."""

    def rows(self) -> dict[str, str]:
        """Names of rows by the moment they are taken: `1`, the last pass, and `half` way back."""
        if not self.mode:
            return {"0": self.name}
        moments = (
            {"1": "1 pass", str(self.passes): f"{self.passes} passes"} if self.passes > 1 else {"1": "1 pass"}
        )
        moments["half"] = "halfway back to the start"
        return {moment: f"{self.name}, {words}" for moment, words in moments.items()}


START = Recipe("the shipped design in torch, not tuned", "")
RECIPES = (
    START,
    Recipe("LayerNorm + biases", "norms", 1e-3, 2),
    Recipe("LoRA rank 4", "lora", 3e-4, 3),
    Recipe("both blocks, all weights", "full", 2e-5),
    Recipe("LoRA + speaker-adversarial .1", "lora", 3e-4, adversary=0.1),
    Recipe("LoRA + supervised contrastive .2", "lora", 3e-4, contrast=0.2),
)
TUNING_GROUP = "Fine-tuning in few steps (a pass is 25 batches of 48 windows), one test take"


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear head on some columns, fitted and asked."""

    names: tuple[str, ...] = SHIPPED
    takes: Sequence[Take] = TAKES[:2]
    strength: float = PLAIN_STRENGTH
    emphasis: float = PLAIN_EMPHASIS
    consistency: float = 0.0
    parts: Sequence[slice] = (slice(None),)
    """The mean of a head for each of these columns."""
    level: bool = False
    """Take off the lean that it shows on the weakly labelled corpus."""
    prepare: Callable[[Sheet], Float32] | None = None
    """Columns of a sheet instead of its own; of each take by itself, before stacking."""
    weak: float = 0.0
    """Weight of the weakly labelled corpus."""

    def prepared(self, sheet: Sheet) -> Sheet:
        """The sheet as this head reads it."""
        if self.prepare is not None:
            return replace(sheet, columns=self.prepare(sheet))
        return sheet

    def logits(self, lab: Lab, held_out: str) -> list[Floats]:
        """Fitted without a corpus and asked about it."""
        kept = lab.corpora != held_out
        learnt = [self.prepared(lab.sheet(take, self.names, kept)) for take in self.takes]
        if self.weak:
            learnt.append(lab.weak(self.weak))
        head = self.fit(stack(learnt))
        if self.level:
            others = lab.weak(1.0)
            head = head.levelled(others.columns, others.labels)
        return [head.logits(self.prepared(sheet).columns) for sheet in lab.tests(held_out, self.names)]

    def fit(self, sheet: Sheet) -> Head:
        """The head on a stacked sheet."""
        clips = np.tile(np.arange(len(sheet.labels) // len(self.takes)), len(self.takes))
        heads = [
            fit_head(
                np.ascontiguousarray(sheet.columns[:, part]),
                sheet.labels,
                sheet.weights / sheet.weights.mean(),
                strength=self.strength,
                contrast=CONTRAST if self.emphasis else None,
                emphasis=self.emphasis,
                clips=clips if self.consistency else None,
                consistency=self.consistency,
            )
            for part in self.parts
        ]
        return mean_head(heads, self.parts) if len(heads) > 1 else heads[0]


def by_speaker(*, scaled: bool) -> Callable[[Sheet], Float32]:
    """Columns minus each speaker's mean over all moods; with `scaled`, divided by the deviation too."""

    def prepare(sheet: Sheet) -> Float32:
        made = np.empty_like(sheet.columns)
        for speaker in set(sheet.speakers.tolist()):
            own = sheet.speakers == speaker
            off = sheet.columns[own] - sheet.columns[own].mean(axis=0)
            made[own] = off / (off.std(axis=0) + 0.02) if scaled else off
        return made

    return prepare


def half(statistic: int) -> Callable[[Sheet], Float32]:
    """Of the shipped columns only the means (0) or only the deviations (1)."""

    def prepare(sheet: Sheet) -> Float32:
        sizes = [(384, 384)] * 3 + [(80, 80)]
        kept: list[npt.NDArray[np.bool_]] = []
        for sizes_of_stage in sizes:
            kept += [np.full(size, index == statistic) for index, size in enumerate(sizes_of_stage)]
        return sheet.columns[:, np.concatenate(kept)]

    return prepare


def linear(group: str, row: str, system: Linear) -> Experiment:
    """One row of one linear head."""
    return Experiment(
        group, (row,), len(system.takes), lambda lab: lambda held_out: {row: system.logits(lab, held_out)}
    )


def ensemble(group: str, row: str, systems: Sequence[Linear]) -> Experiment:
    """The mean of the log-probabilities of several systems."""

    def answer(lab: Lab) -> Answer:
        def of(held_out: str) -> dict[str, list[Floats]]:
            each = [system.logits(lab, held_out) for system in systems]
            return {
                row: [np.mean(np.log(softmax(np.array(take))), axis=0) for take in zip(*each, strict=True)]
            }

        return of

    return Experiment(group, (row,), len(systems[0].takes), answer)


def experiments() -> Iterator[Experiment]:
    """All of them, in the table's order."""
    yield from stages()
    yield from head_grid()
    yield from pooling()
    yield from speakers_and_data()
    yield from tiny()
    yield from trained()


def stages() -> Iterator[Experiment]:
    """Which parts of the frozen trunk."""
    group = "What the head reads"
    yield linear(group, PROBE, Linear(("1",), strength=0.001, emphasis=0))
    for names, row in (
        (("mel",), "log-mel only"),
        (("1",), "block 1"),
        (("2",), "block 2 on halved tokens"),
        (("1", "mel"), "block 1 + log-mel"),
        (("1", "2full", "mel"), "blocks 1 + 2 + log-mel, every token"),
        (("0", "1", "2full", "mel"), "convolutions + blocks 1 + 2 + log-mel, every token"),
    ):
        yield linear(group, row, Linear(names))
    yield linear(group, TWO, Linear())


def head_grid() -> Iterator[Experiment]:
    """Strength, emphasis, and the number of takes."""
    group = "The head, on the shipped features"
    for strength in (0.0001, 0.0002, 0.0005):
        for emphasis in (0.0, 3.0, 5.0, 10.0):
            row = f"strength {strength:g}, emphasis {emphasis:g}"
            yield linear(group, row, Linear(takes=TAKES, strength=strength, emphasis=emphasis))
    for strength, consistency in ((0.0005, 0.3), (0.0005, 1.0), (0.001, 1.0), (0.001, 3.0)):
        row = f"strength {strength:g}, emphasis 5, consistency {consistency:g}"
        yield linear(group, row, Linear(takes=TAKES, strength=strength, consistency=consistency))
    level = Linear(takes=TAKES, strength=STRENGTH, consistency=CONSISTENCY, level=True)
    yield linear(group, "the same at .0005 and 1, levelled on emospeech", level)
    eight = statistics(STAGES)
    four = [slice(a.start, b.stop) for a, b in zip(eight[::2], eight[1::2], strict=True)]
    mean = partial(Linear, takes=TAKES, strength=STRENGTH, emphasis=EMPHASIS, consistency=CONSISTENCY)
    yield linear(group, "mean of four heads, one for each stage", mean(parts=four))
    row = "shipped: mean of eight heads, one for each statistic of each stage"
    yield linear(group, row, mean(parts=eight))
    group = "Takes"
    for count, words in ((1, "one"), (4, "four")):  # two and eight are above
        yield linear(group, f"{words} rough take{'s'[: count - 1]}", Linear(takes=TAKES[:count]))
    yield linear(group, "two takes, never rough, speed within 10 %", Linear(takes=PLAIN))


def pooling() -> Iterator[Experiment]:
    """Other statistics over time, and prosody."""
    group = "Pooling"
    yield linear(group, "means only", Linear(prepare=half(0)))
    yield linear(group, "deviations only", Linear(prepare=half(1)))

    def added(*statistics: str) -> tuple[str, ...]:
        return SHIPPED + tuple(f"{stage}.{name}" for stage in ("1", "2", "mel") for name in statistics)

    yield linear(group, "+ 10th and 90th percentiles", Linear(added("low", "high")))
    yield linear(group, "+ mean absolute change", Linear(added("delta")))
    yield linear(group, "+ mean and deviation weighted by energy", Linear(added("loud_mean", "loud_std")))
    loud = tuple(f"{s}.{name}" for s in ("1", "2", "mel") for name in ("loud_mean", "loud_std"))
    yield linear(group, "weighted by energy instead", Linear(("0", *loud)))
    yield linear(group, "+ prosody (pitch, voicing, rhythm)", Linear((*SHIPPED, "prosody")))
    yield linear(group, "prosody only", Linear(("prosody",), strength=0.1))


def speakers_and_data() -> Iterator[Experiment]:
    """The speakers' own statistics, and weakly labelled clips."""
    group = "Speakers"
    yield linear(group, "speaker's mean removed (oracle)", Linear(prepare=by_speaker(scaled=False)))
    yield linear(group, "speaker's z-norm (oracle)", Linear(prepare=by_speaker(scaled=True)))
    group = "Pitch alone, nothing fitted"
    for column, row in enumerate(("20th percentile", "median", "80th percentile")):
        yield Experiment(
            group,
            (f"pitch, {row}",),
            0,
            partial(pitch, f"pitch, {row}", column),
            ("anger_auc", "calm_auc", "calm_happy_auc"),
        )
    group = "Weak labels"
    for weight in (0.1, 0.3, 1.0):
        yield linear(group, f"+ emospeech_rakshak, weight {weight:g}", Linear(weak=weight))


def pitch(row: str, column: int, lab: Lab) -> Answer:
    """One of the pitch statistics of experiments_features.prosody in place of the score of angry."""

    def of(held_out: str) -> dict[str, list[Floats]]:
        takes = []
        for sheet in lab.tests(held_out, ("prosody",)):
            logits = np.zeros((len(sheet.labels), 5))
            logits[:, ANGRY] = sheet.columns[:, column]
            takes.append(logits)
        return {row: takes}

    return of


def tiny() -> Iterator[Experiment]:
    """Whisper tiny.en in place of the trunk, or beside it."""
    group = "Whisper tiny.en, every token, + log-mel"
    for first, last in ((0, 1), (1, 2), (1, 3)):
        names = tuple(f"tiny{stage}" for stage in range(first, last + 1))
        yield linear(group, f"tiny.en {first}-{last} (0: convolutions)", Linear((*names, "mel")))
    yield linear(
        group, "shipped stages and tiny.en 1-3 in one head", Linear((*SHIPPED, "tiny1", "tiny2", "tiny3"))
    )
    yield ensemble(
        group,
        "mean of the shipped head's and tiny.en 1-3's",
        (Linear(), Linear(("tiny1", "tiny2", "tiny3", "mel"))),
    )


def trained() -> Iterator[Experiment]:
    """What needs torch to be fitted; imported only when it runs."""

    def mlp(row: str) -> Callable[[Lab], Answer]:
        def answer(lab: Lab) -> Answer:
            from scripts.experiments_tuning import mlp_logits  # noqa: PLC0415

            return lambda held_out: {row: mlp_logits(lab, held_out)}

        return answer

    def tuning(recipe: Recipe) -> Callable[[Lab], Answer]:
        def answer(lab: Lab) -> Answer:
            from scripts.experiments_tuning import tuned  # noqa: PLC0415

            return lambda held_out: tuned(lab, held_out, recipe)

        return answer

    row = "MLP, 128 hidden, dropout .5 (torch)"
    yield Experiment("Another head", (row,), 2, mlp(row))
    for recipe in RECIPES:
        yield Experiment(TUNING_GROUP, tuple(recipe.rows().values()), 2, tuning(recipe))
