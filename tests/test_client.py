"""Playing a recording into the real server, and into servers that misbehave."""

import asyncio
import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from live_server import LoudIsAngry, quarrel, serving, small_talk
from voices import SETTINGS
from websockets.asyncio.server import ServerConnection, serve

from sentiment_engine.batch.recordings import Recording
from sentiment_engine.batch.score import score_file
from sentiment_engine.client import link
from sentiment_engine.client.link import Unreachable
from sentiment_engine.client.play import Call, play
from sentiment_engine.errors import BadAudio, BadSettings
from sentiment_engine.wire import encode

CALL = Call(call_id="call", language="en", stage="general")


def recorded(path: Path, audio: bytes) -> Recording:
    soundfile.write(path, np.frombuffer(audio, "<i2").reshape(-1, 2), 8000, subtype="PCM_16")
    return Recording.open(path)


async def played(recording: Recording, url: str, call: Call = CALL, **how) -> tuple[list[dict], list[str]]:
    heard, notes = [], []
    how = {"speed": 0.0, **how}
    await play(
        recording, url, call, hear=lambda text: heard.append(json.loads(text)), note=notes.append, **how
    )
    return heard, notes


def test_a_played_recording_raises_the_alerts_that_scoring_it_raises(tmp_path: Path):
    recording = recorded(tmp_path / "call.wav", quarrel())

    async def scenario() -> list[dict]:
        async with serving(model=LoudIsAngry()) as server:
            return (await played(recording, f"{server.url}/v1/stream", speed=20.0))[0]

    heard = asyncio.run(scenario())
    scored = [
        json.loads(encode(event))
        for event in score_file(recording.path, settings=SETTINGS, model=LoudIsAngry(), language="en")
    ]
    plain = lambda told: [  # noqa: E731 the server of this test has no playbook, and seq counts what was not sent
        (event["type"], event["at_s"], event["level"], event["causes"])
        for event in told
        if event["type"].startswith("alert.")
    ]
    assert heard[0] == {"type": "started", "call_id": "call", "resume_at_s": 0.0}
    assert heard[-1]["type"] == "call.ended"
    assert plain(heard)
    assert plain(heard) == plain(scored)


def test_the_tension_of_every_second_is_sent_when_asked_for(tmp_path: Path):
    recording = recorded(tmp_path / "call.wav", small_talk(5.0))
    call = Call(call_id="call", language="en", stage="general", send_tension=True)

    async def scenario() -> list[dict]:
        async with serving(model=LoudIsAngry()) as server:
            return (await played(recording, f"{server.url}/v1/stream", call))[0]

    ticks = [event["at_s"] for event in asyncio.run(scenario()) if event["type"] == "tension.updated"]
    assert ticks == [1, 2, 3, 4, 5]


class Flaky:
    """A server that drops the first connection in mid-call and goes on from what it heard."""

    def __init__(self, drop_after: int) -> None:
        self.audio = bytearray()
        self.arrived: list[float] = []
        self.connections = 0
        self._drop_after = drop_after

    async def __call__(self, socket: ServerConnection) -> None:
        self.connections += 1
        start = json.loads(await socket.recv())
        at_s = len(self.audio) / 4 / start["sample_rate"]
        await socket.send(json.dumps({"type": "started", "call_id": start["call_id"], "resume_at_s": at_s}))
        async for message in socket:
            if isinstance(message, str):
                await socket.send(json.dumps({"type": "call.ended", "call_id": start["call_id"]}))
                return
            self.arrived.append(time.monotonic())
            self.audio += message
            if self.connections == 1 and len(self.audio) >= self._drop_after:
                socket.transport.abort()
                return


def test_a_dropped_call_goes_on_where_the_server_heard_it_last(tmp_path: Path):
    recording = recorded(tmp_path / "call.wav", small_talk(5.0))
    flaky = Flaky(drop_after=50_000)

    async def scenario() -> tuple[list[dict], list[str]]:
        async with serve(flaky, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await played(recording, f"ws://127.0.0.1:{port}/v1/stream")

    heard, notes = asyncio.run(scenario())
    assert flaky.connections == 2
    assert bytes(flaky.audio) == b"".join(recording.pieces())
    assert [message["type"] for message in heard] == ["started", "started", "call.ended"]
    assert heard[1]["resume_at_s"] > 0
    assert len(notes) == 1
    assert "trying again" in notes[0]


def test_pieces_of_100_ms_leave_on_an_absolute_schedule(tmp_path: Path):
    recording = recorded(tmp_path / "call.wav", small_talk(8.0))
    steady = Flaky(drop_after=1 << 30)

    async def scenario() -> None:
        async with serve(steady, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await played(recording, f"ws://127.0.0.1:{port}/v1/stream", speed=4.0)

    asyncio.run(scenario())
    assert len(steady.arrived) == 80
    assert steady.arrived[-1] - steady.arrived[0] == pytest.approx(79 * 0.1 / 4, abs=0.15)


def test_a_server_that_never_lets_a_call_go_on_is_given_up(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(link, "LONGEST_WAIT_S", 0.01)
    connections = []

    async def hang_up(socket: ServerConnection) -> None:
        connections.append(socket)
        socket.transport.abort()

    async def scenario() -> None:
        async with serve(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await played(recorded(tmp_path / "call.wav", small_talk(2.0)), f"ws://127.0.0.1:{port}/v1/stream")

    with pytest.raises(Unreachable, match="given up after 6 lost connections"):
        asyncio.run(scenario())
    assert len(connections) == link.TRIES


def test_a_call_that_the_server_ends_early_was_not_played(tmp_path: Path):
    recording = recorded(tmp_path / "call.wav", small_talk(5.0))

    async def scenario() -> None:
        async with serving(model=LoudIsAngry()) as server:
            playing = asyncio.create_task(played(recording, f"{server.url}/v1/stream", speed=1.0))
            await asyncio.sleep(0.5)
            server.stop()
            await playing

    with pytest.raises(Unreachable, match=r"ended the call before all was played \(shutdown\)"):
        asyncio.run(scenario())


def test_a_connection_lost_after_the_last_word_does_not_play_the_call_again(tmp_path: Path):
    starts, audio = [], []

    async def forget(socket: ServerConnection) -> None:
        starts.append(await socket.recv())
        audio.append(0)
        await socket.send('{"type":"started","resume_at_s":0.0}')
        async for message in socket:
            if isinstance(message, str):
                socket.transport.abort()
                return
            audio[-1] += len(message)

    async def scenario() -> None:
        async with serve(forget, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await played(recorded(tmp_path / "call.wav", small_talk(2.0)), f"ws://127.0.0.1:{port}/v1/stream")

    with pytest.raises(Unreachable, match="all was played"):
        asyncio.run(scenario())
    assert len(starts) == 2
    assert audio == [64_000, 0]


def test_a_refusal_is_final_and_told_in_the_servers_words(tmp_path: Path):
    recording = recorded(tmp_path / "call.wav", small_talk(2.0))

    async def scenario(call: Call, path: str) -> None:
        async with serving(model=LoudIsAngry()) as server:
            await played(recording, f"{server.url}{path}", call)

    with pytest.raises(Unreachable, match=r"refused the call: .*language"):
        asyncio.run(scenario(Call(call_id="call", language="", stage="general"), "/v1/stream"))
    with pytest.raises(Unreachable, match=r"/v1/strem: the server answered 40[34].*check the path"):
        asyncio.run(scenario(CALL, "/v1/strem"))


def test_addresses_that_lead_nowhere_are_told_apart(tmp_path: Path):
    recording = recorded(tmp_path / "call.wav", small_talk(2.0))
    with pytest.raises(Unreachable, match=r"Connection refused.*sentiment-engine serve"):
        asyncio.run(played(recording, "ws://127.0.0.1:9/v1/stream"))
    for url in (
        "http://127.0.0.1:8700/v1/stream",
        "127.0.0.1:8700",
        "ws://127.0.0.1:port/v1/stream",
        "ws://",
    ):
        with pytest.raises(BadSettings, match="not a WebSocket address"):
            asyncio.run(played(recording, url))


def test_a_recording_that_breaks_off_is_played_that_far_and_the_call_ended_properly(tmp_path: Path):
    path = recorded(tmp_path / "call.wav", small_talk(6.0)).path
    path.write_bytes(path.read_bytes()[:-64_000])
    heard: list[dict] = []

    async def scenario() -> None:
        async with serving(model=LoudIsAngry()) as server:
            url, hear = f"{server.url}/v1/stream", lambda text: heard.append(json.loads(text))
            await play(Recording.open(path), url, CALL, speed=0.0, hear=hear, note=print)

    with pytest.raises(BadAudio, match="cut short"):
        asyncio.run(scenario())
    assert (heard[-1]["type"], heard[-1]["duration_s"]) == ("call.ended", 4.0)
