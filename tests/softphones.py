"""Calls in a browser that a real server listens to through softphone.js."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from browser import Site, browsing, example, likeness, write_wav
from live_server import LoudIsAngry
from voices import SETTINGS

from sentiment_engine.live.app import LiveServer
from sentiment_engine.playbook import Playbook
from sentiment_engine.settings import Settings
from sentiment_engine.settings_door import DoorSettings

HERE = Path(__file__).parent
JOIN = """async ({server, options}) => {
  const { attach } = await import(`http://${server}/web/softphone.js`);
  const { call, listen } = await import('/call.js');
  const line = await call({ far: '/far.wav' });
  const { ownContext, throwing, tension, fetched, ...rest } = options;
  window.fetches = 0;
  if (fetched) {
    rest.token = async () => {
      window.fetches += 1;
      if (window.fetches === 1) throw new Error(`not now, ${fetched}`);
      return fetched;
    };
  }
  if (ownContext) rest.audioContext = window.ownContext = new AudioContext();
  if (throwing) rest.onState = () => { throw new Error('a fault of the page'); };
  const url = `ws://${server}/v1/stream`;
  const heard = listen(attach, line.agent, { url, callId: 'c-1', ...rest }, tension);
  await line.negotiate();
  Object.assign(window, { line, softphone_url: url, ...heard });
}"""
DETACH = "async () => await softphone.detach()"
VOICES = example(14.0, 24.0)[0], example(46.0, 56.0)[1]
"""Ten seconds of each party, over and over, that resemble each other at no delay."""


def welcoming(site: Site, **door: object) -> Settings:
    """Settings under which pages of ``site`` may connect, and other settings of the door."""
    return msgspec.structs.replace(SETTINGS, door=DoorSettings(**{"origins": (site.origin,), **door}))


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


class Line(NamedTuple):
    """A page in the middle of a call that its softphone listens to, and what the server hears of it."""

    server: LiveServer
    ears: Ears
    page: Any


@asynccontextmanager
async def monitored(
    tmp_path: Path,
    voices: tuple[np.ndarray, np.ndarray] = VOICES,
    peaks: tuple[float, float] = (0.5, 0.5),
    allow: str = "",
    playbook: Playbook | None = None,
    door: Mapping[str, object] = {},
    **options: object,
) -> AsyncIterator[Line]:
    """A call on a page of another origin, which may open ``allow`` too; ``options`` are for ``attach``."""
    microphone = write_wav(tmp_path / "agent.wav", voices[0], peaks[0])
    with Site() as site:
        site.files = {
            "call.js": (HERE / "softphone_call.js").read_bytes(),
            "far.wav": write_wav(tmp_path / "customer.wav", voices[1], peaks[1]).read_bytes(),
        }
        async with LiveServer(welcoming(site, **door), LoudIsAngry(), playbook, port=0) as server:
            site.allow(at(server), allow)
            async with browsing(microphone) as context:
                page = await context.new_page()
                await page.goto(site.origin)
                ears = Ears(server)
                await page.evaluate(JOIN, {"server": at(server), "options": options})
                yield Line(server, ears, page)


def assert_right_way_round(agent: np.ndarray, customer: np.ndarray) -> None:
    right = likeness(agent, VOICES[0]), likeness(customer, VOICES[1])
    wrong = likeness(agent, VOICES[1]), likeness(customer, VOICES[0])
    assert min(right) > 0.85, (right, wrong)
    assert max(wrong) < 0.35, (right, wrong)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))
