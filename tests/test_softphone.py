"""The browser softphone against a real server: real peer connections in headless Chromium."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Site, browsing, example, likeness, until, write_wav
from live_server import LoudIsAngry, come_true, in_loop, read_feed, serving, voice
from voices import SETTINGS
from websockets.asyncio.server import serve

from sentiment_engine.live.app import LiveServer
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import Settings

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

HERE = Path(__file__).parent
JOIN = """async ({server, options}) => {
  const { attach } = await import(`http://${server}/web/softphone.js`);
  const { call, listen } = await import('/call.js');
  const line = await call({ far: '/far.wav' });
  const { ownContext, throwing, tension, ...rest } = options;
  if (ownContext) rest.audioContext = window.ownContext = new AudioContext();
  if (throwing) rest.onState = () => { throw new Error('a fault of the page'); };
  const heard = listen(attach, line.agent, { url: `ws://${server}/v1/stream`, callId: 'c-1', ...rest }, tension);
  await line.negotiate();
  Object.assign(window, { line, ...heard });
}"""
CLOG = """(on) => {
  const honest = (window.honest ??= Object.getOwnPropertyDescriptor(WebSocket.prototype, 'bufferedAmount'));
  Object.defineProperty(WebSocket.prototype, 'bufferedAmount', on ? { get: () => 1e9, configurable: true } : honest);
}"""
HOLD = """async (direction) => {
  for (const peer of [line.agent, line.customer]) {
    for (const transceiver of peer.getTransceivers()) transceiver.direction = direction;
  }
  await line.negotiate();
}"""
REPLACE = """async () => {
  const context = new AudioContext();
  const hum = new OscillatorNode(context, { frequency: 440 });
  const out = context.createMediaStreamDestination();
  hum.connect(new GainNode(context, { gain: 0.3 })).connect(out);
  hum.start();
  await line.agent.getSenders()[0].replaceTrack(out.stream.getTracks()[0]);
}"""
ATTACH_WRONG = """async ({server, wrong}) => {
  const { attach } = await import(`http://${server}/web/softphone.js`);
  const { listen } = await import('/call.js');
  const { said } = listen(attach, line.agent, { url: `ws://${server}/v1/stream`, callId: 'c-2', ...wrong });
  while (said.states.at(-1)?.phase !== 'failed') await new Promise((done) => setTimeout(done, 20));
  return said;
}"""
ATTACH_NOTHING = """async (server) => {
  const { attach } = await import(`http://${server}/web/softphone.js`);
  const codes = [];
  const options = { url: `ws://${server}/v1/stream`, callId: 'c-3', onError: ({ code }) => codes.push(code) };
  attach(null, { ...options, onAlert() {} });
  attach(line.agent, options);
  await new Promise((done) => setTimeout(done, 20));
  return codes;
}"""
DETACH = "async () => await softphone.detach()"
VOICES = example(14.0, 24.0)[0], example(46.0, 56.0)[1]
"""Ten seconds of each party, over and over, that resemble each other at no delay."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def welcoming(site: Site) -> Settings:
    """Settings under which pages of ``site`` may connect."""
    return SETTINGS


def at(server: LiveServer) -> str:
    return f"{server.host}:{server.port}"


class Ears:
    """What reaches the monitors of a server: samples of agent and customer, gaps as silence left out."""

    def __init__(self, server: LiveServer) -> None:
        self.bytes = bytearray()
        self.gaps: list[tuple[float, str]] = []
        listen, gap = server.calls.listen, server.calls.gap

        def hear(call: Any, audio: bytes) -> None:
            self.bytes += audio
            listen(call, audio)

        def miss(call: Any, seconds: float, reason: Any) -> None:
            self.gaps.append((seconds, reason))
            gap(call, seconds, reason)

        server.calls.listen, server.calls.gap = hear, miss  # type: ignore[method-assign]

    @property
    def seconds(self) -> float:
        return len(self.bytes) / 4 / 8000

    def parties(self, from_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        both = np.frombuffer(bytes(self.bytes), "<i2").reshape(-1, 2)[round(from_s * 8000) :] / 32768
        return both[:, 0], both[:, 1]


@asynccontextmanager
async def on_the_phone(
    site: Site,
    server: LiveServer,
    tmp_path: Path,
    voices: tuple[np.ndarray, np.ndarray] = VOICES,
    peaks: tuple[float, float] = (0.5, 0.5),
    allow: str = "",
    **options: object,
) -> AsyncIterator[Any]:
    """A page in the middle of a call that its softphone listens to; may open ``allow`` too."""
    agent, customer = voices
    microphone = write_wav(tmp_path / "agent.wav", agent, peaks[0])
    site.files = {
        "call.js": (HERE / "softphone_call.js").read_bytes(),
        "far.wav": write_wav(tmp_path / "customer.wav", customer, peaks[1]).read_bytes(),
    }
    site.allow(at(server), allow)
    async with browsing(microphone) as context:
        page = await context.new_page()
        await page.goto(site.origin)
        await page.evaluate(JOIN, {"server": at(server), "options": options})
        yield page


def assert_right_way_round(agent: np.ndarray, customer: np.ndarray) -> None:
    right = likeness(agent, VOICES[0]), likeness(customer, VOICES[1])
    wrong = likeness(agent, VOICES[1]), likeness(customer, VOICES[0])
    assert min(right) > 0.85, (right, wrong)
    assert max(wrong) < 0.35, (right, wrong)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


@in_loop
async def test_both_parties_arrive_each_on_its_own_channel_in_full(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path) as page:
            await come_true(lambda: ears.seconds >= 11)
            ended = await page.evaluate(DETACH)
            said = await page.evaluate("said")
    assert said["errors"] == []
    phases = [state["phase"] for state in said["states"]]
    assert phases == sorted(phases, key=["connecting", "streaming", "stopping", "ended"].index)
    assert ended["reason"] == "stop"
    assert ended["duration_s"] == pytest.approx(ears.seconds, abs=0.001)
    assert ears.gaps == []
    assert_right_way_round(*ears.parties(1.0))


@in_loop
async def test_a_dropped_socket_resumes_and_not_a_sample_is_lost_or_doubled(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path) as page:
            for seconds in (3, 6):
                await come_true(lambda seconds=seconds: ears.seconds >= seconds)
                for session in list(server.calls.sessions):
                    session.abort()
            await come_true(lambda: ears.seconds >= 12)
            ended = await page.evaluate(DETACH)
            said = await page.evaluate("said")
        feed = await read_feed(server, "since=0&types=call.started,call.ended")
    assert [error["code"] for error in said["errors"]] == ["network", "network"]
    assert [item["data"]["type"] for item in feed] == ["call.started", "call.ended"]
    resumed = [state for state in said["states"] if state.get("resumedAtSeconds", 0) > 2]
    assert resumed
    assert not any(state.get("anew") for state in said["states"])
    assert ears.gaps == []
    assert ended["duration_s"] == pytest.approx(ears.seconds, abs=0.001)
    assert_right_way_round(*ears.parties(1.0))  # a sample too many or too few would pull the envelopes apart


@in_loop
async def test_what_no_longer_fits_the_buffer_is_told_as_a_gap(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path, bufferSeconds=1) as page:
            await come_true(lambda: ears.seconds >= 2)
            await page.evaluate(CLOG, True)
            await asyncio.sleep(4)
            await page.evaluate(CLOG, False)
            await come_true(lambda: ears.seconds >= 5)
            ended = await page.evaluate(DETACH)
    (gap,) = ears.gaps
    assert gap[1] == "lost"
    assert 2.5 < gap[0] < 4.5  # four seconds, less the one that was kept; a busy machine may be late
    assert ended["duration_s"] == pytest.approx(ears.seconds + gap[0], abs=0.002)


@in_loop
async def test_a_network_that_takes_nothing_is_given_up_and_tried_again(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path) as page:
            await come_true(lambda: ears.seconds >= 1)
            await page.evaluate(CLOG, True)
            await until(page, "said.errors.length > 0")
            await page.evaluate(CLOG, False)
            await come_true(lambda: ears.seconds >= 12)
            await page.evaluate(DETACH)
            said = await page.evaluate("said")
    assert "takes nothing" in said["errors"][0]["message"]
    assert ears.gaps == []


@in_loop
async def test_a_server_that_restarts_takes_the_call_up_anew(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        port, ears = server.port, Ears(server)
        async with on_the_phone(site, server, tmp_path) as page:
            await come_true(lambda: ears.seconds >= 3)
            await server.aclose()
            async with LiveServer(server.calls.settings, LoudIsAngry(), port=port) as second:
                again = Ears(second)
                await come_true(lambda: again.seconds >= 11)
                ended = await page.evaluate(DETACH)
                said = await page.evaluate("said")
                (started,) = await read_feed(second, "since=0&types=call.started")
    assert started["subject"] == "c-1"
    assert ended["reason"] == "stop"
    assert [state["resumedAtSeconds"] for state in said["states"] if state.get("anew")][0] == 0
    # What the first server had heard lies in the buffer still, and gives the second one its baselines.
    assert ended["duration_s"] == pytest.approx(again.seconds, abs=0.001)
    assert_right_way_round(*again.parties(1.0))


@in_loop
async def test_hold_and_mute_are_silence_and_the_clock_goes_on(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path) as page:
            await come_true(lambda: ears.seconds >= 3)
            await page.evaluate(HOLD, "inactive")
            await until(page, "!softphone.state.agent && !softphone.state.customer")
            held_from = ears.seconds + 0.5
            await come_true(lambda: ears.seconds >= held_from + 2)
            held_to = ears.seconds - 0.2
            await page.evaluate(HOLD, "sendrecv")
            await until(page, "softphone.state.agent && softphone.state.customer")
            back = ears.seconds + 0.5
            await come_true(lambda: ears.seconds >= back + 4)
            await page.evaluate("line.microphone.getTracks()[0].enabled = false")
            muted_from = ears.seconds + 0.8
            await come_true(lambda: ears.seconds >= muted_from + 2)
            await page.evaluate(DETACH)
    for party in ears.parties():
        assert np.abs(party[round(held_from * 8000) : round(held_to * 8000)]).max() < 1e-3
        assert rms(party[round(back * 8000) : round((back + 4) * 8000)]) > 0.01
    agent, customer = ears.parties(muted_from)
    assert np.abs(agent).max() < 1e-3
    assert rms(customer) > 0.01


@in_loop
async def test_a_replaced_track_is_followed(site: Site, tmp_path: Path):
    """The agent changes the microphone to something that hums at 440 Hz."""
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path) as page:
            await come_true(lambda: ears.seconds >= 2)
            await page.evaluate(REPLACE)
            replaced = ears.seconds + 1.5
            await come_true(lambda: ears.seconds >= replaced + 2)
            await page.evaluate(DETACH)
            said = await page.evaluate("said")
    agent, customer = ears.parties(replaced)
    spectrum = np.abs(np.fft.rfft(agent * np.hanning(len(agent))))
    assert np.argmax(spectrum) * 8000 / len(agent) == pytest.approx(440, abs=2)
    assert rms(customer) > 0.01
    assert said["errors"] == []


@in_loop
async def test_audio_that_stands_still_is_a_gap(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path, ownContext=True) as page:
            await come_true(lambda: ears.seconds >= 2)
            await page.evaluate("ownContext.suspend()")
            await asyncio.sleep(3)
            assert await page.evaluate("softphone.state.audio") == "suspended"
            await page.evaluate("ownContext.resume()")
            heard = ears.seconds
            await come_true(lambda: ears.seconds >= heard + 2)
            await page.evaluate(DETACH)
            assert await page.evaluate("ownContext.state") == "running"
    assert {reason for _, reason in ears.gaps} == {"paused"}
    assert sum(seconds for seconds, _ in ears.gaps) == pytest.approx(3, abs=1.1)


@in_loop
async def test_a_call_that_is_hung_up_ends_by_itself(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path) as page:
            await come_true(lambda: ears.seconds >= 1)
            await page.evaluate("line.agent.close()")
            await until(page, "softphone.state.phase === 'ended'")
            said = await page.evaluate("said")
            assert await page.evaluate("softphone.detach().then((ended) => ended.reason)") == "stop"
    assert said["errors"] == []


@in_loop
async def test_alerts_come_with_phrases_for_the_agent_only(site: Site, tmp_path: Path):
    shout = np.concatenate([voice(4.0, 0.02, 1), voice(8.0, 0.3, 2)])
    voices = voice(12.0, 0.02, 3), shout
    async with LiveServer(welcoming(site), LoudIsAngry(), load_playbook(), port=0) as server:
        options = {"language": "en", "tension": True}
        async with on_the_phone(site, server, tmp_path, voices, (0.06, 0.95), **options) as page:
            await until(page, "said.alerts.length > 0")
            await page.evaluate("softphone.setStage('negotiation')")
            await page.evaluate("softphone.transcript({party: 'customer', text: 'no', start_s: 1, end_s: 2})")
            ended = await page.evaluate(DETACH)
            said = await page.evaluate("said")
        feed = await read_feed(server, "since=0&types=alert.raised,alert.updated,alert.cleared")
        counted = server.metrics.render()
    assert [alert["type"] for alert in said["alerts"]] == [item["data"]["type"] for item in feed]
    for alert, item in zip(said["alerts"], feed, strict=True):
        offered = item["data"]["suggestions"]
        assert alert["suggestions"] == [one for one in offered if one["audience"] == "agent"]
    assert said["alerts"][0]["suggestions"]
    assert ended["summary"]["alerts"] >= 1
    assert [tick["type"] for tick in said["tensions"]] == ["tension.updated"] * len(said["tensions"])
    assert said["tensions"]
    assert b'messages_total{type="stage"} 1.0' in counted
    assert b'messages_total{type="transcript"} 1.0' in counted
    assert said["errors"] == []


@in_loop
async def test_a_token_travels_as_a_subprotocol_and_shows_nowhere(site: Site, tmp_path: Path):
    """Once where the server echoes the marker, once where it does not, which a browser takes for a failure."""
    offers: list[list[str]] = []
    echoing = True

    def choose(_: object, offered: list[Any]) -> Any:
        offers.append([str(one) for one in offered])
        return "sentiment-engine.v1" if echoing else None

    async def answer(socket: Any) -> None:
        await socket.recv()
        await socket.send('{"type":"started","call_id":"c-1","resume_at_s":0.0}')
        await socket.wait_closed()

    async with serving(welcoming(site)) as server, serve(answer, "127.0.0.1", 0, select_subprotocol=choose) as other:
        url = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}/v1/stream"
        async with on_the_phone(site, server, tmp_path, url=url, token="s3cret", allow=url) as page:
            seen: list[str] = []
            page.on("console", lambda message: seen.append(message.text))
            page.on("pageerror", lambda error: seen.append(str(error)))
            await until(page, "softphone.state.phase === 'streaming'")
            echoing = False
            for socket in list(other.connections):
                await socket.close(1012)
            await until(page, "said.errors.length > 1")
            seen.append(json.dumps(await page.evaluate("[said, document.documentElement.outerHTML]")))
    assert offers[0] == ["sentiment-engine.v1", "token.s3cret"]
    assert len(seen) > 1  # Chromium itself complains of the missing echo
    assert "s3cret" not in "".join(seen)


WRONG = [
    ({"url": ""}, "options"),
    ({"url": "ftp://127.0.0.1/v1/stream"}, "options"),
    ({"url": "ws://user:s3cret@127.0.0.1/v1/stream"}, "options"),
    ({"callId": ""}, "options"),
    ({"callId": 7}, "options"),
    ({"sampleRate": 11025}, "options"),
    ({"bufferSeconds": 0}, "options"),
    ({"bufferSeconds": "many"}, "options"),
    ({"token": ""}, "token"),
    ({"token": "s3cret with a space"}, "token"),
    ({"token": "s3cret\nX: y"}, "token"),
    ({"workletUrl": "/nothing-here.js"}, "audio"),
    ({"language": 7}, "bad_message"),
    ({"stage": "nowhere"}, "bad_message"),
]


@in_loop
async def test_whatever_is_wrong_is_told_once_and_the_call_goes_on(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server, on_the_phone(site, server, tmp_path) as page:
        for wrong, code in WRONG:
            said = await page.evaluate(ATTACH_WRONG, {"server": at(server), "wrong": wrong})
            assert [error["code"] for error in said["errors"]] == [code], (wrong, said)
            assert "s3cret" not in json.dumps(said)
            assert said["states"][-1]["phase"] == "failed"
        assert await page.evaluate(ATTACH_NOTHING, at(server)) == ["options", "options"]
        assert await page.evaluate("line.agent.connectionState") == "connected"
        assert await page.evaluate("softphone.state.phase") == "streaming"


@in_loop
async def test_a_callback_that_throws_stops_nothing(site: Site, tmp_path: Path):
    async with serving(welcoming(site)) as server:
        ears = Ears(server)
        async with on_the_phone(site, server, tmp_path, throwing=True) as page:
            thrown: list[str] = []
            page.on("pageerror", lambda error: thrown.append(str(error)))
            await come_true(lambda: ears.seconds >= 2)
            ended = await page.evaluate(DETACH)
    assert ended["reason"] == "stop"
    assert any("a fault of the page" in text for text in thrown)
