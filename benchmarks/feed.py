"""Two hundred readers of the feed, one of them stalled: how soon does an alert reach the others?

    python benchmarks/feed.py                        # 200 readers, 40 calls, two and a half minutes
    python benchmarks/feed.py --quick                # a smoke; writes nothing but what --out names

The server runs in a process of its own with an archive on disk, on one core; calls, and readers in two
more processes, share the other cores. Calls are quarrels over real sockets by the clock, so that alerts come
and go all the time. Half of the readers ask for everything, as a console does, half for alerts alone.

**Latency** runs from the event's own CloudEvents `time`, which the server takes when the alert is raised,
before the archive has it, to the moment a reader has the text in hand, by the same machine's clock. `time`
is cut to whole milliseconds, so that up to one is counted too many. It holds what the readers' own busy
process adds, and not what a screen adds: `benchmarks/console.py` measures that.

**The stalled reader** takes nothing from its socket, from the start until the server counts it as too slow.
What it then finds in its buffers must end with close code 1013; it comes back with its last cursor.

**Memory is flat** when the server's resident memory, in the median of the last fifth of the measurement, is
less than 5 % above the median of the first fifth. Warm-up is not measured.

**Missed** are alerts in the archive, raised, updated or cleared, that a reader was not given, over all
readers.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.feed_load import Stalled, call, sample  # noqa: E402
from benchmarks.feed_readers import FILTERS  # noqa: E402
from sentiment_engine.archive.database import Database  # noqa: E402
from sentiment_engine.archive.reading import Reading  # noqa: E402
from sentiment_engine.archive.records import Wish  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "feed.json"
GOAL_P99_MS = 200.0
FLAT = 1.05
PROCESSES = 2
READER_EVENTS = 100
"""Below the default of 5000, so that a stalled reader is too slow within a minute."""
ALERTS = ("alert.raised", "alert.updated", "alert.cleared")


@asynccontextmanager
async def program(*words: object, core: int | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python program, ended in the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *map(str, words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 28,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if core is not None:
        psutil.Process(process.pid).cpu_affinity([core])
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    said = await process.stdout.readline()
    if not said:
        raise EOFError(f"process {process.pid} has ended")
    return said.decode()


async def watch(process: psutil.Process, memory: list[tuple[float, float]]) -> None:
    """Notes the server's resident memory, MiB, twice a second."""
    while True:
        memory.append((time.monotonic(), process.memory_info().rss / 2**20))
        await asyncio.sleep(0.5)


class Load(NamedTuple):
    """What the server is given."""

    readers: int
    calls: int
    warm_up_s: float
    seconds: float
    speed: float
    """Of the calls: 1 by the clock."""


QUICK = Load(16, 4, 10.0, 15.0, 8.0)


async def measure(folder: Path, load: Load, core: int | None) -> dict[str, Any]:
    """One run, with the server on ``core``, if there is more than one."""
    readers, calls, warm_up_s, seconds, speed = load
    stalled, memory = Stalled(), list[tuple[float, float]]()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            program(HERE / "feed_server.py", folder, READER_EVENTS, core=core)
        )
        port = int(await line(server))
        url = f"ws://127.0.0.1:{port}"
        edges = [round(n * (readers - 1) / PROCESSES) for n in range(PROCESSES + 1)]
        reading = [
            await stack.enter_async_context(program(HERE / "feed_readers.py", port, first, end))
            for first, end in pairwise(edges)
        ]
        for process in reading:
            await line(process)
        stalling = asyncio.create_task(stalled.run(port))
        watching = asyncio.create_task(watch(psutil.Process(server.pid), memory))
        began = time.monotonic() + warm_up_s
        began_ms = (time.time() + warm_up_s) * 1000
        until = began + seconds
        speaking = [asyncio.create_task(call(url, number, speed, until)) for number in range(calls)]
        await asyncio.sleep(warm_up_s)
        before = [busy_s(process) for process in (server, *reading)]
        await asyncio.sleep(seconds)
        cpu, *readers_cpu = (
            (busy_s(process) - then) / seconds
            for process, then in zip((server, *reading), before, strict=True)
        )
        await asyncio.gather(*speaking)
        await asyncio.sleep(2.0)  # what was said last is on its way
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            dropped = sample((await http.get("/metrics")).text, "ticks_dropped_total")
        for task in (stalling, watching):
            task.cancel()
        for outcome in await asyncio.gather(stalling, watching, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        told = [await told_by(process) for process in reading]
    return {
        "readers": readers,
        "calls": calls,
        "seconds": seconds,
        **judged(folder, told, stalled, began_ms),
        **memory_of([mib for at, mib in memory if began <= at <= until]),
        "server_cpu": round(cpu, 3),
        "readers_cpu": round(sum(readers_cpu), 3),
        "ticks_dropped": round(dropped),
    }


def busy_s(process: asyncio.subprocess.Process) -> float:
    """Seconds of a core that it has used."""
    return float(sum(psutil.Process(process.pid).cpu_times()[:2]))


async def told_by(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """What a process of readers got."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    told: dict[str, Any] = json.loads(await line(process))
    return told


def judged(folder: Path, told: list[dict[str, Any]], stalled: Stalled, began_ms: float) -> dict[str, Any]:
    """Latencies since ``began_ms``, and what was missed of what the archive has."""
    with closing(Database(folder)) as database:
        kept = Reading(database).events(Wish(types=ALERTS), 10**9)
    raised_ms = {record.cursor: record.time_ms for record in kept if record.type == "alert.raised"}
    readers = [reader for process in told for reader in process["readers"]]
    took = [ms for process in told for cursor, ms in process["took"] if raised_ms[cursor] >= began_ms]
    every = {record.cursor for record in kept}
    return {
        "alerts_raised": sum(at >= began_ms for at in raised_ms.values()),
        "measured": len(took),
        **{f"feed_ms_p{rank}": round(float(np.percentile(took, rank)), 1) for rank in (50, 95, 99)},
        "feed_ms_max": round(max(took), 1),
        "missed": sum(len(every.difference(reader["alerts"])) for reader in readers),
        "twice": sum(len(reader["alerts"]) - len(set(reader["alerts"])) for reader in readers),
        "closed": sum(reader["closed"] is not None for reader in readers),
        "filtered": sum(reader["query"] != FILTERS[0] for reader in readers),
        "events_sent": sum(reader["events"] for reader in readers),
        "stalled_closed_with": stalled.closed,
        "stalled_s": round(stalled.stalled_s, 1),
        "stalled_alerts_before": stalled.before,
        "stalled_missed": len(every.difference(stalled.alerts)),
    }


def memory_of(mib: list[float]) -> dict[str, Any]:
    """Start, middle and end: medians of a fifth of the measurement each."""
    fifth = max(1, len(mib) // 5)
    middle = len(mib) // 2 - fifth // 2
    parts = {"start": mib[:fifth], "middle": mib[middle : middle + fifth], "end": mib[-fifth:]}
    found = {name: round(statistics.median(part), 1) for name, part in parts.items()}
    growth = found["end"] / found["start"]
    return {"rss_mib": found, "rss_growth": round(growth, 3), "rss_flat": growth < FLAT}


def main() -> int:
    """Prints a table, writes JSON unless ``--quick``; 1 when something was missed or a goal is not held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument(
        "--quick", action="store_true", help="16 readers, 4 calls at eight times the pace, 15 s"
    )
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    options = parser.parse_args()
    load = QUICK if options.quick else Load(options.readers, options.calls, 30.0, options.seconds, 1.0)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    core = cores[0] if len(cores) >= 2 else None
    if core is not None:
        os.sched_setaffinity(0, set(cores[1:]))
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(Path(folder), load, core))
    result |= {"goal_p99_ms": GOAL_P99_MS, "held": result["feed_ms_p99"] < GOAL_P99_MS, "cores": len(cores)}
    for name, value in result.items():
        print(f"{name:24} {value}")
    out = options.out or (None if options.quick else OUT)
    if out is not None:
        out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    lost = (
        result["missed"]
        or result["closed"]
        or result["stalled_missed"]
        or result["stalled_closed_with"] != 1013
    )
    return 1 if lost or not (options.quick or (result["held"] and result["rss_flat"])) else 0


if __name__ == "__main__":
    sys.exit(main())
