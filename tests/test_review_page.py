"""The day's log in a real browser: its own style is let in, nothing else is, and it prints."""

import pytest
from archives import Place
from browser import ARTEFACTS, browsing
from doors import bearer
from live_server import in_loop
from test_live_reviews import give, quarrel_in, queue, reviewing

NOTE = "</td></table><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.mark.conformance
@in_loop
async def test_a_browser_shows_prints_and_runs_nothing(tmp_path):
    async with reviewing(Place(tmp_path, "")) as (server, http):
        await quarrel_in(server, "通话-1")
        await quarrel_in(server, "8d8ac610-566d-4ef0-9c22-186b2a5ed793" * 3)
        await quarrel_in(server, "c-2")
        path = "/v1/alerts/通话-1.a1/reviews"
        await give(http, "supervisor", path, note=NOTE)
        await give(http, "legal", path, role="legal", decision="needs_action", note="第一行\n第二行")
        day = (await queue(http))["reviews"][0]["owed_since"][:10]
        async with browsing(
            extra_http_headers=bearer("legal"), viewport={"width": 1280, "height": 720}
        ) as tabs:
            page = await tabs.new_page()
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text))
            address = server.url.replace("ws", "http")
            await page.goto(f"{address}/v1/reviews/log?day={day}&format=html")
            assert (await page.title()).startswith("Reviews of ")
            assert await page.locator("td.note").nth(3).inner_text() == NOTE
            assert await page.locator("script, img").count() == 0
            collapse = "getComputedStyle(document.querySelector('table')).borderCollapse"
            assert await page.evaluate(collapse) == "collapse"
            ARTEFACTS.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=ARTEFACTS / "reviews-log.png", full_page=True)
            await page.emulate_media(media="print")
            await page.set_viewport_size({"width": 1031, "height": 720})  # A4 across, less its margins
            assert await page.evaluate("document.documentElement.scrollWidth") <= 1031
            printed = await page.pdf(prefer_css_page_size=True)
            (ARTEFACTS / "reviews-log.pdf").write_bytes(printed)
            assert printed.startswith(b"%PDF-")
            assert complaints == []
