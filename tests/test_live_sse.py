"""The feed as server-sent events: the same events, and a browser that comes back misses nothing."""

import asyncio
import json
import socket as sockets

import httpx
import pytest
from archives import Place
from live_server import come_true, in_loop, live_settings, read_feed, serving, small_talk, whole_call
from test_live_archive import archive_at
from test_live_feed import alert

from sentiment_engine.live import sse


async def read_sse(url: str, count: int, **how: object) -> list[tuple[str, dict]]:
    """The next events: id and data, as a browser takes them apart."""
    got: list[tuple[str, dict]] = []
    async with httpx.AsyncClient() as http, http.stream("GET", url, **how) as said:
        assert said.status_code == 200
        assert said.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in said.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "data" in fields:
                got.append((fields["id"], json.loads(fields["data"])))
                if len(got) == count:
                    return got
                fields = {}
    return got


def address(server) -> str:
    return server.url.replace("ws", "http") + "/v1/feed/sse"


@in_loop
async def test_the_events_are_those_of_the_socket_and_last_event_id_goes_on(tmp_path):
    place = Place(tmp_path, "")
    async with serving(archive=archive_at(place)) as server:
        await whole_call(server, "通话-1", small_talk(3.0))
        feed = await read_feed(server)
        assert [data for _, data in await read_sse(address(server) + "?since=0", len(feed))] == feed
    async with serving(archive=archive_at(place)) as server:
        rest = await read_sse(
            address(server) + "?since=0", len(feed) - 3, headers={"Last-Event-ID": feed[2]["sequence"]}
        )
        assert rest == [(item["sequence"], item) for item in feed[3:]]


@in_loop
async def test_what_is_new_comes_at_once_and_the_end_is_an_end(monkeypatch):
    monkeypatch.setattr(sse, "ALIVE_S", 0.02)
    async with serving() as server:
        reading = asyncio.create_task(read_sse(address(server) + "?types=alert.*", 10))
        await come_true(lambda: server.hub.readers == 1)
        await asyncio.sleep(0.1)  # a few lines without meaning
        for number in range(3):
            server.hub.publish(alert(number))
        server.hub.close(1001, "over")
        assert [data["data"]["seq"] for _, data in await reading] == [0, 1, 2]
        await come_true(lambda: server.hub.readers == 0)


@in_loop
async def test_a_reader_that_leaves_is_forgotten():
    async with serving() as server:
        await read_sse_nothing(server)
        await come_true(lambda: server.hub.readers == 0)


async def read_sse_nothing(server) -> None:
    async with httpx.AsyncClient() as http, http.stream("GET", address(server)):
        await come_true(lambda: server.hub.readers == 1)


@in_loop
async def test_a_reader_that_never_reads_is_cut_off():
    async with serving(live_settings(reader_events=20)) as server:
        loop = asyncio.get_running_loop()
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await loop.sock_connect(raw, (server.host, server.port))
        await loop.sock_sendall(raw, b"GET /v1/feed/sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await come_true(lambda: server.hub.readers == 1)
        for number in range(300):
            server.hub.publish(alert(number, 10_000))
            await asyncio.sleep(0.001)
        async with asyncio.timeout(5):
            await come_true(lambda: not server.hub.readers and not server.connections)
        assert b"sentiment_engine_reader_evictions_total 1.0" in server.metrics.render()
        raw.close()


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("?types=alert.rased", {}, 400, "bad_query"),
        ("", {"Last-Event-ID": "x"}, 400, "bad_query"),
        ("?since=1", {}, 410, "cursor_too_old"),
    ],
)
@in_loop
async def test_a_query_that_makes_no_sense_is_refused(query, headers, status, code):
    async with serving() as server, httpx.AsyncClient() as http:
        said = await http.get(address(server) + query, headers=headers)
        assert (said.status_code, said.json()["code"]) == (status, code)


@in_loop
async def test_one_reader_more_than_the_limit_is_told_to_try_later():
    async with (
        serving(live_settings(max_readers=1)) as server,
        httpx.AsyncClient() as http,
        http.stream("GET", address(server)),
    ):
        await come_true(lambda: server.hub.readers == 1)
        assert (await http.get(address(server))).status_code == 503
