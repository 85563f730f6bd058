"""Makes an evidence bundle of one call. What cannot be proven afterwards is not exported."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from sentiment_engine.archive import bundle
from sentiment_engine.archive.bundle import LEAF_FILES, Earlier, File, Kind, Manifest, Proof
from sentiment_engine.archive.checkpoints import Checkpoint, open_checkpoint
from sentiment_engine.archive.container import Entry, write_container
from sentiment_engine.archive.merkle import Leaves, Tree, leaf_hash
from sentiment_engine.archive.notes import sign
from sentiment_engine.archive.signing import Signer, to_base64
from sentiment_engine.errors import BadEvidence

Leaf = tuple[int, bytes | None]
"""A leaf's index in the log and its bytes, which are ``None`` once they are erased."""

_PIECE = 1 << 20


def export(
    out: BinaryIO,
    *,
    signer: Signer,
    leaves: Leaves | Tree,
    checkpoint: bytes,
    call_id: str,
    events: Iterable[Leaf],
    reviews: Iterable[Leaf] = (),
    earlier: Sequence[bytes] = (),
    timestamps: Sequence[bytes] = (),
    proofs: Sequence[bytes] = (),
    recording: Path | bytes | None = None,
) -> None:
    """Writes the bundle of ``call_id`` to ``out``: the same bytes for the same contents.

    Args:
        out: A binary file; written from its present position.
        signer: The log's key, which also signs the manifest.
        leaves: The log's leaf hashes, or a tree that has read them before.
        checkpoint: A signed checkpoint of the log that covers these leaves; best one that is time-stamped.
        call_id: The call.
        events: All its events, in the order of the log.
        reviews: All its reviews, in the order of the log.
        earlier: Signed checkpoints given out before, which the bundle shall show to be continued.
        timestamps: RFC 3161 responses over ``checkpoint``, at most 8.
        proofs: OpenTimestamps proofs of ``checkpoint``, at most 8.
        recording: The recording, if it is kept: a file whose ending is letters and digits, or the
            bytes of a FLAC file.

    Raises:
        BadEvidence: what is given does not fit together: the store does not hold what the log has signed, a
            leaf is newer than ``checkpoint``, or is no line of text. Nothing useful has been written then.
    """
    signed = open_checkpoint(checkpoint, signer.verifier)
    tree = leaves if isinstance(leaves, Tree) else Tree(leaves)
    if tree.root(signed.size) != signed.root:
        raise BadEvidence(f"the store is altered: its root at size {signed.size} is not the signed one")
    paths: list[bytes] = []
    texts = {
        bundle.EVENTS: _leaf_lines("event", events, tree, signed, paths),
        bundle.REVIEWS: _leaf_lines("review", reviews, tree, signed, paths),
    }
    if not paths:
        raise BadEvidence(f"the log holds nothing of call {call_id!r}")
    files = {
        bundle.CHECKPOINT: checkpoint,
        bundle.PROOFS: _joined(paths),
        **texts,
        bundle.EARLIER: _joined(_earlier(note, tree, signed, signer) for note in earlier),
        **{f"timestamps/{at}.tsr": stamp for at, stamp in enumerate(timestamps)},
        **{f"timestamps/{at}.ots": proof for at, proof in enumerate(proofs)},
    }
    pack(out, signer, call_id, files, recording)


def pack(
    out: BinaryIO,
    signer: Signer,
    call_id: str,
    files: dict[str, bytes],
    recording: Path | bytes | None = None,
) -> None:
    """Writes ``files``, and ``recording``, under a manifest signed by ``signer``.

    Raises:
        BadEvidence: a name or a size is not allowed, or the recording cannot be read or is changing.
    """
    if isinstance(recording, bytes):
        files = {**files, bundle.FLAC: recording}
    entries = [Entry.of(name, data) for name, data in files.items()]
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    if isinstance(recording, Path):
        entry, sums[entry.name] = _recording(recording)
        entries.append(entry)
    listed = [File(name=one.name, size=one.size, sha256=sums[one.name]) for one in entries]
    text = bundle.manifest_text(Manifest(call_id=call_id, files=listed))
    bundle.parse_manifest(text)  # what we cannot read back, nobody can
    entries.insert(0, Entry.of(bundle.MANIFEST, sign(text, [signer])))
    bundle.check_names({one.name: one.size for one in entries})
    write_container(out, entries)


def _leaf_lines(
    kind: Kind, leaves: Iterable[Leaf], tree: Tree, signed: Checkpoint, proofs: list[bytes]
) -> bytes:
    """The file of one kind of leaves; adds their proofs to ``proofs``."""
    kept = []
    last = -1
    for index, data in leaves:
        if index <= last:
            raise BadEvidence(f"{LEAF_FILES[kind]}: leaf {index} comes after leaf {last}: give them in order")
        last = index
        path = tree.inclusion(index, signed.size)
        known = tree.leaf(index)
        if data is not None:
            if leaf_hash(data) != known:
                raise BadEvidence(f"the store is altered: leaf {index} is not the one that the log holds")
            if b"\n" in data or len(data) > bundle.MAX_LINE_BYTES:
                raise BadEvidence(f"leaf {index} is no line of at most {bundle.MAX_LINE_BYTES} bytes")
            kept.append(data)
        proof = Proof(
            index=index,
            kind=kind,
            hash=to_base64(known),
            erased=data is None,
            path=[to_base64(step) for step in path],
        )
        proofs.append(msgspec.json.encode(proof))
    return _joined(kept)


def _earlier(note: bytes, tree: Tree, signed: Checkpoint, signer: Signer) -> bytes:
    old = open_checkpoint(note, signer.verifier)
    path = tree.consistency(old.size, signed.size)
    if tree.root(old.size) != old.root:
        raise BadEvidence(f"the log is forked: its root at size {old.size} is not the one it signed before")
    return msgspec.json.encode(Earlier(checkpoint=note.decode(), path=[to_base64(step) for step in path]))


def _recording(path: Path) -> tuple[Entry, str]:
    name = "recording" + path.suffix.lower()
    if not bundle.RECORDING.fullmatch(name):
        raise BadEvidence(f"the recording {path} needs an ending of letters and digits, such as .flac")
    size = crc = 0
    sha256 = hashlib.sha256()
    for piece in _pieces(path):
        size += len(piece)
        crc = zlib.crc32(piece, crc)
        sha256.update(piece)
    return Entry(name, size, crc, lambda: _pieces(path)), sha256.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as reason:
        raise BadEvidence(f"the recording {path} cannot be read: {reason.strerror}") from reason


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
