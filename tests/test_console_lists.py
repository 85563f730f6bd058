"""The console's lists: searched and filtered by the server, page by page, as far back as anything is kept."""

import msgspec
import pytest
from browser import until
from consoles import console, kept_server, shot
from live_server import in_loop, small_talk, whole_call
from test_console import raised

from sentiment_engine.events import AlertCleared
from sentiment_engine.live import hub
from sentiment_engine.live.app import LiveServer

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

DAY_MS = 86_400_000
LONG_AGO_MS = 1_769_774_400_000
"""2026-01-30, noon UTC."""
COUNT = "document.querySelectorAll('.alert').length"
IDS = "[...document.querySelectorAll('.alert')].map((one) => one.dataset.alert)"


async def old_alerts(server: LiveServer, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Alerts that have cleared, one a day, the first of them ``call-0``."""
    with monkeypatch.context() as patch:
        for number in range(count):
            patch.setattr(hub, "now_ms", lambda number=number: LONG_AGO_MS + number * DAY_MS)
            event = raised(f"call-{number}")
            fields = msgspec.structs.asdict(event)
            server.hub.publish(event)
            server.hub.publish(AlertCleared(**{**fields, "at_s": 20.0, "seq": 10}))
    await server.hub.flush()


@in_loop
async def test_alerts_are_searched_beyond_the_rows_that_are_loaded_and_come_page_by_page(
    tmp_path, monkeypatch
):
    async with kept_server(tmp_path) as server:
        await old_alerts(server, monkeypatch, 130)
        server.hub.publish(raised("now"))
        await server.hub.flush()
        async with console(server, "#/alerts", timezone_id="UTC") as (page, complaints):
            await until(page, f"{COUNT} === 100")
            assert (await page.evaluate(IDS))[:2] == ["now/1", "call-129/1"]
            await page.click("button:text('Show more')")
            await until(page, f"{COUNT} === 131")
            await page.wait_for_selector("button:text('Show more')", state="hidden")
            await page.fill("input[type=search]", "LL-7")
            await until(page, f"{COUNT} === 11")
            await page.fill("input[type=search]", "%")
            await page.wait_for_selector(".empty >> text=Nothing matches")
            await page.fill("input[type=search]", "")
            await page.fill("input[type=date] >> nth=0", "2026-02-02")
            await page.fill("input[type=date] >> nth=1", "2026-02-03")
            await until(page, f"{COUNT} === 2")
            assert await page.evaluate(IDS) == ["call-4/1", "call-3/1"]
            await shot(page, "alerts-filtered")
            assert complaints == []
        async with console(server, "#/alerts") as (page, complaints):
            await until(page, f"{COUNT} === 100")
            await page.fill("input[type=search]", "call-0")  # far behind the first page
            await until(page, f"{COUNT} === 1")
            await page.fill("input[type=search]", "")
            # what the search has brought is no part of the newest hundred
            await until(page, f"{COUNT} === 100")
            assert "call-0/1" not in await page.evaluate(IDS)
            server.hub.publish(raised("new"))
            await page.wait_for_selector(".alert >> text=new")
            await page.select_option(".filters select >> nth=0", "open")
            await until(page, f"{COUNT} === 2")
            assert complaints == []


@in_loop
async def test_calls_are_searched_by_the_server(tmp_path):
    async with kept_server(tmp_path) as server:
        for number in range(52):
            await whole_call(server, f"Call_{number}", small_talk(1.0))
        async with console(server, "#/calls") as (page, complaints):
            rows = "document.querySelectorAll('tbody tr').length"
            await until(page, f"{rows} === 50")
            await page.fill("input[type=search]", "call_0")
            await until(page, f"{rows} === 1")
            await page.fill("input[type=search]", "callx0")
            await page.wait_for_selector(".empty:visible")
            await page.fill("input[type=search]", "")
            await until(page, f"{rows} === 50")
            await page.click("button:text('Show more')")
            await until(page, f"{rows} === 52")
            assert complaints == []
