"""Whether the same call gives the same tension and the same alerts through every dialect.

    python benchmarks/dialects.py [--speed 4] [--calls FILE ...]

Every call (the bundled example without ``--calls``) is sent through our own protocol and through every
dialect, at once, over real sockets to one server with the shipped model. What a dialect gives is compared
with what our own protocol gave: alerts one by one, and the tension of every second. Dialects that mix both
parties into one channel are compared with the same mix over our own protocol. Goals: alerts the same and at
most 0.5 s apart, tension at most .02 apart (RMS).
"""

import argparse
import asyncio
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import phone_senders
import soundfile
import soxr
from dialect_senders import MONO, RATE_HZ, STEREO, Line, Sender
from websockets.asyncio.client import connect

from sentiment_engine.frames import Int16
from sentiment_engine.live.app import LiveServer
from sentiment_engine.onnx_model import load_emotion_model
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import Settings

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "sentiment_engine" / "example" / "call.flac"
RESULT = HERE / "results" / "dialects.json"
GOAL_SHIFT_S, GOAL_RMS = 0.5, 0.02


def sound_of(path: Path) -> Int16:
    """A two-channel recording at 8 kHz, agent first."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    if samples.shape[1] != 2:
        raise SystemExit(f"{path}: {samples.shape[1]} channels, needs agent and customer apart")
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")


async def run(senders: dict[str, Sender], sound: Int16, speed: float) -> dict[str, list[dict[str, Any]]]:
    """Dialect -> the events of the call."""
    async with LiveServer(Settings(), load_emotion_model(), load_playbook(), port=0) as server:
        feed = asyncio.create_task(_feed(server.url, len(senders)))
        await asyncio.sleep(0.2)
        async with asyncio.TaskGroup() as group:
            for name, sender in senders.items():
                group.create_task(sender(Line(server.url, f"call {name}", "en", speed), sound))
        by_call = await feed
    return {name: by_call[f"call {name}"] for name in senders}


async def _feed(url: str, calls: int) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    async with connect(f"{url}/v1/feed?types=*", subprotocols=["cloudevents.json"], max_size=None) as socket:
        while calls:
            event = json.loads(await socket.recv())["data"]
            out.setdefault(event["call_id"], []).append(event)
            calls -= event["type"] == "call.ended"
    return out


def compared(truth: list[dict[str, Any]], said: list[dict[str, Any]]) -> dict[str, Any]:
    """How far what a dialect gave is from what our own protocol gave."""
    mine, theirs = _alerts(truth), _alerts(said)
    same = [kind for kind, _ in mine] == [kind for kind, _ in theirs]
    shifts = [abs(a - b) for (_, a), (_, b) in zip(mine, theirs, strict=True)] if same else [math.inf]
    levels, others = _levels(truth), _levels(said)
    seconds = sorted(levels.keys() & others.keys())
    apart = np.array([levels[second] - others[second] for second in seconds])
    return {
        "alerts": len(theirs),
        "same_alerts": same,
        "max_alert_shift_s": round(max(shifts, default=0.0), 3),
        "tension_rms": round(float(np.sqrt(np.mean(apart**2))), 4),
        "seconds": len(seconds),
        "gaps": sum(event["type"] == "audio.gap" for event in said),
    }


def _alerts(events: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(event["kind"], event["at_s"]) for event in events if event["type"] == "alert.raised"]


def _levels(events: list[dict[str, Any]]) -> dict[float, float]:
    return {event["at_s"]: event["level"] for event in events if event["type"] == "tension.updated"}


def main() -> int:
    """Prints the table, writes the results; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", type=float, default=4.0, help="times real time")
    parser.add_argument("--calls", type=Path, nargs="*", default=[EXAMPLE], help="two-channel recordings")
    parser.add_argument("--quick", action="store_true", help="40 s of the example; writes nothing")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for path in options.calls:
        sound = sound_of(path)
        if options.quick:
            sound = sound[: 40 * RATE_HZ]
        mixed = np.clip(sound.astype(np.int32).sum(axis=1), -32768, 32767).astype("<i2")[:, None]
        for senders, heard in ((STEREO | phone_senders.STEREO, sound), (MONO | phone_senders.MONO, mixed)):
            told = asyncio.run(run(senders, heard, options.speed))
            reference = next(iter(senders))
            for name, events in told.items():
                rows.append({"dialect": name, "call": path.stem, **compared(told[reference], events)})
    result = {
        "dialects": sorted({row["dialect"] for row in rows}),
        "max_alert_shift_s": max(row["max_alert_shift_s"] for row in rows),
        "max_tension_rms": max(row["tension_rms"] for row in rows),
        "speed": options.speed,
        "rows": rows,
    }
    columns = (
        "dialect",
        "call",
        "alerts",
        "same_alerts",
        "max_alert_shift_s",
        "tension_rms",
        "gaps",
        "seconds",
    )
    print("".join(f"{name:>19}" for name in columns))
    for row in rows:
        print("".join(f"{row[name]!s:>19}" for name in columns))
    if not options.quick:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    missed = result["max_alert_shift_s"] > GOAL_SHIFT_S or result["max_tension_rms"] > GOAL_RMS
    print("goals missed" if missed else "goals reached: every alert, in time, and the same tension")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
