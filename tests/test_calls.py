"""The benchmark's calls and counts: what they call the truth is true."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.alerts import Tally, alarms, poisson, wilson  # noqa: E402 - the path above
from benchmarks.calls import Call, Voices, one_sided_set, scripted  # noqa: E402
from benchmarks.corpora import Clip, read_manifest  # noqa: E402
from scripts.train_emotion import refuse_other_splits  # noqa: E402
from sentiment_engine import Settings  # noqa: E402

DATA = Path(os.environ.get("SENTIMENT_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "manifest.tsv").is_file(), reason=f"no labelled speech in {DATA}: set SENTIMENT_DATA"
)


def call(onset_s=None, until_s=None, seconds=120):
    return Call("c", "calm", "none", np.zeros((seconds * 8000, 2), np.float32), onset_s, until_s)


def test_an_alert_counts_from_a_second_before_the_onset_to_the_end_of_the_escalation():
    tally = Tally()
    tally.add(call(60.0, 90.0), [59.5])
    tally.add(call(60.0, 90.0), [30.0, 75.0])
    tally.add(call(60.0, 90.0), [95.0])
    assert (tally.escalations, tally.caught, tally.false) == (3, 2, 1)
    assert tally.delays_s == [-0.5, 15.0]
    assert tally.within(15.0) == pytest.approx(2 / 3)


def test_every_alert_of_a_calm_call_is_false():
    tally = Tally()
    tally.add(call(), [3.0, 100.0])
    assert tally.false == 2
    assert tally.false_per_hour == pytest.approx(60.0)


def test_intervals_hold_what_was_counted():
    low, high = wilson(9, 10)
    assert low < 0.9 < high
    assert poisson(0, 2.0)[0] == 0.0
    assert poisson(0, 1.0)[1] == pytest.approx(3.69, abs=0.1)  # Garwood's exact 97.5 % bound
    low, high = poisson(10, 1.0)
    assert (low, high) == (pytest.approx(4.8, abs=0.1), pytest.approx(18.4, abs=0.1))


def test_a_baselines_threshold_obeys_the_engines_own_rules_of_time():
    track = [(float(second), 1.0 if 10 <= second < 20 else 0.0) for second in range(60)]
    (raised,) = alarms(Settings(), track, 0.5)
    assert 10.0 + Settings().alerts.min_duration_s <= raised <= 15.0


def test_training_refuses_every_split_but_train():
    clip = Clip(Path("x"), "eval", "tess", "OAF", "F", "angry", "angry", "en", 1.0, "")
    with pytest.raises(ValueError, match="only 'train'"):
        refuse_other_splits([clip])


@needs_data
def test_a_scripted_call_is_hot_where_it_says_and_the_same_every_time():
    voices = Voices(read_manifest(DATA, split="train", corpus="ravdess"))
    first, again = (scripted(voices, "customer_heats", np.random.default_rng(3), name="c") for _ in range(2))
    assert np.array_equal(first.samples, again.samples)
    assert 55.0 < first.onset_s < 75.0 < first.hot_until_s
    loudness = [
        float(np.sqrt(np.mean(first.samples[round(a * 8000) : round(b * 8000), 1] ** 2)))
        for a, b in ((0.0, first.onset_s), (first.onset_s, first.hot_until_s))
    ]
    assert loudness[1] > 1.5 * loudness[0]  # RAVDESS's actors shout when angry


@needs_data
def test_calm_sets_hold_no_escalation_and_one_voice_a_line():
    made = one_sided_set(DATA, minutes=2.0, seed=1)
    assert {one.kind for one in made} == {"music", "prompts", "reading"}
    assert all(one.onset_s is None for one in made)
