"""Following the feed, across lost connections too; and server, player and watcher together."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from live_server import LoudIsAngry, serving, small_talk
from websockets.asyncio.server import ServerConnection, serve

from sentiment_engine.client.follow import follow
from sentiment_engine.client.link import Unreachable


def test_the_feed_is_followed_across_a_lost_connection_without_a_hole_or_a_double():
    asked: list[str] = []

    async def feed(socket: ServerConnection) -> None:
        asked.append(socket.request.path)
        first = len(asked) == 1
        for number in (1, 2) if first else (2, 3, 4):
            await socket.send(json.dumps({"sequence": f"{number:020d}", "data": {}}))
        if first:
            await socket.close(1012, "restarting")
        else:
            await socket.wait_closed()

    async def scenario() -> list[str]:
        got, notes = [], []
        async with serve(feed, "127.0.0.1", 0, subprotocols=["cloudevents.json"]) as server:
            port = server.sockets[0].getsockname()[1]
            async for event in follow(f"ws://127.0.0.1:{port}/v1/feed", types="alert.*", note=notes.append):
                got.append(event.cloud_event["sequence"])
                if len(got) == 4:
                    break
        assert len(notes) == 1
        assert "restarting" in notes[0]
        return got

    assert asyncio.run(scenario()) == [f"{number:020d}" for number in (1, 2, 3, 4)]
    assert asked == ["/v1/feed?types=alert.*", f"/v1/feed?since={2:020d}&types=alert.*"]


def test_what_was_raised_while_an_empty_feed_was_cut_off_is_not_missed():
    asked: list[str] = []

    async def feed(socket: ServerConnection) -> None:
        asked.append(socket.request.path)
        if len(asked) == 1:
            await socket.close(1012, "restarting")
            return
        await socket.send(json.dumps({"sequence": f"{1:020d}", "time": "2001-01-01T00:00:00Z"}))
        await socket.send(json.dumps({"sequence": f"{2:020d}", "time": "2999-01-01T00:00:00Z"}))
        await socket.wait_closed()

    async def scenario() -> str:
        async with serve(feed, "127.0.0.1", 0, subprotocols=["cloudevents.json"]) as server:
            port = server.sockets[0].getsockname()[1]
            async for event in follow(f"ws://127.0.0.1:{port}/v1/feed", note=lambda _: None):
                return event.cloud_event["sequence"]
        return ""

    assert asyncio.run(scenario()) == f"{2:020d}"
    assert asked[1] == "/v1/feed?since=0"


def test_a_feed_that_refuses_the_query_says_why():
    async def scenario(**query: str) -> None:
        async with serving(model=LoudIsAngry()) as server:
            async for _ in follow(f"{server.url}/v1/feed", note=lambda _: None, **query):
                pass

    with pytest.raises(Unreachable, match="bad_query"):
        asyncio.run(scenario(types="nonsense"))
    with pytest.raises(Unreachable, match="cursor_too_old"):
        asyncio.run(scenario(since="5"))


@pytest.mark.slow
def test_serve_stream_and_watch_work_together_and_end_when_told(tmp_path: Path):
    engine = (sys.executable, "-m", "sentiment_engine")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    audio = np.frombuffer(small_talk(5.0), "<i2").reshape(-1, 2)
    soundfile.write(tmp_path / "my call.wav", audio, 8000, subtype="PCM_16")
    with subprocess.Popen([*engine, "serve", "--port", "0", "--data", tmp_path / "data"], **pipes) as server:
        address = ""
        while "listening on ws://" not in address:
            address = server.stderr.readline()
            assert address, "the server ended before it was ready"
        base = address.split()[2].rstrip(":")
        watching = [*engine, "watch", "--url", f"{base}/v1/feed", "--since", "0"]
        with (
            subprocess.Popen([*watching, "--json"], **pipes) as raw,
            subprocess.Popen(watching, **pipes) as plain,
        ):
            stream = [
                *engine,
                "stream",
                tmp_path / "my call.wav",
                "--url",
                f"{base}/v1/stream",
                "--speed",
                "0",
            ]
            done = subprocess.run(stream, capture_output=True, text=True, timeout=30, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            told = [json.loads(line) for line in done.stdout.splitlines()]
            assert [event["type"] for event in told] == ["started", "call.ended"]
            assert told[1]["call_id"] == "my call"
            lines = [json.loads(raw.stdout.readline()) for _ in range(2)]
            assert [line["type"] for line in lines] == [
                f"sentiment-engine.call.{what}" for what in ("started", "ended")
            ]
            assert "my call 0:00 call.started" in plain.stdout.readline()
            assert "call ended (stop) after 0:05" in plain.stdout.readline()
            for watcher in (raw, plain):
                watcher.send_signal(signal.SIGINT)
                assert watcher.wait(timeout=10) == 130
                assert watcher.stderr.read() == ""
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=15) == 0
        assert server.stdout.read() == ""
        assert (tmp_path / "data").is_dir()
