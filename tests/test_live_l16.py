"""L16 over WebSocket on a real server over real sockets."""

import asyncio
import json

import numpy as np
import pytest
from live_server import in_loop, quarrel, read_feed, serving, small_talk
from phone_calls import (
    ALL,
    STEREO,
    alike,
    call,
    channels_of,
    closed,
    interleaved,
    l16,
    levels,
    of,
    phone,
    send,
    tap,
    turns,
)
from phones import split

from sentiment_engine.live import vendor


@pytest.mark.parametrize(("query", "order"), [("", (1, 0)), ("?agent_channel=0", (0, 1))])
@in_loop
async def test_a_fork_is_heard_the_right_way_round_and_the_empty_frame_is_answered_with_a_close(query, order):
    sound = turns()
    async with serving() as server:
        heard = tap(server)
        events, (texts, code, _) = await call(
            server, l16(interleaved(sound, *order)), "/v1/l16" + query, "L-1"
        )
    assert (texts, code) == ([], 1000)
    assert of(events, "call.ended")[0]["reason"] == "stop"
    assert of(events, "call.started")[0]["channels"] == [["agent", "customer"][index] for index in order]
    channels = channels_of(heard["L-1"], "pcm_s16le")
    for heard_channel, index in zip(channels, order, strict=True):
        assert alike(heard_channel, split(sound)[index]) > 0.99
        assert alike(heard_channel, split(sound)[1 - index]) < 0.35


@in_loop
async def test_a_fork_that_asks_is_sent_its_alerts():
    metadata = STEREO.replace("}", ',"send":["alerts"]}')
    async with serving() as server:
        events, (texts, code, _) = await call(
            server, l16(interleaved(quarrel(), 1, 0), metadata), "/v1/l16", "L-1"
        )
    said = [json.loads(text) for text in texts]
    assert said == [
        each for each in events if each["type"].startswith("alert.") or each["type"] == "call.ended"
    ]
    assert "customer_anger" in said[0]["causes"]
    assert code == 1000


@in_loop
async def test_frames_of_odd_sizes_change_nothing():
    sound = interleaved(quarrel(3.0, 9.0), 1, 0)
    async with serving() as server:
        even, _ = await call(server, l16(sound), "/v1/l16", "L-1")
        odd, _ = await call(server, l16(sound, STEREO.replace("L-1", "L-2"), 641), "/v1/l16", "L-2")
    assert levels(odd) == levels(even)
    assert len(levels(even)) == 12


@in_loop
async def test_vonage_sends_one_channel_that_is_mixed():
    first = '{"event":"websocket:connected","content-type":"audio/l16;rate=16000","call_id":"V-1"}'
    wide = np.repeat(split(small_talk(3.0))[1], 2).tobytes()
    async with serving() as server, phone(server, "/v1/l16") as socket:
        await send(socket, l16(wide, first, 640)[:-1])
        await socket.close()
        feed = await read_feed(server, f"{ALL}&calls=V-1", until="V-1")
    events = [item["data"] for item in feed]
    assert of(events, "call.started")[0]["channels"] == ["mixed"]
    assert (events[-1]["reason"], round(events[-1]["duration_s"], 1)) == ("stop", 3.0)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["audio.drachtio.org"], "audio.drachtio.org"),
        (["x", "audio.jambonz.org"], "audio.jambonz.org"),
        (None, None),
    ],
)
@in_loop
async def test_the_subprotocol_of_drachtio_and_jambonz_is_echoed(offered, chosen):
    async with serving() as server, phone(server, "/v1/l16", subprotocols=offered) as socket:
        assert socket.subprotocol == chosen


@in_loop
async def test_audio_that_comes_before_its_metadata_is_heard():
    metadata, *audio = l16(small_talk(4.0))
    async with serving() as server:
        events, _ = await call(server, [*audio[:50], metadata, *audio[50:]], "/v1/l16", "L-1")
    assert round(events[-1]["duration_s"], 1) == 4.0


@in_loop
async def test_audio_without_metadata_is_heard_as_the_address_says_or_refused(monkeypatch):
    monkeypatch.setattr(vendor, "LATE_START_S", 0.3)
    _, *audio = l16(small_talk(2.0))
    async with serving() as server:
        async with phone(server, "/v1/l16?call_id=Q-1&sample_rate=8000&channels=2") as socket:
            await send(socket, audio[:50])
            await asyncio.sleep(0.5)
            await send(socket, audio[50:])
            assert (await closed(socket))[1] == 1000
        events = await read_feed(server, ALL, until="Q-1")
        assert events[-1]["data"]["duration_s"] >= 2.0
        async with phone(server, "/v1/l16") as socket:
            await send(socket, audio[:50])
            texts, code, reason = await closed(socket)
    assert code == 1007
    assert "sample rate" in reason or "how many channels" in reason
    assert json.loads(texts[0])["code"] == "bad_message"


@in_loop
async def test_a_pause_that_says_nothing_is_a_gap_and_the_clock_goes_on():
    piece = np.full(320, 1000, "<i2").tobytes()
    async with serving() as server, phone(server, "/v1/l16") as socket:
        await socket.send(STEREO)
        loop = asyncio.get_running_loop()
        for until in (1.0, 1.0):
            began = loop.time()
            for number in range(round(until * 50)):
                await asyncio.sleep(max(0.0, began + number / 50 - loop.time()))
                await socket.send(piece)
            await asyncio.sleep(1.0)
        await socket.send(b"")
        feed = await read_feed(server, f"{ALL}&calls=L-1", until="L-1")
    events = [item["data"] for item in feed]
    gaps = of(events, "audio.gap")
    assert {(gap["party"], gap["reason"]) for gap in gaps} == {("agent", "idle"), ("customer", "idle")}
    assert 0.7 < gaps[0]["end_s"] - gaps[0]["start_s"] < 1.3
    assert 2.7 < events[-1]["duration_s"] < 3.5


@in_loop
async def test_words_and_digits_between_the_audio_reach_the_call_or_nobody():
    metadata, *audio = l16(small_talk(4.0))
    said = (
        '{"type":"stage","stage":"negotiation"}',
        '{"event":"dtmf","digit":"1"}',
        "free text",
        '{"type":"stop"}',
    )
    async with serving() as server:
        events, (_, code, _) = await call(server, [metadata, *audio[:-1], *said], "/v1/l16", "L-1")
    assert (code, events[-1]["reason"]) == (1000, "stop")
