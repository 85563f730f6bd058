"""A level becomes one alert at a time: after a while, until calm has lasted, then a quiet time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.alerts import NEXT_MOOD, Alerts, Cue, Mood, leading, strongest_first
from sentiment_engine.settings_alerts import AlertSettings
from sentiment_engine.tension import Level

PLAIN = AlertSettings(
    raise_at=0.6,
    clear_at=0.4,
    warning_at=0.75,
    critical_at=0.9,
    min_duration_s=2.0,
    clear_after_s=3.0,
    cooldown_s=5.0,
)
AT_ONCE = AlertSettings(
    raise_at=0.6,
    clear_at=0.4,
    warning_at=0.75,
    critical_at=0.9,
    min_duration_s=0.0,
    clear_after_s=0.0,
    cooldown_s=0.0,
)


def at(level, **causes):
    """A level with its causes."""
    return Level(level, -3.0, causes or {"customer_anger": 2.0}, {}, {})


def changes(levels, settings=PLAIN):
    """What a level a second from second 1 on changes: (second, what, severity)."""
    alerts = Alerts(settings)
    steps = [(second, alerts.step(float(second), at(level))) for second, level in enumerate(levels, start=1)]
    return [(second, change.what, change.severity) for second, change in steps if change]


def test_a_level_must_stay_high_for_the_least_duration():
    assert changes([0.7, 0.7, 0.5, 0.7, 0.7, 0.3, 0.7]) == []
    assert changes([0.1, 0.7, 0.7, 0.7]) == [(4, "raised", "notice")]


def test_the_threshold_itself_is_high_and_the_lower_one_is_not_low():
    assert changes([0.6] * 3) == [(3, "raised", "notice")]
    assert changes([0.6] * 3 + [0.4] * 20) == [(3, "raised", "notice")]


def test_between_the_thresholds_nothing_changes():
    assert changes([0.7] * 3 + [0.5] * 30) == [(3, "raised", "notice")]


def test_an_alert_is_cleared_once_calm_has_lasted():
    assert changes([0.7] * 3 + [0.3] * 4) == [(3, "raised", "notice"), (7, "cleared", "notice")]


@pytest.mark.parametrize("again", [0.5, 0.7])
def test_calm_that_does_not_last_clears_nothing(again):
    assert changes([0.7] * 3 + [0.3, 0.3, 0.3, again] * 5) == [(3, "raised", "notice")]


def test_the_next_alert_waits_for_the_quiet_time():
    told = changes([0.7] * 3 + [0.3] * 4 + [0.7] * 20)
    assert [what for _, what, _ in told] == ["raised", "cleared", "raised"]
    assert told[2][0] - told[1][0] >= PLAIN.cooldown_s + PLAIN.min_duration_s


def test_an_alert_is_updated_when_it_becomes_worse_and_not_when_it_becomes_better():
    assert changes([0.7] * 3 + [0.8, 0.8, 0.7, 0.8, 0.95, 0.8, 0.95]) == [
        (3, "raised", "notice"),
        (4, "updated", "warning"),
        (8, "updated", "critical"),
    ]


def test_an_alert_may_be_critical_at_once():
    assert changes([0.95] * 4) == [(3, "raised", "critical")]


def test_an_alert_that_heats_up_again_before_it_is_cleared_is_updated():
    assert changes([0.7] * 3 + [0.3, 0.8]) == [(3, "raised", "notice"), (5, "updated", "warning")]


def test_without_waiting_times_every_crossing_tells():
    assert changes([0.7, 0.3, 0.3, 0.7], AT_ONCE) == [
        (1, "raised", "notice"),
        (2, "cleared", "notice"),
        (4, "raised", "notice"),
    ]


def test_since_is_when_the_level_rose_over_the_threshold():
    alerts = Alerts(PLAIN)
    told = [
        change
        for second, level in enumerate([0.1, 0.7, 0.7, 0.7, 0.8, 0.3])
        if (change := alerts.step(second, at(level)))
    ]
    assert [(change.what, change.since_s, change.number) for change in told] == [
        ("raised", 1, 1),
        ("updated", 1, 1),
    ]
    last = alerts.finish()
    assert (last.what, last.since_s, last.number, last.severity) == ("cleared", 1, 1, "warning")


def test_the_end_of_a_call_clears_only_what_is_open():
    alerts = Alerts(PLAIN)
    assert alerts.finish() is None
    alerts.step(1.0, at(0.7))
    assert alerts.finish() is None
    alerts.step(3.0, at(0.7))
    assert alerts.finish().what == "cleared"
    for second in range(4, 20):
        alerts.step(float(second), at(0.1))
    assert alerts.finish() is None


def test_the_table_says_only_what_changes():
    assert all(mood is not after for (mood, _), after in NEXT_MOOD.items())
    assert all(Mood.QUIET not in (mood, after) for (mood, _), after in NEXT_MOOD.items())
    assert {cue for _, cue in NEXT_MOOD} == set(Cue)


@given(
    levels=st.lists(st.sampled_from([0.1, 0.39, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95]), max_size=120),
    settings=st.builds(
        AlertSettings,
        raise_at=st.just(0.6),
        clear_at=st.just(0.4),
        warning_at=st.just(0.75),
        critical_at=st.just(0.9),
        min_duration_s=st.integers(0, 4).map(float),
        clear_after_s=st.integers(0, 6).map(float),
        cooldown_s=st.integers(0, 12).map(float),
    ),
)
@examples(80)
def test_alerts_take_turns_with_calm_on_any_track_of_levels(levels, settings):
    alerts, opened, cleared_s, worst = Alerts(settings), None, None, 0
    order = ("notice", "warning", "critical")
    for second, level in enumerate(levels):
        change = alerts.step(float(second), at(level))
        if change is None:
            continue
        if change.what == "raised":
            assert opened is None
            assert level >= settings.raise_at
            assert second - change.since_s >= settings.min_duration_s
            assert all(x >= settings.raise_at for x in levels[int(change.since_s) : second + 1])
            assert cleared_s is None or second - cleared_s >= settings.cooldown_s
            opened, worst = change, order.index(change.severity)
            assert change.number == alerts.raised
        elif change.what == "updated":
            assert opened.number == change.number
            assert order.index(change.severity) > worst
            worst = order.index(change.severity)
        else:
            assert opened.number == change.number
            calm = levels[second - int(settings.clear_after_s) : second + 1]
            assert all(x < settings.clear_at for x in calm)
            assert change.severity == order[worst]
            opened, cleared_s = None, second
    assert (alerts.finish() is not None) == (opened is not None)


def test_causes_are_named_strongest_first_and_ties_by_name():
    level = Level(0.5, -3.0, {"silence": 1.0, "overlap": 1.0, "customer_anger": 2.0}, {}, {})
    assert strongest_first(level) == ["customer_anger", "overlap", "silence"]


def kinds(*causes, settings=AT_ONCE):
    """What an alert says, second by second, of causes at a level that stays the same."""
    alerts = Alerts(settings)
    steps = [
        (second, alerts.step(float(second), at(0.7, **now))) for second, now in enumerate(causes, start=1)
    ]
    return [(second, change.what, change.kind) for second, change in steps if change]


ANGRY, ROUGH = {"customer_anger": 2.0, "overlap": 1.0}, {"customer_anger": 1.0, "overlap": 1.5}


def test_an_alert_is_named_after_the_cause_that_leads():
    assert kinds(ANGRY) == [(1, "raised", "customer_anger")]
    assert kinds(ROUGH) == [(1, "raised", "overlap")]


def test_an_alert_is_updated_once_another_cause_has_led_for_a_while():
    assert kinds(*[ANGRY] * 3, *[ROUGH] * 3, ANGRY, *[ROUGH] * 3) == [(1, "raised", "customer_anger")]
    assert kinds(ANGRY, *[ROUGH] * 9) == [(1, "raised", "customer_anger"), (5, "updated", "overlap")]


def test_two_who_are_about_as_angry_escalate_together():
    both = {"customer_anger": 2.0, "agent_anger": 1.0, "mutual_escalation": 0.3}
    assert leading(at(0.7, **both)) == "mutual_escalation"
    assert leading(at(0.7, **(both | {"agent_anger": 0.9}))) == "customer_anger"
    assert leading(at(0.7, **(both | {"overlap": 2.5}))) == "overlap"


def test_a_level_that_is_high_by_its_bias_alone_has_no_kind():
    alerts = Alerts(AT_ONCE)
    assert alerts.step(1.0, Level(0.7, 1.0, {}, {}, {})).kind is None


@given(st.lists(st.floats(0.0, 1.0), max_size=80), st.sampled_from([PLAIN, AT_ONCE]))
@examples(100)
def test_while_calm_a_level_under_the_threshold_may_be_left_out(levels, settings):
    alerts, told = Alerts(settings), []
    for second, level in enumerate(levels, start=1):
        if not (alerts.calm and level < settings.raise_at):
            change = alerts.step(float(second), at(level))
            told += [(second, change.what, change.severity)] if change else []
    assert told == changes(levels, settings)
