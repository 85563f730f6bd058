"""How alerts are counted against the truth, and what the intervals hold."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.alert_baselines import (  # noqa: E402
    absolute_track,
    alarms,
    best_baseline,
    emotion_only,
    emotion_track,
    loudness_track,
    operating_curve,
    overlap_track,
    raising_at,
)
from benchmarks.alert_hearing import Heard, Raised, hear, hear_all, judge  # noqa: E402
from benchmarks.alert_scoring import Tally, precision, precisions  # noqa: E402
from benchmarks.calls import Escalation, Line, Recipe, Studio, Truth  # noqa: E402
from sentiment_engine import CallMonitor, Settings, load_emotion_model  # noqa: E402
from sentiment_engine.emotion import Window  # noqa: E402
from sentiment_engine.events import TensionUpdated  # noqa: E402
from sentiment_engine.tuning.intervals import bootstrap, garwood, poisson_cdf, wilson  # noqa: E402

DATA = Path(os.environ.get("SENTIMENT_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "manifest.tsv").is_file(), reason=f"no labelled speech in {DATA}: set SENTIMENT_DATA"
)


def truth(*spans, seconds=120.0, demanded=True, causes=("customer_anger", "raised_voice")):
    told = tuple(
        Escalation(onset_s, until_s, ("customer",), causes[:1], causes, demanded=demanded)
        for onset_s, until_s in spans
    )
    return Truth("c", "calm", "none", 1, 0, seconds, ("a", "b"), (Line(), Line()), told)


def alerts(*times, causes=("customer_anger",), kind="customer_anger"):
    return [Raised(at_s, causes, kind) for at_s in times]


def test_an_alert_counts_from_a_second_before_the_onset_to_the_end_of_the_escalation():
    tally = Tally()
    tally.add(truth((60.0, 90.0)), alerts(59.5))
    tally.add(truth((60.0, 90.0)), alerts(30.0, 75.0))
    tally.add(truth((60.0, 90.0)), alerts(95.0))  # late: neither
    assert (tally.escalations, tally.caught, tally.false) == (3, 2, 1)
    assert tally.delays_s == [-0.5, 15.0]
    assert tally.within(15.0) == pytest.approx(2 / 3)


def test_one_alert_matches_one_escalation_and_a_second_is_a_repeat():
    tally = Tally()
    tally.add(truth((10.0, 30.0), (60.0, 90.0)), alerts(12.0, 25.0, 61.0))
    assert (tally.caught, tally.repeats, tally.false) == (2, 1, 0)


def test_long_after_an_escalation_an_alert_is_false_again():
    tally = Tally()
    tally.add(truth((10.0, 30.0)), alerts(11.0, 49.0, 51.0))
    assert (tally.caught, tally.false) == (1, 1)
    assert tally.calm_s == pytest.approx(9.0 + 70.0)


def test_every_alert_of_a_calm_call_is_false():
    tally = Tally()
    tally.add(truth(), alerts(3.0, 100.0))
    assert tally.false == 2
    assert tally.false_per_hour == pytest.approx(60.0)


def test_a_cause_is_right_when_the_strongest_is_among_the_truths_and_strictly_when_it_is_the_scripts():
    tally = Tally()
    tally.add(truth((60.0, 90.0)), alerts(62.0, causes=("customer_anger", "silence")))
    tally.add(truth((60.0, 90.0)), alerts(62.0, causes=("raised_voice", "customer_anger")))
    tally.add(truth((60.0, 90.0)), alerts(62.0, causes=("silence", "customer_anger"), kind="quality"))
    assert (tally.named, tally.cause_right, tally.main_right, tally.kind_right) == (3, 2, 1, 2)
    assert tally.report()["cause_accuracy"] == pytest.approx(2 / 3, abs=0.001)


def test_where_neither_is_demanded_silence_is_no_miss_the_right_cause_is_noticed_and_anger_is_false():
    def counted(said):
        tally = Tally()
        tally.add(truth((60.0, 90.0), demanded=False, causes=("interruptions", "overlap")), said)
        return tally.offered, tally.noticed, tally.false, tally.escalations

    assert counted([]) == (1, 0, 0, 0)
    assert counted(alerts(70.0, causes=("overlap", "customer_anger"))) == (1, 1, 0, 0)
    assert counted(alerts(70.0, causes=("customer_anger", "overlap"))) == (1, 0, 1, 0)
    assert counted(alerts(70.0, causes=("silence",))) == (1, 0, 0, 0)


@given(st.lists(st.floats(0.0, 119.0), max_size=8))
def test_no_alert_is_counted_twice(times):
    tally = Tally()
    tally.add(truth((20.0, 40.0), (80.0, 100.0)), alerts(*times))
    assert tally.caught + tally.repeats + tally.false <= len(times)
    assert tally.caught <= tally.escalations == 2


def test_a_report_has_an_interval_beside_every_figure_and_nothing_where_nothing_was_heard():
    tally = Tally()
    assert tally.report()["recall"] is None
    tally.add(truth((60.0, 90.0)), alerts(62.0))
    tally.add(truth((60.0, 90.0)), alerts(66.0))
    report = tally.report()
    for name in ("recall", "false_alarms_per_hour", "delay_p50_s", "delay_p95_s", "cause_accuracy"):
        low, high = report[f"{name}_interval"]
        assert low <= report[name] <= high


def test_precision_follows_from_its_formula():
    assert precision(1.0, 0.0, 0.1, 0.02) == 1.0
    assert precision(0.9, 0.2, 0.1, 0.02) == pytest.approx(
        0.02 * 0.9 / (0.02 * 0.9 + 0.98 * (1 - np.exp(-0.02))), abs=1e-9
    )
    tally = Tally()
    tally.add(truth((60.0, 90.0)), alerts(62.0))
    tally.add(truth(), alerts(2.0))
    for point in precisions(tally):
        low, high = point["precision_interval"]
        assert low <= point["precision"] <= high
    assert precisions(Tally()) == []


def test_intervals_hold_what_was_counted():
    low, high = wilson(9, 10)
    assert low < 0.9 < high
    assert wilson(0, 0) is None
    assert garwood(0, 0.0) is None
    assert garwood(0, 2.0)[0] == 0.0
    assert garwood(0, 1.0)[1] == pytest.approx(3.689, abs=0.001)  # Garwood's exact bounds
    assert garwood(10, 1.0) == [pytest.approx(4.795, abs=0.002), pytest.approx(18.39, abs=0.01)]
    assert bootstrap([], 0.5) is None


@given(st.integers(0, 300), st.floats(0.01, 100.0))
def test_garwoods_bounds_leave_a_fortieth_on_either_side(count, hours):
    low, high = garwood(count, hours)
    assert low <= count / hours + 0.001
    assert high >= count / hours - 0.001
    if hours >= 1.0 and count:
        assert poisson_cdf(count, high * hours) == pytest.approx(0.025, abs=0.01)


def test_a_baselines_threshold_obeys_the_engines_own_rules_of_time():
    track = [(float(second), 1.0 if 10 <= second < 20 else 0.0) for second in range(60)]
    (raised,) = alarms(Settings(), track, 0.5)
    assert 10.0 + Settings().alerts.min_duration_s <= raised.at_s <= 15.0


def test_a_baseline_gets_the_best_threshold_at_the_rate_or_the_nearest_above():
    calm = [(float(second), 0.4 if second == 30 else 0.0) for second in range(120)]
    hot = [(float(second), 0.6 if second == 70 else 0.3 if second == 75 else 0.0) for second in range(120)]
    soft = [(float(second), 0.3 if second == 70 else 0.0) for second in range(120)]
    tracks = {"calm": calm, "hot": hot, "soft": soft}
    heard = [
        Heard(made, [], name)  # the track is looked up by what stands in the conversation's place
        for name, made in (("calm", truth()), ("hot", truth((60.0, 90.0))), ("soft", truth((60.0, 90.0))))
    ]

    def best(budget):
        level, tally = best_baseline(
            heard, Settings(), lambda one: tracks[one.conversation], [0.2, 0.35, 0.5, 0.9], budget
        )
        return level, tally.caught, tally.false

    assert best(0.0) == (0.5, 1, 0)
    assert best(1.0) == (0.2, 2, 1)
    assert best(1000.0) == (0.2, 2, 1)


def test_emotion_alone_keeps_angers_weight_and_nothing_else():
    alone, shipped = emotion_only(Settings()).tension, Settings().tension
    assert alone.anger_weight == shipped.anger_weight
    assert alone.mutual_weight == alone.overlap_weight == alone.effort_loud == alone.louder_weight == 0.0
    assert alone.anger_drift == shipped.anger_drift


@pytest.mark.parametrize("raise_at", [0.05, 0.5, 0.97])
def test_another_threshold_is_one_the_settings_accept(raise_at):
    moved = raising_at(Settings().alerts, raise_at)
    moved.check()
    assert moved.raise_at == raise_at
    assert moved.clear_at < raise_at


@pytest.fixture(scope="module")
def studio():
    return Studio(DATA, "train", [("ravdess", f"Actor_{n:02d}") for n in range(1, 9)])


@needs_data
def test_what_is_judged_from_the_notes_is_what_the_monitor_says_of_the_audio(studio):
    call = studio.make(Recipe("hot_start", "ravdess", 1, 1))
    settings, model = Settings(), load_emotion_model()
    monitor = CallMonitor(settings, model, call_id=call.truth.name, language="en")
    pcm = np.clip(np.rint(call.samples * 32768), -32768, 32767).astype("<i2").tobytes()
    live = [e for e in monitor.feed(pcm) + monitor.finish() if isinstance(e, TensionUpdated)]
    heard = hear(call, settings, model)
    again = [e for e in judge(heard, settings, model.labels) if isinstance(e, TensionUpdated)]
    assert [e.level for e in live] == [e.level for e in again]
    assert len(live) > 40
    assert all(note.samples.size == 0 for note, _ in heard.log if isinstance(note, Window))


@needs_data
@pytest.mark.slow
def test_two_processes_hear_what_one_hears_in_the_same_order(studio):
    model = load_emotion_model()
    todo = [Recipe("hot_start", "ravdess", n, 1) for n in range(5)]
    one, two = (list(hear_all(todo, studio, Settings(), model, processes=n)) for n in (1, 2))
    assert [heard.truth for heard in one] == [heard.truth for heard in two]
    for a, b in zip(one, two, strict=True):
        said = [judge(heard, Settings(), model.labels) for heard in (a, b)]
        assert said[0] == said[1]


@needs_data
def test_the_curve_falls_as_the_threshold_rises_and_every_baseline_has_a_track(studio):
    model = load_emotion_model()
    heard = [hear(studio.make(Recipe("both_heat", "ravdess", 0, 1)), Settings(), model)]
    curve = operating_curve(heard, Settings(), model.labels, (0.1, 0.6, 0.99995))
    assert [level for level, _ in curve] == [0.1, 0.6, 0.99995]
    assert [tally.caught for _, tally in curve][1:] == [1, 0]
    seconds = int(heard[0].truth.duration_s)
    angry = model.labels.index("angry")
    tracks = {
        "loudness": loudness_track(heard[0]),
        "overlap": overlap_track(heard[0]),
        "absolute": absolute_track(heard[0], angry),
        "emotion": emotion_track(heard[0], Settings(), model.labels),
    }
    (hot,) = heard[0].truth.escalations
    for name, track in tracks.items():
        assert len(track) in (seconds, seconds + 1), name
        before = max(value for at_s, value in track if at_s < hot.onset_s - 1)
        assert max(value for at_s, value in track if at_s >= hot.onset_s) > before, name
