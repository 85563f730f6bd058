"""``GET /v1/playbook``: the phrases in force, filtered, and not sent twice."""

import asyncio

import httpx
import pytest
from live_server import LoudIsAngry
from phrasebook import book, entry
from starlette.applications import Starlette
from starlette.routing import Route
from voices import SETTINGS

from sentiment_engine import load_playbook
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.phrases import Phrases
from sentiment_engine.phrases import BASES
from sentiment_engine.playbook import parse_playbook
from sentiment_engine.settings_alerts import PlaybookSettings

PATH = "/v1/playbook"


class Client:
    """Asks an application without a socket."""

    def __init__(self, app):
        self._transport = httpx.ASGITransport(app)

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def ask(self, method, path, **more):
        async def asking():
            async with httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1") as http:
                return await http.request(method, path, **more)

        return asyncio.run(asking())


def client(playbook, settings=None):
    phrases = Phrases(playbook, settings or PlaybookSettings())
    return Client(Starlette(routes=[Route(PATH, phrases.get)]))


@pytest.fixture(scope="module")
def packaged():
    return load_playbook()


def test_all_that_is_in_force_with_its_version_and_counts(packaged):
    answer = client(packaged).get(PATH)
    said = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert (said["version"], said["count"]) == (1, len(packaged.entries))
    assert [one["id"] for one in said["entries"]] == [one.id for one in packaged.entries]
    assert set(said["counts"]["cause"]) == set(BASES) - {"anger"}
    assert {sum(counted.values()) for counted in said["counts"].values()} == {said["count"]}


def test_what_it_says_can_be_read_as_a_playbook_again(packaged):
    said = client(packaged).get(PATH).json()
    assert (
        parse_playbook({"version": said["version"], "entries": said["entries"]}).entries == packaged.entries
    )


def test_what_is_off_in_the_jurisdiction_is_not_in_force(packaged):
    said = client(packaged, PlaybookSettings(jurisdiction="EU")).get(PATH).json()
    assert {"agent_anger", "mutual_escalation"}.isdisjoint(said["counts"]["cause"])
    assert 0 < said["count"] < len(packaged.entries)


def test_without_a_playbook_nothing_is_in_force():
    said = client(None).get(PATH).json()
    assert (said["count"], said["entries"]) == (0, [])


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["a", "b", "c"]),
        ("cause=overlap", ["b"]),
        ("cause=anger", ["c"]),
        ("cause=silence", []),
        ("stage=facts", ["b", "c"]),
        ("stage=general", ["a"]),
        ("cause=overlap&stage=general", []),
    ],
)
def test_filters_keep_what_they_name(query, ids):
    playbook = book(
        entry("a"),
        entry("b", cause="overlap", stage=["facts"]),
        entry("c", cause="raised_voice", stage=["facts", "notice"]),
    )
    said = client(playbook).get(f"{PATH}?{query}").json()
    assert [one["id"] for one in said["entries"]] == ids
    assert said["count"] == len(ids)


@pytest.mark.parametrize(
    ("language", "kept", "left_out"), [("zh-Hans", "zh-CN", "en"), ("fr", "en", "zh-CN")]
)
def test_a_language_keeps_one_text(language, kept, left_out):
    (only,) = client(book(entry("a"))).get(f"{PATH}?language={language}").json()["entries"]
    assert kept in only
    assert left_out not in only


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("couse=overlap", "'couse' is not a filter"),
        ("cause=boredom", "cause 'boredom' is not known: one of customer_anger"),
        ("cause=", "cause '' is not known"),
        ("stage=later", "stage 'later' is not known: one of facts"),
        ("stage=facts&stage=notice", "stage stands twice"),
        ("language=", "language must be"),
        ("language=%E4%B8%AD", "language must be"),
        ("language=e%0An", "language must be"),
        ("cause=" + "x" * 5000, "is not known"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(query, says):
    answer = client(book(entry("a"))).get(f"{PATH}?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_query"
    assert says in answer.json()["message"]
    assert len(answer.content) < 1000


def test_a_client_that_has_it_already_is_told_so():
    http = client(book(entry("a"), entry("b", cause="overlap")))
    first = http.get(PATH)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = http.get(PATH, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for unknown in ('"other"', tag.strip('"')):
        assert http.get(PATH, headers={"If-None-Match": unknown}).status_code == 200
    assert http.get(f"{PATH}?cause=overlap").headers["etag"] != tag
    changed = client(book(entry("a", en="Changed."), entry("b", cause="overlap")))
    assert changed.get(PATH, headers={"If-None-Match": tag}).status_code == 200


def test_it_can_only_be_read():
    assert client(None).ask("POST", PATH).status_code == 405


def test_the_server_answers_with_the_playbook_that_its_calls_use():
    playbook = book(entry("a"))
    server = LiveServer(SETTINGS, LoudIsAngry(), playbook, port=0)
    try:
        said = Client(server.app()).get(PATH).json()
    finally:
        server._socket.close()
    assert parse_playbook({"version": 1, "entries": said["entries"]}).entries == playbook.entries
