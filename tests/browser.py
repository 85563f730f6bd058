"""Headless Chromium with a microphone of ours, and a site of another origin; skips where there is none."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from voices import EXAMPLE

KINDS = {".js": "text/javascript", ".wav": "audio/wav"}
ARTEFACTS = Path(__file__).resolve().parent.parent / "build" / "artefacts"
"""Screenshots, for people to look at."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
)


def executable() -> str:
    """Chromium's path; skips the test where there is none, or nothing to drive it."""
    pytest.importorskip("playwright", reason="playwright is not installed: scripts/conformance_tools")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed: scripts/conformance_tools, or name it in CHROMIUM")
    return path


@asynccontextmanager
async def browsing(microphone: Path | None = None, **options: Any) -> AsyncIterator[Any]:
    """A fresh browser context whose microphone plays a file, over and over."""
    path = executable()
    from playwright.async_api import async_playwright  # noqa: PLC0415 - not everybody has it

    flags = [*FLAGS, *([f"--use-file-for-fake-audio-capture={microphone}"] if microphone else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield await browser.new_context(**options)
        finally:
            await browser.close()


class Site:
    """A web site of another origin than the server's; its pages may load only what it is told."""

    def __init__(self) -> None:
        self.files: Mapping[str, bytes] = {}
        self.policy = ""
        site = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/")
                body = site.files.get(name) if name else b"<!doctype html><title>a softphone</title>"
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", KINDS.get(Path(name).suffix, "text/html"))
                self.send_header("Content-Security-Policy", site.policy)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def allow(self, server: str, *connections: str) -> None:
        """The policy that docs/softphone.md asks for; ``server`` is ``host:port``."""
        sources = " ".join(["'self'", f"ws://{server}", *connections])
        self.policy = f"default-src 'none'; script-src 'self' http://{server}; connect-src {sources}"

    def __enter__(self) -> "Site":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


async def until(page: Any, expression: str) -> None:
    """Waits for something in the page; Playwright's own way would need a policy that allows ``eval``."""
    while not await page.evaluate(expression):  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.02)


def example(from_s: float, to_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Agent's and customer's voice of the bundled call, 8 kHz."""
    samples, rate = soundfile.read(EXAMPLE, dtype="float64")
    cut = samples[round(from_s * rate) : round(to_s * rate)]
    return cut[:, 0], cut[:, 1]


def write_wav(path: Path, samples: np.ndarray, peak: float = 0.5) -> Path:
    """A 16-bit file at 8 kHz, loud enough for what the browser does to it."""
    soundfile.write(path, peak * samples / np.abs(samples).max(), 8000, subtype="PCM_16", format="WAV")
    return path


def likeness(heard: np.ndarray, source: np.ndarray, rate: int = 8000) -> float:
    """Highest correlation of two loudness envelopes over all delays; ``source`` is played over and over.

    Each half of what was heard may shift by 0.3 s more: on a busy machine a jitter buffer stretches time.
    """
    step = rate // 50

    def envelope(samples: np.ndarray) -> np.ndarray:
        blocks = samples[: len(samples) // step * step].astype(float).reshape(-1, step)
        loud = np.sqrt(np.mean(blocks**2, axis=1))
        return np.convolve(loud, np.ones(5) / 5, "same")

    period = len(source) // step
    halves = np.array_split(envelope(heard), 2)
    turns = np.concatenate([[0], np.cumsum([len(half) for half in halves])])
    other = np.tile(envelope(source), 2 + int(turns[-1]) // period + 1)
    by_delay = np.array(
        [
            [np.corrcoef(half, other[lag + turn : lag + turn + len(half)])[0, 1] for lag in range(period)]
            for half, turn in zip(halves, turns, strict=False)
        ]
    )
    shifted = [np.max([np.roll(row, by) for by in range(-15, 16)], axis=0) for row in by_delay]
    return float(np.mean(shifted, axis=0).max())
