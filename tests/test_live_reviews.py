"""Reviews over HTTP: who may give them, four eyes, corrections, requests sent twice, and a day of them."""

import asyncio
import csv
import io
import json
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import msgspec
import pytest
from archives import Place
from documented import HOOKS
from doors import SECRETS, bearer, locked
from live_server import in_loop, serving, small_talk, streaming, undisturbed, whole_call
from test_review_store import critical_call
from websockets.asyncio.client import connect

from sentiment_engine import wire
from sentiment_engine.archive.archive import Archive
from sentiment_engine.live import kept
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.secrecy import sha256_of
from sentiment_engine.settings import Settings
from sentiment_engine.settings_archive import ArchiveSettings
from sentiment_engine.settings_door import DoorSettings, TokenSettings
from sentiment_engine.settings_reviews import ReviewSettings

ALERT = "/v1/alerts/c-1.a1/reviews"
CALL = "/v1/calls/c-1/reviews"
NONE = ReviewSettings(sample_share=0.0)
ALL = ReviewSettings(sample_share=1.0)


@asynccontextmanager
async def reviewing(place: Place, reviews: ReviewSettings = NONE, settings: Settings | None = None):
    """A server with tokens and an archive, and a client of it without a token."""
    settings = msgspec.structs.replace(settings or locked(), reviews=reviews)
    archive = Archive(place.folder, ArchiveSettings(url=place.url), reviews=reviews)
    async with (
        serving(settings, archive=archive) as server,
        httpx.AsyncClient(base_url=server.url.replace("ws", "http"), event_hooks=HOOKS) as http,
    ):
        yield server, http


async def quarrel_in(server: LiveServer, call_id: str = "c-1") -> None:
    """A call with a critical alert, as the feed has it."""
    for record in critical_call(call_id):
        server.hub.publish(wire.decode(record.body))
    await server.hub.flush()


def body(role: str = "business", **fields: object) -> dict[str, object]:
    return {"role": role, "decision": "confirmed", "reason": "tension", **fields}


async def give(http: httpx.AsyncClient, who: str, path: str = ALERT, **fields: object) -> httpx.Response:
    return await http.post(path, json=body(**fields), headers=bearer(who))


async def queue(http: httpx.AsyncClient, query: str = "", who: str = "admin") -> dict:
    said = await http.get(f"/v1/reviews?{query}", headers=bearer(who))
    assert said.status_code == 200, said.text
    return said.json()


async def told(said: httpx.Response) -> tuple[int, str]:
    return said.status_code, said.json().get("code")


@in_loop
async def test_a_critical_alert_is_owed_until_two_people_have_reviewed_it(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        listed = await queue(http, "state=open")
        (owed,) = listed["reviews"]
        assert listed["counts"] == {"open": 1, "overdue": 0}
        assert (owed["kind"], owed["alert_id"], owed["why"], owed["state"]) == (
            "alert",
            "c-1.a1",
            "critical",
            "open",
        )
        url = f"{server.url}/v1/feed?types=alert.reviewed"
        async with connect(url, additional_headers=bearer("admin")) as feed:
            first = await give(http, "supervisor", note="第一\nsecond line")
            event = json.loads(await feed.recv())
        assert first.status_code == 201
        review = first.json()["review"]
        assert event["data"] == review
        assert (review["type"], review["by"], review["seq"], review["about"]) == (
            "alert.reviewed",
            "supervisor",
            0,
            owed["cursor"],
        )
        assert review["note"] == "第一\nsecond line"
        half = first.json()["subject"]
        assert half["business"]["review"] == review
        assert half["legal"]["review"] is None
        assert (await queue(http, "state=open&role=business"))["reviews"] == []
        assert (await queue(http, "state=open&role=legal"))["reviews"] == [half]

        second = await give(http, "legal", role="legal", decision="needs_action")
        assert second.json()["subject"]["state"] == "done"
        assert await queue(http, "state=open") == {
            "reviews": [],
            "counts": {"open": 0, "overdue": 0},
            "next": None,
        }
        done = await queue(http, "state=done")
    async with reviewing(place) as (server, http):
        assert await queue(http, "state=done") == done
        kept_events = await http.get("/v1/calls/c-1/events?types=alert.reviewed", headers=bearer("legal"))
        assert [item["data"]["by"] for item in kept_events.json()["events"]] == ["supervisor", "legal"]


@in_loop
async def test_one_person_reviews_once_and_nobody_else_in_their_place(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        first = (await give(http, "supervisor")).json()["review"]
        assert await told(await give(http, "supervisor")) == (409, "already_reviewed")
        assert await told(await give(http, "supervisor-2")) == (409, "already_reviewed")
        other = await give(http, "supervisor-2", supersedes=first["review_id"])
        assert await told(other) == (409, "already_reviewed")
        for role, who in (("legal", "supervisor"), ("business", "legal")):
            assert await told(await give(http, who, role=role)) == (403, "forbidden")
        assert len((await queue(http, "state=open"))["reviews"]) == 1


@in_loop
async def test_a_name_that_changes_its_role_cannot_be_the_second_pair_of_eyes(tmp_path):
    place = Place(tmp_path, "")
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        assert (await give(http, "supervisor")).status_code == 201
    turned = tuple(
        TokenSettings(name=name, role="legal", sha256=sha256_of(SECRETS[secret]))
        for name, secret in (("Supervisor", "supervisor"), ("cleo", "legal"))
    )
    settings = msgspec.structs.replace(locked(), door=DoorSettings(tokens=turned))
    async with reviewing(place, settings=settings) as (server, http):
        assert await told(await give(http, "supervisor", role="legal")) == (409, "four_eyes")
        assert (await give(http, "legal", role="legal")).json()["subject"]["state"] == "done"


@in_loop
async def test_two_who_review_at_once_are_not_both_first(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        answers = await asyncio.gather(
            *(give(http, who) for who in ("supervisor", "supervisor-2") for _ in range(3))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]


@in_loop
async def test_a_correction_is_a_new_event_and_the_old_one_stays(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        first = (await give(http, "supervisor")).json()["review"]
        second = await give(http, "supervisor", decision="false_alarm", supersedes=first["review_id"])
        assert second.status_code == 201
        stands = second.json()["subject"]["business"]["review"]
        assert (stands["decision"], stands["supersedes"]) == ("false_alarm", first["review_id"])
        again = await give(http, "supervisor", supersedes=first["review_id"])
        assert await told(again) == (409, "unknown_review")
        assert await told(await give(http, "legal", role="legal", supersedes="r")) == (409, "unknown_review")
        events = await http.get("/v1/calls/c-1/events?types=alert.reviewed", headers=bearer("admin"))
        assert [item["data"] for item in events.json()["events"]] == [first, stands]


@in_loop
async def test_a_request_sent_twice_counts_once(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        key = {"idempotency_key": "k-1"}
        answers = await asyncio.gather(*(give(http, "supervisor", **key) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        assert len({answer.json()["review"]["review_id"] for answer in answers}) == 1
        changed = await give(http, "supervisor", **key, decision="false_alarm")
        assert await told(changed) == (409, "key_reused")
        assert await told(await give(http, "supervisor", CALL, **key)) == (409, "key_reused")
        assert await told(await give(http, "supervisor", **key, cursor="1")) == (409, "key_reused")
        assert (await give(http, "legal", role="legal", **key)).status_code == 201  # keys are one's own


@in_loop
async def test_drawn_calls_are_owed_from_their_end_and_any_other_may_be_reviewed(place: Place):
    async with reviewing(place, ALL, locked(max_calls=9)) as (server, http):
        ingest = {"additional_headers": bearer("ingest")}
        async with connect(server.url + "/v1/stream", **ingest) as socket:
            await socket.send('{"type":"start","call_id":"a/b","encoding":"mulaw","sample_rate":8000}')
            assert json.loads(await socket.recv())["type"] == "started"
            await server.hub.flush()
            assert (await queue(http))["reviews"] == []
            live = await give(http, "supervisor", "/v1/calls/a/b/reviews")
            assert await told(live) == (409, "still_live")
            await socket.send('{"type":"stop"}')
            while True:
                if json.loads(await socket.recv())["type"] == "call.ended":
                    break
        (owed,) = (await queue(http))["reviews"]
        assert (owed["kind"], owed["call_id"], owed["alert_id"], owed["why"]) == (
            "call",
            "a/b",
            None,
            "sampled",
        )
        for path in ("/v1/calls/a/b/reviews", "/v1/calls/a%2Fb/reviews"):
            said = await give(http, "supervisor", path, idempotency_key="k")
            assert said.json()["review"]["type"] == "call.reviewed"
        assert await told(await give(http, "legal", "/v1/calls/a/reviews", role="legal")) == (
            404,
            "unknown_id",
        )


@in_loop
async def test_whoever_reviews_what_nobody_owes_asks_the_other_role_too(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        assert len((await queue(http))["reviews"]) == 1
        said = await give(http, "legal", CALL, role="legal")
        assert said.status_code == 201
        assert said.json()["subject"]["why"] == "voluntary"
        (owed,) = (await queue(http, "state=open&role=business&limit=1"))["reviews"]
        assert (owed["kind"], owed["state"]) == ("call", "open")
        assert (await give(http, "supervisor", CALL)).json()["subject"]["state"] == "done"


@in_loop
async def test_an_id_that_came_twice_is_asked_for_by_cursor(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        await quarrel_in(server)
        assert await told(await give(http, "supervisor")) == (409, "ambiguous")
        cursors = [each["cursor"] for each in (await queue(http))["reviews"]]
        first = await give(http, "supervisor", cursor=cursors[0])
        assert first.json()["subject"]["cursor"] == cursors[0]
        assert (await give(http, "supervisor-2")).json()["subject"]["cursor"] == cursors[1]
        again = await give(http, "supervisor", supersedes=first.json()["review"]["review_id"])
        assert again.json()["subject"]["cursor"] == cursors[0]
        assert await told(await give(http, "legal", role="legal", cursor="1")) == (404, "unknown_id")
        page = await queue(http, "limit=1")
        assert page["next"] == cursors[0]
        assert (await queue(http, f"after={page['next']}"))["reviews"][0]["cursor"] == cursors[1]


@in_loop
async def test_what_is_overdue_is_shown(tmp_path):
    soon = ReviewSettings(sample_share=0.0, business_due_hours=1e-6, legal_due_hours=1.0)
    async with reviewing(Place(tmp_path, ""), soon) as (server, http):
        await quarrel_in(server)
        await asyncio.sleep(0.02)
        late = await queue(http, "state=overdue")
        assert late["counts"] == {"open": 1, "overdue": 1}
        (owed,) = late["reviews"]
        assert (owed["state"], owed["business"]["overdue"], owed["legal"]["overdue"]) == (
            "overdue",
            True,
            False,
        )
        assert (await queue(http, "state=overdue&role=legal"))["reviews"] == []
        said = (await give(http, "supervisor")).json()["subject"]
        assert (said["state"], said["business"]["late"]) == ("open", True)


# -- who, and from where


@in_loop
async def test_without_tokens_nobody_has_a_name_to_review_with(tmp_path):
    async with reviewing(Place(tmp_path, ""), settings=Settings()) as (server, http):
        await quarrel_in(server)
        assert await told(await http.post(ALERT, json=body())) == (403, "reviews_need_tokens")
        assert len((await http.get("/v1/reviews?state=open")).json()["reviews"]) == 1


@in_loop
async def test_a_web_page_cannot_review_in_somebodys_name(tmp_path):
    async with reviewing(Place(tmp_path, ""), settings=locked(failures_per_minute=1000)) as (server, http):
        await quarrel_in(server)
        mine = bearer("supervisor")
        text = json.dumps(body())
        for content_type in (
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain",
            "application/json5",
            "",
        ):
            said = await http.post(ALERT, content=text, headers={**mine, "Content-Type": content_type})
            assert await told(said) == (415, "not_json")
        double = [*mine.items(), ("Content-Type", "application/json"), ("Content-Type", "text/plain")]
        assert (await http.post(ALERT, content=text, headers=double)).status_code == 415
        # What a browser adds by itself is worth nothing: there is no cookie that would be looked at.
        cookie = {"Cookie": f"token={SECRETS['supervisor']}", "Content-Type": "application/json"}
        assert await told(await http.post(ALERT, content=text, headers=cookie)) == (401, "unauthorized")
        foreign = {**mine, "Origin": "https://evil.example"}
        assert await told(await http.post(ALERT, json=body(), headers=foreign)) == (403, "forbidden")
        asked = await http.options(ALERT, headers={**foreign, "Access-Control-Request-Method": "POST"})
        assert not [name for name in asked.headers if name.startswith("access-control")]
        assert not (await http.get("/v1/reviews", headers=mine)).headers.get("set-cookie")
        assert (await http.get(ALERT, headers=mine)).status_code == 405
        assert (await queue(http, "state=done&role=business"))["reviews"] == []
        plain = {**mine, "Content-Type": "Application/JSON; charset=utf-8"}
        assert (await http.post(ALERT, content=text, headers=plain)).status_code == 201


@pytest.mark.parametrize(
    ("content", "status", "named"),
    [
        (b"", 400, "cannot be read"),
        (b"[]", 400, "cannot be read"),
        (b"\xff\xfe", 400, "cannot be read"),
        (b"[" * 5000, 400, "cannot be read"),
        ({"by": "legal"}, 400, "`by`"),
        ({"reviewer": "legal"}, 400, "`reviewer`"),
        ({"role": "admin"}, 400, "$.role"),
        ({"decision": "maybe"}, 400, "false_alarm"),
        ({"decision": None}, 400, "$.decision"),
        ({"reason": "=1+1"}, 400, "reason"),
        ({"note": "x" * 2001}, 400, "2001"),
        ({"note": "a\0b"}, 400, "no text"),
        ({"note": "\u202egnp.exe"}, 400, "no text"),
        ({"note": ["a"]}, 400, "$.note"),
        ({"idempotency_key": "x" * 129}, 400, "idempotency_key"),
        ({"idempotency_key": "schlüssel"}, 400, "idempotency_key"),
        ({"cursor": "-1"}, 400, "cursor"),
        ({"cursor": "9" * 20}, 400, "cursor"),
        ({"cursor": "١"}, 400, "cursor"),
        (b'{"note":"\\ud800","role":"business","decision":"confirmed","reason":"tension"}', 400, "read"),
        (b" " * 70_000, 413, "65536"),
    ],
)
@in_loop
async def test_a_body_that_cannot_be_taken_is_named_and_leaves_nothing(tmp_path, content, status, named):
    async with reviewing(Place(tmp_path, "")) as (server, http):
        await quarrel_in(server)
        sent = content if isinstance(content, bytes) else json.dumps(body(**content)).encode()
        headers = {**bearer("supervisor"), "Content-Type": "application/json"}
        said = await http.post(ALERT, content=sent, headers=headers)
        assert said.status_code == status, said.text
        assert named in said.json()["message"]
        assert (await queue(http, "role=business&state=done"))["reviews"] == []
        assert (await give(http, "supervisor")).status_code == 201


@in_loop
async def test_a_client_that_leaves_within_its_body_disturbs_nobody(tmp_path, caplog):
    async with reviewing(Place(tmp_path, "")) as (server, http):
        await quarrel_in(server)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = (
            f"POST {ALERT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: 100\r\nAuthorization: Bearer {SECRETS['supervisor']}\r\n\r\n{{"
        )
        writer.write(head.encode())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        assert (await give(http, "supervisor")).status_code == 201
        await asyncio.sleep(0.05)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    "call_id", ["<script>alert(1)</script>", "=1+1", '"><img src=x>', "../../etc", "通话 1"]
)
@in_loop
async def test_ids_and_notes_are_only_ever_text(tmp_path, call_id):
    async with reviewing(Place(tmp_path, ""), settings=locked(failures_per_minute=99)) as (server, http):
        await quarrel_in(server, call_id)
        path = f"/v1/alerts/{quote(call_id, safe='')}.a1/reviews"
        note = f"{call_id}\n</td><script>alert(2)</script>"
        (owed,) = (await queue(http))["reviews"]
        assert (owed["call_id"], owed["alert_id"]) == (call_id, f"{call_id}.a1")
        said = await give(http, "supervisor", path, note=note)
        assert (said.status_code, said.json()["review"]["note"]) == (201, note)
        day = owed["owed_since"][:10]
        page = await http.get(f"/v1/reviews/log?day={day}&format=html", headers=bearer("legal"))
        assert "<script" not in page.text
        assert "<img" not in page.text
        table = await http.get(f"/v1/reviews/log?day={day}&format=csv", headers=bearer("legal"))
        for row in csv.reader(io.StringIO(table.text)):
            assert not [cell for cell in row if cell[:1] in ("=", "+", "-", "@")]


# -- a day


@in_loop
async def test_a_day_is_exported_for_spreadsheets_and_for_paper(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        await give(http, "supervisor", note="one, two")
        await give(http, "legal", role="legal")
        day = (await queue(http))["reviews"][0]["owed_since"][:10]
        table = await http.get(f"/v1/reviews/log?day={day}&format=csv", headers=bearer("supervisor"))
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert table.headers["content-disposition"] == f'attachment; filename="reviews-{day}.csv"'
        rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
        assert [(row["what"], row["role"], row["by"]) for row in rows] == [
            ("owed", "", ""),
            ("reviewed", "business", "supervisor"),
            ("reviewed", "legal", "legal"),
        ]
        assert rows[1]["note"] == "one, two"
        page = await http.get(f"/v1/reviews/log?day={day}&format=html", headers=bearer("legal"))
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert "Reviews given: 2." in page.text
        shifted = await http.get(
            "/v1/reviews/log",
            params={"day": "2001-01-01", "format": "html", "offset": "-09:30"},
            headers=bearer("admin"),
        )
        assert "2001-01-01 (UTC-09:30)" in shifted.text
        assert "Nothing happened." in shifted.text
        east = await http.get(f"/v1/reviews/log?day={day}&format=html&offset=+08:00", headers=bearer("admin"))
        assert "(UTC+08:00)" in east.text


@pytest.mark.parametrize(
    "query",
    [
        "",
        "day=2026-01-31",
        "format=csv",
        "day=2026-1-31&format=csv",
        "day=2026-02-30&format=csv",
        "day=20260131&format=csv",
        "day=0001-01-01&format=csv&offset=%2B08:00",
        'day=2026-01-31"%0d%0aX: y&format=csv',
        "day=2026-01-31&format=pdf",
        "day=2026-01-31&format=csv&offset=8",
        "day=2026-01-31&format=csv&offset=%2B15:00",
        "day=2026-01-31&format=csv&by=anna",
    ],
)
@in_loop
async def test_a_day_that_cannot_be_read_is_refused(tmp_path, query):
    async with reviewing(Place(tmp_path, "")) as (_, http):
        said = await http.get(f"/v1/reviews/log?{query}", headers=bearer("legal"))
        assert await told(said) == (400, "bad_query")
        for wrong in ("state=late", "role=admin", "after=x", "limit=0"):
            said = await http.get(f"/v1/reviews?{wrong}", headers=bearer("legal"))
            assert await told(said) == (400, "bad_query")


# -- beside everything else


@in_loop
async def test_erasing_a_call_erases_what_was_said_of_it(place: Place):
    async with reviewing(place) as (server, http):
        await quarrel_in(server)
        await give(http, "supervisor", note="secret")
        assert (await http.delete("/v1/calls/c-1", headers=bearer("admin"))).status_code == 200
        assert (await queue(http))["reviews"] == []
        assert await told(await give(http, "legal", role="legal")) == (404, "unknown_id")


@pytest.mark.parametrize(("flushes", "answer"), [(0, 201), (1, 200)])
@in_loop
async def test_who_was_told_that_the_disk_fails_sends_the_same_again(tmp_path, monkeypatch, flushes, answer):
    monkeypatch.setattr(kept, "PATIENCE_S", 0.05)
    async with reviewing(Place(tmp_path, "")) as (server, http):
        await quarrel_in(server)
        flush, left = server.hub.flush, flushes

        async def failing() -> None:
            nonlocal left
            left -= 1
            await (flush() if left >= 0 else asyncio.Event().wait())

        monkeypatch.setattr(server.hub, "flush", failing)
        said = await give(http, "supervisor", idempotency_key="k")
        assert await told(said) == (503, "archive_failing")
        monkeypatch.setattr(server.hub, "flush", flush)
        assert (await give(http, "supervisor", idempotency_key="k")).status_code == answer
        assert await told(await give(http, "supervisor")) == (409, "already_reviewed")


@in_loop
async def test_a_live_call_goes_on_as_if_nobody_reviewed(tmp_path):
    archive = Archive(tmp_path, ArchiveSettings(), reviews=ALL)
    async with serving(archive=archive) as server, undisturbed(server):
        await whole_call(server, "c-1", small_talk(2.0))
        async with streaming(server, "c-2"):
            http = httpx.AsyncClient(base_url=server.url.replace("ws", "http"))
            async with http:
                assert [each["call_id"] for each in (await http.get("/v1/reviews")).json()["reviews"]] == [
                    "c-1"
                ]
