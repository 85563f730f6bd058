"""The review queue in the console: two people, two decisions, each said by the one who may."""

import pytest
from consoles import console, kept_server, shot, sign_in
from doors import locked
from live_server import in_loop

from sentiment_engine.events import AlertRaised

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
NASTY = "<img src=x onerror=window.hit=1>"


def critical() -> AlertRaised:
    return AlertRaised(
        call_id="c-1",
        at_s=9.0,
        seq=9,
        alert_id="c-1/1",
        kind="customer_anger",
        severity="critical",
        level=0.95,
        since_s=4.0,
        causes={"customer_anger": 3.0},
        summary="The customer sounds angry.",
        suggestions=(),
    )


async def give(page, role: str, decision: str, note: str = "") -> None:
    await page.select_option(".review select >> nth=0", role)
    await page.select_option(".review select >> nth=1", decision)
    await page.fill(".review textarea", note)
    await page.click(".review button")


@in_loop
async def test_a_critical_alert_is_reviewed_by_both_sides_and_by_nobody_else(tmp_path):
    async with kept_server(tmp_path, locked()) as server:
        server.hub.publish(critical())
        await server.hub.flush()
        async with console(server, "#/reviews") as (page, _):
            await sign_in(page, "supervisor")
            await page.wait_for_selector(".review")
            await give(page, "legal", "confirmed")
            await page.wait_for_selector(".review .problem:visible")  # a supervisor speaks for the business
            await shot(page, "reviews-refused")
            await give(page, "business", "needs_action", NASTY)
            await page.wait_for_selector(".duties blockquote")
            assert await page.inner_text(".duties blockquote") == NASTY
            assert await page.locator(".review select >> nth=0").locator("option").count() == 1
            await page.click("#sign-out")
            await sign_in(page, "legal")
            await page.evaluate("() => { location.hash = '#/reviews'; }")
            await page.wait_for_selector(".review")
            await give(page, "legal", "confirmed")
            await page.wait_for_selector(".review", state="detached")
            lines = await page.locator(".duties li").all_inner_texts()
            assert lines[0].startswith("Business: Needs action, Tension. supervisor")
            assert lines[1].startswith("Legal: Confirmed, Tension. legal")
            await page.select_option(".filters select >> nth=0", "done")
            await page.wait_for_selector(".duties")
            await shot(page, "reviews-done")
            async with page.expect_download() as coming:
                await page.click("button:text('Download CSV')")
            file = await (await coming.value).path()
            assert "c-1/1" in file.read_text("utf-8-sig")
            assert await page.evaluate("window.hit") is None
            assert await page.locator("aside .alert").count() == 0


@in_loop
async def test_who_watches_the_wall_is_not_disturbed_by_a_review(tmp_path):
    async with kept_server(tmp_path, locked()) as server:
        server.hub.publish(critical())
        await server.hub.flush()
        async with console(server) as (page, complaints):
            await sign_in(page)
            await page.wait_for_selector("aside .alert")
            answer = await page.evaluate(
                """async () => {
                  const token = sessionStorage.getItem('sentiment-engine.token');
                  const said = { role: 'business', decision: 'confirmed', reason: 'tension' };
                  const body = JSON.stringify(said);
                  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
                  const answer = await fetch('/v1/alerts/c-1%2F1/reviews', { method: 'POST', headers, body });
                  return answer.status;
                }"""
            )
            assert answer == 201
            await page.wait_for_timeout(300)
            assert await page.locator("aside .alert .bars li").count() == 1
            assert await page.inner_text('[data-figure="liveCalls"]') == "0"
            assert [text for text in complaints if "401" not in text] == []
