"""Clock and counters: judged by the profile's rules and the operator's own, never guessed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadAudio, BadSettings, Settings
from sentiment_engine.contact import DAY_S, PROFILES, hours, read_contact, rules_of
from sentiment_engine.settings_alerts import ContactSettings


def contact(profile="cn", started_at=None, own=None, **context):
    settings = Settings(profile=profile, contact=ContactSettings(**(own or {})))
    return read_contact(rules_of(settings), context, started_at)


@pytest.mark.parametrize(
    ("profile", "clock", "quiet"),
    [
        ("cn", "21:59:59", False),
        ("cn", "22:00:00", True),
        ("cn", "00:00:00", True),
        ("cn", "07:59:59", True),
        ("cn", "08:00:00", False),
        ("us", "20:59:59", False),
        ("us", "21:00:00", True),
        ("gb", "21:00:00", True),
        ("eu", "03:00:00", False),
    ],
)
def test_each_profile_has_its_hours(profile, clock, quiet):
    assert contact(profile, local_time=f"2026-11-24T{clock}+08:00").quiet(0.0) is quiet


def test_a_call_may_run_into_quiet_hours_and_out_of_them():
    late = contact(local_time="2026-11-24T21:59:30.250+08:00")
    assert [late.quiet(at_s) for at_s in (0.0, 29.9, 30.0, 30.0 + 10 * 3600)] == [False, False, True, False]


@pytest.mark.parametrize(
    ("started_at", "offset", "quiet"),
    [
        ("2026-11-24T14:30:00Z", "+08:00", True),
        ("2026-11-24T14:30:00.123Z", "-05:00", False),
        ("2026-11-24T22:30:00+08:00", "+08:00", True),
        ("2026-11-24T22:30:00+08:00", "+00:00", False),
        ("2026-11-24T23:30:00-08:00", "+05:30", False),
    ],
)
def test_an_offset_and_the_calls_start_make_the_clock(started_at, offset, quiet):
    assert contact(started_at=started_at, utc_offset=offset).quiet(0.0) is quiet


def test_without_a_clock_with_consent_or_called_by_the_customer_no_hour_is_quiet():
    night = {"local_time": "2026-11-24T23:00:00+08:00"}
    assert contact(**night).quiet(0.0)
    assert not contact().quiet(0.0)
    assert not contact(started_at="2026-11-24T23:00:00+08:00").quiet(0.0)
    assert not contact(**night, consented_hours=True).quiet(0.0)
    assert not contact(**night, direction="inbound").quiet(0.0)


@pytest.mark.parametrize(
    ("profile", "context", "over"),
    [
        ("cn", {"attempts_today": 6, "conversations_today": 3}, ()),
        ("cn", {"attempts_today": 7}, ("attempts_per_day",)),
        (
            "cn",
            {"attempts_today": 7, "conversations_today": 4, "calls_7d": 99},
            ("attempts_per_day", "conversations_per_day"),
        ),
        ("cn", {"attempts_today": 7, "direction": "inbound"}, ()),
        ("us", {"calls_7d": 7, "days_since_conversation": 7}, ()),
        (
            "us",
            {"calls_7d": 8, "days_since_conversation": 6.5},
            ("calls_per_7_days", "days_after_conversation"),
        ),
        ("gb", {"attempts_today": 1000, "calls_7d": 1000}, ()),
        ("eu", {"conversations_today": 1000, "days_since_conversation": 0}, ()),
    ],
)
def test_each_profile_has_its_caps(profile, context, over):
    assert contact(profile, **context).over() == over


def test_the_operators_own_rules_go_before_the_profiles():
    own = {
        "quiet_hours": "12:00-13:30",
        "attempts_per_day": 0,
        "conversations_per_day": 1,
        "calls_per_7_days": 5,
        "days_after_conversation": 2,
        "required_notices": (),
    }
    mine = contact(
        own=own, local_time="2026-11-24T13:29:00+08:00", attempts_today=50, conversations_today=2, calls_7d=6
    )
    assert mine.quiet(0.0)
    assert not mine.quiet(60.0)
    assert mine.over() == ("conversations_per_day", "calls_per_7_days")
    assert mine.rules.required_notices == ()
    assert not contact(own={"quiet_hours": "none"}, local_time="2026-11-24T23:00:00Z").quiet(0.0)
    assert rules_of(Settings()) == PROFILES["cn"]


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ({"local_time": "22:30"}, "local_time '22:30'"),
        ({"local_time": "2026-11-24T22:30:00"}, "local_time"),
        ({"local_time": "2026-13-24T22:30:00Z"}, "local_time"),
        ({"local_time": "2026-11-24T24:00:00Z"}, "local_time"),
        ({"local_time": "２026-11-24T22:00:00Z"}, "local_time"),
        ({"local_time": 5}, "local_time"),
        ({"local_time": "\ud800" * 10_000}, "local_time"),
        ({"utc_offset": "8"}, "utc_offset '8'"),
        ({"utc_offset": "+08:00"}, "needs started_at"),
        ({"direction": "sideways"}, "sideways"),
        ({"consented_hours": "yes"}, "consented_hours"),
        ({"attempts_today": -1}, "attempts_today is -1"),
        ({"attempts_today": True}, "attempts_today"),
        ({"attempts_today": "3"}, "attempts_today"),
        ({"conversations_today": 10**9}, "conversations_today is 1000000000"),
        ({"calls_7d": 1.5}, "calls_7d"),
        ({"days_since_conversation": float("nan")}, "days_since_conversation is nan"),
        ({"days_since_conversation": float("inf")}, "days_since_conversation is inf"),
        ({"notices_given": "notice_recording"}, "notices_given"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(context, named):
    with pytest.raises(BadAudio, match=named):
        contact(**context)


def test_an_offset_with_a_start_that_is_no_time_is_refused_by_name():
    with pytest.raises(BadAudio, match="started_at 'yesterday'"):
        contact(started_at="yesterday", utc_offset="+08:00")


def test_other_names_are_not_looked_at():
    assert contact(risk_class="A", began_s="x", rules=None) == contact()


plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.lists(st.text(), max_size=2)
)


@given(
    context=st.dictionaries(
        st.sampled_from(
            ["local_time", "utc_offset", "direction", "attempts_today", "calls_7d", "notices_given"]
        ),
        plain | st.datetimes(timezones=st.just(None)).map(lambda at: at.isoformat() + "Z"),
    ),
    at_s=st.floats(0, 1e6),
)
@examples(200)
def test_any_context_is_refused_as_bad_audio_or_judged(context, at_s):
    with suppress(BadAudio):
        one = contact(**context)
        assert one.quiet(at_s) in (True, False)
        assert len(one.over()) <= 4


@given(start=st.integers(0, 1439), until=st.integers(0, 1439), now=st.integers(0, 1439))
@examples(200)
def test_quiet_hours_last_from_the_first_time_to_the_second(start, until, now):
    def clock(minutes):
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    own = {"quiet_hours": f"{clock(start)}-{clock(until)}"}
    quiet = contact(own=own, local_time=f"2026-11-24T{clock(now)}:00+08:00").quiet(0.0)
    assert quiet == ((now - start) % 1440 < (until - start) % 1440)
    assert hours(own["quiet_hours"]) == (60 * start, 60 * until)
    assert 60 * max(start, until) < DAY_S


@pytest.mark.parametrize("text", ["22-8", "24:00-08:00", "22:00-08:60", "", "22:00 - 08:00", "None"])
def test_quiet_hours_that_are_none_are_refused(text):
    with pytest.raises(BadSettings, match="quiet_hours is"):
        ContactSettings(quiet_hours=text)
