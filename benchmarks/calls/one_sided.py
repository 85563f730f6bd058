"""Hold music, prompts, reading: somebody, or something, on the customer's line alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.calls import noise
from benchmarks.calls.lines import carried, drawn_line
from benchmarks.calls.scripts import ONE_SIDED
from benchmarks.calls.truth import Call, Line, Recipe, Truth, rms
from benchmarks.corpora import load_clip, read_manifest
from benchmarks.telephone import RATE_HZ, Float32, resample

LONGEST_S = 120.0
LEAST_S = 20.0
PAUSE_S = 0.5


class OneSided:
    """The recordings of the `calm` split, each kind read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sources: dict[str, list[Float32]] = {}

    def calls(self, script: str) -> int:
        """How many calls the recordings give without saying the same again."""
        return max(1, sum(map(len, self._audio(script))) // round(LONGEST_S * RATE_HZ))

    def make(self, recipe: Recipe) -> Call:
        """The call; the agent's line is nearly silent. Raises ValueError when the recordings are used up."""
        rng, source = recipe.rng(), self._audio(recipe.script)
        size = round(LONGEST_S * RATE_HZ)
        if recipe.script == "music":  # it runs on
            audio = source[0][recipe.number * size :][:size]
        else:
            pause = np.zeros(round(PAUSE_S * RATE_HZ), np.float32)
            parts = [part for i in rng.permutation(len(source)).tolist() for part in (source[i], pause)]
            audio = np.concatenate(parts)[:size]
        if len(audio) < LEAST_S * RATE_HZ:
            raise ValueError(f"{recipe.corpus} has no {recipe.number + 1} calls of {LEAST_S:.0f} s or more")
        audio = audio / np.float32(rms(audio))
        quiet = rng.normal(0, 1e-4, len(audio)).astype(np.float32)
        does = drawn_line(rng, noisy=False)
        floor = noise.hiss(len(audio), rng) if does.noise else None
        truth = Truth(
            **recipe.named(),
            duration_s=len(audio) / RATE_HZ,
            speakers=(recipe.corpus,),
            lines=(Line(), does),
        )
        return Call(truth, np.stack([quiet, carried(audio, quiet, floor, does, rng)], 1))

    def _audio(self, script: str) -> list[Float32]:
        if script not in self._sources:
            clips = read_manifest(self._root, split="calm", corpus=ONE_SIDED[script])
            if script != "music":  # a line that changes its speaker every five seconds is no call
                ((voice, _),) = Counter(clip.speaker for clip in clips).most_common(1)
                clips = [clip for clip in clips if clip.speaker == voice]
            audio = [resample(*load_clip(clip), RATE_HZ) for clip in clips]
            self._sources[script] = [np.concatenate(audio)] if script == "music" else audio
        return self._sources[script]
