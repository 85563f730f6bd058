"""Calls to try the core on: a scripted model, a synthetic voice, and cuts of the bundled example call."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import hypothesis
import numpy as np
import soundfile
import soxr

from sentiment_engine import CallMonitor, Settings, wire
from sentiment_engine.events import AnyEvent
from sentiment_engine.frames import Float32, Int16
from sentiment_engine.pcm import G711
from sentiment_engine.settings_alerts import AlertSettings, PlaybookSettings
from sentiment_engine.settings_hearing import VadSettings, WindowSettings
from sentiment_engine.settings_tension import BaselineSettings, ConversationSettings, TensionSettings

RATE_HZ = 8000
EXAMPLE = Path(__file__).resolve().parent.parent / "sentiment_engine" / "example" / "call.flac"

SETTINGS = Settings(
    vad=VadSettings(
        aggressiveness=2,
        onset_frames=4,
        onset_window=6,
        hangover_s=0.4,
        min_segment_s=0.2,
        over_noise_db=8.0,
        onset_over_db=0.0,
        min_level_db=-58.0,
    ),
    windows=WindowSettings(window_s=3.0, hop_s=1.0, min_window_s=0.6),
    baseline=BaselineSettings(
        prior_anger=-2.0,
        prior_against=-1.5,
        prior_stirred=0.5,
        prior_spread=1.0,
        least_spread=0.5,
        prior_doubt=0.0,
        others=0.0,
        prior_others=0.0,
        prior_s=6.0,
        memory_s=90.0,
        calm_below=1.5,
        calm_width=0.5,
        hold=1.0,
        level_after_s=3.0,
    ),
    conversation=ConversationSettings(floor_s=0.6, talk_over_s=0.5, breath_s=0.3),
    tension=TensionSettings(
        bias=-3.0,
        speech_half_life_s=2.0,
        idle_half_life_s=2.5,
        anger_most=5.0,
        stirred_share=0.0,
        effort_loud=0.0,
        effort_high=0.0,
        effort_fast=0.0,
        noisy_db=0.0,
        uncertain_discount=0.0,
        bare_at=9.9,
        distress_at=-9.0,
        distress_width=0.5,
        anger_drift=1.0,
        anger_limit=8.0,
        anger_weight=0.6,
        mutual_weight=0.2,
        louder_over_db=1.0,
        louder_weight=0.28,
        higher_over_st=1.5,
        higher_weight=0.1,
        faster_weight=0.0,
        interruption_weight=0.5,
        overlap_over=0.15,
        overlap_weight=4.0,
        silence_over_s=3.0,
        silence_weight=0.05,
        timing_limit=2.5,
    ),
    alerts=AlertSettings(
        raise_at=0.6,
        clear_at=0.4,
        warning_at=0.8,
        critical_at=0.95,
        min_duration_s=1.0,
        clear_after_s=3.0,
        cooldown_s=4.0,
    ),
    playbook=PlaybookSettings(at_most=2, repeat_guard_s=120.0),
)
"""Numbers of the tests' own: those in ``settings.py`` may be tuned without a word here."""


def examples(count: int) -> hypothesis.settings:
    """So many random examples; no deadline, because a shared machine stalls now and then."""
    return hypothesis.settings(max_examples=count, deadline=None)


class LoudIsAngry:
    """Scores a window by its level: P(angry) rises from 0.03 at -30 dBFS to 0.93 at -15 dBFS."""

    labels = ("neutral", "happy", "sad", "angry", "fearful")
    sample_rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.heard = 0
        """Windows scored so far."""

    def __call__(self, windows: Sequence[Float32]) -> Float32:
        self.heard += len(windows)
        return np.stack([self.row(window) for window in windows])

    def row(self, window: Float32) -> Float32:
        db = 10 * np.log10(np.mean(window.astype(np.float64) ** 2) + 1e-10)
        angry = 0.03 + 0.9 * min(1.0, max(0.0, (db + 30) / 15))
        rest = 1 - angry
        return np.array([0.85 * rest, 0.05 * rest, 0.05 * rest, angry, 0.05 * rest], np.float32)


@cache
def voice(seconds: float, level_db: float = -26.0, seed: int = 0) -> Int16:
    """What voice activity detection takes for speech: pulses through formants, with syllables."""
    n = round(seconds * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * t) + 6 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    tone = sum(np.sin(k * phase) / (1 + abs(k * 120 - 600) / 300) for k in range(1, 25))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * t)
    samples = tone * syllables + 0.05 * np.random.default_rng(seed).standard_normal(n)
    scale = 10 ** (level_db / 20) / np.sqrt(np.mean(samples**2))
    return np.clip(np.rint(scale * samples * 32768), -32768, 32767).astype(np.int16)


def hush(seconds: float) -> Int16:
    """Silence."""
    return np.zeros(round(seconds * RATE_HZ), np.int16)


def turns(*stretches: Int16) -> Int16:
    """One channel of stretches, one after another."""
    return np.concatenate(stretches)


def channels(*each: Int16) -> Int16:
    """Channels of one length side by side, shape (samples, channels)."""
    return np.stack(each, axis=1)


@cache
def _example() -> Int16:
    samples, rate_hz = soundfile.read(EXAMPLE, dtype="int16", always_2d=True)
    assert rate_hz == RATE_HZ
    return samples


def example_call(start_s: float = 0.0, seconds: float | None = None) -> Int16:
    """A cut of the bundled call, shape (samples, 2): agent, customer."""
    first = round(start_s * RATE_HZ)
    return _example()[first : None if seconds is None else first + round(seconds * RATE_HZ)]


def at_rate(samples: Int16, rate_hz: int) -> Int16:
    """The same sound at another rate."""
    return samples if rate_hz == RATE_HZ else soxr.resample(samples, RATE_HZ, rate_hz)


def encoded(samples: Int16, encoding: str = "pcm_s16le") -> bytes:
    """Interleaved bytes of samples (samples, channels) or (samples,); G.711 takes the nearest code."""
    if encoding == "pcm_s16le":
        return samples.astype("<i2").tobytes()
    return _nearest(encoding)[samples.astype(np.int32) + 32768].tobytes()


@cache
def _nearest(encoding: str) -> np.ndarray:
    codes = np.argsort(G711[encoding], kind="stable")
    values = G711[encoding][codes].astype(np.int32)
    middles = (values[1:] + values[:-1]) / 2
    return codes[np.searchsorted(middles, np.arange(-32768, 32768))].astype(np.uint8)


def pieces(data: bytes, step: int) -> Iterator[bytes]:
    """Bytes in steps of one length."""
    return (data[at : at + step] for at in range(0, len(data), step))


def monitor(settings: Settings = SETTINGS, model: object = None, **description: object) -> CallMonitor:
    """A monitor of an English call."""
    return CallMonitor(
        settings, model or LoudIsAngry(), **{"call_id": "c-1", "language": "en", **description}
    )


def run(chunks: Iterable[bytes], settings: Settings = SETTINGS, **description: object) -> list[AnyEvent]:
    """All events of a call."""
    call = monitor(settings, **description)
    return [event for chunk in chunks for event in call.feed(chunk)] + call.finish()


def lines(events: Iterable[AnyEvent]) -> list[bytes]:
    """Events as they are written."""
    return [wire.encode(event) for event in events]


def only(kind: type, events: Iterable[AnyEvent]) -> list:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]
