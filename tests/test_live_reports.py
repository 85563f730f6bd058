"""Reports over HTTP: what the console once counted itself, over all calls, and nothing about people."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from archives import Place, opened
from browser import browsing
from live_server import in_loop
from test_archive_store import SUMMARY
from test_archive_store import call as kept_call
from test_console import raised
from test_live_kept import asking

from sentiment_engine.archive import report_reading
from sentiment_engine.events import (
    AlertAcknowledged,
    AlertCleared,
    CallEnded,
    CallStarted,
    Cause,
    Effect,
    Event,
    Stage,
)
from sentiment_engine.live import hub
from sentiment_engine.live.app import LiveServer

COUNTED = (Path(__file__).parent / "report_counted.js").read_text("utf-8")
NAMES = {"with_alerts": "withAlerts", "seconds_above": "secondsAbove"}
CAUSES: tuple[Cause, ...] = ("customer_anger", "overlap", "silence")
STAGES: tuple[Stage, ...] = ("facts", "negotiation", "notice")
HOUR_MS = 3_600_000
WINTER_MS = round(datetime(2026, 3, 27, tzinfo=UTC).timestamp() * 1000)
"""Two days before clocks are put forward in Berlin."""


def events_of(number: int, chance: random.Random) -> list[Event]:
    """A call as anybody may have had it."""
    call_id = f"c-{number}"
    stage = chance.choice(STAGES)
    common = {"call_id": call_id, "seq": 1}
    said: list[Event] = [
        CallStarted(
            **common, at_s=0.0, channels=("agent",), sample_rate_hz=8000, language="en", stage=stage, wire=1
        )
    ]
    for at in range(chance.randint(0, 2)):
        causes = {cause: round(chance.uniform(-1, 3), 4) for cause in CAUSES if chance.random() < 0.6}
        event = msgspec.structs.replace(raised(call_id), alert_id=f"{call_id}/{at}", causes=causes)
        if chance.random() < 0.3:
            event = msgspec.structs.replace(event, kind="outside_hours", causes={})
        said.append(event)
        if chance.random() < 0.5:
            fields = {"call_id": call_id, "at_s": 1.0, "seq": 0, "alert_id": event.alert_id, "by": "anna"}
            said.append(AlertAcknowledged(**fields, acknowledged_at="2026-01-31T12:00:00.000Z"))
        if chance.random() < 0.7:
            fields = msgspec.structs.asdict(event)
            said.append(AlertCleared(**fields, effects=()))
    if chance.random() < 0.8:
        effects = tuple(
            Effect(
                id=chance.choice(("", "p-1", "p-2")),
                shown_at_s=1.0,
                level=round(chance.random(), 6),
                after_s=30.0,
                level_after=round(chance.random(), 6),
            )
            for _ in range(chance.randint(0, 3))
        )
        summary = msgspec.structs.replace(
            SUMMARY,
            peak=round(chance.random(), 6),
            seconds_above=round(chance.uniform(0, 60), 3),
            effects=effects,
        )
        said.append(CallEnded(**common, at_s=9.0, reason="stop", duration_s=9.0, summary=summary))
    return said


async def month(server: LiveServer, monkeypatch: pytest.MonkeyPatch, calls: int = 60) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    with monkeypatch.context() as patch:
        for number in range(calls):
            began_ms = WINTER_MS + chance.randint(0, 96 * HOUR_MS)
            patch.setattr(hub, "now_ms", lambda began_ms=began_ms: began_ms)
            for event in events_of(number, chance):
                server.hub.publish(event)
    await server.hub.flush()


async def rows_of(http: httpx.AsyncClient, what: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 500}
    while True:
        page = (await http.get(f"/v1/{what}", params=query)).json()
        rows += page[what]
        if page["next"] is None:
            return rows
        query["before"] = page["next"]


def began_ms(row: dict[str, Any]) -> float:
    return datetime.fromisoformat(row["started_at"]).timestamp() * 1000


def flat(value: Any) -> Any:
    """Names as the console had them; lists without their order; numbers that may be compared."""
    if isinstance(value, dict):
        return {NAMES.get(key, key): flat(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted((flat(each) for each in value), key=lambda each: str(next(iter(each.values()))))
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.conformance
@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Shanghai", "America/St_Johns"])
@in_loop
async def test_the_server_counts_what_the_browser_counted(place: Place, monkeypatch, zone: str):
    monkeypatch.setattr(report_reading, "PAGE", 7)
    async with asking(place) as (server, http):
        await month(server, monkeypatch)
        since_ms = WINTER_MS + 10 * HOUR_MS
        since = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat()
        found = (await http.get("/v1/reports", params={"from": since, "zone": zone})).json()
        calls = [row for row in await rows_of(http, "calls") if began_ms(row) >= since_ms]
        ids = {row["call_id"] for row in calls}
        alerts = [row for row in await rows_of(http, "alerts") if row["call_id"] in ids]
        assert 0 < len(calls) < 60
    async with browsing(timezone_id=zone) as context:
        page = await context.new_page()
        counted = await page.evaluate(
            """async ([code, calls, alerts]) => {
              const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
              return (await import(address)).report(calls, alerts);
            }""",
            [COUNTED, calls, alerts],
        )
    assert counted["alertRows"] == found["alerts"]
    for ours, theirs in {
        "calls": "calls",
        "with_alerts": "withAlerts",
        "alerts": "alerts",
        "seen": "seen",
        "peak": "peak",
        "seconds_above": "secondsAbove",
        "by_day": "byDay",
        "by_stage": "byStage",
        "by_cause": "byCause",
        "by_phrase": "byPhrase",
    }.items():
        assert flat(found[ours]) == flat(counted[theirs]), ours
    assert found["by_phrase"][0]["id"] == ""
    assert "anna" not in json.dumps(found)


@in_loop
async def test_a_period_has_a_first_and_a_last_moment_and_pages_make_no_difference(place: Place, monkeypatch):
    async with asking(place) as (server, http):
        await month(server, monkeypatch, 25)
        whole = (await http.get("/v1/reports")).json()
        assert (whole["calls"], whole["from"], whole["to"], whole["zone"]) == (25, None, None, "UTC")
        middle = datetime.fromtimestamp((WINTER_MS + 48 * HOUR_MS) / 1000, UTC).isoformat()
        first = (await http.get("/v1/reports", params={"to": middle})).json()
        rest = (await http.get("/v1/reports", params={"from": middle})).json()
        for name in ("calls", "with_alerts", "alerts", "seen"):
            assert first[name] + rest[name] == whole[name]
        assert first["calls"] * rest["calls"] > 0
        for size in (1, 3, 25):
            monkeypatch.setattr(report_reading, "PAGE", size)
            assert (await http.get("/v1/reports")).json() == whole
        nothing = (await http.get("/v1/reports?to=0001-01-01T00:00:00Z")).json()
        assert (nothing["calls"], nothing["to"]) == (0, "0001-01-01T00:00:00.000Z")


@in_loop
async def test_alerts_of_an_older_call_under_the_same_id_are_not_counted(place: Place):
    with opened(place) as archive:
        archive.store.write(kept_call("c-1"))
        again = [record for record in kept_call("c-1", first=7) if "alert" not in record.type]
        archive.store.write(again)
    async with asking(place) as (_, http):
        found = (await http.get("/v1/reports")).json()
        assert len((await http.get("/v1/alerts")).json()["alerts"]) == 1
    assert (found["calls"], found["alerts"], found["by_kind"]) == (1, 0, [])


@pytest.mark.parametrize(
    "query",
    [
        "zone=Mars/Olympus",
        "zone=../../etc/passwd",
        "zone=/etc/passwd",
        "zone=America",
        "zone=tzdata.zi",
        "zone=leapseconds",
        "zone=%00",
        "zone=" + "x" * 5000,
        "zone=%F0%9F%99%82",
        "from=yesterday",
        "agent=anna",
        "from=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z",
    ],
)
@in_loop
async def test_a_report_that_cannot_be_made_is_refused(tmp_path, query: str):
    async with asking(Place(tmp_path, "")) as (_, http):
        said = await http.get(f"/v1/reports?{query}")
        assert (said.status_code, said.json()["code"]) == (400, "bad_query")


@in_loop
async def test_a_report_names_nobody(tmp_path, monkeypatch):
    """No agent, no supervisor: whatever a report holds is about calls."""
    async with asking(Place(tmp_path, "")) as (server, http):
        await month(server, monkeypatch, 10)
        found = (await http.get("/v1/reports")).json()
    assert set(found) == {
        *("from", "to", "zone", "calls", "with_alerts", "alerts", "peak", "seconds_above", "seen"),
        *("by_day", "by_stage", "by_kind", "by_cause", "by_phrase"),
    }
    assert "anna" not in json.dumps(found)
