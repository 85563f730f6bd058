"""Music made of numbers, to teach the music check (sentiment_engine/music.py) what no voice is.

Every piece draws its own tempo, key, chords, instruments, touch and room. Nothing is recorded and nothing is
composed by anyone: a seed gives the same piece everywhere. 8 kHz, because a telephone line carries no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.telephone import RATE_HZ, Float32, reverberate

TOP_HZ = 3900.0
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 7, 9))
PROGRESSIONS = (
    (0, 4, 5, 3),
    (0, 3, 4, 0),
    (5, 3, 0, 4),
    (0, 5, 3, 4),
    (1, 4, 0, 0),
    (0, 0, 3, 4),
    (0, 6, 5, 4),
)


@dataclass(frozen=True, slots=True)
class Timbre:
    """How an instrument sounds; drawn once a part."""

    slope: float
    """Amplitude of harmonic n is n ** -slope."""
    odd: bool
    """Only odd harmonics, as a clarinet or a square wave has."""
    body: tuple[tuple[float, float, float], ...]
    """Resonances: Hz, width in Hz, gain in dB."""
    stretch: float
    """Inharmonicity of stiff strings: partial n lies at n * sqrt(1 + stretch * n^2)."""
    attack_s: float
    decay_s: float
    """60 dB of the first harmonic; inf is a tone held by breath or bow. High ones die sooner."""
    release_s: float
    vibrato_hz: float
    vibrato_cents: float
    players: int
    """Detuned copies: a section of strings, a chorus effect."""
    breath: float
    """Noise beside the tone, of its amplitude."""
    modulated: float
    """FM index at the attack, for bells and electric pianos; 0 is none."""
    glide_s: float
    """Portamento from the note before; 0 is none."""


def timbre(rng: np.random.Generator) -> Timbre:
    """A random instrument: half of them struck or plucked, half held."""
    struck = rng.random() < 0.5
    body = tuple(
        (rng.uniform(300, 3000), rng.uniform(80, 600), rng.uniform(3, 15)) for _ in range(rng.integers(0, 4))
    )
    return Timbre(
        slope=rng.uniform(0.4, 2.5),
        odd=bool(rng.random() < 0.15),
        body=body,
        stretch=rng.uniform(0, 6e-4) if struck and rng.random() < 0.6 else 0.0,
        attack_s=rng.uniform(0.002, 0.02) if struck else rng.uniform(0.01, 0.4),
        decay_s=10 ** rng.uniform(-0.5, 0.9) if struck else np.inf,
        release_s=10 ** rng.uniform(-1.5, -0.2),
        vibrato_hz=rng.uniform(4.0, 7.0),
        vibrato_cents=rng.uniform(5, 60) if not struck and rng.random() < 0.6 else 0.0,
        players=int(rng.choice([1, 1, 1, 2, 4])),
        breath=10 ** rng.uniform(-2.5, -0.9) if rng.random() < 0.2 else 0.0,
        modulated=rng.uniform(0.3, 3.0) if rng.random() < 0.2 else 0.0,
        glide_s=rng.uniform(0.03, 0.12) if not struck and rng.random() < 0.2 else 0.0,
    )


def note(of: Timbre, hz: float, held_s: float, before_hz: float, rng: np.random.Generator) -> Float32:
    """One note with its release, peak about 1; shape (n,)."""
    rings_s = held_s + of.release_s
    if np.isfinite(of.decay_s):
        rings_s = min(rings_s, of.decay_s)
    at_s = np.arange(max(8, round(rings_s * RATE_HZ))) / RATE_HZ
    sound = np.zeros(len(at_s))
    for _ in range(of.players):
        cents = rng.normal(0, 8.0 if of.players > 1 else 2.0)
        late = np.clip(at_s / 0.3, 0, 1)  # vibrato sets in after the attack
        cents = cents + of.vibrato_cents * late * np.sin(
            2 * np.pi * (of.vibrato_hz * at_s + rng.uniform(0, 1))
        )
        if of.glide_s and before_hz:
            cents = cents + 1200 * np.log2(before_hz / hz) * np.exp(-at_s / of.glide_s)
        phase = 2 * np.pi * np.cumsum(hz * 2 ** (cents / 1200)) / RATE_HZ
        if of.modulated:
            index = of.modulated * np.exp(-at_s / 0.3)
            phase = phase + index * np.sin(phase * rng.choice([1, 1, 2, 3]))
        for n in range(1, 40, 2 if of.odd else 1):
            ratio = n * np.sqrt(1 + of.stretch * n * n)
            if hz * ratio > TOP_HZ:
                break
            gain = n**-of.slope
            for middle, width, gain_db in of.body:
                gain *= 10 ** (gain_db / 20 * np.exp(-(((hz * ratio - middle) / width) ** 2)))
            fade = np.exp(-6.9 * at_s / of.decay_s * (1 + 0.25 * (n - 1))) if np.isfinite(of.decay_s) else 1.0
            sound += gain * fade * np.sin(ratio * phase + rng.uniform(0, 2 * np.pi))
    if of.breath:
        sound += of.breath * np.std(sound) * rng.standard_normal(len(sound))
    envelope = np.minimum(1.0, at_s / of.attack_s)
    envelope *= np.exp(-6.9 * np.maximum(0.0, at_s - held_s) / of.release_s)
    envelope[-8:] *= np.linspace(1, 0, 8)
    return (sound * envelope / max(1e-6, np.abs(sound).max())).astype(np.float32)


def drum(kind: str, rng: np.random.Generator) -> Float32:
    """One stroke of `kick`, `snare` or `hat`."""
    length_s = {"kick": 0.25, "snare": 0.2, "hat": 0.06}[kind] * rng.uniform(0.6, 1.8)
    at_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    fade = np.exp(-5 * at_s / length_s)
    hiss = rng.standard_normal(len(at_s))
    if kind == "kick":
        hz = rng.uniform(45, 70) + rng.uniform(60, 200) * np.exp(-at_s / 0.03)
        return (fade * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)).astype(np.float32)
    if kind == "hat":
        return (0.4 * fade * np.diff(hiss, prepend=0.0)).astype(np.float32)
    drumhead = np.sin(2 * np.pi * rng.uniform(150, 260) * at_s)
    return (fade * (0.5 * hiss + 0.5 * drumhead)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Score:
    """What all parts of a piece share."""

    beat_s: float
    root: int
    """MIDI number of the key."""
    scale: tuple[int, ...]
    """Semitones over the root."""
    chords: tuple[int, ...]
    """Degrees of the scale, one a bar."""


def piece(seconds: float, rng: np.random.Generator) -> Float32:
    """A piece of music of that length, shape (n,), RMS 0.1."""
    track = np.zeros(round(seconds * RATE_HZ), np.float32)
    beat_s = 60.0 / rng.uniform(50, 170)
    scale = SCALES[rng.integers(len(SCALES))]
    root = rng.integers(40, 52)  # MIDI, E2..D#3
    chords = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    parts = [name for name, often in LAYERS.items() if rng.random() < often]
    drums = rng.random() < 0.45
    if not parts:
        parts = ["chords" if drums else "melody"]
    score = Score(beat_s, int(root), scale, chords)
    for name in parts:
        _play(track, name, score, rng)
    if drums:
        _drum(track, beat_s, rng)
    track = _tilt(track, rng.uniform(0.0, 9.0))
    if rng.random() < 0.6:
        track = reverberate(track, rng.uniform(0.2, 2.0), 10 ** rng.uniform(-1.3, 0.0), rng)
    track *= np.float32(0.1 / max(1e-6, float(np.sqrt(np.mean(track**2)))))
    if rng.random() < 0.5:  # mastered loud: soft limiting evens the level out
        track = np.tanh(track * np.float32(rng.uniform(3, 12))).astype(np.float32)
        track *= np.float32(0.1 / max(1e-6, float(np.sqrt(np.mean(track**2)))))
    return track


LAYERS = {"pad": 0.5, "chords": 0.5, "arpeggio": 0.45, "bass": 0.6, "melody": 0.5, "answer": 0.25}
"""How often a piece has each part."""


def _tilt(track: Float32, db_per_octave: float) -> Float32:
    """Darker by so much above 200 Hz: most recorded music is, and a telephone takes none of it back."""
    hz = np.maximum(np.fft.rfftfreq(len(track), 1 / RATE_HZ), 200.0)
    gain = (hz / 200.0) ** (-db_per_octave / 20 / np.log10(2))
    return np.fft.irfft(np.fft.rfft(track) * gain, len(track)).astype(np.float32)


def _pitch(root: int, scale: tuple[int, ...], degree: int) -> float:
    """Hz of a degree of the scale, which may leave the octave."""
    octave, step = divmod(int(degree), len(scale))
    return float(440.0 * 2 ** ((root + 12 * octave + scale[step] - 69) / 12))


def _add(track: Float32, at_s: float, sound: Float32, gain: float) -> None:
    start = round(at_s * RATE_HZ)
    room = track[start : start + len(sound)]
    room += np.float32(gain) * sound[: len(room)]


def _play(track: Float32, name: str, score: Score, rng: np.random.Generator) -> None:
    """One part, from the first bar to the last."""
    beat_s, scale, chords = score.beat_s, score.scale, score.chords
    of, gain = timbre(rng), 10 ** rng.uniform(-0.6, 0.0)
    octave = {"bass": 0, "pad": 1, "chords": 1, "arpeggio": 1, "melody": 2, "answer": 1}[name] + int(
        rng.random() < 0.3
    )
    per_beat = (
        int(rng.choice([1, 2, 2, 4]))
        if name in ("arpeggio", "melody", "answer")
        else int(rng.choice([1, 1, 2]))
    )
    if beat_s / per_beat < 0.11:
        per_beat = 1
    step_s, busy = beat_s / per_beat, rng.uniform(0.4, 0.95)
    legato, shape = rng.uniform(0.4, 1.3), rng.permutation([0, 2, 4, 7])
    beats, jitter_s, strum_s = int(rng.choice([2, 4, 4])), rng.uniform(0, 0.015), rng.uniform(0, 0.04)
    at, degree, before_hz = 0, int(rng.integers(0, 7)), 0.0
    steps = int(len(track) / RATE_HZ / step_s)
    riff = rng.random(16) < busy
    while at < steps:
        chord = chords[int(at / per_beat / beats) % len(chords)]
        when_s = max(0.0, at * step_s + rng.normal(0, jitter_s))
        touch = gain * 10 ** (rng.normal(0, 2.5) / 20)
        length = 1
        if name == "pad":
            length = per_beat * beats
            degrees = [chord, chord + 2, chord + 4][: int(rng.integers(1, 4))]
        elif name == "chords":
            degrees = [chord + int(d) for d in (0, 2, 4, 7)[: int(rng.integers(2, 5))]]
        elif name == "arpeggio":
            degrees = [chord + int(shape[at % len(shape)])]
        elif name == "bass":
            degrees = [chord + int(rng.choice([0, 0, 0, 4, -3]))]
        else:
            degree = int(np.clip(degree + rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3]), -2, 9))
            degrees, length = [degree], int(rng.choice([1, 1, 1, 2, 3, 4]))
        if name == "pad" or riff[at % 16]:
            for rank, one in enumerate(degrees):
                hz = _pitch(score.root + 12 * octave, scale, one)
                held_s = step_s * length * legato
                _add(track, when_s + rank * strum_s, note(of, hz, held_s, before_hz, rng), touch)
            before_hz = hz
        at += length


def _drum(track: Float32, beat_s: float, rng: np.random.Generator) -> None:
    """A beat of eight quavers, the same in every bar, now and then with a stroke more."""
    gain = 10 ** rng.uniform(-0.8, 0.3)
    pattern = {
        "kick": np.isin(np.arange(8), rng.choice([0, 3, 4, 5, 6], 2, replace=False)) | (np.arange(8) == 0),
        "snare": np.isin(np.arange(8), [2, 6]),
        "hat": np.ones(8, bool) if rng.random() < 0.6 else np.arange(8) % 2 == 1,
    }
    used = [kind for kind in pattern if rng.random() < 0.8]
    strokes = {kind: drum(kind, rng) for kind in used}
    for at in range(int(len(track) / RATE_HZ / (beat_s / 2))):
        for kind in used:
            if pattern[kind][at % 8] or rng.random() < 0.03:
                _add(track, at * beat_s / 2, strokes[kind], gain * 10 ** (rng.normal(0, 2) / 20))
