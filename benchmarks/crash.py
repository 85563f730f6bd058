"""Kills the server at random points, over and over: is anything lost that anybody was shown?

    python benchmarks/crash.py             # a thousand kills, about a quarter of an hour
    python benchmarks/crash.py --quick 10

Calls stream quarrels in, a reader follows the feed by cursor and begins a little before where it was,
somebody acknowledges alerts, a webhook is told of them. Then SIGKILL: at a random moment of the start, or
later. The next server opens the same archive. In the end everything that was shown (events on the feed,
alerts on the calls' own sockets, acknowledgements that were answered) must be in the archive, byte for byte;
the reader must have been given every event that is not a tick, the webhook every alert; and what came twice
must have come under one id. SIGKILL takes a process away and leaves the machine on: it says nothing of a
power cut.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from archives import Place, opened  # noqa: E402
from live_server import quarrel, start  # noqa: E402
from test_live_feed import alert, tick  # noqa: E402

from benchmarks.crash_witness import Witness  # noqa: E402
from sentiment_engine.archive.commits import Commits  # noqa: E402
from sentiment_engine.archive.records import record_of  # noqa: E402

CALLERS = 2
PIECE_BYTES = 16_000
LONGEST_LIFE_S = 0.9
IN_START = 0.1
"""Share of kills before the server is up."""
BACK = 3
"""Events that the reader asks for again."""
GONE = (OSError, WebSocketException, httpx.HTTPError, EOFError)
AUDIO = quarrel(3.0, 9.0)


class Server:
    """The launcher, and the server that it forked last."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = self.port = 0

    @classmethod
    async def launch(cls, folder: Path, hook_url: str) -> "Server":
        secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                str(ROOT / "benchmarks" / "crash_server.py"),
                str(folder),
                hook_url,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1", "CRASH_SECRET": secret},
            )
        )

    async def fork(self) -> None:
        """Begins a server."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self.pid = await self._told("pid")

    async def up(self) -> None:
        """Returns when it takes connections."""
        self.port = await self._told("port")

    async def _told(self, name: str) -> int:
        assert self._process.stdout is not None
        while line := await asyncio.wait_for(self._process.stdout.readline(), 30):
            said, _, number = line.decode().partition(" ")
            if said == name:
                return int(number)
        raise EOFError("the launcher has ended")

    async def end(self, number: int) -> None:
        """Sends a signal, and returns when the server is no more."""
        os.kill(self.pid, number)
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        self._process.terminate()
        await self._process.wait()


async def call(port: int, name: str, witness: Witness) -> None:
    """Quarrels, one after the other."""
    for number in range(1000):
        async with connect(f"ws://127.0.0.1:{port}/v1/stream", compression=None) as socket:
            await socket.send(start(f"{name}-{number}"))

            async def listen() -> None:
                async for text in socket:
                    event = json.loads(text)
                    if event["type"].startswith("alert."):
                        witness.streams[event["call_id"], event["seq"]] = event

            listening = asyncio.create_task(listen())
            try:
                for at in range(0, len(AUDIO), PIECE_BYTES):
                    await socket.send(AUDIO[at : at + PIECE_BYTES])
                    await asyncio.sleep(0.004)
                await socket.send('{"type":"stop"}')
                await listening
            finally:
                listening.cancel()


async def read(port: int, witness: Witness, raised: "asyncio.Queue[str]") -> None:
    """Follows the feed from a little before where it was."""
    since = sorted(witness.feed)[-BACK - 1] if len(witness.feed) > BACK else 0
    async with connect(f"ws://127.0.0.1:{port}/v1/feed?since={since:020d}", compression=None) as socket:
        async for text in socket:
            witness.saw(text)
            event = json.loads(text)["data"]
            if event["type"] == "alert.raised":
                raised.put_nowait(event["alert_id"])


async def acknowledge(port: int, witness: Witness, raised: "asyncio.Queue[str]") -> None:
    """Acknowledges what the reader sees."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        while True:
            alert_id = await raised.get()
            answer = await http.post(f"/v1/alerts/{alert_id}/ack")
            if answer.status_code == 200:
                witness.acks.setdefault(alert_id, answer.json())


async def receive(witness: Witness) -> asyncio.Server:
    """The webhook's receiver."""

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
            witness.was_told(fields["webhook-id"], await reader.readexactly(int(fields["content-length"])))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
        writer.close()

    return await asyncio.start_server(hear, "127.0.0.1", 0)


async def quietly(work: Coroutine[Any, Any, None]) -> None:
    """Until the server is killed."""
    with suppress(*GONE):
        await work


async def one_life(server: Server, number: int, witness: Witness, chance: random.Random) -> bool:
    """A server from its start to its kill; whether it came up before that."""
    await server.fork()
    if chance.random() < IN_START:
        await asyncio.sleep(chance.uniform(0.0, 0.25))
        await server.end(signal.SIGKILL)
        return False
    await server.up()
    raised: asyncio.Queue[str] = asyncio.Queue()
    work = [call(server.port, f"c-{number}-{caller}", witness) for caller in range(CALLERS)]
    work += [read(server.port, witness, raised), acknowledge(server.port, witness, raised)]
    tasks = [asyncio.create_task(quietly(one)) for one in work]
    await asyncio.sleep(chance.uniform(0.0, LONGEST_LIFE_S))
    await server.end(signal.SIGKILL)
    await asyncio.sleep(0.01)  # what is still in the sockets was shown, too
    await over(tasks)
    return True


async def over(tasks: list["asyncio.Task[None]"]) -> None:
    """Ends the clients; raises what none of them should have met."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=2)
        for (
            task
        ) in left:  # a connection that broke at that very moment has taken the cancellation for its own
            print(f"cancelled again: {task}", file=sys.stderr)
    for task in tasks:
        if not task.cancelled():
            task.result()


async def last_life(server: Server, witness: Witness) -> None:
    """Lets reader and webhook catch up, and ends in order."""
    await server.fork()
    await server.up()
    reading = asyncio.create_task(quietly(read(server.port, witness, asyncio.Queue())))
    before = -1
    while (seen := len(witness.feed) + len(witness.hooks)) != before:
        before = seen
        await asyncio.sleep(8)  # longer than the first pause of a webhook that failed
    await server.end(signal.SIGTERM)
    await reading


async def commit_ms(folder: Path, seconds: float) -> tuple[float, float]:
    """Median and 99th percentile of what the archive adds to an alert, among 300 ticks a second."""
    waits: list[float] = []
    with opened(Place(folder, "")) as archive:
        commits = Commits(archive.store, 10_000, on_batch=lambda *_: None, on_room=int)
        commits.start()
        for number in range(1, round(300 * seconds)):
            event = alert(number) if number % 30 == 0 else tick(number)
            began = time.perf_counter()

            def told(began: float = began, rare: bool = number % 30 == 0) -> None:
                if rare:
                    waits.append(1000 * (time.perf_counter() - began))

            commits.put(record_of(event, number, number), told)
            await asyncio.sleep(1 / 300)
        await commits.flush()
        await asyncio.to_thread(commits.stop)
    return statistics.median(waits), statistics.quantiles(waits, n=100)[-1]


async def main() -> int:
    """Kills, compares, prints, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--quick", type=int, metavar="KILLS", help="a smoke; writes no result")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "crash.json")
    options = parser.parse_args()
    kills = options.quick or options.kills
    chance = random.Random(options.seed)  # noqa: S311 - moments to kill at, no secrets
    witness, came_up = Witness(), 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "latency").mkdir()
        median_ms, p99_ms = await commit_ms(Path(folder) / "latency", 2.0 if options.quick else 10.0)
        receiver = await receive(witness)
        url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
        server = await Server.launch(Path(folder), url)
        try:
            for number in range(kills):
                came_up += await one_life(server, number, witness, chance)
                if (number + 1) % 50 == 0:
                    print(f"{number + 1} kills, {len(witness.feed)} events shown", file=sys.stderr)
            await last_life(server, witness)
        finally:
            await server.close()
            receiver.close()
        result = {"kills": kills, "kills_in_start": kills - came_up, **witness.compare(Path(folder))}
    result |= {"seconds": round(time.monotonic() - began), "seed": options.seed}
    result |= {"commit_median_ms": round(median_ms, 2), "commit_p99_ms": round(p99_ms, 2)}
    for name, value in result.items():
        print(f"{name:24} {value}")
    if not options.quick:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    wrong = ("acknowledged_lost", "acks_lost", "skipped_on_feed", "webhooks_lost", "duplicates_that_differ")
    return (
        any(result[name] for name in wrong) or not result["log_intact"] or bool(result["calls_without_end"])
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
