"""What is owed a review follows from the events on disk: in any batches, after a replay, on any store."""

import secrets
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest
from archives import Place, opened
from hypothesis import given
from hypothesis import strategies as st
from test_archive_store import call
from voices import examples

from sentiment_engine import wire
from sentiment_engine.archive import review_reading
from sentiment_engine.archive.records import Record, Wish, cursor_text, record_of
from sentiment_engine.archive.reviewing import after
from sentiment_engine.events import AlertReviewed, AlertUpdated, CallReviewed
from sentiment_engine.settings_reviews import ReviewSettings

HOUR_MS = 3_600_000
SOME = ReviewSettings(sample_share=0.5, business_due_hours=1.0, legal_due_hours=2.0)
NONE = ReviewSettings(sample_share=0.0, business_due_hours=1.0, legal_due_hours=2.0)
ALL = ReviewSettings(sample_share=1.0, business_due_hours=1.0, legal_due_hours=2.0)


def changed(record: Record, **fields: object) -> Record:
    return record_of(
        msgspec.structs.replace(wire.decode(record.body), **fields), record.cursor, record.time_ms
    )


def critical_call(call_id: str = "c-1", first: int = 1) -> list[Record]:
    records = call(call_id, first)
    return [
        changed(record, severity="critical") if record.type.startswith("alert.") else record
        for record in records
    ]


def reviewed(
    cursor: int,
    about: int,
    role: str = "business",
    by: str = "anna",
    *,
    call_id: str = "c-1",
    **fields: object,
) -> Record:
    common = {
        "call_id": call_id,
        "at_s": 4.0,
        "seq": 0,
        "about": cursor_text(about),
        "review_id": f"r{cursor}",
        "role": role,
        "by": by,
        "decision": "confirmed",
        "reason": "tension",
        "reviewed_at": "",
        **fields,
    }
    event = AlertReviewed(**common) if "alert_id" in fields else CallReviewed(**common)
    return record_of(event, cursor, 1_000 + cursor)


def every(reading) -> list:
    return review_reading.duties(reading, state=None, role=None, now_ms=0, after=0, limit=1000)


@contextmanager
def same_draw():
    """Archives that are made inside draw with one key."""
    draw = secrets.randbits
    secrets.randbits = lambda bits: (1 << bits) // 3
    try:
        yield
    finally:
        secrets.randbits = draw


def test_a_critical_alert_is_owed_from_the_moment_it_is_critical(place: Place):
    records = call(ended=False)  # the alert, cursor 4, is a warning
    alert = wire.decode(records[-1].body)
    fields = {name: getattr(alert, name) for name in alert.__struct_fields__}
    with opened(place, reviews=NONE) as archive:
        archive.store.write(records)
        assert every(archive.reading) == []
        for cursor in (5, 6):
            worse = AlertUpdated(**{**fields, "severity": "critical", "at_s": 9.0, "seq": cursor})
            archive.store.write([record_of(worse, cursor, 1_000 + cursor)])
        (duty,) = every(archive.reading)
        assert (duty.cursor, duty.kind, duty.subject_id, duty.why) == (4, "alert", "c-1.a1", "critical")
        assert (duty.since_ms, duty.at_s) == (1005, 9.0)
        assert duty.due_ms == {"business": 1005 + HOUR_MS, "legal": 1005 + 2 * HOUR_MS}


def test_a_drawn_call_is_owed_from_its_end(place: Place):
    with opened(place, reviews=ALL) as archive:
        archive.store.write(call()[:-1])
        assert every(archive.reading) == []
        archive.store.write(call()[-1:])
        (duty,) = every(archive.reading)
        assert (duty.cursor, duty.kind, duty.subject_id, duty.why, duty.since_ms) == (
            1,
            "call",
            "c-1",
            "sampled",
            1006,
        )


def test_the_draw_outlives_the_server_and_differs_between_archives(tmp_path_factory):
    def drawn(place: Place) -> set[str]:
        with opened(place, reviews=SOME) as archive:
            fresh = archive.reading.last() + 1
            for number in range(30):
                archive.store.write(call(f"c-{number}", fresh + 6 * number, ticks=2))
            key = archive.store._rules.key
        with opened(place, reviews=SOME) as archive:
            assert archive.store._rules.key == key
            return {duty.subject_id for duty in every(archive.reading)}

    one, two = (drawn(Place(tmp_path_factory.mktemp("archive"), "")) for _ in range(2))
    assert one != two
    assert 3 < len(one) < 27


def test_an_id_that_comes_again_wipes_out_nothing_that_is_owed(place: Place):
    with opened(place, reviews=ALL) as archive:
        archive.store.write(critical_call("c-1", 1))
        archive.store.write(critical_call("c-1", 7))
        assert [(duty.cursor, duty.kind) for duty in every(archive.reading)] == [
            (1, "call"),
            (4, "alert"),
            (7, "call"),
            (10, "alert"),
        ]


def test_reviews_stand_are_corrected_and_counted_by_state_and_role(place: Place):
    with opened(place, reviews=NONE) as archive:
        archive.store.write(critical_call())
        assert review_reading.counts(archive.reading, None, 2 * HOUR_MS) == {"open": 1, "overdue": 1}
        assert review_reading.counts(archive.reading, "legal", 2 * HOUR_MS) == {"open": 1, "overdue": 0}
        archive.store.write(
            [
                reviewed(7, 4, alert_id="c-1.a1"),
                reviewed(8, 4, "legal", "anna", alert_id="c-1.a1"),  # the same name: does not count
                reviewed(9, 4, alert_id="c-1.a1", supersedes="r7", decision="false_alarm"),
                reviewed(10, 4, by="ben", alert_id="c-1.a1"),  # another's stands
            ]
        )
        assert review_reading.counts(archive.reading, None, 3 * HOUR_MS) == {"open": 1, "overdue": 1}
        (duty,) = every(archive.reading)
        assert (duty.standing["business"].review_id, duty.standing["business"].first_ms) == ("r9", 1007)
        archive.store.write([reviewed(11, 4, "legal", "cleo", alert_id="c-1.a1")])
        assert review_reading.counts(archive.reading, None, 9 * HOUR_MS) == {"open": 0, "overdue": 0}
        assert [each.review_id for each in review_reading.given(archive.reading)] == ["r7", "r9", "r11"]
        for state, role, expected in (("done", None, 1), ("done", "legal", 1), ("open", None, 0)):
            found = review_reading.duties(archive.reading, state=state, role=role, now_ms=0, after=0, limit=9)
            assert len(found) == expected


def test_erasing_a_call_takes_its_reviews_along(place: Place):
    with opened(place, reviews=ALL) as archive:
        archive.store.write(critical_call())
        archive.store.write([reviewed(7, 4, alert_id="c-1.a1"), reviewed(8, 1, "legal", "cleo")])
        archive.store.write(call("c-2", 9))
        assert archive.store.erase("c-1")
        assert [duty.subject_id for duty in every(archive.reading)] == ["c-2"]
        assert review_reading.given(archive.reading) == []


def test_a_day_tells_what_became_owed_was_given_and_was_missed(place: Place):
    with opened(place, reviews=NONE) as archive:
        archive.store.write(critical_call())
        archive.store.write([reviewed(7, 4, alert_id="c-1.a1", note="n")])
        late = record_of(wire.decode(reviewed(8, 4, "legal", "cleo", alert_id="c-1.a1").body), 8, 3 * HOUR_MS)
        archive.store.write([late])
        lines = review_reading.day(archive.reading, 0, HOUR_MS)
        assert [(line.what, line.role) for line in lines] == [("owed", None), ("reviewed", "business")]
        lines = review_reading.day(archive.reading, HOUR_MS, 4 * HOUR_MS)
        assert [(line.what, line.role) for line in lines] == [("fell_due", "legal"), ("reviewed", "legal")]
        assert review_reading.day(archive.reading, 4 * HOUR_MS, 5 * HOUR_MS) == []


def test_a_row_that_is_no_review_is_a_fault_of_ours(tmp_path):
    with opened(Place(tmp_path, ""), reviews=NONE) as archive:
        archive.store.write(critical_call())
        archive.store.write([reviewed(7, 4, alert_id="c-1.a1")])
        body = call()[0].body
        with archive.database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE reviews SET body = ?", (body,))
        with pytest.raises(TypeError, match="CallStarted"):
            review_reading.given(archive.reading)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["business", "legal"]),
        st.sampled_from(["anna", "Anna", "ben"]),
        st.sampled_from(["first", "second", "calm"]),
        st.none() | st.integers(20, 40),
    ),
    max_size=10,
)


@given(STEPS, st.lists(st.integers(1, 5), min_size=1))
@examples(12)
def test_replay_in_any_batches_gives_the_same_queue_which_is_that_of_the_rules(
    tmp_path_factory, steps, sizes
):
    records = critical_call("c-1", 1) + critical_call("c-1", 7) + call("c-2", 13)
    places = {"first": (4, {"alert_id": "c-1.a1"}), "second": (7, {}), "calm": (13, {"call_id": "c-2"})}
    for cursor, (role, by, place, supersedes) in enumerate(steps, 20):
        about, fields = places[place]
        old = None if supersedes is None else f"r{supersedes}"
        records.append(reviewed(cursor, about, role, by, supersedes=old, **fields))

    with same_draw():
        with opened(Place(tmp_path_factory.mktemp("once"), ""), reviews=SOME) as archive:
            rest, number = list(records), 0
            while rest:
                size = sizes[number % len(sizes)]
                archive.store.write(rest[:size])
                rest, number = rest[size:], number + 1
            told, kept = every(archive.reading), archive.reading.events(Wish(), 1000)
        with opened(Place(tmp_path_factory.mktemp("again"), ""), reviews=SOME) as archive:
            archive.store.write(kept)
            assert every(archive.reading) == told
    for duty in told:
        state = replace(duty, standing={})
        for record in records:
            event = wire.decode(record.body)
            if isinstance(event, AlertReviewed | CallReviewed) and int(event.about) == duty.cursor:
                state = after(state, event, record.time_ms)
        assert state == duty
