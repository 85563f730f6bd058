"""``/v1/feed``: cursors, replay, filters, CloudEvents, and readers that cannot keep up."""

import asyncio
import json
import socket as sockets

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from live_server import (
    come_true,
    in_loop,
    live_settings,
    quarrel,
    read_feed,
    rest,
    serving,
    small_talk,
    undisturbed,
    whole_call,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.events import AlertRaised, Snapshot, TensionUpdated
from sentiment_engine.live import sending, transport
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.mailbox import Ending, Mailbox
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings import LiveSettings


def alert(number: int, padding: int = 0) -> AlertRaised:
    return AlertRaised(
        call_id="c-1",
        at_s=float(number),
        seq=number,
        alert_id=f"c-1/{number}",
        kind="tension",
        severity="warning",
        level=0.8,
        since_s=0.0,
        causes={"customer_anger": 2.0},
        summary="x" * padding,
        suggestions=(),
    )


def tick(number: int) -> TensionUpdated:
    return TensionUpdated(
        call_id="c-1",
        at_s=float(number),
        seq=number,
        level=0.1,
        bias=-2.0,
        causes={},
        conversation=Snapshot(overlap_ratio=0.0, interruptions={}, silence_s=0.0),
    )


# -- on the wire


@in_loop
async def test_events_are_cloudevents_that_the_sdk_reads():
    async with serving() as server:
        await whole_call(server, "通话-1", quarrel())
        feed = await read_feed(server)
    assert len({item["id"] for item in feed}) == len(feed)
    for item in feed:
        message = HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(item).encode())
        event = from_structured_event(message)
        assert event.get_type() == f"sentiment-engine.{item['data']['type']}"
        assert event.get_subject() == event.get_data()["call_id"] == "通话-1"
        assert event.get_source() == "/sentiment-engine"
        assert event.get_time().tzinfo is not None


@in_loop
async def test_the_subprotocol_is_echoed_when_offered_and_not_otherwise():
    async with serving() as server:
        async with connect(server.url + "/v1/feed", subprotocols=["other", "cloudevents.json"]) as socket:
            assert socket.subprotocol == "cloudevents.json"
        async with connect(server.url + "/v1/feed") as socket:
            assert socket.subprotocol is None


@in_loop
async def test_a_reader_that_comes_and_goes_misses_nothing_and_gets_nothing_twice():
    async with serving() as server:
        talking = asyncio.create_task(whole_call(server, "c-1", quarrel(10.0, 30.0)))
        got: list[dict] = []
        while not got or got[-1]["data"]["type"] != "call.ended":
            since = got[-1]["sequence"] if got else "0"
            async with connect(f"{server.url}/v1/feed?since={since}") as socket:
                got += [json.loads(await socket.recv()) for _ in range(1)]
                while len(got) % 7 and got[-1]["data"]["type"] != "call.ended":
                    got.append(json.loads(await socket.recv()))
        await talking
    assert [item["data"]["seq"] for item in got] == list(range(1, len(got) + 1))
    assert [item["sequence"] for item in got] == sorted(item["sequence"] for item in got)


@in_loop
async def test_without_since_a_reader_hears_only_what_is_new():
    async with serving() as server:
        await whole_call(server, "old", small_talk(2.0))
        async with connect(server.url + "/v1/feed") as socket:
            await asyncio.sleep(0.05)
            await whole_call(server, "new", small_talk(2.0))
            assert json.loads(await socket.recv())["subject"] == "new"


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("types=alert.raised", {"alert.raised"}),
        ("types=sentiment-engine.alert.raised,call.started", {"alert.raised", "call.started"}),
        ("types=alert.*", {"alert.raised", "alert.cleared"}),
        ("types=sentiment-engine.call.*", {"call.started", "call.ended"}),
    ],
)
@in_loop
async def test_readers_choose_types_and_calls(query: str, types: set[str]):
    async with serving() as server:
        await whole_call(server, "c-1", quarrel(3.0, 9.0))
        await whole_call(server, "c-2", quarrel(3.0, 9.0))
        async with connect(f"{server.url}/v1/feed?since=0&calls=c-2&{query}") as socket:
            await asyncio.sleep(0.1)
            server.hub.close(1001, "enough")
            got = await rest(socket)
    assert {item["data"]["type"] for item in got} == types
    assert {item["subject"] for item in got} == {"c-2"}


@pytest.mark.parametrize(
    ("query", "code", "word"),
    [
        ("since=yesterday", 1007, "bad_query"),
        ("since=-1", 1007, "bad_query"),
        ("since=", 1007, "bad_query"),
        ("since=" + "9" * 400, 1007, "bad_query"),
        ("types=alert.rased", 1007, "bad_query"),
        ("types=", 1007, "bad_query"),
        ("types=%F0%9F%98%80" * 30, 1007, "bad_query"),
        ("since=1", 1008, "oldest"),
        ("since=09999999999999999999", 1008, "newest"),
    ],
)
@in_loop
async def test_a_query_that_makes_no_sense_is_refused_with_its_reason(query: str, code: int, word: str):
    async with serving() as server, connect(f"{server.url}/v1/feed?{query}") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == code
        assert word in socket.close_reason


@in_loop
async def test_one_reader_more_than_the_limit_is_told_to_try_later():
    async with serving(live_settings(max_readers=1)) as server, connect(server.url + "/v1/feed"):
        await asyncio.sleep(0.05)
        async with connect(server.url + "/v1/feed") as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1013


@in_loop
async def test_what_a_reader_sends_is_ignored():
    async with serving() as server, connect(server.url + "/v1/feed?since=0") as socket:
        for _ in range(200):
            await socket.send(b"noise")
        await whole_call(server, "c-1", small_talk(2.0))
        assert json.loads(await socket.recv())["data"]["type"] == "call.started"


# -- readers that cannot keep up


async def deaf_reader(server: LiveServer) -> sockets.socket:
    """A reader with a tiny buffer that never reads after its handshake."""
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (server.host, server.port))
    request = (
        "GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(raw, request.encode())
    assert b"101" in await loop.sock_recv(raw, 20)
    return raw


@in_loop
async def test_a_reader_that_never_reads_is_gone_and_its_alerts_are_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "LINGER_S", 0.3)
    monkeypatch.setattr(transport, "LINGER_S", 0.3)
    async with serving(live_settings(reader_events=20)) as server, undisturbed(server):
        raw = await deaf_reader(server)
        async with connect(server.url + "/v1/feed?types=alert.raised&calls=c-1", max_queue=None) as good:
            await come_true(lambda: server.hub.readers >= 2)
            for number in range(200):
                server.hub.publish(alert(number, 10_000))
                await asyncio.sleep(0.001)
            got = [json.loads(await good.recv())["data"]["seq"] for _ in range(200)]
        assert got == list(range(200))
        async with asyncio.timeout(5):
            await come_true(lambda: not (server.feeds or server.connections > 2))
        assert b"sentiment_engine_reader_evictions_total 1.0" in server.metrics.render()
        raw.close()


@in_loop
async def test_a_slow_reader_is_closed_with_1013_and_resumes_without_a_hole():
    async with serving(live_settings(reader_events=20)) as server:
        async with connect(server.url + "/v1/feed", max_queue=1) as slow:
            await come_true(lambda: server.hub.readers == 1)
            for number in range(300):
                server.hub.publish(alert(number, 10_000))
                await asyncio.sleep(0)
            got = await rest(slow)
            assert slow.close_code == 1013
        assert len(got) < 300
        got += await read_feed(server, f"since={got[-1]['sequence']}")
    assert [item["data"]["seq"] for item in got] == list(range(300))


@in_loop
async def test_a_slow_reader_loses_ticks_first_and_no_alert():
    async with (
        serving(live_settings(reader_events=50)) as server,
        connect(server.url + "/v1/feed", max_queue=1) as slow,
    ):
        await come_true(lambda: server.hub.readers == 1)
        for number in range(20_000):
            server.hub.publish(alert(number) if number % 500 == 0 else tick(number))
        server.hub.close(1001, "enough")
        kinds = [item["data"]["type"] for item in await rest(slow)]
    assert kinds.count("alert.raised") == 40
    assert len(kinds) < 20_000


# -- hub and mailbox by themselves


def hub(**changes: object) -> Hub:
    return Hub(LiveSettings(**changes), Metrics(), booted_ms=1)


@in_loop
async def test_ticks_never_push_an_alert_out_of_what_is_kept():
    feed = hub(kept_ticks=10, kept_events=5)
    feed.publish(alert(1))
    for number in range(1000):
        feed.publish(tick(number))
    kept = list(feed.subscribe(Mailbox(10, int), lambda _: True, since=(1 << 20)))
    assert len(kept) == 11
    assert "alert.raised" in kept[0]


@in_loop
async def test_a_cursor_older_than_the_kept_alerts_is_refused_and_the_oldest_is_not():
    feed = hub(kept_events=5)
    first = feed.last
    for number in range(8):
        feed.publish(alert(number))
    with pytest.raises(Refused, match=str(first + 3)):
        feed.subscribe(Mailbox(10, int), lambda _: True, since=first + 2)
    assert len(list(feed.subscribe(Mailbox(10, int), lambda _: True, since=first + 3))) == 5
    assert len(list(feed.subscribe(Mailbox(10, int), lambda _: True, since=0))) == 5


@in_loop
async def test_cursors_grow_across_restarts():
    before, after = (
        Hub(LiveSettings(), Metrics(), booted_ms=1_000),
        Hub(LiveSettings(), Metrics(), booted_ms=1_001),
    )
    for number in range(1000):
        before.publish(tick(number))
    assert after.last > before.last


@in_loop
async def test_a_mailbox_keeps_order_between_alerts_and_ticks():
    lost = []
    box = Mailbox(4, lambda: lost.append(1))
    for order, is_tick in enumerate([True, False, True, True, False, True]):
        box.put(order, str(order), tick=is_tick)
    box.finish(1001, "over")
    taken = [await box.take() for _ in range(5)]
    assert [item.text for item in taken[:4]] == ["1", "3", "4", "5"]
    assert taken[4] == Ending(1001, "over")
    assert len(lost) == 2


@in_loop
async def test_what_could_not_be_sent_is_taken_again():
    box = Mailbox(4, int)
    box.put(1, "one", tick=False)
    box.put(2, "two", tick=False)
    first = await box.take()
    box.give_back(first)
    assert await box.take() == first
