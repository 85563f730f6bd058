"""Alerts assigned over HTTP: to supervisors alone, told to all, kept, proven, and never to two at once."""

import asyncio
import io
import json
import zipfile
from contextlib import closing

import httpx
import pytest
from archives import Place
from doors import bearer, locked
from hypothesis import given
from hypothesis import strategies as st
from live_server import in_loop
from test_archive_store import call
from test_live_evidence import key, proving  # noqa: F401 - a fixture
from test_live_feed import alert
from test_live_kept import asking
from voices import examples
from websockets.asyncio.client import connect

from sentiment_engine import wire
from sentiment_engine.archive.database import Database
from sentiment_engine.archive.listing import ANYBODY, NOBODY
from sentiment_engine.live import kept
from sentiment_engine.live.assigning import assignees
from sentiment_engine.settings_door import is_token_name

ALERT = "/v1/alerts/c-1/1/assign"
NAMES = ["admin", "supervisor", "supervisor-2"]


async def assign(http: httpx.AsyncClient, to: object, who: str | None = None, **more: object):
    headers = {} if who is None else bearer(who)
    return await http.post(ALERT, json={"to": to, **more}, headers=headers)


async def told(said: httpx.Response) -> tuple[int, str]:
    return said.status_code, said.json().get("code")


@in_loop
async def test_an_alert_is_assigned_told_to_all_kept_and_given_back(place: Place):
    supervisor = bearer("supervisor")
    async with asking(place, locked()) as (server, http):
        for number in (1, 2):
            server.hub.publish(alert(number))
        await server.hub.flush()
        url = f"{server.url}/v1/feed?types=alert.assigned"
        async with connect(url, additional_headers=bearer("legal")) as reader:
            said = await assign(http, "supervisor-2", "supervisor")
            event = json.loads(await reader.recv())
            again = await assign(http, "supervisor-2", "admin")  # changes nothing, and nobody is told
            back = await assign(http, None, "supervisor-2")
            second = json.loads(await reader.recv())
        assigned = said.json()["assigned"]
        assert said.status_code == 200
        assert (assigned["to"], assigned["by"]) == ("supervisor-2", "supervisor")
        assert event["data"] == {
            "type": "alert.assigned",
            "call_id": "c-1",
            "at_s": 1.0,
            "seq": 0,
            "alert_id": "c-1/1",
            "by": "supervisor",
            "to": "supervisor-2",
            "assigned_at": assigned["at"],
        }
        assert again.json() == said.json()
        assert back.json()["assigned"] is None
        assert (second["data"]["by"], second["data"]["to"]) == ("supervisor-2", None)
        assert (await assign(http, "admin", "supervisor")).json()["assigned"]["to"] == "admin"

        async def listed(query: str) -> list[str]:
            rows = (await http.get(f"/v1/alerts?{query}", headers=supervisor)).json()["alerts"]
            return [row["alert_id"] for row in rows]

        assert await listed("assigned=admin") == await listed(f"assigned={ANYBODY}") == ["c-1/1"]
        assert await listed(f"assigned={NOBODY}") == ["c-1/2"]
        assert await listed("assigned=supervisor") == await listed("assigned=ADMIN") == []
    async with asking(place, locked()) as (server, http):
        rows = (await http.get("/v1/alerts?assigned=admin", headers=supervisor)).json()["alerts"]
        assert rows[0]["assigned"]["by"] == "supervisor"


@in_loop
async def test_two_who_take_it_at_once_do_not_both_have_it(place: Place):
    async with asking(place, locked()) as (server, http):
        server.hub.publish(alert(1))
        await server.hub.flush()
        takers = ("supervisor", "supervisor-2", "admin")
        answers = await asyncio.gather(*(assign(http, who, who, was=None) for who in takers))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        first = next(answer.json()["assigned"]["to"] for answer in answers if answer.status_code == 200)
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert refused["code"] == "assigned_meanwhile"
        assert first in refused["message"]
        late = await assign(http, None, "admin", was="somebody-else")
        assert await told(late) == (409, "assigned_meanwhile")
        assert (await assign(http, None, "admin", was=first)).json()["assigned"] is None


@pytest.mark.parametrize(
    "to",
    ["nobody", "legal", "ingest", "legal-2", "Supervisor", "", "<img src=x onerror=alert(1)>", "x" * 99],
)
@in_loop
async def test_nobody_but_a_supervisor_or_an_admin_is_assigned_anything(tmp_path, to: str):
    async with asking(Place(tmp_path, ""), locked()) as (server, http):
        server.hub.publish(alert(1))
        await server.hub.flush()
        assert await told(await assign(http, to, "supervisor")) == (400, "bad_body")
        assert len((await assign(http, to, "supervisor")).text) < 400
        assert (await http.get("/v1/alerts?assigned=*", headers=bearer("admin"))).json()["alerts"] == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{}", "application/json", 400),
        ('{"to":7}', "application/json", 400),
        ('{"to":["a"]}', "application/json", 400),
        ('{"to":"admin","by":"supervisor"}', "application/json", 400),
        ('{"to":"admin","was":3}', "application/json", 400),
        ("\xff", "application/json", 400),
        ('{"to":null}', "text/plain", 415),
        ('{"to":"' + "x" * 70_000 + '"}', "application/json", 413),
    ],
)
@in_loop
async def test_a_body_that_cannot_be_read_is_refused(tmp_path, body: str, kind: str, status: int):
    async with asking(Place(tmp_path, ""), locked()) as (server, http):
        server.hub.publish(alert(1))
        await server.hub.flush()
        headers = {**bearer("supervisor"), "Content-Type": kind}
        said = await http.post(ALERT, content=body.encode("latin-1"), headers=headers)
        assert said.status_code == status


@in_loop
async def test_roles_unknown_alerts_and_an_archive_that_does_not_answer(tmp_path, monkeypatch):
    async with asking(Place(tmp_path, ""), locked()) as (server, http):
        assert await told(await assign(http, None, "supervisor")) == (404, "unknown_id")
        for who in ("legal", "ingest"):
            assert await told(await assign(http, None, who)) == (403, "forbidden")
        assert await told(await assign(http, None)) == (401, "unauthorized")
        for who in ("supervisor", "admin", "legal"):
            names = (await http.get("/v1/me", headers=bearer(who))).json()["assignees"]
            assert names == ([] if who == "legal" else NAMES)
        monkeypatch.setattr(kept, "PATIENCE_S", 0.05)

        async def never() -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(server.hub, "flush", never)
        assert await told(await assign(http, "admin", "admin")) == (503, "archive_failing")
        monkeypatch.undo()


@in_loop
async def test_without_tokens_any_name_of_a_token_will_do(tmp_path):
    async with asking(Place(tmp_path, "")) as (server, http):
        server.hub.publish(alert(1))
        await server.hub.flush()
        assert (await assign(http, "anna.b_C-1")).json()["assigned"]["to"] == "anna.b_C-1"
        for wrong in ("", "-", "*", "a b", "安娜", "<b>", "x" * 65, "a\n"):
            assert await told(await assign(http, wrong)) == (400, "bad_body")


@given(st.text(max_size=70))
@examples(200)
def test_a_filter_for_all_is_no_name(name: str):
    assert not is_token_name(ANYBODY)
    assert not is_token_name(NOBODY)
    if is_token_name(name):
        assert 1 <= len(name) <= 64
        assert name.isascii()
        assert name[0].isalnum()


def test_names_are_those_of_supervisors_and_admins():
    assert assignees(locked().door) == NAMES
    assert assignees(locked(tokens=()).door) == []


@in_loop
async def test_an_assignment_is_evidence_and_goes_when_the_call_is_erased(tmp_path, key):  # noqa: F811
    async with proving(Place(tmp_path, ""), key, settings=locked(), who="admin") as (server, http):
        records = call()
        for record in records:
            server.hub.publish(wire.decode(record.body))
        await server.hub.flush()
        said = await http.post("/v1/alerts/c-1.a1/assign", json={"to": "supervisor"})
        assert said.json()["assigned"]["to"] == "supervisor"
        bundle = await http.get("/v1/calls/c-1/evidence")
        assert bundle.status_code == 200
        with zipfile.ZipFile(io.BytesIO(bundle.content)) as packed:
            assert b"alert.assigned" in b"".join(map(packed.read, packed.namelist()))
        assert (await http.delete("/v1/calls/c-1")).status_code == 200
        assert (await http.get("/v1/alerts?assigned=*")).json()["alerts"] == []
    with closing(Database(tmp_path)) as database, database.engine.connect() as connection:
        leaves = connection.exec_driver_sql("SELECT count(*) FROM leaves").scalar_one()
        assert leaves == len(records) + 1
