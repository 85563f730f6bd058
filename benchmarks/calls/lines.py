"""One telephone line a party: level, echo, noise, automatic gain, band, codec, lost packets."""

from __future__ import annotations

import numpy as np

from benchmarks.calls.truth import Line, rms
from benchmarks.telephone import (
    CODECS,
    RATE_HZ,
    Float32,
    add_noise,
    band_pass,
    coded,
    g711,
    lose_packets,
)

LEVEL_DB = (-35.0, -18.0)
"""Of a party's calm speech, dBFS, drawn once a call."""
AGC_SHARE, LOSS_SHARE, ECHO_SHARE, CODEC_SHARE = 0.25, 0.2, 0.25, 0.15
ECHO_S = (0.05, 0.25)
AGC_BLOCK_S = 0.02
AGC_TIME_S = 1.0
"""Time constant of automatic gain, in speech: slow enough to hear it work."""
AGC_MOST_DB = 15.0
AGC_FLOOR_DB, AGC_OVER_NOISE_DB = -20.0, 6.0
"""Blocks less than this over calm speech, or the noise, are no speech: gain holds still."""


def line(channel: Float32, calm: Float32, rng: np.random.Generator) -> Float32:
    """A plain line: level of the `calm` speech -35..-18 dBFS, band, half with noise, G.711."""
    channel = channel * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20) / (rms(calm) or 1.0))
    channel = band_pass(np.clip(channel, -1, 1), rng.uniform(250, 350), rng.uniform(3200, 3600))
    if rng.random() < 0.5:
        channel = add_noise(channel, rng.uniform(10.0, 30.0), rng)
    return g711(channel, law="mulaw" if rng.random() < 0.5 else "alaw")


def drawn_line(rng: np.random.Generator, *, noisy: bool) -> Line:
    """What a line does. A quiet script's line is noisy in half of the cases, at 10-30 dB."""
    quietly = rng.random() < 0.5
    return Line(
        agc=bool(rng.random() < AGC_SHARE),
        snr_db=_between(rng, 0.0, 15.0) if noisy else _between(rng, 10.0, 30.0) if quietly else None,
        noise=str(rng.choice(["hiss", "babble", "babble", "room"])) if noisy else "hiss" if quietly else None,
        steps=noisy,
        loss=_between(rng, 0.005, 0.05) if rng.random() < LOSS_SHARE else 0.0,
        echo_db=_between(rng, 30.0, 45.0) if rng.random() < ECHO_SHARE else None,
        codec=str(rng.choice(sorted(CODECS))) if rng.random() < CODEC_SHARE else None,
    )


def carried(
    channel: Float32, other: Float32, noise: Float32 | None, does: Line, rng: np.random.Generator
) -> Float32:
    """A channel as the far end hears it.

    `channel` and `other` hold calm speech of RMS 1, as `noise` does at its loudest; same length, 8 kHz.
    """
    level_db = rng.uniform(*LEVEL_DB)
    low_hz, high_hz, law = rng.uniform(250, 350), rng.uniform(3200, 3600), rng.choice(["mulaw", "alaw"])
    if does.echo_db is not None:
        late = int(rng.uniform(*ECHO_S) * RATE_HZ)
        channel = channel + np.float32(10 ** (-does.echo_db / 20)) * np.pad(other, (late, 0))[: len(other)]
    if does.snr_db is not None and noise is not None:
        channel = channel + np.float32(10 ** (-does.snr_db / 20)) * noise
    if does.agc:
        channel = automatic_gain(channel)
    channel = channel * np.float32(10 ** (level_db / 20))
    channel = band_pass(np.clip(channel, -1, 1), low_hz, high_hz)
    if does.codec is not None:
        channel = coded(channel, does.codec)
    channel = g711(channel, law=str(law))
    return lose_packets(channel, does.loss, rng) if does.loss else channel


def automatic_gain(channel: Float32) -> Float32:
    """Pulls speech towards RMS 1, by at most 15 dB either way, within about a second of speech."""
    size = round(AGC_BLOCK_S * RATE_HZ)
    blocks = -(-len(channel) // size)
    power = np.square(np.pad(channel, (0, blocks * size - len(channel))), dtype=np.float32)
    levels = 10 * np.log10(power.reshape(blocks, size).mean(axis=1) + 1e-9)
    keep = float(np.exp(-AGC_BLOCK_S / AGC_TIME_S))
    gate_db = max(AGC_FLOOR_DB, float(np.quantile(levels, 0.1)) + AGC_OVER_NOISE_DB)
    held_db, gains = 0.0, np.empty(blocks)
    for i, level_db in enumerate(levels.tolist()):
        if level_db > gate_db:
            held_db = keep * held_db + (1 - keep) * level_db
        gains[i] = -max(-AGC_MOST_DB, min(AGC_MOST_DB, held_db))
    middle = (np.arange(blocks) + 0.5) * size
    smooth_db = np.interp(np.arange(len(channel)), middle, gains)
    return (channel * 10 ** (smooth_db / 20)).astype(np.float32)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 4)
