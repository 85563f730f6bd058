"""The console as a supervisor sees it: a call rises, an alert, somebody has seen it; in both languages."""

import json
import re
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from browser import browsing, until
from consoles import console, history, kept_server, quarrelling, screen, shot, sign_in
from doors import SECRETS, bearer, locked
from live_server import in_loop, quarrel, read_feed, serving, small_talk, streaming, whole_call
from test_softphone_demo import CONTRAST, NAMELESS

from sentiment_engine.archive.records import now_ms
from sentiment_engine.events import AlertRaised, Suggestion
from sentiment_engine.live import hub

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

PAGES = ("wall", "alerts", "calls", "call/kept-0", "reviews", "reports")
NASTY = "<img src=x onerror=window.hit=1>\"'><script>window.hit=2</script>"
AXE = (
    Path(__file__).resolve().parent.parent
    / ".cache"
    / "softphones"
    / "node_modules"
    / "axe-core"
    / "axe.min.js"
)
OPENED = """() => {
  window.appeared = new Promise((resolve) => {
    const look = () => {
      if (document.querySelector('aside .alert')) resolve(Date.now());
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
VISIBLE = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    const ofCalls = 'blockquote, details p, .summary, .alert-line, .story, option, .note';
    if (data.trim() && !parentElement.closest(ofCalls)) found.push(data.trim());
  }
  for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
    for (const name of ['aria-label', 'title', 'placeholder']) {
      if (element.hasAttribute(name)) found.push(element.getAttribute(name));
    }
  }
  return found;
}"""


async def goto(page, where: str, ready: str = "h1") -> None:
    await page.evaluate("where => { location.hash = '#/' + where; }", where)
    await page.wait_for_selector(ready, state="attached")


@in_loop
async def test_a_call_rises_and_its_alert_is_on_the_screen_within_a_second(tmp_path):
    async with kept_server(tmp_path) as server, console(server) as (page, complaints):
        await until(page, "document.querySelector('#feed-state')?.dataset.state === 'live'")
        await page.evaluate(OPENED)
        async with quarrelling(server, "hot"):
            shown_ms = await page.evaluate("appeared")
            [told] = await read_feed(server, "since=0&types=alert.raised")
            assert shown_ms - 1000 * datetime.fromisoformat(told["time"]).timestamp() < 1000
            await until(page, "Number(document.querySelector('.call-card .level').textContent) > 60")
            assert await page.inner_text('[data-figure="openAlerts"]') == "1"
            assert await page.locator("aside .bars li").count() > 0
            assert await page.locator("aside blockquote").count() == 1
            drawn = "[...document.querySelectorAll('.spark :not(.grid)')]"
            await until(page, f"{drawn}.every((line) => line.getAttribute('d')?.split('L').length > 10)")
        assert complaints == []


@in_loop
async def test_what_one_has_seen_the_other_sees_as_seen(tmp_path):
    async with kept_server(tmp_path, locked()) as server:
        server.hub.publish(raised("c-1"))
        await server.hub.flush()
        async with browsing(locale="en-GB") as one, browsing(locale="zh-CN") as other:
            screens = [await screen(context, server, "#/alerts") for context in (one, other)]
            await sign_in(screens[0].page)
            await sign_in(screens[1].page, "legal")
            for page, _ in screens:
                await page.wait_for_selector(".alert")
            await screens[0].page.click(".alert .primary")
            for page, complaints in screens:
                await page.wait_for_selector(".alert.is-seen .seen", state="visible")
                assert "supervisor" in await page.inner_text(".seen")
                assert await page.locator(".alert .primary:visible").count() == 0
                assert [text for text in complaints if "401" not in text] == []


@in_loop
async def test_the_token_stays_in_the_tab_and_out_of_every_address(tmp_path):
    async with kept_server(tmp_path, locked()) as server, console(server) as (page, _):
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        page.on("websocket", lambda socket: addresses.append(socket.url))
        await page.fill("#token", "setk_wrong")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".problem")
        await sign_in(page, "ingest")
        await page.wait_for_selector(".problem >> text=may not read")
        await shot(page, "sign-in")
        await sign_in(page)
        await until(page, "document.querySelector('#feed-state')?.dataset.state === 'live'")
        await page.reload()
        await until(page, "document.querySelector('#feed-state')?.dataset.state === 'live'")
        assert any("/v1/feed" in address for address in addresses)
        assert not any(SECRETS["supervisor"][:12] in address for address in [*addresses, page.url])
        stored = await page.evaluate("JSON.stringify({ ...localStorage }) + document.cookie")
        assert "setk_" not in stored
        await page.click("#sign-out")
        await page.wait_for_selector("#token")
        assert await page.evaluate("JSON.stringify({ ...sessionStorage })") == "{}"


@in_loop
async def test_every_page_speaks_chinese_and_nothing_else_and_can_be_read_in_both_looks(tmp_path):
    words = await _words()
    english = {text for key, text in words["en"].items() if text != words["zh-CN"][key]}
    async with kept_server(tmp_path) as server:
        await history(server)
        async with console(server, locale="zh-CN", color_scheme="dark") as (page, complaints):
            async with quarrelling(server, "hot"):
                await page.wait_for_selector("aside .alert")
                for where in PAGES:
                    await goto(page, where)
                    await page.wait_for_selector(".empty:has-text('加载中')", state="detached")
                    if where.startswith("call/"):
                        await page.wait_for_selector(".uplot canvas")
                    said = await page.evaluate(VISIBLE)
                    assert not english & set(said), english & set(said)
                    assert not [text for text in said if "undefined" in text or "{" in text]
                    for theme in ("light", "dark"):
                        await page.select_option("#theme", theme)
                        await page.wait_for_timeout(120)
                        name = where.partition("/")[0]
                        assert await page.evaluate(CONTRAST) == [], (where, theme)
                        assert await page.evaluate(NAMELESS) == [], where
                        await shot(page, f"{name}-{theme}-zh")
                    await page.set_viewport_size({"width": 390, "height": 844})
                    await page.wait_for_timeout(120)
                    assert await page.evaluate("document.documentElement.scrollWidth") <= 390, where
                    await shot(page, f"{name}-small", full_page=True)
                    await page.set_viewport_size({"width": 1280, "height": 860})
                assert await page.title() == "报表 · 通话紧张度监测"
                await page.select_option("#language", "en")
                await page.select_option("#theme", "light")
                for where in PAGES:
                    await goto(page, where)
                    await page.wait_for_selector(".empty:has-text('Loading')", state="detached")
                    await page.wait_for_timeout(300)
                    await shot(page, f"{where.partition('/')[0]}-light-en", full_page=True)
                assert await page.evaluate("document.documentElement.lang") == "en"
            assert complaints == []


async def _words() -> dict:
    async with serving() as server, console(server) as (page, _):
        return await page.evaluate("import('/web/console/words.js').then(({ WORDS }) => WORDS)")


@in_loop
async def test_what_a_caller_wrote_is_text_and_never_markup(tmp_path):
    async with kept_server(tmp_path) as server:
        call_id = NASTY + "/通话,%2F"
        await whole_call(server, call_id, quarrel(4.0, 9.0), language="en")
        async with streaming(server, NASTY) as _:
            event = raised(NASTY, summary=NASTY, text=NASTY)
            server.hub.publish(event)
            await server.hub.flush()
            async with console(server) as (page, complaints):
                await page.wait_for_selector("aside .alert")
                assert NASTY in await page.inner_text("aside .alert")
                for where in ("alerts", "calls", "reports"):
                    await goto(page, where)
                    await page.wait_for_timeout(300)
                await goto(page, "calls")
                await page.click("tbody tr:nth-child(2) a")
                await page.wait_for_selector(".uplot canvas")
                assert await page.inner_text("h1") == call_id
                assert await page.evaluate("window.hit") is None
                assert await page.locator("main img, main script").count() == 0
                assert complaints == []


def raised(
    call_id: str, summary: str = "The customer sounds angry.", text: str = "I hear you."
) -> AlertRaised:
    return AlertRaised(
        call_id=call_id,
        at_s=9.0,
        seq=9,
        alert_id=f"{call_id}/1",
        kind="customer_anger",
        severity="warning",
        level=0.8,
        since_s=4.0,
        causes={"customer_anger": 2.0, "overlap": -0.5},
        summary=summary,
        suggestions=(
            Suggestion(
                id="p-1",
                text=text,
                language="en",
                audience="agent",
                technique="acknowledge",
                mode="say",
                rule=text,
            ),
        ),
    )


@in_loop
async def test_the_keyboard_is_enough_and_a_snoozed_alert_comes_back(tmp_path):
    async with kept_server(tmp_path) as server:
        server.hub.publish(raised("c-1"))
        await server.hub.flush()
        async with console(server, "#/alerts") as (page, complaints):
            await page.wait_for_selector(".alert")
            await page.focus(".alert button:text('Snooze')")
            await page.keyboard.press("Enter")
            await page.wait_for_selector(".alert", state="detached")
            await page.focus("button:text('Show snoozed (1)')")
            await page.keyboard.press("Space")
            await page.focus(".alert button:text('Wake')")
            await page.keyboard.press("Enter")
            await page.wait_for_selector(".alert button:text('Snooze')")
            await page.focus("nav a[data-page=calls]")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("nav a[data-page=calls][aria-current=page]")
            assert complaints == []


@in_loop
async def test_the_wall_is_ordered_by_tension_and_filtered(tmp_path):
    async with kept_server(tmp_path) as server, console(server) as (page, complaints):
        async with streaming(server, "calm", stage="facts") as socket:
            audio = small_talk(12.0)
            for at in range(0, len(audio), 3200):
                await socket.send(audio[at : at + 3200])
            await page.wait_for_selector(".call-card")
            async with quarrelling(server, "hot"):
                await until(page, "document.querySelector('.call-card')?.dataset.call === 'hot'")
                shown = ".call-card:not([hidden])"
                ids = f"[...document.querySelectorAll('{shown}')].map((one) => one.dataset.call)"
                assert await page.evaluate(ids) == ["hot", "calm"]
                await page.fill("#search", "CAL")
                assert await page.evaluate(ids) == ["calm"]
                await page.fill("#search", "")
                await page.check("input[type=checkbox]")
                assert await page.evaluate(ids) == ["hot"]
                await page.select_option("#density", "compact")
                assert await page.locator(".wall.compact").count() == 1
        await until(page, "!document.querySelector('.call-card')")
        assert complaints == []


@in_loop
async def test_without_an_archive_the_wall_lives_from_the_feed_and_says_what_is_missing():
    async with serving() as server, quarrelling(server, "hot"), console(server) as (page, complaints):
        await page.wait_for_selector("aside .alert")
        assert await page.locator("aside .alert .primary:visible").count() == 0
        await page.click(".call-card a")
        await page.wait_for_selector(".uplot canvas")
        for where in ("calls", "reports"):
            await goto(page, where)
            await page.wait_for_selector(".empty >> text=--data")
        # The one request that found out.
        assert [text for text in complaints if "404" not in text] == []


@in_loop
async def test_a_broken_connection_is_taken_up_again_without_a_hole(tmp_path):
    async with kept_server(tmp_path) as server, console(server) as (page, _):
        await until(page, "document.querySelector('#feed-state')?.dataset.state === 'live'")
        server.hub.publish(raised("before"))
        await page.wait_for_selector("aside .alert")
        for feed in list(server.feeds):
            feed.abort()
        server.hub.publish(raised("meanwhile"))
        await page.wait_for_selector("aside .alert >> text=meanwhile")
        assert await page.locator("aside .alert").count() == 2


@in_loop
async def test_reports_of_several_days_have_a_chart(tmp_path):
    async with kept_server(tmp_path) as server:
        for ago in (0, 1, 4, 40):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(hub, "now_ms", lambda ago=ago: now_ms() - ago * 86_400_000)
                await whole_call(server, f"call-{ago}", quarrel(4.0, 9.0), language="en")
                await server.hub.flush()
        async with console(server, "#/reports") as (page, complaints):
            await page.wait_for_selector(".report .uplot canvas")
            assert await page.inner_text(".reportCalls dd") == "3"
            assert await page.locator("section:has(h2:text('By day')) tbody tr").count() == 3
            await shot(page, "reports-days", full_page=True)
            await page.select_option("#range", "90")
            await page.wait_for_selector(".reportCalls dd >> text=4")
            assert await page.inner_text(".reportAlerts dd") == "4"
            assert complaints == []


@in_loop
async def test_reports_count_what_the_archive_holds(tmp_path):
    async with kept_server(tmp_path) as server:
        await history(server)
        async with console(server, "#/reports") as (page, complaints):
            await page.wait_for_selector("table")
            assert await page.inner_text(".reportCalls dd") == "4"
            assert (await page.inner_text(".reportWithAlerts dd")).startswith("3")
            stages = await page.locator("section:has(h2:text('By stage')) tbody tr").all_inner_texts()
            assert [line.split("\t")[:3] for line in stages] == [
                ["Negotiation", "3", "3"],
                ["Facts", "1", "0"],
            ]
            assert "Customer's anger" in await page.inner_text("section:has(h2:text('leading cause'))")
            await page.emulate_media(media="print")
            assert await page.locator("nav:visible, header:visible, button:visible").count() == 0
            await shot(page, "reports-print", full_page=True)
            await page.emulate_media(media="screen")
            assert complaints == []
        async with httpx.AsyncClient(base_url=server.url.replace("ws", "http"), headers=bearer(None)) as http:
            assert len((await http.get("/v1/alerts")).json()["alerts"]) == 3


@in_loop
async def test_axe_finds_nothing_serious(tmp_path):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/conformance_tools")
    async with kept_server(tmp_path) as server:
        await history(server)
        # The policy forbids foreign scripts, as it should; axe is let in past it for this test alone.
        async with console(server, bypass_csp=True) as (page, _), quarrelling(server, "hot"):
            await page.wait_for_selector("aside .alert")
            await page.add_script_tag(path=str(AXE))
            for where in PAGES:
                await goto(page, where)
                await page.wait_for_timeout(400)
                found = await page.evaluate("axe.run().then(({ violations }) => violations)")
                serious = [
                    (one["id"], one["nodes"][0]["html"][:160])
                    for one in found
                    if one["impact"] in {"serious", "critical"}
                ]
                assert serious == [], where


def test_no_text_is_hard_coded():
    """Literals that reach the page come from words.js and names.js; languages go by their own names."""
    web = files("sentiment_engine") / "web"
    shown = re.compile(
        r'(?:textContent = |"?(?:aria-label|title|placeholder)"?: |h\("\w+", \{[^{}]*\}, )'
        r'"([^"]*[A-Za-z]{3}[^"]*)"'
    )
    for file in (web / "console").iterdir():
        if file.name.endswith(".js"):
            assert shown.findall(file.read_text("utf-8")) == [], file.name
    body = (web / "console.html").read_text("utf-8").partition("<body>")[2]
    assert json.dumps(re.sub(r"<[^>]+>|\s", "", body)) == '""'
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(",
        "".join(file.read_text("utf-8") for file in (web / "console").iterdir()),
    )
