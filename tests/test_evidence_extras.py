"""Recordings and time stamps in evidence bundles."""

import datetime
import hashlib
import io

import pytest
from evidence_logs import (
    checked,
    contents,
    everything,
    exported,
    not_proven,
    two_calls,
)
from time_authority import TimeAuthority

from sentiment_engine.archive import verify as verifying
from sentiment_engine.archive.anchors import request_stamp
from sentiment_engine.archive.container import Entry, write_container
from sentiment_engine.archive.timestamps import Stamp, load_roots
from sentiment_engine.errors import BadEvidence


@pytest.fixture(scope="module")
def small():
    log = two_calls(sha256=hashlib.sha256(b"sound").hexdigest())
    return log, exported(log, earlier=[log.checkpoint(5)])


# -- recordings


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "call.FLAC"
    path.write_bytes(b"sound")
    return path


def test_a_recording_is_the_one_that_the_log_has_the_hash_of(small, recording):
    log = small[0]
    data = exported(log, recording=recording)
    assert contents(data)["recording.flac"] == b"sound"
    report = checked(data)
    assert report.verdict == "PROVEN"
    assert any(one.startswith("the recording in the bundle is the one whose") for one in report.proven)
    recording.write_bytes(b"other")
    not_proven(checked(exported(log, recording=recording)), "the recording was replaced")
    at = data.index(b"sound")
    not_proven(checked(data[:at] + b"S" + data[at + 1 :]), "the check sum of recording.flac is wrong")
    out = io.BytesIO()
    files = everything(data) | {"recording.flac": b"other"}
    write_container(out, [Entry.of(name, one) for name, one in files.items()])
    not_proven(checked(out.getvalue()), "recording.flac was altered")


def test_a_recording_kept_elsewhere_or_not_in_the_log_is_said_to_be(small, recording):
    report = checked(small[1])
    assert any("the file is not in the bundle" in one for one in report.proven)
    report = checked(exported(two_calls(), recording=recording))
    assert report.verdict == "PROVEN IN PART"
    assert "anything about the recording: the log does not hold its SHA-256" in report.open


def test_recordings_that_cannot_be_packed_say_why(recording, tmp_path):
    with pytest.raises(BadEvidence, match="needs an ending"):
        exported(two_calls(), recording=tmp_path / "call")
    with pytest.raises(BadEvidence, match="cannot be read"):
        exported(two_calls(), recording=tmp_path / "missing.wav")


# -- time


def test_of_several_time_stamps_the_earliest_is_told(monkeypatch):
    hours = {b"a": 9, b"b": 7, b"c": 8}

    def check_stamp(stamp, _note, _roots):
        if stamp == b"b":
            raise BadEvidence("another authority's")
        return Stamp(datetime.datetime(2026, 1, 1, hours[stamp], tzinfo=datetime.UTC), f"CN={stamp.decode()}")

    monkeypatch.setattr(verifying, "check_stamp", check_stamp)
    report = checked(exported(two_calls(), timestamps=[b"a", b"b", b"c"]), roots=["root"])
    assert report.verdict == "PROVEN"
    assert any("existed at 2026-01-01T08:00:00Z by the clock of 'CN=c'" in one for one in report.proven)
    report = checked(exported(two_calls(), timestamps=[b"b"]), roots=["root"])
    assert report.verdict == "PROVEN IN PART"
    assert "(another authority's)" in report.line()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "real")


def stamp_of(authority, note):
    with authority.serving() as url:
        return request_stamp(url, note, load_roots(authority.root))


def test_with_a_time_stamp_the_report_says_when_and_by_whose_clock(authority, tmp_path):
    log = two_calls()
    other = TimeAuthority(tmp_path / "other")
    stamps = [stamp_of(other, log.checkpoint()), stamp_of(authority, log.checkpoint())]
    data = exported(log, timestamps=stamps)
    report = checked(data, roots=load_roots(authority.root))
    assert report.verdict == "PROVEN"
    (time,) = [one for one in report.proven if "existed at 20" in one]
    assert time.endswith("by the clock of 'CN=Test Clock'")
    assert "how long before that time it was written" in report.open
    assert "2 time stamps in the bundle unchecked, give --tsa-ca" in checked(data).line()


def test_a_stamp_of_another_checkpoint_or_authority_says_nothing_about_time(authority, tmp_path):
    log = two_calls()
    other = load_roots(TimeAuthority(tmp_path / "other").root)
    for stamp, roots in (
        (stamp_of(authority, log.checkpoint(13)), load_roots(authority.root)),
        (stamp_of(authority, log.checkpoint()), other),
        (b"hello", other),
    ):
        report = checked(exported(log, timestamps=[stamp]), roots=roots)
        assert report.verdict == "PROVEN IN PART"
        assert not any("existed" in one for one in report.proven)
        assert "the time stamp does not hold" in report.line()
    report = checked(exported(log), roots=other)
    assert report.verdict == "PROVEN IN PART"
    assert "no time stamp in the bundle to check" in report.line()
