"""OpenTimestamps proofs (``.ots``), as much of the format as our own proofs need.

A proof begins with a SHA-256 and leads from it, by operations that append, prepend or hash, to
attestations: a calendar's promise (*pending*), or a block of the Bitcoin chain, whose header's Merkle root
is what the operations lead to. Who holds that header can check the proof with nothing else. Other hashes
than SHA-256 are refused: calendars use none, and SHA-1 has collisions. One proof has one spelling.

Format: https://github.com/opentimestamps/python-opentimestamps. That library is not used here, except by the
tests, as a second opinion: it was last released in 2023, and brings a Bitcoin library and PyCryptodome along.
"""

import hashlib
import re
from dataclasses import dataclass

from sentiment_engine.errors import BadEvidence

MAX_PROOF_BYTES = 1 << 14
"""Real ones have 200 to 1500 bytes."""
MAX_ANSWER_BYTES = 10_000
"""Of a calendar, as other programs have it."""

MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
PENDING = bytes.fromhex("83dfe30d2ef90c8e")
BITCOIN = bytes.fromhex("0588960d73d71901")
SHA256, APPEND, PREPEND, ATTESTATION, MORE = 0x08, 0xF0, 0xF1, 0x00, 0xFF

_HEAD = MAGIC + b"\x01\x08"
_DIGEST_BYTES = 32
_TAG_BYTES = 8
_MAX_MESSAGE_BYTES = 4096
_MAX_PAYLOAD_BYTES = 8192
_MAX_STEPS = 256
_MAX_HEIGHT = 1 << 32
_ADDRESS = re.compile(r"[A-Za-z0-9._/:-]{1,1000}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pending:
    """A calendar's promise to have a commitment attested. It proves nothing."""

    calendar: str
    """Its address."""
    commitment: bytes
    """What the calendar is to be asked for."""
    at: int
    end: int
    """Where in the proof the promise begins and ends, bytes."""
    alone: bool
    """Whether the calendar's later answer can take its place as it is."""


@dataclass(frozen=True, slots=True)
class InBlock:
    """The claim that a Bitcoin block holds the stamped digest. A header shows whether it is so."""

    height: int
    """Of the block, as the proof has it; no header holds it."""
    merkle_root: bytes
    """What the operations lead to: 32 bytes, as they stand in a header."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof says of a digest."""

    digest: bytes
    """The stamped SHA-256."""
    pending: tuple[Pending, ...]
    blocks: tuple[InBlock, ...]
    unknown: int
    """Attestations of other kinds, which say nothing here."""


def read_proof(data: bytes) -> Proof:
    """The proof in the file ``data``.

    Raises:
        BadEvidence: it is none, or one with more than our own need.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise BadEvidence(f"an OpenTimestamps proof has at most {MAX_PROOF_BYTES} bytes, not {len(data)}")
    if not data.startswith(_HEAD):
        raise BadEvidence("this is no OpenTimestamps proof of version 1 over a SHA-256")
    reader = _Reader(data, len(_HEAD))
    digest = reader.take(_DIGEST_BYTES)
    return _read(reader, digest)


def read_answer(answer: bytes, commitment: bytes) -> Proof:
    """What a calendar answers of ``commitment``, which it does not repeat.

    Raises:
        BadEvidence: the answer is none.
    """
    if len(answer) > MAX_ANSWER_BYTES:
        raise BadEvidence(f"a calendar's answer has at most {MAX_ANSWER_BYTES} bytes, not {len(answer)}")
    return _read(_Reader(answer, 0), commitment)


def begun(digest: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """How a proof of ``digest`` begins, and what a calendar is then sent.

    The nonce keeps the calendar from learning ``digest``: nobody can tell that two proofs are of one thing.
    """
    head = _HEAD + digest + bytes([APPEND, len(nonce)]) + nonce + bytes([SHA256])
    return head, hashlib.sha256(digest + nonce).digest()


def upgraded(data: bytes, pending: Pending, answer: bytes) -> bytes:
    """The proof ``data`` with the calendar's ``answer`` in the place of its promise.

    Raises:
        BadEvidence: the answer is none, or has no place there.
    """
    if not pending.alone:
        raise BadEvidence(f"the promise of {pending.calendar} stands among others in its proof")
    read_answer(answer, pending.commitment)
    whole = data[: pending.at] + answer + data[pending.end :]
    read_proof(whole)
    return whole


class _Reader:
    """Bytes, and how far they have been read."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at = data, at

    @property
    def left(self) -> int:
        return len(self._data) - self.at

    def take(self, size: int) -> bytes:
        if self.left < size:
            raise BadEvidence(f"the OpenTimestamps proof is cut short at byte {self.at}")
        self.at += size
        return self._data[self.at - size : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self, limit: int) -> int:
        """LEB128, in its shortest spelling."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if value > limit or (shift and byte == 0):
                raise BadEvidence(
                    f"the OpenTimestamps proof has a number over {limit}, or badly spelt, at byte {self.at}"
                )
            if byte < 0x80:
                return value
            shift += 7

    def text(self, limit: int) -> bytes:
        return self.take(self.number(limit))


def _read(reader: _Reader, digest: bytes) -> Proof:
    """All attestations; a stack in place of recursion, so that depth costs nothing."""
    found: list[Pending | InBlock | None] = []
    forks: list[tuple[bytes, int]] = []
    message, steps = digest, 0
    while True:
        at = reader.at
        tag = reader.byte()
        fork = tag == MORE
        if fork:
            forks.append((message, steps))
            tag = reader.byte()
        if tag == ATTESTATION:
            found.append(_attestation(reader, message, at, alone=not fork))
            if not forks:
                break
            message, steps = forks.pop()
            continue
        steps += 1
        if steps > _MAX_STEPS:
            raise BadEvidence(f"the OpenTimestamps proof is deeper than {_MAX_STEPS} steps")
        message = _step(reader, tag, message)
    if reader.left:
        raise BadEvidence(f"the OpenTimestamps proof goes on after its end, at byte {reader.at}")
    return Proof(
        digest,
        tuple(one for one in found if isinstance(one, Pending)),
        tuple(one for one in found if isinstance(one, InBlock)),
        found.count(None),
    )


def _step(reader: _Reader, tag: int, message: bytes) -> bytes:
    if tag == SHA256:
        return hashlib.sha256(message).digest()
    if tag not in (APPEND, PREPEND):
        raise BadEvidence(f"the OpenTimestamps proof has an operation that ours have not, 0x{tag:02x}")
    more = reader.text(_MAX_MESSAGE_BYTES)
    if not more or len(message) + len(more) > _MAX_MESSAGE_BYTES:
        raise BadEvidence(
            f"the OpenTimestamps proof adds nothing, or makes over {_MAX_MESSAGE_BYTES} bytes, at {reader.at}"
        )
    return message + more if tag == APPEND else more + message


def _attestation(reader: _Reader, message: bytes, at: int, *, alone: bool) -> Pending | InBlock | None:
    kind = reader.take(_TAG_BYTES)
    payload = _Reader(reader.text(_MAX_PAYLOAD_BYTES), 0)
    if kind == PENDING:
        address = payload.text(1000).decode("latin-1")
        if not _ADDRESS.fullmatch(address) or payload.left:
            raise BadEvidence("the OpenTimestamps proof names a calendar by what is no address")
        return Pending(address, message, at, reader.at, alone)
    if kind == BITCOIN:
        height = payload.number(_MAX_HEIGHT)
        if payload.left or len(message) != _DIGEST_BYTES:
            raise BadEvidence(
                "the OpenTimestamps proof names a block by what is no Merkle root, or no height"
            )
        return InBlock(height, message)
    return None
