"""The page /docs in a browser: every operation is there and can be tried out, and nobody else hears of it."""

from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from browser import ARTEFACTS, browsing
from documented import operations
from doors import SECRETS, locked
from live_server import in_loop
from test_console import AXE
from test_openapi_live import asking, heard

from sentiment_engine.live.api.operation import TAGS
from sentiment_engine.live.app import LiveServer

pytestmark = [pytest.mark.conformance, pytest.mark.slow]


class Shown(NamedTuple):
    """A page, what it complained of, and whom it asked."""

    page: Any
    complaints: list[str]
    asked: list[str]


@asynccontextmanager
async def docs(server: LiveServer, query: str = "", **options: object):
    async with browsing(viewport={"width": 1280, "height": 900}, **options) as context:
        page = await context.new_page()
        page.set_default_timeout(15_000)
        complaints: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"http://{server.host}:{server.port}/docs{query}")
        await page.wait_for_selector(".opblock")
        yield Shown(page, complaints, asked)
        here = f"http://{server.host}:{server.port}/"
        assert [url for url in asked if not url.startswith((here, f"blob:{here}", "data:"))] == []


async def shot(page: Any, name: str) -> None:
    """A picture for people to look at."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"docs-{name}.png", animations="disabled")


async def tried(page: Any, operation: str, tag: str) -> str:
    """Opens an operation and tries it out; the status that came."""
    place = f"#operations-{tag}-{operation}"
    if not await page.locator(f"{place} .try-out__btn").count():
        await page.click(f"{place} .opblock-summary-control")
        await page.click(f"{place} .try-out__btn")
    for field in await page.locator(f"{place} input[placeholder=call_id]").all():
        await field.fill("heard")
    async with page.expect_response(lambda answer: "/v1/" in answer.url):
        await page.click(f"{place} .execute")
    await page.wait_for_selector(f"{place} .live-responses-table .response-col_status")
    return (await page.inner_text(f"{place} .live-responses-table .response .response-col_status")).split()[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@in_loop
async def test_every_operation_is_shown_without_a_complaint(tmp_path, scheme):
    async with asking(tmp_path) as (server, _), docs(server, color_scheme=scheme) as (page, complaints, _):
        shown = await page.locator(".opblock .opblock-summary").evaluate_all(
            """(rows) => rows.map((row) => [row.querySelector('.opblock-summary-method').textContent,
              row.querySelector('.opblock-summary-path').dataset.path])"""
        )
        assert sorted(map(tuple, shown)) == sorted((method, path) for method, path, _ in operations())
        await shot(page, scheme)
        firsts = ".opblock-tag-section span:first-child > .opblock .opblock-summary-control"
        for button in await page.locator(firsts).all():  # to open all of them takes a minute
            await button.click()
        assert await page.locator(".opblock.is-open").count() == len(TAGS)
        assert "Resolver error" not in await page.inner_text("#document")
        assert (await page.evaluate("document.documentElement.classList.contains('dark-mode')")) == (
            scheme == "dark"
        )
        assert complaints == []


@in_loop
async def test_what_is_tried_out_goes_to_this_server_with_the_token_that_was_given(tmp_path):
    async with asking(tmp_path, locked()) as (server, _):
        await heard(server)
        async with docs(server) as (page, complaints, _):
            assert await tried(page, "listCalls", "Calls") == "401"
            assert len(complaints) == 1  # the browser says so itself
            complaints.clear()
            await page.click(".authorize")
            await page.fill(".modal-ux input", SECRETS["supervisor"])
            await page.click(".modal-ux .authorize")
            await page.click(".modal-ux .btn-done")
            assert await tried(page, "listCalls", "Calls") == "200"
            await page.wait_for_selector("#operations-Calls-listCalls .highlight-code:has-text('heard')")
            await shot(page, "tried")
            assert await tried(page, "getRecording", "Recordings") == "200"
            async with page.expect_download() as coming:
                await page.click("#operations-Recordings-getRecording a:text('Download file')")
            assert (await (await coming.value).path()).read_bytes().startswith(b"fLaC")
            kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
            assert await page.evaluate(kept) == '[{},{},""]'
            assert complaints == []


@in_loop
async def test_a_link_cannot_have_it_show_the_document_of_somebody_else(tmp_path):
    async with asking(tmp_path) as (server, _):
        query = "?url=http://evil.example/x.json&configUrl=http://evil.example/c.json&oauth2RedirectUrl=x"
        async with docs(server, query) as (page, complaints, asked):
            assert await page.locator(".opblock").count() == sum(1 for _ in operations())
            assert [url for url in asked if url.endswith("/openapi.json")] != []
            assert complaints == []


@in_loop
async def test_axe_finds_nothing_serious_in_it(tmp_path):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/conformance_tools")
    async with asking(tmp_path) as (server, _):
        for scheme in ("light", "dark"):
            async with docs(server, bypass_csp=True, color_scheme=scheme) as (page, _, _):
                await page.click("#operations-Calls-listCalls .opblock-summary-control")
                await page.add_script_tag(path=str(AXE))
                found = await page.evaluate("axe.run().then(({ violations }) => violations)")
                serious = [
                    (one["id"], len(one["nodes"]), one["nodes"][0]["html"][:200])
                    for one in found
                    if one["impact"] in {"serious", "critical"}
                ]
                assert serious == [], scheme
