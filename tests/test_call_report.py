"""Many calls in numbers: how they add up, in any order, and what is not counted."""

import json
import statistics
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.archive.call_report import CallReport, Median

LEVELS = st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)
SHANGHAI = ZoneInfo("Asia/Shanghai")
EVENING_MS = round(datetime(2026, 1, 1, 20, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000


def ended(peak: float, *effects: tuple[str, float, float], above_s: float = 2.0) -> bytes:
    told = [{"id": one, "level": level, "level_after": after} for one, level, after in effects]
    summary = {"peak": peak, "seconds_above": above_s, "effects": told}
    return json.dumps({"type": "call.ended", "call_id": "c", "summary": summary}).encode()


def alert(**causes: float) -> bytes:
    return json.dumps({"type": "alert.cleared", "alert_id": "a", "causes": causes}).encode()


def test_calls_and_alerts_add_up():
    report = CallReport(SHANGHAI)
    report.add_call(EVENING_MS, "facts", 0, ended(0.2, ("p", 0.8, 0.5)))
    report.add_call(EVENING_MS, "facts", 1, ended(0.8, ("p", 0.8, 0.7), ("", 0.4, 0.4)))
    report.add_call(EVENING_MS + DAY_MS, "notice", 2, ended(0.9, ("q", 0.5, 0.6)))
    report.add_call(EVENING_MS + DAY_MS, "notice", 0, None)
    report.add_alert("customer_anger", alert(overlap=1.0, customer_anger=2.0), seen=True)
    report.add_alert("overlap", alert(overlap=1.0, silence=1.0), seen=False)
    report.add_alert("outside_hours", alert(), seen=False)
    report.add_alert("overlap", alert(overlap=-1.0), seen=False)
    told = report.told()
    assert {
        key: told[key] for key in ("calls", "with_alerts", "alerts", "peak", "seconds_above", "seen")
    } == {
        "calls": 4,
        "with_alerts": 2,
        "alerts": 3,
        "peak": 0.8,
        "seconds_above": 6.0,
        "seen": 1,
    }
    # 20:00 in London is the next day in Shanghai
    assert [(row["day"], row["calls"], row["alerts"]) for row in told["by_day"]] == [
        ("2026-01-02", 2, 1),
        ("2026-01-03", 2, 2),
    ]
    assert [(row["stage"], row["peak"]) for row in told["by_stage"]] == [("facts", 0.5), ("notice", 0.9)]
    assert [(row["kind"], row["alerts"]) for row in told["by_kind"]] == [
        ("overlap", 2),
        ("customer_anger", 1),
        ("outside_hours", 1),
    ]
    assert {row["cause"]: row["share"] for row in told["by_cause"]} == {"customer_anger": 0.5, "overlap": 0.5}
    assert told["by_phrase"] == [
        {"id": "", "shown": 1, "change": 0.0, "fell": 0.0},
        {"id": "p", "shown": 2, "change": -0.2, "fell": 1.0},
        {"id": "q", "shown": 1, "change": 0.1, "fell": 0.0},
    ]


def test_of_no_calls_nothing_is_said():
    told = CallReport(SHANGHAI).told()
    assert (told["calls"], told["peak"]) == (0, None)
    assert [told[by] for by in told if by.startswith("by_")] == [[]] * 5


@given(st.lists(LEVELS, min_size=1, max_size=60))
@examples(100)
def test_a_median_is_that_of_all_values(values: list[float]):
    median = Median()
    for value in values:
        median.add(value)
    assert median.value() == pytest.approx(statistics.median(values), abs=1e-9)
    assert len(median) == len(values)


CALLS = st.tuples(
    st.integers(0, 400 * DAY_MS),
    st.sampled_from(["facts", "notice", "general"]),
    st.integers(0, 3),
    st.none() | st.builds(lambda peak, after: ended(peak, ("p", peak, after)), LEVELS, LEVELS),
)


@given(st.lists(CALLS, max_size=20), st.randoms())
@examples(60)
def test_neither_the_order_nor_the_pages_make_a_difference_and_days_add_up(calls, chance):
    reports = []
    for _ in range(2):
        report = CallReport(SHANGHAI)
        for call in calls:
            report.add_call(*call)
        reports.append(report.told())
        chance.shuffle(calls)
    assert reports[0] == reports[1]
    for by in ("by_day", "by_stage"):
        for sum_of in ("calls", "with_alerts", "alerts"):
            assert sum(row[sum_of] for row in reports[0][by]) == reports[0][sum_of]


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
@examples(100)
def test_a_day_is_that_of_the_zone(moment: datetime):
    report = CallReport(SHANGHAI)
    report.add_call(round(moment.replace(tzinfo=UTC).timestamp() * 1000), "facts", 0, None)
    [row] = report.told()["by_day"]
    assert row["day"] in {
        (moment + timedelta(hours=8, microseconds=more)).date().isoformat() for more in (0, 500)
    }
