"""The head that training fits: what it must learn, and what it must not listen to."""

import numpy as np
import pytest

from scripts.emotion_head import Head, fit_head, within_clips

CLIPS, TAKES = 300, 4
ANSWER, LINE = 0, 1


@pytest.fixture(scope="module")
def recordings():
    """Takes of recordings: one column tells the label, another tells it too but changes with the line."""
    rng = np.random.default_rng(3)
    labels = np.arange(CLIPS) % 2
    takes = []
    for _ in range(TAKES):
        answer = labels + rng.normal(0, 0.7, CLIPS)
        line = labels + rng.normal(0, 0.7, CLIPS)
        takes.append(np.stack([answer, line], 1))
    steady = np.mean([take[:, ANSWER] for take in takes], axis=0)  # the same in every take
    for take in takes:
        take[:, ANSWER] = steady
    return np.concatenate(takes).astype(np.float32), np.tile(labels, TAKES), np.tile(np.arange(CLIPS), TAKES)


def leaning(recordings, consistency):
    """Weight of what changes with the line, over that of what does not."""
    features, labels, clips = recordings
    weights = np.ones(len(labels))
    head = fit_head(features, labels, weights, strength=0.01, clips=clips, consistency=consistency)
    gap = np.abs(head.weight[1] - head.weight[0])
    return gap[LINE] / gap[ANSWER]


def test_consistency_takes_weight_off_what_changes_between_takes(recordings):
    free, held, tight = (leaning(recordings, consistency) for consistency in (0.0, 3.0, 100.0))
    assert free > 1.3 * held > 1.3 * tight


def test_without_consistency_it_is_plain_regression_whether_clips_are_named_or_not(recordings):
    features, labels, clips = recordings
    weights = np.ones(len(labels))
    named = fit_head(features, labels, weights, strength=0.01, clips=clips)
    plain = fit_head(features, labels, weights, strength=0.01)
    assert np.array_equal(named.weight, plain.weight)


def test_within_clips_is_the_covariance_between_takes_whatever_their_order():
    rng = np.random.default_rng(5)
    wobble = np.array([[1.0, 0.6], [0.6, 2.0]])
    clips = rng.permutation(np.repeat(np.arange(2000), 3))
    voices = rng.normal(0, 9.0, (2000, 2))
    features = voices[clips] + rng.multivariate_normal([0, 0], wobble, len(clips))
    shares = np.full(len(clips), 1 / len(clips), np.float32)
    assert within_clips(features.astype(np.float32), clips, shares) == pytest.approx(wobble, abs=0.08)


def test_a_levelled_head_leans_towards_no_label_whatever_share_of_the_clips_each_has():
    rng = np.random.default_rng(7)
    head = Head(rng.normal(0, 1.0, (3, 4)), np.array([5.0, -1.0, 0.0]))
    labels = rng.choice(3, 600, p=[0.7, 0.2, 0.1])
    features = rng.normal(0.5, 1.0, (600, 4)).astype(np.float32)
    level = head.levelled(features, labels)
    logits = level.logits(features)
    lean = np.mean([logits[labels == label].mean(axis=0) for label in range(3)], axis=0)
    assert lean == pytest.approx([lean.mean()] * 3)
    assert np.array_equal(level.weight, head.weight)
    assert level.bias.sum() == pytest.approx(head.bias.sum())
