"""Twilio and its relatives on a real server over real sockets."""

from itertools import pairwise

import numpy as np
import pytest
from live_server import (
    RATE_HZ,
    come_true,
    heard_s,
    in_loop,
    live_settings,
    quarrel,
    read_feed,
    serving,
    small_talk,
)
from phone_calls import ALL, STEREO, alike, call, channels_of, closed, levels, of, phone, send, tap, turns
from phones import b64, split, twilio_call, twilio_media, twilio_start
from test_media_streams import EXOTEL_START, PLIVO_START, TELNYX_START


@in_loop
async def test_a_twilio_call_raises_alerts_ends_with_stop_and_is_told_nothing():
    async with serving() as server:
        events, (texts, code, _) = await call(server, twilio_call(quarrel(), twilio_start(language="en")))
    assert (texts, code) == ([], 1000)
    assert of(events, "call.started")[0]["channels"] == ["agent", "customer"]
    raised = of(events, "alert.raised")
    assert "customer_anger" in raised[0]["causes"]
    ended = of(events, "call.ended")[0]
    assert (ended["reason"], round(ended["duration_s"], 1)) == ("stop", 20.0)
    assert not of(events, "audio.gap")


@in_loop
async def test_the_other_role_map_makes_it_the_agents_anger():
    async with serving() as server:
        events, _ = await call(server, twilio_call(quarrel(), twilio_start(inbound="agent")))
    raised = of(events, "alert.raised")
    assert "agent_anger" in raised[0]["causes"]
    assert "customer_anger" not in raised[0]["causes"]


@in_loop
async def test_both_tracks_arrive_whole_and_each_is_its_own_voice():
    sound = turns()
    agent, customer = split(sound)
    async with serving() as server:
        heard = tap(server)
        await call(server, twilio_call(sound))
    channels = channels_of(heard["CAe5"])
    assert channels.shape[1] == len(agent)
    assert alike(channels[0], agent) > 0.99
    assert alike(channels[1], customer) > 0.99
    assert max(alike(channels[0], customer), alike(channels[1], agent)) < 0.35


@in_loop
async def test_packets_out_of_order_and_sent_twice_say_the_same():
    frames = twilio_call(quarrel(3.0, 9.0))
    head, media, stop = frames[:12], frames[12:-1], frames[-1]  # the first packets say where the clock begins
    rng = np.random.default_rng(3)
    mixed_up = [
        media[at + each]
        for at in range(0, len(media), 10)
        for each in rng.permutation(len(media[at : at + 10]))
    ]
    twice = [each for frame in mixed_up for each in (frame, frame)[: 1 + (rng.random() < 0.2)]]
    other = {**head[1], "start": head[1]["start"] | {"callSid": "CA2"}}
    async with serving() as server:
        straight, _ = await call(server, frames)
        crooked, _ = await call(server, [other, *head[2:], *twice, stop], call_id="CA2")
        assert server.metrics.packets_dropped.labels("duplicate")._value.get() > 50
    assert levels(crooked) == levels(straight)
    assert not of(crooked, "audio.gap")


@in_loop
async def test_packets_that_never_come_are_marked_and_the_rest_keeps_its_place():
    frames = twilio_call(turns())
    lost = [
        frame
        for frame in frames
        if frame["event"] != "media"
        or frame["media"]["track"] == "outbound"
        or not 3000 <= int(frame["media"]["timestamp"]) < 5000
    ]
    async with serving() as server:
        heard = tap(server)
        events, _ = await call(server, lost)
    gap = of(events, "audio.gap")
    assert {each["party"] for each in gap} == {"customer"}
    assert (gap[0]["start_s"], gap[-1]["end_s"], gap[-1]["reason"]) == (3.0, 5.0, "lost")
    assert all(before["end_s"] == after["start_s"] for before, after in pairwise(gap))
    sound = split(turns())[1].astype(float)
    sound[3 * RATE_HZ : 5 * RATE_HZ] = 0
    assert alike(channels_of(heard["CAe5"])[1], sound) > 0.99


@in_loop
async def test_a_second_socket_takes_the_call_over_and_stale_state_goes_with_the_old_one():
    frames = twilio_call(quarrel(3.0, 9.0))
    half = len(frames) // 2
    async with serving() as server, phone(server) as old, phone(server) as new:
        await send(old, frames[:half])
        await come_true(lambda: heard_s(server, "CAe5") >= 5.9)
        await send(new, frames[1:2])
        assert (await closed(old))[1:] == (1008, "taken_over: another socket continues call CAe5")
        await send(new, frames[half:])
        assert (await closed(new))[1] == 1000
        events = [item["data"] for item in await read_feed(server, ALL, until="CAe5")]
    assert len(of(events, "call.started")) == 1
    assert of(events, "alert.raised")
    assert events[-1]["duration_s"] == pytest.approx(12.0, abs=0.3)


@pytest.mark.parametrize(
    ("path", "first"), [("/v1/twilio", twilio_start("I-1")), ("/v1/l16", STEREO.replace("L-", "I-"))]
)
@in_loop
async def test_a_socket_that_never_ends_is_ended(path, first):
    async with serving(live_settings(idle_timeout_s=0.4)) as server, phone(server, path) as socket:
        await send(socket, [first])
        assert (await closed(socket))[1] == 1000
        events = await read_feed(server, ALL, until="I-1")
    assert events[-1]["data"]["reason"] == "idle"


@pytest.mark.parametrize(
    ("path", "first", "words"),
    [
        ("/v1/twilio", twilio_start(stage="finale"), "stage is 'finale'"),
        (
            "/v1/telnyx",
            {**TELNYX_START, "start": {"call_control_id": "x", "media_format": {"encoding": "OPUS"}}},
            "PCMU",
        ),
        ("/v1/twilio", twilio_start("x" * 300), "call_id"),
        ("/v1/twilio", twilio_start(attempts_today="many"), "attempts_today"),
        ("/v1/l16", '{"sampleRate":8000}', "mixType"),
        ("/v1/l16", '{"sampleRate":4000,"mixType":"mono"}', "sample_rate 4000"),
    ],
)
@in_loop
async def test_refusals_close_the_socket_with_the_remedy(path, first, words):
    async with serving() as server, phone(server, path) as socket:
        await send(socket, [first])
        _, code, reason = await closed(socket)
    assert code == 1007
    assert words in reason


def telnyx_media(track, at, data, sequence):
    media = {"track": track, "chunk": str(sequence), "timestamp": str(at // 8), "payload": b64(data)}
    return {"event": "media", "sequence_number": str(sequence), "media": media, "stream_id": "32DE0DEA"}


def plivo_media(number, at, track, piece):
    media = {
        "track": track,
        "timestamp": 1705312200000 + at // 8,
        "payload": b64(np.repeat(piece, 2).tobytes()),
    }
    return {"event": "media", "sequenceNumber": number, "media": media}


@in_loop
async def test_telnyx_with_one_track_only_marks_the_other_as_missing():
    codes = [frame["media"] for frame in twilio_call(quarrel()) if frame["event"] == "media"]
    customer = [media for media in codes if media["track"] == "inbound"]
    frames = [
        {"event": "media", "sequence_number": str(number), "media": media, "stream_id": "x"}
        for number, media in enumerate(customer, 2)
    ]
    name = "v2:T02llQxIyaRk"
    async with serving() as server:
        events, _ = await call(server, [TELNYX_START, *frames, {"event": "stop"}], "/v1/telnyx", name)
    assert "customer_anger" in of(events, "alert.raised")[0]["causes"]
    assert {gap["party"] for gap in of(events, "audio.gap")} == {"agent"}


@in_loop
async def test_telnyx_g722_exotel_and_plivo_are_heard():
    g722 = pytest.importorskip("G722").G722(16_000, 64_000)
    agent, customer = split(quarrel())
    wide = np.repeat(customer, 2)
    coded = g722.encode(wide.tolist())
    form = {"encoding": "G722", "sample_rate": 8000, "channels": 1}
    parameters = {"tracks": "inbound", "language": "en"}
    start = TELNYX_START["start"] | {"media_format": form, "custom_parameters": parameters}
    telnyx = [
        telnyx_media("inbound", at, coded[at : at + 160], 2 + at // 160) for at in range(0, len(coded), 160)
    ]
    exotel = [
        {
            "event": "media",
            "media": {"timestamp": str(at // 8), "payload": b64(customer[at : at + 800].tobytes())},
        }
        for at in range(0, len(customer), 800)
    ]
    both = [("inbound", customer), ("outbound", agent)]
    pieces = [(at, track, sound[at : at + 160]) for at in range(0, len(agent), 160) for track, sound in both]
    plivo = [plivo_media(number, at, track, piece) for number, (at, track, piece) in enumerate(pieces, 2)]
    end = {"event": "stop"}
    async with serving() as server:
        heard = [
            await call(
                server, [TELNYX_START | {"start": start}, *telnyx, end], "/v1/telnyx", "v2:T02llQxIyaRk"
            ),
            await call(server, [EXOTEL_START, *exotel, end], "/v1/exotel?party=customer", "CAx"),
            await call(server, [PLIVO_START, *plivo, end], "/v1/plivo", "12345678-1234"),
        ]
    for events, (_, code, _) in heard:
        assert "customer_anger" in of(events, "alert.raised")[0]["causes"]
        assert (code, events[-1]["reason"], round(events[-1]["duration_s"], 1)) == (1000, "stop", 20.0)


@in_loop
async def test_stop_before_a_start_leaves_no_call():
    async with serving() as server, phone(server) as socket:
        await send(socket, [{"event": "connected"}, {"event": "stop"}])
        assert (await closed(socket))[1] == 1000
        assert await read_feed(server, ALL) == []


@in_loop
async def test_media_before_its_start_is_heard():
    frames = twilio_call(small_talk(4.0))
    async with serving() as server:
        events, _ = await call(server, [*frames[2:12], frames[1], *frames[12:]])
    assert round(events[-1]["duration_s"], 1) == 4.0


@in_loop
async def test_a_hostile_platform_disturbs_no_other_call():
    async with serving() as server, phone(server) as bad:
        await send(bad, [twilio_start("bad"), twilio_media(b"\x01", "inbound", 0, 2)])
        for stamp in (1e14, 0, 5e13, 60_000, 119_000):
            await send(bad, [twilio_media(bytes(160), "inbound", stamp, int(stamp) // 7 + 3)])
        events, _ = await call(server, twilio_call(quarrel(3.0, 9.0)))
        await send(bad, ['{"event":"media","media":{"payload":"A"}}'])
        assert (await closed(bad))[1] == 1007
    assert of(events, "alert.raised")
