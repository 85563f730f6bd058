"""Teaches the music check (sentiment_engine/music.py) on music made of numbers and the training speakers.

    python scripts/train_music.py                # writes sentiment_engine/music_weights.py; ten minutes
    python scripts/train_music.py --scenes 200   # a smaller one, to see that it works

Speech is split `train` alone, joined to turns with pauses; music is scripts/music_synth.py's. Scenes of both
(either alone, one after the other, a voice over softer music or a horn) go over benchmarks/telephone.py's
lines and through the very code that will judge them. A context is music when nobody speaks in it, and speech
when somebody does for a third of it or at its end; what lies between teaches nothing. Speakers and pieces of
every fifth scene are held out, for the figures that are printed. Needs torch and the corpora.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.corpora import Clip, data_root, load_clip, read_manifest  # noqa: E402
from benchmarks.telephone import RATE_HZ, Float32, overload, resample, reverberate, telephone  # noqa: E402
from benchmarks.vad import pcm16  # noqa: E402
from scripts.music_synth import note, piece, timbre  # noqa: E402
from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_SAMPLES, FRAME_SAMPLES, Int16  # noqa: E402
from sentiment_engine.music import CONTEXT_BLOCKS, OUTLIER, MusicCheck  # noqa: E402
from sentiment_engine.settings_hearing import VadSettings  # noqa: E402
from sentiment_engine.vad import WebRtcFrames  # noqa: E402

WEIGHTS = REPOSITORY / "sentiment_engine" / "music_weights.py"
SEED = 20
HELD_OUT = 5
KINDS = {"speech": 0.34, "music": 0.32, "over": 0.11, "horn": 0.09, "both": 0.14}
HIDDEN, EPOCHS = 16, 15
DECAY, NOISE = 1.0, 0.1
"""Weight decay, and noise on the standardised measures: pieces are few, their contexts many and alike."""
NOBODY, VOICE, MUSIC, BACKGROUND = range(4)
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Example:
    """One context that somebody will judge."""

    scene: int
    kind: str
    corpus: str
    angry: bool
    music: bool
    measures: Float32


def turns(clips: list[Clip], seconds: float, rng: np.random.Generator) -> tuple[Float32, Labels]:
    """Utterances of one speaker with pauses, RMS of the speech 0.1, and a label for each block."""
    sounds: list[Float32] = []
    labels: list[Labels] = []
    while sum(map(len, sounds)) < seconds * RATE_HZ:
        sound = resample(*load_clip(clips[rng.integers(len(clips))]), RATE_HZ)
        sound = sound[: len(sound) // BLOCK_SAMPLES * BLOCK_SAMPLES]
        power = np.mean(sound.reshape(-1, BLOCK_SAMPLES) ** 2, axis=1)
        voiced = power > 6e-3 * np.percentile(power, 95)
        if voiced.sum() < 3:
            continue
        first, last = np.flatnonzero(voiced)[[0, -1]]
        first, last = max(0, first - 1), last + 2
        pause = int(rng.uniform(10, 30)) if rng.random() < 0.1 else int(10 ** rng.uniform(-0.1, 1.1))
        sounds += [sound[first * BLOCK_SAMPLES : last * BLOCK_SAMPLES], silence(pause)]
        labels += [voiced[first:last].astype(np.int64), np.full(pause, NOBODY)]
    sound, label = np.concatenate(sounds), np.concatenate(labels)
    speech = sound.reshape(-1, BLOCK_SAMPLES)[label == VOICE]
    return sound * np.float32(0.1 / np.sqrt(np.mean(speech**2))), label


def silence(blocks: int) -> Float32:
    """That long."""
    return np.zeros(blocks * BLOCK_SAMPLES, np.float32)


def whole_blocks(sound: Float32) -> Float32:
    """Without the part of a block at the end."""
    return sound[: len(sound) // BLOCK_SAMPLES * BLOCK_SAMPLES]


def horn(length: int, rng: np.random.Generator) -> Float32:
    """Long single notes, as a horn or a siren in the street; RMS 0.1."""
    track = np.zeros(length, np.float32)
    at, hz = 0, 0.0
    while at < length:
        before, hz, held_s = hz, 10 ** rng.uniform(2.3, 3.1), rng.uniform(0.5, 6.0)
        sound = note(timbre(rng), hz, held_s, before, rng)[: length - at]
        track[at : at + len(sound)] += sound
        at += round((held_s + rng.uniform(0, 2)) * RATE_HZ)
    return track * np.float32(0.1 / np.sqrt(np.mean(track**2)))


def scene(kind: str, clips: list[Clip], rng: np.random.Generator) -> tuple[Float32, Labels]:
    """A stretch of one channel before the line, and a label for each of its blocks."""
    if kind == "music":
        sound = whole_blocks(piece(rng.uniform(20, 30), rng))
        return sound, np.full(len(sound) // BLOCK_SAMPLES, MUSIC)
    speech, label = turns(clips, rng.uniform(12, 22), rng)
    if kind == "speech":
        return speech, label
    if kind in ("over", "horn"):
        low_db, high_db = (8.0, 25.0) if kind == "over" else (-3.0, 12.0)
        under = horn(len(speech), rng) if kind == "horn" else piece(len(speech) / RATE_HZ + 1, rng)
        gain = np.float32(10 ** (-rng.uniform(low_db, high_db) / 20))
        return speech + gain * under[: len(speech)], np.where(label == VOICE, VOICE, BACKGROUND)
    gap = int(rng.choice([0, 0, 3, 8]))
    music = whole_blocks(piece(rng.uniform(6, 12), rng)) * np.float32(10 ** (rng.uniform(-10, 6) / 20))
    music_label = np.full(len(music) // BLOCK_SAMPLES, MUSIC)
    pause, pause_label = silence(gap), np.full(gap, NOBODY)
    return (
        np.concatenate((music, pause, speech, pause, music)),
        np.concatenate((music_label, pause_label, label, pause_label, music_label)),
    )


def sent(sound: Float32, rng: np.random.Generator) -> Int16:
    """Over a random line, at times out of a room, overdriven, or through a mobile's codec."""
    if rng.random() < 0.15:
        sound = reverberate(sound, rng.uniform(0.1, 0.5), 10 ** rng.uniform(-2, -0.3), rng)
    if rng.random() < 0.08:
        sound = overload(sound, rng.uniform(1.5, 6))
    wide, lossy = bool(rng.random() < 0.15), (None, None, None, "gsm", "opus")[rng.integers(5)]
    return pcm16(telephone(sound, RATE_HZ, rng, wide=wide, lossy=lossy))


def looks(samples: Int16) -> list[tuple[int, Float32]]:
    """All contexts that the check would judge: the block after each, and its measures."""
    seen: list[Float32] = []

    def remember(measures: Float32) -> float:
        seen.append(measures)
        return 0.0

    eager = VadSettings(music_over=-1.0)  # some evidence always: it looks as often as it can
    check, ear = MusicCheck(eager, remember), WebRtcFrames(eager.aggressiveness)
    out: list[tuple[int, Float32]] = []
    for at, block in enumerate(
        samples[: len(samples) // BLOCK_SAMPLES * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES)
    ):
        frames = block.reshape(BLOCK_FRAMES, FRAME_SAMPLES)
        heard = [ear(frame.tobytes()) for frame in frames]
        check.block(block, *levels_db(frames), any(heard))
        out += [(at + 1, measures) for measures in seen]
        seen.clear()
    return out


def levels_db(frames: Int16) -> tuple[list[float], list[float]]:
    """Level and treble of each frame, dBFS, as `listening.py` works them out."""
    level = frames.astype(np.float32)
    treble = np.diff(level, axis=1)
    scale = np.float32(1 / (FRAME_SAMPLES * 32768.0**2))
    both = [np.sum(sound**2, axis=1) * scale for sound in (level, treble)]
    level_db, treble_db = (10 * np.log10(power + 1e-10) for power in both)
    return level_db.tolist(), treble_db.tolist()


def examples(scenes: int, clips: list[Clip]) -> list[Example]:
    """What scenes drawn at random teach."""
    speakers: dict[str, dict[str, list[Clip]]] = {}
    for clip in clips:
        speakers.setdefault(clip.corpus, {}).setdefault(clip.speaker, []).append(clip)
    out: list[Example] = []
    for number in range(scenes):
        rng = np.random.default_rng([SEED, number])
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        corpus = str(rng.choice(list(speakers)))
        names = list(speakers[corpus])
        names = [name for at, name in enumerate(names) if (at % HELD_OUT == 0) == (number % HELD_OUT == 0)]
        said = speakers[corpus][names[rng.integers(len(names))]]
        shouted = [clip for clip in said if clip.emotion == "angry"]
        angry = len(shouted) > 2 and rng.random() < 0.5
        sound, label = scene(kind, shouted if angry else said, rng)
        for end, measures in looks(sent(sound, rng)):
            context = label[end - CONTEXT_BLOCKS : end]
            voice, music = np.sum(context == VOICE), np.sum(context == MUSIC)
            speaks = voice >= 0.3 * CONTEXT_BLOCKS or np.sum(context[-8:] == VOICE) >= 4
            if speaks or (voice <= 1 and music >= 0.7 * CONTEXT_BLOCKS):
                out.append(Example(number, kind, corpus, bool(angry), not speaks, measures))
    return out


class Net:
    """A hidden layer of rectified units between standardised measures and the log odds of music."""

    def __init__(self, measures: Float32, music: Float32, *, hidden: int, epochs: int, seed: int) -> None:
        import torch  # noqa: PLC0415 the rest of the file is of use without it

        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self.mean, self.scale = measures.mean(axis=0), measures.std(axis=0) + np.float32(1e-3)
        inputs, targets = torch.from_numpy(self._even(measures)), torch.from_numpy(music)
        first, last = torch.nn.Linear(measures.shape[1], hidden), torch.nn.Linear(hidden, 1)
        layers = torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.Dropout(0.1), last)
        optimiser = torch.optim.AdamW(layers.parameters(), lr=3e-3, weight_decay=DECAY)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
        for _ in range(epochs):
            for some in torch.randperm(len(inputs)).split(128):
                noisy = inputs[some] + NOISE * torch.randn(len(some), inputs.shape[1])
                odds = layers(noisy)[:, 0]
                loss = torch.nn.functional.binary_cross_entropy_with_logits(odds, targets[some])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            rate.step()
        self.hidden, self.hidden_bias = first.weight.detach().numpy().T, first.bias.detach().numpy()
        self.out, self.out_bias = last.weight.detach().numpy()[0], float(last.bias.detach()[0])

    def _even(self, measures: Float32) -> Float32:
        return np.clip((measures - self.mean) / self.scale, -OUTLIER, OUTLIER).astype(np.float32)

    def __call__(self, measures: Float32) -> Float32:
        """(n, MEASURES) -> log odds (n,)."""
        units = np.maximum(self._even(measures) @ self.hidden + self.hidden_bias, 0)
        return np.asarray(units @ self.out + self.out_bias, np.float32)


def report(net: Net, found: list[Example]) -> None:
    """By kind of scene, corpus and mood: the share of contexts called music at log odds of 1."""
    odds = net(np.stack([example.measures for example in found]))
    rows: dict[str, list[bool]] = {}
    for example, over in zip(found, odds > 1.0, strict=True):
        truth = "music" if example.music else f"{example.corpus}, {'angry' if example.angry else 'any mood'}"
        rows.setdefault(f"{example.kind}: {truth}", []).append(bool(over))
    for name, those in sorted(rows.items()):
        print(f"{name:45} {np.mean(those):6.1%} of {len(those)}")


def write(net: Net, command: str) -> None:
    """The weights as a module, four digits each."""

    def text(name: str, values: Float32) -> str:
        numbers = " ".join(f"{value:.4g}" for value in values.ravel())
        wrapped = textwrap.fill(numbers, 108)
        shape = "" if values.ndim == 1 else f".reshape{values.shape}"
        return f'{name} = _numbers("""\n{wrapped}\n"""){shape}\n'

    parts = [
        f'"""Weights of the music check (music.py). Written by `{command}`.\n',
        "Taught by the training speakers, and by music that scripts/music_synth.py made; no recording of it.",
        "These numbers are under models/LICENSE (CC BY-NC-SA 4.0), because of the speakers' corpora.",
        '"""\n',
        "import numpy as np\n",
        "from sentiment_engine.frames import Float32\n\n",
        "def _numbers(text: str) -> Float32:",
        "    return np.array(text.split(), np.float32)\n\n",
        text("MEAN", net.mean),
        text("SCALE", net.scale),
        text("HIDDEN", net.hidden),
        text("HIDDEN_BIAS", net.hidden_bias),
        text("OUT", net.out) + f"OUT_BIAS = {net.out_bias:.4g}",
    ]
    WEIGHTS.write_text("\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    """Makes the scenes, trains, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=1200)
    arguments = parser.parse_args()
    began = time.monotonic()
    found = examples(arguments.scenes, read_manifest(data_root(), split="train"))
    print(f"{len(found)} contexts of {arguments.scenes} scenes, {time.monotonic() - began:.0f} s")
    held_out = [example for example in found if example.scene % HELD_OUT == 0]
    report(teach([example for example in found if example.scene % HELD_OUT]), held_out)
    write(teach(found), f"python scripts/train_music.py --scenes {arguments.scenes}")


def teach(found: list[Example]) -> Net:
    """A network of those examples."""
    measures = np.stack([example.measures for example in found])
    music = np.array([example.music for example in found], np.float32)
    return Net(measures, music, hidden=HIDDEN, epochs=EPOCHS, seed=SEED)


if __name__ == "__main__":
    main()
