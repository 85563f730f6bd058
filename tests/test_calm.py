"""What leans in a party's calm voice is taken off, and a party that is never calm keeps its mood."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.calm import CalmVoice
from sentiment_engine.errors import BadSettings
from sentiment_engine.settings import Settings
from sentiment_engine.settings_tension import BaselineSettings

PLAIN = BaselineSettings(calm_odds={"happy": -1.0, "sad": -1.0, "angry": -1.0})
SOUNDS_SAD = {"neutral": 0.35, "happy": 0.05, "sad": 0.55, "angry": 0.05}
SOUNDS_CROSS = {"neutral": 0.45, "happy": 0.05, "sad": 0.05, "angry": 0.45}
HOT = {"neutral": 0.02, "happy": 0.05, "sad": 0.03, "angry": 0.9}
LABELS = ("neutral", "happy", "sad", "angry", "fearful")


def heard(scores, times, settings=PLAIN, new_speech_s=1.5):
    """A calm voice that has heard the same window so many times."""
    voice = CalmVoice(settings)
    for _ in range(times):
        voice.relative(scores, new_speech_s)
    return voice


def top(scores):
    return max(scores, key=lambda label: scores[label])


@st.composite
def windows(draw, least=1e-6):
    """Scores as they are published."""
    powers = [draw(st.floats(least, 1.0)) for _ in LABELS]
    return {label: round(p / sum(powers), 4) for label, p in zip(LABELS, powers, strict=True)}


def test_nothing_is_taken_off_a_voice_not_heard_before():
    assert CalmVoice(PLAIN).relative(SOUNDS_SAD, 1.5) == pytest.approx(SOUNDS_SAD, abs=2e-3)


def test_a_voice_that_always_sounds_sad_is_heard_as_calm_in_time():
    assert top(SOUNDS_SAD) == "sad"
    assert top(heard(SOUNDS_SAD, 20).relative(SOUNDS_SAD, 1.5)) == "neutral"


def test_what_is_above_the_partys_own_calm_voice_stands_out():
    voice = heard(SOUNDS_SAD, 20)
    angrier = {"neutral": 0.15, "happy": 0.05, "sad": 0.5, "angry": 0.3}
    assert top(angrier) == "sad"
    assert top(voice.relative(angrier, 1.5)) == "angry"


def test_less_than_the_whole_lean_is_taken_off_until_the_voice_is_known():
    calm_s = [
        math.log(heard(SOUNDS_CROSS, times).relative(SOUNDS_CROSS, 1.5)["angry"] / SOUNDS_CROSS["angry"])
        for times in (0, 1, 4, 40)
    ]
    assert calm_s == sorted(calm_s, reverse=True)
    assert calm_s[1] > calm_s[3] / 2


def test_a_party_angry_from_the_first_word_is_not_taken_for_calm():
    relative = heard(HOT, 40).relative(HOT, 1.5)
    assert top(relative) == "angry"
    assert relative["angry"] > 0.5


def test_anger_after_calm_does_not_become_the_new_calm():
    voice = heard(SOUNDS_SAD, 20)
    before = voice.relative(HOT, 1.5)["angry"]
    for _ in range(20):
        voice.relative(HOT, 1.5)
    assert voice.relative(HOT, 1.5)["angry"] == pytest.approx(before, abs=0.05)


def test_a_lean_is_counted_from_how_the_model_scores_any_calm_voice():
    """Calm voices that the model does not know are scored so: no lean, nothing to take off."""
    usual = BaselineSettings()
    odds = {"neutral": 0.0, **usual.calm_odds}
    total = sum(math.exp(value) for value in odds.values())
    scores = {label: round(math.exp(value) / total, 4) for label, value in odds.items()}
    assert heard(scores, 30, usual).relative(scores, 1.5) == pytest.approx(scores, abs=2e-3)


def test_a_lean_is_taken_off_up_to_the_most_that_the_settings_allow():
    little = heard(SOUNDS_SAD, 40, msgspec.structs.replace(PLAIN, lean_most=0.1))
    none = heard(SOUNDS_SAD, 40, msgspec.structs.replace(PLAIN, lean_most=0.0))
    assert none.relative(SOUNDS_SAD, 1.5) == pytest.approx(SOUNDS_SAD, abs=2e-3)
    kept = little.relative(SOUNDS_SAD, 1.5)
    off = math.log(kept["sad"] / kept["neutral"]) - math.log(SOUNDS_SAD["sad"] / SOUNDS_SAD["neutral"])
    assert off == pytest.approx(-0.1, abs=0.01)


def test_old_calm_fades_once_the_memory_is_full():
    short = msgspec.structs.replace(PLAIN, memory_s=4.0)
    voice = heard(SOUNDS_SAD, 40, short)
    for _ in range(40):
        voice.relative(SOUNDS_CROSS, 1.5)
    assert top(voice.relative(SOUNDS_CROSS, 1.5)) == "neutral"
    assert top(voice.relative(SOUNDS_SAD, 1.5)) == "sad"


def test_a_window_longer_than_the_memory_takes_its_place():
    short = msgspec.structs.replace(PLAIN, memory_s=1.0)
    once, often = (heard(SOUNDS_SAD, times, short, new_speech_s=60.0) for times in (1, 5))
    assert once.relative(SOUNDS_SAD, 1.0) == often.relative(SOUNDS_SAD, 1.0)


def test_labels_without_usual_odds_keep_theirs():
    voice = CalmVoice(msgspec.structs.replace(PLAIN, calm_odds={"angry": -1.0}))
    scores = {"neutral": 0.4, "bored": 0.2, "angry": 0.4}
    for _ in range(20):
        relative = voice.relative(scores, 1.5)
    assert relative["bored"] / relative["neutral"] == pytest.approx(0.5, abs=0.01)
    assert relative["angry"] < 0.3


def test_without_a_calm_label_nothing_is_corrected():
    scores = {"angry": 0.7, "happy": 0.3}
    voice = heard(scores, 20)
    assert voice.relative(scores, 1.5) == scores


def test_no_calm_evidence_teaches_nothing():
    certain = {"neutral": 0.0, "happy": 0.0, "sad": 0.0, "angry": 1.0}
    assert heard(certain, 5, new_speech_s=0.0).relative(SOUNDS_SAD, 1.5) == pytest.approx(
        SOUNDS_SAD, abs=2e-3
    )


@examples(100)
@given(st.lists(st.tuples(windows(), st.floats(0.0, 8.0)), min_size=1, max_size=30))
def test_relative_scores_are_probabilities_of_the_same_labels(said):
    voice = CalmVoice(BaselineSettings())
    for scores, new_speech_s in said:
        relative = voice.relative(scores, new_speech_s)
        assert list(relative) == list(scores)
        assert all(0.0 <= p <= 1.0 and p == round(p, 4) for p in relative.values())
        assert sum(relative.values()) == pytest.approx(1.0, abs=5e-4)


@examples(50)
@given(st.lists(windows(), max_size=30), windows(least=0.05))
def test_no_label_moves_further_than_the_most_of_a_lean(said, asked):
    settings = msgspec.structs.replace(BaselineSettings(), lean_most=0.5)
    voice = CalmVoice(settings)
    for scores in said:
        voice.relative(scores, 1.5)
    relative = voice.relative(asked, 1.5)
    for label in settings.calm_odds:
        before, after = (math.log(p[label] / p["neutral"]) for p in (asked, relative))
        assert abs(after - before) < 0.5 + 0.15  # probabilities of a percent are told to four digits


@pytest.mark.parametrize(
    ("odds", "named"),
    [({"neutral": 0.0}, "neutral"), ({"angry": 8.0}, "angry"), ({"sad": float("nan")}, "sad")],
)
def test_usual_odds_that_cannot_be_are_refused_by_name(odds, named):
    with pytest.raises(BadSettings, match=f"calm_odds has '{named}'"):
        Settings.from_mapping({"baseline": {"calm_odds": odds}})


@pytest.mark.parametrize("values", [{"lean_prior_s": 0.0}, {"lean_most": -1.0}, {"lean_most": 9.0}])
def test_a_lean_has_a_prior_and_a_most(values):
    with pytest.raises(BadSettings, match=next(iter(values))):
        Settings.from_mapping({"baseline": values})
