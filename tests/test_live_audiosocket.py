"""Calls that Asterisk brings over AudioSocket, real TCP: life, ends, limits, back-pressure, shutdown."""

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
import uuid

import msgspec
import numpy as np
import pytest
from asterisk_phone import (
    audiosocket,
    frame,
    heard_by,
    onsets_s,
    samples,
    serving_audiosocket,
    speak,
    unstalled,
)
from live_server import (
    Held,
    LoudIsAngry,
    come_true,
    heard_s,
    in_loop,
    is_fed,
    live_settings,
    quarrel,
    read_feed,
    undisturbed,
    voice,
    waiting,
)
from voices import SETTINGS

from sentiment_engine.errors import BadSettings
from sentiment_engine.live import audiosocket as module
from sentiment_engine.live import session
from sentiment_engine.live.app import LiveServer
from sentiment_engine.settings_audiosocket import AudioSocketSettings

ALL = "since=0&types=*"
NAME = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d10")
BYE = frame(0x00)


def of_kind(events, kind):
    return [event["data"] for event in events if event["data"]["type"] == kind]


def with_audiosocket(**changes):
    return msgspec.structs.replace(SETTINGS, audiosocket=AudioSocketSettings(language="en", **changes))


def customer_of(audio: bytes) -> bytes:
    return np.frombuffer(audio, "<i2").reshape(-1, 2)[:, 1].tobytes()


@pytest.mark.parametrize("how", ["hang-up", "fin", "caller hung up"])
@in_loop
async def test_a_call_is_heard_alerts_and_ends_however_asterisk_hangs_up(how: str):
    async with serving_audiosocket(with_audiosocket()) as server, undisturbed(server):
        async with audiosocket(server, NAME) as line:
            await line.send(customer_of(quarrel()))
            if how == "fin":
                line.writer.write_eof()
            else:
                line.writer.write(BYE if how == "hang-up" else frame(0xFF, b"\1"))
            events = await read_feed(server, ALL + f"&calls={NAME}", until=str(NAME))
            assert await line.closed() in (b"", BYE)
        await come_true(lambda: not server.audiosocket._open)
    started = of_kind(events, "call.started")[0]
    assert (started["channels"], started["language"]) == (["customer"], "en")
    assert "customer_anger" in of_kind(events, "alert.raised")[0]["causes"]
    ended = of_kind(events, "call.ended")
    assert [(event["reason"], event["duration_s"]) for event in ended] == [("stop", 20.0)]


@in_loop
async def test_a_whole_call_in_one_packet_is_heard():
    async with serving_audiosocket() as server:
        async with audiosocket(server, NAME) as line:
            line.writer.write(frame(0x10, bytes(8000)) + BYE)
            assert await line.closed() == BYE
        assert of_kind(await read_feed(server, ALL, until=str(NAME)), "call.ended")[0]["duration_s"] == 0.5


@in_loop
@unstalled
async def test_two_connections_are_the_legs_of_one_call_and_keep_in_step():
    talk = voice(2.4, 0.05, 6)
    spans = {"0": [(0.0, 0.8), (1.4, 2.4)], "1": [(0.6, 1.2), (1.9, 2.4)]}
    async with serving_audiosocket(with_audiosocket(party="legs")) as server:
        heard = heard_by(server)
        began_s = asyncio.get_running_loop().time()

        async def one(digit: str) -> None:
            async with audiosocket(server, uuid.UUID(str(NAME)[:-1] + digit)) as line:
                await speak(line.send, talk, spans[digit], began_s)
                line.writer.write(BYE)
                await line.closed()

        await asyncio.gather(one("1"), one("0"))
        events = await read_feed(server, ALL, until=str(NAME)[:-1] + "0")
    assert [event["channels"] for event in of_kind(events, "call.started")] == [["agent", "customer"]]
    got = np.frombuffer(b"".join(heard), "<i2").reshape(-1, 2)
    assert onsets_s(got[:, 0]) == pytest.approx([start for start, _ in spans["0"]], abs=0.06)
    assert onsets_s(got[:, 1]) == pytest.approx([start for start, _ in spans["1"]], abs=0.06)
    assert {(gap["reason"]) for gap in of_kind(events, "audio.gap")} == {"idle"}


@in_loop
async def test_wideband_audio_is_heard_at_its_rate_and_mixed_is_called_so():
    mixed = with_audiosocket(party="mixed")
    async with serving_audiosocket(mixed) as server, audiosocket(server, NAME) as line:
        await line.send(bytes(32_000), kind=0x12, step=640)
        line.writer.write(BYE)
        events = await read_feed(server, ALL, until=str(NAME))
    assert of_kind(events, "call.started")[0]["channels"] == ["mixed"]
    assert of_kind(events, "call.ended")[0]["duration_s"] == 1.0


@in_loop
async def test_a_line_that_breaks_is_waited_for_longer_than_one_that_hangs_up(monkeypatch):
    monkeypatch.setattr(session, "LAST_WORD_S", 0.1)
    async with serving_audiosocket() as server:
        async with audiosocket(server, NAME) as line:
            await line.send(samples(voice(0.5, 0.05)))
            await come_true(lambda: heard_s(server, str(NAME)) >= 0.5)
            at_once = struct.pack("ii", 1, 0)  # closing then sends a reset and no FIN
            line.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            line.writer.transport.abort()
            await come_true(lambda: not is_fed(server, str(NAME)))
            await asyncio.sleep(0.5)
        async with audiosocket(server, NAME) as line:
            await line.send(samples(voice(0.5, 0.05)))
            line.writer.write(BYE)
            events = await read_feed(server, ALL, until=str(NAME))
    assert len(of_kind(events, "call.started")) == len(of_kind(events, "call.ended")) == 1


@in_loop
async def test_a_silent_connection_a_half_word_and_a_web_client_are_closed_and_disturb_nobody():
    async with (
        serving_audiosocket(live_settings(start_timeout_s=0.5)) as server,
        undisturbed(server),
        audiosocket(server, None) as silent,
        audiosocket(server, None) as half,
        audiosocket(server, None) as web,
    ):
        half.writer.write(b"\x01\xff\xff" + bytes(5))
        web.writer.write(b"GET /v1/feed HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(30_000))
        for line in (silent, half, web):
            assert await line.closed() in (b"", BYE)


@in_loop
async def test_a_named_call_that_begins_in_silence_is_not_cut_off():
    hasty = live_settings(start_timeout_s=0.3)
    async with serving_audiosocket(hasty) as server, audiosocket(server, NAME) as line:
        await come_true(lambda: is_fed(server, str(NAME)))
        await line.send(bytes(16_000))
        line.writer.write(BYE)
        ended = of_kind(await read_feed(server, ALL, until=str(NAME)), "call.ended")
    assert ended[0]["duration_s"] == 1.0


@in_loop
async def test_a_call_without_any_audio_any_more_ends_as_idle_and_is_hung_up():
    async with serving_audiosocket(live_settings(idle_timeout_s=0.4)) as server:
        async with audiosocket(server, NAME) as line:
            await line.send(bytes(1600))
            assert await line.closed() == BYE
        assert of_kind(await read_feed(server, ALL, until=str(NAME)), "call.ended")[0]["reason"] == "idle"


@in_loop
async def test_a_server_that_cannot_keep_up_reads_no_further_and_loses_nothing():
    model, seconds = Held(), 600
    model.hold()
    audio = samples(np.tile(voice(10.0, 0.05), seconds // 10))
    async with serving_audiosocket(model=model) as server:
        async with audiosocket(server, NAME) as line:
            sending = asyncio.create_task(line.send(audio))
            await come_true(lambda: waiting(server, str(NAME)) >= SETTINGS.live.call_windows)
            await asyncio.sleep(0.5)
            assert heard_s(server, str(NAME)) < 60
            assert not sending.done()
            model.release()
            await sending
            line.writer.write(BYE)
            async with asyncio.timeout(40):
                assert await line.reader.read() == BYE
        ended = of_kind(await read_feed(server, ALL, until=str(NAME)), "call.ended")
    assert ended[0]["duration_s"] == seconds


@in_loop
async def test_who_is_not_named_is_turned_away_and_who_is_comes_in():
    async with serving_audiosocket(with_audiosocket(allow=("127.0.0.2",))) as server:
        async with audiosocket(server, NAME) as stranger:
            assert await stranger.closed() == b""
        assert server.calls.sessions == set()
        async with audiosocket(server, NAME, source="127.0.0.2") as line:
            await line.send(bytes(1600))
            await come_true(lambda: is_fed(server, str(NAME)))


@in_loop
async def test_one_connection_too_many_is_turned_away():
    async with (
        serving_audiosocket(live_settings(max_calls=1)) as server,
        audiosocket(server, None),
        audiosocket(server, None),
    ):
        await come_true(lambda: len(server.calls.sessions) == 2)
        async with audiosocket(server, NAME) as third:
            assert await third.closed() == b""


@in_loop
async def test_a_shutdown_ends_calls_hangs_up_and_takes_nobody_new():
    async with serving_audiosocket() as server:
        async with audiosocket(server, NAME) as line, audiosocket(server, None) as nameless:
            await line.send(bytes(1600))
            await come_true(lambda: is_fed(server, str(NAME)))
            port = server.audiosocket.port
            closing = asyncio.create_task(server.aclose())
            assert await line.closed() == BYE
            assert await nameless.closed() == BYE
            await closing
        with pytest.raises(OSError, match=str(port)):
            await asyncio.open_connection(server.host, port)
    assert server.calls.sessions == set()


@in_loop
async def test_a_peer_that_never_reads_or_closes_cannot_hold_up_a_shutdown(monkeypatch):
    monkeypatch.setattr(module, "LINGER_S", 0.2)

    class Stuck(module.VendorSession):
        async def run(self) -> None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.sleep(60)

    monkeypatch.setattr(module, "VendorSession", Stuck)
    async with serving_audiosocket() as server, audiosocket(server, NAME) as line:
        await come_true(lambda: bool(server.audiosocket._open))
        async with asyncio.timeout(5):
            await server.aclose()
        assert await line.closed() == b""


def test_beyond_this_machine_the_port_opens_only_for_named_peers():
    with pytest.raises(BadSettings, match=r"audiosocket\.allow"):
        module.require_named_peers(AudioSocketSettings(), "0.0.0.0")  # noqa: S104 - refused
    for host in ("127.0.0.1", "::1", "localhost"):
        module.require_named_peers(AudioSocketSettings(), host)
    module.require_named_peers(AudioSocketSettings(allow=("10.0.0.0/8",)), "0.0.0.0")  # noqa: S104


@in_loop
async def test_a_port_that_is_taken_is_named_and_nothing_stays_open():
    async with serving_audiosocket() as server:
        taken = server.audiosocket.port
        with pytest.raises(BadSettings, match=f"{taken}.*--audiosocket-port"):
            LiveServer(SETTINGS, LoudIsAngry(), port=0, audiosocket_port=taken)


@pytest.mark.slow
def test_the_command_prints_where_it_takes_audiosocket():
    command = [sys.executable, "-m", "sentiment_engine", "serve", "--port", "0", "--audiosocket-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            lines = iter(server.stderr.readline, "")
            said = next(line for line in lines if line.startswith("AudioSocket on"))
        finally:
            server.terminate()
            server.stderr.read()
    host, _, port = said.split()[-1].partition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0
