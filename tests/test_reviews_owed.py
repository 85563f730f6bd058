"""The gauges of reviews in /metrics: who owes how many, how many are overdue, and of a broken one."""

import asyncio
import sqlite3
from contextlib import closing

import httpx
import pytest
from archives import Place, opened
from doors import bearer
from live_server import in_loop, serving
from sqlalchemy import text
from test_live_reviews import give, quarrel_in, reviewing
from test_review_store import HOUR_MS, NONE, critical_call, reviewed

from sentiment_engine.archive import review_reading
from sentiment_engine.archive.database import FILE_NAME
from sentiment_engine.archive.reading import Reading
from sentiment_engine.live import reviews_owed
from sentiment_engine.settings_reviews import ReviewSettings

SOON = ReviewSettings(sample_share=0.0, business_due_hours=1e-6, legal_due_hours=1.0)
NO_ONE_OWES = {
    f'sentiment_engine_reviews_{what}{{role="{role}"}}': 0.0
    for what in ("owed", "overdue")
    for role in ("business", "legal")
}


async def gauges(http: httpx.AsyncClient) -> dict[str, float]:
    """The samples of reviews."""
    said = await http.get("/metrics", headers=bearer("admin"))
    assert said.status_code == 200
    lines = [line for line in said.text.splitlines() if line.startswith("sentiment_engine_reviews_")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_each_role_owes_its_own_reviews(place: Place):
    with opened(place, reviews=NONE) as archive:
        assert review_reading.owed(archive.reading, 0) == {"business": (0, 0), "legal": (0, 0)}
        archive.store.write(critical_call("c-1", 1) + critical_call("c-2", 7))
        assert review_reading.owed(archive.reading, 1005) == {"business": (2, 0), "legal": (2, 0)}
        # business is due after one hour, legal after two
        assert review_reading.owed(archive.reading, 2 * HOUR_MS) == {"business": (2, 2), "legal": (2, 0)}
        archive.store.write([reviewed(13, 4, alert_id="c-1.a1")])
        assert review_reading.owed(archive.reading, 2 * HOUR_MS) == {"business": (1, 1), "legal": (2, 0)}
        archive.store.write([reviewed(14, 4, "legal", "cleo", alert_id="c-1.a1")])
        assert review_reading.owed(archive.reading, 9 * HOUR_MS) == {"business": (1, 1), "legal": (1, 1)}


def test_counting_walks_over_open_duties_only(tmp_path, monkeypatch: pytest.MonkeyPatch):
    asked = []
    rows = Reading.rows
    monkeypatch.setattr(
        Reading, "rows", lambda self, statement: asked.append(statement) or rows(self, statement)
    )
    with opened(Place(tmp_path, ""), reviews=NONE) as archive:
        review_reading.owed(archive.reading, 1)
        (statement,) = asked
        plain = statement.compile(archive.database.engine, compile_kwargs={"literal_binds": True})
        with archive.database.engine.connect() as connection:
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {plain}")).all()
    assert "duties_open" in str(plan)


@in_loop
async def test_a_scrape_tells_what_is_owed_and_overdue(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reviews_owed, "FRESH_S", 0.0)
    async with reviewing(Place(tmp_path, ""), SOON) as (server, http):
        assert await gauges(http) == NO_ONE_OWES
        await quarrel_in(server)
        await asyncio.sleep(0.02)
        assert await gauges(http) == {
            'sentiment_engine_reviews_owed{role="business"}': 1.0,
            'sentiment_engine_reviews_owed{role="legal"}': 1.0,
            'sentiment_engine_reviews_overdue{role="business"}': 1.0,
            'sentiment_engine_reviews_overdue{role="legal"}': 0.0,
        }
        assert (await give(http, "supervisor")).status_code == 201
        assert (await give(http, "legal", role="legal")).status_code == 201
        assert await gauges(http) == NO_ONE_OWES


@in_loop
async def test_many_scrapes_ask_the_archive_once(tmp_path, monkeypatch: pytest.MonkeyPatch):
    looks = []
    owed = review_reading.owed
    monkeypatch.setattr(
        review_reading, "owed", lambda reading, now_ms: looks.append(now_ms) or owed(reading, now_ms)
    )
    async with reviewing(Place(tmp_path, ""), SOON) as (server, http):
        await asyncio.gather(*(gauges(http) for _ in range(20)))
        await quarrel_in(server)
        assert await gauges(http) == NO_ONE_OWES  # for ten seconds
        assert len(looks) == 1


@in_loop
async def test_an_archive_that_cannot_be_read_has_no_numbers_and_metrics_are_served(
    tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reviews_owed, "FRESH_S", 0.0)
    async with reviewing(Place(tmp_path, ""), SOON) as (_, http):
        assert await gauges(http) == NO_ONE_OWES
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
            database.execute("ALTER TABLE duties RENAME TO elsewhere")
            assert await gauges(http) == {}
            database.execute("ALTER TABLE elsewhere RENAME TO duties")
        assert await gauges(http) == NO_ONE_OWES


@in_loop
async def test_without_an_archive_nothing_is_said_of_reviews():
    async with serving() as server, httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        assert await gauges(http) == {}
