"""Calendars over HTTP: promises, attestations, and everything that is neither."""

import hashlib
import socket

import pytest
from calendar_server import HASH, HEIGHT, Calendar, append, attestation, in_block, pending

from sentiment_engine.archive.calendars import NONCE_BYTES, request_attestation, request_promise
from sentiment_engine.archive.ots import MAX_ANSWER_BYTES, read_proof
from sentiment_engine.errors import BadSettings, NoTimeStamp

DIGEST = hashlib.sha256(b"checkpoint").digest()


@pytest.fixture
def calendar():
    return Calendar()


def test_a_calendar_promises_and_keeps_it_and_never_learns_the_digest(calendar):
    with calendar.serving() as url:
        promise = request_promise(url, DIGEST)
        again = request_promise(url + "/", DIGEST)
        proof = read_proof(promise)
        assert (proof.digest, proof.blocks) == (DIGEST, ())
        assert [one.calendar for one in proof.pending] == [url]
        assert len(set(calendar.digests)) == 2
        assert DIGEST not in calendar.digests
        assert promise != again
        assert len(promise) > NONCE_BYTES

        assert request_attestation(url, promise) is None
        calendar.mine()
        whole = request_attestation(url + "/", promise)
        (block,) = read_proof(whole).blocks
        assert (block.height, block.merkle_root) == (HEIGHT, calendar.roots[proof.pending[0].commitment])
        assert read_proof(whole).digest == DIGEST
        assert request_attestation(url, whole) is None
        assert len(calendar.asked) == 2


def test_a_calendar_that_knows_a_block_at_once_is_believed_as_far_as_anybody(calendar):
    with calendar.serving() as url:
        calendar.answer = (200, HASH + in_block(7))
        assert [one.height for one in read_proof(request_promise(url, DIGEST)).blocks] == [7]


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ((404, b""), "takes no digests"),
        ((400, b""), "answers 400"),
        ((302, b""), "answers 302"),
        ((500, b""), "answers 500"),
        ((200, b""), "no good promise: .* cut short"),
        ((200, b"<html>"), "no good promise"),
        ((200, pending("https://b.example") + b"!"), "no good promise: .* goes on"),
        ((200, bytes(MAX_ANSWER_BYTES + 1)), "no good promise: .* at most 10000"),
        ((200, HASH * 256 + pending("https://b.example")), "no good promise: .* deeper"),
        ((200, pending("https://b.example")), "passes on to https://b.example: put that into"),
        ((200, attestation(b"litecoin", b"\x01")), "promises nothing"),
    ],
)
def test_a_calendar_that_gives_no_good_promise_is_named(calendar, answer, match):
    with calendar.serving() as url:
        calendar.answer = answer
        with pytest.raises(NoTimeStamp, match=match) as told:
            request_promise(url, DIGEST)
        assert url in str(told.value)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ((503, b""), "answers 503"),
        ((200, b"soon"), "no good attestation"),
        ((200, append(b"x") + in_block(1)), "no good attestation: .* no Merkle root"),
    ],
)
def test_a_calendar_that_gives_no_good_attestation_is_named(calendar, answer, match):
    with calendar.serving() as url:
        promise = request_promise(url, DIGEST)
        calendar.answer = answer
        with pytest.raises(NoTimeStamp, match=match):
            request_attestation(url, promise)


def test_a_promise_for_a_promise_is_not_yet_a_block(calendar):
    with calendar.serving() as url:
        promise = request_promise(url, DIGEST)
        calendar.answer = (200, HASH + pending("https://elsewhere.example"))
        assert request_attestation(url, promise) is None


def test_nobody_but_the_calendar_itself_is_asked(calendar):
    other = Calendar()
    with calendar.serving() as url, other.serving() as elsewhere:
        calendar.answer = (200, bytes([0xFF]) + HASH + pending(elsewhere) + append(b"x") + pending(url))
        promise = request_promise(url, DIGEST)
        assert request_attestation(url, promise) is None
    assert other.asked == []


def test_a_calendar_out_of_reach_or_silent_is_named():
    for url in ("http://127.0.0.1:9/", "http://a..b/", f"http://{'a' * 64}.example/"):
        with pytest.raises(NoTimeStamp, match="cannot be reached"):
            request_promise(url, DIGEST)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NoTimeStamp, match="cannot be reached"):
            request_promise(f"http://127.0.0.1:{port}/", DIGEST, timeout_s=0.2)


@pytest.mark.parametrize("url", ["", "ftp://a.example/", "https://", "https://me@a.example/"])
def test_addresses_that_are_none_are_refused(url):
    with pytest.raises(BadSettings, match="the calendar"):
        request_promise(url, DIGEST)


def test_a_port_that_is_none_is_refused():
    with pytest.raises(BadSettings, match="port"):
        request_promise("https://a.example:99999x/", DIGEST)
