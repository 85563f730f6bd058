"""What agents answer to their own alerts: told, kept and proven like the rest, never for another agent."""

import asyncio
import json
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from archives import Place, opened
from doors import bearer, entering, locked
from evidence_logs import checked, contents, everything, repacked
from hypothesis import given
from hypothesis import strategies as st
from live_server import in_loop, quarrel, serving, streaming, whole_call
from test_live_agent import began, desk, heard, offering, silent
from test_live_archive import archive_at
from test_live_evidence import proving
from voices import examples

from sentiment_engine.archive.keys import load_signer, make_keys
from sentiment_engine.archive.records import Wish
from sentiment_engine.live.call import bare_end

MINE = frozenset({"ingest"})
HELPED = {"answer": "helped"}


@asynccontextmanager
async def alerted(place: Place, call_id: str = "c-1"):
    """A server that keeps an alert of the agent ``ingest``, and a client of it."""
    async with (
        serving(locked(), archive=archive_at(place)) as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http,
    ):
        server.hub.publish(began(call_id, "ingest"), owners=MINE)
        server.hub.publish(offering(call_id), owners=MINE)
        await server.hub.flush()
        yield server, http


def answering(http: httpx.AsyncClient, body: object, who: str = "ingest", alert_id: str = "c-1.a1"):
    return http.post(f"/v1/alerts/{alert_id}/answer", json=body, headers=bearer(who))


@in_loop
async def test_an_answer_reaches_supervisors_the_agents_other_tabs_the_list_and_outlives_a_restart(
    place: Place,
):
    async with (
        alerted(place) as (server, http),
        entering(server, "/v1/feed?types=alert.*", "supervisor") as feed,
        desk(server, "ingest") as anna,
        desk(server, "ingest-2") as ben,
    ):
        note = "She asked for my name.\n第二次"
        said = await answering(http, {**HELPED, "note": note})
        assert said.status_code == 200
        answered = said.json()
        [told] = await heard(feed, 1)
        assert told["type"] == "sentiment-engine.alert.answered"
        assert told["data"] == {
            "type": "alert.answered",
            "call_id": "c-1",
            "at_s": 1.0,
            "seq": 0,
            "alert_id": "c-1.a1",
            "answer": "helped",
            "note": note,
            "by": "ingest",
            "answered_at": answered["at"],
        }
        assert answered == {
            "alert_id": "c-1.a1",
            "by": "ingest",
            "answer": "helped",
            "note": note,
            "at": answered["at"],
        }
        assert await heard(anna, 1) == [told]
        assert await silent(ben)
    async with (
        serving(locked(), archive=archive_at(place)) as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http"), headers=bearer("supervisor")) as http,
    ):
        [row] = (await http.get("/v1/alerts")).json()["alerts"]
        assert row["answered"] == {name: answered[name] for name in ("by", "answer", "note", "at")}
        assert row["acknowledged"] is None
        events = (await http.get("/v1/calls/c-1/events?types=alert.answered")).json()["events"]
        assert events == [told]


@in_loop
async def test_the_newest_answer_stands_and_one_sent_twice_counts_once(tmp_path):
    async with alerted(Place(tmp_path, "")) as (server, http):
        first, second = await asyncio.gather(answering(http, HELPED), answering(http, HELPED))
        assert first.json() == second.json()
        assert (await answering(http, {"answer": "does_not_fit"})).json()["answer"] == "does_not_fit"
        await answering(http, {"answer": "does_not_fit", "note": "wrong stage"})
        server.hub.publish(
            msgspec.structs.replace(offering(), at_s=9.0, seq=9), owners=MINE
        )  # the id comes again, as a new alert
        await server.hub.flush()
        [row] = (await http.get("/v1/alerts", headers=bearer("legal"))).json()["alerts"]
        assert row["answered"] is None
        events = (await http.get("/v1/calls/c-1/events?types=alert.answered", headers=bearer("legal"))).json()
        told = [(one["data"]["answer"], one["data"].get("note", "")) for one in events["events"]]
        assert told == [("helped", ""), ("does_not_fit", ""), ("does_not_fit", "wrong stage")]


@in_loop
async def test_another_agents_alert_is_answered_by_nobody_else_and_not_even_known(place: Place):
    async with alerted(place) as (_, http):
        foreign = await answering(http, HELPED, "ingest-2")
        missing = await answering(http, HELPED, "ingest-2", "c-9.a1")
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.json()["message"].replace("c-1", "c-9") == missing.json()["message"]
        for who in ("supervisor", "legal", "admin"):
            said = await answering(http, HELPED, who)
            assert (said.status_code, said.json()["code"]) == (403, "forbidden")
        assert (await answering(http, HELPED)).status_code == 200


@in_loop
async def test_when_an_id_comes_again_old_alerts_stay_their_agents(place: Place):
    async with alerted(place) as (server, http):
        server.hub.publish(offering(number=2), owners=MINE)
        server.hub.publish(bare_end("c-1", 9, 9.0, "stop", 9.0), owners=MINE)
        server.hub.publish(began("c-1", "pbx", "ingest-2"), owners=frozenset({"pbx", "ingest-2"}))
        server.hub.publish(offering(number=1, text="for the second"), owners=frozenset({"ingest-2"}))
        await server.hub.flush()
        status = {
            (who, number): (await answering(http, HELPED, who, f"c-1.a{number}")).status_code
            for who in ("ingest", "ingest-2")
            for number in (1, 2)
        }
        assert status == {("ingest", 1): 404, ("ingest", 2): 200, ("ingest-2", 1): 200, ("ingest-2", 2): 404}


@in_loop
async def test_an_erased_call_takes_its_answers_along_and_leaves_nobody_to_give_one(place: Place):
    async with alerted(place) as (_, http):
        await answering(http, {**HELPED, "note": "her name is Anna"})
        assert (await http.delete("/v1/calls/c-1", headers=bearer("admin"))).status_code == 200
        assert (await answering(http, HELPED)).status_code == 404
    with opened(place) as archive:
        assert archive.reading.events(Wish(), 10) == []


@in_loop
async def test_an_answer_is_proven_with_its_call_and_an_altered_one_is_found(tmp_path):
    key = tmp_path / "log.key"
    make_keys("example.com/calls", key)
    async with proving(Place(tmp_path, ""), key) as (server, http):
        call_id = "通话/1"
        said = await whole_call(server, call_id, quarrel(3.0, 9.0))
        alert_id = next(event["alert_id"] for event in said if event["type"] == "alert.raised")
        answered = await http.post(f"/v1/alerts/{alert_id}/answer", json={**HELPED, "note": "很有用"})
        assert answered.status_code == 200
        got = (await http.get(f"/v1/calls/{call_id}/evidence")).content
    signer = load_signer(key)
    assert checked(got, signer).verdict == "PROVEN"
    last = json.loads(everything(got)["events.jsonl"].splitlines()[-1])
    assert (last["type"], last["answer"], last["note"]) == ("alert.answered", "helped", "很有用")
    forged = everything(got)["events.jsonl"].replace(b'"helped"', b'"did_not_help"')
    files = contents(got)
    files["events.jsonl"] = forged
    assert checked(repacked(files, call_id, signer), signer).verdict == "NOT PROVEN"


@in_loop
async def test_without_tokens_anybody_here_answers_and_without_an_archive_nobody(tmp_path):
    async with (
        serving(archive=archive_at(Place(tmp_path, ""))) as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http,
        streaming(server, "c-1"),
    ):
        server.hub.publish(offering())
        await server.hub.flush()
        assert (await answering(http, HELPED)).json()["by"] == ""
    async with serving() as server, httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        said = await answering(http, HELPED)
        assert (said.status_code, said.json()["code"]) == (404, "no_archive")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "answer"),
        ({"answer": "great"}, "answer"),
        ({"answer": 1}, "answer"),
        ({**HELPED, "note": 7}, "note"),
        ({**HELPED, "note": "x" * 501}, "note"),
        ({**HELPED, "note": "\u202egnp"}, "note"),
        ({**HELPED, "note": "\x00"}, "note"),
        ({**HELPED, "by": "ingest-2"}, "by"),
        ([], "object"),
    ],
)
@in_loop
async def test_a_body_that_cannot_be_taken_is_refused_by_name(tmp_path, body, named):
    async with alerted(Place(tmp_path, "")) as (_, http):
        said = await answering(http, body)
        assert (said.status_code, said.json()["code"]) == (400, "bad_body")
        assert named in said.json()["message"]
        assert (await answering(http, {**HELPED, "note": "字" * 500})).status_code == 200
        said = await http.post("/v1/alerts/c-1.a1/answer?by=x", json=HELPED, headers=bearer("ingest"))
        assert (said.status_code, said.json()["code"]) == (400, "bad_query")
        form = {**bearer("ingest"), "Content-Type": "text/plain"}
        said = await http.post("/v1/alerts/c-1.a1/answer", content=json.dumps(HELPED), headers=form)
        assert (said.status_code, said.json()["code"]) == (415, "not_json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
bodies = (
    st.binary(max_size=60)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({"answer": st.sampled_from(["helped", "x"])}, optional={"note": json_values}).map(
        lambda value: json.dumps(value).encode()
    )
)


@given(st.lists(bodies, min_size=20, max_size=20))
@examples(6)
def test_any_body_is_taken_or_refused_and_never_breaks_the_server(all_bodies: list[bytes]):
    @in_loop
    async def send() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with alerted(Place(Path(folder), "")) as (_, http):
                for body in all_bodies:
                    said = await http.post(
                        "/v1/alerts/c-1.a1/answer",
                        content=body,
                        headers={**bearer("ingest"), "Content-Type": "application/json"},
                    )
                    taken = said.status_code == 200 and said.json()["answer"] == "helped"
                    assert taken or (said.status_code, said.json()["code"]) == (400, "bad_body")

    send()
