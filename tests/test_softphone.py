"""The browser softphone against a real server: what is heard of a call, and what comes back."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from browser import until
from live_server import come_true, in_loop, read_feed, voice
from softphones import DETACH, assert_right_way_round, monitored, rms

from sentiment_engine.resources import load_playbook

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

HOLD = """async (direction) => {
  for (const peer of [line.agent, line.customer]) {
    for (const transceiver of peer.getTransceivers()) transceiver.direction = direction;
  }
  await line.negotiate();
}"""
AGAIN = """async () => {
  const { listen } = await import('/call.js');
  const attach = (peer, options) => new softphone.constructor(peer, options);
  window.second = listen(attach, line.agent, { url: softphone_url, callId: 'c-2' }).said;
}"""
REPLACE = """async () => {
  const context = new AudioContext();
  const hum = new OscillatorNode(context, { frequency: 440 });
  const out = context.createMediaStreamDestination();
  hum.connect(new GainNode(context, { gain: 0.3 })).connect(out);
  hum.start();
  await line.agent.getSenders()[0].replaceTrack(out.stream.getTracks()[0]);
}"""


@in_loop
async def test_both_parties_arrive_each_on_its_own_channel_in_full(tmp_path: Path):
    async with monitored(tmp_path) as (_, ears, page):
        await come_true(lambda: ears.seconds >= 16)
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
async def test_hold_and_mute_are_silence_and_the_clock_goes_on(tmp_path: Path):
    async with monitored(tmp_path) as (_, ears, page):
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
async def test_a_replaced_track_is_followed(tmp_path: Path):
    """The agent changes the microphone to something that hums at 440 Hz."""
    async with monitored(tmp_path) as (_, ears, page):
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
async def test_audio_that_stands_still_is_a_gap(tmp_path: Path):
    async with monitored(tmp_path, ownContext=True) as (_, ears, page):
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
async def test_a_call_that_is_hung_up_ends_by_itself(tmp_path: Path):
    async with monitored(tmp_path) as (_, ears, page):
        await come_true(lambda: ears.seconds >= 1)
        await page.evaluate("line.agent.close()")
        await until(page, "softphone.state.phase === 'ended'")
        said = await page.evaluate("said")
        assert await page.evaluate("softphone.detach().then((ended) => ended.reason)") == "stop"
    assert said["errors"] == []


@in_loop
async def test_alerts_come_with_phrases_for_the_agent_only(tmp_path: Path):
    shout = np.concatenate([voice(4.0, 0.02, 1), voice(8.0, 0.3, 2)])
    voices = voice(12.0, 0.02, 3), shout
    options = {"playbook": load_playbook(), "language": "en", "tension": True}
    async with monitored(tmp_path, voices, (0.06, 0.95), **options) as (server, _, page):
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
async def test_a_callback_that_throws_stops_nothing(tmp_path: Path):
    async with monitored(tmp_path, throwing=True) as (_, ears, page):
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        await come_true(lambda: ears.seconds >= 2)
        ended = await page.evaluate(DETACH)
    assert ended["reason"] == "stop"
    assert any("a fault of the page" in text for text in thrown)


@in_loop
async def test_sixteen_kilohertz_are_sent_when_asked_for(tmp_path: Path):
    async with monitored(tmp_path, sampleRate=16_000) as (server, ears, page):
        await come_true(lambda: ears.seconds >= 4)  # counted at 8 kHz: two seconds
        ended = await page.evaluate(DETACH)
        (started,) = await read_feed(server, "since=0&types=call.started")
    assert started["data"]["sample_rate_hz"] == 16_000
    assert ended["duration_s"] == pytest.approx(ears.seconds / 2, abs=0.001)


@in_loop
async def test_a_page_without_audio_worklets_is_told_where_there_are_some(tmp_path: Path):
    async with monitored(tmp_path) as (_, _, page):
        await page.evaluate(
            "Object.defineProperty(BaseAudioContext.prototype, 'audioWorklet', { value: undefined })"
        )
        await page.evaluate(AGAIN)
        await until(page, "second.states.at(-1)?.phase === 'failed'")
        assert await page.evaluate("second.errors") == [
            {
                "name": "SoftphoneError",
                "code": "audio",
                "message": "the call cannot be listened to: it needs a page from https, or from this machine",
            }
        ]
        assert await page.evaluate("softphone.state.phase") == "streaming"
