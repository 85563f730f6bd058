"""Other people's programs against our server: a simulator of Twilio, makers of platforms' frames."""

import asyncio
import base64
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from live_server import RATE_HZ, in_loop, read_feed, serving
from phone_calls import ALL, alike, channels_of, of, phone, send, tap, turns
from phones import hello, split, twilio_start
from test_media_streams import EXOTEL_START, PLIVO_START, TELNYX_START

from sentiment_engine.live.dialects.exotel import Exotel
from sentiment_engine.live.dialects.l16 import L16
from sentiment_engine.live.dialects.plivo import Plivo
from sentiment_engine.live.dialects.shape import Audio
from sentiment_engine.live.dialects.telnyx import Telnyx
from sentiment_engine.live.dialects.twilio import Twilio
from sentiment_engine.pcm import decode

HERE = Path(__file__).resolve().parent
PIPECAT = HERE.parent / ".cache" / "pipecat" / "bin" / "python"
STREAMDOUBLE = "import sys; from streamdouble.cli import main; sys.exit(main())"
pytestmark = pytest.mark.conformance


@pytest.mark.slow
@pytest.mark.parametrize("chaos", [(), ("--packet-loss", "0.05", "--chaos-seed", "7")])
@in_loop
async def test_streamdouble_calls_with_both_tracks_and_finds_no_violation(chaos, tmp_path):
    pytest.importorskip("streamdouble")
    sound = turns(8.0)
    for name, channel in zip(("agent", "customer"), split(sound), strict=True):
        soundfile.write(tmp_path / f"{name}.wav", channel, RATE_HZ, subtype="PCM_16")
    async with serving() as server:
        heard = tap(server)
        caller = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", STREAMDOUBLE, "call", server.url + "/v1/twilio"),
            *("--fork", "--track", "both", "--strict-fork", "--json", "--allow-no-audio", "--max-drain", "2"),
            *("--audio", tmp_path / "customer.wav", "--agent-audio", tmp_path / "agent.wav"),
            *("--param", "agentId=a1", "--param", "token=hush-hush", "--param", "call_id=S-1", *chaos),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await caller.communicate()
        assert caller.returncode == 0
        events = [item["data"] for item in await read_feed(server, ALL, until="S-1")]
    assert json.loads(out)["violations"] == []
    assert of(events, "call.started")[0]["channels"] == ["agent", "customer"]
    assert events[-1]["reason"] == "stop"
    assert events[-1]["duration_s"] == pytest.approx(8.0, abs=0.1)
    assert "hush-hush" not in json.dumps(events)
    agent, customer = channels_of(heard["S-1"])
    assert min(alike(agent, split(sound)[0]), alike(customer, split(sound)[1])) > 0.85
    assert max(alike(agent, split(sound)[1]), alike(customer, split(sound)[0])) < 0.35
    assert not [gap for gap in of(events, "audio.gap") if not chaos]


def tone(rate_hz):
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype("<i2")


async def made(module, **arguments):
    """What a serializer of pipecat makes of a second of a tone, in pieces of 20 ms."""
    if not PIPECAT.exists():
        pytest.skip("pipecat is not there: scripts/conformance_tools pipecat")
    maker = await asyncio.create_subprocess_exec(
        *(PIPECAT, HERE / "pipecat_frames.py", module, json.dumps(arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await maker.communicate()
    assert maker.returncode == 0
    frames = [json.loads(line) for line in out.splitlines()]
    return [frame if isinstance(frame, str) else base64.b64decode(frame["binary"]) for frame in frames]


@pytest.mark.parametrize(
    ("module", "arguments", "dialect", "start"),
    [
        ("twilio", {"stream_sid": "MZ"}, Twilio, twilio_start(announced=("inbound",))),
        (
            "telnyx",
            {"stream_id": "S", "outbound_encoding": "PCMU", "inbound_encoding": "PCMU"},
            Telnyx,
            TELNYX_START,
        ),
        ("exotel", {"stream_sid": "MZx"}, Exotel, EXOTEL_START),
        ("vonage", {}, L16, {"event": "websocket:connected", "content-type": "audio/l16;rate=8000"}),
    ],
)
@in_loop
async def test_pipecats_frames_are_heard_with_as_few_fields_as_they_have(module, arguments, dialect, start):
    frames = await made(module, **arguments)
    hearing = dialect(hello())
    call = hearing.text(json.dumps(start))[0]
    heard = [
        each
        for frame in frames
        for each in (hearing.binary if isinstance(frame, bytes) else hearing.text)(frame)
    ]
    data = b"".join(each.data for each in heard if isinstance(each, Audio))
    (audio,) = decode(call.start.encoding, data, 1)
    assert call.start.sample_rate == RATE_HZ
    assert abs(len(audio) - RATE_HZ) <= RATE_HZ // 50
    assert np.corrcoef(audio.astype(float), tone(RATE_HZ)[: len(audio)])[0, 1] > 0.99


@in_loop
async def test_what_pipecat_sends_to_plivo_is_for_plivo_and_is_ignored():
    frames = await made("plivo", stream_id="S")
    hearing = Plivo(hello())
    hearing.text(json.dumps(PLIVO_START))
    assert len(frames) > 40
    assert [each for frame in frames for each in hearing.text(frame)] == []


@in_loop
async def test_pipecats_frames_over_a_real_socket_are_a_call():
    frames = await made("twilio", stream_sid="MZ")
    async with serving() as server, phone(server) as socket:
        await send(socket, [twilio_start("P-1", announced=("inbound",)), *frames, {"event": "stop"}])
        events = [item["data"] for item in await read_feed(server, ALL, until="P-1")]
    assert (events[-1]["reason"], events[-1]["duration_s"]) == ("stop", 1.0)
