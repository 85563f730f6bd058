"""The call page plays what was kept, in step with its curves; and says so where nothing was kept."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import numpy as np
import pytest
import soundfile
from browser import browsing, until
from consoles import console, kept_server, screen, shot, sign_in
from doors import SECRETS, locked
from live_server import (
    LoudIsAngry,
    come_true,
    heard_s,
    in_loop,
    pcm,
    play,
    quarrel,
    rest,
    small_talk,
    start,
    streaming,
    voice,
    whole_call,
)
from test_console import AXE, VISIBLE
from test_softphone_demo import CONTRAST, NAMELESS
from voices import EXAMPLE, SETTINGS
from websockets.asyncio.client import connect

from sentiment_engine.archive.archive import Archive
from sentiment_engine.archive.audio_key import make_audio_key
from sentiment_engine.live import recorder
from sentiment_engine.live.app import LiveServer
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import Settings
from sentiment_engine.settings_audio import AudioSettings

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

CALL = "c/1 通话"
HERE = "#/call/c%2F1%20%E9%80%9A%E8%AF%9D"
PLAYS = "document.querySelector('.player .primary')?.getAttribute('aria-label') === 'Pause'"
RESTS = "document.querySelector('.player .primary')?.getAttribute('aria-label') === 'Play'"
LINES = """() => {
  const left = (element) => element.getBoundingClientRect().left;
  const cursors = [...document.querySelectorAll('.u-cursor-x')].map(left);
  const heads = [...document.querySelectorAll('.playhead:not([hidden])')].map((head) => left(head) + 0.75);
  return [...cursors, ...heads];
}"""
# What is heard of each channel, what is decoded whole, and which addresses in memory are still held.
LISTEN = """
window.meters = [];
window.decoded = 0;
window.held = new Set();
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) {
  if (to instanceof AudioDestinationNode) {
    const meter = new AnalyserNode(this.context, { fftSize: 4096 });
    meters.push(meter);
    connect.call(this, meter);
  }
  return connect.call(this, to, ...more);
};
window.loudness = () => meters.map((meter) => {
  const samples = new Float32Array(meter.fftSize);
  meter.getFloatTimeDomainData(samples);
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
});
BaseAudioContext.prototype.decodeAudioData = () => { decoded += 1; throw new Error('no'); };
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (thing) => { const url = createObjectURL(thing); held.add(url); return url; };
URL.revokeObjectURL = (url) => { held.delete(url); revokeObjectURL(url); };
"""
# Where on the screen the agent's lane begins to be loud.
ONSET = """() => {
  const { shadowRoot } = document.querySelector('.wave > div > div');
  const canvases = shadowRoot.querySelectorAll('.canvases > div:first-child canvas');
  const shown = document.querySelector('.wave').getBoundingClientRect();
  let first = Infinity;
  for (const canvas of canvases) {
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, Math.round(height * 0.3), width, 1);
    for (let x = 0; x < width; x += 1) {
      if (!data[4 * x + 3]) continue;
      const at = canvas.getBoundingClientRect().left + x / devicePixelRatio;
      if (at >= shown.left) first = Math.min(first, at);
    }
  }
  return first;
}"""


@asynccontextmanager
async def keeping_server(folder: Path, settings: Settings = SETTINGS) -> AsyncIterator[LiveServer]:
    """A server that keeps the audio of its calls."""
    audio = AudioSettings(key=str(folder / "audio.key"))
    make_audio_key(folder / "audio.key")
    settings = msgspec.structs.replace(settings, keep_audio=True, audio=audio)
    archive = Archive(folder, audio=audio)
    async with LiveServer(settings, LoudIsAngry(), load_playbook(), port=0, archive=archive) as server:
        yield server


@asynccontextmanager
async def player(
    server: LiveServer, where: str = HERE, **options: Any
) -> AsyncIterator[tuple[Any, list[str]]]:
    """The page of the call, its waveform drawn; everything that it asked the server for."""
    fields = {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB", **options}
    async with browsing(**fields) as context:
        await context.add_init_script(LISTEN)
        requests: list[str] = []
        context.on("request", lambda request: requests.append(unquote(request.url)))
        page, complaints = await screen(context, server, where)
        await page.wait_for_selector(".player-bar:visible")
        await until(page, "document.querySelector('.uplot canvas') !== null")
        yield page, requests
        assert complaints == []


async def heard(server: LiveServer, audio: bytes, **changes: object) -> None:
    """A call that has ended, and its recording is whole."""
    await whole_call(server, CALL, audio, **{"language": "en", "stage": "negotiation", **changes})
    await server._recording_desk.finished()


async def position(page: Any) -> float:
    """What the player shows, seconds."""
    minutes, seconds = (await page.inner_text(".position")).split(" / ")[0].split(":")
    return 60 * int(minutes) + int(seconds)


async def aligned(page: Any) -> float:
    """Where the line through curves, waveform and lanes stands, pixels."""
    lines = await page.evaluate(LINES)
    assert len(lines) == 4, lines
    assert max(lines) - min(lines) <= 1, lines
    return lines[0]


@in_loop
async def test_playing_moves_one_line_over_everything_and_every_curve_seeks(tmp_path):
    samples, rate = soundfile.read(EXAMPLE, dtype="int16")
    assert rate == 8000
    async with keeping_server(tmp_path) as server:
        await heard(server, samples.astype("<i2").tobytes())
        async with player(server) as (page, requests):
            assert await page.inner_text(".position") == "0:00 / 1:27"
            await shot(page, "player", full_page=True)
            assert not [url for url in requests if url.endswith("/recording")]  # nobody wants to hear it yet
            await page.click(".player .primary")
            await until(page, PLAYS)
            await until(page, "document.querySelector('.moment h2').textContent === 'At 0:01'")
            before = await aligned(page)
            await page.wait_for_timeout(600)
            assert await aligned(page) > before
            await shot(page, "player-plays")

            await page.click(".alert-head .at a")
            since = float(re.findall(r"t=([\d.]+)", page.url)[0])
            assert since <= await position(page) + 1 <= since + 3
            assert (await page.inner_text(".moment h2"))[3:] == f"0:{int(since)}"
            await page.keyboard.press("Space")  # the link has the focus: a space scrolls there, as ever
            assert await page.evaluate(PLAYS)
            await page.evaluate("document.activeElement.blur()")
            await page.keyboard.press("Space")
            await until(page, RESTS)

            for place in (".wave-box", ".lanes", ".plot:visible .u-over"):
                box = await page.locator(place).first.bounding_box()
                left = (await page.locator(".wave").bounding_box())["x"]
                width = (await page.locator(".wave").bounding_box())["width"]
                for part in (0.25, 0.7):
                    await page.locator(place).first.click(
                        position={"x": left - box["x"] + part * width, "y": 20}
                    )
                    await page.mouse.move(0, 0)
                    await page.wait_for_timeout(50)
                    assert abs(await position(page) - part * 87.95) <= 1, place
                    assert abs(await aligned(page) - left - part * width) <= 2, place
            assert await page.evaluate("decoded") == 0


@in_loop
async def test_the_keyboard_is_enough_and_never_in_the_way(tmp_path):
    async with keeping_server(tmp_path) as server:
        await heard(server, quarrel(8.0, 14.0))
        async with player(server) as (page, _):
            for key, at in (("ArrowRight", 5), ("ArrowRight", 10), ("ArrowLeft", 5), ("ArrowLeft", 0)):
                await page.keyboard.press(key)
                assert await position(page) == at
            [link] = await page.locator(".story .alert-raised a").all()
            since = float(re.findall(r"t=([\d.]+)", await link.get_attribute("href"))[0])
            await page.keyboard.press("Shift+ArrowRight")
            assert await position(page) == int(since)
            await page.keyboard.press("ArrowRight")
            await page.keyboard.press("Shift+ArrowLeft")
            assert await position(page) == int(since)
            await page.focus("#theme")
            await page.keyboard.press("ArrowRight")
            await page.keyboard.press("ArrowLeft")
            assert await position(page) == int(since)
            await page.focus("input[type=range]")
            await page.keyboard.press("Home")
            await page.keyboard.press("ArrowRight")
            assert await position(page) == 1
            await page.focus(".player .primary")
            await page.keyboard.press("Space")  # once: the button's own
            await until(page, PLAYS)
            await page.wait_for_timeout(300)
            assert await page.evaluate(PLAYS)
            await page.select_option(".player-bar select", "2")
            began = await page.evaluate("performance.now()"), await position(page)
            await page.wait_for_timeout(2500)
            passed_s = (await page.evaluate("performance.now()") - began[0]) / 1000
            assert abs(await position(page) - began[1] - 2 * passed_s) < 1.6


@in_loop
async def test_each_party_can_be_muted_and_silence_skipped(tmp_path):
    quiet = np.zeros(8000 * 8)
    agent = np.concatenate([voice(3.0, 0.1, 3), quiet, voice(12.0, 0.1, 4)])
    customer = np.concatenate([voice(3.0, 0.1, 1), quiet, voice(12.0, 0.1, 2)])
    async with keeping_server(tmp_path) as server:
        await heard(server, pcm(agent, customer))
        async with player(server) as (page, _):
            await page.click("[aria-label='Mute Customer']")  # before there is any sound
            await page.check(".player-bar input")
            await page.click(".player .primary")
            await until(page, "window.meters.length === 2 && loudness()[0] > 0.01")
            assert (await page.evaluate("loudness()"))[1] == 0
            while await position(page) < 11:
                before = await position(page)
                assert not 5 < before < 9, "played through the silence"
                await page.wait_for_timeout(50)
            await page.click("[aria-label='Mute Customer']")
            await page.click("[aria-label='Mute Agent']")
            await until(page, "loudness()[0] === 0 && loudness()[1] > 0.01")
            assert await page.get_attribute("[aria-label='Mute Agent']", "aria-pressed") == "true"
            assert await page.get_attribute("[aria-label='Mute Customer']", "aria-pressed") == "false"


@in_loop
async def test_the_waveform_keeps_in_step_with_the_charts_however_close_one_looks(tmp_path):
    agent = np.concatenate([np.zeros(8000 * 100), voice(4.0, 0.3, 3), np.zeros(8000 * 16)])
    async with keeping_server(tmp_path) as server:
        await heard(server, pcm(agent, voice(120.0, 0.02, 4)))
        async with player(server, HERE + "?t=100") as (page, _):
            assert await position(page) == 100
            for closer in range(5):
                if closer:
                    await page.click("[aria-label='Zoom in']")
                await page.wait_for_timeout(250)
                frame = await page.locator(".wave").bounding_box()
                second = frame["width"] / max(10, 120 / 2**closer)
                assert abs(await page.evaluate(ONSET) - await aligned(page)) <= 2 + 0.06 * second
            assert await page.is_disabled("[aria-label='Zoom in']")
            await shot(page, "player-close")
            # The very end too, where the recording cannot be scrolled any further.
            await page.focus("input[type=range]")
            await page.keyboard.press("End")
            await aligned(page)
            await page.click("[aria-label='Whole call']")
            assert await page.is_disabled("[aria-label='Zoom out']")
            await page.keyboard.press("Home")
            await aligned(page)


@in_loop
async def test_the_recording_is_asked_for_with_the_token_in_a_header_and_let_go_on_leaving(tmp_path):
    async with keeping_server(tmp_path, locked()) as server:
        headers = {"Authorization": f"Bearer {SECRETS['ingest']}"}
        async with connect(server.url + "/v1/stream", additional_headers=headers) as socket:
            await socket.send(start(CALL))
            await play(socket, quarrel(4.0, 9.0))
            await socket.send('{"type":"stop"}')
            await rest(socket)
        await server._recording_desk.finished()
        async with console(server) as (page, complaints):
            await page.add_init_script(LISTEN)
            await page.reload()
            addresses: list[str] = []
            page.on("request", lambda request: addresses.append(request.url))
            await sign_in(page, "legal")
            await page.evaluate("HERE => { location.hash = HERE; }", HERE)
            await page.wait_for_selector(".player-bar:visible")
            await page.click(".player .primary")
            await until(page, PLAYS)
            assert any(address.endswith("/recording") for address in addresses)
            assert not any(SECRETS["legal"][:12] in address for address in addresses)
            assert await page.evaluate("held.size") == 1
            await page.evaluate("location.hash = '#/calls'")
            await page.wait_for_selector("table")
            assert await page.evaluate("held.size") == 0
            assert [text for text in complaints if "401" not in text] == []


@in_loop
async def test_a_live_call_is_heard_from_its_last_words_and_then_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "PART_S", 1.0)
    audio = small_talk(30.0)
    half = len(audio) * 2 // 3
    async with keeping_server(tmp_path) as server, streaming(server, CALL) as socket:
        await play(socket, audio[:half])
        await come_true(lambda: heard_s(server, CALL) == 20.0)
        await server._recording_desk.finished()
        async with player(server) as (page, _):
            kept = await page.inner_text(".position")
            assert await position(page) >= 8, kept  # ten seconds before what is kept so far
            await page.click(".player .primary")
            await until(page, PLAYS)
            await play(socket, audio[half:])
            await socket.send('{"type":"stop"}')
            await rest(socket)
            await server._recording_desk.finished()
            await page.wait_for_selector(".position:has-text('/ 0:30')")
            await until(page, RESTS)  # at the end of what was there
            await page.click(".player .primary")
            await until(page, "document.querySelector('.position').textContent.startsWith('0:21')")


@in_loop
async def test_without_a_recording_the_levels_are_shown_and_how_to_keep_audio(tmp_path):
    async with kept_server(tmp_path) as server:
        await whole_call(server, CALL, quarrel(4.0, 9.0), language="en")
        async with console(server, HERE) as (page, complaints):
            requests: list[str] = []
            page.on("request", lambda request: requests.append(request.url))
            await page.wait_for_selector(".player .levels:visible")
            assert await page.inner_text(".player h2") == "How loud each party spoke"
            note = await page.inner_text(".player .soft")
            assert "not a recording" in note
            assert "keep_audio" in note
            assert await page.locator(".player-bar:visible, .player .primary:visible").count() == 0
            tall = """() => {
              const canvas = document.querySelector('.levels');
              const { width, height } = canvas;
              const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
              const column = (part) => {
                let rows = 0;
                const x = Math.round(part * width);
                for (let y = height / 2; y < height; y += 1) rows += data[4 * (y * width + x) + 3] > 0;
                return rows;
              };
              return [column(2.5 / 13), column(9 / 13)];
            }"""
            soft, loud = await page.evaluate(tall)
            assert 0 < soft < loud  # the customer shouts from second 4 on
            await page.keyboard.press("Space")
            assert not [url for url in requests if "/recording" in url]
            await shot(page, "player-levels", full_page=True)
            assert complaints == []


@in_loop
async def test_a_recording_that_cannot_be_read_or_played_is_said_and_the_page_lives_on(tmp_path):
    async with keeping_server(tmp_path) as server:
        await heard(server, quarrel(4.0, 9.0))
        async with console(server, "#/calls") as (page, complaints):
            refused = {"type": "error", "code": "recording_unreadable", "message": "The file is altered."}
            await page.route("**/recording/peaks", lambda route: route.fulfill(status=500, json=refused))
            await page.evaluate("HERE => { location.hash = HERE; }", HERE)
            await page.wait_for_selector(".player .problem >> text=The file is altered.")
            await page.wait_for_selector(".player .levels:visible")
            assert "keep_audio" not in await page.inner_text(".player > .soft")
            await page.unroute("**/recording/peaks")
            await page.route(
                "**/recording", lambda route: route.fulfill(body=b"no FLAC", content_type="audio/flac")
            )
            await page.evaluate("location.hash = '#/calls'")
            await page.evaluate("HERE => { location.hash = HERE; }", HERE)
            await page.wait_for_selector(".player-bar:visible")
            await page.click(".player .primary")
            await page.wait_for_selector(".player .problem >> text=cannot play")
            await until(page, RESTS)
            await page.unroute("**/recording")
            await page.click(".player .primary")
            await until(page, PLAYS)
            assert await page.is_hidden(".player .problem")
            assert [text for text in complaints if "500" not in text] == []


@in_loop
async def test_a_review_leads_to_the_moment_of_its_alert(tmp_path):
    async with keeping_server(tmp_path) as server:
        await heard(server, quarrel(6.0, 20.0))
        async with player(server, "#/call/c%2F1%20%E9%80%9A%E8%AF%9D") as (page, _):
            [raised] = await page.locator(".story .alert-raised a").all()
            since = float(re.findall(r"t=([\d.]+)", await raised.get_attribute("href"))[0])
            await page.evaluate("location.hash = '#/reviews'")
            await page.click("[data-duty] .alert-head a")
            await page.wait_for_selector(".player-bar:visible")
            await until(
                page, f"document.querySelector('.position').textContent.startsWith('0:0{int(since)}')"
            )
            assert (await page.inner_text(".moment h2")).endswith(f":0{int(since)}")


@in_loop
async def test_the_player_speaks_chinese_and_can_be_read_and_used_by_everybody(tmp_path):
    async with keeping_server(tmp_path) as server:
        await heard(server, quarrel(4.0, 9.0), language="zh-CN")
        options = {"locale": "zh-CN", "bypass_csp": True}
        async with player(server, **options) as (page, _):
            words = await page.evaluate("import('/web/console/words.js').then(({ WORDS }) => WORDS)")
            english = {text for key, text in words["en"].items() if text != words["zh-CN"][key]}
            said = await page.evaluate(VISIBLE)
            assert not english & set(said), english & set(said)
            if AXE.exists():
                await page.add_script_tag(path=str(AXE))
            for theme in ("light", "dark"):
                await page.select_option("#theme", theme)
                await page.wait_for_timeout(150)
                assert await page.evaluate(CONTRAST) == [], theme
                assert await page.evaluate(NAMELESS) == []
                if AXE.exists():
                    found = await page.evaluate("axe.run().then(({ violations }) => violations)")
                    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
                await shot(page, f"player-{theme}-zh", full_page=True)
            await page.set_viewport_size({"width": 390, "height": 844})
            await page.wait_for_timeout(250)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
            await shot(page, "player-small", full_page=True)
