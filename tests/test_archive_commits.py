"""Nothing goes on before it is on disk, everything goes on in order, and a disk that fails loses no alert."""

import asyncio
import threading

import pytest
from archives import Place, opened
from hypothesis import given
from hypothesis import strategies as st
from live_server import come_true, in_loop
from sqlalchemy.exc import OperationalError
from test_archive_store import call
from voices import examples

from sentiment_engine.archive import commits as module
from sentiment_engine.archive.commits import Commits
from sentiment_engine.archive.records import Record, Wish


class Disk:
    """A store in memory that can be made slow, or to fail."""

    def __init__(self) -> None:
        self.batches: list[list[Record]] = []
        self.tried: list[bool] = []
        self.fault: Exception | None = None
        self.may_go = threading.Event()
        self.may_go.set()

    @property
    def cursors(self) -> list[int]:
        return [record.cursor for batch in self.batches for record in batch]

    def write(self, records, *, again=False):
        self.may_go.wait(20)
        self.tried.append(again)
        if self.fault is not None:
            raise self.fault
        self.batches.append(list(records))


class Line:
    """Commits over a disk, and what has gone on."""

    def __init__(self, disk: object, limit: int = 1000) -> None:
        self.disk, self.told, self.room, self.waits = disk, [], [], []
        self.commits = Commits(
            disk,
            limit,
            on_batch=lambda size, waited_s: self.waits.append((size, waited_s)),
            on_room=lambda: self.room.append(1),
        )
        self.commits.start()

    def put(self, record: Record) -> bool:
        def tell() -> None:
            assert record.cursor in self.disk.cursors
            self.told.append(record.cursor)

        return self.commits.put(record, tell)


FULL_DISK = OperationalError("INSERT", {}, Exception("database or disk is full"))


@in_loop
async def test_what_is_told_is_on_disk_and_in_order():
    line = Line(Disk())
    records = call(ticks=50)
    for number, record in enumerate(records):
        assert line.put(record)
        if number % 7 == 0:
            await asyncio.sleep(0.002)
    await line.commits.flush()
    assert line.told == line.disk.cursors == [record.cursor for record in records]
    assert line.commits.stop() == 0
    assert sum(size for size, _ in line.waits) == len(records)


@in_loop
async def test_the_more_waits_the_larger_the_batches():
    disk = Disk()
    line = Line(disk)
    disk.may_go.clear()
    records = call(ticks=500)
    for record in records:
        line.put(record)
    disk.may_go.set()
    await line.commits.flush()
    assert len(disk.batches) <= 3
    line.commits.stop()


@in_loop
async def test_while_the_disk_fails_nothing_goes_on_and_then_everything_does(monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    disk = Disk()
    disk.fault = FULL_DISK
    line = Line(disk)
    records = call()
    for record in records:
        line.put(record)
    await come_true(lambda: len(disk.tried) >= 3)
    assert line.commits.failing
    assert line.told == []
    disk.fault = None
    await line.commits.flush()
    assert not line.commits.failing
    assert line.told == [record.cursor for record in records]
    assert disk.tried[0] is False
    assert all(disk.tried[1:4])
    line.commits.stop()


@in_loop
async def test_ticks_beyond_the_limit_are_lost_and_nothing_rare_is():
    disk = Disk()
    line = Line(disk, limit=10)
    disk.may_go.clear()
    records = call(ticks=100)
    taken = [record for record in records if line.put(record)]
    assert [record for record in records if not record.is_tick] == [r for r in taken if not r.is_tick]
    assert len(taken) == 10 + 3  # alert raised, alert cleared, call ended
    assert line.commits.is_full
    assert line.room == []
    disk.may_go.set()
    await come_true(lambda: line.room == [1])
    assert not line.commits.is_full
    assert line.told == [record.cursor for record in taken]
    line.commits.stop()


@in_loop
async def test_stopping_writes_what_waits_unless_the_disk_fails(monkeypatch):
    disk = Disk()
    line = Line(disk)
    records = call()
    for record in records:
        line.put(record)
    assert line.commits.stop() == 0
    assert len(disk.cursors) == len(records)

    disk = Disk()
    disk.fault = FULL_DISK
    line = Line(disk)
    line.put(records[0])
    await come_true(lambda: bool(disk.tried))
    line.put(records[1])
    assert await asyncio.to_thread(line.commits.stop) == 2
    assert line.told == []


@in_loop
async def test_a_fault_of_ours_ends_the_thread_and_is_told():
    disk = Disk()
    disk.fault = ZeroDivisionError("a fault")
    line = Line(disk)
    line.put(call()[0])
    with pytest.raises(ZeroDivisionError):
        await line.commits.broken
    assert line.told == []


@in_loop
async def test_one_fault_on_delivery_keeps_nobody_else_from_theirs(caplog):
    line = Line(Disk())
    one, two, *_ = call()
    line.commits.put(one, lambda: 1 // 0)
    line.put(two)
    await line.commits.flush()
    assert line.told == [two.cursor]
    line.commits.stop()


@in_loop
async def test_jobs_run_between_batches_and_their_faults_are_the_askers(tmp_path):
    with opened(Place(tmp_path, "")) as archive:
        line = Line(archive.store)
        records = call()
        for record in records:
            line.commits.put(record, int)
        await line.commits.flush()
        assert await line.commits.run(lambda store: store.erase("c-1")) is True
        assert archive.reading.events(Wish(), 10) == []
        with pytest.raises(ZeroDivisionError):
            await line.commits.run(lambda _: 1 // 0)
        line.commits.put(call("c-2", 10)[0], int)
        await line.commits.flush()
        assert line.commits.stop() == 0
        assert [record.call_id for record in archive.reading.events(Wish(), 10)] == ["c-2"]


@given(st.lists(st.sampled_from(["put", "turn", "sleep", "fail", "heal"]), max_size=40))
@examples(25)
def test_whatever_happens_the_order_holds(steps):
    async def run() -> None:
        disk = Disk()
        line = Line(disk)
        records = iter(call(ticks=50))
        expected: list[int] = []
        for step in steps:
            match step:
                case "put":
                    record = next(records)
                    expected.append(record.cursor)
                    line.put(record)
                case "turn":
                    mark = -len(expected)
                    expected.append(mark)
                    line.commits.in_turn(lambda mark=mark: line.told.append(mark))
                case "sleep":
                    await asyncio.sleep(0.001)
                case "fail":
                    disk.fault = FULL_DISK
                case "heal":
                    disk.fault = None
        disk.fault = None
        await line.commits.flush()
        assert line.told == expected
        assert line.commits.stop() == 0

    pause, module.FIRST_PAUSE_S = module.FIRST_PAUSE_S, 0.001
    try:
        asyncio.run(asyncio.wait_for(run(), 20))
    finally:
        module.FIRST_PAUSE_S = pause
