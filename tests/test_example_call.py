"""The bundled example call is what its script says: two parties, a telephone, calm, heat, and calm again."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

EXAMPLE = Path(__file__).resolve().parent.parent / "sentiment_engine" / "example"
CALL = EXAMPLE / "call.flac"
SCRIPT = yaml.safe_load((EXAMPLE / "script.yaml").read_text(encoding="utf-8"))
TURNS = SCRIPT["turns"]
RATE_HZ = SCRIPT["sample_rate_hz"]
FRAME = RATE_HZ // 50


@pytest.fixture(scope="module")
def call():
    samples, rate_hz = soundfile.read(CALL, dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ == 8000
    return samples


def levels_db(samples):
    """RMS of each 20 ms in dBFS."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * np.log10((frames**2).mean(axis=1) + 1e-12)


def channel_of(turn):
    return SCRIPT["channels"].index(turn["party"])


def said(call, turn):
    return call[round(turn["start_s"] * RATE_HZ) : round(turn["end_s"] * RATE_HZ), channel_of(turn)]


def speech_level_db(call, *moods):
    """Level of the customer's speech in turns of these moods, RMS over frames that hold speech."""
    turns = [turn for turn in TURNS if turn["party"] == "customer" and turn["mood"] in moods]
    levels = levels_db(np.concatenate([said(call, turn) for turn in turns]))
    return 10 * np.log10(np.mean(10 ** (levels[levels > -50] / 10)))


def test_it_is_a_small_two_channel_telephone_recording(call):
    assert call.shape[1] == 2
    assert 60 <= len(call) / RATE_HZ <= 120
    assert len(call) / RATE_HZ == pytest.approx(SCRIPT["truth"]["duration_s"], abs=0.02)
    assert CALL.stat().st_size < 1_000_000


def test_both_parties_talk_over_a_line_that_is_never_digitally_dead(call):
    for channel in range(2):
        speech = levels_db(call[:, channel]) > -45
        assert 0.25 < speech.mean() < 0.7
        pauses = call[np.repeat(~speech, FRAME).nonzero()[0], channel]
        assert 1e-5 < np.sqrt((pauses**2).mean()) < 0.01
    assert np.abs(call).max() < 1.0


def test_the_telephone_passes_nothing_below_its_band(call):
    power = np.abs(np.fft.rfft(call, axis=0)) ** 2
    hz = np.fft.rfftfreq(len(call), 1 / RATE_HZ)
    assert power[hz < 150].sum() < 0.01 * power.sum()
    assert power[hz > 3600].sum() < 0.01 * power.sum()


def test_the_angry_customer_is_at_least_6_db_louder_than_the_calm_one(call):
    assert speech_level_db(call, "angry") >= speech_level_db(call, "calm") + 6
    assert speech_level_db(call, "soothed") <= speech_level_db(call, "angry") - 6


def test_every_turn_sounds_from_its_start_to_its_end(call):
    for turn in TURNS:
        levels = levels_db(said(call, turn))
        assert levels[:8].max() > -55, turn["text"]  # the line's own noise lies below -65
        assert levels[-10:].max() > -55, turn["text"]
        assert (levels > -50).mean() > 0.4, turn["text"]


def test_nothing_is_said_outside_the_turns(call):
    for channel, party in enumerate(SCRIPT["channels"]):
        silent = np.ones(len(call), dtype=bool)
        for turn in TURNS:
            if turn["party"] == party:
                first, last = turn["start_s"] - 0.03, turn["end_s"] + 0.03
                silent[round(first * RATE_HZ) : round(last * RATE_HZ)] = False
        assert levels_db(call[silent, channel]).max() < -50


def test_the_truth_follows_from_the_turns():
    truth = SCRIPT["truth"]
    angry = [turn for turn in TURNS if turn["party"] == "customer" and turn["mood"] == "angry"]
    assert truth["anger_onset_s"] == angry[0]["start_s"]
    assert truth["anger_end_s"] == angry[-1]["end_s"]
    assert truth["heat_onset_s"] < truth["anger_onset_s"] < truth["anger_end_s"] < truth["soothing_start_s"]
    assert truth["heat_onset_s"] >= 25  # enough calm speech to know this customer's own baseline


def test_each_party_talks_over_the_other_at_least_once():
    floor = [turn for turn in TURNS if not turn.get("back_channel")]
    over = {
        later["party"]
        for earlier, later in pairwise(floor)
        if later["start_s"] < earlier["end_s"] - 0.3 and later["party"] != earlier["party"]
    }
    assert over == {"agent", "customer"}
