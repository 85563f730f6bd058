"""Quality on recorded speech over telephone lines: a normal line is judged, a ruined one is not.

Calls of two speakers taking turns, from corpora of acted speech that no weight and no threshold of emotion
was fitted on (Amharic, Mandarin, English). Noise is so many dB below a party's calm speech.
"""

import os
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.calls import line  # noqa: E402 - the path above
from benchmarks.corpora import load_clip, read_manifest  # noqa: E402
from benchmarks.telephone import band_pass, coded, g711, lose_packets, resample  # noqa: E402
from sentiment_engine import Settings  # noqa: E402
from sentiment_engine.listening import Listener, QualityNote  # noqa: E402

DATA = Path(os.environ.get("SENTIMENT_DATA", ROOT.parent / "shared" / "data"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (DATA / "manifest.tsv").is_file(), reason=f"no labelled speech in {DATA}: set SENTIMENT_DATA"
    ),
]
CORPORA = ("ased", "casia", "tess")
BOTH = ("agent", "customer")
LIMIT = Settings().quality.cannot_judge_below
LAWS = ("mulaw", "alaw")


def staged(split, corpus, rng, *, calm_s, hot_s=0.0):
    """Two speakers who take turns, calm and then angry: each party's channel, and its calm speech."""
    moods = {}
    for clip in read_manifest(DATA, split=split, corpus=corpus):
        if clip.emotion in ("neutral", "angry"):
            moods.setdefault(clip.speaker, {}).setdefault(clip.emotion, []).append(clip)
    able = [name for name, own in sorted(moods.items()) if len(own) == 2 and min(map(len, own.values())) >= 3]
    pair = [moods[able[index]] for index in rng.permutation(len(able))[:2]]
    channels = np.zeros((int((calm_s + hot_s + 30) * 8000), 2), np.float32)
    calm = [[], []]
    at_s, party = rng.uniform(0.3, 1.5), 0
    while at_s < calm_s + hot_s:
        mood = "neutral" if at_s < calm_s else "angry"
        for _ in range(int(rng.integers(1, 4))):
            said = resample(*load_clip(pair[party][mood][int(rng.integers(len(pair[party][mood])))]), 8000)
            first = int(at_s * 8000)
            channels[first : first + len(said), party] += said[: len(channels) - first]
            if mood == "neutral":
                calm[party].append(said)
            at_s += len(said) / 8000 + rng.uniform(0.05, 0.4)
        at_s += rng.uniform(-0.1, 0.8)
        party = 1 - party
    channels = channels[: int((calm_s + hot_s) * 8000)]
    return [(channels[:, index], np.concatenate(calm[index])) for index in (0, 1)]


@cache
def dry(corpus, kind="calm"):
    """A call before its telephone lines: each party's channel and calm speech."""
    rng = np.random.default_rng(2)
    return staged("eval", corpus, rng, calm_s=50.0, hot_s=20.0 if kind == "both_heat" else 0.0)


def lined(channel, calm, rng, *, level_db=-25.0, snr_db=None):
    """One telephone line; its noise lies ``snr_db`` below the calm speech."""
    rms = float(np.sqrt(np.mean(np.square(calm, dtype=np.float64))))
    line = band_pass(np.clip(channel * np.float32(10 ** (level_db / 20) / rms), -1, 1), 300.0, 3400.0)
    if snr_db is not None:
        hz = np.maximum(np.fft.rfftfreq(len(line), 1 / 8000), 50.0)
        white = np.fft.rfft(rng.standard_normal(len(line)))
        hiss = np.fft.irfft(white * hz ** (-rng.uniform(0.0, 2.0) / 2), len(line))
        hiss *= 10 ** ((level_db - snr_db) / 20) / np.sqrt(np.mean(hiss**2))
        line = np.clip(line + hiss.astype(np.float32), -1, 1)
    return g711(line, law=LAWS[int(rng.integers(2))])


def call(corpus, kind="calm", seed=5, change=lambda line, _rng: line, **line):
    rng = np.random.default_rng(seed)
    return np.stack([change(lined(*party, rng, **line), rng) for party in dry(corpus, kind)], 1)


def judged(samples, after_s=15.0):
    """For each party the share of the seconds after ``after_s`` in which it is judged, and all reasons."""
    listener = Listener(Settings(), "pcm_s16le", 8000, BOTH)
    notes = listener.feed(np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes())
    told = [(note.at_s, note.verdict) for note in notes if isinstance(note, QualityNote)]
    shares, reasons = {}, {}
    for party in BOTH:
        own = [(at_s, verdict) for at_s, verdict in told if verdict.party == party]
        seconds = np.arange(after_s, len(samples) / 8000)
        level = [next((v.quality for at_s, v in reversed(own) if at_s <= second), 1.0) for second in seconds]
        shares[party] = float(np.mean([quality >= LIMIT for quality in level]))
        reasons[party] = {reason for _, verdict in own for reason in verdict.reasons}
    return shares, reasons


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("kind", ["calm", "both_heat"])
@pytest.mark.parametrize(("snr_db", "level_db"), [(None, -18.0), (10.0, -25.0), (20.0, -35.0), (30.0, -18.0)])
def test_a_normal_line_is_judged_from_end_to_end(corpus, kind, snr_db, level_db):
    shares, _ = judged(call(corpus, kind, snr_db=snr_db, level_db=level_db), after_s=0.0)
    assert shares == {"agent": 1.0, "customer": 1.0}


@pytest.mark.parametrize("corpus", CORPORA)
def test_the_benchmarks_own_lines_are_judged(corpus):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        samples = np.stack([line(*party, rng) for party in dry(corpus, "both_heat")], 1)
        shares, _ = judged(samples, after_s=0.0)
        assert min(shares.values()) > 0.9


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_a_few_lost_packets_are_judged(corpus, share):
    shares, _ = judged(
        call(corpus, change=lambda line, rng: lose_packets(line, share, rng), snr_db=20.0), 0.0
    )
    assert min(shares.values()) > 0.9


@pytest.mark.parametrize("corpus", CORPORA)
def test_no_more_speech_than_noise_cannot_be_judged(corpus):
    shares, reasons = judged(call(corpus, snr_db=0.0))
    assert {"noise"} <= reasons["agent"] & reasons["customer"]
    assert sum(shares.values()) / 2 < 0.5


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_fifth_of_the_packets_lost_cannot_be_judged(corpus):
    lossy = call(corpus, change=lambda line, rng: lose_packets(np.pad(line, (61, 0)), 0.2, rng), snr_db=25.0)
    shares, reasons = judged(lossy)
    assert {"loss"} <= reasons["agent"] & reasons["customer"]
    assert sum(shares.values()) / 2 < 0.5


@pytest.mark.parametrize("corpus", CORPORA)
def test_speech_clipped_through_and_through_cannot_be_judged(corpus):
    """Two thirds of the samples of strong frames: a fifth or more of all that the gate hears as voice."""

    def drive(line, _rng):
        frames = np.abs(line[: len(line) // 160 * 160].reshape(-1, 160))
        level = np.sqrt(np.mean(np.square(frames), axis=1))
        speech = np.sort(frames[level > 0.1 * level.max()], axis=None)  # frames within 20 dB of the loudest
        return np.clip(line / speech[int(0.35 * len(speech))], -1, 1)

    shares, reasons = judged(call(corpus, change=drive))
    assert {"clipping"} <= reasons["agent"] & reasons["customer"]
    assert sum(shares.values()) / 2 < 0.5


@pytest.mark.parametrize("seed", range(5))
def test_who_begins_to_shout_into_a_telephone_is_judged(seed):
    """RAVDESS's actors shout from 20 s on, 20 dB louder: a line set for their calm voice clips it."""
    rng = np.random.default_rng(seed)
    shouted = np.stack(
        [line(*party, rng) for party in staged("train", "ravdess", rng, calm_s=20.0, hot_s=15.0)], 1
    )
    assert np.mean(np.abs(shouted) > 0.95) > 0.0005
    shares, _ = judged(shouted[: 35 * 8000], after_s=0.0)
    assert shares == {"agent": 1.0, "customer": 1.0}


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("codec", ["none", "gsm", "opus"])
def test_one_mix_on_both_channels_cannot_be_judged(corpus, codec):
    mix = np.clip(call(corpus, snr_db=20.0).sum(axis=1), -1, 1)
    other = mix * 0.6 if codec == "none" else coded(mix, codec)
    shares, reasons = judged(np.stack([mix, other], 1))
    assert {"same_voice_on_both"} <= reasons["agent"] & reasons["customer"]
    assert max(shares.values()) < 0.1


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("echo_db", [-15.0, -20.0, -30.0])
def test_an_echo_is_not_the_same_mix(corpus, echo_db):
    clean = call(corpus, snr_db=30.0)
    echo = np.zeros_like(clean)
    echo[800:] = clean[:-800, ::-1] * np.float32(10 ** (echo_db / 20))
    _, reasons = judged(np.clip(clean + echo, -1, 1))
    assert "same_voice_on_both" not in reasons["agent"] | reasons["customer"]
