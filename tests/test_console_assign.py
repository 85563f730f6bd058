"""Assigning in the console: taken with a button, given to somebody, seen by everybody at once."""

import itertools

import pytest
from browser import browsing, until
from consoles import console, kept_server, screen, shot, sign_in
from doors import locked
from live_server import in_loop
from test_console import AXE, NASTY, raised
from test_console_reviews import critical
from test_softphone_demo import CONTRAST, NAMELESS

from sentiment_engine.events import AlertAssigned

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
HOLDER = ".alert .holder"


def assigned(to: str | None, by: str = "admin", alert_id: str = "c-1/1") -> AlertAssigned:
    return AlertAssigned(
        call_id="c-1",
        at_s=9.0,
        seq=0,
        alert_id=alert_id,
        by=by,
        to=to,
        assigned_at="2026-01-31T12:00:00.000Z",
    )


@in_loop
async def test_what_one_takes_the_other_sees_as_taken_and_can_be_given_to_a_third(tmp_path):
    async with kept_server(tmp_path, locked()) as server:
        for call_id in ("c-1", "c-2"):
            server.hub.publish(raised(call_id))
        await server.hub.flush()
        async with browsing(locale="en-GB") as one, browsing(locale="zh-CN") as other:
            here, there = [await screen(context, server, "#/alerts") for context in (one, other)]
            await sign_in(here.page, "supervisor")
            await sign_in(there.page, "admin")
            for page in (here.page, there.page):
                await page.wait_for_selector(".alert")
            mine = here.page.locator("[data-alert='c-1/1']")
            await mine.locator("button:text('Take it')").click()
            await here.page.wait_for_selector(HOLDER)
            assert await mine.locator(".holder").inner_text() == "Assigned to you"
            await there.page.wait_for_selector(HOLDER)
            assert await there.page.inner_text(HOLDER) == "已指派给 supervisor"
            theirs = there.page.locator("[data-alert='c-1/1']")
            assert await theirs.locator("button:text('由我处理'):visible").count() == 0  # never by a slip
            await shot(here.page, "alerts-assigned")

            await here.page.select_option(".filters select >> nth=3", "supervisor")  # mine
            await until(here.page, "document.querySelectorAll('.alert').length === 1")
            await theirs.locator("summary:text-is('指派')").click()
            await shot(there.page, "alerts-assigning-zh")
            for page in (here.page, there.page):
                assert await page.evaluate(CONTRAST) == []
                assert await page.evaluate(NAMELESS) == []
            await theirs.locator(".assign select").select_option("supervisor-2")
            await theirs.locator(".assign button").click()
            await until(here.page, "document.querySelectorAll('.alert').length === 0")
            await here.page.wait_for_selector(".empty >> text=Nothing matches")
            await here.page.select_option(".filters select >> nth=3", "-")
            await here.page.wait_for_selector("[data-alert='c-2/1']")
            await here.page.select_option(".filters select >> nth=3", "supervisor-2")
            await here.page.wait_for_selector(".alert >> text=Assigned to supervisor-2")

            await there.page.locator("[data-alert='c-2/1'] summary:text-is('指派')").click()
            await there.page.locator("[data-alert='c-2/1'] .assign select").select_option("supervisor")
            await there.page.locator("[data-alert='c-2/1'] .assign button").click()
            await here.page.wait_for_selector("#said >> text=admin has assigned an alert to you")
            await here.page.select_option(".filters select >> nth=3", "*")
            await here.page.locator("[data-alert='c-2/1'] button:text('Give back')").click()
            await until(there.page, "document.querySelectorAll('.holder').length === 1")
            for _, complaints in (here, there):
                assert [text for text in complaints if "401" not in text] == []


@in_loop
async def test_who_comes_second_is_told_and_the_reader_is_offered_nothing(tmp_path):
    async with kept_server(tmp_path, locked()) as server:
        server.hub.publish(raised("c-1"))
        await server.hub.flush()
        async with console(server, "#/alerts") as (page, _):
            await sign_in(page, "supervisor")
            await page.wait_for_selector(".alert")
            row = server._archive._reading.alert

            def taken(alert_id: str):
                class Row:
                    def __getattr__(self, name: str):
                        return "bo" if name == "assigned_to" else getattr(row(alert_id), name)

                return Row()

            server._archive._reading.alert = taken  # somebody was faster, and the feed has not said so yet
            await page.click("button:text('Take it')")
            await page.wait_for_selector("#said >> text=assigned to somebody else meanwhile")
            server._archive._reading.alert = row
            await page.click("#sign-out")
            await sign_in(page, "legal")
            await page.evaluate("() => { location.hash = '#/alerts'; }")
            await page.wait_for_selector(".alert")
            server.hub.publish(assigned("bo"))
            await page.wait_for_selector(".alert >> text=Assigned to bo")
            assert (
                await page.locator(".assign, button:text('Take it'), button:text('Give back')").count() == 0
            )


@in_loop
async def test_without_tokens_a_name_is_written_and_markup_in_one_is_text(tmp_path):
    async with kept_server(tmp_path) as server:
        server.hub.publish(raised("c-1"))
        await server.hub.flush()
        async with console(server, "#/alerts") as (page, complaints):
            await page.wait_for_selector(".alert")
            assert await page.locator("button:text('Take it'):visible").count() == 0  # nobody has a name here
            await page.click(".assign summary")
            await page.fill(".assign input", "<b>bo</b>")
            await page.click(".assign button")  # the browser itself refuses it
            assert await page.locator(".holder").count() == 0
            await page.fill(".assign input", "bo")
            await page.keyboard.press("Enter")
            await page.wait_for_selector(".alert >> text=Assigned to bo")
            server.hub.publish(assigned(NASTY, by=NASTY))
            await until(page, f"document.querySelector('.holder')?.textContent.includes({NASTY!r})")
            await page.click(".assign summary")
            await page.fill(".assign input", "")
            await page.click(".assign button")
            await page.wait_for_selector(".holder", state="detached")
            assert await page.evaluate("window.hit") is None
            assert await page.locator("main img, main script").count() == 0
            assert complaints == []


@in_loop
async def test_the_call_page_tells_of_it_and_the_wall_has_room_for_one_button(tmp_path):
    async with kept_server(tmp_path, locked()) as server, console(server) as (page, complaints):
        await sign_in(page, "supervisor")
        await until(page, "document.querySelector('#feed-state')?.dataset.state === 'live'")
        server.hub.publish(raised("c-1"))
        await page.click("aside .alert button:text('Take it')")
        await page.wait_for_selector("aside .holder")
        assert await page.locator("aside .assign").count() == 0
        await page.wait_for_selector("aside button:text('Give back')")
        assert [text for text in complaints if "401" not in text] == []
        said = await page.evaluate(
            """async (event) => {
                  const { storyLine } = await import('/web/console/call_facts.js');
                  return [event, { ...event, to: null, by: '' }].map((one) => storyLine(one).textContent);
                }""",
            {
                "type": "alert.assigned",
                "at_s": 9,
                "to": NASTY,
                "by": "admin",
                "assigned_at": "2026-01-31",
            },
        )
        assert said[0].startswith(f"0:09Assigned to {NASTY}, admin, ")
        assert said[1].startswith("0:09Assigned to nobody any more, ")


@in_loop
async def test_every_form_is_readable_in_both_languages_and_looks_and_on_a_phone(
    tmp_path,
):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/conformance_tools")
    async with kept_server(tmp_path, locked()) as server:
        server.hub.publish(critical())
        await server.hub.flush()
        async with console(server, "#/alerts", bypass_csp=True) as (page, _):
            await sign_in(page, "supervisor")
            await page.wait_for_selector(".alert")
            await page.add_script_tag(path=str(AXE))
            for language, theme in itertools.product(("zh-CN", "en"), ("light", "dark")):
                await page.select_option("#language", language)
                await page.select_option("#theme", theme)
                for where, press in (("alerts", ".assign summary"), ("reviews", None)):
                    await page.evaluate("where => { location.hash = '#/' + where; }", where)
                    await page.wait_for_selector(".card.alert")
                    if press is not None and not await page.locator(".assign[open]").count():
                        await page.click(press)
                    await page.wait_for_timeout(200)
                    found = await page.evaluate("axe.run().then(({ violations }) => violations)")
                    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
                    assert await page.evaluate(CONTRAST) == []
                    await page.set_viewport_size({"width": 390, "height": 844})
                    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
                    await shot(page, f"{where}-signed-in-{theme}-{language}-small")
                    await page.set_viewport_size({"width": 1280, "height": 860})
