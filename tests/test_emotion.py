"""Windows cover speech, and a party is judged against its own calm voice, not against its anger."""

import copy
import math
import weakref

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.emotion import Baseline, Windower, log_odds, sigmoid, uncertainty
from sentiment_engine.events import Voice
from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_SAMPLES
from sentiment_engine.settings_hearing import WindowSettings
from sentiment_engine.settings_tension import BaselineSettings

WINDOWS = WindowSettings(window_s=3.0, hop_s=1.0, min_window_s=0.6)
PRIOR = BaselineSettings(
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
)


def said(level_db=-20.0, new_speech_s=1.0, pitch_st=None, rate_sps=None):
    """A window that sounded so."""
    return Voice(
        new_speech_s=new_speech_s,
        speech_s=max(1.0, new_speech_s),
        level_db=level_db,
        over_noise_db=30.0,
        pitch_st=pitch_st,
        rate_sps=rate_sps,
    )


def angry(p):
    return {"neutral": 1 - p, "happy": 0.0, "sad": 0.0, "angry": p, "fearful": 0.0}


def ramp(blocks, settings=WINDOWS):
    """A windower that has heard that many blocks; each sample says which block it is of."""
    windower = Windower(settings, "agent", late_s=1.0, early_s=0.1)
    for block in range(blocks):
        windower.push(np.full(BLOCK_SAMPLES, block, np.int16), 5, 5 * 0.01, -50.0)
    return windower


def test_a_window_is_due_after_each_hop_of_new_speech():
    windower = Windower(WINDOWS, "agent", late_s=1.0, early_s=0.1)
    due = []
    for block in range(1, 41):
        windower.push(np.zeros(BLOCK_SAMPLES, np.int16), 5, 0.05, -50.0)
        if window := windower.during(0, block / 10):
            due.append((window.start_s, window.end_s, window.voice.new_speech_s))
    assert due == [(0.0, 1.0, 1.0), (0.0, 2.0, 1.0), (0.0, 3.0, 1.0), (1.0, 4.0, 1.0)]


def test_a_window_holds_the_samples_of_its_time_as_floats():
    window = ramp(40).during(5, 4.0)
    assert (window.start_s, window.end_s) == (1.0, 4.0)
    assert window.samples.dtype == np.float32
    assert (window.samples * 32768).tolist() == np.repeat(np.arange(10, 40), BLOCK_SAMPLES).tolist()


def test_no_window_is_due_while_nobody_speaks():
    assert ramp(40).during(None, 4.0) is None


def test_the_rest_of_a_segment_is_heard_when_it_is_a_third_of_a_hop():
    windower = ramp(20)
    assert windower.during(0, 2.0).voice.new_speech_s == 2.0
    for block in range(4):
        windower.push(np.full(BLOCK_SAMPLES, 20 + block, np.int16), 5, 0.05, -50.0)
    short = copy.deepcopy(windower)
    assert short.at_end(0, 100 + 16, 2.4) is None
    window = windower.at_end(0, 100 + 17, 2.4)
    assert (window.start_s, window.end_s) == (0.0, 2.34)
    assert window.voice.new_speech_s == pytest.approx(0.34)


def test_an_utterance_too_short_to_judge_is_not_scored():
    windower = ramp(10)
    assert windower.at_end(0, 29, 1.0) is None
    assert windower.at_end(0, 30, 1.0).end_s == 0.6


def test_no_speech_is_counted_as_new_twice():
    windower = ramp(20)
    assert windower.during(0, 2.0) is not None
    assert windower.during(0, 2.0) is None
    assert windower.at_end(0, 95, 2.0) is None


def test_a_window_reaches_back_no_further_than_what_is_remembered():
    windower = ramp(100, WindowSettings(window_s=1.0, hop_s=1.0, min_window_s=0.6, join_s=0.0, pauses_s=0.0))
    assert windower.at_end(0, 300, 10.0) is None  # four seconds ago: forgotten
    window = windower.at_end(0, 450, 10.0)
    assert (window.start_s, window.end_s) == (8.0, 9.0)


@pytest.mark.parametrize(("pause_blocks", "joined"), [(1, True), (12, True), (13, False)])
def test_a_window_reaches_back_over_a_pause_within_a_turn_and_leaves_it_out(pause_blocks, joined):
    """Speech in blocks 0..9, a pause, speech in ten blocks more."""
    begun = 10 + pause_blocks
    windower = ramp(begun + 10)
    windower.at_end(0, 50, 1.0)
    window = windower.during(begun * BLOCK_FRAMES, (begun + 10) / 10)
    spoken = [*range(10), *range(begun, begun + 10)] if joined else [*range(begun, begun + 10)]
    assert (window.samples * 32768).tolist() == np.repeat(spoken, BLOCK_SAMPLES).tolist()
    assert (window.start_s, window.end_s) == (0.0 if joined else begun / 10, (begun + 10) / 10)
    assert window.voice.new_speech_s == pytest.approx(1.0)


def test_a_short_answer_after_earlier_speech_of_the_turn_is_scored_with_it():
    windower = ramp(20)
    windower.at_end(0, 50, 1.0)
    window = windower.at_end(70, 90, 2.0)  # 0.4 s: too short to judge alone
    assert len(window.samples) == round(1.4 * 8000)
    assert window.voice.new_speech_s == pytest.approx(0.4)


def test_a_window_of_many_pieces_holds_no_more_speech_than_asked():
    windower = ramp(40)
    for start in range(0, 180, 20):
        windower.at_end(start, start + 10, 3.8)
    window = windower.at_end(180, 200, 4.0)
    assert len(window.samples) == round((0.4 + 9 * 0.2) * 8000)
    windower = ramp(40, msgspec.structs.replace(WINDOWS, window_s=1.0))
    for start in range(0, 150, 20):
        windower.at_end(start, start + 10, 3.0)
    window = windower.at_end(150, 200, 4.0)
    assert (len(window.samples), window.start_s) == (8000, 3.0)


def test_a_window_ends_no_later_than_the_audio():
    assert ramp(20).during(0, 1.93).end_s == 1.93


def test_a_windows_level_is_that_of_its_voiced_frames_alone():
    windower = Windower(WINDOWS, "agent", late_s=1.0, early_s=0.1)
    for block in range(20):
        windower.push(np.zeros(BLOCK_SAMPLES, np.int16), *((5, 5 * 0.01) if block % 2 else (0, 0.0)), -50.0)
    assert windower.during(0, 2.0).voice.level_db == pytest.approx(-20.0, abs=0.01)


def test_a_window_without_voiced_frames_has_the_level_of_silence():
    windower = Windower(WINDOWS, "agent", late_s=1.0, early_s=0.1)
    for _ in range(20):
        windower.push(np.zeros(BLOCK_SAMPLES, np.int16), 0, 0.0, -50.0)
    assert windower.during(0, 2.0).voice.level_db == pytest.approx(-100.0)


@given(
    voiced=st.lists(st.booleans(), min_size=1, max_size=120),
    settings=st.builds(
        WindowSettings,
        window_s=st.sampled_from([1.0, 2.5, 3.0]),
        hop_s=st.sampled_from([0.2, 0.5, 1.0, 4.0]),
        min_window_s=st.sampled_from([0.5, 0.6, 1.0]),
    ),
)
@examples(40)
def test_windows_follow_each_other_inside_their_segments_and_within_their_limits(voiced, settings):
    windower, start, last_end, new_s = Windower(settings, "agent", late_s=1.0, early_s=0.1), None, 0.0, 0.0
    spoken_s = 0.0
    for number, flag in enumerate(voiced):
        windower.push(np.zeros(BLOCK_SAMPLES, np.int16), 5 * flag, 0.05 * flag, -50.0)
        now_s = (number + 1) / 10
        ended = start is not None and not flag
        begun_s = None if start is None else start / 50
        if flag:
            start = number * BLOCK_FRAMES if start is None else start
            begun_s = start / 50
            spoken_s += 0.1
        window = windower.at_end(start, number * BLOCK_FRAMES, now_s) if ended else None
        window = window or windower.during(start if flag else None, now_s)
        start = start if flag else None
        if window:
            speech_s = len(window.samples) / 8000
            assert window.start_s < window.end_s <= now_s
            assert settings.min_window_s - 1e-9 <= speech_s <= settings.window_s + 1e-9
            assert speech_s <= window.end_s - window.start_s + 1e-9
            assert min(window.end_s - begun_s, settings.window_s) <= speech_s + 1e-9
            assert window.end_s - window.start_s <= settings.window_s + settings.pauses_s + 2.0
            assert window.end_s > last_end
            last_end = window.end_s
            new_s += window.voice.new_speech_s
    assert new_s <= spoken_s + 1e-6


def heard_by(windower, plan):
    """Windows of a plan of stretches (speech or not, blocks); speech is first heard of 0.1 s late."""
    start, block, windows = None, 0, []
    for speaks, blocks in plan:
        for at in range(blocks):
            block += 1
            windower.push(np.full(BLOCK_SAMPLES, block, np.int16), 5 * speaks, 0.05 * speaks, -50.0)
            if not speaks and start is not None:
                windows.append(windower.at_end(start, (block - 1) * BLOCK_FRAMES, block / 10))
                start = None
            if speaks and start is None and at:
                start = (block - 2) * BLOCK_FRAMES
            windows.append(windower.during(start, block / 10))
    return [(w.start_s, w.end_s, w.voice, w.samples.tobytes()) for w in windows if w]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30)), min_size=1, max_size=12))
@examples(60)
def test_nothing_is_forgotten_that_a_window_could_hold(plan):
    forgetful = Windower(WINDOWS, "agent", late_s=1.0, early_s=0.2)
    thorough = Windower(WINDOWS, "agent", late_s=1.0, early_s=1000.0)
    assert heard_by(forgetful, plan) == heard_by(thorough, plan)


def test_a_silent_channel_is_not_remembered():
    windower = Windower(WINDOWS, "agent", late_s=1.0, early_s=0.2)
    heard_by(windower, [(True, 30), (False, 3)])
    blocks = [np.zeros(BLOCK_SAMPLES, np.int16) for _ in range(30)]
    held = [weakref.ref(block) for block in blocks]
    while blocks:
        windower.push(blocks.pop(0), 0, 0.0, -50.0)
        assert windower.during(None, 0.0) is None
    assert [ref() is not None for ref in held] == [False] * 28 + [True] * 2


def test_log_odds_and_probability_are_each_others_inverse():
    for p in (0.01, 0.2, 0.5, 0.9, 0.99):
        assert sigmoid(log_odds(p, 1 - p)) == pytest.approx(p, abs=1e-3)
        assert log_odds(p, 1 - p) == pytest.approx(-log_odds(1 - p, p))
    assert (sigmoid(-2000.0), sigmoid(2000.0)) == (0.0, 1.0)


def test_certainty_is_a_finite_number_of_log_odds():
    assert 5.0 < log_odds(1.0, 0.0) < 20.0
    assert log_odds(0.0, 0.0) == 0.0


def test_scores_all_alike_say_nothing_and_one_label_for_certain_says_all():
    assert uncertainty([0.2] * 5) == 1.0
    assert uncertainty([0.2001] * 5) == 1.0  # published scores are rounded
    assert uncertainty([0.0, 1.0, 0.0]) == uncertainty([1.0]) == 0.0
    assert 0.0 < uncertainty([0.7, 0.2, 0.1]) < uncertainty([0.5, 0.3, 0.2]) < 1.0


def test_a_baseline_starts_at_the_training_speakers_calm_voice():
    scores = {"neutral": 0.3, "happy": 0.1, "sad": 0.2, "angry": 0.3, "fearful": 0.1}
    relative = Baseline(PRIOR).compare(scores, said(-20.0, 1.0))
    assert relative.anger == pytest.approx(log_odds(0.3, 0.3) + 2.0)
    assert relative.against == pytest.approx(log_odds(0.3, 0.3) + 1.5)
    assert relative.stirred == pytest.approx(log_odds(0.7, 0.3) - 0.5)
    assert relative.known_s == 0.0


def test_the_spread_of_calm_voices_is_the_unit():
    wide = msgspec.structs.replace(PRIOR, prior_spread=2.0)
    narrow_s, wide_s = (Baseline(s).compare(angry(0.9), said(-20.0, 1.0)).anger for s in (PRIOR, wide))
    assert narrow_s == pytest.approx(2 * wide_s)


def test_a_voice_not_heard_before_is_judged_with_doubt_that_evidence_takes_away():
    sure, unsure = Baseline(PRIOR), Baseline(msgspec.structs.replace(PRIOR, prior_doubt=2.0))
    early = [baseline.compare(angry(0.6), said(-20.0, 1.0)).anger for baseline in (sure, unsure)]
    assert 0 < early[1] < 0.6 * early[0]
    for baseline in (sure, unsure):
        for _ in range(80):
            baseline.compare(angry(0.12), said(-20.0, 1.0))
    late = [baseline.compare(angry(0.6), said(-20.0, 1.0)).anger for baseline in (sure, unsure)]
    assert 0.6 * late[0] < late[1] < late[0]


def test_a_bare_voice_is_told_once_enough_was_said_and_only_at_the_start():
    settings = msgspec.structs.replace(PRIOR, bare_from_s=3.0, bare_until_s=5.0)
    baseline = Baseline(settings)
    hot = {"neutral": 0.1, "angry": 0.6, "sad": 0.3}
    told = [baseline.compare(hot, said(-20.0, 1.0)).bare for _ in range(7)]
    mean = (log_odds(0.6, 0.1) + log_odds(0.9, 0.1)) / 2
    assert told == [None, None, *[pytest.approx(mean)] * 3, None, None]


def test_a_bare_voice_is_the_mean_of_all_that_was_said():
    baseline = Baseline(msgspec.structs.replace(PRIOR, bare_from_s=0.0, bare_until_s=60.0))
    hot, calm = {"neutral": 0.1, "angry": 0.9}, {"neutral": 0.9, "angry": 0.1}
    baseline.compare(hot, said(-20.0, 1.0))
    both = baseline.compare(calm, said(-20.0, 3.0)).bare
    assert both == pytest.approx((log_odds(0.9, 0.1) + 3 * log_odds(0.1, 0.9)) / 4)


LAUGHING = {"neutral": 0.1, "happy": 0.7, "angry": 0.2}


def test_another_mood_is_less_of_an_anger_as_far_as_the_settings_say():
    gentle, stern = (
        Baseline(msgspec.structs.replace(PRIOR, others=others)).compare(LAUGHING, said(-20.0, 1.0)).anger
        for others in (0.5, 0.0)
    )
    assert stern == pytest.approx(log_odds(0.2, 0.1) + 2.0)
    assert gentle == pytest.approx(stern - math.log(1 + 0.5 * 0.701 / 0.101))


def test_a_voice_that_always_sounds_moved_is_not_excused_for_it():
    """In a voice that the model finds happy while calm, happy says nothing."""
    baseline = Baseline(msgspec.structs.replace(PRIOR, others=0.5))
    before = baseline.compare(LAUGHING, said(-20.0, 0.1)).anger
    for _ in range(100):
        baseline.compare({"neutral": 0.12, "happy": 0.84, "angry": 0.04}, said(-20.0, 1.0))
    off = baseline._others.drawn(baseline._calm_s)
    assert off == pytest.approx(log_odds(0.84, 0.12), abs=0.2)  # of a prior at 0
    after = baseline.compare(LAUGHING, said(-20.0, 1.0))
    unmoved = Baseline(PRIOR)
    for _ in range(100):
        unmoved.compare({"neutral": 0.12, "happy": 0.84, "angry": 0.04}, said(-20.0, 1.0))
    assert after.anger == pytest.approx(unmoved.compare(LAUGHING, said(-20.0, 1.0)).anger, abs=0.35)
    assert after.anger > before


def test_a_label_the_model_does_not_have_counts_as_absent():
    whole = Baseline(PRIOR).compare(angry(0.0), said(-20.0, 1.0))
    assert Baseline(PRIOR).compare({"neutral": 1.0}, said(-20.0, 1.0)) == whole
    assert Baseline(PRIOR).compare({"neutral": 0.5, "angry": 0.5}, said(-20.0, 1.0)).against == pytest.approx(
        log_odds(0.5, 0.0) + 1.5
    )


def test_a_baseline_moves_to_a_partys_own_calm_voice():
    baseline = Baseline(PRIOR)
    own = [baseline.compare(angry(0.25), said(-20.0, 1.0)).anger for _ in range(60)]
    assert own[0] == pytest.approx(log_odds(0.25, 0.75) + 2.0)
    assert abs(own[-1]) < own[0] / 4
    assert baseline.compare(angry(0.9), said(-20.0, 1.0)).anger > 3.0


def test_a_party_whose_calm_voice_varies_is_judged_by_its_own_spread():
    steady, varied = Baseline(PRIOR), Baseline(PRIOR)
    for turn in range(60):
        steady.compare(angry(0.12), said(-20.0, 1.0))
        varied.compare(angry(0.4 if turn % 2 else 0.03), said(-20.0, 1.0))
    assert (
        steady.compare(angry(0.9), said(-20.0, 1.0)).anger
        > 1.5 * varied.compare(angry(0.9), said(-20.0, 1.0)).anger
    )


def test_somebody_hot_from_the_first_word_is_not_normalised_away():
    baseline = Baseline(PRIOR)
    heard = [baseline.compare(angry(0.95), said(-15.0, 1.0)) for _ in range(60)]
    assert heard[0].anger == pytest.approx(log_odds(0.95, 0.05) + 2.0)
    assert heard[-1].anger > 0.9 * heard[0].anger
    assert heard[-1].known_s < 1.0


def test_an_outburst_leaves_the_calm_voice_where_it_was():
    baseline = Baseline(PRIOR)
    for _ in range(30):
        calm = baseline.compare(angry(0.1), said(-30.0, 1.0))
    for _ in range(30):
        baseline.compare(angry(0.95), said(-15.0, 1.0))
    again = baseline.compare(angry(0.1), said(-30.0, 1.0))
    assert again.anger == pytest.approx(calm.anger, abs=0.3)
    assert again.effort.louder_db == pytest.approx(0.0, abs=0.5)


def test_nobody_is_called_louder_before_the_calm_level_is_known():
    baseline = Baseline(PRIOR)
    early = [
        baseline.compare(angry(0.02), said(level_db, 1.0)).effort.louder_db
        for level_db in (-30.0, -30.0, -12.0)
    ]
    assert early == [0.0, 0.0, 0.0]
    for _ in range(3):
        baseline.compare(angry(0.02), said(-30.0, 1.0))
    assert baseline.compare(angry(0.02), said(-20.0, 1.0)).effort.louder_db > 3.0


def test_old_calm_evidence_fades_once_the_memory_is_full():
    brief = msgspec.structs.replace(PRIOR, prior_s=1.0, memory_s=10.0)
    baseline = Baseline(brief)
    for level_db in [-40.0] * 60 + [-20.0] * 60:
        relative = baseline.compare(angry(0.05), said(level_db, 1.0))
    assert relative.effort.louder_db == pytest.approx(0.0, abs=0.1)
    assert relative.known_s == 10.0


def test_a_window_that_is_no_calm_evidence_at_all_leaves_the_baseline_unknown():
    strict = msgspec.structs.replace(PRIOR, calm_below=0.0, calm_width=1e-3, level_after_s=0.0)
    baseline = Baseline(strict)
    heard = [baseline.compare(angry(0.99), said(-10.0, 1.0)) for _ in range(3)]
    assert [window.anger for window in heard] == pytest.approx([log_odds(0.99, 0.01) + 2.0] * 3)
    assert {window.known_s for window in heard} == {0.0}


@given(
    windows=st.lists(
        st.tuples(st.floats(0, 1), st.floats(-100, 0), st.floats(0.2, 20.0)), min_size=1, max_size=30
    ),
    memory_s=st.floats(0.01, 100.0),
)
@examples(60)
def test_a_baseline_never_leaves_the_range_of_what_it_was_told(windows, memory_s):
    settings = msgspec.structs.replace(PRIOR, prior_s=1.0, memory_s=memory_s, level_after_s=0.0)
    baseline, louder = Baseline(settings), []
    for p, level_db, new_s in windows:
        relative = baseline.compare(angry(p), said(level_db, new_s))
        assert abs(relative.anger) <= 4 * log_odds(1.0, 0.0)
        assert 0.0 <= relative.known_s <= memory_s
        louder.append(relative.effort.louder_db)
    levels = [0.0, *(level_db for _, level_db, _ in windows)]
    assert all(abs(db) <= max(levels) - min(levels) + 1e-6 for db in louder)


def test_nobody_is_called_higher_before_their_pitch_is_known():
    baseline = Baseline(PRIOR)
    early = [baseline.compare(angry(0.02), said(pitch_st=st)).effort.higher_st for st in (2.0, 2.0, 9.0)]
    assert early == [0.0, 0.0, 0.0]
    for _ in range(30):
        baseline.compare(angry(0.02), said(pitch_st=2.0))
    assert baseline.compare(angry(0.02), said(pitch_st=8.0)).effort.higher_st > 4.0


def test_a_window_without_pitch_says_nothing_about_it():
    baseline = Baseline(PRIOR)
    for _ in range(30):
        baseline.compare(angry(0.02), said(pitch_st=2.0))
    assert baseline.compare(angry(0.02), said(pitch_st=None)).effort.higher_st == 0.0
    assert baseline.compare(angry(0.02), said(pitch_st=2.0)).effort.higher_st == pytest.approx(0.0, abs=1e-6)


def test_a_known_baseline_holds_still_while_evidence_stands():
    free, held = Baseline(PRIOR), Baseline(PRIOR)
    for _ in range(20):
        free.compare(angry(0.05), said())
        held.compare(angry(0.05), said())
    for _ in range(20):
        free.compare(angry(0.1), said())
        held.compare(angry(0.1), said(), evidence=20.0 * PRIOR.hold)
    assert held.compare(angry(0.1), said()).anger > free.compare(angry(0.1), said()).anger + 0.2


def test_a_comparison_says_how_much_of_the_window_is_new():
    window = msgspec.structs.replace(said(new_speech_s=1.5), speech_s=3.0)
    assert Baseline(BaselineSettings()).compare(angry(0.02), window).fresh == 0.5
    assert Baseline(BaselineSettings()).compare(angry(0.02), said(new_speech_s=1.5)).fresh == 1.0
