"""``/v1/agent/feed``: an agent's own calls and no other's, whoever opened them and whatever came between."""

import asyncio
import json
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
import numpy as np
import pytest
from archives import Place
from doors import SECRETS, bearer, entering, locked, locked_server
from hypothesis import given
from hypothesis import strategies as st
from live_server import (
    come_true,
    in_loop,
    live_settings,
    pcm,
    play,
    quarrel,
    refusal,
    rest,
    serving,
    start,
    voice,
    whole_call,
)
from test_live_archive import archive_at
from test_live_door import twilio_start
from test_live_feed import alert, tick
from voices import examples
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.events import AlertRaised, CallStarted, Event, Suggestion
from sentiment_engine.live.agent_feed import AGENT_TYPES, OwnChoice, own_view
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.call import bare_end
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.mailbox import Mailbox
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.live.owning import agent_named
from sentiment_engine.settings import LiveSettings
from sentiment_engine.settings_door import TokenSettings

AGENTS = ("ingest", "ingest-2")


def offering(call_id: str = "c-1", number: int = 1, text: str = "I hear you.") -> AlertRaised:
    """An alert with a phrase for the agent, a private hint, and words for the supervisor."""
    said = {"language": "en", "technique": "acknowledge", "rule": "because"}
    return msgspec.structs.replace(
        alert(number),
        call_id=call_id,
        alert_id=f"{call_id}.a{number}",
        summary="The customer sounds angry.",
        suggestions=(
            Suggestion(id="p-say", text=text, audience="agent", mode="say", **said),
            Suggestion(id="p-sup", text="Listen in.", audience="supervisor", mode="do", **said),
            Suggestion(id="p-do", text="Breathe out.", audience="agent", mode="do", **said),
        ),
    )


def began(call_id: str, opened_by: str = "", agent: str = "") -> CallStarted:
    return CallStarted(
        call_id=call_id,
        at_s=0.0,
        seq=1,
        channels=("agent", "customer"),
        sample_rate_hz=8000,
        language="en",
        stage="general",
        wire=1,
        opened_by=opened_by,
        agent=agent,
    )


@asynccontextmanager
async def desk(server: LiveServer, name: str | None, query: str = ""):
    """An agent's feed."""
    async with entering(server, f"/v1/agent/feed{query}", name) as socket:
        yield socket


async def heard(socket, count: int) -> list[dict]:
    async with asyncio.timeout(15):
        return [json.loads(await socket.recv()) for _ in range(count)]


async def silent(socket, for_s: float = 0.2) -> bool:
    try:
        async with asyncio.timeout(for_s):
            await socket.recv()
    except TimeoutError:
        return True
    return False


def told(frames: list[dict]) -> list[tuple[str, str]]:
    return [(frame["subject"], frame["data"]["type"]) for frame in frames]


async def call_of(server: LiveServer, name: str, call_id: str, **changes: object):
    socket = await entering(server, "/v1/stream", name)
    await socket.send(start(call_id, **changes))
    assert json.loads(await socket.recv())["type"] == "started"
    return socket


# -- whose call it is


class Plan(NamedTuple):
    """One call: an id that may come again, who opens it, whom its start names."""

    call_id: str
    opened_by: str
    agent: str
    alerts: int
    ends: bool


plans = st.lists(
    st.builds(
        Plan,
        st.sampled_from(["c-1", "c-2", "ingest"]),
        st.sampled_from([*AGENTS, "pbx", ""]),
        st.sampled_from([*AGENTS, "nobody", ""]),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=8,
)


def events_of(plan: Plan) -> tuple[list[Event], frozenset[str]]:
    started = began(plan.call_id, plan.opened_by, plan.agent)
    alerts = [offering(plan.call_id, number + 1) for number in range(plan.alerts)]
    ends = [bare_end(plan.call_id, 9, 9.0, "stop", 9.0)] if plan.ends else []
    noise = msgspec.structs.replace(tick(1), call_id=plan.call_id)
    return [started, noise, *alerts, *ends], started.owners


def own(calls: list[Plan], name: str) -> list[tuple[str, str]]:
    """What an agent should be told, worked out from the plan alone."""
    return [
        (plan.call_id, event.__struct_config__.tag)
        for plan in calls
        if name in (plan.opened_by, plan.agent)
        for event in events_of(plan)[0]
        if event.__struct_config__.tag in AGENT_TYPES
    ]


def said_in(mailbox: Mailbox) -> list[str]:
    return [mailbox._rare.popleft().text for _ in range(len(mailbox))]


@given(plans, st.integers(0, 8))
@examples(150)
def test_live_or_replayed_an_agent_is_told_of_own_calls_and_of_no_other(calls: list[Plan], at: int):
    hub = Hub(LiveSettings(), Metrics(), booted_ms=1)
    boxes = {name: Mailbox(500, int) for name in AGENTS}
    for name, mailbox in boxes.items():
        hub.subscribe(mailbox, OwnChoice(name))
    cursors = [hub.last]
    for plan in calls:
        events, owners = events_of(plan)
        for event in events:
            hub.publish(event, owners=owners)
        cursors.append(hub.last)
    since = min(at, len(calls))
    for name, mailbox in boxes.items():
        live = told([json.loads(text) for text in said_in(mailbox)])
        assert live == own(calls, name)
        again = hub.subscribe(Mailbox(1, int), OwnChoice(name), cursors[since])
        assert told([json.loads(text) for text in again]) == own(calls[since:], name)


async def _replayed(folder: Path, calls: list[Plan], at: int) -> None:
    archive = archive_at(Place(folder, ""))
    hub = Hub(LiveSettings(), Metrics(), archive=archive, booted_ms=1)
    hub.start(lambda: None)
    cursors = [0]
    for plan in calls:
        events, owners = events_of(plan)
        for event in events:
            hub.publish(event, owners=owners)
            cursors.append(hub.last)
    await hub.flush()
    everything = [(plan, event) for plan in calls for event in events_of(plan)[0]]
    await asyncio.to_thread(archive.close)
    archive = archive_at(Place(folder, ""))
    try:
        hub = Hub(LiveSettings(), Metrics(), archive=archive, booted_ms=2)  # a server that knows nobody
        hub.start(lambda: None)
        since = cursors[min(at, len(cursors) - 1)]
        skipped = min(at, len(cursors) - 1)
        for name in AGENTS:
            texts = [text async for text in hub.replay(Mailbox(1, int), OwnChoice(name), since)]
            expected = [
                (plan.call_id, event.__struct_config__.tag)
                for plan, event in everything[skipped:]
                if name in (plan.opened_by, plan.agent) and event.__struct_config__.tag in AGENT_TYPES
            ]
            assert told([json.loads(text) for text in texts]) == expected
    finally:
        await asyncio.to_thread(archive.close)


@given(plans, st.integers(0, 40))
@examples(12)
def test_after_a_restart_too_from_the_middle_of_calls_and_where_an_id_came_again(calls: list[Plan], at: int):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_replayed(Path(folder), calls, at))


@in_loop
async def test_two_agents_and_a_switchboard_each_hear_their_own():
    async with locked_server() as server, desk(server, "ingest") as anna, desk(server, "ingest-2") as ben:
        mine = await call_of(server, "ingest", "anna-1")
        his = await call_of(server, "ingest", "pbx-1", context={"agent": "ingest-2"})
        await play(his, quarrel(3.0, 9.0))
        await his.send('{"type":"stop"}')
        said = await rest(his)
        got = await heard(ben, 2 + len([event for event in said if event["type"].startswith("alert.")]))
        assert {subject for subject, _ in told(got)} == {"pbx-1"}
        assert [frame["data"]["type"] for frame in (got[0], got[-1])] == ["call.started", "call.ended"]
        assert got[0]["data"]["opened_by"] == "ingest"
        assert got[0]["data"]["agent"] == "ingest-2"
        assert got[0]["type"] == "sentiment-engine.call.started"
        assert await silent(ben)
        both = await heard(anna, 1 + len(got))  # who opened a call may hear of it too: a switchboard does
        assert told(both)[0] == ("anna-1", "call.started")
        assert both[1:] == got
        await mine.close()


@in_loop
async def test_only_phrases_for_the_agent_come_and_nothing_else_changes(place: Place):
    async with serving(locked(), archive=archive_at(place)) as server:
        async with (
            desk(server, "ingest") as anna,
            entering(server, "/v1/feed?types=alert.*", "supervisor") as feed,
        ):
            await call_of(server, "ingest", "c-1")
            server.hub.publish(offering(), owners=frozenset({"ingest"}))
            _, mine = await heard(anna, 2)
            [all_of_it] = await heard(feed, 1)
        audiences = [one["audience"] for one in mine["data"]["suggestions"]]
        assert audiences == ["agent", "agent"]
        assert len(all_of_it["data"]["suggestions"]) == 3
        del mine["data"]["suggestions"], all_of_it["data"]["suggestions"]
        assert mine == all_of_it
    async with serving(locked(), archive=archive_at(place)) as server:  # and out of the archive
        async with desk(server, "ingest", "?since=0") as anna:
            again = await heard(anna, 3)
        assert [one["audience"] for one in again[1]["data"]["suggestions"]] == ["agent", "agent"]
        assert told(again)[2] == ("c-1", "call.ended")  # the server that died did not say it


@given(st.lists(st.sampled_from(["agent", "supervisor"]), max_size=5), st.text(max_size=20), st.floats(0, 1))
@examples(100)
def test_a_frame_loses_only_what_is_for_others(audiences: list[str], text: str, level: float):
    said = [{"audience": one, "text": text, "n": n} for n, one in enumerate(audiences)]
    frame = {"id": "1", "data": {"level": level, "suggestions": said, "later": [1.0, None]}}
    shown = json.loads(own_view(json.dumps(frame)))
    left = shown["data"].pop("suggestions")
    assert left == [one for one in frame["data"].pop("suggestions") if one["audience"] == "agent"]
    assert shown == frame


@in_loop
async def test_without_a_cursor_the_live_call_comes_from_its_beginning_and_with_one_what_follows():
    async with locked_server() as server:
        await whole_and_over(server)
        async with desk(server, "ingest") as anna:
            assert await silent(anna)
        socket = await call_of(server, "ingest", "c-1")
        await call_of(server, "ingest-2", "other")
        server.hub.publish(offering(), owners=frozenset({"ingest"}))
        async with desk(server, "ingest") as anna:
            first = await heard(anna, 2)
            assert told(first) == [("c-1", "call.started"), ("c-1", "alert.raised")]
        await socket.send('{"type":"stop"}')
        await rest(socket)
        async with desk(server, "ingest", f"?since={first[1]['sequence']}") as anna:
            assert told(await heard(anna, 1)) == [("c-1", "call.ended")]
            assert await silent(anna)


async def whole_and_over(server: LiveServer) -> None:
    socket = await call_of(server, "ingest", "before")
    await socket.send('{"type":"stop"}')
    await rest(socket)


@in_loop
async def test_of_a_long_call_whose_beginning_is_forgotten_comes_what_is_kept():
    async with locked_server(live_settings(kept_events=2)) as server:
        await call_of(server, "ingest", "c-1")
        for number in range(4):
            server.hub.publish(offering(number=number), owners=frozenset({"ingest"}))
        async with desk(server, "ingest") as anna:
            assert [frame["data"]["seq"] for frame in await heard(anna, 2)] == [2, 3]


@in_loop
async def test_a_call_that_its_server_died_in_ends_for_its_agent_and_for_no_other(place: Place):
    async with serving(locked(), archive=archive_at(place)) as server:
        server.hub.publish(began("c-1", "ingest"), owners=frozenset({"ingest"}))
        await server.hub.flush()
    async with serving(locked(), archive=archive_at(place)) as server:
        await server.hub.flush()
        async with desk(server, "ingest", "?since=0") as anna, desk(server, "ingest-2", "?since=0") as ben:
            assert told(await heard(anna, 2)) == [("c-1", "call.started"), ("c-1", "call.ended")]
            assert await silent(ben)


@in_loop
async def test_without_tokens_the_page_hears_of_all_calls():
    async with serving() as server, desk(server, None) as page:
        await whole_call(server, "c-1", quarrel(3.0, 9.0))
        await whole_call(server, "c-2", quarrel(3.0, 9.0), context={"agent": "anna"})
        got = []
        while not got or told(got)[-1] != ("c-2", "call.ended"):
            got += await heard(page, 1)
        assert {subject for subject, _ in told(got)} == {"c-1", "c-2"}
        assert {kind for _, kind in told(got)} <= AGENT_TYPES
        assert [frame["data"].get("agent") for frame in got if frame["data"]["type"] == "call.started"] == [
            None,
            "anna",
        ]


@in_loop
async def test_a_platform_names_the_agent_in_its_parameters():
    async with locked_server() as server, desk(server, "ingest-2") as ben:
        async with connect(server.url + "/v1/twilio") as socket:
            await socket.send(twilio_start({"token": SECRETS["ingest"], "Agent": "ingest-2"}))
            [started] = await heard(ben, 1)
        assert told([started]) == [("CA1", "call.started")]


@in_loop
async def test_under_eu_rules_nothing_of_the_agents_own_emotion_is_told():
    samples = voice(9.0, 0.3, 2)
    both = pcm(samples, np.roll(samples, 4000))  # both shout
    settings = msgspec.structs.replace(locked(), profile="eu")
    async with serving(settings) as server, desk(server, "ingest") as anna:
        socket = await call_of(server, "ingest", "c-1")
        await play(socket, pcm(voice(4.0, 0.02, 1), voice(4.0, 0.02, 3)) + both)
        await socket.send('{"type":"stop"}')
        await rest(socket)
        got = []
        while not got or got[-1]["data"]["type"] != "call.ended":
            got += await heard(anna, 1)
    causes = {cause for frame in got for cause in frame["data"].get("causes", {})}
    assert "customer_anger" in causes
    assert not {"agent_anger", "mutual_escalation"} & causes
    assert not {"agent", "scores", "relative"} & {name for frame in got for name in frame["data"]}


# -- what is refused


@pytest.mark.parametrize(
    "agent", [7, None, True, ["ingest"], {"name": "ingest"}, " ", "a b", "ü", "x" * 65, "-x"]
)
@in_loop
async def test_an_agent_that_no_token_can_be_called_is_nobody_and_the_call_goes_on(agent):
    async with locked_server() as server:
        socket = await entering(server, "/v1/stream", "ingest")
        await socket.send(start("c-1", context={"agent": agent}))
        assert json.loads(await socket.recv())["type"] == "started"
        assert server.calls._calls["c-1"].owners == {"ingest"}
        await socket.close()


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
@examples(200)
def test_any_agent_is_a_name_that_a_token_can_have_or_none(agent):
    named = agent_named({"agent": agent})
    assert named in ("", agent)
    if named:
        assert TokenSettings(name=named, role="ingest", sha256="0" * 64).name == named


@pytest.mark.parametrize(
    "query", ["types=tension.updated", "calls=c-1", "agent=ingest-2", "since=x", "since=-1", "since="]
)
@in_loop
async def test_a_query_that_asks_for_more_is_refused(query: str):
    async with locked_server() as server, desk(server, "ingest", f"?{query}") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1007
        assert socket.close_reason.startswith("bad_query")


@in_loop
async def test_a_cursor_of_another_server_is_refused_as_on_the_feed():
    async with locked_server() as server, desk(server, "ingest", "?since=1") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason[:14]) == (1008, "cursor_too_old")


@in_loop
async def test_who_takes_over_a_call_does_not_change_whose_it_is():
    async with locked_server() as server, desk(server, "ingest-2") as ben:
        socket = await call_of(server, "ingest", "c-1")
        again = await call_of(server, "ingest", "c-1", context={"agent": "ingest-2"})
        assert await refusal(socket) == ("taken_over", 1008)
        await again.send('{"type":"stop"}')
        await rest(again)
        assert await silent(ben)


@in_loop
async def test_an_agent_that_cannot_keep_up_is_told_so_and_resumes():
    async with locked_server(live_settings(reader_events=3)) as server, desk(server, "ingest") as anna:
        await come_true(lambda: server.hub.readers == 1)
        for number in range(50):
            server.hub.publish(offering(number=number), owners=frozenset({"ingest"}))
        with pytest.raises(ConnectionClosed):
            await heard(anna, 50)
        assert (anna.close_code, anna.close_reason[:8]) == (1013, "too_slow")


# -- who an agent is, and that nothing is made of the name


@in_loop
async def test_the_page_learns_whom_the_server_takes_it_for(tmp_path):
    async with (
        serving(locked(), archive=archive_at(Place(tmp_path, ""))) as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http,
    ):
        assert (await http.get("/v1/agent", headers=bearer("ingest"))).json() == {
            "agent": "ingest",
            "keeps": True,
        }
        assert (await http.get("/v1/agent", headers=bearer("supervisor"))).json()["code"] == "forbidden"
    async with serving() as server, httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        assert (await http.get("/v1/agent")).json() == {"agent": "", "keeps": False}


@in_loop
async def test_nothing_lists_or_counts_by_agent(tmp_path):
    async with (
        serving(locked(), archive=archive_at(Place(tmp_path, ""))) as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http"), headers=bearer("admin")) as http,
    ):
        socket = await call_of(server, "ingest", "c-1", context={"agent": "some-agent"})
        await socket.send('{"type":"stop"}')
        await rest(socket)
        for path in ("/v1/calls", "/v1/alerts", "/v1/reviews"):
            for name in ("agent", "opened_by", "by", "owner", "answer", "answered"):
                said = await http.get(path, params={name: "some-agent"})
                assert (said.status_code, said.json()["code"]) == (400, "bad_query")
        assert "some-agent" not in (await http.get("/metrics")).text
