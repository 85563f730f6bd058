"""Evidence from a server: signed and stamped on its own, given out, and honest about the rest."""

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from archives import Place
from documented import HOOKS
from doors import bearer, entering, locked
from evidence_logs import checked, everything
from hypothesis import given
from hypothesis import strategies as st
from live_server import (
    LoudIsAngry,
    come_true,
    in_loop,
    quarrel,
    rest,
    serving,
    small_talk,
    start,
    streaming,
    whole_call,
)
from sqlalchemy.exc import OperationalError
from time_authority import TimeAuthority
from voices import SETTINGS, examples

from sentiment_engine import BadSettings
from sentiment_engine.archive.archive import Archive
from sentiment_engine.archive.checkpoints import open_checkpoint
from sentiment_engine.archive.keys import load_signer, make_keys
from sentiment_engine.archive.schema import LEAVES
from sentiment_engine.archive.timestamps import load_roots
from sentiment_engine.live import kept, recording
from sentiment_engine.live.app import LiveServer
from sentiment_engine.settings_archive import ArchiveSettings
from sentiment_engine.settings_evidence import EvidenceSettings

SHA256 = hashlib.sha256(b"the recording").hexdigest()


@pytest.fixture
def key(tmp_path):
    make_keys("example.com/calls", tmp_path / "log.key")
    return tmp_path / "log.key"


@asynccontextmanager
async def proving(place: Place, key, *, who=None, settings=SETTINGS, **evidence: object):
    """A server that signs, and a client of it."""
    wanted = EvidenceSettings(key="" if key is None else str(key), **evidence)
    settings = msgspec.structs.replace(settings, evidence=wanted)
    archive = Archive(place.folder, ArchiveSettings(url=place.url), evidence=wanted)
    async with (
        serving(settings, archive=archive) as server,
        httpx.AsyncClient(
            base_url=server.url.replace("ws", "http"), headers=bearer(who), event_hooks=HOOKS
        ) as http,
    ):
        yield server, http


@in_loop
async def test_a_call_is_proven_at_once_and_against_checkpoints_that_were_given_out(place: Place, key):
    signer = load_signer(key)
    async with proving(place, key) as (server, http):
        assert (await http.get("/v1/checkpoints")).json()["code"] == "unknown_id"
        await whole_call(server, "通话/1", quarrel(3.0, 9.0))
        got = await http.get("/v1/calls/通话/1/evidence")
        assert (got.status_code, got.headers["content-type"]) == (200, "application/zip")
        assert "attachment" in got.headers["content-disposition"]
        report = checked(got.content, signer)
        assert report.verdict == "PROVEN"
        assert "only internal consistency is shown" in report.line()
        events = (await http.get("/v1/calls/通话/1/events", params={"limit": 500})).json()["events"]
        lines = everything(got.content)["events.jsonl"].splitlines()
        assert [json.loads(line) for line in lines] == [event["data"] for event in events]

        note = await http.get("/v1/checkpoints")
        assert note.headers["content-type"].startswith("text/plain")
        kept = open_checkpoint(note.content, signer.verifier)
        assert kept.size == len(lines)
        await whole_call(server, "c-2", small_talk(2.0))
        for call_id in ("通话/1", "c-2"):
            got = await http.get(f"/v1/calls/{call_id}/evidence", params={"seen": str(kept.size)})
            report = checked(got.content, signer, seen=[kept])
            assert report.verdict == "PROVEN"
            assert "the checkpoint you kept" in report.line()


@in_loop
async def test_what_cannot_be_given_is_refused_with_a_reason(place: Place, key):
    async with proving(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(2.0))
        for path, status, code in (
            ("/v1/calls/nobody/evidence", 404, "unknown_id"),
            ("/v1/calls/c-1/evidence?seen=3", 400, "bad_query"),
            ("/v1/calls/c-1/evidence?seen=x", 400, "bad_query"),
            ("/v1/calls/c-1/evidence?newest=1", 400, "bad_query"),
            ("/v1/checkpoints?since=0", 400, "bad_query"),
        ):
            refused = await http.get(path)
            assert (refused.status_code, refused.json()["code"]) == (status, code)
        with server._archive._database.engine.begin() as connection:
            connection.execute(sa.update(LEAVES).where(LEAVES.c.position == 1).values(hash=bytes(32)))
        refused = await http.get("/v1/calls/c-1/evidence")
        assert (refused.status_code, refused.json()["code"]) == (500, "log_altered")


@in_loop
async def test_without_a_key_nothing_is_signed_and_the_answer_says_so(place: Place):
    async with proving(place, None) as (server, http):
        await whole_call(server, "c-1", small_talk(2.0))
        for path in ("/v1/checkpoints", "/v1/calls/c-1/evidence"):
            refused = await http.get(path)
            assert (refused.status_code, refused.json()["code"]) == (404, "no_key")
            assert "evidence.key" in refused.json()["message"]


def test_a_key_needs_an_archive_that_was_opened_with_it(tmp_path, key):
    settings = msgspec.structs.replace(SETTINGS, evidence=EvidenceSettings(key=str(key)))
    with pytest.raises(BadSettings, match=r"evidence\.key needs an archive"):
        LiveServer(settings, LoudIsAngry(), port=0)
    archive = Archive(tmp_path)
    with pytest.raises(BadSettings, match=r"evidence\.key needs an archive"):
        LiveServer(settings, LoudIsAngry(), port=0, archive=archive)
    archive.close()


@in_loop
async def test_an_erased_call_is_unknown_and_the_others_are_proven(place: Place, key):
    async with proving(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(2.0))
        await whole_call(server, "c-2", small_talk(2.0))
        before = open_checkpoint(
            everything((await http.get("/v1/calls/c-1/evidence")).content)["checkpoint.txt"],
            load_signer(key).verifier,
        )
        assert (await http.delete("/v1/calls/c-1")).status_code == 200
        assert (await http.get("/v1/calls/c-1/evidence")).json()["code"] == "unknown_id"
        got = await http.get(f"/v1/calls/c-2/evidence?seen={before.size}")
        assert checked(got.content, load_signer(key), seen=[before]).verdict == "PROVEN"


@in_loop
async def test_a_server_signs_and_has_stamped_what_is_new_on_its_own(tmp_path, key):
    authority = TimeAuthority(tmp_path / "authority")
    answers = [(503, b""), None]
    with authority.serving(lambda _, reply: answers.pop(0) or (200, reply)) as url:
        how = {"every_s": 1.0, "tsa_url": url, "tsa_ca": str(authority.root)}
        async with proving(Place(tmp_path, ""), key, **how) as (server, http):
            await whole_call(server, "c-1", small_talk(2.0))
            log = server._archive.evidence
            async with asyncio.timeout(20):
                while not ((newest := log.signed.newest()) and newest.stamp):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            got = await http.get("/v1/calls/c-1/evidence")
            told = (await http.get("/metrics")).text
    assert not answers
    report = checked(got.content, load_signer(key), roots=load_roots(authority.root))
    assert report.verdict == "PROVEN"
    assert "by the clock of 'CN=Test Clock'" in report.line()
    assert 'time_stamps_total{outcome="failed"} 1.0' in told
    assert 'time_stamps_total{outcome="kept"} 1.0' in told
    assert 'checkpoints_total{outcome="signed"} 1.0' in told


@in_loop
async def test_a_log_that_does_not_continue_is_not_signed_and_calls_go_on(tmp_path, key):
    place = Place(tmp_path, "")
    async with proving(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(2.0))
        await http.get("/v1/calls/c-1/evidence")
        with server._archive._database.engine.begin() as connection:
            connection.execute(sa.update(LEAVES).where(LEAVES.c.position == 1).values(hash=bytes(32)))
    async with proving(place, key) as (server, http):
        await whole_call(server, "c-2", small_talk(2.0))
        assert (await http.get("/v1/calls/c-2/evidence")).json()["code"] == "log_altered"
    async with proving(place, key) as (server, http):
        refused = server.metrics.checkpoints.labels("refused")
        await come_true(lambda: refused._value.get() == 1)
        said = await whole_call(server, "c-3", quarrel(3.0, 9.0))
        assert said[-1]["type"] == "call.ended"


@in_loop
async def test_a_disk_that_fails_while_signing_ends_no_server(tmp_path, key, monkeypatch):
    async with proving(Place(tmp_path, ""), key, every_s=1.0) as (server, http):
        log, failures = server._archive.evidence, []
        sign = log.sign_what_is_new

        def failing():
            if len(failures) < 1:
                failures.append(1)
                raise OperationalError("SELECT", {}, Exception("disk I/O error"))
            return sign()

        monkeypatch.setattr(log, "sign_what_is_new", failing)
        await whole_call(server, "c-1", small_talk(2.0))
        async with asyncio.timeout(20):
            while not log.signed.newest():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert failures
        assert (await http.get("/v1/checkpoints")).status_code == 200


@in_loop
async def test_a_recording_is_named_once_and_its_hash_is_a_leaf(place: Place, key):
    async with proving(place, key, settings=locked(SETTINGS), who="admin") as (server, http):
        path = "/v1/calls/c-1/recording"
        assert (await http.post(path, json={"sha256": SHA256})).json()["code"] == "unknown_id"
        await whole_call_as(server, "c-1")
        ingest = {"headers": bearer("ingest")}
        for _ in range(2):
            named = await http.post(path, json={"sha256": SHA256}, **ingest)
            assert (named.status_code, named.json()) == (200, {"call_id": "c-1", "sha256": SHA256})
        other = await http.post(path, json={"sha256": "0" * 64}, **ingest)
        assert (other.status_code, other.json()["code"]) == (409, "recording_known")
        events = (await http.get("/v1/calls/c-1/events", params={"limit": 500})).json()["events"]
        got = await http.get("/v1/calls/c-1/evidence")
    last = events[-1]["data"]
    assert (last["type"], last["seq"], last["sha256"], last["by"]) == (
        "recording.hashed",
        0,
        SHA256,
        "ingest",
    )
    assert last["at_s"] == events[-2]["data"]["at_s"]
    report = checked(got.content, load_signer(key))
    assert report.verdict == "PROVEN"
    assert SHA256 in report.line()


async def whole_call_as(server, call_id):
    async with entering(server, "/v1/stream", "ingest") as socket:
        await socket.send(start(call_id))
        await socket.send(small_talk(2.0))
        await socket.send('{"type":"stop"}')
        await rest(socket)


@in_loop
async def test_a_recording_of_a_call_that_goes_on_may_be_named(tmp_path, monkeypatch):
    async with proving(Place(tmp_path, ""), None) as (server, http), streaming(server, "c-1"):
        await server.hub.flush()
        named = await http.post("/v1/calls/c-1/recording", json={"sha256": SHA256})
        assert named.status_code == 200

        async def stuck():
            await asyncio.sleep(60)

        monkeypatch.setattr(kept, "PATIENCE_S", 0.01)
        monkeypatch.setattr(server.hub, "flush", stuck)
        failed = await http.post("/v1/calls/c-1/recording", json={"sha256": SHA256})
        assert (failed.status_code, failed.json()["code"]) == (503, "archive_failing")
        monkeypatch.undo()


@examples(30)
@given(
    body=st.binary(max_size=200)
    | st.text().map(lambda text: json.dumps({"sha256": text}).encode())
    | st.sampled_from(
        [
            b"",
            b"[]",
            b'{"sha256":null}',
            b"[" * 4000,
            b" " * 5000,
            json.dumps({"sha256": SHA256.upper()}).encode(),
            json.dumps({"sha256": SHA256 + "\n"}).encode(),
            json.dumps({"sha256": SHA256, "file": "call.wav"}).encode(),
        ]
    )
)
def test_a_body_that_names_no_recording_is_refused(body):
    async def ask():
        async def pieces():
            for at in range(0, len(body), 100):
                yield body[at : at + 100]

        return await recording._body(type("Asked", (), {"stream": staticmethod(pieces)}))

    with pytest.raises(recording.Refused) as refused:
        asyncio.run(ask())
    assert refused.value.code == "bad_query"
