"""A platform's socket: early audio, legs, holes, hang-ups, what is answered and what is refused."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import numpy as np
import pytest
from live_server import RATE_HZ, in_loop, is_fed, live_settings, quarrel, read_feed, serving, small_talk
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.live import vendor
from sentiment_engine.live.dialects import DIALECTS
from sentiment_engine.live.dialects.shape import Alive, Answer, Audio, Ended, Opened, Silence
from sentiment_engine.live.messages import Refused, StageChange, Start, Transcript
from sentiment_engine.live.rights import CALLS_TOKEN_LATER, RIGHTS

PIECE = RATE_HZ // 50


class Plain:
    """A dialect for these tests: JSON of an ``op``, and binary audio of the socket's own track."""

    name: ClassVar[str] = "plain"
    subprotocols: ClassVar[tuple[str, ...]] = ("plain.2", "plain.1")

    def __init__(self, hello):
        self.query, self.leg = hello.query, 0

    def text(self, text) -> list[Any]:
        said = json.loads(text)
        match said.pop("op"):
            case "open":
                return [self.opened(**said)]
            case "open-and-more":
                return [self.opened(), Audio(b"\1\0\1\0" * RATE_HZ)]
            case "audio":
                data = np.full(said["samples"], 1000, "<i2").tobytes()
                return [Audio(data, said.get("track", 0), said.get("stamp_s"), said.get("sequence"))]
            case "silence":
                return [Silence(said["seconds"])]
            case "ping":
                return [Answer("pong"), Alive()]
            case "stage":
                return [StageChange(stage=said["stage"])]
            case "said":
                return [Transcript(party="customer", text=said["text"], start_s=0.0, end_s=0.1)]
            case "end":
                return [Answer("bye"), Ended()]
            case _:
                raise Refused("bad_message", "an op that nobody knows")

    def opened(self, call_id="v-1", clock="flow", leg=None, split=False, wants_alerts=False):
        self.leg = leg or 0
        parties = ("agent", "customer")
        return Opened(
            start=Start(call_id=call_id, encoding="pcm_s16le", sample_rate=RATE_HZ, channels=parties),
            tracks=(("agent",), ("customer",)) if split or leg is not None else (parties,),
            clock=clock,
            leg=leg,
            wants_alerts=wants_alerts,
        )

    def binary(self, data):
        return [Audio(data, self.leg)]

    def unannounced(self):
        return self.opened(call_id=self.query["call_id"]) if "call_id" in self.query else None

    def parting(self):
        return ("farewell",)

    def no(self, refused):
        return (f"no: {refused.code}",)


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setitem(DIALECTS, "/v1/plain", Plain)
    monkeypatch.setitem(RIGHTS, "/v1/plain", CALLS_TOKEN_LATER)
    monkeypatch.setattr(vendor, "LATE_START_S", 0.3)


@asynccontextmanager
async def phone(server, query="", **options):
    async with connect(f"{server.url}/v1/plain{query}", **options) as socket:
        yield socket


async def say(socket, op, **more):
    await socket.send(json.dumps({"op": op, **more}))


async def closed(socket):
    """Reads to the end: the texts, the close code."""
    texts = []
    try:
        while True:
            texts.append(await asyncio.wait_for(socket.recv(), 10))
    except ConnectionClosed as reason:
        return texts, reason.rcvd.code


def split(sound):
    """The two channels of interleaved PCM16."""
    frames = np.frombuffer(sound, "<i2").reshape(-1, 2)
    return frames[:, 0].tobytes(), frames[:, 1].tobytes()


def kinds(events, kind):
    return [event["data"] for event in events if event["data"]["type"] == kind]


ALL = "since=0&types=*"


@in_loop
async def test_a_call_is_heard_alerts_go_to_the_feed_and_the_socket_closes_with_its_end():
    async with serving() as server, phone(server) as socket:
        await say(socket, "open")
        await socket.send(quarrel())
        await say(socket, "end")
        assert await closed(socket) == (["bye"], 1000)
        events = await read_feed(server, ALL, until="v-1")
    assert kinds(events, "alert.raised")[0]["kind"]
    assert (kinds(events, "call.ended")[0]["reason"], kinds(events, "call.ended")[0]["duration_s"]) == (
        "stop",
        20.0,
    )
    assert server.calls.sessions == set()


@in_loop
async def test_what_comes_with_the_start_or_before_it_is_heard():
    async with serving() as server:
        async with phone(server) as socket:
            await socket.send(b"\1\0\1\0" * RATE_HZ)
            await say(socket, "open")
            await say(socket, "end")
            await closed(socket)
        async with phone(server) as socket:
            await say(socket, "open-and-more")
            await say(socket, "end")
            await closed(socket)
        ended = kinds(await read_feed(server, ALL, until="v-1"), "call.ended")
    assert ended[0]["duration_s"] == 1.0


@in_loop
async def test_audio_without_a_start_waits_and_then_begins_as_the_query_says_or_is_refused():
    async with serving() as server:
        async with phone(server, "?call_id=q-1") as socket:
            await socket.send(small_talk(1.0))
            await asyncio.sleep(0.6)
            await socket.send(small_talk(1.0))
            await say(socket, "end")
            await closed(socket)
        assert kinds(await read_feed(server, ALL, until="q-1"), "call.ended")[0]["duration_s"] == 2.0
        async with phone(server) as socket:
            await socket.send(small_talk(1.0))
            assert await closed(socket) == (["no: start_timeout"], 1008)


@in_loop
async def test_too_much_audio_without_a_start_and_no_word_at_all_are_refused():
    async with serving(live_settings(start_timeout_s=0.3)) as server:
        async with phone(server) as socket:
            await socket.send(bytes(900_000))
            await socket.send(bytes(900_000))
            assert await closed(socket) == (["no: audio_before_start"], 1003)
        async with phone(server) as socket:
            assert await closed(socket) == (["no: start_timeout"], 1008)


@in_loop
async def test_a_probe_that_opens_nothing_leaves_no_call():
    async with serving() as server:
        async with phone(server) as socket:
            await say(socket, "ping")
            await say(socket, "end")
            assert await closed(socket) == (["pong", "bye"], 1000)
        assert server.hub.last == server.hub.floor


@in_loop
async def test_two_legs_are_one_call_and_it_ends_with_the_last():
    agent, customer = split(quarrel())
    async with serving() as server:
        async with phone(server) as one, phone(server) as two:
            await say(two, "open", leg=1)
            await say(one, "open", leg=0)
            for at in range(0, len(agent), 3200):
                await one.send(agent[at : at + 3200])
                await two.send(customer[at : at + 3200])
                await asyncio.sleep(0.001)
            await say(one, "end")
            assert await closed(one) == (["bye"], 1000)
            await asyncio.sleep(0.1)
            assert is_fed(server, "v-1")
            await say(two, "end")
            assert await closed(two) == (["bye"], 1000)
        events = await read_feed(server, ALL, until="v-1")
    assert len(kinds(events, "call.started")) == len(kinds(events, "call.ended")) == 1
    assert {event["party"] for event in kinds(events, "speech.ended")} == {"agent", "customer"}
    alert = kinds(events, "alert.raised")[0]
    assert "customer" in alert["kind"] or "customer_anger" in alert["causes"]
    assert kinds(events, "call.ended")[0]["duration_s"] == pytest.approx(
        20.0, abs=1.0
    )  # the second leg opens later


@in_loop
async def test_a_leg_that_is_silent_is_marked_and_the_other_is_heard():
    _, customer = split(small_talk(6.0))
    async with serving() as server:
        async with phone(server) as one, phone(server) as two:
            await say(one, "open", leg=0, clock="arrival")
            await say(two, "open", leg=1, clock="arrival")
            await two.send(customer)
            await asyncio.sleep(0.3)
            await say(two, "end")
            await say(one, "end")
            await closed(one)
        events = await read_feed(server, ALL, until="v-1")
    gaps = kinds(events, "audio.gap")
    assert {(gap["party"], gap["reason"]) for gap in gaps} == {("agent", "idle")}
    assert sum(gap["end_s"] - gap["start_s"] for gap in gaps) == pytest.approx(6.0, abs=0.3)
    assert {event["party"] for event in kinds(events, "speech.ended")} == {"customer"}


@in_loop
async def test_a_leg_that_comes_back_takes_the_place_of_the_old_one_only():
    async with serving() as server:
        async with phone(server) as one, phone(server) as two, phone(server) as again:
            await say(one, "open", leg=0)
            await say(two, "open", leg=1)
            await asyncio.sleep(0.1)
            await say(again, "open", leg=0)
            assert await closed(one) == (["no: taken_over"], 1008)
            await say(two, "end")
            assert await closed(two) == (["bye"], 1000)
            assert is_fed(server, "v-1")
            await say(again, "end")
            await closed(again)
        events = await read_feed(server, ALL, until="v-1")
    assert len(kinds(events, "call.started")) == 1


@in_loop
async def test_a_dropped_call_that_comes_back_has_a_gap_as_long_as_it_was_away():
    async with serving() as server:
        async with phone(server) as socket:
            await say(socket, "open", clock="arrival")
            await socket.send(small_talk(1.0))
            await asyncio.sleep(0.2)
            socket.transport.abort()
        await asyncio.sleep(1.5)
        async with phone(server) as socket:
            await say(socket, "open", clock="arrival")
            await socket.send(small_talk(1.0))
            await say(socket, "end")
            await closed(socket)
        events = await read_feed(server, ALL, until="v-1")
    gaps = kinds(events, "audio.gap")
    assert {gap["reason"] for gap in gaps} == {"lost"}
    assert {gap["party"] for gap in gaps} == {"agent", "customer"}
    assert kinds(events, "call.ended")[0]["duration_s"] == pytest.approx(2.7, abs=0.6)


@pytest.mark.parametrize(("code", "reason", "at_most_s"), [(1000, "stop", 4.0), (None, "disconnected", 9.0)])
def test_a_client_that_closes_with_1000_has_hung_up_and_one_that_vanishes_is_waited_for(
    code, reason, at_most_s
):
    @in_loop
    async def body():
        async with serving(live_settings(resume_grace_s=5.0)) as server:
            async with phone(server) as socket:
                await say(socket, "open")
                await socket.send(small_talk(1.0))
                await asyncio.sleep(0.2)
                if code is None:
                    socket.transport.abort()
            began = asyncio.get_running_loop().time()
            events = await read_feed(server, ALL, until="v-1")
            waited_s = asyncio.get_running_loop().time() - began
        assert kinds(events, "call.ended")[0]["reason"] == reason
        assert at_most_s - 5.0 < waited_s < at_most_s

    body()


@in_loop
async def test_packets_out_of_order_twice_or_too_late_change_nothing_else():
    async with serving() as server:
        async with phone(server) as socket:
            await say(socket, "open", clock="stamps")
            for number in (0, 2, 1, 1, 3, 4):
                await say(socket, "audio", samples=2 * PIECE, stamp_s=number * 0.02, sequence=number)
            await say(socket, "audio", samples=2 * PIECE, stamp_s=-1.0, sequence=5)
            await say(socket, "end")
            await closed(socket)
        ended = kinds(await read_feed(server, ALL, until="v-1"), "call.ended")
        text = server.metrics.render().decode()
    assert ended[0]["duration_s"] == 0.1
    assert 'packets_dropped_total{why="duplicate"} 1.0' in text
    assert 'packets_dropped_total{why="late"} 1.0' in text


@in_loop
async def test_time_that_the_platform_says_passed_is_a_gap_in_pieces_of_a_minute():
    async with serving() as server:
        async with phone(server) as socket:
            await say(socket, "open")
            await socket.send(small_talk(1.0))
            await say(socket, "silence", seconds=150.0)
            await socket.send(small_talk(1.0))
            await say(socket, "end")
            await closed(socket)
        events = await read_feed(server, ALL, until="v-1")
    spans = [(gap["start_s"], gap["end_s"]) for gap in kinds(events, "audio.gap") if gap["party"] == "agent"]
    assert spans == [(1.0, 61.0), (61.0, 121.0), (121.0, 151.0)]
    assert kinds(events, "call.ended")[0]["duration_s"] == 152.0


@in_loop
async def test_alerts_are_sent_back_where_they_are_wanted():
    async with serving() as server, phone(server) as socket:
        await say(socket, "open", wants_alerts=True)
        await socket.send(quarrel())
        await say(socket, "end")
        texts, code = await closed(socket)
    said = [json.loads(text)["type"] for text in texts if text.startswith("{")]
    assert code == 1000
    assert "alert.raised" in said
    assert said[-1] == "call.ended"
    assert texts[-1] == "farewell"


@in_loop
async def test_the_server_says_farewell_when_it_ends_a_call_itself():
    async with serving(live_settings(idle_timeout_s=0.5)) as server, phone(server) as socket:
        await say(socket, "open")
        await socket.send(small_talk(1.0))
        assert await closed(socket) == (["farewell"], 1000)
        events = await read_feed(server, ALL, until="v-1")
        assert kinds(events, "call.ended")[0]["reason"] == "idle"
    async with serving() as server, phone(server) as socket:
        await say(socket, "open")
        await asyncio.sleep(0.1)
        server.stop()
        assert await closed(socket) == (["farewell"], 1001)


@in_loop
async def test_words_and_stages_of_the_platform_reach_the_call():
    async with serving() as server, phone(server) as socket:
        await say(socket, "open")
        await socket.send(quarrel()[: 4 * RATE_HZ])
        await say(socket, "stage", stage="notice")
        await say(socket, "said", text="hello")
        await socket.send(quarrel())
        await say(socket, "end")
        await closed(socket)
        events = await read_feed(server, ALL, until="v-1")
    rules = [one["rule"] for alert in kinds(events, "alert.raised") for one in alert["suggestions"]]
    assert all("notice" in rule for rule in rules)


@in_loop
async def test_what_the_dialect_refuses_ends_the_socket_and_no_other():
    async with serving() as server, phone(server) as good, phone(server) as bad:
        await say(good, "open", call_id="good")
        await say(bad, "open", call_id="bad")
        await say(bad, "nonsense")
        assert await closed(bad) == (["no: bad_message"], 1007)
        await good.send(small_talk(1.0))
        await say(good, "end")
        assert (await closed(good))[1] == 1000


@in_loop
async def test_the_subprotocol_that_is_offered_and_known_is_echoed():
    async with serving() as server:
        async with phone(server, subprotocols=["other", "plain.1"]) as socket:
            assert socket.subprotocol == "plain.1"
        async with phone(server) as socket:
            assert socket.subprotocol is None
