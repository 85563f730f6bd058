"""A live call from Python: the real server over real sockets, cut, killed, started again."""

import asyncio
import contextlib
import json
import runpy
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest
from certificates import make
from doors import SECRETS, locked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_server import (
    LoudIsAngry,
    come_true,
    heard_s,
    in_loop,
    is_fed,
    live_settings,
    offline,
    plain,
    quarrel,
    read_feed,
    said_of,
    serving,
    small_talk,
)
from voices import SETTINGS
from websockets.asyncio.server import ServerConnection, serve

import sentiment_engine.client
from sentiment_engine import CallMonitor
from sentiment_engine.client import Disconnected, Restarted, Resumed, Stream, Unreachable, line, link
from sentiment_engine.client.trust import trust
from sentiment_engine.errors import BadMessage, BadSettings
from sentiment_engine.events import Alert, AlertRaised, CallEnded, TensionUpdated
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.tls import server_tls

PAGE = Path(__file__).resolve().parent.parent / "docs" / "clients.md"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(link, "LONGEST_WAIT_S", 0.05)


def stream(url: str, call_id: str = "c-1", **changes: object) -> Stream:
    return Stream(f"{url}/v1/stream", **{"call_id": call_id, "language": "en", **changes})


class Proxy:
    """A TCP proxy that can cut what runs through it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cut_after: list[int] = []
        """Bytes from the client after which each connection in turn is cut."""
        self.open: set[asyncio.StreamWriter] = set()
        self.connections = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        for writer in list(self.open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left = self.cut_after.pop(0) if self.cut_after else 1 << 40
        try:
            answers, requests = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writer.transport.abort()
            return
        self.open |= {writer, requests}
        back = asyncio.create_task(self._pipe(answers, writer, 1 << 40))
        forth = asyncio.create_task(self._pipe(reader, requests, left))
        first, _ = await asyncio.wait({back, forth}, return_when=asyncio.FIRST_COMPLETED)
        for task in (back, forth):
            task.cancel()
        await asyncio.wait({back, forth})
        requests.transport.abort()
        if back in first:
            writer.close()  # the server's last words are still on their way
        else:
            writer.transport.abort()
        self.open -= {writer, requests}

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
        with contextlib.suppress(ConnectionError):
            while left > 0 and (data := await reader.read(min(left, 4096))):
                left -= len(data)
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Claims that what happens inside leaves no task behind."""
    before = asyncio.all_tasks()
    yield
    async with asyncio.timeout(3):
        await come_true(lambda: asyncio.all_tasks() <= before)


async def said(call: Stream, audio: bytes, step: int = 3200, pause_s: float = 0.0) -> None:
    for at in range(0, len(audio), step):
        await call.send(audio[at : at + step])
        await asyncio.sleep(pause_s)


async def told(call: Stream) -> list:
    return [event async for event in call.events()]


def test_the_public_page_names_what_it_offers_in_order():
    page = sentiment_engine.client
    assert page.__all__ == sorted(page.__all__, key=lambda name: (name.islower(), name))
    assert all(hasattr(page, name) for name in page.__all__)


@in_loop
async def test_a_streamed_call_is_heard_like_the_same_bytes_in_one_piece():
    audio = quarrel()
    async with serving() as server, nothing_left():
        async with stream(server.url) as call:
            await said(call, audio, 1999)
        expected = offline("c-1", audio)
        assert said_of(await read_feed(server), "c-1") == expected
        events = await told(call)
        assert plain(events) == [
            event for event in expected if event["type"].startswith(("alert.", "call.ended"))
        ]
        assert [type(event) for event in events[:1]] == [AlertRaised]
        assert call.ended == events[-1]
        assert (call.ended.reason, call.ended.duration_s, call.position_s) == ("stop", 20.0, 20.0)
        assert call.lost_s == 0


@in_loop
async def test_alerts_come_while_the_call_runs_and_to_every_reader():
    async with serving() as server, stream(server.url) as call:
        await call.send(quarrel())
        first, second = call.alerts(), call.alerts()
        async with asyncio.timeout(10):
            raised = await anext(first)
            assert isinstance(raised, AlertRaised)
            assert await anext(second) == raised
        await first.aclose()
        await second.aclose()


@in_loop
async def test_tension_stages_words_and_gaps_reach_the_call_in_their_places():
    audio = small_talk(6.0)
    async with serving() as server:
        async with stream(server.url, send_tension=True, stage="facts", context={"case": 1}) as call:
            await call.send(audio[:48_001])
            await call.gap(1.5, "paused")
            assert call.position_s == 3.0
            await call.stage("negotiation")
            await call.transcript("customer", "I will not pay", 0.5, 1.4)
            await call.send(audio[48_004:])
        feed = said_of(await read_feed(server), "c-1")
        assert b'sentiment_engine_messages_total{type="transcript"} 1.0' in server.metrics.render()
        assert b'sentiment_engine_messages_total{type="stage"} 1.0' in server.metrics.render()
    assert feed[0]["stage"] == "facts"
    gaps = [
        (event["start_s"], event["end_s"], event["reason"]) for event in feed if event["type"] == "audio.gap"
    ]
    assert gaps == [(1.501, 3.0, "paused")] * 2
    assert (call.ended.duration_s, call.lost_s) == (7.5, 0)
    ticks = [event.at_s for event in await told(call) if isinstance(event, TensionUpdated)]
    assert ticks == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


@cache
def quarrel_and_events() -> tuple[bytes, list[dict]]:
    audio = quarrel(4.0, 8.0)
    return audio, offline("c-1", audio)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    step=st.sampled_from([1777, 3200, 50_000]),
    cuts=st.lists(st.integers(400, 300_000), min_size=1, max_size=4),
)
def test_cut_anywhere_and_sent_in_any_pieces_the_call_is_the_same(step: int, cuts: list[int]):
    audio, expected = quarrel_and_events()

    @in_loop
    async def scenario() -> None:
        async with serving() as server, Proxy(server.port) as proxy, nothing_left():
            proxy.cut_after = [2000, *cuts]
            async with stream(proxy.url) as call:
                await said(call, audio, step, 0.001)
            assert call.lost_s == 0
            assert said_of(await read_feed(server, "since=0&calls=c-1"), "c-1") == expected
            events = await told(call)
            assert len([event for event in events if isinstance(event, Resumed)]) >= 1
            assert not [event for event in events if isinstance(event, Restarted)]

    scenario()


@asynccontextmanager
async def server_process(port: int) -> AsyncIterator[tuple[subprocess.Popen, int]]:
    """A server that can be killed; port 0 for any."""
    here = Path(__file__).parent
    process = subprocess.Popen(  # noqa: ASYNC220 - a process of its own, so that it can be killed
        [sys.executable, "-c", SERVER, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=here,
        text=True,
        env={"PYTHONPATH": str(here.parent), "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process, int(await asyncio.to_thread(process.stdout.readline))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


SERVER = """
import sys
from live_server import LoudIsAngry
from voices import SETTINGS
from sentiment_engine.live.serving import serve
from sentiment_engine.cli.logs import log_to_stderr
log_to_stderr()
serve(SETTINGS, LoudIsAngry(), port=int(sys.argv[1]), on_ready=lambda server: print(server.port, flush=True))
"""


@pytest.mark.slow
@in_loop
async def test_a_server_killed_in_mid_call_and_started_again_gets_the_rest_as_a_new_call():
    audio = quarrel(4.0, 10.0)
    half = len(audio) // 2
    async with nothing_left(), contextlib.AsyncExitStack() as stack:
        old, port = await stack.enter_async_context(server_process(0))
        call = stream(f"ws://127.0.0.1:{port}", send_tension=True)
        async with call:
            await said(call, audio[:half])
            await call.drain()
            old.kill()
            await asyncio.to_thread(old.wait)
            await said(call, audio[half : half + 32_000], pause_s=0.01)  # nobody hears this second
            await stack.enter_async_context(server_process(port))
            async with asyncio.timeout(15):
                restarted = await anext(
                    event async for event in call.events() if isinstance(event, Restarted)
                )
            await said(call, audio[half + 32_000 :])
    assert restarted.at_s == 8.0
    assert restarted.lost_s == pytest.approx(
        1.0, abs=0.6
    )  # the rest went to a socket not yet known to be dead
    events = await told(call)
    new = plain(events[events.index(restarted) + 1 :])
    expected = offline("c-1", audio[half + 32_000 :])
    assert new == [
        event for event in expected if event["type"].startswith(("alert.", "tension.", "call.ended"))
    ]
    assert [event["type"] for event in new if event["type"].startswith("alert.")]
    assert call.ended.reason == "stop"


@in_loop
async def test_a_server_that_shuts_down_ends_the_call_and_the_next_one_takes_it_up_where_that_ended():
    audio = quarrel(4.0, 10.0)
    half = len(audio) // 2
    async with serving() as old, nothing_left():
        async with stream(old.url) as call:
            await said(call, audio[:half])
            await come_true(lambda: heard_s(old, "c-1") == 7.0)
            closing = asyncio.create_task(old.aclose())
            async with asyncio.timeout(10):
                ended = await anext(event async for event in call.events() if isinstance(event, CallEnded))
            assert (ended.reason, ended.duration_s) == ("shutdown", 7.0)
            await said(call, audio[half:-32_000])  # kept for whoever comes
            await closing
            async with LiveServer(SETTINGS, LoudIsAngry(), port=old.port) as new:
                async with asyncio.timeout(10):
                    at = await anext(event async for event in call.events() if isinstance(event, Restarted))
                assert (at.at_s, at.lost_s) == (7.0, 0.0)
                await said(call, audio[-32_000:])
                await call.__aexit__(None, None, None)
                assert said_of(await read_feed(new), "c-1") == offline("c-1", audio[half:])
        assert call.ended.reason == "stop"


@in_loop
async def test_a_call_given_up_by_the_server_goes_on_as_a_new_one():
    audio = small_talk(8.0)
    async with serving(live_settings(resume_grace_s=0.1)) as server, Proxy(server.port) as proxy:
        async with stream(proxy.url) as call:
            await said(call, audio[:64_000])
            await come_true(lambda: heard_s(server, "c-1") == 2.0)
            proxy.port, port = 1, proxy.port  # nobody there
            proxy.cut()
            await come_true(lambda: not heard_s(server, "c-1"))
            await said(call, audio[64_000:96_000])
            await call.stage("negotiation")
            proxy.port = port
            async with asyncio.timeout(10):
                await anext(event async for event in call.events() if isinstance(event, Restarted))
            await said(call, audio[96_000:])
        ended = [item["data"] for item in await read_feed(server, "since=0&types=call.ended")]
        # It was announced with the old stage, before anybody knew that it would be new.
        assert b'sentiment_engine_messages_total{type="stage"} 1.0' in server.metrics.render()
    assert [(event["reason"], event["duration_s"]) for event in ended] == [
        ("disconnected", 2.0),
        ("stop", 5.0),
    ]
    events = await told(call)
    assert [event for event in events if isinstance(event, Restarted)] == [Restarted(at_s=3.0, lost_s=1.0)]
    assert [event for event in events if isinstance(event, Disconnected)]
    assert not [event for event in events if isinstance(event, Resumed)]


@in_loop
async def test_a_call_without_audio_is_ended_as_idle_and_taken_up_when_there_is_some():
    async with serving(live_settings(idle_timeout_s=0.3)) as server, Proxy(server.port) as proxy:
        async with stream(proxy.url) as call:
            await call.send(small_talk(1.0))
            async with asyncio.timeout(5):
                idle = await anext(event async for event in call.events() if isinstance(event, CallEnded))
            assert (idle.reason, idle.duration_s) == ("idle", 1.0)
            await asyncio.sleep(0.7)
            assert proxy.connections == 1  # it would only be idle again
            await call.send(small_talk(2.0))
            await come_true(lambda: heard_s(server, "c-1") == 2.0)
        assert (call.ended.reason, call.ended.duration_s) == ("stop", 2.0)
    assert Restarted(at_s=1.0, lost_s=0.0) in await told(call)


@in_loop
async def test_an_idle_call_that_is_left_has_ended_as_idle():
    async with serving(live_settings(idle_timeout_s=0.2)) as server:
        async with stream(server.url) as call:
            await asyncio.sleep(0.6)
        assert call.ended.reason == "idle"


@in_loop
async def test_another_client_takes_a_call_over_and_the_first_is_told():
    audio = quarrel(4.0, 8.0)
    async with serving() as server, nothing_left():
        first = stream(server.url)
        await first.__aenter__()
        await said(first, audio[:128_000])
        await come_true(lambda: heard_s(server, "c-1") == 4.0)
        async with stream(server.url) as second:
            with pytest.raises(Unreachable, match="another socket continues call c-1"):
                await told(first)
            await said(second, audio[128_000:])
            assert await anext(second.events()) == Resumed(at_s=0.0, lost_s=0.0)
        with pytest.raises(Unreachable, match="another socket"):
            await first.__aexit__(None, None, None)
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)


@in_loop
async def test_a_server_that_stays_away_is_given_up_and_everybody_is_told():
    async with nothing_left(), serving() as server, Proxy(server.port) as proxy:
        call = stream(proxy.url, patience_s=0.3)
        await call.__aenter__()
        proxy.port = 1
        proxy.cut()
        for tell in (
            lambda: told(call),
            lambda: call.send(b""),
            call.drain,
            lambda: call.gap(1.0),
            lambda: call.stage("facts"),
            lambda: call.transcript("agent", "so", 0.0, 1.0),
            lambda: call.__aexit__(None, None, None),
        ):
            with pytest.raises(Unreachable, match=rf"{proxy.url}.*for 0.3 s.*check that the server runs"):
                await tell()
        await call.__aexit__(ValueError, ValueError("the caller's own"), None)  # is not hidden


@in_loop
async def test_a_connection_that_lasted_renews_the_patience(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(line, "LASTING_S", 0.2)
    async with serving() as server, Proxy(server.port) as proxy:
        async with stream(proxy.url, patience_s=0.5) as call:
            for connections in (2, 3, 4):
                await asyncio.sleep(0.4)
                proxy.cut()
                await come_true(lambda: proxy.connections == connections)  # noqa: B023 - awaited here
                await come_true(lambda: is_fed(server, "c-1"))
        assert call.ended.reason == "stop"


@in_loop
async def test_the_first_connection_fails_at_once_with_the_remedy():
    async with serving() as server, nothing_left():
        for url, changes, named in [
            ("ws://127.0.0.1:9", {}, r"Connection refused.*sentiment-engine serve"),
            (server.url + "/no", {}, r"answered 40[34].*check the path"),
            (server.url, {"language": ""}, "refused the call: .*language"),
            (server.url, {"channels": ("agent", "agent")}, "refused the call: .*channels"),
        ]:
            with pytest.raises(Unreachable, match=named):
                async with stream(url, **changes):
                    pytest.fail("entered")


@in_loop
async def test_an_overloaded_server_is_asked_again_until_it_has_room():
    async with serving(live_settings(max_calls=1)) as server:
        async with stream(server.url, "first") as first:
            waiting = asyncio.create_task(stream(server.url, "second").__aenter__())
            await asyncio.sleep(0.3)
            assert not waiting.done()
            with pytest.raises(Unreachable, match="overloaded"):
                async with stream(server.url, "third", patience_s=0.2):
                    pytest.fail("entered")
        assert first.ended.reason == "stop"
        second = await waiting
        await second.__aexit__(None, None, None)
        assert second.ended.reason == "stop"


@asynccontextmanager
async def scripted(*messages: str | bytes, then: Callable[[ServerConnection], object] | None = None):
    """A server that answers each start with ``messages``, and reads no further unless ``then`` does."""

    over = asyncio.Event()

    async def answer(socket: ServerConnection) -> None:
        await socket.recv()
        for message in messages:
            await socket.send(message)
        await (then(socket) if then else over.wait())

    async with serve(answer, "127.0.0.1", 0, compression=None, close_timeout=0.1) as server:
        try:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            over.set()


STARTED = '{"type":"started","call_id":"c-1","resume_at_s":0.0}'


@in_loop
async def test_audio_never_waits_for_a_server_that_does_not_read_and_memory_is_bounded():
    loop = asyncio.get_running_loop()
    async with nothing_left(), scripted(STARTED) as url:
        call = await stream(url, keep_s=2.0, end_within_s=0.3).__aenter__()
        began = loop.time()
        for _ in range(1000):
            await call.send(b"\1" * 32_000)
            await asyncio.sleep(0)
        assert call.position_s == 1000.0
        assert sum(entry.cost for _, entry in call._timeline._kept) < 32_000 * 3
        with pytest.raises(Unreachable, match=r"no word within 0\.3 s"):
            await call.__aexit__(None, None, None)
        assert call.ended is None
        assert call.lost_s > 800
        assert loop.time() - began < 10


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (b"\0\0", "binary frames"),
        ('{"type":"started"}', "resume_at_s is None"),
        ('{"type":"started","resume_at_s":"0"}', "resume_at_s is '0'"),
        ('{"type":"started","resume_at_s":-1}', "resume_at_s is -1"),
        ('{"type":"started","resume_at_s":NaN}', "resume_at_s is nan"),
        ('{"type":"started","resume_at_s":1e999}', "resume_at_s is inf"),
        ('{"type":"alert.raised"}', "not an event"),
    ],
)
@in_loop
async def test_what_is_no_server_of_ours_is_named_so(message: str | bytes, named: str):
    async with nothing_left(), scripted(message) as url:
        with pytest.raises(BadMessage, match=named):
            async with stream(url):
                pytest.fail("entered")


@in_loop
async def test_messages_that_a_newer_server_may_send_are_passed_over():
    async with scripted("", "[]", "null", '{"type":"later"}', STARTED, '{"type":"later"}') as url:
        with pytest.raises(Unreachable, match="no word within"):
            async with stream(url, end_within_s=0.1) as call:
                assert call.ended is None
        assert await told(call) == []


@in_loop
async def test_a_call_whose_end_nobody_heard_is_not_streamed_again():
    stops = []

    async def hang_up_at_stop(socket: ServerConnection) -> None:
        async for message in socket:
            if message == '{"type":"stop"}':
                stops.append(message)
                socket.transport.abort()

    async with nothing_left(), scripted(STARTED, then=hang_up_at_stop) as url:
        with pytest.raises(Unreachable, match="all was sent, but nobody heard"):
            async with stream(url) as call:
                await call.send(small_talk(1.0))
    assert len(stops) == 2  # the second ends the new call of the same name


@in_loop
async def test_a_call_that_breaks_on_the_server_goes_on_as_a_new_one():
    starts = []
    ended = plain(CallMonitor(SETTINGS, LoudIsAngry(), call_id="c-1").finish("error"))[-1]

    async def break_once(socket: ServerConnection) -> None:
        starts.append(socket)
        if len(starts) == 1:
            await socket.send('{"type":"error","code":"internal","message":"this call ended"}')
        else:
            assert await socket.recv() == '{"type":"stop"}'
            ended["reason"] = "stop"
        await socket.send(json.dumps(ended))

    async with scripted(STARTED, then=break_once) as url:
        async with stream(url) as call:
            async with asyncio.timeout(5):
                await anext(event async for event in call.events() if isinstance(event, Restarted))
        assert call.ended.reason == "stop"
    assert len(starts) == 2


@in_loop
async def test_a_caller_that_is_cancelled_leaves_nothing_behind():
    async with serving() as server, nothing_left():

        async def talk() -> None:
            async with stream(server.url) as call:
                await call.send(small_talk(1.0))
                await asyncio.sleep(60)

        talking = asyncio.create_task(talk())
        await come_true(lambda: heard_s(server, "c-1") == 1.0)
        talking.cancel()
        await asyncio.wait({talking})
        assert talking.cancelled()
        assert (await read_feed(server))[-1]["data"]["reason"] == "stop"  # it was left, not lost


@in_loop
async def test_cancelled_while_it_connects_it_leaves_nothing_behind():
    async with nothing_left(), scripted() as url:
        entering = asyncio.create_task(stream(url).__aenter__())
        await asyncio.sleep(0.1)
        entering.cancel()
        await asyncio.wait({entering})
        assert entering.cancelled()


@in_loop
async def test_a_stream_is_one_call_and_begins_in_async_with():
    async with serving() as server:
        call = stream(server.url)
        with pytest.raises(RuntimeError, match="async with"):
            await call.send(b"")
        async with call:
            pass
        with pytest.raises(RuntimeError, match="one call"):
            await call.__aenter__()
        with pytest.raises(RuntimeError, match="has ended"):
            await call.send(b"")


@in_loop
async def test_alerts_are_the_alerts_among_the_events():
    async with serving() as server:
        async with stream(server.url, send_tension=True) as call:
            await call.send(quarrel())
        alerts = [event async for event in call.alerts()]
        assert alerts == [event for event in await told(call) if isinstance(event, Alert)]
        assert len(alerts) == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"encoding": "opus"}, "encoding 'opus'.*pcm_s16le, mulaw, alaw"),
        ({"sample_rate": 4000}, "sample_rate 4000.*8000..48000"),
        ({"channels": ()}, "0 channels"),
        ({"keep_s": 0.5}, "keep_s 0.5.*1..86400"),
        ({"keep_s": float("nan")}, "keep_s nan"),
        ({"patience_s": 0.0}, "patience_s 0.0"),
        ({"patience_s": float("nan")}, "patience_s nan"),
        ({"end_within_s": float("inf")}, "end_within_s inf"),
        ({"context": {"case": {1, 2}}}, "cannot be told as JSON"),
        ({"context": {"case": float("nan")}}, "cannot be told as JSON"),
        ({"call_id": "\ud800"}, "cannot be told as JSON"),
    ],
)
def test_arguments_that_cannot_be_are_named(changes: dict, named: str):
    with pytest.raises(BadSettings, match=named):
        stream("ws://127.0.0.1:9", **changes)


def test_an_address_that_is_none_is_named():
    with pytest.raises(BadSettings, match=r"http://127\.0\.0\.1: not a WebSocket address"):
        Stream("http://127.0.0.1", call_id="c-1")


@in_loop
async def test_what_the_server_would_refuse_is_refused_where_it_is_said_and_the_call_goes_on():
    audio = small_talk(2.0)
    async with serving() as server:
        async with stream(server.url) as call:
            for seconds in (0.0, -1.0, float("nan"), float("inf"), 86_401.0):
                with pytest.raises(BadMessage, match="gap of"):
                    await call.gap(seconds)
            with pytest.raises(BadMessage, match="reason 'tea'"):
                await call.gap(1.0, "tea")
            with pytest.raises(BadMessage, match=r"stage 'chat' is unknown.*negotiation"):
                await call.stage("chat")
            for party, text, start_s, end_s, named in [
                ("mixed", "so", 0.0, 1.0, "'mixed': parties are agent, customer"),
                ("agent", "a" * 10_001, 0.0, 1.0, "in pieces of at most 10000"),
                ("agent", "\ud800", 0.0, 1.0, "lone surrogate"),
                ("agent", "so", 2.0, 1.0, "in order"),
                ("agent", "so", -1.0, 1.0, "from 0 on"),
                ("agent", "so", 0.0, float("inf"), "finite"),
                ("agent", "so", float("nan"), 1.0, "in order"),
            ]:
                with pytest.raises(BadMessage, match=named):
                    await call.transcript(party, text, start_s, end_s)
            await call.send(audio)
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)
    with pytest.raises(BadMessage, match="stage 'chat'"):
        stream(server.url, stage="chat")


@in_loop
async def test_a_call_goes_through_tls_with_a_token(tmp_path: Path):
    files = make(tmp_path)
    tls = server_tls(files.certificate, files.key)
    async with LiveServer(locked(), LoudIsAngry(), port=0, tls=tls) as server:
        own = trust(server.url, files.authority)
        async with stream(server.url, token=SECRETS["ingest"], tls=own) as call:
            await call.send(small_talk(1.0))
        assert (call.ended.reason, call.ended.duration_s) == ("stop", 1.0)
        with pytest.raises(Unreachable, match="401"):
            await stream(server.url, tls=own).__aenter__()
        with pytest.raises(Unreachable, match="not to be trusted"):
            await stream(server.url, token=SECRETS["ingest"]).__aenter__()


@in_loop
async def test_the_lines_on_the_page_for_clients_stream_a_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code = PAGE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    audio = quarrel()

    async def frames() -> AsyncIterator[bytes]:
        for at in range(0, len(audio), 640):
            yield audio[at : at + 640]

    async with serving() as server:
        (tmp_path / "page.py").write_text(code.replace("ws://127.0.0.1:8700", server.url), "utf-8")
        await runpy.run_path(str(tmp_path / "page.py"))["monitor"](frames())
        assert said_of(await read_feed(server), "c-1")[-1]["duration_s"] == 20.0
    assert "critical The customer sounds angry" in capsys.readouterr().out
