"""Scripted two-channel telephone calls that heat up at a known moment. Synthetic: say so when quoting.

Every voice is real, acted speech of one speaker from the manifest; only the conversation is made: turns
with pauses, more talking over once it is hot, and one line a party (its own level, band, noise, law). A
party's gain is set once a call, from its calm speech, so raising the voice survives; absolute level does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.corpora import Clip, load_clip, read_manifest
from benchmarks.telephone import RATE_HZ, Float32, add_noise, band_pass, g711, resample

CALM_S = 60.0
HOT_S = 30.0
AFTER_S = 20.0
UNKNOWN = "unknown"
"""What a manifest says where a corpus does not name the speaker: many people, not one."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call and the truth about it."""

    name: str
    kind: str
    """`customer_heats`, `agent_heats`, `both_heat`, `hot_start`, or which sort of calm it is."""
    corpus: str
    samples: Float32
    """(n, 2) at 8 kHz; channel 0 is the agent."""
    onset_s: float | None = None
    """Start of the first angry utterance; None for a calm call."""
    hot_until_s: float | None = None


class Voices:
    """The clips of one corpus by speaker and emotion."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._clips: dict[str, dict[str, list[Clip]]] = {}
        for clip in clips:
            if clip.emotion:
                self._clips.setdefault(clip.speaker, {}).setdefault(clip.emotion, []).append(clip)
        self.corpus = clips[0].corpus
        needed = {"neutral", "angry", "happy"}
        self.speakers = [
            name
            for name, moods in sorted(self._clips.items())
            if name != UNKNOWN and needed <= moods.keys() and min(len(moods[mood]) for mood in needed) >= 3
        ]

    def utterances(self, speaker: str, emotion: str, rng: np.random.Generator) -> Callable[[], Float32]:
        """An endless supply of one speaker's clips at 8 kHz, shuffled, in rounds."""
        clips = self._clips[speaker][emotion]
        queue: list[int] = []

        def draw() -> Float32:
            if not queue:
                queue.extend(rng.permutation(len(clips)).tolist())
            return resample(*load_clip(clips[queue.pop()]), RATE_HZ)

        return draw


def line(channel: Float32, calm: Float32, rng: np.random.Generator) -> Float32:
    """One party's telephone line: level of the `calm` speech -35..-18 dBFS, band, half with noise, G.711."""
    rms = float(np.sqrt(np.mean(np.square(calm, dtype=np.float64)))) or 1.0
    channel = channel * np.float32(10 ** (rng.uniform(-35.0, -18.0) / 20) / rms)
    channel = band_pass(np.clip(channel, -1, 1), rng.uniform(250, 350), rng.uniform(3200, 3600))
    if rng.random() < 0.5:
        channel = add_noise(channel, rng.uniform(10.0, 30.0), rng)
    return g711(channel, law="mulaw" if rng.random() < 0.5 else "alaw")


def scripted(
    voices: Voices,
    kind: str,
    rng: np.random.Generator,
    *,
    name: str,
    calm_s: float = CALM_S,
    hot_s: float = HOT_S,
    after_s: float = AFTER_S,
    mood: str = "neutral",
) -> Call:
    """A call that is calm (in `mood`), then hot as `kind` says (not at all for `calm`), then calm again."""
    pair = [voices.speakers[i] for i in rng.permutation(len(voices.speakers))[:2]]
    calm = [voices.utterances(speaker, mood, rng) for speaker in pair]
    angry = [voices.utterances(speaker, "angry", rng) for speaker in pair]
    hot_parties = {"agent_heats": {0}, "customer_heats": {1}, "both_heat": {0, 1}}.get(kind, set())
    total_s = calm_s + (hot_s + after_s if hot_parties else 0.0)
    channels = np.zeros((int((total_s + 30) * RATE_HZ), 2), np.float32)
    calm_speech: list[list[Float32]] = [[], []]
    at_s, party, onset_s, hot_until_s = rng.uniform(0.3, 1.5), 0, None, None
    while at_s < total_s:
        hot = bool(hot_parties) and calm_s <= at_s < calm_s + hot_s
        shouting = hot and party in hot_parties
        if hot and onset_s is None and not shouting:
            party, shouting = 1 - party, True
        for _ in range(int(rng.integers(1, 4))):
            utterance = (angry if shouting else calm)[party]()
            start = int(at_s * RATE_HZ)
            piece = channels[start : start + len(utterance), party]
            piece += utterance[: len(piece)]
            if shouting:
                onset_s = at_s if onset_s is None else onset_s
                hot_until_s = at_s + len(utterance) / RATE_HZ
            else:
                calm_speech[party].append(utterance)
            at_s += len(utterance) / RATE_HZ + rng.uniform(0.05, 0.4)
        at_s += rng.uniform(-1.2, 0.3) if hot else rng.uniform(-0.1, 0.8)
        party = 1 - party
    channels = channels[: int(total_s * RATE_HZ)]
    lined = [line(channels[:, i], np.concatenate(calm_speech[i] or [channels[:, i]]), rng) for i in (0, 1)]
    return Call(name, kind, voices.corpus, np.stack(lined, 1), onset_s, hot_until_s)


def scripted_set(
    root: Path, *, split: str, corpora: Sequence[str], calls: int, calm_minutes: float, seed: int
) -> list[Call]:
    """`calls` that heat up, a third as many that begin hot, `calm_minutes` each of calm and of cheerful talk.

    All are shared among `corpora`.
    """
    kinds = ("customer_heats", "agent_heats", "both_heat")
    out: list[Call] = []
    for corpus in corpora:
        voices = Voices(read_manifest(root, split=split, corpus=corpus))
        rng = np.random.default_rng([seed, *corpus.encode()])
        for n in range(calls // len(corpora)):
            kind = kinds[n % len(kinds)]
            out.append(scripted(voices, kind, rng, name=f"{corpus}-{kind}-{n}"))
        for n in range(calls // len(corpora) // 3):
            begun = scripted(voices, kinds[n % 2], rng, name=f"{corpus}-hot_start-{n}", calm_s=0.0)
            out.append(replace(begun, kind="hot_start"))
        for n in range(max(1, round(calm_minutes / 2 / len(corpora)))):
            for kind, mood in (("calm", "neutral"), ("cheerful", "happy")):
                out.append(scripted(voices, kind, rng, name=f"{corpus}-{kind}-{n}", calm_s=120.0, mood=mood))
    return out


def one_sided_set(root: Path, *, minutes: float, seed: int) -> list[Call]:
    """Hold music, prompts and Mandarin reading on the customer's channel: nobody should be told of them."""
    out: list[Call] = []
    for corpus, kind in (
        ("asterisk_moh", "music"),
        ("asterisk_prompts", "prompts"),
        ("zh_neutral_samples", "reading"),
    ):
        rng = np.random.default_rng([seed, *corpus.encode()])
        clips = read_manifest(root, split="calm", corpus=corpus)
        if kind != "music":  # one voice a line: a line that changes its speaker every five seconds is no call
            ((voice, _),) = Counter(clip.speaker for clip in clips).most_common(1)
            clips = [clip for clip in clips if clip.speaker == voice]
        queue = [clips[i] for i in rng.permutation(len(clips))]
        made = 0
        while queue and made < minutes / 2:
            parts: list[Float32] = []
            while queue and sum(map(len, parts)) < 120 * RATE_HZ:
                parts += [resample(*load_clip(queue.pop()), RATE_HZ), np.zeros(RATE_HZ // 2, np.float32)]
            audio = np.concatenate(parts)
            for start in range(0, max(len(audio) - 20 * RATE_HZ, 1), 120 * RATE_HZ):  # music runs on
                if made >= minutes / 2:
                    break
                piece = audio[start : start + 120 * RATE_HZ]
                quiet = np.zeros_like(piece) + rng.normal(0, 1e-4, len(piece)).astype(np.float32)
                samples = np.stack([g711(quiet, law="mulaw"), line(piece, piece, rng)], 1)
                out.append(Call(f"{kind}-{made}", kind, corpus, samples))
                made += 1
    return out
