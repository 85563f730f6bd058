"""Alerts on words, clock, counters and notices: at once, one of a kind at a time, over when it is over."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings, Settings, load_cues
from sentiment_engine.contact import read_contact, rules_of
from sentiment_engine.cues import Cues
from sentiment_engine.flagged import Flagged
from sentiment_engine.settings_alerts import ContactSettings, WordsSettings
from sentiment_engine.words import Hit

CUES = load_cues()
PLAIN = WordsSettings(
    hold_s=30.0,
    again_s=5.0,
    notice_weight=0.0,
    warning_weight=0.5,
    critical_weight=1.0,
    half_life_s=30.0,
    limit=1.5,
)


def flagged(settings=PLAIN, cues=CUES, own=None, **context):
    rules = rules_of(Settings(contact=ContactSettings(**(own or {}))))
    return Flagged(settings, 60.0, read_contact(rules, context, None), cues)


def hits(*names, party=None, negated=False):
    categories = [CUES.categories[name] for name in names]
    return [Hit(one, party or one.speaker, negated) for one in categories]


def say(alerts, at_s, *names, **more):
    some = hits(*names, **more)
    return told(alerts.said(at_s, some[0].party, some))


def told(flags):
    return [(flag.what, flag.kind, flag.severity, flag.flags) for flag in flags]


def test_a_prohibited_cue_of_the_agent_raises_at_once():
    assert say(flagged(), 3.2, "threat_of_harm") == [("raised", "words", "critical", ("threat_of_harm",))]


@pytest.mark.parametrize(
    ("name", "kind", "severity"),
    [
        ("undue_pressure", "words", "warning"),
        ("customer_self_harm", "vulnerability", "critical"),
        ("customer_hardship", "vulnerability", "warning"),
        ("customer_threat", "customer_words", "warning"),
        ("stop_contact_request", "customer_words", "warning"),
        ("dispute", "customer_words", "notice"),
        ("third_party", "customer_words", "notice"),
    ],
)
def test_each_category_has_its_kind_and_severity(name, kind, severity):
    assert say(flagged(), 1.0, name) == [("raised", kind, severity, (name,))]


def test_what_the_agent_denies_raises_nothing_and_what_the_customer_denies_is_still_looked_at():
    assert say(flagged(), 1.0, "threat_of_harm", negated=True) == []
    assert say(flagged(), 1.0, "customer_self_harm", negated=True)[0][:2] == ("raised", "vulnerability")


def test_an_open_alert_is_updated_by_what_is_worse_or_new_at_once_and_by_the_same_after_a_while():
    alerts = flagged()
    say(alerts, 1.0, "undue_pressure")
    assert say(alerts, 2.0, "undue_pressure") == []
    assert say(alerts, 2.5, "threat_of_harm") == [
        ("updated", "words", "critical", ("undue_pressure", "threat_of_harm"))
    ]
    assert say(alerts, 7.4, "undue_pressure") == []
    assert say(alerts, 7.5, "undue_pressure") == [
        ("updated", "words", "critical", ("undue_pressure", "threat_of_harm"))
    ]


def test_an_alert_is_cleared_when_nothing_of_its_kind_came_for_the_hold():
    alerts = flagged()
    say(alerts, 1.0, "undue_pressure")
    say(alerts, 9.5, "undue_pressure")
    cleared = [(at_s, told(alerts.tick(float(at_s), missing=False))) for at_s in range(10, 60)]
    assert [(at_s, flags) for at_s, flags in cleared if flags] == [
        (40, [("cleared", "words", "warning", ("undue_pressure",))])
    ]
    assert say(alerts, 60.0, "false_promise") == [("raised", "words", "warning", ("false_promise",))]


def test_kinds_do_not_share_an_alert_and_the_end_clears_them_all():
    alerts = flagged()
    raised = told(alerts.said(1.0, "mixed", hits("threat_of_harm", "customer_self_harm", party="mixed")))
    assert [flag[:2] for flag in raised] == [("raised", "words"), ("raised", "vulnerability")]
    ended = alerts.end()
    assert [(flag.what, flag.kind, flag.party, flag.ended) for flag in ended] == [
        ("cleared", "vulnerability", "mixed", True),
        ("cleared", "words", "mixed", True),
    ]
    assert alerts.end() == []


def test_vulnerability_is_remembered_for_the_call_and_other_words_while_their_alert_is_open():
    alerts = flagged()
    say(alerts, 1.0, "customer_hardship")
    say(alerts, 1.0, "customer_abuse")
    assert alerts.active == {"customer_hardship", "customer_abuse"}
    alerts.tick(31.0, missing=False)
    assert alerts.active == alerts.vulnerable == {"customer_hardship"}


def test_words_heat_a_call_by_their_severity_and_fade():
    alerts = flagged()
    say(alerts, 0.5, "dispute")
    assert (alerts.heat, alerts.heated_by) == (0.0, None)
    say(alerts, 0.5, "threat_of_harm")
    assert (alerts.heat, alerts.heated_by) == (1.0, "agent")
    for second in range(30):
        alerts.tick(float(second), missing=False)
    assert alerts.heat == pytest.approx(0.5)
    alerts.tick(31.0, missing=True)
    assert alerts.heat == pytest.approx(0.5)
    for _ in range(9):
        say(alerts, 31.0, "customer_abuse")
    assert (alerts.heat, alerts.heated_by) == (1.5, "customer")


def test_distress_is_not_heat():
    alerts = flagged()
    say(alerts, 1.0, "customer_self_harm")
    assert alerts.heat == 0.0


def test_quiet_hours_raise_at_once_or_when_the_call_runs_into_them():
    night = flagged(local_time="2026-11-24T23:00:00+08:00")
    assert told(night.begin()) == [("raised", "outside_hours", "warning", ("quiet_hours",))]
    assert night.tick(1.0, missing=False) == []
    evening = flagged(local_time="2026-11-24T21:59:58+08:00")
    assert evening.begin() == []
    assert [len(evening.tick(float(second), missing=False)) for second in (1, 2, 3)] == [0, 1, 0]
    morning = flagged(local_time="2026-11-24T07:59:58+08:00")
    assert told(morning.begin())[0][:2] == ("raised", "outside_hours")
    assert told(morning.tick(2.0, missing=False)) == [
        ("cleared", "outside_hours", "warning", ("quiet_hours",))
    ]


def test_a_call_over_a_cap_says_which_until_its_end():
    alerts = flagged(attempts_today=9, conversations_today=9)
    over = ("attempts_per_day", "conversations_per_day")
    assert told(alerts.begin()) == [("raised", "contact_limit", "warning", over)]
    assert alerts.tick(100.0, missing=False) == []
    assert told(alerts.end()) == [("cleared", "contact_limit", "warning", over)]


def speak(alerts, seconds, party="agent"):
    alerts.spoke(party, seconds)
    return told(alerts.tick(100.0, missing=False))


def test_required_notices_not_heard_in_time_are_missed_until_they_are_heard():
    alerts = flagged()
    alerts.said(1.0, "agent", [])
    assert speak(alerts, 59.9) == []
    assert speak(alerts, 500.0, "customer") == []
    missing = ("notice_identity", "notice_recording")
    assert speak(alerts, 0.1) == [("raised", "missing_notice", "notice", missing)]
    assert speak(alerts, 10.0) == []
    assert say(alerts, 101.0, "notice_recording", negated=True) == []
    assert say(alerts, 101.0, "notice_recording") == []
    assert say(alerts, 102.0, "notice_identity") == [("cleared", "missing_notice", "notice", missing)]
    assert say(alerts, 103.0, "notice_identity") == []


def test_notices_heard_in_time_or_given_before_the_call_are_not_missed():
    alerts = flagged(notices_given=["notice_recording"])
    assert say(alerts, 1.0, "notice_identity") == []
    assert speak(alerts, 90.0) == []


@pytest.mark.parametrize("came", [None, "customer", "late"])
def test_without_the_agents_words_from_the_beginning_no_notice_is_missed(came):
    alerts = flagged()
    if came == "customer":
        alerts.said(1.0, "customer", [])
    assert speak(alerts, 90.0) == []
    if came == "late":
        alerts.said(101.0, "agent", [])
    assert speak(alerts, 90.0) == []


def test_a_required_notice_without_cues_is_refused_by_name_unless_nothing_is_listened_for():
    own = {"required_notices": ("notice_moon",)}
    with pytest.raises(BadSettings, match=r"'notice_moon', and the notices with cues are notice_identity"):
        flagged(own=own)
    with pytest.raises(BadSettings, match=r"cues are none"):
        flagged(own=own, cues=Cues([CUES.categories["dispute"]]))
    assert flagged(own=own, cues=Cues(())).begin() == []


def test_names_are_those_of_the_language():
    alerts = flagged(attempts_today=9)
    (raised,) = alerts.said(1.0, "agent", hits("threat_of_harm"))
    assert alerts.names(raised, "zh-CN") == ["威胁伤害"]
    assert alerts.names(raised, "en") == ["threat of harm"]
    assert alerts.names(alerts.begin()[0], "en") == ["attempts_per_day"]


steps = st.lists(
    st.none() | st.sampled_from(sorted(set(CUES.categories) - {"notice_analysis"})), max_size=150
)


@given(seconds=steps)
@examples(100)
def test_each_kind_is_raised_then_cleared_in_turn_and_never_twice_within_the_hold(seconds):
    alerts = flagged()
    said = []
    for second, name in enumerate(seconds):
        if name:
            some = hits(name)
            said += [(float(second), flag) for flag in alerts.said(float(second), some[0].party, some)]
        said += [(float(second), flag) for flag in alerts.tick(float(second), missing=False)]
        assert 0.0 <= alerts.heat <= PLAIN.limit
    said += [(float(len(seconds)), flag) for flag in alerts.end()]
    for kind in {flag.kind for _, flag in said}:
        mine = [(at_s, flag) for at_s, flag in said if flag.kind == kind]
        whats = [flag.what for _, flag in mine if flag.what != "updated"]
        assert whats == ["raised", "cleared"] * (len(whats) // 2)
        assert mine[0][1].what == "raised"
        raises = [at_s for at_s, flag in mine if flag.what == "raised"]
        assert all(later - earlier >= PLAIN.hold_s for earlier, later in pairwise(raises))
        assert all(flag.since_s <= at_s for at_s, flag in mine)
