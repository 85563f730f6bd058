"""The review queue in the console: two people, two decisions, each said by the one who may."""

import msgspec
import pytest
from consoles import console, kept_server, shot, sign_in
from doors import locked
from live_server import in_loop

from sentiment_engine.events import AlertRaised
from sentiment_engine.settings_reviews import ReviewSettings

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
NASTY = "<img src=x onerror=window.hit=1>"
ASK = """async (path) => {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem('sentiment-engine.token')}` };
  return (await fetch(path, { headers })).json();
}"""


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


async def give(page, decision: str, note: str = "") -> None:
    await page.select_option(".review select >> nth=0", decision)
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
            assert "Review for: Business" in await page.inner_text(".review")
            await give(page, "needs_action", NASTY)
            await page.wait_for_selector(".duties blockquote")
            assert await page.inner_text(".duties blockquote") == NASTY
            assert await page.locator(".review").count() == 0  # the other side is somebody else's
            await page.click("#sign-out")
            await sign_in(page, "legal")
            await page.evaluate("() => { location.hash = '#/reviews'; }")
            await page.wait_for_selector(".review")
            assert "Review for: Legal" in await page.inner_text(".review")
            await give(page, "confirmed")
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
async def test_the_words_of_the_settings_are_offered_and_a_review_can_be_corrected_by_its_author(tmp_path):
    words = ReviewSettings(decisions=("call_back", "confirmed"), reasons=("tension", "vip"), note_chars=12)
    settings = msgspec.structs.replace(locked(), reviews=words)
    async with kept_server(tmp_path, settings) as server:
        server.hub.publish(critical())
        await server.hub.flush()
        async with console(server, "#/reviews") as (page, complaints):
            await sign_in(page)
            await page.wait_for_selector(".review")
            assert await page.locator(".review select >> nth=0").inner_text() == "call back\nConfirmed"
            assert await page.locator(".review textarea").get_attribute("maxlength") == "12"
            await page.select_option(".review select >> nth=1", "vip")
            await give(page, "call_back", "first")
            await page.click("button:text('Correct my review')")
            assert await page.input_value(".review select >> nth=1") == "vip"
            assert await page.input_value(".review textarea") == "first"
            await shot(page, "reviews-correct")
            await give(page, "confirmed", NASTY[:12])
            await page.wait_for_selector(".duties >> text=Confirmed, vip. supervisor")
            assert await page.inner_text(".duties blockquote") == NASTY[:12]
            [owed] = (await page.evaluate(ASK, "/v1/reviews"))["reviews"]
            assert len(owed["business"]["review"]["supersedes"]) == 32
            for who in ("supervisor-2", "admin"):
                await page.click("#sign-out")
                await sign_in(page, who)
                await page.evaluate("() => { location.hash = '#/reviews'; }")
                await page.wait_for_selector(".duties")
                assert await page.locator(".review, button:text('Correct my review')").count() == 0
                read_only = page.locator("text=Reviews are given with tokens")
                assert await read_only.count() == (who == "admin")
            assert [text for text in complaints if "401" not in text] == []


@in_loop
async def test_each_role_is_offered_what_it_may_do_and_sees_who_is_signed_in(tmp_path):
    async with kept_server(tmp_path, locked()) as server:
        server.hub.publish(critical())
        await server.hub.flush()
        async with console(server, "#/alerts") as (page, complaints):
            for who, sees in (("legal", False), ("admin", True), ("supervisor", True)):
                await sign_in(page, who)
                await page.evaluate("() => { location.hash = '#/alerts'; }")
                await page.wait_for_selector(".alert")
                assert await page.locator(".alert button:text('Mark as seen'):visible").count() == sees
                assert (await page.inner_text("#who b")) == who
                await shot(page, f"alerts-{who}")
                await page.click("#sign-out")
            assert [text for text in complaints if "401" not in text] == []


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
