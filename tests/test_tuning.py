"""Thresholds, marks and what-if, on tracks made by hand and on calls of the stand-in model."""

import math
import sys
import tomllib
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_calls import read_back, told, with_
from voices import SETTINGS, examples, lines, only

from sentiment_engine import BadMessage, BadSettings, Settings, load_settings
from sentiment_engine.events import AlertRaised, AlertUpdated, EmotionScored, TensionUpdated
from sentiment_engine.replay import replay
from sentiment_engine.settings_alerts import AlertSettings
from sentiment_engine.tension import Level
from sentiment_engine.tuning import picture, scored
from sentiment_engine.tuning.marks import Mark, Marks, calm, check_within, load_marks
from sentiment_engine.tuning.settings_file import check_target, load_rules, with_thresholds, write
from sentiment_engine.tuning.thresholds import Tally, moved, propose, rules_to_try
from sentiment_engine.tuning.tracks import Spell, Track, follow, spells
from sentiment_engine.tuning.whatif import Totals, compare

LOUD = ("calm", "answer", "shout", "both", "silence", "silence", "calm", "shout", "silence", "silence")
QUIET = ("calm", "answer", "calm", "answer", "silence", "calm", "answer")


@cache
def heard(*steps):
    return tuple(read_back(told(steps)))


def track(levels, call_id="c"):
    """A call whose level is given second by second, all of it the customer's anger."""
    ticks = [
        (float(second), Level(level, -3.0, {"customer_anger": 1.0}, {}, {}))
        for second, level in enumerate(levels, 1)
    ]
    return Track(call_id, float(len(levels)), ticks, (), True)


AT_ONCE = AlertSettings(
    raise_at=0.6,
    clear_at=0.4,
    warning_at=0.75,
    critical_at=0.9,
    min_duration_s=0.0,
    clear_after_s=2.0,
    cooldown_s=2.0,
)
LEVELS = st.lists(st.floats(0.01, 0.99).map(lambda level: round(level, 6)), min_size=1, max_size=60)


# thresholds


@given(
    at=st.lists(st.floats(0.001, 0.999), min_size=4, max_size=4, unique=True).map(sorted),
    raise_at=st.integers(1, 99).map(lambda n: round(0.01 * n, 2)),
)
@examples(200)
def test_moved_thresholds_are_valid_and_keep_their_distance_on_the_logit_scale(at, raise_at):
    clear_at, was, warning_at, critical_at = at
    rules = AlertSettings(raise_at=was, clear_at=clear_at, warning_at=warning_at, critical_at=critical_at)
    now = moved(rules, raise_at)
    assert now.raise_at == raise_at
    logit = lambda p: math.log(p / (1 - p))  # noqa: E731
    for name in ("clear_at", "warning_at", "critical_at"):
        expected = logit(getattr(rules, name)) + logit(raise_at) - logit(was)
        expected = 1 / (1 + math.exp(-expected))
        assert getattr(now, name) == pytest.approx(min(max(expected, 0.0001), 0.9999), abs=1.6e-4)
    assert msgspec.structs.replace(
        now, raise_at=was, clear_at=0.0005, warning_at=1 - 1e-6, critical_at=1 - 1e-7
    )


def test_the_rules_in_force_are_tried_as_they_are_and_none_whose_alerts_would_never_clear():
    odd = with_(SETTINGS, alerts={"raise_at": 0.6123, "clear_at": 0.41234567})
    rules = rules_to_try(odd)
    assert odd.alerts in rules
    assert [rule.raise_at for rule in rules] == sorted(rule.raise_at for rule in rules)
    assert rules[-1].raise_at == 0.99
    calm_level = 1 / (1 + math.exp(-odd.tension.bias - 0.5))
    assert min(rule.clear_at for rule in rules) > calm_level
    higher = with_(odd, tension={"bias": -0.1})
    assert higher.alerts in rules_to_try(higher)
    assert len(rules_to_try(higher)) < len(rules)


@given(levels=LEVELS, raise_at=st.sampled_from([0.1, 0.5, 0.6, 0.9]))
@examples(50)
def test_alarms_without_marks_are_the_alerts_that_the_engine_raises(levels, raise_at):
    tally = Tally(moved(AT_ONCE, raise_at))
    tally.add(track(levels), None)
    assert tally.alarms == len(track(levels).raised(tally.rules))
    assert tally.seconds == len(levels)
    assert (tally.alarms > 0) == (max(levels) >= raise_at)


@pytest.mark.parametrize("steps", [LOUD, QUIET, (*QUIET, 3.0, *LOUD)])
@pytest.mark.parametrize("raise_at", [0.2, 0.5, 0.6, 0.8, 0.95])
def test_a_threshold_on_a_track_raises_what_a_replay_under_it_raises(steps, raise_at):
    rules = moved(SETTINGS.alerts, raise_at)
    again = replay(heard(*steps), with_(SETTINGS, alerts=rules))
    raised = [(one.at_s, one.kind) for one in follow(heard(*steps), SETTINGS).raised(rules)]
    assert raised == [(one.at_s, one.kind) for one in only(AlertRaised, again) if not one.flags]


@given(calls=st.lists(LEVELS, min_size=1, max_size=5), budget=st.sampled_from([1.0, 30.0, 100.0, 1000.0]))
@examples(50)
def test_a_proposed_threshold_keeps_to_the_budget_and_so_does_every_higher_one(calls, budget):
    tallies = [Tally(rules) for rules in rules_to_try(SETTINGS)]
    for levels in calls:
        for tally in tallies:
            tally.add(track(levels), None)
    try:
        chosen = propose(tallies, budget, marked=False).chosen
    except BadMessage:
        assert tallies[-1].per_hour > budget
        return
    hours = sum(map(len, calls)) / 3600
    at = tallies.index(chosen)
    for tally in tallies[at:]:
        assert sum(len(track(levels).raised(tally.rules)) for levels in calls) <= budget * hours
    if at:
        assert tallies[at - 1].per_hour > budget


def counted(levels, marks, raise_at=0.6):
    tally = Tally(moved(AT_ONCE, raise_at))
    tally.add(track(levels), marks)
    return tally


def at(*seconds, of=100):
    """Levels with a peak in these seconds."""
    return [0.8 if second in seconds else 0.1 for second in range(1, of + 1)]


@pytest.mark.parametrize(
    ("second", "caught", "false"),
    [(28, 0, 1), (29, 1, 0), (30, 1, 0), (40, 1, 0), (41, 0, 0), (59, 0, 0), (60, 0, 1), (100, 0, 1)],
)
def test_an_alert_is_right_near_its_mark_late_after_it_and_false_elsewhere(second, caught, false):
    tally = counted(at(second), [Mark(30.0, 40.0)])
    assert (tally.caught, tally.alarms, tally.escalations) == (caught, false, 1)
    assert tally.seconds == 29.0 + 40.0


def test_a_second_alert_in_a_mark_is_a_repeat_and_delays_count_from_the_marks_start():
    tally = counted(at(31, 38, of=200), [Mark(29.5, 40.0), Mark(150.0, 160.0)])
    assert (tally.caught, tally.repeats, tally.alarms, tally.recall) == (1, 1, 0, 0.5)
    report = tally.report()
    assert (report["delay_p50_s"], report["delay_p95_s"]) == (1.5, 1.5)
    assert report["recall_interval"][0] < 0.5 < report["recall_interval"][1]


def test_the_cause_counts_where_a_mark_names_one():
    marks = [Mark(10.0, 20.0, "customer_anger"), Mark(50.0, 60.0, "silence"), Mark(90.0, 95.0)]
    report = counted(at(12, 52, 92), marks).report()
    assert (report["caught"], report["cause_told"], report["cause_right"]) == (3, 2, 1)
    assert "cause_told" not in counted(at(92), marks[2:]).report()


def test_with_marks_the_threshold_of_the_highest_recall_within_the_budget_is_proposed():
    levels = [0.1] * 4000
    levels[99], levels[1999], levels[2999] = 0.55, 0.7, 0.45
    marks = [Mark(99.0, 110.0), Mark(1999.0, 2010.0)]
    tallies = [Tally(rules) for rules in rules_to_try(with_(SETTINGS, alerts=AT_ONCE))]
    for tally in tallies:
        tally.add(track(levels), marks)
    strict, generous = (propose(tallies, budget, marked=True) for budget in (0.5, 2.0))
    assert (strict.chosen.recall, strict.chosen.alarms, strict.chosen.rules.raise_at) == (1.0, 0, 0.55)
    assert generous.chosen.rules.raise_at == 0.55
    assert any("do not show 0.5 an hour" in note for note in strict.notes)


def test_of_two_thresholds_alike_in_recall_and_alarms_the_quicker_is_proposed():
    levels = [0.1] * 1000 + [0.5] * 5 + [0.7] * 5 + [0.1] * 990
    tallies = [counted(levels, [Mark(1000.0, 1010.0)], raise_at) for raise_at in (0.45, 0.5, 0.55, 0.6)]
    assert propose(tallies, 1.0, marked=True).chosen.rules.raise_at == 0.5


def test_zero_alarms_in_half_an_hour_do_not_show_a_fifth_of_an_alarm_an_hour():
    tally = counted([0.1] * 1800, None)
    (note,) = [note for note in propose([tally], 0.2, marked=False).notes if "do not show" in note]
    assert "0 alarms in 0.50 call-hours" in note
    assert "up to 7.38 fit" in note
    assert "it takes 18.4 call-hours without any alarm" in note
    assert not any("do not show" in note for note in propose([tally], 8.0, marked=False).notes)


def test_what_cannot_be_proposed_is_said():
    with pytest.raises(BadMessage, match="no call-hours"):
        propose([Tally(AT_ONCE)], 1.0, marked=False)
    with pytest.raises(BadMessage, match="none of the marks is in the calls"):
        propose([counted([0.1], ())], 1.0, marked=True)
    with pytest.raises(BadMessage, match=r"no threshold keeps to 1 alarms an hour: raise_at 0.6 has 36"):
        propose([counted(at(30), None)], 1.0, marked=False)


# tracks


def test_a_track_knows_whether_it_is_the_call_as_it_was_scored():
    assert follow(heard(*LOUD), SETTINGS).as_stored
    assert not follow(heard(*LOUD), with_(SETTINGS, tension={"bias": -2.9})).as_stored
    assert not follow(heard(*LOUD), with_(SETTINGS, alerts={"clear_after_s": 1.0})).as_stored


def test_a_spell_keeps_the_worst_severity_and_leaves_alerts_on_words_out():
    events = read_back(told([0, "calm", *LOUD]))
    (*_,) = found = spells(events)
    assert len(found) == len([one for one in only(AlertRaised, events) if not one.flags]) > 0
    grown = {one.alert_id: one.severity for one in only((AlertRaised, AlertUpdated), events) if not one.flags}
    assert [one.severity for one in found] == list(grown.values())
    assert all(one.at_s < one.until_s for one in found)


# what-if


def spell(at_s, until_s, kind="customer_anger", severity="notice"):
    return Spell(float(at_s), float(until_s), kind, severity)


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ([], [], []),
        ([spell(1, 5)], [spell(1, 9)], [()]),
        ([spell(1, 5)], [], [("lost",)]),
        ([], [spell(1, 5)], [("gained",)]),
        ([spell(3, 9)], [spell(1, 5)], [("earlier",)]),
        ([spell(1, 9)], [spell(3, 5, severity="warning")], [("later", "severity")]),
        ([spell(1, 9)], [spell(1, 9, kind="overlap")], [("kind",)]),
        ([spell(1, 2)], [spell(3, 4)], [("lost",), ("gained",)]),
        ([spell(1, 20)], [spell(1, 5), spell(10, 15)], [(), ("gained",)]),
        ([spell(1, 5), spell(10, 15)], [spell(1, 20)], [(), ("lost",)]),
    ],
)
def test_alerts_open_at_the_same_time_are_one_alert(before, after, names):
    assert [one.names for one in compare(before, after)] == names


SPELLS = st.lists(st.integers(0, 50), max_size=8, unique=True).map(
    lambda times: [spell(*pair) for pair in zip(sorted(times)[::2], sorted(times)[1::2], strict=False)]
)


@given(before=SPELLS, after=SPELLS)
@examples(100)
def test_every_alert_is_told_of_once(before, after):
    pairs = compare(before, after)
    key = lambda one: one.at_s  # noqa: E731
    assert sorted((one.before for one in pairs if one.before), key=key) == before
    assert sorted((one.after for one in pairs if one.after), key=key) == after
    assert all(one.names == () for one in compare(before, before))


def test_totals_of_two_rules_add_up():
    loose = with_(SETTINGS, alerts={"min_duration_s": 0.0})
    totals = Totals()
    tracks = [(follow(heard(*steps), SETTINGS), follow(heard(*steps), loose)) for steps in (LOUD, QUIET)]
    changed = [one for pair in tracks for one in totals.add(*pair)]
    report = totals.report()
    assert report["calls"] == 2
    assert report["alerts_after"] - report["alerts_before"] == report["gained"] - report["lost"]
    assert report["earlier"] == sum("earlier" in one.names for one in changed) > 0
    assert all(one.report()["later_s"] < 0 for one in changed if one.names == ("earlier",))
    lost = compare(tracks[0][0].spells, ())[0].report()
    assert (lost["changes"], lost["later_s"], lost["after"]) == (["lost"], None, None)


# marks


def marks_in(tmp_path, text, **how):
    path = tmp_path / "marks.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_marks(path, **how)


def test_marks_are_read_by_name_in_any_order_with_calm_calls_and_causes(tmp_path):
    text = "\ufeffend_s,call_id,start_s,cause\r\n20,a,12.5,overlap\r\n\r\n9,a,1,\r\n,b,,\r\n"
    marks = marks_in(tmp_path, text)
    assert marks.of("a") == [Mark(1.0, 9.0, "", 4), Mark(12.5, 20.0, "overlap", 2)]
    assert marks.of("b") == []
    assert marks.of("c") is None
    assert marks_in(tmp_path, text, complete=True).of("c") == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "line 1: must name the columns call_id,start_s,end_s"),
        ("a,1,2\n", "line 1: must name"),
        ("call_id;start_s;end_s\n", "line 1: must name"),
        ("call_id,start_s,end_s,causes\n", "line 1: must name"),
        ("call_id,start_s,end_s,end_s\n", "line 1: must name"),
        ("call_id,start_s,end_s\na,1\n", "line 2: has 2 fields"),
        ("call_id,start_s,end_s\na,1,2,3\n", "line 2: has 4 fields"),
        ("call_id,start_s,end_s\n ,1,2\n", "line 2: call_id is empty"),
        ("call_id,start_s,end_s\na,1,\n", "line 2: end_s is ''"),
        ("call_id,start_s,end_s\na,,1\n", "line 2: start_s is ''"),
        ("call_id,start_s,end_s\na,nan,2\n", "start_s is 'nan'"),
        ("call_id,start_s,end_s\na,1,inf\n", "end_s is 'inf'"),
        ("call_id,start_s,end_s\na,-1,2\n", "start_s is '-1'"),
        ("call_id,start_s,end_s\na,1_0,20\n", "start_s is '1_0'"),
        ("call_id,start_s,end_s\na,١,٢\n", "start_s is"),
        ("call_id,start_s,end_s\na,0:12,0:20\n", "write seconds such as 12.5"),
        ("call_id,start_s,end_s\na,2,2\n", "line 2: from 2 to 2 s"),
        ("call_id,start_s,end_s\na,1,999999999\n", "must end after it starts"),
        ("call_id,start_s,end_s\na,1,5\na,4,8\n", "line 3: overlaps line 2"),
        ("call_id,start_s,end_s\na,1,5\na,,\n", "line 3: says call 'a' was calm, and line 2"),
        ("call_id,start_s,end_s,cause\na,1,5,rage\n", "cause 'rage' is unknown: one of customer_anger"),
        ('call_id,start_s,end_s\n"a,1,5\n', "is no CSV"),
        ("call_id,start_s,end_s\na\0,1,5,\n", "line 2: "),
        ("call_id,start_s,end_s\n" + "a" * 200_000 + ",1,2\n", "is no CSV: field larger"),
        (b"call_id,start_s,end_s\n\xff,1,2\n", "is not UTF-8"),
    ],
)
def test_what_is_no_mark_is_refused_by_line(tmp_path, text, named):
    with pytest.raises(BadSettings, match=r"marks\.csv: ") as refused:
        marks_in(tmp_path, text)
    assert named in str(refused.value)


@given(text=st.text(max_size=200) | st.text('call_id,start_s,end_s\n"0123456789. a', max_size=200))
@examples(100)
def test_no_text_breaks_the_reading_of_marks(text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("marks")
    try:
        marks = marks_in(folder, "call_id,start_s,end_s\n" + text.encode("utf-8", "replace").decode())
    except BadSettings:
        return
    for of_call in marks.by_call.values():
        assert all(mark.start_s < mark.end_s for mark in of_call)


@given(SPELLS, st.integers(0, 80))
@examples(50)
def test_calm_spans_lie_in_the_call_and_outside_the_marks(spans, duration_s):
    found = calm([Mark(one.at_s, one.until_s) for one in spans], float(duration_s))
    for start_s, end_s in found:
        assert 0.0 <= start_s < end_s
        assert all(end_s < one.at_s or one.until_s < start_s for one in spans)
    if not spans and duration_s:
        assert found == [(0.0, float(duration_s))]


def test_a_mark_beyond_the_end_of_its_call_is_refused():
    check_within([Mark(1.0, 10.9)], 10.0)
    with pytest.raises(BadMessage, match=r"is 10 s long, and the mark in line 7 ends at 12 s"):
        check_within([Mark(1.0, 12.0, "", 7)], 10.0)


def test_marks_of_unknown_calls_are_no_calm():
    assert Marks({"a": ()}).of("b") is None


# settings files


def test_rules_are_laid_over_the_settings_in_force(tmp_path):
    (tmp_path / "rules.toml").write_text("[alerts]\nraise_at = 0.7\n")
    base = with_(Settings(), profile="gb", alerts={"cooldown_s": 5.0})
    assert load_rules(tmp_path / "rules.toml", base) == with_(base, alerts={"raise_at": 0.7})
    (tmp_path / "rules.toml").write_text("")
    assert load_rules(tmp_path / "rules.toml", SETTINGS) == SETTINGS


@pytest.mark.parametrize(
    "text",
    [
        b"alerts = 3",
        b"[alert]\nraise_at = 0.5",
        b"[alerts]\nraise = 0.5",
        b"[alerts]\nraise_at = 'high'",
        b"[alerts]\nraise_at = nan",
        b"[alerts]\nraise_at = 1.5",
        b"[[alerts]]\nraise_at = 0.5",
        b"[alerts]\nraise_at = " + b"9" * 5000,
        b"a = " + b"[" * 5000,
        b"not toml",
        b"\xff",
        b"profile = 'fr'",
    ],
)
def test_rules_that_are_none_are_refused_by_name(tmp_path, text):
    (tmp_path / "rules.toml").write_bytes(text)
    with pytest.raises(BadSettings, match=r"rules\.toml: "):
        load_rules(tmp_path / "rules.toml", Settings())


def test_written_thresholds_change_nothing_else(tmp_path):
    config = tmp_path / "engine.toml"
    config.write_text('profile = "gb"  # ours\n[alerts]\ncooldown_s = 5.0 # short\nraise_at = 0.5\n')
    base = load_settings(config)
    rules = moved(base.alerts, 0.71)
    target = tmp_path / "new.toml"
    write(target, with_thresholds(config, rules))
    assert load_settings(target) == with_(base, alerts=rules)
    assert "# ours" in target.read_text()
    assert "# short" in target.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["engine.toml", "new.toml"]


def test_without_a_settings_file_nothing_but_the_thresholds_is_written():
    rules = moved(Settings().alerts, 0.33)
    told = tomllib.loads(with_thresholds(None, rules))
    assert set(told) == {"alerts"}
    assert set(told["alerts"]) == {"raise_at", "clear_at", "warning_at", "critical_at"}
    assert Settings.from_mapping(told) == with_(Settings(), alerts=rules)


def test_a_file_is_not_replaced_unless_asked_to_and_never_half_written(tmp_path):
    (tmp_path / "there.toml").touch()
    with pytest.raises(BadSettings, match="exists already"):
        check_target(tmp_path / "there.toml", force=False)
    check_target(tmp_path / "there.toml", force=True)
    with pytest.raises(BadSettings, match="no file in a folder"):
        check_target(tmp_path, force=True)
    with pytest.raises(BadSettings, match="no file in a folder"):
        check_target(tmp_path / "absent" / "new.toml", force=False)
    with pytest.raises(BadSettings, match="cannot be written"):
        write(tmp_path / "absent" / "new.toml", "")


# files of events


def file(tmp_path, name, *calls):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for call in calls for line in lines(call)))
    return path


def test_files_come_once_sorted_and_hidden_ones_are_left_alone(tmp_path):
    for name in ("b.jsonl", "a.jsonl", "x/c.jsonl", ".hidden.jsonl", ".x/d.jsonl", "e.json"):
        file(tmp_path, name)
    (tmp_path / "empty").mkdir()
    found, problems = scored.find([str(tmp_path / "b.jsonl"), str(tmp_path), "absent.jsonl"])
    assert [path.name for path in found] == ["b.jsonl", "a.jsonl", "c.jsonl", "absent.jsonl"]
    assert problems == []
    assert "no .jsonl file" in scored.find([str(tmp_path / "empty")])[1][0]


def test_one_file_may_hold_many_calls(tmp_path):
    path = file(tmp_path, "all.jsonl", heard(*QUIET), heard(*LOUD))
    calls = [list(call) for call in scored.by_call(scored.read(path))]
    assert calls == [list(heard(*QUIET)), list(heard(*LOUD))]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "is empty"),
        (b"\n", "line 1: not an event"),
        (b"{}\n", "line 1: not an event"),
        (b"[" * 9000, "line 1: not an event"),
        (b"\xff\xfe", "line 1: not an event"),
        (b"x" * (1 << 21), "line 1: is longer than any event"),
        (b'{"type":"tension.updated","call_id":"c","at_s":1.0,"seq":2,"level":0.1,"causes":{}}', "score the"),
    ],
)
def test_a_broken_file_is_refused_by_line(tmp_path, data, named):
    (tmp_path / "x.jsonl").write_bytes(data)
    with pytest.raises(BadMessage, match=named):
        list(scored.read(tmp_path / "x.jsonl"))


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(BadMessage, match="cannot be read: No such file"):
        list(scored.read(tmp_path / "absent.jsonl"))
    with pytest.raises(BadMessage, match="is not a regular file"):
        list(scored.read(tmp_path))


# the picture


@pytest.mark.parametrize("marks", [None, [Mark(12.0, 30.0)]])
@pytest.mark.parametrize(("name", "magic"), [("c.svg", b"<?xml"), ("c.PNG", b"\x89PNG")])
def test_the_curve_is_drawn(tmp_path, name, magic, marks):
    pytest.importorskip("matplotlib", reason='pip install "sentiment-engine[plots]"')
    tallies = [Tally(rules) for rules in rules_to_try(SETTINGS)]
    for tally in tallies:
        tally.add(follow(heard(*LOUD), SETTINGS), marks)
    picture.check_picture(tmp_path / name)
    picture.draw(tmp_path / name, [tally.report() for tally in tallies], 0.6, 0.5)
    drawn = (tmp_path / name).read_bytes()
    assert drawn.startswith(magic)
    picture.draw(tmp_path / name, [tally.report() for tally in tallies], None, 0.5)
    assert (tmp_path / name).read_bytes() != drawn
    with pytest.raises(BadSettings, match="cannot be written"):
        picture.draw(tmp_path / "absent" / name, [tally.report() for tally in tallies], None, 0.5)


def test_a_picture_that_cannot_be_made_is_refused_before_the_work(tmp_path, monkeypatch):
    with pytest.raises(BadSettings, match=r"must end in \.png or \.svg"):
        picture.check_picture(tmp_path / "curve.pdf")
    with pytest.raises(BadSettings, match="no file in a folder that exists"):
        picture.check_picture(tmp_path / "absent" / "curve.svg")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    with pytest.raises(BadSettings, match=r'pip install "sentiment-engine\[plots\]"'):
        picture.check_picture(tmp_path / "curve.svg")


def test_levels_in_a_track_are_those_of_the_replay():
    steps = follow(heard(*LOUD), SETTINGS).steps
    events = only((EmotionScored, TensionUpdated), heard(*LOUD))
    assert [at_s for at_s, _ in steps] == [event.at_s for event in events]
    assert all(
        isinstance(event, EmotionScored) or event.level == level.level
        for event, (_, level) in zip(events, steps, strict=True)
    )
