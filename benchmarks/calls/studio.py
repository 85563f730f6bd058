"""Makes a call of a recipe: the same one every time, whatever else is made before it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.calls import noise
from benchmarks.calls.lines import carried, drawn_line
from benchmarks.calls.scripts import ANGRY, DISTRESS, NEUTRAL, ONE_SIDED, SCRIPTS, Script
from benchmarks.calls.truth import PARTIES, Call, Escalation, Line, Truth, rms
from benchmarks.calls.turns import Talk, converse
from benchmarks.calls.voices import Speaker, Voices, split_clips
from benchmarks.corpora import Clip, load_clip, read_manifest
from benchmarks.telephone import RATE_HZ, Float32, resample

RAISED_DB = 3.0
"""A hot party's speech this much above its calm speech on average may rightly be called a raised voice."""
OFTEN = 2
"""Interruptions in a span from which it may rightly be called one of interruptions, or of overlap."""
ONE_SIDED_S = 120.0
LEAST_S = 20.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a call follows from, beside the recordings."""

    script: str
    corpus: str
    number: int
    seed: int

    @property
    def name(self) -> str:
        """Of the call; unique in a set."""
        return f"{self.corpus}-{self.script}-{self.number}"

    def rng(self) -> np.random.Generator:
        """The recipe's own, so that calls may be made in any order."""
        return np.random.default_rng([self.seed, *self.name.encode()])


@dataclass
class Studio:
    """The voices of one split, read once. Raises ValueError as `split_clips` does."""

    root: Path
    split: str
    """`train` for tuning, `eval` for reporting."""
    speakers: Collection[Speaker] | None = None
    """Only these, if given: a fold."""
    voices: dict[str, Voices] = field(init=False)

    def __post_init__(self) -> None:
        by_corpus: dict[str, list[Clip]] = {}
        for clip in split_clips(self.root, self.split, self.speakers):
            by_corpus.setdefault(clip.corpus, []).append(clip)
        self.voices = {corpus: Voices(clips) for corpus, clips in by_corpus.items()}

    def can(self, script: str, corpus: str) -> bool:
        """Whether two speakers of the corpus have every mood of the script."""
        return corpus in self.voices and len(self.voices[corpus].able(SCRIPTS[script].moods)) >= 2

    def make(self, recipe: Recipe) -> Call:
        """The call. Raises ValueError when the corpus has no two speakers with all its moods."""
        if recipe.script in ONE_SIDED:
            return self._one_sided(recipe)
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
            name=recipe.name,
            script=recipe.script,
            corpus=recipe.corpus,
            seed=recipe.seed,
            number=recipe.number,
            duration_s=len(samples) / RATE_HZ,
            speakers=tuple(pair[i] for i in order),
            lines=tuple(lines),
            escalations=escalations(script, talk, louder_db, order),
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

    def _one_sided(self, recipe: Recipe) -> Call:
        """Hold music, prompts, or reading on the customer's line; the agent's is nearly silent."""
        rng, source = recipe.rng(), self._sources(recipe.script)
        if recipe.script == "music":  # it runs on
            size = round(ONE_SIDED_S * RATE_HZ)
            audio = source[0][recipe.number * size :][:size]
        else:
            parts: list[Float32] = []
            for i in rng.permutation(len(source)).tolist():
                parts += [source[i], np.zeros(RATE_HZ // 2, np.float32)]
                if sum(map(len, parts)) >= ONE_SIDED_S * RATE_HZ:
                    break
            audio = np.concatenate(parts)
        if len(audio) < LEAST_S * RATE_HZ:
            raise ValueError(f"{recipe.corpus} has no {recipe.number + 1} calls of {LEAST_S:.0f} s or more")
        audio = audio / np.float32(rms(audio))
        quiet = rng.normal(0, 1e-4, len(audio)).astype(np.float32)
        does = drawn_line(rng, noisy=False)
        floor = noise.hiss(len(audio), rng) if does.noise else None
        samples = np.stack([quiet, carried(audio, quiet, floor, does, rng)], 1)
        return Call(
            Truth(
                name=recipe.name,
                script=recipe.script,
                corpus=recipe.corpus,
                seed=recipe.seed,
                number=recipe.number,
                duration_s=len(samples) / RATE_HZ,
                speakers=(recipe.corpus,),
                lines=(Line(), does),
            ),
            samples,
        )

    def one_sided_calls(self, script: str) -> int:
        """How many calls the recordings give without saying the same again."""
        seconds = sum(len(part) for part in self._sources(script)) / RATE_HZ
        return max(1, round(seconds // ONE_SIDED_S))

    def _sources(self, script: str) -> list[Float32]:
        if script not in self._one_sided_audio:
            clips = read_manifest(self.root, split="calm", corpus=ONE_SIDED[script])
            if script != "music":  # a line that changes its speaker every five seconds is no call
                ((voice, _),) = Counter(clip.speaker for clip in clips).most_common(1)
                clips = [clip for clip in clips if clip.speaker == voice]
            audio = [resample(*load_clip(clip), RATE_HZ) for clip in clips]
            self._one_sided_audio[script] = [np.concatenate(audio)] if script == "music" else audio
        return self._one_sided_audio[script]

    @cached_property
    def _one_sided_audio(self) -> dict[str, list[Float32]]:
        return {}


def mixed(script: Script, talk: Talk, rng: np.random.Generator) -> tuple[Float32, tuple[float, float]]:
    """The two channels with calm speech at RMS 1, and how much louder each party's hot speech is, dB."""
    n = math.ceil(talk.acts[-1][1]) * RATE_HZ  # whole seconds: Fourier transforms of prime lengths are slow
    channels = np.zeros((n, 2), np.float32)
    louder = [
        (start, rng.uniform(*act.louder_db))
        for act, (start, _) in zip(script.acts, talk.acts, strict=True)
        if act.louder_db
    ]
    for one in talk.said:
        at = round(one.start_s * RATE_HZ)
        later_db = sum(db for start, db in louder if one.party == 1 and one.start_s >= start)
        piece = channels[at : at + len(one.samples), one.party]
        piece += one.samples[: len(piece)] * np.float32(10 ** (later_db / 20))
    rises = []
    for party in (0, 1):
        turns = [one for one in talk.said if one.party == party and one.what != "backchannel"]
        hot = [one.samples for one in turns if one.mood == ANGRY]
        calm = [one.samples for one in turns if one.mood not in (ANGRY, DISTRESS)] or hot
        level = rms(np.concatenate(calm)) or 1.0
        channels[:, party] /= np.float32(level)
        rises.append(20 * float(np.log10(max(rms(np.concatenate(hot)), 1e-9) / level)) if hot else 0.0)
    return channels, (rises[0], rises[1])


def escalations(
    script: Script, talk: Talk, louder_db: tuple[float, float], order: tuple[int, int]
) -> tuple[Escalation, ...]:
    """What alerts may tell of; `order` says which of the script's parties is the agent, the customer."""
    names = {written: PARTIES[place] for place, written in enumerate(order)}
    if script.kind == "calm":
        return ()
    if script.kind == "talk_over":
        start, end = talk.acts[1]
        told = [one for one in talk.said if one.what == "interruption" and start <= one.start_s < end]
    else:
        told = [one for one in talk.said if one.mood in (ANGRY, DISTRESS)]
    parties = tuple(names[party] for party in dict.fromkeys(one.party for one in told))
    onset_s, until_s = told[0].start_s, min(max(one.end_s for one in told), talk.acts[-1][1])
    breaks = sum(one.what == "interruption" and onset_s <= one.start_s < until_s for one in talk.said)
    main: tuple[str, ...] = ("interruptions", "overlap")
    causes = main
    if script.kind == "distress":
        main = causes = ("customer_distress",)
    elif script.kind == "escalation":
        main = tuple(f"{party}_anger" for party in parties)
        main += ("mutual_escalation",) if len(parties) == 2 else ()
        hot = {one.party for one in told}
        causes = main
        causes += ("raised_voice",) if max(louder_db[party] for party in hot) >= RAISED_DB else ()
        causes += ("interruptions", "overlap") if breaks >= OFTEN else ()
    return (
        Escalation(
            onset_s=round(onset_s, 3),
            until_s=round(until_s, 3),
            parties=parties,
            main=main,
            causes=causes,
            demanded=script.kind == "escalation",
        ),
    )
