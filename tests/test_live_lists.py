"""What lists are asked for: part of a call id, and when alerts were raised; in both databases alike."""

import pytest
from archives import Place, opened
from hypothesis import given
from hypothesis import strategies as st
from live_server import in_loop
from test_archive_store import call
from test_live_feed import alert
from test_live_kept import asking
from voices import examples

from sentiment_engine.archive import listing
from sentiment_engine.archive.reading import Reading
from sentiment_engine.live.asked import LONGEST_PART

EVERYTHING = {"since_ms": None, "until_ms": None, "before": None, "limit": 500}


def found_in(reading: Reading, part: str) -> set[str]:
    calls = listing.calls(reading, live=None, alerts=None, language=None, part=part, **EVERYTHING)
    alerts = listing.alerts(
        reading,
        is_open=None,
        acknowledged=None,
        severity=None,
        kind=None,
        assigned=None,
        call_id=None,
        part=part,
        **EVERYTHING,
    )
    assert {row.call_id for row in calls} == {row.call_id for row in alerts}
    return {row.call_id for row in calls}


def lowered(text: str) -> str:
    return text.encode("utf-8").lower().decode("utf-8")


IDS = ("Order_7/A%b", "order-7/axb", "ÉCOLE-\\1", "école", "通话'; DROP TABLE calls;--", "🙂", "İI")


def test_part_of_an_id_is_found_as_python_finds_it(place: Place):
    parts = {*IDS, *(part for one in IDS for part in one), "ORDER", "r_7", "a%b", "É", "é", "CALLS;--", "/"}
    with opened(place) as archive:
        for number, call_id in enumerate(IDS):
            archive.store.write(call(call_id, first=1 + 10 * number))
        for part in parts:
            wanted = {one for one in IDS if lowered(part) in lowered(one)}
            assert found_in(archive.reading, part) == wanted, part


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory):
    with opened(Place(tmp_path_factory.mktemp("ids"), "")) as archive:
        for number, call_id in enumerate(IDS):
            archive.store.write(call(call_id, first=1 + 10 * number))
        yield archive.reading


@given(st.text(min_size=1, max_size=LONGEST_PART) | st.text(alphabet="%_/\\'aA7-", min_size=1, max_size=9))
@examples(200)
def test_any_part_is_looked_for_and_means_itself(reading: Reading, part: str):
    if part.isprintable():  # others are refused before
        assert found_in(reading, part) == {one for one in IDS if lowered(part) in lowered(one)}


@in_loop
async def test_ids_are_searched_and_alerts_filtered_by_the_time_they_were_raised(place: Place, monkeypatch):
    async with asking(place) as (server, http):
        for number, moment in enumerate((1_000, 2_000, 3_000)):
            monkeypatch.setattr("sentiment_engine.live.hub.now_ms", lambda moment=moment: moment)
            server.hub.publish(alert(number))
        await server.hub.flush()

        async def asked(**query: object) -> list[str]:
            said = await http.get("/v1/alerts", params=query)
            assert said.status_code == 200, said.text
            return [row["alert_id"] for row in said.json()["alerts"]]

        assert await asked(q="C-") == ["c-1/2", "c-1/1", "c-1/0"]
        assert await asked(q="c_1") == await asked(q="%") == []
        second = "1970-01-01T00:00:02Z"
        assert await asked(**{"from": second}) == ["c-1/2", "c-1/1"]
        assert await asked(to=second) == ["c-1/0"]
        assert await asked(to="1970-01-01T01:00:03+01:00", **{"from": second}, limit=1) == ["c-1/1"]
        assert (await http.get("/v1/calls", params={"q": "nobody"})).json() == {"calls": [], "next": None}


@pytest.mark.parametrize("query", ["q=", "q=%00", "q=" + "x" * 201, "q=a&q=b", "from=now", "to=2026-01-31"])
@in_loop
async def test_a_search_that_cannot_be_made_is_refused(tmp_path, query: str):
    async with asking(Place(tmp_path, "")) as (_, http):
        for path in ("/v1/alerts", "/v1/calls"):
            said = await http.get(f"{path}?{query}")
            assert (said.status_code, said.json()["code"]) == (400, "bad_query")
