"""Taking turns: who says what when. Timing only; audio is put together in `studio.py`.

Offsets between turns follow published distributions (Stivers et al. 2009, ten languages; Heldner & Edlund
2010, three corpora): a median of about 0.2 s, a long tail of gaps, and a good third below zero. Back-channels
are short, quiet, and do not take the floor; an interruption begins well before the other's turn ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.calls.scripts import ANGRY, HAPPY, NEUTRAL, Act, Style
from benchmarks.telephone import RATE_HZ, Float32

GAP_MEDIAN_S, GAP_SPREAD, LONGEST_GAP_S = 0.32, 0.9, 3.0
"""Log-normal gaps; together with the overlaps the median offset is near 0.2 s."""
OVERLAP_MEAN_S, LONGEST_OVERLAP_S = 0.25, 0.7
PAUSE_MEDIAN_S, PAUSE_SPREAD, LONGEST_PAUSE_S = 0.4, 0.6, 1.5
"""Within a turn."""
BREAK_IN_S = (0.8, 2.0)
"""How long before the end of the other's turn an interruption begins."""
GIVE_WAY_S = (0.4, 1.2)
"""How much longer the one who falls silent speaks."""
BACKCHANNEL_S = (0.3, 0.7)
BACKCHANNEL_DB = (-12.0, -6.0)
SHORTEST_S = 0.3
"""Of a turn that gave way, and between one party's own utterances and its back-channels."""
FADE_S = 0.03
UTTERANCES_A_TURN = (0.45, 0.35, 0.2)
"""Chances of one, two, three."""

Draw = Callable[[int, str], Float32]
"""Party and mood -> the next utterance at 8 kHz."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """One utterance in its place."""

    party: int
    start_s: float
    mood: str
    samples: Float32
    what: str = "turn"
    """`turn`, `interruption` (its first utterance), or `backchannel`."""

    @property
    def end_s(self) -> float:
        """Media time of its last sample."""
        return self.start_s + len(self.samples) / RATE_HZ


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """A whole conversation."""

    said: list[Said]
    acts: list[tuple[float, float]]
    """Start and end of each act; what is said at a boundary belongs to the act in which its turn began."""

    @property
    def interruptions(self) -> int:
        """How often one party breaks in."""
        return sum(one.what == "interruption" for one in self.said)

    @property
    def overlap_ratio(self) -> float:
        """Time with both speaking over time with anyone speaking."""
        talking = np.zeros((2, math.ceil(100 * max(one.end_s for one in self.said))), bool)
        for one in self.said:
            talking[one.party, round(100 * one.start_s) : round(100 * one.end_s)] = True
        return float(talking.all(axis=0).sum() / talking.any(axis=0).sum())


def converse(acts: Sequence[Act], draw: Draw, rng: np.random.Generator) -> Talk:
    """Plays the acts."""
    said: list[Said] = []
    spans: list[tuple[float, float]] = []
    free_s = [0.0, 0.0]  # until when each party's own channel is taken
    at_s, party, breaks_in, was_hot = float(rng.uniform(0.3, 1.5)), int(rng.integers(2)), False, False
    act_s = 0.0
    for act in acts:
        end_s = act_s + float(rng.uniform(*act.seconds))
        if act.hot and not was_hot and act.moods[party] != ANGRY:
            party, at_s, breaks_in = 1 - party, max(at_s, free_s[1 - party]), False
        was_hot = act.hot
        while at_s < end_s:
            at_s = max(at_s, free_s[party])
            turn = _turn(act, party, at_s, draw, rng)
            if breaks_in:
                turn[0] = replace(turn[0], what="interruption")
            turn, at_s, breaks_in = _next_turn(turn, act.style, rng)
            said += turn
            free_s[party] = turn[-1].end_s + SHORTEST_S
            room = (free_s[1 - party], at_s - SHORTEST_S)
            heard = _backchannels(act, turn, room, draw, rng)
            said += heard
            if heard:
                free_s[1 - party] = heard[-1].end_s + SHORTEST_S
            party = 1 - party
        spans.append((act_s, end_s))
        act_s = end_s
    return Talk(sorted(said, key=lambda one: one.start_s), spans)


def offset_s(style: Style, rng: np.random.Generator) -> float:
    """Seconds from the end of a turn to the start of the next; below zero where they overlap."""
    if rng.random() < style.overlap:
        return -min(float(rng.exponential(OVERLAP_MEAN_S)), LONGEST_OVERLAP_S)
    return min(GAP_MEDIAN_S * float(np.exp(GAP_SPREAD * rng.standard_normal())), LONGEST_GAP_S)


def faded(samples: Float32) -> Float32:
    """A copy with a raised-cosine end, so that cutting makes no click."""
    size = min(len(samples), round(FADE_S * RATE_HZ))
    out = samples.copy()
    out[len(out) - size :] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(1, size + 1) / size)).astype(np.float32)
    return out


def _turn(act: Act, party: int, at_s: float, draw: Draw, rng: np.random.Generator) -> list[Said]:
    turn: list[Said] = []
    for _ in range(1 + int(rng.choice(len(UTTERANCES_A_TURN), p=UTTERANCES_A_TURN))):
        one = Said(party, at_s, act.moods[party], draw(party, act.moods[party]))
        turn.append(one)
        pause_s = PAUSE_MEDIAN_S * float(np.exp(PAUSE_SPREAD * rng.standard_normal()))
        at_s = one.end_s + min(pause_s, LONGEST_PAUSE_S)
    return turn


def _next_turn(turn: list[Said], style: Style, rng: np.random.Generator) -> tuple[list[Said], float, bool]:
    """The turn as far as it is spoken, when the next one begins, and whether that breaks in."""
    start_s, end_s = turn[0].start_s, turn[-1].end_s
    if rng.random() >= style.interrupt[1 - turn[0].party]:
        return turn, max(start_s + SHORTEST_S, end_s + offset_s(style, rng)), False
    break_s = max(start_s + min(0.6, 0.5 * (end_s - start_s)), end_s - float(rng.uniform(*BREAK_IN_S)))
    if rng.random() < style.yields:
        turn = _cut(turn, break_s + float(rng.uniform(*GIVE_WAY_S)))
    return turn, break_s, True


def _cut(turn: list[Said], until_s: float) -> list[Said]:
    """What of a turn is said until then; never nothing."""
    out: list[Said] = []
    for one in turn:
        left_s = until_s - one.start_s
        if out and left_s < SHORTEST_S:
            break
        size = round(max(left_s, SHORTEST_S) * RATE_HZ)
        out.append(replace(one, samples=faded(one.samples[:size])) if size < len(one.samples) else one)
    return out


def _backchannels(
    act: Act, turn: list[Said], room: tuple[float, float], draw: Draw, rng: np.random.Generator
) -> list[Said]:
    """The listener's, while the other has the turn; in order, in the `room` between its own turns."""
    party = 1 - turn[0].party
    first, last = max(turn[0].start_s + 0.5, room[0]), min(turn[-1].end_s, room[1]) - BACKCHANNEL_S[1]
    count = int(rng.poisson(act.style.backchannels / 60 * (turn[-1].end_s - turn[0].start_s)))
    if last <= first:
        return []
    mood = HAPPY if act.moods[party] == HAPPY else NEUTRAL
    out: list[Said] = []
    for start_s in sorted(rng.uniform(first, last, count)):
        if out and start_s < out[-1].end_s + SHORTEST_S:
            continue
        size = round(float(rng.uniform(*BACKCHANNEL_S)) * RATE_HZ)
        gain = np.float32(10 ** (rng.uniform(*BACKCHANNEL_DB) / 20))
        out.append(
            Said(party, float(start_s), mood, gain * faded(draw(party, mood)[:size]), what="backchannel")
        )
    return out
