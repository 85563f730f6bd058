"""Health, readiness, and an end that loses nothing."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest
from live_server import (
    Held,
    LoudIsAngry,
    come_true,
    heard_s,
    in_loop,
    play,
    quarrel,
    refusal,
    rest,
    serving,
    small_talk,
    start,
    streaming,
    waiting,
    whole_call,
)
from websockets.asyncio.client import connect

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.app import LiveServer
from sentiment_engine.settings import Settings

SERVER = """
import sys
from live_server import LoudIsAngry
from sentiment_engine.cli.logs import log_to_stderr
from sentiment_engine.live.serving import serve
from sentiment_engine.settings import Settings
log_to_stderr()
serve(Settings(), LoudIsAngry(), port=0, on_ready=lambda server: print(server.port, flush=True))
print("gone in peace", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@in_loop
async def test_a_signal_ends_every_call_and_tells_everybody(number: signal.Signals):
    process = subprocess.Popen(  # noqa: ASYNC220 - a server of its own, so that it can be given a signal
        [sys.executable, "-c", textwrap.dedent(SERVER)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parent,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONUNBUFFERED": "1"},
    )
    try:
        url = f"ws://127.0.0.1:{int(await asyncio.to_thread(process.stdout.readline))}"
        async with (
            connect(url + "/v1/feed?types=call.ended") as feed,
            connect(url + "/v1/stream") as fed,
            connect(url + "/v1/stream") as waiting,
        ):
            await fed.send(start("c-1", channels=["mixed"]))
            await fed.recv()
            await play(fed, small_talk(2.0))
            async with connect(url + "/v1/stream") as dropped:
                await dropped.send(start("c-2"))
                await dropped.recv()
            await asyncio.sleep(0.3)
            process.send_signal(number)
            ended = {item["subject"]: item["data"] for item in await rest(feed)}
            said = await rest(fed)
            assert {call: event["reason"] for call, event in ended.items()} == {
                "c-1": "shutdown",
                "c-2": "shutdown",
            }
            assert ended["c-1"]["duration_s"] == 4.0
            assert (said[-1]["reason"], fed.close_code) == ("shutdown", 1001)
            assert feed.close_code == 1001
            assert await refusal(waiting) == ("shutting_down", 1013)
        assert await asyncio.to_thread(process.wait, 10) == 0
        assert process.stdout.read() == "gone in peace\n"
    finally:
        process.kill()
        process.wait()


@in_loop
async def test_windows_still_waiting_at_shutdown_are_scored():
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        feed = await stack.enter_async_context(connect(server.url + "/v1/feed?types=alert.*,call.*"))
        async with streaming(server) as socket:
            for at in range(0, len(quarrel()), 200_000):
                await socket.send(quarrel()[at : at + 200_000])
            await come_true(lambda: heard_s(server, "c-1") >= 20.0)
            await server.aclose()
            said = await rest(socket)
        kinds = [event["data"]["type"] for event in await rest(feed)]
    assert [event["type"] for event in said] == ["alert.raised", "alert.cleared", "call.ended"]
    assert kinds == ["call.started", "alert.raised", "alert.cleared", "call.ended"]


@in_loop
async def test_a_second_stop_waits_for_nobody():
    model = Held()
    async with serving(model=model) as server, streaming(server) as socket:
        model.hold()
        await play(socket, quarrel(0.5, 3.0))
        await come_true(lambda: waiting(server, "c-1") > 0)
        server.stop()
        await asyncio.sleep(0.3)
        server.stop()
        async with asyncio.timeout(2):
            await server.stopped()
        model.release()
    assert server.calls.draining


@in_loop
async def test_while_draining_it_is_alive_but_not_ready_and_takes_no_call():
    async with serving() as server, httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        assert (await http.get("/readyz")).status_code == 200
        server.calls.draining = True
        assert (await http.get("/readyz")).status_code == 503
        assert (await http.get("/healthz")).status_code == 200
        async with connect(server.url + "/v1/stream") as socket:
            await socket.send(start())
            assert await refusal(socket) == ("shutting_down", 1013)


@in_loop
async def test_metrics_count_calls_audio_alerts_and_refusals():
    async with serving() as server, httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        await whole_call(server, "c-1", quarrel())
        async with connect(server.url + "/v1/stream") as socket:
            await socket.send("hello")
            await refusal(socket)
        text = (await http.get("/metrics")).text
    for line in (
        "sentiment_engine_calls_live 0.0",
        'sentiment_engine_calls_ended_total{reason="stop"} 1.0',
        "sentiment_engine_audio_seconds_total 20.0",
        'sentiment_engine_alerts_total{severity="critical"} 1.0',
        'sentiment_engine_errors_total{code="bad_json"} 1.0',
    ):
        assert line in text.splitlines()


@in_loop
async def test_two_servers_in_one_process_count_for_themselves():
    async with serving() as one, serving() as other:
        await whole_call(one, "c-1", small_talk(1.0))
        assert b'calls_ended_total{reason="stop"} 1.0' in one.metrics.render()
        assert b'calls_ended_total{reason="stop"}' not in other.metrics.render()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])  # noqa: S104 - refused
def test_an_address_that_others_reach_is_refused_with_the_remedy(host: str):
    with pytest.raises(BadSettings, match="token new"):
        LiveServer(Settings(), LoudIsAngry(), host=host, port=0)


@in_loop
async def test_a_port_that_is_taken_is_a_setting_to_mend():
    async with serving() as server:
        with pytest.raises(BadSettings, match=str(server.port)):
            LiveServer(Settings(), LoudIsAngry(), port=server.port)


@in_loop
async def test_a_path_nobody_serves_is_refused_and_a_socket_is_no_web_page():
    async with serving() as server, httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        assert (await http.get("/v1/feed")).status_code in (404, 426)
        with pytest.raises(Exception, match=r"403|404"):
            await connect(server.url + "/v1/nothing").__aenter__()
