"""Calls that Asterisk's chan_websocket brings, over real sockets: legs, pauses, drops, refusals."""

import asyncio
import json

import numpy as np
import pytest
from asterisk_phone import closed, heard_by, leg, media_start, onsets_s, samples, speak, unstalled
from doors import basic, locked_server
from live_server import (
    RATE_HZ,
    come_true,
    heard_s,
    in_loop,
    is_fed,
    live_settings,
    quarrel,
    read_feed,
    serving,
    undisturbed,
    voice,
)
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

ALL = "since=0&types=*"
AGENT, CUSTOMER = "call_id=pbx-1&role=agent&language=en", "call_id=pbx-1&role=customer&language=en"


def of_kind(events, kind):
    return [event["data"] for event in events if event["data"]["type"] == kind]


def split(audio: bytes) -> tuple[bytes, bytes]:
    frames = np.frombuffer(audio, "<i2").reshape(-1, 2)
    return frames[:, 0].tobytes(), frames[:, 1].tobytes()


async def play_both(agent, customer, audio: bytes, step: int = 1600) -> None:
    """Both legs in step, eight times as fast as spoken."""
    for at in range(0, len(audio) // 2, step):
        for socket, channel in zip((agent, customer), split(audio), strict=True):
            await socket.send(channel[at : at + step])
        await asyncio.sleep(step / 2 / RATE_HZ / 8)


@pytest.mark.parametrize("customer_first", [False, True])
@in_loop
async def test_two_legs_are_one_call_with_the_right_parties_an_alert_and_one_end(customer_first: bool):
    async with serving() as server, undisturbed(server):
        first, second = (CUSTOMER, AGENT) if customer_first else (AGENT, CUSTOMER)
        async with leg(server, first) as one, leg(server, second) as two:
            agent, customer = (two, one) if customer_first else (one, two)
            await play_both(agent, customer, quarrel())
        events = await read_feed(server, ALL + "&calls=pbx-1", until="pbx-1")
    started = of_kind(events, "call.started")
    assert [event["channels"] for event in started] == [["agent", "customer"]]
    assert started[0]["language"] == "en"
    alerts = of_kind(events, "alert.raised")
    assert len(alerts) == 1
    assert "customer_anger" in alerts[0]["causes"]
    assert "agent_anger" not in alerts[0]["causes"]
    assert [event["reason"] for event in of_kind(events, "call.ended")] == ["stop"]
    assert of_kind(events, "call.ended")[0]["duration_s"] == pytest.approx(20.0, abs=0.3)
    angry = {e["party"] for e in of_kind(events, "emotion.scored") if e["scores"]["angry"] > 0.5}
    assert angry == {"customer"}


@pytest.mark.slow
@in_loop
@unstalled
async def test_legs_with_real_pauses_stay_together_within_60_ms():
    seconds = 12.0
    spans = {
        "agent": [(0.0, 1.0), (1.15, 1.6), (1.8, 2.4), (4.0, 6.0), (7.5, 7.8), (9.0, 11.96)],
        "customer": [(1.0, 3.0), (5.4, 7.0), (8.2, 8.8), (8.98, 9.1), (9.26, 9.6), (10.6, 11.98)],
    }
    truth = {}
    for seed, (party, spoken) in enumerate(spans.items()):
        whole, mask = voice(seconds, 0.05, seed), np.zeros(round(seconds * RATE_HZ))
        for start_s, end_s in spoken:
            mask[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] = 1.0
        truth[party] = whole * mask
    async with serving() as server:
        heard = heard_by(server)
        async with leg(server, CUSTOMER) as customer, leg(server, AGENT) as agent:
            began_s = asyncio.get_running_loop().time()
            await asyncio.gather(
                speak(agent.send, truth["agent"], spans["agent"], began_s),
                speak(customer.send, truth["customer"], spans["customer"], began_s),
            )
        events = await read_feed(server, ALL, until="pbx-1")
    got = np.frombuffer(b"".join(heard), "<i2").reshape(-1, 2)
    for index, party in enumerate(spans):
        expected = [start_s for start_s, _ in spans[party]]
        assert onsets_s(got[:, index]) == pytest.approx(expected, abs=0.06), party
    gaps = of_kind(events, "audio.gap")
    assert {gap["party"] for gap in gaps} == {"agent", "customer"}
    assert {gap["reason"] for gap in gaps} == {"idle"}
    assert of_kind(events, "alert.raised") == []


@in_loop
@unstalled
async def test_a_pause_of_both_is_a_marked_gap_and_raises_nothing():
    talk = voice(3.5, 0.02, 6)
    async with serving() as server:
        async with leg(server, AGENT) as agent, leg(server, CUSTOMER) as customer:
            began_s = asyncio.get_running_loop().time()
            await asyncio.gather(
                *(speak(one.send, talk, [(0.0, 0.8), (2.8, 3.5)], began_s) for one in (agent, customer))
            )
        events = await read_feed(server, ALL, until="pbx-1")
    for party in ("agent", "customer"):
        gaps = [gap for gap in of_kind(events, "audio.gap") if gap["party"] == party]
        assert sum(gap["end_s"] - gap["start_s"] for gap in gaps) == pytest.approx(2.0, abs=0.1)
        assert {gap["reason"] for gap in gaps} == {"idle"}
    assert of_kind(events, "alert.raised") == []
    assert of_kind(events, "call.ended")[0]["duration_s"] == pytest.approx(3.5, abs=0.1)


@in_loop
@unstalled
async def test_a_leg_that_joins_seconds_later_is_heard_where_it_belongs():
    talk = voice(3.0, 0.1, 6)
    async with serving() as server:
        heard = heard_by(server)
        began_s = asyncio.get_running_loop().time()
        async with leg(server, AGENT) as agent:
            speaking = asyncio.create_task(speak(agent.send, talk, [(0.0, 3.0)], began_s))
            await asyncio.sleep(1.5)
            async with leg(server, CUSTOMER) as customer:
                await speak(customer.send, talk, [(2.0, 3.0)], began_s)
                await speaking
        events = await read_feed(server, ALL, until="pbx-1")
    assert len(of_kind(events, "call.started")) == 1
    got = np.frombuffer(b"".join(heard), "<i2").reshape(-1, 2)
    assert onsets_s(got[:, 0]) == [pytest.approx(0.0, abs=0.06)]
    assert onsets_s(got[:, 1]) == [pytest.approx(2.0, abs=0.06)]
    assert [gap["party"] for gap in of_kind(events, "audio.gap")] == ["customer"]


@in_loop
@unstalled
async def test_audio_before_its_media_start_keeps_its_place():
    """asterisk#1712: under load the event comes up to a second late."""
    talk = voice(2.0, 0.1, 6)
    async with serving() as server:
        heard = heard_by(server)
        async with leg(server, AGENT) as agent, leg(server, CUSTOMER, start="") as customer:
            began_s = asyncio.get_running_loop().time()

            async def say_so() -> None:
                await asyncio.sleep(0.9)
                await customer.send(media_start())

            await asyncio.gather(
                speak(agent.send, talk, [(0.0, 2.0)], began_s),
                speak(customer.send, talk, [(0.3, 0.6), (1.2, 2.0)], began_s),
                say_so(),
            )
        await read_feed(server, ALL, until="pbx-1")
    got = np.frombuffer(b"".join(heard), "<i2").reshape(-1, 2)
    # What is older than the other leg's half second of patience is lost, and marked; the rest is in step.
    assert onsets_s(got[:, 1])[-1] == pytest.approx(1.2, abs=0.06)
    assert len(got) / RATE_HZ == pytest.approx(2.0, abs=0.1)


@in_loop
@unstalled
async def test_one_leg_hangs_up_and_the_call_goes_on_until_the_other_does():
    talk = voice(2.0, 0.05, 6)
    async with serving() as server:
        began_s = asyncio.get_running_loop().time()
        async with leg(server, AGENT) as agent:
            speaking = asyncio.create_task(speak(agent.send, talk, [(0.0, 2.0)], began_s))
            async with leg(server, CUSTOMER) as customer:
                await speak(customer.send, talk, [(0.0, 0.6)], began_s)
            await speaking
            assert is_fed(server, "pbx-1")
        events = await read_feed(server, ALL, until="pbx-1")
    ended = of_kind(events, "call.ended")
    assert [event["reason"] for event in ended] == ["stop"]
    assert ended[0]["duration_s"] == pytest.approx(2.0, abs=0.1)
    assert {gap["party"] for gap in of_kind(events, "audio.gap")} == {"customer"}


@in_loop
@unstalled
async def test_a_leg_that_breaks_off_comes_back_into_its_own_call():
    talk = voice(2.4, 0.1, 6)
    async with serving() as server:
        heard = heard_by(server)
        began_s = asyncio.get_running_loop().time()
        async with leg(server, AGENT) as agent:
            speaking = asyncio.create_task(speak(agent.send, talk, [(0.0, 2.4)], began_s))
            async with leg(server, CUSTOMER) as customer:
                await speak(customer.send, talk, [(0.0, 0.6)], began_s)
                customer.transport.abort()
            await asyncio.sleep(0.6)
            async with leg(server, CUSTOMER) as customer:
                await speak(customer.send, talk, [(1.6, 2.4)], began_s)
                await speaking
        events = await read_feed(server, ALL, until="pbx-1")
    assert len(of_kind(events, "call.started")) == len(of_kind(events, "call.ended")) == 1
    got = np.frombuffer(b"".join(heard), "<i2").reshape(-1, 2)
    assert onsets_s(got[:, 1]) == [pytest.approx(0.0, abs=0.06), pytest.approx(1.6, abs=0.06)]
    assert {gap["party"] for gap in of_kind(events, "audio.gap")} == {"customer"}


@in_loop
async def test_a_second_socket_for_a_leg_takes_over_and_the_other_leg_stays():
    async with serving() as server, leg(server, AGENT) as agent, leg(server, CUSTOMER) as old:
        await agent.send(bytes(1600))
        await old.send(bytes(1600))
        await come_true(lambda: heard_s(server, "pbx-1") > 0)
        async with leg(server, CUSTOMER):
            assert (await closed(old))[0] == 1008
            assert is_fed(server, "pbx-1")
            await agent.ping()


@in_loop
async def test_a_call_in_which_nobody_says_anything_any_more_ends_as_idle():
    async with serving(live_settings(idle_timeout_s=0.6)) as server, leg(server, AGENT) as agent:
        await agent.send(bytes(1600))
        async with leg(server, CUSTOMER) as customer:
            await asyncio.sleep(0.4)
            await customer.send("DTMF_END digit:5 channel_id:1795434060.20")
            await asyncio.sleep(0.4)
            assert is_fed(server, "pbx-1")
            assert await closed(agent) == (1000, "idle")
            assert await closed(customer) == (1000, "idle")
        assert of_kind(await read_feed(server, ALL, until="pbx-1"), "call.ended")[0]["reason"] == "idle"


@in_loop
async def test_a_socket_alone_without_a_role_is_mixed_and_bears_the_channels_id():
    async with serving() as server:
        async with leg(
            server, "", "MEDIA_START connection_id:c channel_id:17.4 format:ulaw ptime:20"
        ) as socket:
            await socket.send(b"\xff" * 8000)
        events = await read_feed(server, ALL, until="17.4")
    assert of_kind(events, "call.started")[0]["channels"] == ["mixed"]
    assert of_kind(events, "call.ended")[0]["duration_s"] == 1.0


@in_loop
async def test_wideband_frames_as_they_were_seen_are_heard_at_their_rate():
    wide = np.repeat(np.frombuffer(samples(voice(1.0, 0.1)), "<i2"), 2).tobytes()
    async with serving() as server:
        async with leg(server, "call_id=w-1", media_start(format="slin16", optimal_frame_size=640)) as socket:
            for at in range(0, len(wide), 640):
                await socket.send(wide[at : at + 640])
        ended = of_kind(await read_feed(server, ALL, until="w-1"), "call.ended")
    assert ended[0]["duration_s"] == 1.0


@pytest.mark.parametrize(
    ("query", "start", "code", "named"),
    [
        (AGENT, media_start(format="opus"), 1007, "c(slin16)"),
        (AGENT, media_start(format=None), 1007, "MEDIA_START"),
        ("role=agent", None, 1007, "call_id"),
        ("call_id=x&role=boss", None, 1007, "agent or customer"),
        ("call_id=x&stage=small-talk", None, 1007, "negotiation"),
        ("call_id=x&attempts_today=often", None, 1007, "attempts_today"),
        (f"call_id={'x' * 300}", None, 1007, "call_id"),
        ("", "MEDIA_START connection_id:c format:ulaw", 1007, "call_id"),
        ("", "{", 1007, "not Asterisk's"),
        (
            "call_id=x",
            json.dumps({"event": "MEDIA_START", "format": "slin", "x": "y" * 70_000}),
            1009,
            "65536",
        ),
    ],
)
@in_loop
async def test_what_cannot_be_used_is_refused_with_the_remedy_and_disturbs_nobody(query, start, code, named):
    async with serving() as server, undisturbed(server):
        if start is not None and "null" in start:
            named = "format"
        async with leg(server, query, start) as socket:
            got = await closed(socket)
    assert got[0] == code
    assert named in got[1]


@in_loop
async def test_legs_of_different_formats_are_refused_and_the_first_goes_on():
    async with serving() as server, leg(server, AGENT) as agent:
        await agent.send(bytes(1600))
        async with leg(server, CUSTOMER, media_start(format="slin16")) as customer:
            assert (await closed(customer))[0] == 1008
        assert is_fed(server, "pbx-1")


@in_loop
async def test_audio_that_is_never_announced_is_refused_unless_the_address_says_what_it_is():
    async with serving() as server:
        known = leg(server, "call_id=e-1&format=slin", start="")
        async with known as announced, leg(server, "", start="") as other:
            await announced.send(bytes(1600))
            await other.send(bytes(1600))
            assert (await closed(other))[0] == 1008
            await announced.send(media_start())
            await announced.send(bytes(1600))
        ended = of_kind(await read_feed(server, ALL, until="e-1"), "call.ended")
    assert ended[0]["duration_s"] == pytest.approx(2.0, abs=0.6)  # and the time it took to close the other


@in_loop
async def test_asterisk_shows_its_token_as_the_password_and_a_wrong_one_opens_nothing():
    async with locked_server() as server:
        headers = basic("ingest")
        async with connect(f"{server.url}/v1/asterisk?{AGENT}", additional_headers=headers) as socket:
            await socket.send(media_start())
            await socket.send(bytes(1600))
            await come_true(lambda: is_fed(server, "pbx-1"))
        for headers in ({}, {"Authorization": "Basic cGJ4MTpzZWNyZXQx"}, basic("supervisor")):
            with pytest.raises(InvalidStatus, match=r"401|403"):
                await connect(f"{server.url}/v1/asterisk?{AGENT}", additional_headers=headers)


@in_loop
async def test_another_subprotocol_or_none_is_not_claimed():
    async with serving() as server, connect(f"{server.url}/v1/asterisk", subprotocols=["chat"]) as socket:
        assert socket.subprotocol is None


@in_loop
async def test_a_shutdown_ends_the_call_and_closes_both_legs():
    async with serving() as server, leg(server, AGENT) as agent, leg(server, CUSTOMER) as customer:
        await agent.send(bytes(1600))
        await customer.send(bytes(1600))
        await come_true(lambda: heard_s(server, "pbx-1") > 0)
        closing = asyncio.create_task(server.aclose())
        assert {(await closed(agent))[0], (await closed(customer))[0]} == {1001}
        await closing
