"""What a telephone does to a voice: narrow band, G.711, a level set by automatic gain, noise, lost packets.

The recipe is the one the project measures with (8 kHz, about 300-3400 Hz, u-law or A-law with equal chance,
-35..-15 dBFS, noise at 10-30 dB signal-to-noise, some packet loss). Everything random comes from the caller's
generator, so the same seed gives the same call.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Float32 = npt.NDArray[np.float32]

RATE_HZ = 8000
PACKET_S = 0.02  # one RTP packet of G.711, RFC 3551


CODECS = {"gsm": ("WAV", "GSM610"), "opus": ("OGG", "OPUS")}
"""Lossy codecs that libsndfile brings along: GSM full rate (ETSI 06.10, 13 kbit/s) and Opus at 8 kHz."""


def telephone(
    samples: Float32,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    wide: bool = False,
    noise: bool = True,
    lossy: str | None = None,
) -> Float32:
    """Send `samples`, mono at `rate_hz`, through one randomly chosen telephone line.

    Returns float32 at 8000 Hz in [-1, 1], as long as the input. With `wide` the recording is only brought to
    8 kHz and to its random level: what the engine hears of a clean wideband source. `noise=False` leaves out
    noise and packet loss; band, codec and level stay. `lossy`, one of CODECS, goes before G.711, as where a
    mobile or an Internet call meets the switch.
    """
    line = resample(samples, rate_hz, RATE_HZ)
    level_db = rng.uniform(-35.0, -15.0)
    if wide:
        return at_level(line, level_db)
    line = at_level(band_pass(line, rng.uniform(250, 350), rng.uniform(3200, 3600)), level_db)
    if noise and rng.random() < 0.5:
        line = add_noise(line, rng.uniform(10.0, 30.0), rng)
    if lossy is not None:
        line = coded(line, lossy)
    line = g711(line, law="mulaw" if rng.random() < 0.5 else "alaw")
    if noise and rng.random() < 0.2:
        line = lose_packets(line, rng.uniform(0.005, 0.05), rng)
    return line


def resample(samples: Float32, rate_hz: int, to_hz: int) -> Float32:
    """`samples` (n,) at `rate_hz` -> (n * to_hz / rate_hz,) at `to_hz`, by soxr's high-quality filter."""
    samples = np.ascontiguousarray(samples, np.float32)
    return samples if rate_hz == to_hz else np.asarray(soxr.resample(samples, rate_hz, to_hz), np.float32)


def at_level(samples: Float32, level_db: float) -> Float32:
    """Scale to an RMS of `level_db` dBFS and clip to [-1, 1]; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
    if rms == 0.0:
        return samples
    scaled: Float32 = np.clip(samples * np.float32(10 ** (level_db / 20) / rms), -1, 1)
    return scaled


def band_pass(samples: Float32, low_hz: float, high_hz: float) -> Float32:
    """Keep `low_hz`..`high_hz` of 8 kHz audio; raised-cosine edges of 100 Hz (low) and 200 Hz (high)."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    rise = np.clip((hz - low_hz + 50) / 100, 0, 1)
    fall = np.clip((high_hz + 100 - hz) / 200, 0, 1)
    gain = (0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall))
    return np.fft.irfft(spectrum * gain, len(samples)).astype(np.float32)


def add_noise(samples: Float32, snr_db: float, rng: np.random.Generator) -> Float32:
    """Add noise whose power falls as 1/f^a, a between 0 (hiss) and 2 (rumble), `snr_db` below the signal."""
    hz = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ), 50.0)
    shape = hz ** (-rng.uniform(0.0, 2.0) / 2)
    hiss = np.fft.irfft(np.fft.rfft(rng.standard_normal(len(samples))) * shape, len(samples))
    signal_power = float(np.mean(np.square(samples, dtype=np.float64)))
    gain = np.sqrt(signal_power / 10 ** (snr_db / 10) / np.mean(np.square(hiss)))
    noisy: Float32 = np.clip(samples + (gain * hiss).astype(np.float32), -1, 1)
    return noisy


def coded(samples: Float32, codec: str) -> Float32:
    """Through one of CODECS and back, at 8 kHz; same length."""
    container, subtype = CODECS[codec]
    file = BytesIO()
    soundfile.write(file, samples, RATE_HZ, format=container, subtype=subtype)
    file.seek(0)
    heard, _ = soundfile.read(file, dtype="float32")
    return np.pad(heard[: len(samples)], (0, max(0, len(samples) - len(heard)))).astype(np.float32)


def reverberate(samples: Float32, decay_s: float, echo: float, rng: np.random.Generator) -> Float32:
    """A room at 8 kHz: the voice and decaying noise, 60 dB down after `decay_s`, of power `echo` (0..1)."""
    size = max(1, int(decay_s * RATE_HZ))
    room = rng.standard_normal(size) * 10 ** (-3 * np.arange(size) / size)
    room *= np.sqrt(echo / np.sum(np.square(room)))
    room[0] += 1.0
    n = len(samples) + size
    return np.fft.irfft(np.fft.rfft(samples, n) * np.fft.rfft(room, n), n)[: len(samples)].astype(np.float32)


def overload(samples: Float32, drive: float) -> Float32:
    """A microphone too close: soft clipping of a signal whose peak is `drive` times full scale."""
    peak = float(np.abs(samples).max(initial=1e-9))
    return np.tanh(samples * np.float32(drive / peak)).astype(np.float32)


def g711(samples: Float32, *, law: str) -> Float32:
    """Encode with G.711 (`law` is "mulaw" or "alaw") and decode again."""
    levels = _levels(law)
    scaled = np.clip(samples.astype(np.float64) * 32768, -32768, 32767)
    nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, scaled)
    return (levels[nearest] / 32768).astype(np.float32)


def lose_packets(samples: Float32, loss: float, rng: np.random.Generator) -> Float32:
    """Silence a share `loss` (0..1) of the 20 ms packets, mostly one at a time, at times three in a row."""
    size = int(PACKET_S * RATE_HZ)
    packets = -(-len(samples) // size)
    lost = rng.random(packets) < loss
    bursts = lost & (rng.random(packets) < 0.3)
    lost[1:] |= bursts[:-1]
    lost[2:] |= bursts[:-2]
    return np.where(np.repeat(lost, size)[: len(samples)], np.float32(0), samples)


@cache
def _levels(law: str) -> npt.NDArray[np.float64]:
    """The output levels of a G.711 decoder on the 16-bit scale, ascending (ITU-T G.711, tables 1 and 2)."""
    step, segment = np.arange(16), np.arange(8)[:, None]
    if law == "mulaw":
        positive = ((2 * step + 33) * 2.0**segment - 33).ravel() * 4
    elif law == "alaw":
        positive = np.where(segment == 0, 2 * step + 1, (2 * step + 33) * 2.0 ** (segment - 1)).ravel() * 8
    else:
        raise ValueError(f'law must be "mulaw" or "alaw", not {law!r}')
    return np.unique(np.concatenate([-positive, positive]))
