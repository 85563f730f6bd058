"""The archive on disk, SQLite and PostgreSQL alike: what is written is read, erased, expired, and refused."""

import hashlib
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from archives import Opened, Place, opened
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import SQLAlchemyError
from voices import examples

from sentiment_engine import BadSettings, wire
from sentiment_engine.archive.database import FILE_NAME, Database
from sentiment_engine.archive.records import Record, Wish, cursor_text, record_of, rfc3339
from sentiment_engine.archive.schema import LEAVES, METADATA
from sentiment_engine.events import (
    AlertAcknowledged,
    AlertAssigned,
    AlertCleared,
    AlertRaised,
    CallEnded,
    CallStarted,
    CallSummary,
    Snapshot,
    TensionUpdated,
)

SUMMARY = CallSummary(
    peak=0.9,
    mean=0.4,
    seconds_above=3.0,
    alerts=1,
    talk_share={"agent": 0.5, "customer": 0.5},
    overlap_ratio=0.0,
    interruptions=0,
    longest_silence_s=1.0,
)


def call(call_id: str = "c-1", first: int = 1, ticks: int = 2, *, ended: bool = True) -> list[Record]:
    """A call with one alert, as it is published: one millisecond and one cursor an event."""
    alert = {
        "kind": "tension",
        "severity": "warning",
        "level": 0.8,
        "since_s": 0.0,
        "causes": {"customer_anger": 2.0},
        "summary": "",
        "suggestions": (),
        "alert_id": f"{call_id}.a1",
    }
    calm = Snapshot(overlap_ratio=0.0, interruptions={}, silence_s=0.0)
    makers = [
        (
            CallStarted,
            {"channels": ("agent",), "sample_rate_hz": 8000, "language": "en", "stage": "facts", "wire": 1},
        ),
        *[(TensionUpdated, {"level": 0.1, "bias": -2.0, "causes": {}, "conversation": calm})] * ticks,
        (AlertRaised, alert),
    ]
    if ended:
        makers += [
            (AlertCleared, alert),
            (CallEnded, {"reason": "stop", "duration_s": 9.0, "summary": SUMMARY}),
        ]
    return [
        record_of(
            kind(call_id=call_id, at_s=float(seq), seq=seq, **fields),
            first + seq - 1,
            1_000 + first + seq - 1,
        )
        for seq, (kind, fields) in enumerate(makers, 1)
    ]


def leaves(database: Database) -> list[tuple[int, int, bytes]]:
    with database.engine.connect() as connection:
        rows = connection.execute(sa.select(LEAVES).order_by(LEAVES.c.position))
        return [(row.position, row.cursor, row.hash) for row in rows]


def test_what_is_written_is_there_when_it_is_opened_again(place: Place):
    records = call()
    with opened(place) as archive:
        archive.store.write(records[:3])
        archive.store.write(records[3:])
    with opened(place) as archive:
        assert archive.reading.events(Wish(), 100) == records
        assert archive.reading.last() == 6
        row = archive.reading.call("c-1")
        assert (row.cursor, row.started_ms, row.ended_ms, row.alerts) == (1, 1001, 1006, 1)
        assert wire.decode(row.ended).reason == "stop"
        alert = archive.reading.alert("c-1.a1")
        assert (alert.cursor, alert.open, wire.decode(alert.body).at_s) == (4, False, 5.0)
        more = call("c-2", first=7)
        archive.store.write(more)
        assert [position for position, _, _ in leaves(archive.database)] == list(range(12))


def test_leaves_are_hashes_of_rfc_6962_over_the_very_bytes(place: Place):
    records = call()
    with opened(place) as archive:
        archive.store.write(records)
        for record, (_, cursor, leaf) in zip(records, leaves(archive.database), strict=True):
            assert (cursor, leaf) == (record.cursor, hashlib.sha256(b"\0" + record.body).digest())


def test_events_are_chosen_by_type_call_and_cursor_and_paged_in_order(place: Place):
    one, two = call("c-1", 1), call("c-2", 7)
    with opened(place) as archive:
        archive.store.write(one + two)
        ask = archive.reading.events
        assert ask(Wish(after=3, until=8), 100) == (one + two)[3:8]
        assert ask(Wish(calls={"c-2"}), 100) == two
        assert ask(Wish(types={"alert.raised"}), 100) == [one[3], two[3]]
        assert ask(Wish(types={"alert.raised", "tension.updated"}, after=2), 2) == [one[2], one[3]]
        assert ask(Wish(types=()), 100) == ask(Wish(calls=["nobody"]), 100) == []


def test_calls_and_alerts_are_listed_newest_first_in_pages(place: Place):
    with opened(place) as archive:
        for number in range(5):
            archive.store.write(call(f"c-{number}", 1 + 6 * number))
        first = archive.reading.calls(before=None, limit=3)
        assert [row.call_id for row in first] == ["c-4", "c-3", "c-2"]
        assert [row.call_id for row in archive.reading.calls(before=first[-1].cursor, limit=3)] == [
            "c-1",
            "c-0",
        ]
        alerts = archive.reading.alerts(before=None, limit=2)
        assert [row.call_id for row in alerts] == ["c-4", "c-3"]
        assert len(archive.reading.alerts(before=alerts[-1].cursor, limit=9)) == 3


def test_a_call_id_that_comes_again_stands_for_the_newer_call(place: Place):
    with opened(place) as archive:
        archive.store.write(call("c-1", 1))
        archive.store.write(call("c-1", 7, ended=False))
        row = archive.reading.call("c-1")
        assert (row.cursor, row.ended_ms) == (7, None)
        assert archive.reading.alert("c-1.a1").open
        assert len(archive.reading.events(Wish(calls={"c-1"}), 100)) == 10


def test_an_acknowledgement_changes_the_alert_and_nothing_else(place: Place):
    with opened(place) as archive:
        archive.store.write(call(ended=False))
        before = archive.reading.alert("c-1.a1")
        seen = AlertAcknowledged(
            call_id="c-1", at_s=4.0, seq=0, alert_id="c-1.a1", by="anna", acknowledged_at=rfc3339(0)
        )
        archive.store.write([record_of(seen, 5, 1005)])
        after = archive.reading.alert("c-1.a1")
        assert (after.acknowledged_by, after.acknowledged_at) == ("anna", "1970-01-01T00:00:00.000Z")
        assert before[:8] == after[:8]
        assert [last.seq for last in archive.reading.cut_off()] == [4]


def test_an_assignment_goes_with_its_alert_and_an_id_that_comes_again_has_none(place: Place):
    def assigned(to: str | None, cursor: int, by: str = "anna") -> Record:
        fields = {"call_id": "c-1", "at_s": 4.0, "seq": 0, "alert_id": "c-1.a1", "assigned_at": rfc3339(0)}
        return record_of(AlertAssigned(**fields, by=by, to=to), cursor, 1000 + cursor)

    def holder(archive: Opened) -> tuple[str | None, str | None]:
        row = archive.reading.alert("c-1.a1")
        return row.assigned_to, row.assigned_by

    with opened(place) as archive:
        archive.store.write(call(ended=False))
        before = archive.reading.alert("c-1.a1")
        archive.store.write([assigned("bo", 5), assigned("cleo", 6)])
        assert holder(archive) == ("cleo", "anna")
        assert archive.reading.alert("c-1.a1")[:10] == before[:10]
        archive.store.write([assigned(None, 7, by="bo")])
        assert holder(archive) == (None, "bo")
        archive.store.write([assigned("bo", 8)])
        archive.store.write(call(first=9))
        assert holder(archive) == (None, None)


def test_erasing_a_call_leaves_its_leaf_hashes_and_the_other_calls(place: Place):
    one, two = call("c-1", 1), call("c-2", 7)
    with opened(place, hooks={"crm": lambda _: True}) as archive:
        archive.store.write(one + two)
        kept = leaves(archive.database)
        assert archive.store.erase("c-1")
        assert not archive.store.erase("c-1")
        assert archive.reading.events(Wish(), 100) == two
        assert (archive.reading.call("c-1"), archive.reading.alert("c-1.a1")) == (None, None)
        assert {due.record.cursor for due in archive.reading.due("crm", 0, 100)} == {
            record.cursor for record in two
        }
        assert leaves(archive.database) == kept
        assert archive.reading.floor() == 0  # nobody's cursor becomes too old by it


def test_what_was_erased_is_not_in_the_files_any_more(tmp_path):
    with opened(Place(tmp_path, "")) as archive:
        archive.store.write(call("geheim-4711"))
        assert any(b"geheim-4711" in path.read_bytes() for path in tmp_path.iterdir())
        archive.store.erase("geheim-4711")
        assert not any(b"geheim-4711" in path.read_bytes() for path in tmp_path.iterdir())


def test_retention_removes_old_calls_slice_by_slice_and_raises_the_floor(place: Place, monkeypatch):
    monkeypatch.setattr("sentiment_engine.archive.store.DELETED_AT_ONCE", 4)
    old, live, new = call("old", 1, ticks=10), call("live", 15, ended=False), call("new", 19)
    with opened(place) as archive:
        archive.store.write(old + live + new)
        slices = 0
        while archive.store.expire(before_ms=new[0].time_ms):
            slices += 1
        assert slices == 4  # 14 events, four at a time
        assert archive.reading.events(Wish(), 100) == live + new
        assert archive.reading.call("old") is None
        assert archive.reading.floor() == old[-1].cursor
        assert len(leaves(archive.database)) == len(old + live + new)
        while archive.store.expire(before_ms=10**12):
            pass
        assert archive.reading.events(Wish(), 100) == live  # it has not ended, however old
        assert archive.reading.last() == new[-1].cursor


def test_a_batch_is_written_whole_or_not_at_all_and_twice_is_once(place: Place):
    records = call()
    with opened(place) as archive:
        archive.store.write(records[:3])
        with pytest.raises(SQLAlchemyError):
            archive.store.write([*records[3:], records[2]])
        assert archive.reading.events(Wish(), 100) == records[:3]
        archive.store.write(records[:3], again=True)
        archive.store.write(records[3:], again=True)
        assert archive.reading.events(Wish(), 100) == records
        assert len(leaves(archive.database)) == 6


def test_a_webhooks_state_survives(place: Place):
    records = call()
    hooks = {"crm": lambda kind: kind == "alert.raised", "all": lambda _: True}
    with opened(place, hooks=hooks) as archive:
        archive.store.write(records)
        assert [len(archive.reading.due(hook, 0, 100)) for hook in hooks] == [1, 6]
        archive.store.not_delivered("crm", 4, due_ms=5_000, error="503")
        for record in records:
            archive.store.delivered("all", record.cursor)
    with opened(place) as archive:
        assert archive.reading.due("crm", 4_999, 100) == archive.reading.dead(100) == []
        (due,) = archive.reading.due("crm", 5_000, 100)
        assert (due.hook, due.attempts, due.last_error, due.record) == ("crm", 1, "503", records[3])
        archive.store.not_delivered("crm", 4, due_ms=None, error="gone")
        assert archive.reading.due("crm", 10**15, 100) == []
        assert [dead.attempts for dead in archive.reading.dead(100)] == [2]


def test_migrations_make_the_tables_that_the_code_names(place: Place):
    with opened(place) as archive, archive.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_an_archive_in_use_is_refused_and_free_again_when_its_server_has_gone(place: Place):
    with opened(place), pytest.raises(BadSettings, match="in use by another server"):
        Database(place.folder, place.url)
    with opened(place):
        pass


def test_an_archive_of_a_newer_version_is_refused_and_left_alone(place: Place):
    with opened(place) as archive, archive.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for _ in range(2):
        with pytest.raises(BadSettings, match=r"newer version.*9999"):
            Database(place.folder, place.url)


def cut_connections(archive: Opened) -> None:
    """Ends every connection of the archive but the one that asks for it, as a restart of PostgreSQL does."""
    with archive.database.engine.begin() as other:
        other.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )


@pytest.mark.slow
def test_a_lost_connection_is_made_again_by_the_next_attempt_and_so_is_the_lock(postgres, tmp_path):
    place = Place(tmp_path, postgres.database())
    with opened(place) as archive:
        records = call()
        archive.store.write(records[:3])
        cut_connections(archive)
        with pytest.raises(SQLAlchemyError):
            archive.store.write(records[3:])
        archive.store.write(records[3:], again=True)
        assert archive.reading.events(Wish(), 100) == records
        with pytest.raises(BadSettings, match="in use"):
            Database(place.folder, place.url)


@pytest.mark.slow
def test_who_lost_the_lock_to_another_server_writes_no_more(postgres, tmp_path):
    place = Place(tmp_path, postgres.database())
    with opened(place) as archive:
        archive.store.write(call()[:3])
        cut_connections(archive)
        with opened(place) as other:
            with pytest.raises(SQLAlchemyError):
                archive.store.write(call()[3:])
            with pytest.raises(BadSettings, match="in use"):
                archive.store.write(call()[3:], again=True)
            assert other.reading.events(Wish(), 100) == call()[:3]


def test_files_that_are_no_archive_are_refused_by_name(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 1000)
    with pytest.raises(BadSettings, match=FILE_NAME):
        Database(tmp_path)
    with pytest.raises(BadSettings, match="cannot be opened"):
        Database(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("nonsense", "write postgresql"),
        ("oracle9://x/y", "write postgresql"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused(tmp_path, url, hint):
    with pytest.raises(BadSettings, match=hint):
        Database(tmp_path, url)


def test_nobody_else_on_the_machine_may_read_the_files(tmp_path):
    with opened(Place(tmp_path, "")) as archive:
        archive.store.write(call())
        assert {path.suffix: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
            ".lock": 0o600,
            ".sqlite3": 0o600,
            ".sqlite3-wal": 0o600,
            ".sqlite3-shm": 0o600,
        }


def test_sqlite_writes_ahead_and_flushes_what_is_rare(tmp_path):
    with opened(Place(tmp_path, "")) as archive:
        records = call()
        raw = archive.store._connection.connection

        def durable() -> int:
            return raw.execute("PRAGMA synchronous").fetchone()[0]

        archive.store.write(records[:1])
        assert durable() == 2  # FULL
        archive.store.write(records[1:3])
        assert durable() == 1  # NORMAL
        archive.store.write(records[3:])
        assert durable() == 2
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@given(st.integers(0, 2**63 - 1), st.integers(0, 4_000_000_000_000))
@examples(50)
def test_cursors_sort_as_texts_and_times_keep_their_milliseconds(cursor, time_ms):
    assert int(cursor_text(cursor)) == cursor
    assert len(cursor_text(cursor)) == 20
    assert rfc3339(time_ms).endswith(f".{time_ms % 1000:03d}Z")


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
@examples(15)
def test_batches_of_any_size_make_one_log(tmp_path_factory, sizes):
    records = call(ticks=30)
    with opened(Place(tmp_path_factory.mktemp("archive"), "")) as archive:
        at = 0
        for size in sizes:
            archive.store.write(records[at : at + size])
            at += size
        assert archive.reading.events(Wish(), 100) == records[:at]
        assert [leaf[0] for leaf in leaves(archive.database)] == list(range(at))
