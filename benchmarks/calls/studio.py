"""Makes a call of a recipe: the same one every time, whatever else is made before it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.calls import noise
from benchmarks.calls.lines import carried, drawn_line
from benchmarks.calls.one_sided import OneSided
from benchmarks.calls.scripts import NEUTRAL, ONE_SIDED, SCRIPTS
from benchmarks.calls.staging import escalations, mixed
from benchmarks.calls.truth import PARTIES, Call, Line, Recipe, Truth
from benchmarks.calls.turns import converse
from benchmarks.calls.voices import Speaker, Voices, split_clips
from benchmarks.corpora import Clip, load_clip, read_manifest
from benchmarks.telephone import RATE_HZ, Float32, resample


@dataclass
class Studio:
    """The voices of one split, read once. Raises ValueError as `split_clips` does."""

    root: Path
    split: str
    """`train` for tuning, `eval` for reporting."""
    speakers: Collection[Speaker] | None = None
    """Only these, if given: a fold."""
    voices: dict[str, Voices] = field(init=False)
    one_sided: OneSided = field(init=False)

    def __post_init__(self) -> None:
        by_corpus: dict[str, list[Clip]] = {}
        for clip in split_clips(self.root, self.split, self.speakers):
            by_corpus.setdefault(clip.corpus, []).append(clip)
        self.one_sided = OneSided(self.root)
        self.voices = {corpus: Voices(clips) for corpus, clips in by_corpus.items()}

    def can(self, script: str, corpus: str) -> bool:
        """Whether two speakers of the corpus have every mood of the script."""
        return corpus in self.voices and len(self.voices[corpus].able(SCRIPTS[script].moods)) >= 2

    def make(self, recipe: Recipe) -> Call:
        """The call. Raises ValueError when the corpus has no two speakers with all its moods."""
        if recipe.script in ONE_SIDED:
            return self.one_sided.make(recipe)
        if not self.can(recipe.script, recipe.corpus):
            raise ValueError(
                f"{recipe.corpus} has no two speakers in split {self.split!r} with the moods "
                f"{', '.join(sorted(SCRIPTS[recipe.script].moods))}: leave out script {recipe.script}"
            )
        rng, script, voices = recipe.rng(), SCRIPTS[recipe.script], self.voices[recipe.corpus]
        able = voices.able(script.moods)
        pair = [able[i] for i in rng.permutation(len(able))[:2].tolist()]
        mirrored = script.either and rng.random() < 0.5
        draws: dict[tuple[int, str], Callable[[], Float32]] = {}

        def draw(party: int, mood: str) -> Float32:
            if (party, mood) not in draws:
                emotion = str(rng.choice(voices.moods(pair[party], mood)))
                draws[party, mood] = voices.utterances(pair[party], emotion, rng)
            return draws[party, mood]()

        talk = converse(script.acts, draw, rng)  # as written: party 1 is the script's customer
        channels, louder_db = mixed(script, talk, rng)
        others = frozenset((recipe.corpus, name) for name in pair)
        lines = [drawn_line(rng, noisy=script.noisy) for _ in PARTIES]
        order = (1, 0) if mirrored else (0, 1)
        samples = self._lined(channels[:, order], lines, others, rng)
        truth = Truth(
            **recipe.named(),
            duration_s=len(samples) / RATE_HZ,
            speakers=tuple(pair[i] for i in order),
            lines=tuple(lines),
            escalations=escalations(script, talk, louder_db, order),
            interruptions=talk.interruptions,
            overlap_ratio=round(talk.overlap_ratio, 4),
            levelled=voices.levelled,
        )
        return Call(truth, samples)

    def _lined(
        self, channels: Float32, lines: list[Line], pair: frozenset[Speaker], rng: np.random.Generator
    ) -> Float32:
        n, out = len(channels), []
        for party, does in enumerate(lines):
            floor: Float32 | None = None
            if does.noise == "babble":
                floor = noise.babble(n, lambda: self._stranger(pair, rng), rng)
            elif does.noise == "room":
                floor = noise.looped(n, self._rooms[int(rng.integers(len(self._rooms)))], rng)
            elif does.noise == "hiss":
                floor = noise.hiss(n, rng)
            if floor is not None and does.steps:
                floor = floor * noise.steps(n, rng)
            out.append(carried(channels[:, party], channels[:, 1 - party], floor, does, rng))
        return np.stack(out, 1)

    def _stranger(self, pair: frozenset[Speaker], rng: np.random.Generator) -> Callable[[], Float32]:
        everybody = [
            (corpus, name) for corpus, v in sorted(self.voices.items()) for name in v.able({NEUTRAL})
        ]
        others = [one for one in everybody if one not in pair]
        if not others:
            raise ValueError("babble needs speakers beside the two parties: ask for more of them")
        corpus, name = others[int(rng.integers(len(others)))]
        return self.voices[corpus].utterances(name, NEUTRAL, rng)

    @cached_property
    def _rooms(self) -> list[Float32]:
        clips = read_manifest(self.root, split="noise")
        return [resample(*load_clip(clip), RATE_HZ) for clip in clips]
