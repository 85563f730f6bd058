"""Who am I, and what may I do: told truly, so that no screen offers what the server refuses."""

import httpx
import msgspec
import pytest
from archives import Place
from doors import answer, bearer, locked, locked_server
from live_server import in_loop, serving
from test_live_evidence import proving
from test_live_kept import asking
from test_live_recordings import keeping

from sentiment_engine.archive.audio_key import make_audio_key
from sentiment_engine.archive.keys import make_keys
from sentiment_engine.live.me import MAY
from sentiment_engine.settings_door import ROLES
from sentiment_engine.settings_reviews import ReviewSettings

GIVES = {"supervisor": "business", "legal": "legal"}


@in_loop
async def test_each_token_is_told_its_name_its_role_and_what_it_may_do():
    async with locked_server(failures_per_minute=1000) as server:
        base = server.url.replace("ws", "http")
        for role in ROLES:
            async with httpx.AsyncClient(base_url=base, headers=bearer(role)) as http:
                told = (await http.get("/v1/me")).json()
            assert (told["name"], told["role"], told["open"]) == (role, role, False)
            assert told["reviews"]["role"] == GIVES.get(role)
            for what, route in MAY.items():  # what it says is what the server does
                method, _, path = route.rpartition(" ")
                path = path.replace("{call_id:path}", "c").replace("{alert_id:path}", "a")
                status, error = await answer(server, f"{method} {path}".strip(), bearer(role))
                assert (what in told["may"]) == (error["code"] != "forbidden"), (role, what, status)


@in_loop
async def test_without_tokens_nobody_has_a_name_and_everything_but_a_review_is_allowed(tmp_path):
    words = ReviewSettings(decisions=("a",), reasons=("b", "c"), note_chars=7)
    async with asking(Place(tmp_path, ""), msgspec.structs.replace(locked(tokens=()), reviews=words)) as (
        _,
        http,
    ):
        said = await http.get("/v1/me")
        assert said.headers["cache-control"] == "no-store"
        assert said.json() == {
            "name": None,
            "role": None,
            "open": True,
            "may": [what for what in MAY if what != "review"],
            "reviews": {"role": None, "decisions": ["a"], "reasons": ["b", "c"], "note_chars": 7},
            "assignees": [],
            "archive": True,
            "evidence": False,
            "audio": False,
        }
        assert (await http.get("/v1/me?name=x")).json()["code"] == "bad_query"


@pytest.mark.parametrize("signs", [True, False])
@in_loop
async def test_it_says_what_the_server_has(tmp_path, signs: bool):
    key = tmp_path / "key"
    if signs:
        make_keys("example.com/calls", key)
    async with proving(Place(tmp_path, ""), key if signs else None) as (_, http):
        told = (await http.get("/v1/me")).json()
        assert (told["archive"], told["evidence"]) == (True, signs)
    make_audio_key(tmp_path / "audio.key")
    for keeps in (True, False):
        folder = tmp_path / str(keeps)
        folder.mkdir()
        async with keeping(Place(folder, ""), tmp_path / "audio.key", keep=keeps) as (_, http):
            assert (await http.get("/v1/me")).json()["audio"] is keeps
    async with serving() as server, httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        assert (await http.get("/v1/me")).json()["archive"] is False
