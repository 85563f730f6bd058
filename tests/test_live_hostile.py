"""Every unkind thing a socket can do, each with another call running undisturbed beside it."""

import asyncio
import contextlib
import json
import os
import resource
import socket as sockets
import struct

import msgspec
import psutil
import pytest
from live_server import (
    come_true,
    in_loop,
    live_settings,
    loop_lag,
    offline,
    play,
    quarrel,
    read_feed,
    refusal,
    rest,
    said_of,
    serving,
    small_talk,
    start,
    streaming,
    undisturbed,
    whole_call,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.live import transport
from sentiment_engine.live.app import LiveServer
from sentiment_engine.settings_door import DoorSettings

DEEP = '{"type":"start","context":' + '{"a":' * 9_000 + "1" + "}" * 9_000 + "}"


# -- what the first frame can be


@pytest.mark.parametrize(
    ("frame", "code", "close_code"),
    [
        (b"\0\0\0\0", "audio_before_start", 1003),
        (b"", "audio_before_start", 1003),
        ("", "bad_json", 1007),
        ("hello", "bad_json", 1007),
        ("null", "bad_message", 1007),
        ("[]", "bad_message", 1007),
        ("{}", "bad_message", 1007),
        ('{"type":"begin"}', "unknown_type", 1007),
        ('{"type":7}', "bad_message", 1007),
        ('{"type":"start"}', "bad_message", 1007),
        ('{"type":"stop"}', "not_started", 1008),
        ('{"type":"gap","seconds":1}', "not_started", 1008),
        (DEEP, "bad_json", 1007),
        ("[" * 60_000, "bad_message", 1007),
        (start(context={"a": "x" * 70_000}), "too_big", 1009),
        (start(context={"a": 0}).replace("0}", "NaN}"), "bad_json", 1007),
        (start(sample_rate=0).replace(": 0", ": Infinity"), "bad_json", 1007),
        (start().replace("c-1", "\\ud800"), "bad_json", 1007),
        (start(sample_rate=0), "bad_audio", 1007),
        (start(sample_rate=7), "bad_audio", 1007),
        (start(sample_rate=10**9), "bad_audio", 1007),
        (start(sample_rate=10**40), "bad_audio", 1007),
        (start(sample_rate=-8000), "bad_audio", 1007),
        (start(sample_rate="8000"), "bad_message", 1007),
        (start(sample_rate=8000.5), "bad_message", 1007),
        (start(sample_rate=None), "bad_message", 1007),
        (start(encoding="mp3"), "bad_audio", 1007),
        (start(encoding=None), "bad_message", 1007),
        (start(channels=[]), "bad_audio", 1007),
        (start(channels=["agent", "customer", "agent"]), "bad_audio", 1007),
        (start(channels=["agent", "agent"]), "bad_audio", 1007),
        (start(channels=["boss"]), "bad_message", 1007),
        (start(channels="agent"), "bad_message", 1007),
        (start(call_id=""), "bad_audio", 1007),
        (start(call_id="x" * 201), "bad_audio", 1007),
        (start(call_id="a\x00b"), "bad_audio", 1007),
        (start(call_id=["c-1"]), "bad_message", 1007),
        (start(stage="shouting"), "bad_message", 1007),
        (start(language=""), "bad_audio", 1007),
        (start(context=[1]), "bad_message", 1007),
        (start(send=["everything"]), "bad_message", 1007),
    ],
)
@in_loop
async def test_a_first_frame_that_makes_no_sense_is_refused(frame, code: str, close_code: int):
    async with serving() as server:
        async with connect(server.url + "/v1/stream") as socket:
            await socket.send(frame)
            assert await refusal(socket) == (code, close_code)
        assert said_of(await read_feed(server), "c-1") == []
        assert (await whole_call(server, "after", small_talk(1.0)))[-1]["reason"] == "stop"


@in_loop
async def test_fields_that_nobody_knows_are_ignored():
    async with serving() as server:
        said = await whole_call(
            server, "c-1", small_talk(1.0), mood="fine", type_="x", context={"深": [1, {"a": None}]}
        )
    assert said[-1]["type"] == "call.ended"


# -- what later frames can be


@pytest.mark.parametrize(
    ("frame", "code", "close_code"),
    [
        (start(), "already_started", 1008),
        ("AAAA", "not_json_object", 1003),
        ("", "not_json_object", 1003),
        ("{", "bad_json", 1007),
        ('{"type":"gap"}', "bad_message", 1007),
        ('{"type":"gap","seconds":0}', "bad_message", 1007),
        ('{"type":"gap","seconds":-1}', "bad_message", 1007),
        ('{"type":"gap","seconds":3601}', "bad_message", 1007),
        ('{"type":"gap","seconds":NaN}', "bad_json", 1007),
        ('{"type":"gap","seconds":1e999}', "bad_message", 1007),
        ('{"type":"gap","seconds":true}', "bad_message", 1007),
        ('{"type":"gap","seconds":1,"reason":"overload"}', "bad_message", 1007),
        ('{"type":"stage","stage":"revenge"}', "bad_message", 1007),
        ('{"type":"transcript","party":"customer","text":"x","start_s":2,"end_s":1}', "bad_message", 1007),
        ('{"type":"transcript","party":"judge","text":"x","start_s":1,"end_s":2}', "bad_message", 1007),
        ('{"type":"transcript","text":"' + "x" * 70_000 + '"}', "too_big", 1009),
        ('{"type":"restart"}', "unknown_type", 1007),
    ],
)
@in_loop
async def test_a_later_frame_that_makes_no_sense_is_refused_and_the_call_can_be_resumed(
    frame: str, code: str, close_code: int
):
    audio = small_talk(2.0)
    async with serving() as server:
        async with streaming(server) as socket:
            await play(socket, audio)
            await socket.send(frame)
            assert await refusal(socket) == (code, close_code)
        async with connect(server.url + "/v1/stream") as socket:
            await socket.send(start())
            assert json.loads(await socket.recv())["resume_at_s"] == 2.0
            await socket.send('{"type":"stop"}')
            await rest(socket)
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)


@in_loop
async def test_no_start_at_all_is_closed_after_its_time():
    async with (
        serving(live_settings(start_timeout_s=0.2)) as server,
        undisturbed(server),
        connect(server.url + "/v1/stream") as socket,
    ):
        assert await refusal(socket) == ("start_timeout", 1008)


@in_loop
async def test_odd_byte_counts_are_heard_as_what_they_add_up_to():
    audio = quarrel(3.0, 6.0)[:-3]
    async with serving() as server, undisturbed(server):
        async with streaming(server) as socket:
            at, step = 0, 1
            while at < len(audio):
                await socket.send(audio[at : at + step])
                at, step = at + step, step % 4001 + 100
            await socket.send('{"type":"stop"}')
            await rest(socket)
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)


@pytest.mark.parametrize("first", [None, start("big")])
@in_loop
async def test_a_message_of_64_mib_is_refused_as_too_big(first: str | None):
    async with serving() as server, undisturbed(server):
        before = psutil.Process().memory_info().rss
        async with connect(server.url + "/v1/stream", compression=None) as socket:
            if first:
                await socket.send(first)
                await socket.recv()
            with contextlib.suppress(ConnectionClosed):  # or it fits into the sockets' buffers
                await socket.send(b"\0" * (64 << 20))
            await rest(socket)
            assert socket.close_code == 1009
        assert psutil.Process().memory_info().rss - before < 200 << 20  # the client's own copies, masked


@in_loop
async def test_a_message_in_endless_fragments_is_refused_as_too_big():
    async def endless():
        while True:
            yield b"\0" * 65_536

    async with serving() as server, undisturbed(server), streaming(server) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.send(endless())
        assert socket.close_code == 1009


async def raw_stream(server: LiveServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket without a library, after its handshake."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame with the mask 0, under which a payload stays as it is; at most 125 bytes or 64 KiB."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload


async def close_code_of(reader: asyncio.StreamReader) -> int:
    """The code in the close frame that ends what the server sends."""
    async with asyncio.timeout(8):
        data = await reader.read()
    at = data.rindex(b"\x88")
    return struct.unpack(">H", data[at + 2 : at + 4])[0]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (masked(1, b'{"type":"start","call_id":"\xff\xfe"}'), 1007),
        (masked(1, start("r").encode()) + masked(1, b"\xc3("), 1007),
        (masked(3, b"reserved opcode"), 1002),
        (b"\x82\x04abcd", 1002),  # not masked
        (b"\xf2\x80\0\0\0\0", 1002),  # reserved bits
        (masked(8, b"\x00"), 1002),  # a close of one byte
    ],
)
@in_loop
async def test_broken_framing_and_broken_utf8_close_that_socket_alone(frames: bytes, code: int):
    async with serving() as server, undisturbed(server):
        reader, writer = await raw_stream(server)
        writer.write(frames)
        assert await close_code_of(reader) == code
        writer.close()


async def tiny_frames(count: int) -> tuple[float, float]:
    """Sends samples one by one; the media time heard, and how late the event loop ever was, seconds."""
    frame = masked(2, b"\xff")
    unpaced = msgspec.structs.replace(live_settings(), door=DoorSettings(messages_per_s=0.0))
    async with serving(unpaced) as server, undisturbed(server):
        reader, writer = await raw_stream(server)
        writer.write(masked(1, start("tiny", encoding="mulaw").encode()))
        async with loop_lag() as lags, asyncio.timeout(300):
            for _ in range(count // 1000):
                writer.write(frame * 1000)
                await writer.drain()
            writer.write(masked(1, b'{"type":"stop"}'))
            while b"call.ended" not in await reader.read(65_536):
                pass
        writer.close()
        ended = (await read_feed(server, "since=0&types=call.ended&calls=tiny"))[-1]["data"]
    return ended["duration_s"], max(lags)


@in_loop
async def test_many_tiny_frames_are_heard_and_hold_nobody_up():
    heard_s, worst_lag_s = await tiny_frames(20_000)
    assert heard_s == 1.25
    assert worst_lag_s < 0.5


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("SLOW_TESTS"), reason="a minute: set SLOW_TESTS=1")
def test_a_million_tiny_frames_are_heard_and_hold_nobody_up():
    heard_s, worst_lag_s = asyncio.run(tiny_frames(1_000_000))
    assert heard_s == 62.5
    assert worst_lag_s < 0.5


@in_loop
async def test_long_gaps_hold_nobody_up():
    async with serving() as server, undisturbed(server), streaming(server) as socket, loop_lag() as lags:
        await socket.send('{"type":"gap","seconds":600}')
        await socket.send('{"type":"gap","seconds":600.5}')
        await socket.send('{"type":"stop"}')
        said = await rest(socket, 40)
    assert said[-1]["duration_s"] == 1200.5
    assert max(lags) < 0.5  # unsliced, these gaps would hold the loop for a second and a half


@pytest.mark.parametrize(
    "state", ["connected", "handshaken", "started", "streaming", "stopped", "in a frame"]
)
@in_loop
async def test_a_connection_cut_in_any_state_harms_nobody(state: str):
    async with serving(live_settings(resume_grace_s=0.3)) as server, undisturbed(server):
        if state == "connected":
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"GET /v1/str")
            await asyncio.sleep(0.05)
        else:
            reader, writer = await raw_stream(server)
        if state not in ("connected", "handshaken"):
            writer.write(masked(1, start("cut").encode()))
            assert b"started" in await reader.read(1000)
        if state in ("streaming", "stopped"):
            for at in range(0, 128_000, 3200):
                writer.write(masked(2, quarrel(1.0, 3.0)[at : at + 3200]))
        if state == "stopped":
            writer.write(masked(1, b'{"type":"stop"}'))
        if state == "in a frame":
            writer.write(masked(2, b"\0" * 3200)[:1000])
        await writer.drain()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()  # with linger 0 the peer gets a reset
        if state not in ("connected", "handshaken"):
            reason = (await read_feed(server, "since=0", until="cut"))[-1]["data"]["reason"]
            assert reason in (("stop", "disconnected") if state == "stopped" else ("disconnected",))
        async with asyncio.timeout(5):
            await come_true(lambda: not (len(server.calls.sessions) > 1))


@in_loop
async def test_a_thousand_idle_sockets_keep_nobody_out(monkeypatch: pytest.MonkeyPatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3000:
        pytest.skip(f"only {hard} files may be open here, 3000 are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    monkeypatch.setattr(transport, "FIRST_REQUEST_S", 2.0)
    async with (
        serving(live_settings(start_timeout_s=2.0)) as server,
        contextlib.AsyncExitStack() as idle,
        undisturbed(server),
    ):
        for number in range(1000):
            if number % 2:
                _, writer = await raw_stream(server)
            else:
                _, writer = await asyncio.open_connection(server.host, server.port)
            idle.callback(writer.close)
        said = await whole_call(server, "c-1", quarrel(3.0, 6.0))
        assert said[-1]["type"] == "call.ended"
        async with asyncio.timeout(20):
            await come_true(lambda: not (server.connections > 5))


@in_loop
async def test_a_stream_client_that_never_reads_is_still_heard():
    async with serving(live_settings(reader_events=50)) as server, undisturbed(server):
        _, writer = await raw_stream(server)
        writer.transport.pause_reading()
        writer.write(masked(1, start("deaf", send=["tension"]).encode()))
        audio = quarrel(3.0, 9.0)
        for at in range(0, len(audio), 32_000):
            writer.write(masked(2, audio[at : at + 32_000]))
        writer.write(masked(1, b'{"type":"stop"}'))
        await read_feed(server, "since=0", until="deaf")
        assert said_of(await read_feed(server), "deaf") == offline("deaf", audio)
        writer.close()
