"""A server with an archive: on disk before anybody is told, cursors that survive, a feed without a hole."""

import asyncio
import json

import httpx
import pytest
from archives import Place, opened
from live_server import (
    come_true,
    heard_s,
    in_loop,
    is_fed,
    live_settings,
    offline,
    quarrel,
    read_feed,
    rest,
    said_of,
    serving,
    small_talk,
    streaming,
    undisturbed,
    whole_call,
)
from sqlalchemy.exc import OperationalError
from test_live_door import twilio_start
from test_live_feed import alert, tick
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.archive import commits
from sentiment_engine.archive.archive import Archive
from sentiment_engine.archive.records import Wish
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.hub import PAGE_EVENTS
from sentiment_engine.settings_archive import ArchiveSettings


def archive_at(place: Place, **fields: object) -> Archive:
    return Archive(place.folder, ArchiveSettings(url=place.url, **fields))


async def feed_from(server: LiveServer, since: str, count: int, query: str = "") -> list[dict]:
    """The next ``count`` events after a cursor."""
    async with connect(f"{server.url}/v1/feed?since={since}{query}", max_size=None) as socket:
        async with asyncio.timeout(20):
            return [json.loads(await socket.recv()) for _ in range(count)]


@in_loop
async def test_a_call_is_told_and_kept_as_without_an_archive(place: Place):
    audio = quarrel(3.0, 9.0)
    async with serving(archive=archive_at(place)) as server:
        said = await whole_call(server, "c-1", audio, send=["tension"])
        feed = await read_feed(server, until="c-1")
    expected = offline("c-1", audio)
    assert said_of(feed, "c-1") == expected
    heard = [e for e in expected if e["type"].startswith(("alert.", "call.ended", "tension."))]
    assert said == heard
    with opened(place) as archive:
        kept = archive.reading.events(Wish(), 10_000)
    assert [json.loads(record.cloud_event)["id"] for record in kept] == [item["id"] for item in feed]
    assert [json.loads(record.body)["seq"] for record in kept] == list(range(1, len(expected) + 1))


@in_loop
async def test_a_cursor_from_before_a_restart_goes_on_without_a_hole_and_word_for_word(place: Place):
    async with serving(archive=archive_at(place)) as server:
        await whole_call(server, "c-1", small_talk(3.0))
        before = await read_feed(server, until="c-1")
    async with serving(archive=archive_at(place)) as server:
        await whole_call(server, "c-2", small_talk(3.0))
        after = await feed_from(server, before[4]["sequence"], 2 * len(before) - 5)
        assert after[: len(before) - 5] == before[5:]
        assert {item["subject"] for item in after[len(before) - 5 :]} == {"c-2"}
        every = await feed_from(server, "0", 2 * len(before))
        assert every == before[:5] + after
        only = await feed_from(server, "0", 1, "&calls=c-2&types=call.ended")
        assert only == [every[-1]]
    assert [item["sequence"] for item in every] == sorted({item["sequence"] for item in every})


@in_loop
async def test_what_memory_has_forgotten_comes_from_the_archive_in_pages_while_more_is_raised(tmp_path):
    settings = live_settings(kept_events=5, kept_ticks=5)
    async with serving(settings, archive=archive_at(Place(tmp_path, ""))) as server:
        for number in range(3 * PAGE_EVENTS):
            server.hub.publish(alert(number) if number % 3 else tick(number))
        await server.hub.flush()

        async def more() -> None:
            for number in range(3 * PAGE_EVENTS, 4 * PAGE_EVENTS):
                server.hub.publish(alert(number) if number % 3 else tick(number))
                await asyncio.sleep(0)

        raising = asyncio.create_task(more())
        got = await feed_from(server, "0", 4 * PAGE_EVENTS)
        assert [item["data"]["seq"] for item in got] == list(range(4 * PAGE_EVENTS))
        await raising
        rare = await feed_from(server, got[99]["sequence"], 100, "&types=alert.*")
        assert [item["data"]["seq"] for item in rare] == [n for n in range(100, 250) if n % 3]


@in_loop
async def test_a_reader_of_the_past_counts_as_a_reader_and_hears_the_end(tmp_path):
    settings = live_settings(kept_events=5, kept_ticks=5, max_readers=1)
    async with serving(settings, archive=archive_at(Place(tmp_path, ""))) as server:
        for number in range(2 * PAGE_EVENTS):
            server.hub.publish(alert(number, 10_000))
        await server.hub.flush()
        async with connect(f"{server.url}/v1/feed?since=0", max_queue=1) as slow:
            await come_true(lambda: server.hub.readers == 1)
            async with connect(server.url + "/v1/feed") as socket:
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
                assert socket.close_code == 1013
            server.hub.close(1001, "enough")
            got = await rest(slow)
            assert slow.close_code == 1013
            assert slow.close_reason.startswith("shutting_down")
        assert [item["data"]["seq"] for item in got] == list(range(len(got)))


@in_loop
async def test_while_the_disk_cannot_be_written_no_alert_goes_out_and_then_all_do(tmp_path, monkeypatch):
    monkeypatch.setattr(commits, "FIRST_PAUSE_S", 0.02)
    archive = archive_at(Place(tmp_path, ""), waiting_events=50)
    write = archive._store.write
    broken = True

    def failing(records, **how):
        if broken:
            raise OperationalError("INSERT", {}, Exception("disk I/O error"))
        write(records, **how)

    async with serving(archive=archive) as server, httpx.AsyncClient() as http:
        archive._store.write = failing
        ready = server.url.replace("ws", "http") + "/readyz"
        async with connect(server.url + "/v1/feed") as reader:
            talking = asyncio.create_task(whole_call(server, "c-1", quarrel(6.0, 30.0)))
            await come_true(lambda: server.hub.is_full)
            told = await http.get(ready)
            assert (told.status_code, told.json()) == (503, {"status": "archive_failing"})
            before_s = heard_s(server, "c-1")
            await asyncio.sleep(0.2)
            assert heard_s(server, "c-1") - before_s <= 1.0  # it is read no further
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.recv(), 0.05)
            broken = False
            said = await talking
            assert (await http.get(ready)).status_code == 200
            got = []
            while not got or got[-1]["data"]["type"] != "call.ended":
                got.append(json.loads(await reader.recv()))
    rare = {"call.started", "alert.raised", "alert.cleared", "alert.updated", "call.ended", "audio.gap"}
    expected = [event for event in offline("c-1", quarrel(6.0, 30.0)) if event["type"] in rare]
    assert [e for e in said_of(got, "c-1") if e["type"] in rare] == expected
    assert [e for e in said if e["type"] in rare] == [
        e for e in expected if e["type"].startswith(("alert.", "call.ended"))
    ]


@in_loop
async def test_a_call_that_a_crash_cut_off_is_ended_by_the_next_server(place: Place, tmp_path_factory):
    elsewhere = archive_at(Place(tmp_path_factory.mktemp("crashed"), ""))
    async with serving(archive=elsewhere) as server, streaming(server) as socket:
        await socket.send(quarrel())
        await come_true(lambda: heard_s(server, "c-1") > 19)
        await server.hub.flush()
        records = await elsewhere.page(Wish(), 10_000)
    with opened(place) as archive:
        archive.store.write(records)
    async with serving(archive=archive_at(place)) as server:
        feed = await read_feed(server, until="c-1")
        await whole_call(server, "c-1", small_talk(2.0))
    last = feed[-1]["data"]
    assert (last["reason"], last["seq"], last["at_s"]) == ("error", records[-1].seq + 1, records[-1].at_s)
    assert len(feed) == len(records) + 1


@in_loop
async def test_shutting_down_ends_calls_on_disk_and_on_sockets(place: Place):
    async with (
        serving(archive=archive_at(place)) as server,
        connect(server.url + "/v1/feed") as reader,
        streaming(server) as socket,
    ):
        await socket.send(quarrel())
        await come_true(lambda: heard_s(server, "c-1") > 10)
        server.stop()
        said, feed = await asyncio.gather(rest(socket), rest(reader))
    assert said[-1]["type"] == feed[-1]["data"]["type"] == "call.ended"
    with opened(place) as archive:
        kept = archive.reading.events(Wish(), 10_000)
        assert json.loads(kept[-1].body) == feed[-1]["data"]
        assert archive.reading.call("c-1").ended_ms is not None


@in_loop
async def test_cursors_grow_even_when_the_clock_was_set_back(tmp_path):
    place = Place(tmp_path, "")
    async with serving(archive=archive_at(place)) as server:
        server.hub.last += 1 << 60
        server.hub.publish(alert(1))
        last = server.hub.last
    async with serving(archive=archive_at(place)) as server:
        server.hub.publish(alert(2))
        assert server.hub.last > last
        await server.hub.flush()
        assert [i["data"]["seq"] for i in await feed_from(server, "0", 2)] == [1, 2]


@in_loop
async def test_a_cursor_older_than_retention_is_refused(tmp_path):
    place = Place(tmp_path, "")
    async with serving(archive=archive_at(place, keep_days=1.0)) as server:
        await whole_call(server, "old", small_talk(2.0))
        old = await read_feed(server, until="old")
        await server._archive.expire(10**14)
        assert server.hub.floor == int(old[-1]["sequence"])
        async with connect(f"{server.url}/v1/feed?since={old[0]['sequence']}") as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason[:14]) == (1008, "cursor_too_old")
    async with serving(archive=archive_at(place, keep_days=1.0)) as server:
        assert server.hub.floor == int(old[-1]["sequence"])
        await whole_call(server, "new", small_talk(2.0))
        assert {item["subject"] for item in await feed_from(server, "0", 3)} == {"new"}


@in_loop
async def test_a_platforms_socket_is_closed_when_the_server_ends_its_call(tmp_path):
    archive = archive_at(Place(tmp_path, ""))
    async with serving(archive=archive) as server, connect(server.url + "/v1/twilio") as socket:
        await socket.send(twilio_start({}))
        await come_true(lambda: is_fed(server, "CA1"))
        server.calls.end(server.calls._calls["CA1"], "idle")
        await rest(socket, within_s=5.0)
        assert (socket.close_code, socket.close_reason) == (1000, "idle")


@in_loop
async def test_another_call_goes_on_as_if_alone(tmp_path):
    async with serving(archive=archive_at(Place(tmp_path, ""))) as server, undisturbed(server):
        await whole_call(server, "c-1", quarrel(3.0, 9.0))


@in_loop
async def test_a_reader_whose_events_expire_while_it_reads_is_told_and_given_no_hole(tmp_path):
    settings = live_settings(kept_events=5, kept_ticks=5)
    archive = archive_at(Place(tmp_path, ""), keep_days=1.0)
    async with serving(settings, archive=archive) as server:
        await whole_call(server, "old", small_talk(2.0))
        await whole_call(server, "new", small_talk(2.0))
        old = await feed_from(server, "0", 2)
        ask = archive.ask

        async def expired_first(question):
            await archive.change(lambda store: store.expire(10**15))  # and nobody has told the hub
            return await ask(question)

        archive.ask = expired_first
        async with connect(f"{server.url}/v1/feed?since={old[1]['sequence']}") as socket:
            assert await rest(socket) == []
            assert (socket.close_code, socket.close_reason[:14]) == (1008, "cursor_too_old")


@in_loop
async def test_who_asks_for_all_that_is_kept_is_given_it_beside_what_has_expired(tmp_path, monkeypatch):
    monkeypatch.setattr("sentiment_engine.live.hub.PAGE_EVENTS", 10)
    settings = live_settings(kept_events=5, kept_ticks=5)
    archive = archive_at(Place(tmp_path, ""), keep_days=1.0)
    async with serving(settings, archive=archive) as server:
        for number in range(50):
            server.hub.publish(alert(number))  # of a call that has not ended
        await whole_call(server, "old", small_talk(2.0))
        for number in range(50, 100):
            server.hub.publish(alert(number))
        await server.hub.flush()
        await archive.expire(10**14)
        got = await feed_from(server, "0", 100)
        assert [item["data"]["seq"] for item in got] == list(range(100))


@in_loop
async def test_a_sweep_that_fails_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr("sentiment_engine.archive.archive.SWEEP_S", 0.01)
    archive = archive_at(Place(tmp_path, ""), keep_days=1.0)
    tried = []

    def failing(_):
        tried.append(1)
        raise OperationalError("DELETE", {}, Exception("database is locked"))

    monkeypatch.setattr(archive._store, "expire", failing)
    async with serving(archive=archive) as server:
        await come_true(lambda: len(tried) > 2)
        await whole_call(server, "c-1", small_talk(2.0))


@in_loop
async def test_calls_kept_long_enough_are_removed_while_the_server_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("sentiment_engine.archive.archive.SWEEP_S", 0.02)
    archive = archive_at(Place(tmp_path, ""), keep_days=1e-6)  # a tenth of a second
    async with serving(archive=archive) as server:
        await whole_call(server, "c-1", small_talk(2.0))
        async with streaming(server, "c-2"):
            async with asyncio.timeout(10):
                while {r.call_id for r in await archive.page(Wish(), 100)} != {"c-2"}:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)


@in_loop
async def test_a_fault_of_ours_in_the_archive_ends_the_server_and_is_not_hidden(tmp_path):
    archive = archive_at(Place(tmp_path, ""))

    def faulty(*_, **__):
        raise ZeroDivisionError("a fault")

    async def served() -> None:
        async with serving(archive=archive) as server:
            archive._store.write = faulty
            server.hub.publish(alert(1))
            await server.stopped()

    with pytest.raises(ExceptionGroup) as ended:
        await served()
    assert ended.group_contains(ZeroDivisionError)
