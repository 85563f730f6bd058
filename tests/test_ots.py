"""OpenTimestamps proofs: read as the reference program reads them, or refused."""

import hashlib

import pytest
from calendar_server import HASH, append, attestation, in_block, kept, number, pending, prepend, text
from hypothesis import given
from hypothesis import strategies as st
from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, PendingAttestation
from opentimestamps.core.op import OpAppend, OpPrepend, OpSHA256
from opentimestamps.core.serialize import (
    BytesDeserializationContext,
    BytesSerializationContext,
    DeserializationError,
)
from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

from sentiment_engine.archive.bitcoin import read_header
from sentiment_engine.archive.ots import (
    MAGIC,
    MAX_ANSWER_BYTES,
    MAX_PROOF_BYTES,
    InBlock,
    begun,
    read_answer,
    read_proof,
    upgraded,
)
from sentiment_engine.errors import BadEvidence

DIGEST = hashlib.sha256(b"checkpoint").digest()
HEAD = MAGIC + b"\x01\x08" + DIGEST
URL = "https://calendar.example/"
UNKNOWN = attestation(b"whatever", b"payload")
NESTED = 0xFF

GENESIS = (
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    "29ab5f49ffff001d1dac2b7c"
)
GENESIS_TRANSACTION = bytes.fromhex(
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468"
    "652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261"
    "696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e0"
    "3909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)


def both(*items: bytes) -> bytes:
    """A place where a proof goes several ways."""
    *first, last = items
    return b"".join(bytes([NESTED]) + one for one in first) + last


def reference(data: bytes) -> DetachedTimestampFile:
    return DetachedTimestampFile.deserialize(BytesDeserializationContext(data))


def claims(data: bytes) -> tuple[set, set]:
    """Blocks and promises, as the reference program sees them."""
    found = list(reference(data).timestamp.all_attestations())
    return (
        {(one.height, message) for message, one in found if isinstance(one, BitcoinBlockHeaderAttestation)},
        {(one.uri, message) for message, one in found if isinstance(one, PendingAttestation)},
    )


def ours(data: bytes) -> tuple[set, set]:
    proof = read_proof(data)
    return (
        {(one.height, one.merkle_root) for one in proof.blocks},
        {(one.calendar, one.commitment) for one in proof.pending},
    )


# -- what is read


def test_a_promise_says_who_and_for_what():
    head, sent = begun(DIGEST, b"n" * 16)
    assert sent == hashlib.sha256(DIGEST + b"n" * 16).digest()
    data = head + append(b"more") + pending(URL)
    proof = read_proof(data)
    assert (proof.digest, proof.blocks, proof.unknown) == (DIGEST, (), 0)
    (one,) = proof.pending
    assert (one.calendar, one.commitment, one.alone) == (URL, sent + b"more", True)
    assert data[one.at : one.end] == pending(URL)
    assert ours(data) == claims(data)


def test_a_promise_is_replaced_by_the_block_it_became():
    head, sent = begun(DIGEST, b"n" * 16)
    answer, root = kept(sent)
    (one,) = read_proof(head + pending(URL)).pending
    whole = upgraded(head + pending(URL), one, answer)
    assert read_proof(whole).blocks == (InBlock(840_000, root),)
    assert read_proof(whole).pending == ()
    assert ours(whole) == claims(whole)


def test_a_promise_on_one_way_of_several_is_replaced_where_it_stands():
    data = HEAD + both(
        append(b"1") + pending(URL), prepend(b"2") + HASH + UNKNOWN, append(b"3") + pending(URL)
    )
    first, last = read_proof(data).pending
    for one in (first, last):
        answer, root = kept(one.commitment)
        whole = upgraded(data, one, answer)
        assert [block.merkle_root for block in read_proof(whole).blocks] == [root]
        assert len(read_proof(whole).pending) == 1
        assert read_proof(whole).unknown == 1
        assert ours(whole) == claims(whole)


def test_a_promise_among_others_of_one_message_is_left_alone():
    data = HEAD + both(pending(URL), pending("https://b.example"))
    first, last = read_proof(data).pending
    assert (first.alone, last.alone) == (False, True)
    with pytest.raises(BadEvidence, match="stands among others"):
        upgraded(data, first, kept(DIGEST)[0])
    assert ours(upgraded(data, last, kept(DIGEST)[0])) == claims(upgraded(data, last, kept(DIGEST)[0]))


def test_an_upgrade_that_is_none_or_too_long_is_refused():
    data = HEAD + pending(URL)
    (one,) = read_proof(data).pending
    for answer in (
        b"",
        b"hello",
        kept(DIGEST)[0][:-1],
        kept(DIGEST)[0] + b"\x00",
        bytes(MAX_ANSWER_BYTES + 1),
    ):
        with pytest.raises(BadEvidence):
            upgraded(data, one, answer)


def test_an_upgrade_may_not_make_a_proof_too_long():
    data = HEAD + both(append(b"a" * 4000) + UNKNOWN, append(b"b" * 4000) + UNKNOWN, pending(URL))
    answer = both(*(append(bytes([n]) * 3200) + UNKNOWN for n in range(3)), in_block(1))
    assert read_answer(answer, DIGEST).blocks == (InBlock(1, DIGEST),)
    (one,) = read_proof(data).pending
    with pytest.raises(BadEvidence, match=f"at most {MAX_PROOF_BYTES} bytes"):
        upgraded(data, one, answer)


def test_the_genesis_blocks_transaction_is_proven_against_its_header():
    header = read_header(GENESIS)
    assert header.hash == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    assert f"{header.at:%Y-%m-%d %H:%M:%S}" == "2009-01-03 18:15:05"
    # A proof that 32 of its bytes, in the place of a digest, stand in the first transaction of all.
    digest = GENESIS_TRANSACTION[130:162]
    steps = prepend(GENESIS_TRANSACTION[:130]) + append(GENESIS_TRANSACTION[162:]) + HASH + HASH
    data = MAGIC + b"\x01\x08" + digest + steps + in_block(0)
    assert read_proof(data).blocks == (InBlock(0, header.merkle_root),)
    assert ours(data) == claims(data)
    other = MAGIC + b"\x01\x08" + GENESIS_TRANSACTION[131:163] + steps + in_block(0)
    assert read_proof(other).blocks[0].merkle_root != header.merkle_root


# -- as the reference program has it

messages = st.binary(min_size=1, max_size=40)
attestations = st.one_of(
    st.builds(
        PendingAttestation, st.from_regex(r"https://[a-z]{1,9}\.example/[a-z0-9/._-]{0,9}", fullmatch=True)
    ),
    st.builds(BitcoinBlockHeaderAttestation, st.integers(0, 10**6)),
)


@st.composite
def timestamps(draw) -> bytes:
    """A proof that the reference program writes, of up to three ways at each of up to four levels."""
    whole = Timestamp(DIGEST)

    def grow(stamp: Timestamp, depth: int) -> None:
        for _ in range(draw(st.integers(1, 3 if depth < 2 else 1))):
            step = draw(st.sampled_from([OpAppend, OpPrepend]))(draw(messages))
            after = stamp.ops.add(step).ops.add(OpSHA256())
            if depth < 3 and draw(st.booleans()):
                grow(after, depth + 1)
            if not after.ops or draw(st.booleans()):
                after.attestations.add(draw(attestations))

    grow(whole, 0)
    out = BytesSerializationContext()
    DetachedTimestampFile(OpSHA256(), whole).serialize(out)
    return out.getbytes()


@given(timestamps())
def test_what_the_reference_program_writes_is_read_alike(data):
    assert read_proof(data).digest == DIGEST
    assert ours(data) == claims(data)


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(HEAD.__add__)))
def test_rubbish_is_refused_or_read_alike(data):
    try:
        found = ours(data)
    except BadEvidence:
        return
    assert found == claims(data)


@given(timestamps(), st.data())
def test_a_change_is_refused_or_read_alike(whole, data):
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    try:
        found = ours(changed)
    except BadEvidence:
        return
    assert found == claims(changed)


def test_each_byte_of_a_proof_matters_or_says_what_no_header_bears_out():
    head, sent = begun(DIGEST, b"nonce of 16 byte")
    answer, root = kept(sent)
    whole = head + answer
    harmless = 0
    for at in range(len(whole)):
        for flip in (0x01, 0x08, 0x80, 0xFF):
            changed = whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
            try:
                proof = read_proof(changed)
            except BadEvidence:
                continue
            if proof.digest != DIGEST:
                continue  # of something else, which whoever verifies compares
            if any(one.merkle_root == root for one in proof.blocks):
                harmless += 1  # the height: a hint where to look, which nothing rests on
                assert at >= len(whole) - len(number(840_000))
    assert harmless > 0


def test_a_proof_cut_anywhere_is_refused():
    whole = HEAD + both(pending(URL), kept(DIGEST)[0])
    for size in range(len(whole)):
        with pytest.raises(BadEvidence):
            read_proof(whole[:size])


def test_a_version_a_hash_and_operations_that_ours_have_not_are_refused():
    for head in (MAGIC[:-1] + b"x\x01\x08", MAGIC + b"\x02\x08", MAGIC + b"\x01\x02"):
        with pytest.raises(BadEvidence, match="no OpenTimestamps proof of version 1 over a SHA-256"):
            read_proof(head + DIGEST + pending(URL))
    for tag in (0x02, 0x03, 0x67, 0xF2, 0xF3, 0x7F):
        with pytest.raises(BadEvidence, match=f"0x{tag:02x}"):
            read_proof(HEAD + bytes([tag]) + pending(URL))
    with pytest.raises(BadEvidence, match="0xff"):
        read_proof(HEAD + bytes([NESTED, NESTED]) + pending(URL))


@pytest.mark.parametrize(
    ("rest", "match"),
    [
        (append(b"") + pending(URL), "adds nothing"),
        (append(b"x" * 4065) + pending(URL), "over 4096 bytes"),
        (bytes([0xF0]) + number(4097) + b"x" * 4097, "a number over 4096"),
        (b"\xf0\x84\x00" + b"more" + pending(URL), "badly spelt"),
        (b"\xf0" + b"\xff" * 400, "a number over 4096"),
        (HASH * 257 + pending(URL), "deeper than 256 steps"),
        (pending(URL) + b"\x00", "goes on after its end"),
        (pending(""), "no address"),
        (pending("https://a.example/?q"), "no address"),
        (pending("x" * 1001), "a number over 1000"),
        (attestation(bytes.fromhex("83dfe30d2ef90c8e"), text(b"https://a.example") + b"!"), "no address"),
        (attestation(bytes.fromhex("0588960d73d71901"), b"\x01\x01"), "no Merkle root, or no height"),
        (attestation(bytes.fromhex("0588960d73d71901"), b"\xff\xff\xff\xff\xff\x01"), "a number over"),
        (append(b"x") + in_block(1), "no Merkle root"),
        (attestation(b"whatever", b"x" * 8193), "a number over 8192"),
    ],
)
def test_what_no_proof_of_ours_has_is_refused(rest, match):
    with pytest.raises(BadEvidence, match=match):
        read_proof(HEAD + rest)


def test_huge_and_deep_input_is_refused_at_once():
    with pytest.raises(BadEvidence, match="at most"):
        read_proof(HEAD + bytes(MAX_PROOF_BYTES))
    with pytest.raises(BadEvidence, match="deeper"):
        read_proof(HEAD + bytes([NESTED, 0x08]) * 8000)
    with pytest.raises(BadEvidence, match="cut short"):
        read_proof(HEAD + (bytes([NESTED]) + UNKNOWN) * 500)


def test_256_steps_are_read_as_the_reference_program_reads_them():
    read_proof(HEAD + HASH * 256 + pending(URL))
    with pytest.raises(DeserializationError):
        reference(HEAD + HASH * 257 + pending(URL))
