"""The browser softphone's connection: cut, clogged, restarted, refused; and what is told of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from browser import until
from doors import SECRETS, token
from live_server import LoudIsAngry, come_true, in_loop, read_feed
from softphones import DETACH, Ears, assert_right_way_round, at, monitored
from websockets.asyncio.server import serve

from sentiment_engine.live.app import LiveServer

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

CLOG = """(on) => {
  const honest = (window.honest ??= Object.getOwnPropertyDescriptor(WebSocket.prototype, 'bufferedAmount'));
  const clogged = { get: () => 1e9, configurable: true };
  Object.defineProperty(WebSocket.prototype, 'bufferedAmount', on ? clogged : honest);
}"""
ATTACH_WRONG = """async ({server, wrong}) => {
  const { attach } = await import(`http://${server}/web/softphone.js`);
  const { listen } = await import('/call.js');
  const { said } = listen(attach, line.agent, { url: `ws://${server}/v1/stream`, callId: 'c-2', ...wrong });
  while (said.states.at(-1)?.phase !== 'failed') await new Promise((done) => setTimeout(done, 20));
  return said;
}"""
ATTACH_NOTHING = """async (server) => {
  const { attach } = await import(`http://${server}/web/softphone.js`);
  const codes = [];
  const options = { url: `ws://${server}/v1/stream`, callId: 'c-3', onError: ({ code }) => codes.push(code) };
  attach(null, { ...options, onAlert() {} });
  attach(line.agent, options);
  await new Promise((done) => setTimeout(done, 20));
  return codes;
}"""


@in_loop
async def test_a_dropped_socket_resumes_and_not_a_sample_is_lost_or_doubled(tmp_path: Path):
    async with monitored(tmp_path) as (server, ears, page):
        for seconds in (3, 6):
            await come_true(lambda seconds=seconds: ears.seconds >= seconds)
            for session in list(server.calls.sessions):
                session.abort()
        await come_true(lambda: ears.seconds >= 16)
        ended = await page.evaluate(DETACH)
        said = await page.evaluate("said")
        captured_s = await page.evaluate("softphone.clockSeconds")
        feed = await read_feed(server, "since=0&types=call.started,call.ended")
    assert [error["code"] for error in said["errors"]] == ["network", "network"]
    assert [item["data"]["type"] for item in feed] == ["call.started", "call.ended"]
    resumed = [state for state in said["states"] if state.get("resumedAtSeconds", 0) > 2]
    assert resumed
    assert not any(state.get("anew") for state in said["states"])
    assert ears.gaps == []
    assert ended["duration_s"] == pytest.approx(ears.seconds, abs=0.001)
    assert ears.seconds == pytest.approx(captured_s, abs=1e-6)
    assert_right_way_round(*ears.parties(1.0))


@in_loop
async def test_what_no_longer_fits_the_buffer_is_told_as_a_gap(tmp_path: Path):
    async with monitored(tmp_path, bufferSeconds=1) as (_, ears, page):
        await come_true(lambda: ears.seconds >= 2)
        await page.evaluate(CLOG, True)
        await asyncio.sleep(4)
        await page.evaluate(CLOG, False)
        await come_true(lambda: ears.seconds >= 5)
        ended = await page.evaluate(DETACH)
    (gap,) = ears.gaps
    assert gap[1] == "lost"
    assert 2.5 < gap[0] < 4.5  # four seconds, less the one that was kept; a busy machine may be late
    assert ended["duration_s"] == pytest.approx(ears.seconds + gap[0], abs=0.002)


@in_loop
async def test_a_network_that_takes_nothing_is_given_up_and_tried_again(tmp_path: Path):
    async with monitored(tmp_path) as (_, ears, page):
        await come_true(lambda: ears.seconds >= 1)
        await page.evaluate(CLOG, True)
        await until(page, "said.errors.length > 0")
        await page.evaluate(CLOG, False)
        await come_true(lambda: ears.seconds >= 12)
        await page.evaluate(DETACH)
        said = await page.evaluate("said")
    assert "takes nothing" in said["errors"][0]["message"]
    assert ears.gaps == []


@in_loop
async def test_a_server_that_restarts_takes_the_call_up_anew(tmp_path: Path):
    async with monitored(tmp_path) as (server, ears, page):
        port = server.port
        await come_true(lambda: ears.seconds >= 3)
        await server.aclose()
        async with LiveServer(server.settings, LoudIsAngry(), port=port) as second:
            again = Ears(second)
            await come_true(lambda: again.seconds >= 16)
            ended = await page.evaluate(DETACH)
            said = await page.evaluate("said")
            (started,) = await read_feed(second, "since=0&types=call.started")
    assert started["subject"] == "c-1"
    assert ended["reason"] == "stop"
    assert next(state["resumedAtSeconds"] for state in said["states"] if state.get("anew")) == 0
    # What the first server had heard lies in the buffer still, and gives the second one its baselines.
    assert ended["duration_s"] == pytest.approx(again.seconds, abs=0.001)
    assert_right_way_round(*again.parties(1.0))


@pytest.mark.parametrize("name", ["ingest", "supervisor", "wrong"])
@in_loop
async def test_a_token_opens_the_door_and_shows_nowhere(name: str, tmp_path: Path):
    secret = SECRETS.get(name, "s3cret-of-nobody")
    seen: list[str] = []
    options = {"token": secret, "door": {"tokens": tuple(map(token, SECRETS))}}
    async with monitored(tmp_path, **options) as (_, ears, page):
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        if name == "ingest":
            await come_true(lambda: ears.seconds >= 1)
            assert (await page.evaluate(DETACH))["reason"] == "stop"
        else:
            await until(page, "said.errors.length > 1")  # it goes on trying: a browser is not told why
            said = await page.evaluate("said.errors[0]")
            assert said["code"] == "network"
            assert "refuses this page or its token" in said["message"]
            assert ears.seconds == 0
        seen.append(json.dumps(await page.evaluate("[said, document.documentElement.outerHTML]")))
        seen.append(await page.evaluate("performance.getEntries().map(({ name }) => name).join()"))
    assert secret not in "".join(seen)


@in_loop
async def test_a_token_may_be_fetched_before_each_connection(tmp_path: Path):
    """The first attempt to fetch one fails; after a cut another one is asked for."""
    tokens = {"tokens": tuple(map(token, SECRETS))}
    async with monitored(tmp_path, door=tokens, fetched=SECRETS["ingest"]) as (server, ears, page):
        await come_true(lambda: ears.seconds >= 1)
        for session in list(server.calls.sessions):
            session.abort()
        await come_true(lambda: ears.seconds >= 3)
        assert await page.evaluate("fetches") >= 3
        said = await page.evaluate("said")
    assert said["errors"][0]["code"] == "token"
    assert SECRETS["ingest"] not in json.dumps(said)
    assert ears.gaps == []


@in_loop
async def test_a_server_that_echoes_no_subprotocol_is_told_as_a_refusal(tmp_path: Path):
    async def answer(socket: Any) -> None:
        await socket.wait_closed()

    async with serve(answer, "127.0.0.1", 0, select_subprotocol=lambda *_: None) as other:
        url = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}/v1/stream"
        async with monitored(tmp_path, allow=url, url=url, **{"token": "s3cret"}) as (_, _, page):
            seen: list[str] = []
            page.on("console", lambda message: seen.append(message.text))
            await until(page, "said.errors.length > 1")
            seen.append(json.dumps(await page.evaluate("[said, document.documentElement.outerHTML]")))
    assert len(seen) > 1  # Chromium itself complains of the missing echo
    assert "s3cret" not in "".join(seen)


@in_loop
async def test_a_page_that_the_server_does_not_know_is_kept_out(tmp_path: Path):
    async with monitored(tmp_path, door={"origins": ("https://crm.example",)}) as (_, ears, page):
        await until(page, "said.errors.length > 0")
        assert "refuses this page" in await page.evaluate("said.errors[0].message")
        assert ears.seconds == 0
        assert await page.evaluate("line.agent.connectionState") == "connected"


WRONG = [
    ({"url": ""}, "options"),
    ({"url": "ftp://127.0.0.1/v1/stream"}, "options"),
    ({"url": "ws://user:s3cret@127.0.0.1/v1/stream"}, "options"),
    ({"callId": ""}, "options"),
    ({"callId": 7}, "options"),
    ({"sampleRate": 11025}, "options"),
    ({"bufferSeconds": 0}, "options"),
    ({"bufferSeconds": "many"}, "options"),
    ({"token": ""}, "token"),
    ({"token": "s3cret with a space"}, "token"),
    ({"token": "s3cret\nX: y"}, "token"),
    ({"workletUrl": "/nothing-here.js"}, "audio"),
    ({"language": 7}, "bad_message"),
    ({"stage": "nowhere"}, "bad_message"),
]


@in_loop
async def test_whatever_is_wrong_is_told_once_and_the_call_goes_on(tmp_path: Path):
    async with monitored(tmp_path) as (server, _, page):
        for wrong, code in WRONG:
            said = await page.evaluate(ATTACH_WRONG, {"server": at(server), "wrong": wrong})
            assert [error["code"] for error in said["errors"]] == [code], (wrong, said)
            assert "s3cret" not in json.dumps(said)
            assert said["states"][-1]["phase"] == "failed"
        assert await page.evaluate(ATTACH_NOTHING, at(server)) == ["options", "options"]
        assert await page.evaluate("line.agent.connectionState") == "connected"
        assert await page.evaluate("softphone.state.phase") == "streaming"
