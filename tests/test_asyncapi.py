"""The description of our own sockets is what the code is, and real traffic keeps to it."""

import asyncio
import json
from pathlib import Path

import jsonschema
import pytest
from live_server import RATE_HZ, in_loop, quarrel, serving, start
from websockets.asyncio.client import connect

from sentiment_engine.live.described import asyncapi

DOCUMENT = asyncapi()
COMMITTED = Path(__file__).resolve().parent.parent / "docs" / "asyncapi.json"


def validator(operation):
    """Says whether a text frame is one of an operation's messages."""
    names = [message["$ref"].rsplit("/", 1)[1] for message in DOCUMENT["operations"][operation]["messages"]]
    payloads = [DOCUMENT["components"]["messages"][name]["payload"] for name in names if name != "audio"]
    schema = {"oneOf": payloads, "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(schema)


def check(operation, frames):
    known = validator(operation)
    for frame in frames:
        assert known.is_valid(json.loads(frame)), f"{operation}: {frame[:400]}"


def resolved(reference):
    here = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        here = here[name]
    return here


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_committed_document_is_the_one_that_the_code_makes():
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == json.loads(json.dumps(DOCUMENT)), (
        "run python scripts/asyncapi.py"
    )


def test_every_reference_leads_somewhere():
    found = set(references(DOCUMENT))
    assert len(found) > 30
    for reference in found:
        assert resolved(reference)


@in_loop
async def test_real_traffic_of_a_call_and_of_the_feed_keeps_to_it():
    said = [
        start(send=["tension"], channels=["agent", "customer"], context={"risk_class": "A"}),
        json.dumps({"type": "stage", "stage": "notice"}),
        json.dumps(
            {"type": "transcript", "party": "customer", "text": "hello", "start_s": 0.1, "end_s": 0.9}
        ),
        json.dumps({"type": "gap", "seconds": 1.5, "reason": "paused"}),
        json.dumps({"type": "stop"}),
    ]
    heard, followed = [], []
    async with serving() as server, connect(f"{server.url}/v1/feed?types=*") as feed:
        async with connect(f"{server.url}/v1/stream") as socket:
            for frame in said[:-1]:
                await socket.send(frame)
            await socket.send(quarrel())
            await socket.send(bytes(4 * 12 * RATE_HZ))
            await socket.send(said[-1])
            heard += [frame async for frame in socket]  # until it is closed in order
        async with connect(f"{server.url}/v1/stream") as socket:
            await socket.send("{}")
            heard.append(await socket.recv())
        while "call.ended" not in (followed or [""])[-1]:
            followed.append(await asyncio.wait_for(feed.recv(), 10))
    check("speak", said)
    check("hear", heard)
    check("follow", followed)
    kinds = {json.loads(frame)["type"] for frame in heard}
    assert kinds >= {"started", "tension.updated", "alert.raised", "alert.cleared", "call.ended", "error"}
    on_feed = {json.loads(frame)["data"]["type"] for frame in followed}
    assert on_feed >= {"call.started", "speech.ended", "emotion.scored", "audio.gap", "alert.raised"}


@pytest.mark.parametrize(
    ("operation", "frame"),
    [
        ("speak", {"type": "start", "encoding": "mulaw", "sample_rate": 8000}),
        ("speak", {"type": "started", "call_id": "c", "resume_at_s": 0}),
        ("speak", {"type": "gap", "seconds": -1}),
        ("hear", {"type": "started", "call_id": "c"}),
        ("hear", {"type": "error", "code": "made_up", "message": "m"}),
        ("hear", {"type": "speech.ended", "call_id": "c", "at_s": 1, "seq": 1, "party": "agent"}),
        ("follow", {"specversion": "1.0"}),
    ],
)
def test_what_is_not_in_it_is_found(operation, frame):
    assert not validator(operation).is_valid(frame)
