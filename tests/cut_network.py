"""Run in a network namespace of its own: a call whose network is cut for some seconds; prints what was told.

    unshare --net python cut_network.py SECONDS

Nothing but ``lo`` exists in there, and it is set down and up again: to the kernel that is a pulled cable.
"""

import asyncio
import json
import subprocess
import sys

import psutil
from live_server import RATE_HZ, read_feed, serving, small_talk

from sentiment_engine.client import Stream

BEFORE_S, AFTER_S = 4.0, 6.0


def link(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


async def pulled(seconds):
    """The cable is pulled after a while, and put back."""
    await asyncio.sleep(BEFORE_S)
    link("down")
    await asyncio.sleep(seconds)
    link("up")


async def main(seconds):
    total_s = BEFORE_S + seconds + AFTER_S
    sound, width = small_talk(total_s), 4
    process = psutil.Process()
    async with serving() as server:
        before = len(asyncio.all_tasks())
        cable = asyncio.create_task(pulled(seconds))
        async with Stream(f"{server.url}/v1/stream", call_id="cut", language="en") as call:
            clock = asyncio.get_running_loop().time
            began, piece = clock(), RATE_HZ // 10 * width
            for number in range(round(total_s * 10)):
                await asyncio.sleep(max(0.0, began + (number + 1) * 0.1 - clock()))
                await call.send(sound[number * piece : (number + 1) * piece])
        await cable
        events = [event["data"] for event in await read_feed(server, "since=0&types=*", until="cut")]
        await asyncio.sleep(0.5)
        left = {
            "sessions": len(server.calls.sessions),
            "tasks": len(asyncio.all_tasks()) - before,
            "sockets": len([each for each in process.net_connections() if each.status == "ESTABLISHED"]),
        }
    return {
        "total_s": total_s,
        "lost_s": call.lost_s,
        "ended": [event for event in events if event["type"] == "call.ended"],
        "alerts": [event for event in events if event["type"].startswith("alert.")],
        "gaps": [event for event in events if event["type"] == "audio.gap"],
        "starts": sum(event["type"] == "call.started" for event in events),
        "left": left,
    }


if __name__ == "__main__":
    link("up")
    sys.stdout.write(json.dumps(asyncio.run(main(float(sys.argv[1])))) + "\n")
