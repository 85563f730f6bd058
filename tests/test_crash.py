"""The benchmark that kills servers: it runs, and it would tell if anything were lost."""

import sys
from pathlib import Path

import msgspec
import pytest
from archives import Place, opened
from test_archive_store import call
from test_benchmarks import run

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.crash_witness import Witness


def shown(records):
    """Somebody who was shown all of it."""
    witness = Witness()
    for record in records:
        witness.saw(record.cloud_event)
        if record.type.startswith("alert."):
            witness.streams[record.call_id, record.seq] = msgspec.json.decode(record.body)
        if record.type == "alert.raised":
            witness.was_told(f"{record.cursor:020d}", b"")
    return witness


def test_what_was_shown_and_is_not_kept_is_counted_and_what_is_kept_is_not(tmp_path):
    records = call()
    with opened(Place(tmp_path, "")) as archive:
        archive.store.write(records)
    found = shown(records).compare(tmp_path)
    assert (found["acknowledged_lost"], found["skipped_on_feed"], found["webhooks_lost"]) == (0, 0, 0)
    assert found["log_intact"]
    assert found["calls_without_end"] == 0

    more = [*records, *call("c-2", 7)]  # of which nothing was written
    assert shown(more).compare(tmp_path)["acknowledged_lost"] == 6 + 2
    other = [record._replace(body=record.body.replace(b"0.8", b"0.9")) for record in records]
    assert shown(other).compare(tmp_path)["acknowledged_lost"] == 2 + 2

    blind = Witness()
    blind.acks["c-1.a1"] = {"acknowledged": {"at": "2026-01-01T00:00:00.000Z"}}
    missed = blind.compare(tmp_path)
    assert (missed["skipped_on_feed"], missed["webhooks_lost"], missed["acks_lost"]) == (4, 1, 1)

    twice = shown(records + records)
    assert twice.compare(tmp_path)["duplicates"] == {"feed": 6, "webhook": 1}
    assert twice.different == 0
    twice.saw(other[3].cloud_event)
    assert twice.different == 1

    with opened(Place(tmp_path, "")) as archive:
        archive.store.erase("c-1")
    assert not shown([]).compare(tmp_path)["log_intact"]


@pytest.mark.slow
def test_a_few_kills_lose_nothing():
    printed = dict(line.split(maxsplit=1) for line in run("crash.py", "--quick", "4").splitlines())
    assert printed["kills"] == "4"
    assert int(printed["alerts_raised"]) > 0
    assert printed["acknowledged_lost"] == printed["skipped_on_feed"] == printed["webhooks_lost"] == "0"
    assert printed["log_intact"] == "True"
