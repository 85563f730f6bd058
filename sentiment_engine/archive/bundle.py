"""What an evidence bundle holds: the names, the limits and the records of its files.

    manifest.txt         signed note: the call, and the size and SHA-256 of every other file
    checkpoint.txt       signed note: size and root of the log
    proofs.jsonl         one line per leaf: where it stands in the log, and the proof that it does
    events.jsonl         the call's events, one a line: the exact bytes of their leaves
    reviews.jsonl        the same of its reviews
    earlier.jsonl        earlier checkpoints of the log, each with the proof that the log continued it
    timestamps/0.tsr     time stamps of checkpoint.txt by outside authorities
    timestamps/0.ots     OpenTimestamps proofs of checkpoint.txt
    recording.flac       the recording, if it is kept

A line of events.jsonl without its line break is a leaf. Leaves are JSON objects with ``type`` and
``call_id``; events have their number in the call as ``seq``, 0 if people made them; the leaf of type
``recording.hashed`` has the recording's ``sha256``. An erased leaf has a proof and no line.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, BinaryIO, Literal, TypeVar

import msgspec

from sentiment_engine.archive.container import Member, read_member
from sentiment_engine.archive.notes import MAX_NOTE_BYTES
from sentiment_engine.archive.ots import MAX_PROOF_BYTES
from sentiment_engine.archive.timestamps import MAX_STAMP_BYTES
from sentiment_engine.errors import BadEvidence

FORMAT = "sentiment-engine evidence bundle 1"
"""First line of a manifest. No log's name has spaces, so a manifest never passes for a checkpoint."""

MANIFEST, CHECKPOINT, PROOFS = "manifest.txt", "checkpoint.txt", "proofs.jsonl"
EVENTS, REVIEWS, EARLIER = "events.jsonl", "reviews.jsonl", "earlier.jsonl"
REQUIRED = (MANIFEST, CHECKPOINT, PROOFS, EVENTS, REVIEWS, EARLIER)
STAMP = re.compile(r"timestamps/[0-7]\.tsr", re.ASCII)
PROOF = re.compile(r"timestamps/[0-7]\.ots", re.ASCII)
RECORDING = re.compile(r"recording\.[a-z0-9]{1,8}", re.ASCII)
FLAC = "recording.flac"
"""What this server's own recordings are called."""
RECORDING_HASHED = "recording.hashed"
"""Type of the leaf that has the SHA-256 of the call's recording."""

MAX_LINE_BYTES = 1 << 20
"""Of one leaf or proof; an alert with all its suggestions has a few kB."""

_LIMITS = {MANIFEST: MAX_NOTE_BYTES, CHECKPOINT: MAX_NOTE_BYTES, EARLIER: 1 << 24}
_LEAVES_LIMIT = 1 << 30

Kind = Literal["event", "review"]
LEAF_FILES: dict[Kind, str] = {"event": EVENTS, "review": REVIEWS}

Size = Annotated[int, msgspec.Meta(ge=0)]
Record = TypeVar("Record", bound=msgspec.Struct)


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of proofs.jsonl."""

    index: Size
    """Of the leaf in the log, from 0."""
    kind: Kind
    hash: str
    """The leaf's hash, base64."""
    erased: bool = False
    """The leaf's bytes are gone: the hash is all that is left."""
    path: list[str]
    """Its inclusion proof, hashes in base64, the nearest node first."""


class Earlier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of earlier.jsonl."""

    checkpoint: str
    """A signed note, as the log gave it out."""
    path: list[str]
    """The consistency proof from it to checkpoint.txt, hashes in base64."""


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a manifest says of one file."""

    name: str
    size: Size
    """Bytes."""
    sha256: str
    """64 hexadecimal digits."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The second line of a manifest."""

    call_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    files: list[File]
    """All other files of the bundle, in their order."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at in a leaf; its other fields are as they are."""

    type: str
    call_id: str
    seq: int | None = None
    sha256: str | None = None


def manifest_text(manifest: Manifest) -> str:
    """The text that a bundle's exporter signs."""
    return f"{FORMAT}\n{msgspec.json.encode(manifest).decode()}\n"


def parse_manifest(text: str) -> Manifest:
    """The manifest in the signed ``text``.

    Raises:
        BadEvidence: it is no manifest of this format.
    """
    first, _, second = text.partition("\n")
    if first != FORMAT:
        raise BadEvidence(f"{MANIFEST} is of another format, or version, than {FORMAT!r}")
    return decode(second.encode(), Manifest, MANIFEST)


def decode(line: bytes, kind: type[Record], where: str) -> Record:
    """The record that the JSON object ``line`` holds.

    Raises:
        BadEvidence: it is none of ``kind``; the message names ``where`` it stands.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
        raise BadEvidence(f"{where} cannot be read: {reason}") from reason


def check_names(sizes: Mapping[str, int]) -> None:
    """Refuses files, given as names with their bytes, that are not those of a bundle.

    Raises:
        BadEvidence: a file is missing, foreign, or larger than its like may be.
    """
    for name in REQUIRED:
        if name not in sizes:
            raise BadEvidence(f"the bundle has no {name}")
    for name, size in sizes.items():
        if name not in REQUIRED and not any(kind.fullmatch(name) for kind in (STAMP, PROOF, RECORDING)):
            raise BadEvidence(f"{name} does not belong in a bundle")
        limit = _LIMITS.get(name, _LEAVES_LIMIT)
        if STAMP.fullmatch(name):
            limit = MAX_STAMP_BYTES
        elif PROOF.fullmatch(name):
            limit = MAX_PROOF_BYTES
        if not RECORDING.fullmatch(name) and size > limit:
            raise BadEvidence(f"{name} has {size} bytes, more than the {limit} that it may have")
    if sum(1 for name in sizes if RECORDING.fullmatch(name)) > 1:
        raise BadEvidence("the bundle has more than one recording")


def whole(file: BinaryIO, member: Member) -> bytes:
    """The contents of a small file."""
    return b"".join(read_member(file, member))


def lines(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """The lines of a file, without their breaks, of which the last line has one too.

    Raises:
        BadEvidence: a line is too long, or the last one is not ended.
    """
    rest = b""
    for piece in read_member(file, member):
        *ended, rest = (rest + piece).split(b"\n")
        yield from ended
        if len(rest) > MAX_LINE_BYTES:
            break
    if rest:
        raise BadEvidence(f"{member.name} has a line without an end, or of over {MAX_LINE_BYTES} bytes")
