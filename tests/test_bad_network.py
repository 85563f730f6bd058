"""Networks as they are: packets lost, late, out of order, twice; a cable pulled; a server killed."""

import asyncio
import base64
import gc
import heapq
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from live_server import come_true, in_loop, live_settings, read_feed, serving
from voices import example_call
from websockets.asyncio.client import connect

from sentiment_engine.live.app import LiveServer
from sentiment_engine.onnx_model import load_emotion_model
from sentiment_engine.pcm import G711
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import Settings

RATE_HZ, PACKET = 8000, 160
SPEED = 6.0
ALL = "since=0&types=*"


def mulaw(samples):
    table = G711["mulaw"].astype(np.int32)
    order = np.argsort(table)
    middles = (table[order][1:] + table[order][:-1]) / 2
    return order[np.searchsorted(middles, samples)].astype(np.uint8).tobytes()


def frames(sound, call_id):
    """A Twilio call as (when it is spoken, frame)."""
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {"callSid": call_id, "tracks": ["inbound", "outbound"], "mediaFormat": form}
    yield 0.0, {"event": "start", "sequenceNumber": "1", "start": start}
    sequence = 1
    for number in range(len(sound) // PACKET):
        piece = sound[number * PACKET : (number + 1) * PACKET]
        for track, column in (("outbound", 0), ("inbound", 1)):
            sequence += 1
            media = {
                "track": track,
                "timestamp": str(number * 20),
                "payload": base64.b64encode(mulaw(piece[:, column])).decode(),
            }
            yield number * 0.02, {"event": "media", "sequenceNumber": str(sequence), "media": media}


def through(network, seed, sent):
    """What arrives, and when: each media frame may be lost, late or doubled."""
    chance, heap = np.random.default_rng(seed), []
    for count, (at_s, frame) in enumerate(sent):
        copies = 1
        if frame["event"] == "media":
            copies = (chance.random() >= network["loss"]) + (chance.random() < network["twice"])
        for copy in range(copies):
            late_s = chance.uniform(0.0, network["jitter_s"]) if frame["event"] == "media" else 0.0
            heapq.heappush(heap, (at_s + late_s, count, copy, json.dumps(frame)))
    while heap:
        at_s, _, _, text = heapq.heappop(heap)
        yield at_s, text


async def send(url, arriving):
    async with connect(f"{url}/v1/twilio") as socket:
        clock = asyncio.get_running_loop().time
        began = clock()
        for at_s, text in arriving:
            await asyncio.sleep(max(0.0, began + at_s / SPEED - clock()))
            await socket.send(text)
        await socket.send(json.dumps({"event": "stop"}))
        await socket.wait_closed()


def of(events, kind):
    return [event["data"] for event in events if event["data"]["type"] == kind]


def told(events):
    return [(alert["kind"], alert["at_s"]) for alert in of(events, "alert.raised")]


GOOD = {"loss": 0.0, "jitter_s": 0.0, "twice": 0.0}
BAD = {"loss": 0.05, "jitter_s": 0.2, "twice": 0.02}


@pytest.mark.slow
@in_loop
async def test_loss_jitter_reordering_and_duplicates_raise_no_other_alert_than_a_good_line():
    sound = example_call(0.0, 60.0)
    async with LiveServer(Settings(), load_emotion_model(), load_playbook(), port=0) as server:
        lines = {"good": GOOD, **{f"bad-{seed}": BAD for seed in range(3)}}
        async with asyncio.TaskGroup() as group:
            for seed, (name, network) in enumerate(lines.items()):
                group.create_task(send(server.url, through(network, seed, frames(sound, name))))
        events = {name: await read_feed(server, f"{ALL}&calls={name}", until=name) for name in lines}
        metrics = server.metrics.render().decode()
        assert server.calls.sessions == set()
    good = told(events.pop("good"))
    assert good
    for bad in events.values():
        assert [kind for kind, _ in told(bad)] == [kind for kind, _ in good]
        for (_, at_s), (_, expected_s) in zip(told(bad), good, strict=True):
            assert -0.5 <= at_s - expected_s <= 8.0  # holes in what an alert rests on make it late
        assert of(bad, "call.ended")[0]["duration_s"] == pytest.approx(60.0, abs=0.1)
        assert [event["data"]["seq"] for event in bad] == list(range(1, len(bad) + 1))
    assert 'packets_dropped_total{why="duplicate"}' in metrics
    assert float(metrics.split('packets_dropped_total{why="duplicate"} ')[1].split("\n")[0]) > 100


@pytest.mark.slow
@in_loop
async def test_a_burst_of_loss_on_one_track_is_a_marked_gap_of_that_party():
    sound = example_call(0.0, 12.0)

    def cut(sent):
        for at_s, frame in sent:
            if not (5.0 <= at_s < 7.0 and frame.get("media", {}).get("track") == "inbound"):
                yield at_s, json.dumps(frame)

    async with LiveServer(Settings(), load_emotion_model(), port=0) as server:
        await send(server.url, cut(frames(sound, "cut")))
        events = await read_feed(server, ALL, until="cut")
    (gap,) = of(events, "audio.gap")
    assert (gap["party"], gap["reason"]) == ("customer", "lost")
    assert (gap["start_s"], gap["end_s"]) == pytest.approx((5.0, 7.0), abs=0.05)


def namespace():
    """A command that runs another in a network of its own; skips where that is not allowed."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        try:
            done = subprocess.run(
                [*command, "ip", "link", "set", "lo", "up"], capture_output=True, check=False
            )
        except FileNotFoundError:
            pytest.skip("no unshare or ip here: util-linux and iproute2 are needed to cut a network")
        if done.returncode == 0:
            return command
    pytest.skip("this machine lets nobody make a network namespace: it needs root or user namespaces")


@pytest.mark.slow
def test_a_call_whose_network_is_cut_for_ten_seconds_goes_on_and_nothing_is_left():
    script = Path(__file__).parent / "cut_network.py"
    done = subprocess.run(
        [*namespace(), sys.executable, str(script), "10"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["starts"] == 1
    assert told["alerts"] == []
    (ended,) = told["ended"]
    assert ended["reason"] == "stop"
    assert ended["duration_s"] == pytest.approx(told["total_s"], abs=0.2)
    marked_s = sum(gap["end_s"] - gap["start_s"] for gap in told["gaps"] if gap["party"] == "agent")
    assert marked_s == pytest.approx(told["lost_s"], abs=0.2)
    assert told["left"] == {"sessions": 0, "tasks": 0, "sockets": 0}


@pytest.mark.slow
@in_loop
async def test_calls_that_were_cut_refused_or_ended_leave_no_memory_behind():
    sound = example_call(0.0, 4.0)
    texts = [json.dumps(frame) for _, frame in frames(sound, "c")]

    async def call(server, name, how):
        async with connect(f"{server.url}/v1/twilio") as socket:
            await socket.send(texts[0].replace('"c"', f'"{name}"'))
            for text in texts[1:]:
                await socket.send(text)
            if how == "stopped":
                await socket.send(json.dumps({"event": "stop"}))
            elif how == "refused":
                await socket.send("no JSON")
            elif how == "cut":
                socket.transport.abort()
            await socket.wait_closed()

    async def round_of_calls(server, number):
        async with asyncio.TaskGroup() as group:
            for each, how in enumerate(["stopped", "refused", "cut"] * 7):
                group.create_task(call(server, f"{number}-{each}", how))
        await come_true(
            lambda: not server.calls.sessions and "calls_live 0.0" in server.metrics.render().decode()
        )
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tasks = len(asyncio.all_tasks())
    settings = live_settings(resume_grace_s=0.5, kept_events=50, kept_ticks=50)
    async with serving(settings) as server:
        tracemalloc.start()
        try:
            await round_of_calls(server, 0)  # what is made once: tables, caches, code
            first = await round_of_calls(server, 1)
            second = await round_of_calls(server, 2)
        finally:
            tracemalloc.stop()
        await asyncio.sleep(0.2)
        assert server.connections == 0
    assert second - first < 21 * 10_000  # a call held 200 KiB while it lived
    assert len(asyncio.all_tasks()) == tasks
