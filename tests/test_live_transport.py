"""A socket is read while its session keeps up, and no further."""

import asyncio

import pytest
from live_server import (
    Held,
    come_true,
    heard_s,
    in_loop,
    live_settings,
    play,
    quarrel,
    rest,
    serving,
    streaming,
    waiting,
)

from sentiment_engine.live.transport import WebSocketProtocol


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each message that came, whether reading has stopped since."""
    seen: list[bool] = []
    take = WebSocketProtocol.send_receive_event_to_app

    def watched(self: WebSocketProtocol) -> None:
        take(self)
        seen.append(self.read_paused)

    monkeypatch.setattr(WebSocketProtocol, "send_receive_event_to_app", watched)
    return seen


@in_loop
async def test_reading_does_not_stop_for_a_call_that_keeps_time(stops: list[bool]):
    audio = quarrel(1.0, 1.0)
    async with serving() as server, streaming(server) as socket:
        for number, at in enumerate(range(0, len(audio), 3200), start=1):
            await socket.send(audio[at : at + 3200])
            await come_true(lambda due_s=number / 10: heard_s(server, "c-1") >= due_s - 1e-6)
        await socket.send('{"type":"stop"}')
        assert (await rest(socket))[-1]["type"] == "call.ended"
    assert stops == [False] * (len(audio) // 3200 + 2)


@in_loop
async def test_reading_stops_while_windows_wait_and_goes_on_after(stops: list[bool]):
    model = Held()
    settings = live_settings(call_windows=1, max_lag_s=60.0)
    async with serving(settings, model) as server, streaming(server) as socket:
        model.hold()
        sent = asyncio.create_task(play(socket, quarrel(6.0, 14.0)))
        await come_true(lambda: waiting(server, "c-1") > 0 and stops[-1])
        await asyncio.sleep(0.2)  # what was read with it has been taken
        read = len(stops)
        await asyncio.sleep(0.2)
        assert len(stops) == read < 100
        assert stops[-1]
        model.release()
        await sent
        await socket.send('{"type":"stop"}')
        ended = (await rest(socket, 20.0))[-1]
    assert (ended["duration_s"], ended["reason"]) == (20.0, "stop")
