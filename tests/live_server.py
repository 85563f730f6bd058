"""A server on a free port, clients that speak to it, and a model whose mood is loudness."""

import asyncio
import functools
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import numpy as np
from starlette.datastructures import QueryParams
from voices import SETTINGS
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine import wire
from sentiment_engine.archive.archive import Archive
from sentiment_engine.frames import Float32
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.feed import chosen
from sentiment_engine.live.mailbox import Mailbox
from sentiment_engine.monitor import CallMonitor
from sentiment_engine.settings import LiveSettings, Settings

RATE_HZ = 8000


def heard_s(server: LiveServer, call_id: str) -> float:
    """Media time that a live call has heard; 0 for a call that is not known."""
    call = server.calls._calls.get(call_id)
    return 0.0 if call is None else call.monitor.heard_s


def waiting(server: LiveServer, call_id: str) -> int:
    """Windows of a call that wait for the model; 0 for a call that is not known."""
    call = server.calls._calls.get(call_id)
    return 0 if call is None else call.monitor.waiting


def is_fed(server: LiveServer, call_id: str) -> bool:
    """Whether a call has a socket."""
    call = server.calls._calls.get(call_id)
    return call is not None and bool(call.legs)


class LoudIsAngry:
    """Scores a window by its level: above -20 dBFS it is angry, below it is neutral."""

    labels = ("neutral", "happy", "sad", "angry", "fearful")
    sample_rate_hz = RATE_HZ

    def __call__(self, windows: Sequence[Float32]) -> Float32:
        rows = [
            (0.02, 0.02, 0.02, 0.92, 0.02) if np.sqrt(np.mean(w**2)) > 0.1 else (0.92, 0.02, 0.02, 0.02, 0.02)
            for w in windows
        ]
        return np.array(rows, dtype=np.float32)


class Held(LoudIsAngry):
    """A model that can be made to wait, in its own thread."""

    def __init__(self) -> None:
        self._may_go = threading.Event()
        self._may_go.set()

    def hold(self) -> None:
        self._may_go.clear()

    def release(self) -> None:
        self._may_go.set()

    def __call__(self, windows):
        self._may_go.wait(20)
        return super().__call__(windows)


def voice(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    """Something that voice activity detection takes for speech: pulses through formants, with syllables."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * t) + 6 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    tone = sum(np.sin(k * phase) / (1 + abs(k * 120 - 600) / 300) for k in range(1, 25))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * t)
    samples = tone * syllables + 0.05 * rng.standard_normal(n)
    return level * samples / np.sqrt(np.mean(samples**2))


def pcm(*channels: np.ndarray) -> bytes:
    """Interleaved 16-bit little-endian bytes of float channels."""
    frames = np.stack(channels, axis=1)
    return (np.clip(frames, -0.99, 0.99) * 32767).astype("<i2").tobytes()


def quarrel(calm_s: float = 6.0, loud_s: float = 14.0) -> bytes:
    """Two channels, PCM16 at 8 kHz: calm turns, then the customer shouts."""
    calm, loud = voice(calm_s, 0.02, 1), voice(loud_s, 0.3, 2)
    customer = np.concatenate([calm, loud])
    agent = np.concatenate([np.zeros(len(calm)), voice(loud_s, 0.02, 3)])
    return pcm(agent, customer)


def small_talk(seconds: float = 10.0) -> bytes:
    """Two channels, PCM16 at 8 kHz: nobody raises the voice."""
    half = round(seconds * RATE_HZ) // 2
    agent, customer = voice(seconds, 0.02, 4), voice(seconds, 0.02, 5)
    agent[half:] = 0
    customer[:half] = 0
    return pcm(agent, customer)


def live_settings(**changes: object) -> Settings:
    """Default settings with other limits."""
    return msgspec.structs.replace(SETTINGS, live=LiveSettings(**changes))


@asynccontextmanager
async def serving(
    settings: Settings | None = None, model: object | None = None, archive: Archive | None = None
) -> AsyncIterator[LiveServer]:
    """A server in this event loop on a free port."""
    async with LiveServer(settings or SETTINGS, model or LoudIsAngry(), port=0, archive=archive) as server:
        yield server


def start(call_id: str = "c-1", **changes: object) -> str:
    """A start frame."""
    fields = {
        "call_id": call_id,
        "encoding": "pcm_s16le",
        "sample_rate": RATE_HZ,
        "language": "en",
        **changes,
    }
    return json.dumps({"type": "start", **fields})


@asynccontextmanager
async def streaming(
    server: LiveServer, call_id: str = "c-1", **changes: object
) -> AsyncIterator[ClientConnection]:
    """A stream that has been started."""
    async with connect(server.url + "/v1/stream", compression=None) as socket:
        await socket.send(start(call_id, **changes))
        assert json.loads(await socket.recv())["type"] == "started"
        yield socket


async def rest(socket: ClientConnection, within_s: float = 10.0) -> list[dict]:
    """Everything the server still sends, until it closes."""
    said = []
    try:
        async with asyncio.timeout(within_s):
            while True:
                said.append(json.loads(await socket.recv()))
    except ConnectionClosed:
        return said


async def refusal(socket: ClientConnection) -> tuple[str, int]:
    """The error code and the close code that a client gets."""
    said = await rest(socket)
    assert said, f"closed with {socket.close_code} {socket.close_reason!r} and no error"
    assert said[-1]["type"] == "error"
    assert said[-1]["message"]
    return said[-1]["code"], socket.close_code


async def play(socket: ClientConnection, audio: bytes, step: int = 3200) -> None:
    """Sends audio in pieces as fast as the server takes it."""
    for at in range(0, len(audio), step):
        await socket.send(audio[at : at + step])


async def whole_call(server: LiveServer, call_id: str, audio: bytes, **changes: object) -> list[dict]:
    """Plays a call to its end; what the stream said."""
    async with streaming(server, call_id, **changes) as socket:
        await play(socket, audio)
        await socket.send('{"type":"stop"}')
        said = await rest(socket)
        assert socket.close_code == 1000
        return said


def offline(call_id: str, audio: bytes, settings: Settings | None = None, **changes: object) -> list[dict]:
    """What a monitor says of the same bytes, without ``started_at``."""
    monitor = CallMonitor(settings or SETTINGS, LoudIsAngry(), call_id=call_id, language="en", **changes)
    return plain(monitor.feed(audio) + monitor.finish())


def plain(events: Sequence[msgspec.Struct]) -> list[dict]:
    """Events as dictionaries."""
    return [json.loads(wire.encode(event)) for event in events]


def said_of(feed: Sequence[dict], call_id: str) -> list[dict]:
    """The events of one call on a feed, without what only a live call has."""
    events = [item["data"] for item in feed if item["subject"] == call_id]
    for event in events:
        event.pop("started_at", None)
        event.pop("opened_by", None)
    return events


async def read_feed(server: LiveServer, query: str = "since=0", until: str | None = None) -> list[dict]:
    """What the feed holds now; or all up to the ``call.ended`` of call ``until``."""
    wanted, since = chosen(QueryParams(query))
    probe = Mailbox(1, int)
    kept = len(list(server.hub.subscribe(probe, wanted, since)))
    server.hub.unsubscribe(probe)
    got: list[dict] = []

    def complete() -> bool:
        if until is None:
            return len(got) == kept
        return bool(got) and got[-1]["subject"] == until and got[-1]["data"]["type"] == "call.ended"

    async with connect(f"{server.url}/v1/feed?{query}", compression=None, max_size=None) as socket:
        async with asyncio.timeout(15):
            while not complete():
                got.append(json.loads(await socket.recv()))
    return got


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test in an event loop of its own, for a minute at most."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


@asynccontextmanager
async def undisturbed(server: LiveServer, call_id: str = "beside") -> AsyncIterator[None]:
    """Runs another call beside what happens inside, and claims that it went as if alone."""
    audio = quarrel(3.0, 9.0)
    done = asyncio.Event()

    async def talk() -> list[dict]:
        async with streaming(server, call_id) as socket:
            for at in range(0, len(audio), 3200):
                if at > len(audio) // 2:
                    await done.wait()
                await socket.send(audio[at : at + 3200])
                await asyncio.sleep(0.005)
            await socket.send('{"type":"stop"}')
            said = await rest(socket)
            assert socket.close_code == 1000
            return said

    talking = asyncio.create_task(talk())
    try:
        yield
    finally:
        done.set()
        said = await talking
    expected = offline(call_id, audio)
    told = [event for event in expected if event["type"].startswith(("alert.", "call.ended"))]
    assert said == told
    assert told[0]["type"] == "alert.raised"
    assert said_of(await read_feed(server, f"since=0&calls={call_id}"), call_id) == expected


@asynccontextmanager
async def loop_lag() -> AsyncIterator[list[float]]:
    """Lists how late the event loop, the server's and the clients', ran a timer: seconds."""
    lags = [0.0]
    loop = asyncio.get_running_loop()

    async def watch() -> None:
        while True:
            began = loop.time()
            await asyncio.sleep(0.005)
            lags.append(loop.time() - began - 0.005)

    watching = asyncio.create_task(watch())
    try:
        yield lags
    finally:
        watching.cancel()


async def come_true(condition: Callable[[], bool]) -> None:
    """Waits for something that nothing announces."""
    while not condition():  # noqa: ASYNC110 - seen from outside there is no event to wait for
        await asyncio.sleep(0.005)
