"""The arithmetic behind benchmarks/emotion.py, held against values worked out by hand."""

import numpy as np
import pytest

from benchmarks import emotion_bench, emotion_relative
from benchmarks.corpora import LABELS, Clip
from benchmarks.emotion_bench import Bench
from benchmarks.emotion_ears import GAP_S, LEAD_S, Calls, one_line
from benchmarks.emotion_figures import (
    RESAMPLINGS,
    auc,
    by_corpus,
    calibration_error,
    gap,
    measure,
    recall,
    reliability,
    shares,
    speakers_of,
    threshold,
)
from benchmarks.emotion_systems import System
from scripts.emotion_features import Windows
from scripts.emotion_head import softmax
from sentiment_engine.calm import CalmVoice
from sentiment_engine.settings_tension import BaselineSettings


def test_auc_counts_the_pairs_in_the_right_order_and_ties_by_half():
    positive = np.array([True, True, False, False])
    # pairs: .9 > .8, .9 > .1, .4 < .8, .4 > .1
    assert auc(positive, np.array([0.9, 0.4, 0.8, 0.1])) == 0.75
    assert auc(positive, np.array([0.9, 0.5, 0.5, 0.1])) == 0.875
    assert auc(positive, np.zeros(4)) == 0.5
    assert np.isnan(auc(np.ones(3, bool), np.zeros(3)))


def test_recall_weighs_every_label_the_same():
    labels, guesses = np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 0])
    assert recall(labels, guesses) == pytest.approx((3 / 4 + 0) / 2)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    # two clips at .8, one right; two at .6, both right
    scores = np.array([[0.8, 0.2], [0.2, 0.8], [0.6, 0.4], [0.6, 0.4]])
    labels = np.array([0, 0, 0, 0])
    assert calibration_error(labels, scores) == pytest.approx(0.5 * abs(0.8 - 0.5) + 0.5 * abs(0.6 - 1.0))
    assert reliability(labels, scores) == [
        {"above": 0.6, "clips": 2, "confidence": pytest.approx(0.6), "accuracy": 1.0},
        {"above": 0.8, "clips": 2, "confidence": pytest.approx(0.8), "accuracy": 0.5},
    ]


def test_a_perfect_confidence_of_one_has_a_bin():
    assert calibration_error(np.array([1]), np.array([[0.0, 1.0]])) == 0.0


def test_a_tenth_of_the_others_exceed_the_threshold():
    others = np.arange(101, dtype=float)
    assert np.mean(others > threshold(others, 0.1)) == pytest.approx(10 / 101)


def test_a_speaker_drawn_twice_counts_twice_whatever_their_clips():
    names = np.array(["a", "a", "a", "b"])
    hit, asked = np.array([True, False, True, True]), np.array([False, True, True, True])
    found = shares(hit, asked, names)
    assert np.nanmean(found) == pytest.approx((1 / 2 + 1) / 2)
    a, b = speakers_of(names, np.arange(4))
    assert np.nanmean(found[np.concatenate([a, b, b])]) == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert np.isnan(shares(hit, asked, names, least=2)[b]).all()


def test_a_gap_is_in_points_and_unknown_where_a_side_is():
    assert gap([0.5, 0.75, 0.6]) == 25.0
    assert np.isnan(gap([0.5, float("nan")]))


def test_the_interval_comes_from_whole_speakers():
    values = np.array([0.0, 0.0, 0.0, 1.0])  # of two speakers: three clips, one clip
    speakers = [np.array([0, 1, 2]), np.array([3])]
    found = measure([lambda rows: values[rows].mean()], [speakers])
    assert found.value == 0.25
    assert len(found.draws) == RESAMPLINGS
    assert set(found.draws.tolist()) == {0.0, 0.25, 1.0}  # never half a speaker
    assert found.report() == {"value": 0.25, "interval": [0.0, 1.0]}


def test_the_mean_of_corpora_weighs_each_the_same_and_is_surer_than_one():
    values = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    rows = np.arange(8)
    speakers = {"small": [rows[:1], rows[1:2]], "large": [rows[2:4], rows[4:6], rows[6:]]}
    found = by_corpus([lambda rows: values[rows].mean()], speakers)
    assert found["small"]["value"] == 0.5
    assert found["large"]["value"] == pytest.approx(4 / 6, abs=1e-4)
    assert found["mean"]["value"] == pytest.approx((0.5 + 4 / 6) / 2, abs=1e-4)
    wide = [high - low for low, high in (found[name]["interval"] for name in ("small", "mean"))]
    assert wide[1] < wide[0]


@pytest.fixture
def clips(tmp_path):
    """A speaker's forty clips of 2 s, every second one neutral and soft, on disk."""
    import soundfile  # noqa: PLC0415

    rng = np.random.default_rng(1)
    made = []
    for index in range(40):
        neutral = index % 2 == 0
        path = tmp_path / f"{index}.wav"
        soundfile.write(path, (0.01 if neutral else 0.1) * rng.standard_normal(16_000), 8000)
        emotion = "neutral" if neutral else "angry"
        made.append(Clip(path, "eval", "corpus", "s", "", emotion, emotion, "en", 2.0, ""))
    return made


def test_int8_loses_the_points_by_which_its_scores_are_worse(monkeypatch, tmp_path):
    """Two speakers, each angry once and neutral once; in int8 one speaker's anger passes for calm."""
    clips = [
        Clip(tmp_path / f"{speaker}{emotion}", "eval", "corpus", speaker, "", emotion, emotion, "en", 2.0, "")
        for speaker in "ab"
        for emotion in ("neutral", "angry")
    ]
    angry = LABELS.index("angry")
    hears = {"float": [0.1, 0.9, 0.2, 0.8], "int8": [0.1, 0.9, 0.2, 0.15]}

    def hear(ear, asked, take, cache, *, seed):
        assert (asked, seed) == (clips, 7)
        return Windows(np.array(hears[ear], np.float32)[:, None], np.full(4, 2.0))

    def score(pooled, seconds):
        scores = np.zeros((len(pooled), len(LABELS)))
        scores[:, LABELS.index("neutral")], scores[:, angry] = 1 - pooled[:, 0], pooled[:, 0]
        return scores

    monkeypatch.setattr(emotion_bench, "hear_takes", hear)
    int8, plain = (System("", ear, slice(None), score, [], [7, 8]) for ear in ("int8", "float"))
    found = Bench.of(clips, tmp_path).int8_loss(int8, plain)
    # recall of the angry falls from 1 to 1/2; one of four (angry, neutral) pairs is in the wrong order
    assert found["uar4_points"]["mean"] == {"value": 25.0, "interval": [0.0, 50.0]}
    assert found["anger_auc_raw_points"]["corpus"] == {"value": 25.0, "interval": [0.0, 100.0]}


def test_a_call_has_one_line_and_a_lead_in_of_neutral_clips(clips):
    heard, lead, windows = one_line(clips, 1)
    # 20 neutral clips of 2 s: half of them are 20 s, less than LEAD_S
    assert len(lead) == 10
    assert {clips[index].emotion for index in lead} == {"neutral"}
    assert [len(one) / 8000 for one in windows] == [3.0] * 6 + [2.0]
    assert sum(map(len, windows)) / 8000 < LEAD_S
    levels = [float(np.sqrt(np.mean(one**2))) for one in heard]
    assert min(levels[1::2]) > 3 * max(levels[::2])  # a gain of each clip's own would make them alike
    assert {len(one) for one in heard} == {16_000}
    assert 0 < GAP_S < 1


def test_another_seed_is_another_line_and_another_lead_in(clips):
    one, again, other = one_line(clips, 1), one_line(clips, 1), one_line(clips, 2)
    assert one[1] == again[1] != other[1]
    assert np.array_equal(one[0][3], again[0][3])
    assert not np.allclose(one[0][3], other[0][3])


def a_leaning_speaker(emotions, cache):
    """A bench of one speaker whom the model hears as sad while calm, and angry over that when angry."""
    labels = {"neutral": 0.0, "happy": 2.0, "sad": 0.5, "angry": 2.2}
    clips = [
        Clip(cache / str(number), "eval", "corpus", "s", "", emotion, emotion, "en", 2.0, "")
        for number, emotion in enumerate(emotions)
    ]
    pooled = np.zeros((len(clips), len(LABELS)), np.float32)
    pooled[:, LABELS.index("sad")] = 2.0
    for row, emotion in zip(pooled, emotions, strict=True):
        row[LABELS.index(emotion)] += labels[emotion]
    system = System("", "ear", slice(None), lambda pooled, _: softmax(pooled.astype(np.float64)), [], [3])
    return Bench.of(clips, cache), system, pooled


def a_call(pooled, lead=()):
    """What `hear_calls` makes of it, the clips of `lead` being the lead-in."""
    seconds = np.full(len(pooled), 2.0)
    names = np.array(["corpus/s"] * len(lead), dtype=str)
    in_lead = np.isin(np.arange(len(pooled)), lead)
    return Calls(Windows(pooled, seconds), in_lead, Windows(pooled[list(lead)], seconds[list(lead)]), names)


def test_a_lead_in_takes_the_lean_off_what_follows_and_is_not_asked(monkeypatch, tmp_path):
    bench, system, pooled = a_leaning_speaker(["neutral"] * 20 + ["angry", "happy", "neutral"], tmp_path)
    monkeypatch.setattr(emotion_bench, "hear_calls", lambda *_, seed: a_call(pooled, range(19)))
    found = emotion_relative.known(bench, system, 3, BaselineSettings())
    assert np.isnan(found[:19]).all()
    assert not np.isnan(found[19:]).any()
    assert found[20].argmax() == emotion_relative.ANGRY
    assert found[19, 0] > bench.in_call(system, 3)[19, 0]
    assert np.array_equal(found[19], found[22])  # what is asked teaches nothing


def test_a_party_of_one_mood_is_asked_alone_and_up_to_so_many_clips(monkeypatch, tmp_path):
    emotions = ["neutral"] * 20 + ["angry"] * 4 + ["happy"] * 2
    bench, system, pooled = a_leaning_speaker(emotions, tmp_path)
    monkeypatch.setattr(emotion_bench, "hear_calls", lambda *_, seed: a_call(pooled))
    found = emotion_relative.one_mood(bench, system, 3, BaselineSettings())
    asked = ~np.isnan(found[:, 0])
    assert asked[:20].sum() == emotion_relative.MOST
    assert asked[20:24].all()
    assert not asked[24:].any()  # too few
    alone = CalmVoice(BaselineSettings())
    angry = [emotion_relative.beside(alone, one, 2.0) for one in bench.in_call(system, 3)[20:24]]
    assert np.allclose(np.sort(found[20:24], axis=0), np.sort(angry, axis=0))  # as if nobody were ever calm


def test_clips_in_random_order_teach_the_ones_that_follow(monkeypatch, tmp_path):
    bench, system, pooled = a_leaning_speaker(["neutral"] * 30, tmp_path)
    monkeypatch.setattr(emotion_bench, "hear_calls", lambda *_, seed: a_call(pooled))
    found = emotion_relative.unlabelled(bench, system, 3, BaselineSettings())
    assert len(np.unique(found[:, 0])) > 20
    assert found[:, 0].min() == pytest.approx(bench.in_call(system, 3)[0, 0], abs=0.01)
    assert found[:, 0].max() > 2 * found[:, 0].min()
    report = emotion_relative.relative(bench, system)
    assert (
        report["unlabelled"]["uar4"]["mean"]["value"]
        >= report["unlabelled"]["before"]["uar4"]["mean"]["value"]
    )
