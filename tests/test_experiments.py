"""The experiments' judge and their table: what is counted is what is said, and nothing else is trained on."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.corpora import Clip  # noqa: E402 - the path above
from scripts.emotion_features import Take  # noqa: E402
from scripts.experiments import FOUND, TEXT, chosen, read, run, table, with_table  # noqa: E402
from scripts.experiments_features import hear, prosody, statistics  # noqa: E402
from scripts.experiments_loco import ANGRY, FIGURES, NEUTRAL, auc, figures, recall  # noqa: E402
from scripts.experiments_rows import PROBE, Experiment, Linear, by_speaker, experiments  # noqa: E402


def answers(offset_of_second: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two speakers whose anger shows as clearly; the second always sounds angrier by an offset."""
    labels = np.tile(np.arange(5), 40)
    speakers = np.repeat(["a", "b"], 100)
    logits = 2.0 * np.eye(5)[labels]
    logits[:, ANGRY] += np.where(speakers == "b", offset_of_second, 0.0)
    return logits, labels, speakers


def test_a_perfect_answer_gets_perfect_figures():
    found = figures(*answers(0.0))
    assert tuple(found) == FIGURES
    assert found["anger_auc"] == found["calm_auc"] == found["calm_happy_auc"] == 1.0
    assert found["uar5"] == found["uar4"] == 100.0


def test_own_calm_forgives_a_voice_that_always_sounds_angry():
    found = figures(*answers(20.0))
    assert found["anger_auc"] < 0.95
    assert found["calm_auc"] == 1.0
    assert found["uar5"] == pytest.approx(100 * (1 + 4 * 0.5) / 5)


def test_auc_and_recall_are_the_textbook_ones():
    assert auc(np.array([True, False]), np.array([0.5, 0.5])) == 0.5
    rng = np.random.default_rng(0)
    positive, scores = rng.random(60) < 0.3, rng.integers(0, 9, 60).astype(float)
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[positive] for n in scores[~positive]]
    assert auc(positive, scores) == pytest.approx(np.mean(pairs))
    assert recall(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])) == 50.0


def test_only_the_training_split_is_heard(tmp_path):
    clip = Clip(Path("x"), "eval", "tess", "OAF", "F", "angry", "angry", "en", 1.0, "")
    with pytest.raises(ValueError, match="only 'train'"):
        hear([clip], Take("t"), tmp_path, tmp_path)


def test_statistics_weigh_the_loud_part_where_they_say_so():
    stream = np.concatenate([np.zeros((50, 3)), np.ones((50, 3))])
    found = statistics(stream, np.repeat([1.0, 99.0], 100))
    assert found["mean"] == pytest.approx([0.5] * 3)
    assert found["loud_mean"] == pytest.approx([0.99] * 3)
    assert found["delta"] == pytest.approx([1 / 99] * 3)


def test_prosody_knows_a_pitch_and_says_nothing_of_silence():
    time_s = np.arange(8000) / 8000
    low, middle, *_ = prosody(sum(np.sin(2 * np.pi * 200 * k * time_s) for k in (1, 2, 3)))
    assert low == pytest.approx(12.0, abs=0.5)
    assert middle == pytest.approx(12.0, abs=0.5)
    assert np.isnan(prosody(np.zeros(8000))[:5]).all()


class StubLab:
    """Corpora of numbers: the judge without audio."""

    def score(self, answer):
        each = dict.fromkeys(FIGURES, 0.75) | {"uar5": 40.0, "uar4": 50.0}
        return {row: dict.fromkeys(("nemo", "ravdess"), each) for row in answer("nemo")}


def test_a_finished_run_is_kept_and_not_repeated(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("scripts.experiments.FOUND", tmp_path / "found.json")
    every = [
        Experiment("group", (row,), 2, lambda _, row=row: lambda _: {row: []}) for row in (PROBE, "another")
    ]
    assert chosen(every, [], {}) == every
    run(every[0], StubLab())
    found = json.loads((tmp_path / "found.json").read_text())
    assert found[PROBE]["mean"]["uar4"] == 50.0
    assert chosen(every, [], found) == every[1:]
    assert chosen(every, ["plain"], found) == every[:1]
    run(every[1], StubLab())
    made = table(every, read(tmp_path / "found.json"))
    assert made.count("75.0 (75.0 75.0)") == 6
    assert made.splitlines()[-1].endswith("+0.0 / +0.0 |")
    text = "before\n<!-- table: written by scripts/experiments.py -->\nold\n<!-- end of table -->\nafter"
    once = with_table(text, made)
    assert "old" not in once
    assert with_table(once, made) == once
    with pytest.raises(ValueError, match="no marks"):
        with_table("nothing here", made)


def test_the_experiments_md_says_what_was_found():
    text = TEXT.read_text(encoding="utf-8")
    assert with_table(text, table(experiments(), read(FOUND))) == text


def test_rows_have_names_of_their_own_and_ask_for_known_columns():
    names = [row for one in experiments() for row in one.rows]
    assert len(names) == len(set(names))
    assert PROBE in names


def test_a_head_learns_what_the_oracle_leaves():
    from scripts.experiments_loco import Sheet  # noqa: PLC0415

    rng = np.random.default_rng(0)
    labels, speakers = np.tile(np.arange(5), 60), np.repeat(["a", "b", "c"], 100)
    columns = np.eye(5)[labels] + 0.1 * rng.standard_normal((300, 5))
    columns += 30 * (speakers == "b")[:, None]
    sheet = Sheet(columns.astype(np.float32), labels, np.ones(300), speakers)
    centred = Sheet(by_speaker(scaled=False)(sheet), labels, np.ones(300), speakers)
    head = Linear(strength=1.0).fit(centred)
    assert recall(labels, head.logits(centred.columns).argmax(axis=1)) > 99.0
    assert NEUTRAL != ANGRY
