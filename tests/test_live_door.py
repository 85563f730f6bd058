"""Who may do what, on a real server: every endpoint against every role, page, name and limit."""

import asyncio
import itertools
import json
import re
from pathlib import Path

import httpx
import pytest
from doors import (
    NEEDS_ARCHIVE,
    SECRETS,
    SOCKETS,
    answer,
    basic,
    bearer,
    entering,
    locked,
    locked_server,
    token,
)
from live_server import (
    LoudIsAngry,
    come_true,
    heard_s,
    in_loop,
    is_fed,
    live_settings,
    offline,
    play,
    quarrel,
    refusal,
    rest,
    said_of,
    serving,
    small_talk,
    start,
    undisturbed,
)
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.guard import Guard, guarded
from sentiment_engine.live.messages import CLOSE_CODES, Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.live.pages import FILES
from sentiment_engine.live.rights import CALLS_TOKEN_LATER, RIGHTS, name_of
from sentiment_engine.settings_door import ROLES, DoorSettings

ALLOWED = {
    "/healthz": {*ROLES, None, "wrong"},
    "/readyz": {*ROLES, None, "wrong"},
    "/openapi.json": {*ROLES, None, "wrong"},
    "/metrics": {"supervisor", "legal", "admin"},
    "/v1/playbook": set(ROLES),
    "/v1/me": set(ROLES),
    "/v1/stream": {"ingest", "admin"},
    "/v1/asterisk": {"ingest", "admin"},
    "/v1/feed": {"supervisor", "legal", "admin"},
    "/v1/feed/sse": {"supervisor", "legal", "admin"},
    "/v1/agent": {"ingest"},
    "/v1/agent/feed": {"ingest"},
    "/v1/calls": {"supervisor", "legal", "admin"},
    "/v1/calls/{call_id:path}/events": {"supervisor", "legal", "admin"},
    "/v1/calls/{call_id:path}/evidence": {"legal", "admin"},
    "POST /v1/calls/{call_id:path}/recording": {"ingest", "admin"},
    "/v1/calls/{call_id:path}/recording": {"supervisor", "legal", "admin"},
    "/v1/calls/{call_id:path}/recording/peaks": {"supervisor", "legal", "admin"},
    "/v1/calls/{call_id:path}": {"supervisor", "legal", "admin"},
    "DELETE /v1/calls/{call_id:path}": {"admin"},
    "/v1/checkpoints": {"supervisor", "legal", "admin"},
    "/v1/alerts": {"supervisor", "legal", "admin"},
    "POST /v1/alerts/{alert_id:path}/ack": {"supervisor", "admin"},
    "POST /v1/alerts/{alert_id:path}/answer": {"ingest"},
    "POST /v1/alerts/{alert_id:path}/assign": {"supervisor", "admin"},
    "POST /v1/alerts/{alert_id:path}/reviews": {"supervisor", "legal"},
    "POST /v1/calls/{call_id:path}/reviews": {"supervisor", "legal"},
    "/v1/reports": {"supervisor", "legal", "admin"},
    "/v1/reviews": {"supervisor", "legal", "admin"},
    "/v1/reviews/log": {"supervisor", "legal", "admin"},
    "/v1/webhooks/dead": {"admin"},
    "/v1/twilio": {"ingest", "admin", None},  # whose first message brings the token; like the next ones
    "/v1/signalwire": {"ingest", "admin", None},
    "/v1/telnyx": {"ingest", "admin", None},
    "/v1/exotel": {"ingest", "admin", None},
    "/v1/plivo": {"ingest", "admin", None},
    "/v1/l16": {"ingest", "admin", None},
    "/v1/audiohook": {"ingest", "admin", None},  # signed, or like the next
    **{page: {*ROLES, None, "wrong"} for page in FILES},  # all the same for everybody
}
"""Written out once more, by hand: a change of the table has to be meant."""


# -- roles


@in_loop
async def test_every_endpoint_takes_the_roles_it_should_and_nobody_else():
    async with locked_server(failures_per_minute=1000) as server:
        for path, who in itertools.product(ALLOWED, [*ROLES, None, "wrong"]):
            headers = {"Authorization": "Bearer wrong"} if who == "wrong" else bearer(who)
            status, error = await answer(server, path, headers)
            if who in ALLOWED[path] and path.rpartition(" ")[2].startswith(NEEDS_ARCHIVE):
                assert (status, error["code"]) == (404, "no_archive")
            elif who in ALLOWED[path]:
                assert (status, error) == (101 if path in SOCKETS else 200, None)
            else:
                expected = (403, "forbidden") if who in ROLES else (401, "unauthorized")
                assert (status, error["code"]) == expected, (path, who)
                assert error["type"] == "error"


def test_no_route_is_without_rights_and_no_rights_are_without_a_route():
    server = LiveServer(locked(), LoudIsAngry(), port=0)
    try:
        routes = server.app().routes
    finally:
        server._socket.close()
    assert {name_of(route) for route in routes} == set(RIGHTS) == set(ALLOWED)
    assert all(isinstance(route.app, Guard) for route in routes)
    with pytest.raises(KeyError, match="/v1/secret"):
        guarded([Route("/v1/secret", lambda _: None)], server.door, Metrics())


@in_loop
async def test_without_tokens_everything_is_open_as_it_was():
    async with serving() as server:
        for path in ALLOWED:
            for headers in ({}, {"Authorization": "Bearer whatever"}):
                status, error = await answer(server, path, headers)
                assert status in (101, 200) or error["code"] == "no_archive"


@in_loop
async def test_a_token_is_taken_as_bearer_as_basic_and_as_a_subprotocol_of_which_the_other_is_echoed():
    async with locked_server() as server:
        async with entering(server, "/v1/stream", headers=basic("ingest")) as socket:
            assert socket.subprotocol is None
        for path, marker, name in (
            ("/v1/stream", "sentiment-engine.v1", "ingest"),
            ("/v1/feed", "cloudevents.json", "supervisor"),
        ):
            offered = [marker, f"token.{SECRETS[name]}"]
            for order in (offered, offered[::-1]):
                async with entering(server, path, subprotocols=order) as socket:
                    assert socket.subprotocol == marker
            async with entering(server, path, name, subprotocols=["other"]) as socket:
                assert socket.subprotocol is None
            status, error = await answer(server, path, {}, subprotocols=[marker, "token.wrong"])
            assert (status, error["code"]) == (401, "unauthorized")


@in_loop
async def test_a_refusal_says_how_to_do_better_and_is_counted():
    async with (
        locked_server() as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http,
    ):
        said = await http.get("/v1/playbook")
        assert said.status_code == 401
        assert said.headers["www-authenticate"].startswith("Bearer")
        assert said.headers["cache-control"] == "no-store"
        assert "Authorization: Bearer" in said.json()["message"]
        assert b'errors_total{code="unauthorized"} 1.0' in server.metrics.render()
        assert (await http.get("/v1/nothing")).status_code == 404


@in_loop
async def test_a_refused_handshake_leaves_no_session_no_error_of_ours_and_other_calls_alone(caplog):
    async with serving() as server, undisturbed(server):
        await come_true(lambda: len(server.calls.sessions) == 1)
        for _ in range(20):
            assert (await answer(server, "/v1/stream", {}, origin="http://evil.org"))[0] == 403
        assert [session.call.id for session in server.calls.sessions] == ["beside"]
        await come_true(lambda: server.connections == 1)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_page_for_operators_says_the_same():
    page = (Path(__file__).parent.parent / "docs" / "security.md").read_text()
    told = {}
    for line in page.split("## Roles")[1].split("##")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for path in re.findall("`((?:[A-Z]+ )?/[^`]*)`", cells[0]):
            told[path] = {who for who, cell in zip((*ROLES, None), cells[1:], strict=True) if cell}
    allowed = {
        re.sub("^/web/.*", "/web/*", path).replace(":path", ""): who - {"wrong"}
        for path, who in ALLOWED.items()
    }
    assert told == allowed
    for name, default in re.findall(r"^\| `(\w+)`.*?\| (\d+)", page.split("## Limits")[1], re.MULTILINE):
        assert getattr(DoorSettings(), name) == float(default)


# -- own calls only


async def opened(server: LiveServer, name: str, call_id: str):
    socket = await entering(server, "/v1/stream", name)
    await socket.send(start(call_id))
    return socket


@in_loop
async def test_a_call_is_continued_by_its_own_token_or_an_admin_and_by_no_other():
    async with locked_server() as server:
        mine = await opened(server, "ingest", "c-1")
        assert json.loads(await mine.recv())["type"] == "started"
        await play(mine, small_talk(1.0))
        await come_true(lambda: heard_s(server, "c-1") == 1.0)

        other = await opened(server, "ingest-2", "c-1")
        assert await refusal(other) == ("forbidden", 1008)
        assert is_fed(server, "c-1")

        admin = await opened(server, "admin", "c-1")
        assert json.loads(await admin.recv()) == {
            "type": "started",
            "call_id": "c-1",
            "resume_at_s": 1.0,
            "resumed": True,
        }
        assert await refusal(mine) == ("taken_over", 1008)
        await admin.close()
        await come_true(lambda: not is_fed(server, "c-1"))

        other = await opened(server, "ingest-2", "c-1")  # nor while it waits for its socket to come back
        assert await refusal(other) == ("forbidden", 1008)
        again = await opened(server, "ingest", "c-1")  # it stays its owner's
        assert json.loads(await again.recv())["resume_at_s"] == 1.0
        await again.send('{"type":"stop"}')
        assert (await rest(again))[-1]["reason"] == "stop"


@in_loop
async def test_what_a_reader_with_a_token_gets_is_what_there_is_without_tokens():
    audio = quarrel(3.0, 9.0)
    async with locked_server() as server:
        async with entering(server, "/v1/feed", "supervisor") as feed:
            socket = await opened(server, "ingest", "c-1")
            await play(socket, audio)
            await socket.send('{"type":"stop"}')
            said = await rest(socket)
            heard = []
            while not heard or heard[-1]["data"]["type"] != "call.ended":
                heard.append(json.loads(await feed.recv()))
        assert said[-1]["type"] == "call.ended"
        assert said_of(heard, "c-1") == offline("c-1", audio)


# -- limits


@in_loop
async def test_a_token_has_so_many_connections_and_gets_them_back():
    async with locked_server(max_connections=2) as server:
        first = await entering(server, "/v1/stream", "ingest")
        async with entering(server, "/v1/stream", "ingest"), entering(server, "/v1/stream", "ingest-2"):
            status, error = await answer(server, "/v1/stream", bearer("ingest"))
            assert (status, error["code"]) == (429, "limit_reached")
            assert (await answer(server, "/healthz", {}))[0] == 200
        await first.close()

        async def two_again():
            async with entering(server, "/v1/stream", "ingest"), entering(server, "/v1/stream", "ingest"):
                pass

        await come_true(lambda: server.connections == 0)
        await two_again()


@in_loop
async def test_a_token_has_so_many_calls_dropped_ones_included_and_others_have_their_own():
    tokens = (token("ingest", max_calls=1), token("ingest-2"), token("supervisor"))
    async with locked_server(live_settings(resume_grace_s=0.4), tokens=tokens) as server:
        async with entering(server, "/v1/stream", "ingest") as socket:
            await socket.send(start("c-1"))
            assert json.loads(await socket.recv())["type"] == "started"
        await come_true(lambda: not is_fed(server, "c-1"))
        assert await refusal(await opened(server, "ingest", "c-2")) == ("limit_reached", 1013)
        other = await opened(server, "ingest-2", "c-3")
        assert json.loads(await other.recv())["type"] == "started"
        again = await opened(server, "ingest", "c-1")  # its own call is no further one
        assert json.loads(await again.recv())["type"] == "started"
        await again.send('{"type":"stop"}')
        await rest(again)
        next_one = await opened(server, "ingest", "c-2")
        assert json.loads(await next_one.recv())["type"] == "started"


@in_loop
async def test_who_guesses_is_answered_429_and_the_right_token_is_not():
    async with locked_server(failures_per_minute=5) as server:
        wrong = [await answer(server, "/v1/stream", {"Authorization": f"Bearer {n}"}) for n in range(12)]
        assert [status for status, _ in wrong] == [401] * 5 + [429] * 7
        assert wrong[-1][1]["code"] == "rate_limited"
        assert (await answer(server, "/v1/stream", bearer("ingest")))[0] == 101
        assert b'errors_total{code="rate_limited"} 7.0' in server.metrics.render()


@in_loop
async def test_a_socket_that_sends_too_fast_is_read_slowly_and_loses_nothing():
    audio = small_talk(2.0)
    async with locked_server(bytes_per_s=32_000.0, burst_s=0.5) as server:
        socket = await opened(server, "ingest", "c-1")
        began = asyncio.get_running_loop().time()
        await play(socket, audio)  # 64 kB, of which 16 are free and the last message is not waited for
        await socket.send('{"type":"stop"}')
        said = await rest(socket)
        took_s = asyncio.get_running_loop().time() - began
    assert said[-1]["duration_s"] == 2.0
    assert took_s > 1.3


@in_loop
async def test_messages_are_paced_too():
    async with locked_server(messages_per_s=100.0, burst_s=1.0) as server:
        socket = await opened(server, "ingest", "c-1")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await play(socket, small_talk(1.0), step=160)  # 200 messages
        await socket.send('{"type":"stop"}')
        assert (await rest(socket))[-1]["duration_s"] == 1.0
        assert loop.time() - began > 0.9


# -- pages and names


@in_loop
async def test_a_foreign_page_gets_no_handshake_with_tokens_or_without():
    for settings in (live_settings(), locked(origins=["https://crm.example.com"])):
        async with serving(settings) as server:
            token_of = bearer("admin") if settings.door.tokens else {}
            here = f"http://127.0.0.1:{server.port}"
            for path in ("/v1/stream", "/v1/feed"):
                for origin in ("http://evil.org", "null", "http://127.0.0.1:1", f"{here}.evil.org"):
                    status, error = await answer(server, path, token_of, origin=origin)
                    assert (status, error["code"]) == (403, "forbidden"), origin
                assert (await answer(server, path, token_of, origin=here))[0] == 101
            for path in ("/metrics", "/v1/playbook"):
                assert (await answer(server, path, {**token_of, "Origin": "http://evil.org"}))[0] == 403
            listed = await answer(server, "/v1/feed", token_of, origin="https://crm.example.com")
            assert listed[0] == (101 if settings.door.tokens else 403)


@in_loop
async def test_a_page_that_took_a_name_of_this_machine_is_not_answered_by_a_server_without_tokens():
    async with serving() as server, httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{server.port}"
        for path in ("/metrics", "/v1/playbook"):
            said = await http.get(url + path, headers={"Host": "evil.org"})
            assert (said.status_code, said.json()["code"]) == (403, "forbidden")
        assert (await http.get(url + "/healthz", headers={"Host": "evil.org"})).status_code == 200
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET /v1/feed HTTP/1.1\r\nHost: evil.org:8700\r\nOrigin: http://evil.org:8700\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b" 403 " in await reader.readline()
        writer.close()


@in_loop
async def test_a_proxy_is_believed_about_addresses_only_where_the_settings_say_so():
    for behind_proxy, statuses in ((True, [401] * 3), (False, [401, 429, 429])):
        async with locked_server(failures_per_minute=1, behind_proxy=behind_proxy) as server:
            got = [
                (await answer(server, "/v1/playbook", {"X-Forwarded-For": f"203.0.113.{n}"}))[0]
                for n in range(3)
            ]
            assert got == statuses


# -- tokens that come later


@in_loop
async def test_a_session_may_ask_for_the_token_itself_where_the_table_says_so(monkeypatch):
    monkeypatch.setattr("sentiment_engine.live.guard.RIGHTS", {**RIGHTS, "/v1/later": CALLS_TOKEN_LATER})

    class Later(LiveServer):
        def app(self):
            app = super().app()
            app.router.routes.extend(
                guarded([WebSocketRoute("/v1/later", self.later)], self.door, self.metrics)
            )
            return app

        async def later(self, websocket: WebSocket):
            await websocket.accept()
            caller = websocket.state.caller
            try:
                if caller is None:
                    secret = await websocket.receive_text()
                    caller = websocket.state.introduce(secret)
                await websocket.send_text(f"{caller.role} {'authorization' in websocket.headers}")
                await websocket.close(1000)
            except Refused as refused:
                await websocket.close(refused.close_code, refused.code)

    async with Later(locked(), LoudIsAngry(), port=0) as server:
        for secret, said in ((SECRETS["ingest"], "ingest False"), (SECRETS["admin"], "admin False")):
            async with connect(server.url + "/v1/later") as socket:
                await socket.send(secret)
                assert await socket.recv() == said
        for secret, reason in (("wrong", "unauthorized"), (SECRETS["legal"], "forbidden")):
            async with connect(server.url + "/v1/later") as socket:
                await socket.send(secret)
                await rest(socket)
                assert (socket.close_code, socket.close_reason) == (CLOSE_CODES[reason], reason)
        async with entering(server, "/v1/later", "ingest") as socket:  # who shows one at once need not again
            assert await socket.recv() == "ingest False"
        with pytest.raises(Exception, match="401"):
            await entering(server, "/v1/later", headers={"Authorization": "Bearer wrong"})
        with pytest.raises(Exception, match="403"):
            await connect(server.url + "/v1/later", origin="http://evil.org")


def twilio_start(parameters: dict, call_id: str = "CA1") -> str:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {"callSid": call_id, "mediaFormat": form, "customParameters": parameters}
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": start})


@in_loop
async def test_a_platform_opens_calls_with_the_token_in_its_first_message_and_with_no_other():
    async with locked_server(failures_per_minute=1000) as server:
        for parameters, code in (
            ({}, "unauthorized"),
            ({"token": "wrong"}, "unauthorized"),
            ({"token": 7}, "unauthorized"),
            ({"token": SECRETS["supervisor"]}, "forbidden"),
        ):
            async with connect(server.url + "/v1/twilio") as socket:
                await socket.send(twilio_start(parameters))
                await rest(socket)
                assert socket.close_code == 1008
                assert socket.close_reason.startswith(code)
        async with connect(server.url + "/v1/twilio") as socket:
            await socket.send(twilio_start({"token": SECRETS["ingest"]}))
            await come_true(lambda: is_fed(server, "CA1"))
            assert await refusal(await opened(server, "ingest-2", "CA1")) == ("forbidden", 1008)
        async with entering(server, "/v1/twilio", "ingest-2") as socket:
            await socket.send(twilio_start({}, "CA2"))
            await come_true(lambda: is_fed(server, "CA2"))


@in_loop
async def test_a_platforms_socket_counts_for_its_token_from_its_first_message_on():
    async with locked_server(max_connections=1) as server:
        async with connect(server.url + "/v1/twilio") as socket:
            await socket.send(twilio_start({"token": SECRETS["ingest"]}))
            await come_true(lambda: is_fed(server, "CA1"))
            assert (await answer(server, "/v1/stream", bearer("ingest")))[0] == 429
            async with connect(server.url + "/v1/twilio") as second:
                await second.send(twilio_start({"token": SECRETS["ingest"]}, "CA2"))
                await rest(second)
                assert (second.close_code, second.close_reason[:13]) == (1013, "limit_reached")
        await come_true(lambda: server.connections == 0)
        assert (await answer(server, "/v1/stream", bearer("ingest")))[0] == 101
