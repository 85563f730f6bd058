"""The example agent takes a SIP call with real speech; the server hears both parties the right way round."""

import asyncio
import importlib
import importlib.util
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from live_server import LoudIsAngry, in_loop
from voices import SETTINGS

from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.call import LiveCall
from sentiment_engine.resources import load_playbook

HERE = Path(__file__).resolve().parent
RATE_HZ = 8000
FIRST_S = 3.0
"""Of what the customer says, before the codec changes."""
CUSTOMER = (
    "I have called three times about this bill. Nobody helps me. I want to speak to your manager right now."
)
AGENT = "Good morning, thank you for calling. I understand. Let me look into that bill for you right away."


def tools() -> None:
    missing = [tool for tool in ("sipp", "espeak-ng", "sox") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: run scripts/conformance_tools")
    pytest.importorskip("baresip", reason="baresip-python not installed: run scripts/conformance_tools")


def speak(folder: Path, name: str, voice: list[str], text: str) -> np.ndarray:
    """Speech from a synthesiser, in ``name``.wav; its samples."""
    spoken, wav = folder / f"{name}-spoken.wav", folder / f"{name}.wav"
    subprocess.run(["espeak-ng", *voice, "-w", spoken, text], check=True)
    subprocess.run(["sox", spoken, "-r", str(RATE_HZ), "-c1", "-b16", wav], check=True)
    return soundfile.read(wav)[0]


def cut(folder: Path, name: str) -> None:
    """The speech in two parts, as SIPp sends them."""
    wav = folder / f"{name}.wav"
    subprocess.run(["sox", wav, "-t", "ul", folder / "first.ulaw", "trim", "0", str(FIRST_S)], check=True)
    subprocess.run(["sox", wav, "-t", "al", folder / "second.alaw", "trim", str(FIRST_S)], check=True)


def envelope(samples: np.ndarray) -> np.ndarray:
    """Loudness of every 20 ms."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return np.sqrt(np.mean(frames.astype(float) ** 2, axis=1))


def likeness(heard: np.ndarray, voice: np.ndarray) -> float:
    """Highest correlation of the two envelopes, wherever the voice lies in what was heard."""
    long, short = envelope(heard), envelope(voice)
    return max(
        np.corrcoef(long[at : at + len(short)], short)[0, 1]
        for at in range(len(long) - len(short) + 1)
        if long[at : at + len(short)].any()
    )


def free_port(*, tcp: bool = False) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def recorded(server: LiveServer) -> dict[str, bytearray]:
    """What every call of the server hears from now on."""
    heard: dict[str, bytearray] = {}
    listen = server.calls.listen

    def tap(call: LiveCall, audio: bytes) -> None:
        heard.setdefault(call.id, bytearray()).extend(audio)
        listen(call, audio)

    server.calls.listen = tap
    return heard


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "baresip_agent", HERE.parent / "examples" / "baresip_agent.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Renegotiated:
    """A call whose audio is replaced, then away, then there again, one 20 ms after the other."""

    def __init__(self, baresip: ModuleType) -> None:
        self.audio = self
        self.turns = [
            b"\1\2" * 160,
            baresip.AudioRestarted("replaced"),
            baresip.AudioNotActive("away"),
            b"\3\4" * 160,
        ]
        self.open, self.closed = baresip.CallState.ESTABLISHED, baresip.CallState.CLOSED
        self.said = b""

    async def answer(self) -> None:
        pass

    async def wait_established(self) -> None:
        pass

    @property
    def state(self) -> object:
        return self.open if self.turns else self.closed

    def write(self, pcm: bytes) -> int:
        self.said += pcm
        return len(pcm)

    def read(self, _: int) -> bytes:
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn


@pytest.mark.conformance
@in_loop
async def test_audio_that_is_renegotiated_does_not_end_the_session():
    tools()
    call = Renegotiated(importlib.import_module("baresip"))
    voice = bytes(range(1, 161)) * 2 * 4
    frames = [np.frombuffer(frame, "<i2").reshape(-1, 2).T async for frame in example().talk(call, voice)]
    assert call.said == voice
    assert np.concatenate([near for near, _ in frames]).tobytes() == voice
    assert [set(far.astype("<i2").tobytes()) for _, far in frames] == [{1, 2}, {0}, {0}, {3, 4}]


@pytest.mark.conformance
@pytest.mark.slow
@in_loop
async def test_a_sip_call_is_heard_with_both_parties_the_right_way_round_through_a_re_invite(tmp_path: Path):
    tools()
    customer = speak(tmp_path, "customer", ["-v", "en-us", "-s150"], CUSTOMER)
    agent = speak(tmp_path, "agent", ["-v", "en-gb+f3", "-s140"], AGENT)
    cut(tmp_path, "customer")
    sip, media = free_port(), free_port() // 2 * 2
    async with LiveServer(SETTINGS, LoudIsAngry(), load_playbook(), port=0) as server:
        heard = recorded(server)
        phone = await asyncio.create_subprocess_exec(
            sys.executable, HERE.parent / "examples" / "baresip_agent.py", "--once",
            "--voice", tmp_path / "agent.wav", "--url", f"{server.url}/v1/stream",
            "--listen", f"127.0.0.1:{sip}",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(HERE.parent)},
        )  # fmt: skip
        try:
            ready = await asyncio.wait_for(phone.stdout.readline(), 15)
            assert ready.decode() == f"ready: sip:agent@127.0.0.1:{sip}\n"
            dialled = await asyncio.create_subprocess_exec(
                "sipp", f"127.0.0.1:{sip}", "-s", "agent", "-sf", HERE / "conformance" / "customer.xml",
                "-i", "127.0.0.1", "-p", str(free_port()), "-mi", "127.0.0.1", "-mp", str(media),
                "-m", "1", "-nostdin", "-timeout", "30",
                cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            screen, _ = await dialled.communicate()
            assert dialled.returncode == 0, screen.decode(errors="replace")[-2000:]
            said, complained = (text.decode() for text in await asyncio.wait_for(phone.communicate(), 15))
        finally:
            if phone.returncode is None:
                phone.kill()
                await phone.wait()
    assert phone.returncode == 0, complained
    (audio,) = heard.values()
    near, far = np.frombuffer(audio, "<i2").reshape(-1, 2).T
    alike = {
        "agent as agent": likeness(near, agent),
        "customer as customer": likeness(far, customer[: round(FIRST_S * RATE_HZ)]),
        "and after the codec changed": likeness(far, customer[round(FIRST_S * RATE_HZ) :]),
        "agent as customer": likeness(far, agent),
        "customer as agent": likeness(near, customer),
    }
    assert alike["agent as agent"] > 0.85, alike
    assert alike["customer as customer"] > 0.85, alike
    assert alike["and after the codec changed"] > 0.85, alike
    assert alike["agent as customer"] < 0.35, alike
    assert alike["customer as agent"] < 0.35, alike
    assert "say: " in said  # phrases came while the call ran
    assert f"call over: {len(near) / RATE_HZ:g} s heard\n" in said
