"""Real answers of a server keep to the description of the HTTP interface, in every field."""

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from documented import HOOKS, SEEN, operations
from doors import bearer, entering, locked
from live_server import LoudIsAngry, in_loop, live_settings, play, quarrel, rest, serving, start, streaming
from test_live_reviews import body, quarrel_in

from sentiment_engine.archive.archive import Archive
from sentiment_engine.archive.audio_key import make_audio_key
from sentiment_engine.archive.keys import make_keys
from sentiment_engine.live.app import LiveServer
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import Settings
from sentiment_engine.settings_audio import AudioSettings
from sentiment_engine.settings_evidence import EvidenceSettings

ALERT, CALL, RECORDING = "/v1/alerts/c-1.a1/reviews", "/v1/calls/c-1/reviews", "/v1/calls/c-1/recording"
JSON = {"Content-Type": "application/json"}
ANSWERED = [
    *((None, 200, f"GET {path}") for path in ("/healthz", "/readyz", "/openapi.json")),
    *((None, 200, f"GET {path}") for path in ("/", "/agent", "/docs", "/softphone-demo")),
    ("supervisor", 200, "GET /metrics"),
    ("ingest", 200, "GET /v1/playbook"),
    ("ingest", 200, "GET /v1/playbook?language=en&cause=anger"),
    ("supervisor", 200, "GET /v1/calls"),
    ("supervisor", 200, "GET /v1/calls/c-1"),
    ("supervisor", 200, "GET /v1/calls/c-1/events"),
    ("supervisor", 200, "GET /v1/alerts"),
    ("supervisor", 200, "POST /v1/alerts/c-1.a1/ack"),
    ("ingest", 200, "GET /v1/agent"),
    ("ingest", 200, "POST /v1/alerts/heard.a1/answer", {"json": {"answer": "helped"}}),
    ("legal", 200, "GET /v1/alerts?acknowledged=true"),
    ("supervisor", 201, f"POST {ALERT}", {"json": body(idempotency_key="k")}),
    ("supervisor", 200, f"POST {ALERT}", {"json": body(idempotency_key="k")}),
    ("legal", 201, f"POST {CALL}", {"json": body(role="legal", note="第一\nsecond line")}),
    ("supervisor", 200, "POST /v1/alerts/heard.a1/assign", {"json": {"to": "supervisor"}}),
    ("supervisor", 200, "GET /v1/alerts?assigned=supervisor"),
    ("legal", 200, "GET /v1/me"),
    ("legal", 200, "GET /v1/reports?zone=Asia/Shanghai"),
    ("legal", 200, "GET /v1/reviews"),
    ("legal", 200, "GET /v1/reviews/log?day=2026-01-31&format=csv"),
    ("legal", 200, "GET /v1/reviews/log?day=2026-01-31&format=html&offset=%2B08:00"),
    ("ingest", 200, f"POST {RECORDING}", {"json": {"sha256": "ab" * 32}}),
    ("legal", 200, "GET /v1/calls/c-1/evidence"),
    ("legal", 200, "GET /v1/checkpoints"),
    ("legal", 200, "GET /v1/calls/heard/recording"),
    ("legal", 200, "GET /v1/calls/heard/recording/peaks"),
    ("admin", 200, "GET /v1/webhooks/dead"),
]
"""Who asks for what, in this order, and which status comes: all but the endless feed, and erasure."""
REFUSED = [
    ("supervisor", 400, "bad_query", "GET /v1/calls?zzz=1"),
    ("supervisor", 400, "bad_query", "GET /v1/feed/sse?since=x"),
    ("supervisor", 400, "bad_query", f"GET /v1/calls?{'a=1&' * 101}"),
    ("ingest", 400, "bad_query", "GET /v1/playbook?stage=x"),
    ("supervisor", 400, "bad_body", f"POST {ALERT}", {"json": {}}),
    ("ingest", 400, "bad_query", f"POST {RECORDING}", {"json": {}}),
    (None, 401, "unauthorized", "GET /v1/alerts"),
    ("supervisor", 401, "unauthorized", "GET /v1/alerts?token=x"),
    ("supervisor", 403, "forbidden", "DELETE /v1/calls/c-1"),
    ("supervisor", 403, "forbidden", f"POST {ALERT}", {"json": body(role="legal")}),
    ("supervisor", 404, "unknown_id", "GET /v1/calls/nobody"),
    ("supervisor", 404, "unknown_id", "POST /v1/alerts/nobody/ack"),
    ("supervisor", 404, "unknown_id", f"POST {CALL}", {"json": body(cursor="7")}),
    (
        "supervisor",
        409,
        "assigned_meanwhile",
        "POST /v1/alerts/heard.a1/assign",
        {"json": {"to": None, "was": None}},
    ),
    ("supervisor", 409, "already_reviewed", f"POST {ALERT}", {"json": body()}),
    ("supervisor", 409, "key_reused", f"POST {CALL}", {"json": body(idempotency_key="k")}),
    ("ingest", 409, "recording_known", f"POST {RECORDING}", {"json": {"sha256": "0" * 64}}),
    ("supervisor", 410, "cursor_too_old", "GET /v1/feed/sse?since=8999999999999999999"),
    ("supervisor", 413, "too_big", f"POST {ALERT}", {"content": b" " * 70_000, "headers": JSON}),
    ("supervisor", 415, "not_json", f"POST {ALERT}", {"content": b"{}"}),
]


async def heard(server: LiveServer) -> None:
    """A call of the token ``ingest`` that heated up, and whose audio is kept."""
    async with entering(server, "/v1/stream", "ingest") as socket:
        await socket.send(start("heard"))
        await play(socket, quarrel(3.0, 9.0))
        await socket.send('{"type":"stop"}')
        await rest(socket)


@asynccontextmanager
async def asking(
    folder: Path, settings: Settings | None = None
) -> AsyncIterator[tuple[LiveServer, httpx.AsyncClient]]:
    """A server that has everything, a critical call among it, and a client that compares its answers."""
    make_keys("example.com/calls", folder / "log.key")
    evidence = EvidenceSettings(key=str(folder / "log.key"))
    make_audio_key(folder / "audio.key")
    audio = AudioSettings(key=str(folder / "audio.key"))
    settings = msgspec.structs.replace(
        settings or live_settings(), evidence=evidence, audio=audio, keep_audio=True
    )
    archive = Archive(folder, evidence=evidence, audio=audio)
    async with (
        LiveServer(settings, LoudIsAngry(), load_playbook(), port=0, archive=archive) as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http"), event_hooks=HOOKS) as http,
    ):
        await quarrel_in(server)
        yield server, http


async def ask(http: httpx.AsyncClient, who: str | None, what: str, how: dict | None = None) -> httpx.Response:
    """The answer to a request with the token of ``who``; the client's hook compares it with the document."""
    method, _, path = what.partition(" ")
    given = dict(how or {})
    return await http.request(method, path, headers=bearer(who) | given.pop("headers", {}), **given)


@in_loop
async def test_real_answers_keep_to_the_document(tmp_path):
    SEEN.clear()
    async with asking(tmp_path, locked()) as (server, http):
        await heard(server)
        for who, status, what, *how in ANSWERED:
            said = await ask(http, who, what, *how)
            assert said.status_code == status, f"{what}: {said.text}"
        async with http.stream("GET", "/v1/feed/sse?since=0", headers=bearer("legal")) as stream:
            assert await anext(stream.aiter_lines()) == "retry: 2000"
        for who, status, code, what, *how in REFUSED:
            said = await ask(http, who, what, *how)
            assert (said.status_code, said.json()["code"]) == (status, code), what
        assert (await ask(http, "admin", "DELETE /v1/calls/c-1")).status_code == 200
    answered = {name for name, status, _ in SEEN if status < 300}
    assert answered == {f"{method} {path}" for method, path, _ in operations()}


@in_loop
async def test_limits_are_told_as_described(tmp_path):
    async with asking(tmp_path, locked(max_connections=2)) as (_, http):
        async with AsyncExitStack() as streams:
            for _ in range(2):
                await streams.enter_async_context(http.stream("GET", "/v1/feed/sse", headers=bearer("admin")))
            assert (await ask(http, "admin", "GET /v1/alerts")).json()["code"] == "limit_reached"
        said = [(await ask(http, None, "GET /v1/alerts")).status_code for _ in range(31)]
        assert said == [401] * 30 + [429]


@in_loop
async def test_a_live_call_and_a_server_that_keeps_nothing_answer_as_described(tmp_path):
    async with asking(tmp_path) as (server, http):
        async with streaming(server, "c-2"):
            await server.hub.flush()
            (call,) = (await http.get("/v1/calls?live=true")).json()["calls"]
            assert call["ended"] is None
            assert (await http.delete("/v1/calls/c-2")).json()["code"] == "still_live"
        said = await http.post(CALL, json=body())
        assert said.json()["code"] == "reviews_need_tokens"
        tag = (await http.get("/openapi.json")).headers["etag"]
        for path in ("/openapi.json", "/v1/playbook"):
            tag = (await http.get(path)).headers["etag"]
            again = await http.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
            assert (again.status_code, again.content) == (304, b"")
    async with (
        serving() as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http"), event_hooks=HOOKS) as http,
    ):
        for method, path, operation in operations():
            if "404" in operation["responses"]:
                said = await http.request(method, re.sub(r"\{\w+\}", "c-1", path))
                assert said.json()["code"] == "no_archive"


# -- what schemathesis found


@in_loop
async def test_where_there_is_nothing_the_answer_is_json_too(tmp_path):
    async with asking(tmp_path, locked()) as (_, http):
        nowhere = ("/v1/nothing", "/favicon.ico", "/v1/calls/a%0Ab")
        for who, path in itertools.product((None, "admin"), nowhere):
            said = await ask(http, who, f"GET {path}")
            assert (said.status_code, said.json()["code"]) == (404, "unknown_path")


@pytest.mark.parametrize(
    ("what", "allowed"),
    [
        ("PATCH /v1/calls/c-1", "DELETE, GET, HEAD"),
        ("DELETE /v1/calls", "GET, HEAD"),
        ("DELETE /v1/alerts/c-1/ack", "POST"),
        ("OPTIONS /v1/calls/c-1/reviews", "POST"),
        ("POST /", "GET, HEAD"),
    ],
)
@in_loop
async def test_a_method_that_is_not_there_is_told_which_are(tmp_path, what, allowed):
    async with asking(tmp_path, locked()) as (_, http):
        said = await ask(http, "admin", what)
        assert (said.status_code, said.json()["code"]) == (405, "wrong_method")
        assert said.headers["allow"] == allowed


# -- queries


def queried() -> list[tuple[str, dict]]:
    """What is read with a query that is checked: path and the query's schemas by name."""
    return [
        (path.replace("{call_id}", "c-1"), {each["name"]: each["schema"] for each in given})
        for method, path, operation in operations()
        if method == "GET" and path != "/v1/feed/sse"
        if (given := [each for each in operation.get("parameters", ()) if each["in"] == "query"])
    ]


@in_loop
async def test_every_query_that_is_described_is_known_and_no_other(tmp_path):
    async with asking(tmp_path) as (_, http):
        for path, given in queried():
            said = await http.get(path, params={"zzz": "1"})
            told = re.fullmatch(r"'zzz' is not a filter(?: here)?: (.*?)(?: are)?", said.json()["message"])
            assert told, said.text
            assert set(re.split(r", | and ", told[1])) == set(given), path
    assert len(queried()) >= 8


@in_loop
async def test_every_value_that_is_described_is_taken(tmp_path):
    async with asking(tmp_path) as (_, http):
        for path, given in queried():
            needed = {"day": "2026-01-31", "format": "csv"} if path == "/v1/reviews/log" else {}
            for name, schema in given.items():
                ends = [schema[end] for end in ("minimum", "maximum") if end in schema]
                for value in schema.get("enum", ends):
                    said = await http.get(path, params={**needed, name: value})
                    assert said.status_code == 200, said.text


@in_loop
async def test_a_limit_beyond_what_is_described_is_refused(tmp_path):
    async with asking(tmp_path) as (_, http):
        limits = [(path, given["limit"]["maximum"]) for path, given in queried() if "limit" in given]
        assert len(limits) >= 5
        for path, most in limits:
            assert (await http.get(path, params={"limit": most + 1})).status_code == 400
