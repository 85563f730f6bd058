"""Whether the console keeps up with many live calls: frames, and how soon an alert is on the screen.

    python benchmarks/console.py [--calls 200] [--seconds 60] [--quick]

A server with an archive on disk, in this process; its hub is given the events of synthetic calls: a tension
tick a second of each, spread over the second, emotion twice in five, and an alert a second that clears later.
Headless Chromium shows the wall at 1920 x 1080, all calls on one screen. Measured there: time from the start
of the navigation to the first curve, and the time between frames (requestAnimationFrame). An alert is on the
screen in the first frame after its card is in the page. Beside it a second reader of the feed, in this
process: what the way to the browser costs without the browser.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import async_playwright
from websockets.asyncio.client import connect

from sentiment_engine.archive.archive import Archive
from sentiment_engine.events import (
    AlertCleared,
    AlertRaised,
    CallStarted,
    EmotionScored,
    Event,
    Snapshot,
    Suggestion,
    TensionUpdated,
    Voice,
)
from sentiment_engine.live.app import LiveServer
from sentiment_engine.settings import Settings
from sentiment_engine.wire import WIRE_VERSION

OUT = Path(__file__).resolve().parent / "results" / "console.json"
STAGES = ("facts", "negotiation", "notice", "general")
OPEN_S = 15.0
QUIET = Snapshot(
    overlap_ratio=0.1,
    interruptions={"agent": 0.2, "customer": 1.1},
    silence_s=0.4,
    latency_s={"agent": 0.8, "customer": 0.5},
)
VOICE = Voice(new_speech_s=1.0, speech_s=2.0, level_db=-22.0, over_noise_db=30.0, pitch_st=9.0, rate_sps=4.1)
WATCH = """() => {
  localStorage.setItem('sentiment-engine.density', 'compact');
  const seen = new Set();
  Object.assign(window, { frames: [], alertsAt: {}, firstCurve: null });
  let last = 0;
  const frame = (now) => {
    if (last) window.frames.push(now - last);
    last = now;
    if (window.firstCurve === null) {
      const line = document.querySelector('.spark .level[d*=L]');
      if (line) window.firstCurve = now;
    }
    for (const card of document.querySelectorAll('aside .alert')) {
      const id = card.dataset.alert;
      if (seen.has(id)) continue;
      seen.add(id);
      window.alertsAt[id] = performance.timeOrigin + now;
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


class Loud:
    """No call is heard here; a server asks for a model all the same."""

    labels = ("neutral", "happy", "sad", "angry", "fearful")
    sample_rate_hz = 8000

    def __call__(self, windows: Sequence[Any]) -> Any:
        return np.full((len(windows), len(self.labels)), 0.2, dtype=np.float32)


class Caller:
    """One synthetic call."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.id = f"c-{number:04d}"
        self._phase, self._speed = rng.uniform(0, 6.3), rng.uniform(0.02, 0.2)
        self._at_s, self._seq = 0.0, 1
        self.stage = STAGES[number % len(STAGES)]

    def started(self) -> Event:
        return CallStarted(
            call_id=self.id,
            at_s=0.0,
            seq=1,
            channels=("agent", "customer"),
            sample_rate_hz=8000,
            language="en",
            stage=self.stage,
            wire=WIRE_VERSION,
        )

    def second(self) -> list[Event]:
        """What a second brings."""
        self._at_s += 1.0
        self._seq += 1
        level = 0.5 + 0.45 * math.sin(self._phase + self._speed * self._at_s)
        lift = math.log(level / (1 - level)) + 3.0
        events: list[Event] = []
        if int(self._at_s) % 5 in (1, 3):
            scores = {"neutral": 0.6, "happy": 0.1, "sad": 0.1, "angry": 0.15, "fearful": 0.05}
            events.append(
                EmotionScored(
                    call_id=self.id,
                    at_s=self._at_s,
                    seq=self._seq,
                    party="customer",
                    voice=VOICE,
                    start_s=self._at_s - 2,
                    end_s=self._at_s,
                    scores=scores,
                )
            )
            self._seq += 1
        causes = {"customer_anger": 0.5 * lift, "raised_voice": 0.3 * lift, "overlap": 0.2 * lift}
        events.append(
            TensionUpdated(
                call_id=self.id,
                at_s=self._at_s,
                seq=self._seq,
                level=level,
                bias=-3.0,
                causes=causes,
                agent=0.3 * level,
                customer=0.9 * level,
                conversation=QUIET,
            )
        )
        return events

    def alert(self, kind: type[AlertRaised] | type[AlertCleared], number: int) -> Event:
        self._seq += 1
        phrase = Suggestion(
            id="p-1",
            text="I hear you. Shall we go through it step by step?",
            language="en",
            audience="agent",
            technique="acknowledge",
            mode="say",
            rule="the customer has been angry for some seconds",
        )
        return kind(
            call_id=self.id,
            at_s=self._at_s,
            seq=self._seq,
            alert_id=f"{self.id}/{number}",
            kind="customer_anger",
            severity="warning",
            level=0.8,
            since_s=self._at_s - 2,
            causes={"customer_anger": 2.1, "overlap": 0.8},
            summary="The customer sounds angry; tension has been high for 2 s.",
            suggestions=(phrase,),
        )


async def speak(server: LiveServer, callers: list[Caller], seconds: float, told: dict[str, float]) -> None:
    """All calls by the clock; ``told`` gets the moment (ms) at which each alert was published."""
    rng = random.Random(2)  # noqa: S311 - load, not secrets
    number = 0
    cleared_at: list[tuple[float, Caller, int]] = []
    began = time.monotonic()
    every = 1.0 / len(callers)
    for turn in range(round(seconds * len(callers))):
        await asyncio.sleep(max(0.0, began + turn * every - time.monotonic()))
        for event in callers[turn % len(callers)].second():
            server.hub.publish(event)
        if turn % len(callers) == len(callers) // 2:
            number += 1
            caller = rng.choice(callers)
            raised = caller.alert(AlertRaised, number)
            told[f"{caller.id}/{number}"] = time.time() * 1000
            server.hub.publish(raised)
            cleared_at.append((time.monotonic() + OPEN_S, caller, number))
        while cleared_at and cleared_at[0][0] < time.monotonic():
            _, caller, old = cleared_at.pop(0)
            server.hub.publish(caller.alert(AlertCleared, old))


async def read(server: LiveServer, heard: dict[str, float]) -> None:
    """A reader beside the browser, of alerts alone."""
    async with connect(f"{server.url}/v1/feed?types=alert.raised", compression=None) as socket:
        while True:
            event = json.loads(await socket.recv())
            heard[event["data"]["alert_id"]] = time.time() * 1000


def spread(values: Sequence[float], prefix: str) -> dict[str, float]:
    """Median, p95, p99 and worst, one digit."""
    quantiles = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    return {f"{prefix}_{name}": round(float(np.percentile(values, at)), 1) for name, at in quantiles.items()}


async def measure(calls: int, seconds: float, shot: Path | None) -> dict[str, Any]:
    """One run."""
    rng = random.Random(1)  # noqa: S311 - load, not secrets
    callers = [Caller(number, rng) for number in range(calls)]
    told: dict[str, float] = {}
    heard: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = LiveServer(Settings(), Loud(), port=0, archive=Archive(Path(folder)))
        async with server, async_playwright() as playwright:
            path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = await browser.new_page(viewport={"width": 1920, "height": 1080})
            await page.add_init_script(f"({WATCH})()")
            for caller in callers:
                server.hub.publish(caller.started())
            await server.hub.flush()
            reading = asyncio.create_task(read(server, heard))
            speaking = asyncio.create_task(speak(server, callers, seconds, told))
            await asyncio.sleep(2.0)
            await page.goto(f"http://{server.host}:{server.port}/")
            await page.wait_for_selector(".call-card")
            await asyncio.sleep(4.0)  # all cards are there and have fetched their past
            opened_ms = time.time() * 1000
            await page.evaluate("() => { window.frames.length = 0; }")
            await speaking
            await asyncio.sleep(1.0)
            frames = await page.evaluate("window.frames")
            shown = await page.evaluate("window.alertsAt")
            first_curve = await page.evaluate("window.firstCurve")
            tiles = await page.locator(".call-card").count()
            whole = await page.evaluate(
                "[...document.querySelectorAll('.call-card')]"
                ".filter((one) => one.getBoundingClientRect().bottom <= innerHeight).length"
            )
            if shot is not None:
                await page.screenshot(path=shot)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
            await browser.close()
    late = {alert: moment for alert, moment in told.items() if moment > opened_ms}
    to_screen = [shown[alert] - moment for alert, moment in late.items() if alert in shown]
    to_feed = [heard[alert] - moment for alert, moment in late.items() if alert in heard]
    return {
        "live_calls": tiles,
        "calls_on_screen": whole,
        "seconds": seconds,
        "first_curve_ms": round(first_curve, 1),
        **spread(frames, "frame_ms"),
        "frames_over_33_ms": round(float(np.mean(np.array(frames) > 33.4)), 4),
        "alerts": len(late),
        "alerts_missing": len(late) - len(to_screen),
        **spread(to_screen, "alert_to_screen_ms"),
        **spread(to_feed, "feed_ms"),
    }


def main() -> None:
    """Prints a table, writes JSON unless ``--quick``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="12 s; writes nothing but what --out names")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    parser.add_argument("--screenshot", type=Path, help="a picture of the wall at the end")
    options = parser.parse_args()
    seconds = 12.0 if options.quick else options.seconds
    result = asyncio.run(measure(options.calls, seconds, options.screenshot))
    result["cpus"] = os.cpu_count()
    for name, value in result.items():
        print(f"{name:26} {value}")
    out = options.out or (None if options.quick else OUT)
    if out is not None:
        out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
