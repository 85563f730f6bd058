"""A call on ``/v1/stream``: its life, and its agreement with the monitor."""

import asyncio
import json

import pytest
from live_server import (
    Held,
    LoudIsAngry,
    come_true,
    heard_s,
    in_loop,
    is_fed,
    live_settings,
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
    waiting,
    whole_call,
)
from websockets.asyncio.client import connect

from sentiment_engine.monitor import CallMonitor
from sentiment_engine.settings import Settings


@in_loop
async def test_a_live_call_says_what_the_monitor_says_of_the_same_bytes():
    audio = quarrel()
    async with serving() as server:
        said = await whole_call(server, "c-1", audio)
        feed = await read_feed(server)
    expected = offline("c-1", audio)
    assert said_of(feed, "c-1") == expected
    assert said == [
        event for event in expected if event["type"].startswith("alert.") or event["type"] == "call.ended"
    ]
    assert said[0]["type"] == "alert.raised"


@in_loop
async def test_alerts_reach_the_stream_while_the_call_still_runs():
    async with serving() as server, streaming(server) as socket:
        await play(socket, quarrel())
        raised = json.loads(await socket.recv())
        assert raised["type"] == "alert.raised"
        assert raised["causes"]
        await socket.send('{"type":"stop"}')
        assert (await rest(socket))[-1]["reason"] == "stop"


@in_loop
async def test_started_comes_first_and_names_the_call_at_zero():
    async with serving() as server, connect(server.url + "/v1/stream") as socket:
        await socket.send(start("c-9"))
        assert json.loads(await socket.recv()) == {"type": "started", "call_id": "c-9", "resume_at_s": 0.0}


@in_loop
async def test_ticks_are_sent_once_a_second_when_asked_for():
    async with serving() as server:
        said = await whole_call(server, "c-1", small_talk(5.0), send=["tension"])
    assert [event["at_s"] for event in said if event["type"] == "tension.updated"] == [
        1.0,
        2.0,
        3.0,
        4.0,
        5.0,
    ]
    assert said[-1]["type"] == "call.ended"


@pytest.mark.parametrize("step", [1, 7, 320, 100_000])
@in_loop
async def test_the_size_of_frames_never_changes_the_events(step: int):
    audio = quarrel(3.0, 6.0)
    if step == 1:
        audio = audio[:20_000]
    async with serving() as server:
        async with streaming(server) as socket:
            await play(socket, audio, step)
            await socket.send('{"type":"stop"}')
            await rest(socket)
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)


@pytest.mark.parametrize(("encoding", "width"), [("mulaw", 1), ("alaw", 1), ("pcm_s16le", 2)])
@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000])
@in_loop
async def test_every_encoding_and_rate_is_heard_in_full(encoding: str, width: int, rate: int):
    audio = bytes(range(256)) * (rate * width // 128)  # two seconds of noise on one channel
    async with serving() as server:
        said = await whole_call(server, "c-1", audio, encoding=encoding, sample_rate=rate, channels=["mixed"])
    assert said[-1]["duration_s"] == pytest.approx(2.0, abs=0.05)


@in_loop
async def test_gap_and_stage_reach_the_monitor_in_their_place():
    audio = small_talk(6.0)
    async with serving() as server:
        async with streaming(server, language="zh-CN") as socket:
            await play(socket, audio[:48_001])
            await socket.send('{"type":"gap","seconds":1.5,"reason":"paused"}')
            await socket.send('{"type":"stage","stage":"negotiation"}')
            await play(socket, audio[48_004:])
            await socket.send('{"type":"stop","why":"unknown fields are ignored"}')
            await rest(socket)
        feed = await read_feed(server)
    monitor = CallMonitor(Settings(), LoudIsAngry(), call_id="c-1")
    gaps = [item["data"] for item in feed if item["data"]["type"] == "audio.gap"]
    assert [(gap["party"], gap["start_s"], gap["end_s"], gap["reason"]) for gap in gaps] == [
        (party, 1.5, 3.0, "paused") for party in monitor.channels
    ]
    assert feed[-1]["data"]["duration_s"] == 7.5


@in_loop
async def test_transcripts_are_taken_and_counted():
    frame = {"type": "transcript", "party": "customer", "text": "我不会付的", "start_s": 0.1, "end_s": 0.9}
    async with serving() as server:
        async with streaming(server) as socket:
            await socket.send(json.dumps(frame))
            await socket.send('{"type":"stop"}')
            assert (await rest(socket))[-1]["type"] == "call.ended"
        assert b'sentiment_engine_messages_total{type="transcript"} 1.0' in server.metrics.render()


@pytest.mark.parametrize("cut", [64_000, 64_001, 64_003, 65_536])
@in_loop
async def test_a_dropped_call_resumes_where_it_was_heard_and_nothing_differs(cut: int):
    audio = quarrel()
    async with serving() as server:
        async with streaming(server) as socket:
            await play(socket, audio[:cut], 5_001)
            await come_true(lambda: not (heard_s(server, "c-1") < cut // 32 / 1000))
            socket.transport.abort()
        async with connect(server.url + "/v1/stream") as socket:
            await socket.send(start())
            resume_at_s = json.loads(await socket.recv())["resume_at_s"]
            assert resume_at_s == cut // 32 / 1000
            await play(socket, audio[round(resume_at_s * 8000) * 4 :])
            await socket.send('{"type":"stop"}')
            said = await rest(socket)
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)
        assert [event["type"] for event in said] == ["alert.raised", "alert.cleared", "call.ended"]


@in_loop
async def test_an_alert_raised_while_the_socket_was_gone_is_sent_to_the_next():
    audio = quarrel()
    model = Held()
    async with serving(live_settings(call_windows=100, max_lag_s=60.0), model) as server:
        async with streaming(server) as socket:
            model.hold()
            await socket.send(audio)
            await asyncio.sleep(0.2)
            socket.transport.abort()
        await come_true(lambda: not (is_fed(server, "c-1")))
        model.release()
        async with connect(server.url + "/v1/stream") as socket:
            await socket.send(start())
            resume_at_s = json.loads(await socket.recv())["resume_at_s"]
            await play(socket, audio[round(resume_at_s * 8000) * 4 :])
            await socket.send('{"type":"stop"}')
            assert [event["type"] for event in await rest(socket)] == [
                "alert.raised",
                "alert.cleared",
                "call.ended",
            ]


@in_loop
async def test_a_second_socket_takes_a_live_call_over():
    audio = quarrel()
    async with serving() as server, undisturbed(server), streaming(server) as old:
        await play(old, audio[:96_000])
        await come_true(lambda: heard_s(server, "c-1") >= 3.0)
        async with connect(server.url + "/v1/stream") as new:
            await new.send(start())
            assert json.loads(await new.recv())["resume_at_s"] == 3.0
            assert await refusal(old) == ("taken_over", 1008)
            await play(new, audio[96_000:])
            await new.send('{"type":"stop"}')
            said = await rest(new)
        assert [event["type"] for event in said] == ["alert.raised", "alert.cleared", "call.ended"]
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)


@pytest.mark.parametrize(
    "changes", [{"sample_rate": 16_000}, {"encoding": "mulaw"}, {"channels": ["customer", "agent"]}]
)
@in_loop
async def test_a_takeover_in_another_format_is_refused_and_the_call_goes_on(changes: dict):
    audio = quarrel(3.0, 9.0)
    async with serving() as server:
        async with streaming(server) as socket:
            await play(socket, audio[:100_000])
            async with connect(server.url + "/v1/stream") as other:
                await other.send(start(**changes))
                assert await refusal(other) == ("format_changed", 1008)
            await play(socket, audio[100_000:])
            await socket.send('{"type":"stop"}')
            assert (await rest(socket))[-1]["reason"] == "stop"
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)


@in_loop
async def test_a_dropped_call_ends_as_disconnected_after_its_grace():
    async with serving(live_settings(resume_grace_s=0.2)) as server:
        async with streaming(server) as socket:
            await play(socket, small_talk(2.0))
            await socket.close()
        ended = (await read_feed(server, "since=0", until="c-1"))[-1]["data"]
    assert (ended["reason"], ended["duration_s"]) == ("disconnected", 2.0)


@in_loop
async def test_an_ended_call_is_final_and_its_id_starts_another():
    async with serving() as server:
        await whole_call(server, "c-1", small_talk(2.0))
        async with connect(server.url + "/v1/stream") as socket:
            await socket.send(start())
            assert json.loads(await socket.recv())["resume_at_s"] == 0.0
            await socket.send('{"type":"stop"}')
            await rest(socket)
        seqs = [item["data"]["seq"] for item in await read_feed(server, "since=0&types=call.started")]
    assert seqs == [1, 1]


@in_loop
async def test_a_call_that_says_nothing_ends_as_idle():
    async with serving(live_settings(idle_timeout_s=0.3)) as server, streaming(server) as socket:
        said = await rest(socket)
        assert (said[-1]["type"], said[-1]["reason"], socket.close_code) == ("call.ended", "idle", 1000)


@in_loop
async def test_one_call_more_than_the_limit_is_told_to_try_later():
    async with (
        serving(live_settings(max_calls=1)) as server,
        streaming(server),
        connect(server.url + "/v1/stream") as socket,
    ):
        await socket.send(start("c-2"))
        assert await refusal(socket) == ("overloaded", 1013)


@in_loop
async def test_a_client_faster_than_the_model_is_slowed_and_loses_nothing():
    class Slow(LoudIsAngry):
        def __call__(self, windows):
            import time  # noqa: PLC0415 - a model that takes its time, in its own thread

            time.sleep(0.02)
            return super().__call__(windows)

    audio = quarrel(10.0, 30.0)
    async with serving(live_settings(call_windows=2, batch_windows=2), Slow()) as server:
        async with streaming(server) as socket:
            sending = asyncio.create_task(play(socket, audio, 16_000))
            behind = 0
            while not sending.done():
                await asyncio.sleep(0.01)
                behind = max(behind, waiting(server, "c-1"))
            await socket.send('{"type":"stop"}')
            await rest(socket)
        assert said_of(await read_feed(server), "c-1") == offline("c-1", audio)
    assert behind <= 6  # two, and what one more second of two voices may add


@in_loop
async def test_a_failing_model_costs_its_windows_and_no_call():
    class Moody(LoudIsAngry):
        broken = True

        def __call__(self, windows):
            if self.broken:
                raise RuntimeError("no mood today")
            return super().__call__(windows)

    model = Moody()
    async with serving(model=model) as server:
        said = await whole_call(server, "c-1", quarrel(3.0, 6.0))
        assert [event["type"] for event in said] == ["call.ended"]
        gaps = [item["data"] for item in await read_feed(server, "since=0&types=audio.gap")]
        assert {gap["reason"] for gap in gaps} == {"overload"}
        assert b'windows_skipped_total{reason="model_error"}' in server.metrics.render()
        model.broken = False
        async with undisturbed(server):
            pass


@in_loop
async def test_windows_that_waited_too_long_are_skipped_and_marked():
    model = Held()
    async with serving(live_settings(max_lag_s=0.1, call_windows=100, batch_windows=2), model) as server:
        async with streaming(server) as socket:
            model.hold()
            await socket.send(quarrel(0.5, 7.0))
            await asyncio.sleep(0.5)
            model.release()
            await socket.send('{"type":"stop"}')
            await rest(socket)
        feed = await read_feed(server)
    assert {item["data"]["reason"] for item in feed if item["data"]["type"] == "audio.gap"} == {"overload"}
    assert [item["data"]["seq"] for item in feed] == list(range(1, len(feed) + 1))


@pytest.mark.parametrize("where", ["listen", "judge"])
@in_loop
async def test_a_fault_inside_one_call_ends_that_call_and_no_other(
    where: str, monkeypatch: pytest.MonkeyPatch
):
    async with serving() as server, undisturbed(server):
        real = getattr(CallMonitor, where)

        def faulty(self, given):
            if self.call_id == "c-1" and self.heard_s > 1:
                raise ZeroDivisionError("a fault of ours")
            return real(self, given)

        async with streaming(server) as socket:
            monkeypatch.setattr(CallMonitor, where, faulty)
            await play(socket, small_talk(4.0))
            said = await rest(socket)
            assert said[0]["code"] == "internal"
            assert (said[-1]["type"], said[-1]["reason"], socket.close_code) == ("call.ended", "error", 1011)
        ended = await read_feed(server, "since=0&types=call.ended&calls=c-1")
        assert [item["data"]["reason"] for item in ended] == ["error"]
