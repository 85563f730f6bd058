"""OpenTimestamps proofs in a bundle: what the report says of promises, of blocks, and of headers."""

import datetime
import hashlib

import pytest
from calendar_server import EASY_TARGET, HEIGHT, MINED_AT, attestation, header, in_block, kept, pending
from evidence_logs import checked, everything, exported, not_proven, two_calls

from sentiment_engine.archive import bitcoin
from sentiment_engine.archive import verify as verifying
from sentiment_engine.archive.bitcoin import read_header
from sentiment_engine.archive.ots import MAGIC, MAX_PROOF_BYTES, begun
from sentiment_engine.archive.timestamps import Stamp
from sentiment_engine.errors import BadEvidence

URL = "https://calendar.example"
NONCE = b"nonce of 16 byte"
MINED = f"{datetime.datetime.fromtimestamp(MINED_AT, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(autouse=True)
def _easy(monkeypatch):
    monkeypatch.setattr(bitcoin, "EASIEST_TARGET", EASY_TARGET)


def promised(note: bytes, url: str = URL) -> bytes:
    return begun(hashlib.sha256(note).digest(), NONCE)[0] + pending(url)


def attested(note: bytes) -> tuple[bytes, str]:
    """A proof, and the header of the block in it."""
    head, sent = begun(hashlib.sha256(note).digest(), NONCE)
    answer, root = kept(sent)
    return head + answer, header(root)


def claims_no_time(report) -> bool:
    return "existed" not in " ".join(report.proven) and "only internal consistency is shown" in report.line()


def test_a_promise_proves_nothing_and_the_report_says_so():
    log = two_calls()
    proofs = [promised(log.checkpoint()), promised(log.checkpoint(), "https://b.example")]
    data = exported(log, proofs=proofs)
    assert everything(data)["timestamps/1.ots"] == proofs[1]
    report = checked(data)
    assert report.verdict == "PROVEN"
    assert claims_no_time(report)
    assert f"the promise of {URL}, https://b.example to have it attested proves nothing" in report.line()
    assert "there is no outside time stamp" not in report.line()


def test_a_block_without_a_header_is_said_to_be_unchecked():
    log = two_calls()
    proof, _ = attested(log.checkpoint())
    report = checked(exported(log, proofs=[promised(log.checkpoint()), proof]))
    assert report.verdict == "PROVEN"
    assert claims_no_time(report)
    assert f"an OpenTimestamps proof unchecked, give --bitcoin-header of block {HEIGHT}" in report.line()
    assert "proves nothing" in report.line()


def test_with_the_blocks_header_the_report_says_what_it_shows_and_what_it_does_not():
    log = two_calls()
    proof, of_block = attested(log.checkpoint())
    found = read_header(of_block)
    report = checked(exported(log, proofs=[proof]), headers=[found])
    assert report.verdict == "PROVEN"
    (time,) = [one for one in report.proven if "existed" in one]
    assert time == (
        "the checkpoint, and these leaves with it, existed before work of about 2^1 hashes was done on "
        f"the block header you gave, {found.hash}, which says of itself {MINED}"
    )
    assert (
        f"that this header is block {HEIGHT} of the Bitcoin chain, which its time rests on: look it up "
        "where you trust it"
    ) in report.open
    assert "how long before that time it was written" in report.open
    assert "internal consistency" not in report.line()


def test_of_several_headers_the_earliest_that_holds_the_checkpoint_is_told():
    log = two_calls()
    proof, of_block = attested(log.checkpoint())
    root = read_header(of_block).merkle_root
    headers = [read_header(header(root, at=at)) for at in (MINED_AT + 9, MINED_AT, MINED_AT + 5)]
    headers.append(read_header(header(bytes(32), at=MINED_AT - 9)))
    report = checked(exported(log, proofs=[proof]), headers=headers)
    assert report.verdict == "PROVEN"
    assert MINED in report.line()


def test_a_header_of_another_block_proves_no_time():
    log = two_calls()
    proof, _ = attested(log.checkpoint())
    other = read_header(header(b"r" * 32))
    for proofs, says in (
        (
            [proof],
            f"the given Bitcoin header does not hold the checkpoint: the bundle's proofs name block {HEIGHT}",
        ),
        (
            [promised(log.checkpoint())],
            "no OpenTimestamps proof in the bundle names a Bitcoin block to check",
        ),
        ([], "no OpenTimestamps proof in the bundle names a Bitcoin block to check"),
    ):
        report = checked(exported(log, proofs=proofs), headers=[other])
        assert report.verdict == "PROVEN IN PART"
        assert claims_no_time(report)
        assert says in report.line()


def test_a_proof_of_something_else_or_none_at_all_fails_the_bundle():
    log = two_calls()
    for proof, says in (
        (promised(log.checkpoint(13)), "timestamps/0.ots is of another file than this checkpoint"),
        (b"hello", "timestamps/0.ots: this is no OpenTimestamps proof"),
        (promised(log.checkpoint())[:-1], "timestamps/0.ots: the OpenTimestamps proof is cut short"),
        (MAGIC + b"\x01\x08" + bytes(32) + in_block(1), "another file"),
        (bytes(MAX_PROOF_BYTES), "no OpenTimestamps proof"),
    ):
        not_proven(checked(exported(log, proofs=[proof])), says)
    with pytest.raises(BadEvidence, match="more than the"):
        exported(log, proofs=[bytes(MAX_PROOF_BYTES + 1)])
    with pytest.raises(BadEvidence, match=r"timestamps/8\.ots does not belong"):
        exported(log, proofs=[promised(log.checkpoint())] * 9)


def test_an_attestation_of_an_unknown_kind_says_nothing():
    log = two_calls()
    head, _ = begun(hashlib.sha256(log.checkpoint()).digest(), NONCE)
    report = checked(exported(log, proofs=[head + attestation(b"litecoin", b"\x01")]))
    assert report.verdict == "PROVEN"
    assert claims_no_time(report)
    assert "only attestations of kinds that are not read here" in report.line()


def test_beside_a_time_stamp_both_are_told(monkeypatch):
    stamp = Stamp(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), "CN=Clock")

    def check_stamp(data, _note, _roots):
        if data != b"good":
            raise BadEvidence("another authority's")
        return stamp

    monkeypatch.setattr(verifying, "check_stamp", check_stamp)
    log = two_calls()
    proof, of_block = attested(log.checkpoint())
    headers = [read_header(of_block)]
    both = checked(exported(log, proofs=[proof], timestamps=[b"good"]), roots=["root"], headers=headers)
    assert both.verdict == "PROVEN"
    assert [one.split(" existed ")[1][:2] for one in both.proven if " existed " in one] == ["at", "be"]

    stamped = checked(exported(log, proofs=[proof], timestamps=[b"good"]), roots=["root"])
    assert stamped.verdict == "PROVEN"
    assert (
        f"any other time (an OpenTimestamps proof unchecked, give --bitcoin-header of block {HEIGHT})"
        in stamped.open
    )

    mined = checked(exported(log, proofs=[proof], timestamps=[b"bad"]), roots=["root"], headers=headers)
    assert mined.verdict == "PROVEN IN PART"
    assert "any other time (another authority's)" in mined.open
    unchecked = checked(exported(log, proofs=[proof], timestamps=[b"good"]), headers=headers)
    assert unchecked.verdict == "PROVEN"
    assert "any other time (1 time stamp in the bundle unchecked, give --tsa-ca)" in unchecked.open

    neither = checked(exported(log, proofs=[promised(log.checkpoint())], timestamps=[b"good"]))
    assert claims_no_time(neither)
    assert "give --tsa-ca, and the promise of" in neither.line()


def test_each_byte_of_a_proof_in_a_bundle_matters():
    log = two_calls()
    proof, of_block = attested(log.checkpoint())
    data = exported(log, proofs=[proof])
    at = data.index(proof)
    for place in range(at, at + len(proof)):
        altered = data[:place] + bytes([data[place] ^ 0x01]) + data[place + 1 :]
        not_proven(checked(altered, headers=[read_header(of_block)]), "0.ots")
