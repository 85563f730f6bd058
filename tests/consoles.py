"""The console in a browser, against a real server whose archive is full or empty."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from archives import Place
from browser import ARTEFACTS, browsing
from doors import SECRETS
from live_server import LoudIsAngry, quarrel, small_talk, streaming, whole_call
from test_live_archive import archive_at
from voices import SETTINGS

from sentiment_engine.live.app import LiveServer
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import Settings


class Screen(NamedTuple):
    """A page, and what it complained of."""

    page: Any
    complaints: list[str]


@asynccontextmanager
async def kept_server(folder: Path, settings: Settings | None = None) -> AsyncIterator[LiveServer]:
    """A server with an archive and the packaged phrases."""
    async with LiveServer(
        settings or SETTINGS, LoudIsAngry(), load_playbook(), port=0, archive=archive_at(Place(folder, ""))
    ) as server:
        yield server


async def screen(context: Any, server: LiveServer, where: str = "") -> Screen:
    """Opens the console in a browser context."""
    page = await context.new_page()
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None
    )
    await page.goto(f"http://{server.host}:{server.port}/{where}")
    return Screen(page, complaints)


@asynccontextmanager
async def console(server: LiveServer, where: str = "", **options: Any) -> AsyncIterator[Screen]:
    """One console in one browser."""
    fields = {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB", **options}
    async with browsing(**fields) as context:
        yield await screen(context, server, where)


async def sign_in(page: Any, name: str = "supervisor") -> None:
    await page.fill("#token", SECRETS[name])
    await page.keyboard.press("Enter")


async def shot(page: Any, name: str, **options: Any) -> None:
    """A picture for people to look at."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"console-{name}.png", animations="disabled", **options)


@asynccontextmanager
async def quarrelling(server: LiveServer, call_id: str, **changes: object) -> AsyncIterator[None]:
    """A call that has heated up and goes on."""
    async with streaming(server, call_id, **changes) as socket:
        audio = quarrel(4.0, 20.0)
        for at in range(0, len(audio), 3200):
            await socket.send(audio[at : at + 3200])
            await asyncio.sleep(0.002)
        yield


async def history(server: LiveServer) -> None:
    """Some calls that have ended."""
    for number in range(3):
        await whole_call(
            server,
            f"kept-{number}",
            quarrel(4.0, 12.0),
            language=("en", "zh-CN")[number % 2],
            stage="negotiation",
        )
    await whole_call(server, "calm", small_talk(12.0), language="en", stage="facts")
