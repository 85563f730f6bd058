"""Calls and alerts over HTTP: listed, paged, acknowledged once, erased for good."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from archives import Place
from documented import HOOKS
from doors import bearer, locked
from hypothesis import given
from hypothesis import strategies as st
from live_server import in_loop, quarrel, read_feed, serving, small_talk, streaming, whole_call
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from test_live_archive import archive_at, feed_from
from test_live_feed import alert
from voices import examples
from websockets.asyncio.client import connect

from sentiment_engine.live import kept
from sentiment_engine.live.asked import Asked
from sentiment_engine.live.messages import Refused


@asynccontextmanager
async def asking(place: Place, settings=None, who: str | None = None):
    """A server with an archive, and a client of it."""
    async with (
        serving(settings, archive=archive_at(place)) as server,
        httpx.AsyncClient(
            base_url=server.url.replace("ws", "http"), headers=bearer(who), event_hooks=HOOKS
        ) as http,
    ):
        yield server, http


@in_loop
async def test_calls_are_listed_with_both_ends_and_told_one_by_one(place: Place):
    async with asking(place) as (server, http):
        await whole_call(server, "通话/1", quarrel(3.0, 9.0), language="zh-CN")
        await whole_call(server, "c-2", small_talk(2.0))
        listed = (await http.get("/v1/calls")).json()
        assert listed["next"] is None
        assert [call["call_id"] for call in listed["calls"]] == ["c-2", "通话/1"]
        call = listed["calls"][1]
        assert (call["live"], call["alerts"], call["language"]) == (False, 1, "zh-CN")
        assert call["started"]["type"] == "call.started"
        assert call["ended"]["summary"]["alerts"] == 1
        for path in ("/v1/calls/通话/1", "/v1/calls/%E9%80%9A%E8%AF%9D%2F1"):
            one = (await http.get(path)).json()
            assert one["call"] == call
            assert [each["event"]["type"] for each in one["alerts"]] == ["alert.cleared"]
        assert (await http.get("/v1/calls/nobody")).json()["code"] == "unknown_id"
        assert (await http.get("/v1/calls")).headers["cache-control"] == "no-store"


@in_loop
async def test_the_events_of_a_call_are_those_of_the_feed_in_pages(place: Place):
    async with asking(place) as (server, http):
        await whole_call(server, "c-1", quarrel(3.0, 9.0))
        await whole_call(server, "c-2", small_talk(2.0))
        feed = await read_feed(server, "since=0&calls=c-1", until="c-1")
        got, since = [], "0"
        while since is not None:
            page = (await http.get("/v1/calls/c-1/events", params={"since": since, "limit": 7})).json()
            got, since = got + page["events"], page["next"]
        assert got == feed
        rare = (await http.get("/v1/calls/c-1/events?types=alert.*")).json()["events"]
        assert {item["data"]["type"] for item in rare} == {"alert.raised", "alert.cleared"}
        assert (await http.get("/v1/calls/nobody/events")).status_code == 404


@in_loop
async def test_lists_are_filtered_and_paged(place: Place):
    async with asking(place) as (server, http):
        for number in range(3):
            await whole_call(server, f"loud-{number}", quarrel(3.0, 9.0), language="en")
        await whole_call(server, "calm", small_talk(2.0), language="zh-CN")
        async with streaming(server, "live", language="en"):
            await server.hub.flush()

            async def ids(path: str) -> list[str]:
                listed = (await http.get(path)).json()
                return [row["call_id"] for row in listed.get("calls", listed.get("alerts"))]

            assert await ids("/v1/calls?live=true") == ["live"]
            assert await ids("/v1/calls?alerts=true&live=false") == ["loud-2", "loud-1", "loud-0"]
            assert await ids("/v1/calls?alerts=false") == ["live", "calm"]
            assert await ids("/v1/calls?language=zh-CN") == ["calm"]
            assert await ids("/v1/calls?from=2100-01-01T00:00:00Z") == []
            assert len(await ids("/v1/calls?to=2100-01-01T00:00:00%2B01:00")) == 5
            first = (await http.get("/v1/calls?limit=2")).json()
            assert await ids(f"/v1/calls?limit=9&before={first['next']}") == ["loud-2", "loud-1", "loud-0"]

            assert await ids("/v1/alerts?limit=2") == ["loud-2", "loud-1"]
            assert await ids("/v1/alerts?open=true") == []
            assert await ids("/v1/alerts?call=loud-0&open=false&kind=customer_anger") == ["loud-0"]
            assert await ids("/v1/alerts?acknowledged=true") == []
            severities = {row["severity"] for row in (await http.get("/v1/alerts")).json()["alerts"]}
            for severity in ("notice", "warning", "critical"):
                assert bool(await ids(f"/v1/alerts?severity={severity}")) == (severity in severities)


@pytest.mark.parametrize(
    "query",
    [
        "live=maybe",
        "live=true&live=false",
        "colour=red",
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=%D9%A1",
        "before=yesterday",
        "before=99999999999999999999",
        "language=%00",
        "from=yesterday",
        "from=2026-01-31",
        "from=0001-01-01T00:00:00%2B14:00",
    ],
)
@in_loop
async def test_a_query_that_cannot_be_read_is_refused(tmp_path, query: str):
    async with asking(Place(tmp_path, "")) as (_, http):
        said = await http.get(f"/v1/calls?{query}")
        assert (said.status_code, said.json()["code"]) == (400, "bad_query")
        assert (await http.get("/v1/alerts?severity=loud")).status_code == 400
        assert (await http.get("/v1/calls/%00")).status_code == 404


@given(st.dictionaries(st.sampled_from(["live", "from", "before", "limit", "language", "x"]), st.text()))
@examples(200)
def test_any_query_is_read_or_refused(query):
    scope = {"type": "http", "query_string": str(httpx.QueryParams(query)).encode()}
    try:
        asked = Asked(Request(scope), ("live", "from", "before", "limit", "language"))
        values = [asked.flag("live"), asked.time_ms("from"), asked.cursor("before"), asked.limit()]
    except Refused as refused:
        values = [refused.code]
    assert values == ["bad_query"] or len(values) == 4


@in_loop
async def test_whoever_acknowledges_first_is_told_to_all_and_the_second_changes_nothing(place: Place):
    async with asking(place, locked()) as (server, http):
        server.hub.publish(alert(1))
        await server.hub.flush()
        headers = bearer("supervisor")
        async with connect(server.url + "/v1/feed?types=alert.*", additional_headers=headers) as reader:
            answers = await asyncio.gather(
                *(http.post("/v1/alerts/c-1/1/ack", headers=bearer(who)) for who in ("supervisor", "admin"))
            )
            told = json.loads(await reader.recv())
        assert {answer.status_code for answer in answers} == {200}
        first, second = (answer.json() for answer in answers)
        assert first == second
        assert first["acknowledged"]["by"] in ("supervisor", "admin")
        assert told["data"] == {
            "type": "alert.acknowledged",
            "call_id": "c-1",
            "at_s": 1.0,
            "seq": 0,
            "alert_id": "c-1/1",
            "by": first["acknowledged"]["by"],
            "acknowledged_at": first["acknowledged"]["at"],
        }
        kept_events = (await http.get("/v1/alerts?acknowledged=true", headers=headers)).json()["alerts"]
        assert kept_events == [first]
        assert (await http.post("/v1/alerts/c-1/2/ack", headers=headers)).json()["code"] == "unknown_id"
    async with asking(place, locked()) as (server, http):
        again = await http.post("/v1/alerts/c-1/1/ack", headers=headers)
        assert again.json() == first


@in_loop
async def test_an_erased_call_is_gone_from_lists_and_feed_and_no_cursor_breaks(place: Place):
    async with asking(place, locked()) as (server, http):
        admin = bearer("admin")
        for number in range(2):
            server.hub.publish(alert(number))
        await server.hub.flush()
        cursor = str(server.hub.floor + 1)
        assert (await http.delete("/v1/calls/c-1", headers=bearer("supervisor"))).status_code == 403
        assert (await http.delete("/v1/calls/c-1", headers=admin)).json() == {"erased": "c-1"}
        assert (await http.delete("/v1/calls/c-1", headers=admin)).status_code == 404
        assert (await http.get("/v1/alerts", headers=admin)).json()["alerts"] == []
        server.hub.publish(alert(7))
        await server.hub.flush()
        async with connect(f"{server.url}/v1/feed?since={cursor}", additional_headers=admin) as reader:
            assert json.loads(await reader.recv())["data"]["seq"] == 7


@in_loop
async def test_a_live_call_is_not_erased(tmp_path):
    async with asking(Place(tmp_path, "")) as (server, http), streaming(server, "c-1"):
        said = await http.delete("/v1/calls/c-1")
        assert (said.status_code, said.json()["code"]) == (409, "still_live")


@in_loop
async def test_an_archive_that_does_not_answer_is_said_to_be_failing(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "PATIENCE_S", 0.05)
    async with asking(Place(tmp_path, "")) as (server, http):
        server.hub.publish(alert(1))
        await server.hub.flush()
        write = server._archive._store.write

        def failing(*_, **__):
            raise OperationalError("INSERT", {}, Exception("disk I/O error"))

        server._archive._store.write = failing
        server.hub.publish(alert(2))
        said = await http.post("/v1/alerts/c-1/1/ack")
        assert (said.status_code, said.json()["code"]) == (503, "archive_failing")
        server._archive._store.write = write
        await server.hub.flush()
        assert (await http.post("/v1/alerts/c-1/1/ack")).status_code == 200
        monkeypatch.setattr(server._archive._reading, "call", failing)
        assert (await http.get("/v1/calls/c-1")).json()["code"] == "archive_failing"
        assert len(await feed_from(server, "0", 3)) == 3
