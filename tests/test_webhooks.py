"""Webhooks: signed as the standard's own library verifies, tried again, never lost, never led elsewhere."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import Message
from email.parser import BytesParser
from typing import NamedTuple

import httpx
import msgspec
import pytest
from archives import Place
from hypothesis import given
from hypothesis import strategies as st
from live_server import come_true, in_loop, quarrel, serving, whole_call
from standardwebhooks import Webhook, WebhookVerificationError
from test_live_feed import alert, tick
from voices import SETTINGS, examples

from sentiment_engine import BadSettings
from sentiment_engine.archive.archive import Archive
from sentiment_engine.live import webhook_message, webhooks
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.webhook_message import Answer, post, secret_of, signed
from sentiment_engine.live.webhooks import JITTER, RETRY_S, _pause_s
from sentiment_engine.settings_archive import ArchiveSettings, WebhookSettings

SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Request(NamedTuple):
    line: str
    headers: Message
    body: bytes

    def verified(self) -> dict:
        """The event in it, if the standard's library finds it signed."""
        return Webhook(SECRET).verify(self.body, dict(self.headers))


class Receiver:
    """Somebody who is sent webhooks, and answers as the test says."""

    def __init__(self) -> None:
        self.got: list[Request] = []
        self.answer: Callable[[Request], bytes] = lambda _: OK

    @property
    def events(self) -> list[tuple[str, int]]:
        """Type and ``seq`` of what has come."""
        return [(event["data"]["type"], event["data"]["seq"]) for event in map(Request.verified, self.got)]

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, head = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        headers = BytesParser().parsebytes(head)
        request = Request(line.decode(), headers, await reader.readexactly(int(headers["content-length"])))
        self.got.append(request)
        writer.write(self.answer(request))
        await writer.drain()
        if not self.answer(request):
            await reader.read()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver.hear, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?from=us"
        yield receiver


def settings_of(url: str, name: str = "crm", **fields: object) -> WebhookSettings:
    variable = "CRM_SECRET"
    return WebhookSettings(name=name, url=url, secret_env=variable, **fields)


def hook(receiver: Receiver, name: str = "crm", **fields: object) -> WebhookSettings:
    return settings_of(receiver.url, name, **fields)


@asynccontextmanager
async def telling(place: Place, *hooks: WebhookSettings) -> AsyncIterator[LiveServer]:
    """A server that sends webhooks."""
    settings = msgspec.structs.replace(SETTINGS, webhooks=hooks)
    async with serving(
        settings, archive=Archive(place.folder, ArchiveSettings(url=place.url), hooks)
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)
    monkeypatch.setattr(webhooks, "LOOK_S", 0.01)
    monkeypatch.setattr(webhooks, "QUIET_S", 0.05)


async def dead_letters(server: LiveServer) -> list[dict]:
    async with httpx.AsyncClient() as http:
        return (await http.get(server.url.replace("ws", "http") + "/v1/webhooks/dead")).json()["dead"]


# -- what is sent


@in_loop
async def test_a_calls_alerts_arrive_signed_and_are_the_feeds_own_words(place: Place):
    async with receiving() as receiver, telling(place, hook(receiver)) as server:
        await whole_call(server, "通话-1", quarrel(3.0, 9.0))
        await come_true(lambda: len(receiver.got) == 2)
        await asyncio.sleep(0.1)  # and nothing more
        events = sorted((request.verified() for request in receiver.got), key=lambda event: event["sequence"])
        assert [event["data"]["type"] for event in events] == ["alert.raised", "alert.cleared"]
        kept = await server._archive.ask(lambda reading: reading.due("crm", 10**15, 10))
        assert kept == []
        request = receiver.got[0]
        assert request.line == "POST /hook?from=us HTTP/1.1"
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert request.headers["webhook-id"] == request.verified()["id"]
        assert b'webhooks_total{outcome="delivered"} 2.0' in server.metrics.render()


@in_loop
async def test_each_webhook_has_its_own_types_and_one_that_is_down_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr(webhooks, "RETRY_S", (0.05,) * 100)
    async with receiving() as up, receiving() as down:
        down.answer = lambda _: b"HTTP/1.1 503 Later\r\n\r\n"
        hooks = hook(up, "up", types=("*",)), hook(down, "down", types=("alert.raised",))
        async with telling(Place(tmp_path, ""), *hooks) as server:
            for number in range(1, 20):
                server.hub.publish(alert(number) if number % 5 == 0 else tick(number))
            await come_true(lambda: len(up.got) == 19)
            assert sorted(seq for _, seq in up.events) == list(range(1, 20))
            await come_true(lambda: len(down.got) > 6)
            down.answer = lambda _: OK
            await come_true(lambda: set(down.events) == {("alert.raised", seq) for seq in (5, 10, 15)})


@in_loop
async def test_what_was_not_delivered_before_a_restart_is_delivered_after(place: Place):
    async with receiving() as receiver:
        receiver.answer = lambda _: b"HTTP/1.1 500 Oh\r\n\r\n"
        async with telling(place, hook(receiver)) as server:
            server.hub.publish(alert(1))
            await come_true(lambda: len(receiver.got) == 1)
            await come_true(lambda: b'outcome="failed"} 1.0' in server.metrics.render())
            assert await dead_letters(server) == []
        receiver.answer = lambda _: OK
        async with telling(place, hook(receiver)) as server:
            assert await server._archive.ask(lambda reading: reading.due("crm", 0, 9)) == []
            await server._archive.change(
                lambda store: store.not_delivered("crm", server.hub._archive.last, due_ms=0, error="500")
            )
            await come_true(lambda: len(receiver.got) == 2)
        first, second = receiver.got
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.verified() == second.verified()


@in_loop
async def test_after_its_last_attempt_a_message_is_among_the_dead_letters(place: Place, monkeypatch):
    monkeypatch.setattr(webhooks, "RETRY_S", (0.0, 0.0))
    async with receiving() as receiver, telling(place, hook(receiver)) as server:
        receiver.answer = lambda _: b"HTTP/1.1 500 Oh\r\n\r\n"
        server.hub.publish(alert(1))
        await come_true(lambda: len(receiver.got) == 3)
        await come_true(lambda: b'outcome="dead"} 1.0' in server.metrics.render())
        async with asyncio.timeout(5):
            while not (letters := await dead_letters(server)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert letters == [
        {"webhook": "crm", "attempts": 3, "last_error": "500", "event": receiver.got[0].verified()}
    ]


@in_loop
async def test_who_says_gone_is_asked_no_more(tmp_path):
    async with receiving() as receiver, telling(Place(tmp_path, ""), hook(receiver)) as server:
        receiver.answer = lambda _: b"HTTP/1.1 410 Gone\r\n\r\n"
        server.hub.publish(alert(1))
        await come_true(lambda: b'outcome="dead"} 1.0' in server.metrics.render())
    assert len(receiver.got) == 1


# -- one attempt


async def attempt(receiver: Receiver) -> Answer:
    return await post(receiver.url, {"X-One": "1"}, b"{}")


@in_loop
async def test_a_redirect_is_not_followed():
    async with receiving() as receiver, receiving() as elsewhere:
        target = elsewhere.url.encode()
        receiver.answer = lambda _: b"HTTP/1.1 307 There\r\nLocation: " + target + b"\r\n\r\n"
        answer = await attempt(receiver)
        assert (answer.is_success, answer.status) == (False, 307)
        assert "redirects are not followed" in answer.error
        assert elsewhere.got == []


@pytest.mark.parametrize(
    ("said", "status", "wait_s"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", 200, 0.0),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 OK\r\n\r\n", 202, 0.0),
        (b"HTTP/1.1 429 No\r\nRetry-After: 120\r\n\r\n", 429, 120.0),
        (b"HTTP/1.1 503 No\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n", 503, 0.0),
        (b"HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\n\r\n", 503, 0.0),
        (b"HTTP/1.1 503 No\r\nRetry-After: \xb2\r\n\r\n", 503, 0.0),
        (b"SSH-2.0-OpenSSH\r\n\r\n", None, 0.0),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, None, 0.0),
        (b"HTTP/1.1 2", None, 0.0),
    ],
)
@in_loop
async def test_answers_of_all_kinds_are_understood_or_count_as_none(said, status, wait_s):
    async with receiving() as receiver:
        receiver.answer = lambda _: said
        answer = await attempt(receiver)
    assert (answer.status, answer.retry_after_s) == (status, wait_s)
    assert answer.is_success == (status in (200, 202))
    assert answer.is_success or answer.error


@in_loop
async def test_silence_a_closed_port_and_no_name_are_failures_in_time(monkeypatch):
    monkeypatch.setattr(webhook_message, "PATIENCE_S", 0.2)
    async with receiving() as receiver:
        receiver.answer = lambda _: b""
        assert "no answer within" in (await attempt(receiver)).error
    assert (await attempt(receiver)).status is None
    assert (await post("https://" + "a" * 70 + ".example/", {}, b"")).status is None
    assert (await post("https://[:::::]/", {}, b"")).status is None
    async with receiving() as plain:  # no TLS there
        assert (await post(plain.url.replace("http", "https"), {}, b"")).status is None
        assert plain.got == []


@given(st.text(max_size=200), st.text(max_size=5))
@examples(50)
def test_the_standards_library_accepts_the_signature_of_any_body_and_of_no_other(text, more):
    headers = signed(b"x" * 32, "id", int(time.time()), json.dumps(text).encode())
    assert Webhook(SECRET).verify(json.dumps(text), headers) == text
    for wrong in (json.dumps(text + more + "."), json.dumps(text)[:-1]):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(wrong, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(json.dumps(text), {**headers, "webhook-id": "other"})


# -- settings and pauses


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "geheim",
        base64.b64encode(b"x" * 32).decode(),
        "whsec_???",
        "whsec_" + "eA==" * 2,
        "whsec_ä",
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(text):
    webhook = settings_of("https://example.com/")
    with pytest.raises(BadSettings, match="CRM_SECRET") as refused:
        secret_of(webhook, {"CRM_SECRET": text})
    assert "geheim" not in str(refused.value)
    with pytest.raises(BadSettings, match="CRM_SECRET"):
        secret_of(webhook, {})


def test_webhooks_without_an_archive_are_refused():
    webhook = settings_of("https://example.com/")
    with pytest.raises(BadSettings, match="--data"):
        LiveServer(msgspec.structs.replace(SETTINGS, webhooks=(webhook,)), object(), port=0)


@given(st.integers(0, 50), st.integers(100, 599), st.floats(0, 1e7))
@examples(200)
def test_pauses_grow_and_end(attempts, status, wait_s):
    pause_s = _pause_s(attempts, Answer(status, "no", wait_s))
    if status == 410 or attempts >= len(RETRY_S):
        assert pause_s is None
    else:
        assert RETRY_S[attempts] <= pause_s <= max(RETRY_S[attempts] * (1 + JITTER), 86_400.0)
        assert pause_s >= min(wait_s, 86_400.0)


def test_a_message_is_tried_for_most_of_a_day():
    assert sum(RETRY_S) > 18 * 3600
