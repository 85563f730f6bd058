"""The demo page as a visitor sees it: the real model, the bundled call, and a phrase that appears."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest
from browser import ARTEFACTS, browsing, until
from live_server import LoudIsAngry, in_loop, read_feed, serving

from sentiment_engine.events import Cause
from sentiment_engine.live.app import LiveServer
from sentiment_engine.onnx_model import load_emotion_model
from sentiment_engine.resources import load_cues, load_playbook
from sentiment_engine.settings import Settings

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

CONTRAST = """() => {
  // WCAG 2.2, 1.4.3 and the definition of relative luminance.
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (colour, below) => {
    canvas.fillStyle = `rgb(${below.join(' ')})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const light = (rgb) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const below = element.parentElement ? behind(element.parentElement) : [255, 255, 255];
    return over(getComputedStyle(element).backgroundColor, below);
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest(':disabled, option, svg')) continue;
    const ground = behind(element);
    const ink = over(getComputedStyle(element).color, ground);
    const [one, other] = [light(ground), light(ink)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const { fontSize, fontWeight } = getComputedStyle(element);
    const large = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push([element.id || element.textContent.trim(), ratio.toFixed(2)]);
  }
  return poor;
}"""
NAMELESS = """() => [...document.querySelectorAll('button, select, input, summary')]
  .filter((one) => !one.ariaLabel && !(one.textContent.trim() && one.tagName !== 'SELECT')
    && ![...(one.labels ?? [])].some((label) => label.innerText.trim() || label.textContent.trim()))
  .map((one) => one.outerHTML)"""


@asynccontextmanager
async def demo(server: LiveServer, **options: Any) -> AsyncIterator[tuple[Any, list[str]]]:
    """The page, and what it complained of."""
    async with browsing(viewport={"width": 1240, "height": 900}, **options) as context:
        page = await context.new_page()
        page.set_default_timeout(50_000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
        )
        await page.goto(f"http://{server.host}:{server.port}/softphone-demo")
        yield page, complaints


@in_loop
async def test_the_example_heats_up_and_the_agent_is_shown_a_phrase():
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    model, cues = load_emotion_model(), load_cues()
    async with LiveServer(Settings(), model, load_playbook(), cues=cues, port=0) as server:
        async with demo(server, locale="en-GB") as (page, complaints):
            await page.keyboard.press("Tab")  # language, appearance, start: the keyboard is enough
            await page.focus("#start")
            await page.keyboard.press("Enter")
            await until(page, "document.querySelector('#status').className === 'streaming'")
            assert await page.is_disabled("#start")
            await page.wait_for_selector("#offer", state="visible")
            shown = await page.inner_text("#text")
            assert await page.inner_text("#severity") in {"Notice", "Warning", "Critical"}
            assert "customer" in (await page.inner_text("#summary")).lower()
            assert int(await page.get_attribute("#bar", "aria-valuenow")) > 30
            assert await page.locator("#causes li:not(.none)").count() > 0
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                await page.wait_for_timeout(900)  # colours of the bar fade
                await page.screenshot(path=ARTEFACTS / f"softphone-demo-{scheme}.png", full_page=True)
                assert await page.evaluate(CONTRAST) == []
            await page.keyboard.press("Escape")
            await page.wait_for_selector("#offer", state="hidden")
            await page.click("#hang-up")
            await until(page, "document.querySelector('#status').className === 'ended'")
            assert await page.is_enabled("#start")
            assert complaints == []
        feed = await read_feed(server, "since=0&types=alert.raised,alert.updated")
    offered = [one for item in feed for one in item["data"]["suggestions"]]
    assert shown in [one["text"] for one in offered if one["audience"] == "agent"]


@in_loop
async def test_both_languages_both_looks_and_a_small_screen_can_be_read_and_named():
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    async with serving() as server, demo(server, locale="zh-CN") as (page, complaints):
        assert await page.evaluate("document.documentElement.lang") == "zh-CN"
        assert await page.inner_text("#start") == "开始通话"
        for language in ("zh-CN", "en"):
            await page.select_option("#language", language)
            for theme in ("light", "dark"):
                await page.select_option("#theme", theme)
                await page.wait_for_timeout(100)
                assert await page.evaluate(CONTRAST) == []
                assert await page.evaluate(NAMELESS) == []
                texts = await page.locator("[data-text]").all_text_contents()
                assert all(texts)
                assert "undefined" not in "".join(texts)
        await page.set_viewport_size({"width": 320, "height": 700})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await page.screenshot(path=ARTEFACTS / "softphone-demo-small.png", full_page=True)
        assert complaints == []


@in_loop
async def test_nobodys_microphone_opens_because_start_was_pressed_before_the_devices_were_known():
    async with serving() as server, browsing() as context:
        page = await context.new_page()
        await page.add_init_script("navigator.mediaDevices.enumerateDevices = () => new Promise(() => {})")
        await page.goto(f"http://{server.host}:{server.port}/softphone-demo")
        assert (
            await page.input_value("#agent-voice") == await page.input_value("#customer-voice") == "example"
        )


@in_loop
async def test_every_cause_and_technique_that_an_agent_may_see_has_a_name_in_both_languages():
    async with serving() as server, demo(server) as (page, _):
        words = await page.evaluate("import('/web/softphone-demo-words.js').then((words) => ({ ...words }))")
        names = await page.evaluate("import('/web/console/names.js').then((names) => names.NAMES)")
    assert set(words["WORDS"]["en"]) == set(words["WORDS"]["zh-CN"])
    assert set(names["cause"]) == set(get_args(Cause))
    entries = load_playbook().in_force("")
    assert {entry.technique for entry in entries if entry.audience == "agent"} <= set(names["technique"])


@in_loop
async def test_a_call_through_two_microphones_is_muted_held_and_hung_up():
    async with serving(model=LoudIsAngry()) as server, demo(server, locale="en-GB") as (page, complaints):
        await page.select_option("#agent-voice", "")
        await page.select_option("#customer-voice", "")
        await page.click("#start")
        await until(page, "document.querySelector('#status').className === 'streaming'")
        await page.click("#mute")
        assert await page.get_attribute("#mute", "aria-pressed") == "true"
        assert await page.inner_text("#mute") == "Unmute"
        await page.click("#hold")
        await until(page, "document.querySelector('#status').className === 'held'")
        await page.click("#hold")
        await until(page, "document.querySelector('#status').className === 'streaming'")
        await page.select_option("#stage", "negotiation")
        await page.click("#hang-up")
        await until(page, "document.querySelector('#status').className === 'ended'")
        assert complaints == []
        assert b'messages_total{type="stage"} 1.0' in server.metrics.render()


@in_loop
async def test_what_goes_wrong_is_said_and_the_token_is_not():
    async with serving() as server, demo(server, locale="en-GB") as (page, _):
        await page.click("summary")
        await page.fill("#token", "s3cret with a space")
        await page.click("#start")
        await page.wait_for_selector("#problem", state="visible")
        assert "token" in await page.inner_text("#problem")
        assert "s3cret" not in await page.inner_text("body")
        assert await page.inner_text("#status") == "Not monitored"
        await until(page, "document.querySelector('#clock').textContent > '0:00'")  # the call goes on
        await page.click("#hang-up")
        await page.wait_for_selector("#start:enabled")
