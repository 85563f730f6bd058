"""Time stamps by a real authority that the test starts: taken, checked, forged and refused."""

import datetime
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from time_authority import TimeAuthority, openssl

from sentiment_engine.archive.anchors import request_stamp
from sentiment_engine.archive.timestamps import MAX_STAMP_BYTES, check_stamp, load_roots
from sentiment_engine.errors import BadEvidence, BadSettings, NoTimeStamp

CHECKPOINT = b"example.com/calls\n1\nAAAA\n\nsigned"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "real")


@pytest.fixture(scope="module")
def roots(authority):
    return load_roots(authority.root)


@pytest.fixture(scope="module")
def stamped(authority, roots):
    with authority.serving() as url:
        return request_stamp(url, CHECKPOINT, roots)


def test_a_stamp_says_when_and_who(stamped, roots):
    stamp = check_stamp(stamped, CHECKPOINT, roots)
    assert stamp.authority == "CN=Test Clock"
    assert stamp.at.tzinfo is datetime.UTC
    assert abs(stamp.at - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=5)


def test_a_stamp_is_of_these_bytes_only(stamped, roots):
    with pytest.raises(BadEvidence, match="Mismatch between messages"):
        check_stamp(stamped, CHECKPOINT + b"!", roots)


def test_another_authoritys_root_does_not_do(stamped, tmp_path):
    other = TimeAuthority(tmp_path / "other")
    with pytest.raises(BadEvidence, match="does not hold"):
        check_stamp(stamped, CHECKPOINT, load_roots(other.root))


def test_whatever_byte_changes_a_stamp_says_the_same_or_does_not_hold(stamped, roots):
    honest = check_stamp(stamped, CHECKPOINT, roots)
    refused = 0
    for at in range(len(stamped)):
        altered = stamped[:at] + bytes([stamped[at] ^ 1]) + stamped[at + 1 :]
        try:
            assert check_stamp(altered, CHECKPOINT, roots) == honest
        except BadEvidence:
            refused += 1
    assert refused > 0.9 * len(stamped)  # an extra field or two is nobody's claim


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_rubbish_and_patched_stamps_never_do_more_than_be_refused(data, stamped, roots):
    at, new = data.draw(st.integers(0, len(stamped))), data.draw(st.binary(min_size=1, max_size=40))
    patched = stamped[:at] + new + stamped[at + data.draw(st.integers(0, 40)) :]
    for hostile in (new, patched):
        try:
            assert check_stamp(hostile, CHECKPOINT, roots) == check_stamp(stamped, CHECKPOINT, roots)
        except BadEvidence:
            continue


@pytest.mark.parametrize("data", [b"", b"0", b"hello", b"\x30\x80" * 100, bytes(MAX_STAMP_BYTES + 1)])
def test_what_is_no_stamp_is_refused(data, roots):
    with pytest.raises(BadEvidence, match="time stamp"):
        check_stamp(data, CHECKPOINT, roots)


@pytest.mark.parametrize(
    ("alter", "match"),
    [
        (lambda _query, reply: (500, reply), "answers 500"),
        (lambda _query, reply: (302, reply), "answers 302"),
        (lambda _query, reply: (200, reply[:-1]), "does not hold"),
        (lambda _query, _reply: (200, b""), "does not hold"),
        (lambda _query, _reply: (200, bytes(MAX_STAMP_BYTES + 5)), "at most 65536 bytes"),
    ],
)
def test_an_authority_that_gives_no_good_stamp_is_named(authority, roots, alter, match):
    with authority.serving(alter) as url, pytest.raises(NoTimeStamp, match=match) as refused:
        request_stamp(url, CHECKPOINT, roots)
    assert url in str(refused.value)


def test_an_old_answer_to_another_question_is_not_accepted(authority, roots, stamped):
    with (
        authority.serving(lambda _query, _reply: (200, stamped)) as url,
        pytest.raises(NoTimeStamp, match="Nonce mismatch"),
    ):
        request_stamp(url, CHECKPOINT, roots)


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_stamps_over_other_good_hashes_hold_too(authority, roots, tmp_path, digest):
    (tmp_path / "data").write_bytes(CHECKPOINT)
    query = openssl("ts", "-query", "-data", "data", f"-{digest}", "-cert", cwd=tmp_path)
    assert check_stamp(authority.answer(query), CHECKPOINT, roots).authority == "CN=Test Clock"


def test_a_stamp_over_a_broken_hash_is_refused(authority, roots, tmp_path):
    (tmp_path / "data").write_bytes(CHECKPOINT)
    query = openssl("ts", "-query", "-data", "data", "-sha1", "-cert", cwd=tmp_path)
    with pytest.raises(BadEvidence, match="unsupported kind"):
        check_stamp(authority.answer(query), CHECKPOINT, roots)


def test_a_refusal_is_no_stamp(authority, roots, tmp_path):
    (tmp_path / "data").write_bytes(CHECKPOINT)
    query = openssl("ts", "-query", "-data", "data", "-md5", cwd=tmp_path)
    with pytest.raises(BadEvidence, match="does not hold"):
        check_stamp(authority.answer(query), CHECKPOINT, roots)


def test_a_stamp_without_its_certificate_is_refused(authority, roots, tmp_path):
    (tmp_path / "data").write_bytes(CHECKPOINT)
    query = openssl("ts", "-query", "-data", "data", "-sha256", cwd=tmp_path)
    with pytest.raises(BadEvidence, match="time stamp"):
        check_stamp(authority.answer(query), CHECKPOINT, roots)


def test_an_authority_out_of_reach_is_named(roots):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoTimeStamp, match=f"http://127.0.0.1:{port} cannot be reached"):
        request_stamp(f"http://127.0.0.1:{port}", CHECKPOINT, roots)


def test_an_authority_that_says_nothing_is_given_up(roots):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NoTimeStamp, match="cannot be reached: TimeoutError"):
            request_stamp(url, CHECKPOINT, roots, timeout_s=0.2)


@pytest.mark.parametrize(
    "url", ["", "tsa.example", "file:///etc/passwd", "ftp://a/", "http://", "http://a@b/", "http://a:x/"]
)
def test_addresses_that_are_none_are_refused(roots, url):
    with pytest.raises(BadSettings, match="time-stamp authority"):
        request_stamp(url, CHECKPOINT, roots)


def test_roots_must_be_there(tmp_path):
    with pytest.raises(BadSettings, match="needs a root certificate"):
        request_stamp("http://127.0.0.1:9/", CHECKPOINT, ())
    with pytest.raises(BadSettings, match="cannot be read"):
        load_roots(tmp_path / "missing")
    (tmp_path / "empty").write_bytes(b"hello")
    with pytest.raises(BadSettings, match="no certificates in PEM form"):
        load_roots(tmp_path / "empty")
