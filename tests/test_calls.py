"""The benchmark's calls: what they call the truth is true, and they talk as people do."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.calls import (  # noqa: E402
    SCRIPTS,
    Escalation,
    Line,
    Recipe,
    Studio,
    Truth,
    counts_for,
    folds,
    recipes,
    scripted_set,
    split_clips,
)
from benchmarks.calls.lines import automatic_gain, carried, drawn_line  # noqa: E402
from benchmarks.calls.noise import babble, hiss, steps  # noqa: E402
from benchmarks.calls.scripts import CALM, HEATED, Act  # noqa: E402
from benchmarks.calls.staging import escalations, mixed  # noqa: E402
from benchmarks.calls.truth import rms  # noqa: E402
from benchmarks.calls.turns import converse, faded, offset_s  # noqa: E402
from benchmarks.calls.voices import Voices, refuse_shared_speakers, trimmed  # noqa: E402
from benchmarks.corpora import Clip  # noqa: E402
from scripts.train_emotion import refuse_other_splits  # noqa: E402

DATA = Path(os.environ.get("SENTIMENT_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "manifest.tsv").is_file(), reason=f"no labelled speech in {DATA}: set SENTIMENT_DATA"
)
SAMPLE_S = 1 / 8000


def tone(seconds, level=0.1):
    return (level * np.sqrt(2) * np.sin(np.arange(round(seconds * 8000)) * 0.7)).astype(np.float32)


def scripted_talk(acts, seed):
    rng = np.random.default_rng(seed)
    return converse(
        acts, lambda party, mood: tone(rng.uniform(0.5, 4.0), 0.4 if mood == "angry" else 0.1), rng
    )


def clip(split="train", corpus="c", speaker="s", emotion="neutral"):
    return Clip(Path("x"), split, corpus, speaker, "F", emotion, emotion, "en", 1.0, "")


@given(st.sampled_from(sorted(SCRIPTS)), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_nobody_talks_over_himself_and_the_truth_is_what_was_said(name, seed):
    script = SCRIPTS[name]
    talk = scripted_talk(script.acts, seed)
    for party in (0, 1):
        own = [one for one in talk.said if one.party == party]
        assert all(a.end_s <= b.start_s + SAMPLE_S for a, b in pairwise(own))
    found = escalations(script, talk, (6.0, 6.0), (0, 1))
    told = [one for one in talk.said if one.mood in ("angry", "distress")]
    assert bool(found) == (script.kind != "calm")
    for one in found:
        assert 0.0 <= one.onset_s < one.until_s <= talk.acts[-1][1]
        assert set(one.main) <= set(one.causes)
        assert one.demanded == (script.kind == "escalation")
    if told:
        assert found[0].onset_s == pytest.approx(min(one.start_s for one in told), abs=0.001)
    truth = Truth("n", name, "c", 1, 0, talk.acts[-1][1], ("a", "b"), (Line(), Line()), found)
    assert all(0.0 <= start < end <= truth.duration_s for start, end in truth.calm)
    assert not any(start <= one.onset_s <= end for start, end in truth.calm for one in found)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_who_heats_up_is_who_the_script_says_and_mirroring_swaps_the_names(seed):
    script = SCRIPTS["customer_heats"]
    talk = scripted_talk(script.acts, seed)
    (as_written,), (mirrored,) = (escalations(script, talk, (0.0, 9.0), order) for order in ((0, 1), (1, 0)))
    assert (as_written.parties, mirrored.parties) == (("customer",), ("agent",))
    assert (as_written.main, mirrored.main) == (("customer_anger",), ("agent_anger",))
    assert "raised_voice" in as_written.causes
    (quiet,) = escalations(script, talk, (9.0, 1.0), (0, 1))
    assert "raised_voice" not in quiet.causes


def test_in_a_mutual_call_the_other_answers_within_a_turn_of_the_scripts_time():
    for seed in range(10):
        talk = scripted_talk(SCRIPTS["mutual"].acts, seed)
        first = {}
        for one in talk.said:
            if one.mood == "angry":
                first.setdefault(one.party, one.start_s)
        assert first[1] < first[0] < first[1] + 30.0
        assert escalations(SCRIPTS["mutual"], talk, (0.0, 0.0), (0, 1))[0].parties == ("customer", "agent")


def test_turns_change_hands_as_published_for_calm_talk():
    rng = np.random.default_rng(4)
    offsets = np.array([offset_s(CALM, rng) for _ in range(4000)])
    assert 0.1 < np.median(offsets) < 0.3  # Stivers et al. 2009; Heldner & Edlund 2010: about 0.2 s
    assert 0.2 < np.mean(offsets < 0) < 0.4
    assert np.quantile(offsets, 0.95) > 0.8


def test_calm_talk_has_back_channels_and_interruptions_too_only_fewer():
    def count(style, what):
        talk = scripted_talk((Act((600.0, 600.0), style=style),), 2)
        return sum(one.what == what for one in talk.said)

    assert 0 < count(CALM, "interruption") < count(HEATED, "interruption")
    assert count(CALM, "backchannel") > 10


def test_the_party_that_is_loud_for_good_is_louder_by_what_the_script_says_and_the_other_is_not():
    script = SCRIPTS["loud_calm"]
    talk = scripted_talk(script.acts, 5)
    channels, _ = mixed(script, talk, np.random.default_rng(0))
    change = round(talk.acts[0][1] * 8000)

    def speech_db(samples):
        return 20 * np.log10(rms(samples[np.abs(samples) > 1e-6]))

    rise = [speech_db(channels[change:, party]) - speech_db(channels[:change, party]) for party in (0, 1)]
    assert rise[0] == pytest.approx(0.0, abs=1.5)
    assert 4.5 < rise[1] < 11.5


def test_automatic_gain_undoes_a_lasting_change_of_level_but_not_at_once():
    pauses = (np.arange(20 * 8000) // 4000 % 2)[: 20 * 8000]  # half a second of speech, half of silence
    out = automatic_gain((np.concatenate([tone(10.0, 0.3), tone(10.0, 3.0)]) * pauses).astype(np.float32))
    settled, jump, end = (rms(out[a * 8000 : b * 8000]) for a, b in ((8, 10), (10, 11), (18, 20)))
    assert jump > 2 * settled  # audible
    assert 0.8 < end / settled < 1.25


def test_automatic_gain_does_not_pump_up_what_is_no_speech():
    for floor in (1e-3, 0.1, 0.5):  # quiet, noisy, very noisy
        noise = np.full(60 * 8000, floor, np.float32)
        assert rms(automatic_gain(np.concatenate([tone(5.0, 1.0), noise]))[-8000:]) < 1.1 * floor


def test_a_noisy_line_has_the_noise_it_names():
    rng = np.random.default_rng(1)
    speech, silence = tone(20.0, 1.0), np.zeros(20 * 8000, np.float32)
    does = Line(snr_db=10.0, noise="hiss")
    level = {
        name: rms(carried(channel, silence, hiss(len(silence), np.random.default_rng(2)), does, rng_))
        for name, channel, rng_ in (
            ("speech", speech, np.random.default_rng(3)),
            ("pause", silence, np.random.default_rng(3)),
        )
    }
    assert 4.0 < 20 * np.log10(level["speech"] / level["pause"]) < 16.0  # the band changes both
    assert rms(babble(80000, lambda: lambda: tone(2.0), rng)) == pytest.approx(1.0, abs=0.01)
    gain = steps(80 * 8000, rng)
    assert gain.max() <= 1.0
    assert gain.min() > 0.2
    assert len(np.unique(gain)) >= 3


def test_echo_lets_the_other_party_through_as_quietly_as_it_says():
    speech, silence = tone(10.0, 1.0), np.zeros(10 * 8000, np.float32)
    does = Line(echo_db=30.0)
    own, through = (
        rms(carried(channel, other, None, does, np.random.default_rng(3)))
        for channel, other in ((speech, silence), (silence, speech))
    )
    assert 20 * np.log10(own / through) == pytest.approx(30.0, abs=3.0)


def test_about_a_quarter_of_the_lines_have_automatic_gain():
    rng = np.random.default_rng(0)
    lines = [drawn_line(rng, noisy=False) for _ in range(800)]
    assert 0.2 < np.mean([line.agc for line in lines]) < 0.3
    assert 0.4 < np.mean([line.noise is not None for line in lines]) < 0.6


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 3000))
def test_trimming_keeps_all_that_is_loud(before, after, size):
    loud = np.ones(size + 160, np.float32)
    padded = np.concatenate([np.zeros(before, np.float32), loud, np.zeros(after, np.float32)])
    out = trimmed(padded)
    assert out.sum() >= loud.sum() - 80  # a last part of a frame may go
    assert len(out) <= len(loud) + 2 * 320 + 160


def test_a_cut_makes_no_click_and_leaves_the_original_alone():
    speech = np.ones(4000, np.float32)
    out = faded(speech)
    assert out[-1] == pytest.approx(0.0, abs=0.001)
    assert np.all(np.diff(out) > -0.02)
    assert speech[-1] == 1.0


def test_a_speaker_in_both_splits_is_refused_by_name():
    with pytest.raises(ValueError, match="bob of c"):
        refuse_shared_speakers([clip(speaker="bob"), clip(speaker="ann")], [clip("eval", speaker="bob")])
    refuse_shared_speakers([clip(speaker="bob")], [clip("eval", corpus="other", speaker="bob")])
    refuse_shared_speakers([clip(speaker="unknown")], [clip("eval", speaker="unknown")])


def test_calls_of_a_split_that_is_neither_for_tuning_nor_for_reporting_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'calm'"):
        split_clips(tmp_path, "calm")


@given(
    st.sets(st.tuples(st.sampled_from("ab"), st.text("xyz", min_size=1, max_size=3)), max_size=20),
    st.integers(1, 5),
)
def test_folds_never_meet_and_leave_nobody_out(speakers, n):
    parts = folds([clip(corpus=corpus, speaker=name) for corpus, name in speakers], n)
    assert len(parts) == n
    assert sum(map(len, parts)) == len(speakers)
    assert frozenset().union(*parts) == speakers
    with pytest.raises(ValueError, match="0 folds"):
        folds([], 0)


def test_a_speaker_without_one_of_the_moods_is_not_asked_for_it():
    rich = [clip(speaker="rich", emotion=mood) for mood in ("neutral", "angry", "fearful") for _ in range(3)]
    poor = [clip(speaker="poor") for _ in range(9)]
    voices = Voices(rich + poor)
    assert voices.able(SCRIPTS["calm"].moods) == ["poor", "rich"]
    assert voices.able(SCRIPTS["customer_heats"].moods) == ["rich"]
    assert voices.able(SCRIPTS["distressed"].moods) == ["rich"]
    assert voices.moods("rich", "distress") == ["fearful"]


def test_training_refuses_every_split_but_train():
    with pytest.raises(ValueError, match="only 'train'"):
        refuse_other_splits([clip("eval", "tess", "OAF", "angry")])


def test_counts_share_calls_alike_and_hours_among_the_calm_scripts():
    counts = counts_for(escalations=10, calm_hours=2.0, apart=3)
    kinds = {
        kind: [counts[n] for n, s in SCRIPTS.items() if s.kind == kind] for kind in ("escalation", "calm")
    }
    assert sum(kinds["escalation"]) == 10
    assert max(kinds["escalation"]) - min(kinds["escalation"]) <= 1
    assert sum(kinds["calm"]) * 180 == pytest.approx(2 * 3600, rel=0.1)
    assert counts["distressed"] + counts["talk_over"] == 3


@pytest.fixture(scope="module")
def studio():
    return Studio(DATA, "train", [("ravdess", f"Actor_{n:02d}") for n in range(1, 9)])


@needs_data
def test_a_scripted_call_is_hot_where_it_says_and_the_same_every_time(studio):
    recipe = Recipe("customer_heats", "ravdess", 3, 1)
    first = studio.make(recipe)
    studio.make(Recipe("both_heat", "ravdess", 3, 1))
    again = studio.make(recipe)
    assert np.array_equal(first.samples, again.samples)
    assert first.truth == again.truth
    (hot,) = first.truth.escalations
    assert 40.0 < hot.onset_s < 90.0 < hot.until_s
    quiet, loud = (
        rms(first.samples[round(a * 8000) : round(b * 8000), 1])
        for a, b in ((0.0, hot.onset_s), (hot.onset_s, hot.until_s))
    )
    assert loud > 1.5 * quiet  # RAVDESS's actors shout when angry
    assert "raised_voice" in hot.causes


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_every_script_can_be_made_and_its_truth_written(studio, script):
    call = studio.make(Recipe(script, "ravdess", 0, 2))
    assert call.samples.shape == (round(call.truth.duration_s * 8000), 2)
    assert np.isfinite(call.samples).all()
    assert np.abs(call.samples).max() <= 1.0
    assert all(rms(call.samples[:, party]) > 0.001 for party in (0, 1))
    record = json.loads(json.dumps(call.truth.record()))
    assert record["script"] == script
    assert record["seed"] == 2
    assert bool(record["escalations"]) == (SCRIPTS[script].kind != "calm")
    assert len(set(call.truth.speakers)) == 2


@needs_data
def test_calm_sets_hold_no_escalation_and_one_voice_a_line(studio):
    made = [studio.make(one) for one in recipes(studio, {"music": 1, "prompts": 1, "reading": 9}, [], 1)]
    assert [one.truth.script for one in made] == ["music", "prompts", "reading"]  # no reading twice
    assert all(one.truth.escalations == () for one in made)
    assert all(one.truth.calm == ((0.0, one.truth.duration_s),) for one in made)


@needs_data
def test_a_set_is_made_one_call_at_a_time_by_the_speakers_asked_for():
    speakers = {("ravdess", "Actor_01"), ("ravdess", "Actor_02"), ("ravdess", "Actor_03")}
    made = scripted_set(
        DATA, split="train", corpora=["ravdess"], calls=2, calm_minutes=0, seed=1, speakers=speakers
    )
    truths = [call.truth for call in made]
    assert [one.script for one in truths] == ["customer_heats", "agent_heats"]
    assert {name for one in truths for name in one.speakers} <= {name for _, name in speakers}


@needs_data
def test_a_script_nobody_can_play_is_named(studio):
    with pytest.raises(ValueError, match="no script 'merry'"):
        recipes(studio, {"merry": 1}, ["ravdess"], 1)
    with pytest.raises(ValueError, match="'distressed'"):
        recipes(studio, {"distressed": 1}, ["emospeech_rakshak"], 1)


@needs_data
def test_levelled_corpora_are_marked_and_sorted_out_by_the_truth():
    nemo = Studio(DATA, "train", folds(split_clips(DATA, "train"), 3)[0])
    call = nemo.make(Recipe("agent_heats", "nemo", 0, 1))
    assert call.truth.levelled
    assert replace(call.truth, levelled=False) != call.truth


@needs_data
@pytest.mark.slow
def test_calls_are_written_with_their_truth_beside_them_and_never_into_the_repository(tmp_path):
    def run(out):
        arguments = [
            "--scripts",
            "hot_start,reading",
            "--hours",
            "0.02",
            "--corpora",
            "ravdess",
            "--seed",
            "3",
        ]
        return subprocess.run(
            [sys.executable, "-m", "benchmarks.calls", out, *arguments],
            cwd=ROOT,
            env=os.environ | {"SENTIMENT_DATA": str(DATA)},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = {path.stem for path in (tmp_path / "out").glob("*.wav")}
    assert (
        names
        == {path.stem for path in (tmp_path / "out").glob("*.json")}
        == {
            "ravdess-hot_start-0",
            "zh_neutral_samples-reading-0",
        }
    )
    truth = json.loads((tmp_path / "out" / "ravdess-hot_start-0.json").read_text())
    assert truth["escalations"][0]["onset_s"] < 5.0
    refused = run(ROOT / "out")
    assert refused.returncode == 2
    assert "name a folder elsewhere" in refused.stderr
    assert not (ROOT / "out").exists()


def test_an_escalation_is_plain_data():
    one = Escalation(60.0, 90.0, ("agent",), ("agent_anger",), ("agent_anger",))
    truth = Truth("n", "agent_heats", "c", 1, 0, 120.0, ("a", "b"), (Line(), Line()), (one,))
    assert truth.record()["calm"] == [[0.0, 59.0], [110.0, 120.0]]
    assert truth.record()["escalations"][0]["causes"] == ("agent_anger",)
