"""``demo``: the whole product on one machine in one command."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_engine.cli.edge import FAILED, TERMINATED, Speed, complain, edge

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from sentiment_engine.live.app import LiveServer

CALL_ID = "demo"
LINE_EVERY_S = 5
"""Seconds of the call between two lines of tension where no bar can be redrawn in place."""
PATIENCE_S = 30.0
"""For the feed to end after the call has: long enough for a busy machine."""


@edge
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End with the call: status 0 if an alert reached the feed, else 1.")
    ] = False,
    speed: Speed = 1.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 0,
) -> None:
    """Start the server, play a bundled example call into it, show tension, alerts and phrases as they come.

    After the call the server stays up, for your own recordings, until interrupted; with --once it does not.
    """
    try:
        alerts = asyncio.run(_demo(once=once, speed=speed, port=port))
    except asyncio.CancelledError:  # by SIGTERM, below
        raise typer.Exit(TERMINATED) from None
    if once and not alerts:
        complain("error: the call ended and no alert reached the feed")
        raise typer.Exit(FAILED)


async def _demo(*, once: bool, speed: float, port: int) -> int:
    """Plays the call; returns how many alerts a reader of the feed was given."""
    # Imported here so that --help loads no web stack and no model runtime.
    import logging  # noqa: PLC0415
    from importlib.resources import as_file, files  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    from sentiment_engine.cli.logs import log_to_stderr  # noqa: PLC0415
    from sentiment_engine.live.app import LiveServer  # noqa: PLC0415
    from sentiment_engine.onnx_model import load_emotion_model  # noqa: PLC0415
    from sentiment_engine.resources import load_cues, load_playbook  # noqa: PLC0415
    from sentiment_engine.settings import Settings  # noqa: PLC0415

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)  # as asyncio.run does for SIGINT
    log_to_stderr(logging.WARNING)
    console = Console(highlight=False)
    async with LiveServer(
        Settings(), load_emotion_model(), load_playbook(), cues=load_cues(), port=port
    ) as server:
        console.print(f"feed for supervisors: {server.url}/v1/feed", soft_wrap=True)
        with as_file(files("sentiment_engine") / "example" / "call.flac") as path:
            alerts = await _play(server, path, speed, console)
        console.print(f"alerts that reached the feed: {alerts}", soft_wrap=True)
        if not once:
            console.print(
                f"the server stays up; play a recording of your own into it, from another terminal:\n"
                f"  sentiment-engine stream FILE --url {server.url}/v1/stream\n"
                f"  sentiment-engine watch --url {server.url}/v1/feed\n"
                "Ctrl-C ends it",
                soft_wrap=True,
            )
            for number in (signal.SIGINT, signal.SIGTERM):  # from here on this is how it is meant to end
                loop.add_signal_handler(number, server.stop)
            await server.stopped()
    return alerts


async def _play(server: "LiveServer", path: "Path", speed: float, console: "Console") -> int:
    from sentiment_engine.batch.recordings import Recording  # noqa: PLC0415
    from sentiment_engine.client.play import Call, play  # noqa: PLC0415

    recording = Recording.open(path, call_id=CALL_ID)
    call = Call(call_id=CALL_ID, language="en", stage="facts")  # as its script says
    watching = asyncio.create_task(_show(f"{server.url}/v1/feed", console))
    try:
        url = f"{server.url}/v1/stream"
        await play(recording, url, call, speed=speed, hear=lambda _text: None, note=complain)
        async with asyncio.timeout(PATIENCE_S):
            return await watching
    finally:
        watching.cancel()


async def _show(url: str, console: "Console") -> int:
    """Follows the feed until the call has ended; returns the alerts raised."""
    from contextlib import aclosing  # noqa: PLC0415

    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from sentiment_engine.cli.render import event_lines  # noqa: PLC0415
    from sentiment_engine.client.follow import follow  # noqa: PLC0415

    alerts = 0
    # since=0: also what happened between the server's start and this reader's.
    with Live(Text(), console=console, auto_refresh=False, transient=True) as bar:
        async with aclosing(follow(url, since="0", note=complain)) as feed:
            async for one in feed:
                event = one.cloud_event.get("data") or {}
                kind = event.get("type", "")
                alerts += int(kind == "alert.raised")
                if kind == "tension.updated" and console.is_terminal:
                    bar.update(next(event_lines(event)), refresh=True)
                elif kind.startswith(("alert.", "call.")) or (
                    kind == "tension.updated" and round(event["at_s"]) % LINE_EVERY_S == 0
                ):
                    for line in event_lines(event):
                        console.print(line, soft_wrap=True)
                if kind == "call.ended":
                    return alerts
    return alerts
