"""Verifies an evidence bundle, with nothing but the bundle and the public key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from cryptography import x509

from sentiment_engine.archive import bundle
from sentiment_engine.archive.anchored import anchored
from sentiment_engine.archive.bitcoin import Header
from sentiment_engine.archive.bundle import LEAF_FILES, Earlier, Facts, Manifest, Proof
from sentiment_engine.archive.checkpoints import Checkpoint, open_checkpoint
from sentiment_engine.archive.container import Member, check_sum, read_container
from sentiment_engine.archive.merkle import leaf_hash
from sentiment_engine.archive.notes import open_note
from sentiment_engine.archive.proofs import is_consistent, root_of_inclusion
from sentiment_engine.archive.report import Findings, Numbering, Recording, Report, failed, report
from sentiment_engine.archive.signing import Verifier, from_base64
from sentiment_engine.archive.timestamps import Stamp, check_stamp
from sentiment_engine.errors import BadEvidence


def verify(
    file: BinaryIO,
    verifier: Verifier,
    *,
    roots: Sequence[x509.Certificate] = (),
    seen: Sequence[Checkpoint] = (),
    headers: Sequence[Header] = (),
) -> Report:
    """What the bundle ``file`` proves, and what it does not.

    Args:
        file: A seekable binary file.
        verifier: The log's public key, which came another way than the bundle.
        roots: Certificates that time-stamp authorities are trusted by; without any, stamps are not checked.
        seen: Checkpoints of the log that the verifier kept, already opened with its key.
        headers: Bitcoin block headers that OpenTimestamps proofs are checked against.

    A bundle that is altered, cut short, reordered, forged or no bundle at all gives a report that says so,
    and names the first altered leaf; nothing is raised for what is in the file.
    """
    try:
        return report(_findings(file, verifier, roots, seen, headers))
    except BadEvidence as reason:
        return failed(str(reason))


@dataclass
class _Read:
    """What the leaves say, gathered while they are checked."""

    counts: dict[str, int] = field(default_factory=lambda: {"event": 0, "review": 0})
    erased: int = 0
    numbers: list[int] = field(default_factory=list)
    unnumbered: int = 0
    ended: bool = False
    recordings: list[str] = field(default_factory=list)


def _findings(
    file: BinaryIO,
    verifier: Verifier,
    roots: Sequence[x509.Certificate],
    seen: Sequence[Checkpoint],
    headers: Sequence[Header],
) -> Findings:
    members = read_container(file)
    bundle.check_names({name: one.size for name, one in members.items()})
    note = open_note(bundle.whole(file, members[bundle.MANIFEST]), [verifier])
    if note.signatures != 1:
        raise BadEvidence(f"{bundle.MANIFEST} has more than the one signature of its exporter")
    manifest = bundle.parse_manifest(note.text)
    checkpoint_note = bundle.whole(file, members[bundle.CHECKPOINT])
    checkpoint = open_checkpoint(checkpoint_note, verifier)
    # The leaves come before the files that hold them: a report shall name the leaf that was altered.
    read = _leaves(file, members, manifest.call_id, checkpoint)
    _files(file, members, manifest)
    earlier = _earlier(file, members[bundle.EARLIER], verifier, checkpoint)
    known = {checkpoint.size: checkpoint.root, **{one.size: one.root for one in earlier}}
    for kept in seen:
        if known.get(kept.size, kept.root) != kept.root:
            raise BadEvidence(f"the log is forked: its root at size {kept.size} is not the one you kept")
    stamps = [bundle.whole(file, one) for name, one in members.items() if bundle.STAMP.fullmatch(name)]
    stamp, trouble = _stamp(stamps, checkpoint_note, roots)
    proofs = [
        (name, bundle.whole(file, one)) for name, one in members.items() if bundle.PROOF.fullmatch(name)
    ]
    recording, sha256 = _recording(manifest, read.recordings)
    return Findings(
        call_id=manifest.call_id,
        origin=checkpoint.origin,
        key=f"{verifier.name}+{verifier.key_id.hex()}",
        size=checkpoint.size,
        events=read.counts["event"],
        reviews=read.counts["review"],
        erased=read.erased,
        numbering=_numbering(read),
        stamps=len(stamps),
        stamp=stamp,
        stamp_trouble=trouble,
        anchored=anchored(proofs, checkpoint_note, headers),
        continued=tuple(one.size for one in earlier),
        seen=tuple(one.size for one in seen if one.size in known),
        unseen=tuple(one.size for one in seen if one.size not in known),
        recording=recording,
        recording_sha256=sha256,
    )


def _leaves(file: BinaryIO, members: dict[str, Member], call_id: str, checkpoint: Checkpoint) -> _Read:
    """Checks every leaf against the signed root, in the bundle's order."""
    read = _Read()
    texts = {kind: bundle.lines(file, members[name]) for kind, name in LEAF_FILES.items()}
    last = dict.fromkeys(LEAF_FILES, -1)
    for number, line in enumerate(bundle.lines(file, members[bundle.PROOFS]), 1):
        proof = bundle.decode(line, Proof, f"line {number} of {bundle.PROOFS}")
        where = f"leaf {proof.index} (line {read.counts[proof.kind] + 1} of {LEAF_FILES[proof.kind]})"
        if proof.index <= last[proof.kind]:
            raise BadEvidence(f"{where} is out of order: leaf {last[proof.kind]} comes before it")
        last[proof.kind] = proof.index
        if proof.erased:
            _leaf(proof, None, checkpoint, f"erased leaf {proof.index}")
            read.erased += 1
            continue
        text = next(texts[proof.kind], None)
        if text is None:
            raise BadEvidence(f"{where} is missing")
        _leaf(proof, text, checkpoint, where)
        read.counts[proof.kind] += 1
        _note_facts(read, bundle.decode(text, Facts, where), proof.kind == "event", call_id, where)
    for kind, rest in texts.items():
        if next(rest, None) is not None:
            raise BadEvidence(f"line {read.counts[kind] + 1} of {LEAF_FILES[kind]} has no proof")
    if not any(read.counts.values()) and not read.erased:
        raise BadEvidence("the bundle holds no leaves")
    return read


def _leaf(proof: Proof, text: bytes | None, checkpoint: Checkpoint, where: str) -> None:
    path = [from_base64(step, f"the proof of {where}") for step in proof.path]
    stated = from_base64(proof.hash, f"the hash of {where}")
    in_log = root_of_inclusion(stated, proof.index, checkpoint.size, path) == checkpoint.root
    if text is not None and leaf_hash(text) != stated:
        raise BadEvidence(f"{where} was altered" if in_log else f"{where} or its proof was altered")
    if not in_log:
        raise BadEvidence(f"{where} is not in the signed log: it or its proof was altered")


def _note_facts(read: _Read, facts: Facts, is_event: bool, call_id: str, where: str) -> None:
    if facts.call_id != call_id:
        raise BadEvidence(f"{where} is of another call than the bundle, {facts.call_id!r}")
    if facts.type == bundle.RECORDING_HASHED and facts.sha256 is not None:
        read.recordings.append(facts.sha256)
    if not is_event:
        return
    read.ended |= facts.type == "call.ended"
    if not facts.seq:  # 0 is the number of what people say, not the call's monitor
        read.unnumbered += 1
    else:
        read.numbers.append(facts.seq)


def _files(file: BinaryIO, members: dict[str, Member], manifest: Manifest) -> None:
    listed = [(one.name, one.size) for one in manifest.files]
    found = [(one.name, one.size) for one in members.values()]
    if found != [(bundle.MANIFEST, members[bundle.MANIFEST].size), *listed]:
        raise BadEvidence("the bundle's files are not those that its manifest lists")
    check_sum(file, members[bundle.MANIFEST])
    for one in manifest.files:
        if check_sum(file, members[one.name]) != one.sha256:
            raise BadEvidence(f"{one.name} was altered: it has another SHA-256 than in the manifest")


def _earlier(file: BinaryIO, member: Member, verifier: Verifier, checkpoint: Checkpoint) -> list[Checkpoint]:
    found = []
    for number, line in enumerate(bundle.lines(file, member), 1):
        where = f"line {number} of {member.name}"
        one = bundle.decode(line, Earlier, where)
        old = open_checkpoint(one.checkpoint.encode(), verifier)
        path = [from_base64(step, f"the proof in {where}") for step in one.path]
        if not is_consistent(old.size, checkpoint.size, old.root, checkpoint.root, path):
            raise BadEvidence(
                f"the log is forked, or {where} was altered: the log of size {checkpoint.size} does not "
                f"continue its signed checkpoint of size {old.size}"
            )
        found.append(old)
    return found


def _stamp(
    stamps: Sequence[bytes], note: bytes, roots: Sequence[x509.Certificate]
) -> tuple[Stamp | None, str]:
    """The earliest time stamp that holds, or else why none does."""
    if not roots:
        return None, ""
    held, trouble = [], "no time stamp in the bundle to check with the given certificate"
    for stamp in stamps:
        try:
            held.append(check_stamp(stamp, note, roots))
        except BadEvidence as reason:  # another of them may be by the trusted authority
            trouble = str(reason)
    return (min(held, key=lambda one: one.at), "") if held else (None, trouble)


def _numbering(read: _Read) -> Numbering:
    return Numbering(
        missing=tuple(_gaps(sorted({one for one in read.numbers if one > 0}))),
        in_order=all(a < b for a, b in zip([0, *read.numbers], read.numbers, strict=False)),
        ended=read.ended,
        unnumbered=read.unnumbered,
    )


def _gaps(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    before = 0
    for number in numbers:
        if number > before + 1:
            yield before + 1, number - 1
        before = number


def _recording(manifest: Manifest, hashes: Sequence[str]) -> tuple[Recording, str]:
    packed = next((one.sha256 for one in manifest.files if bundle.RECORDING.fullmatch(one.name)), None)
    if packed is None:
        return ("elsewhere", ", ".join(hashes)) if hashes else ("none", "")
    if not hashes:
        return "uncovered", packed
    if packed not in hashes:
        raise BadEvidence("the recording was replaced: the log holds another SHA-256 than the file has")
    return "matches", packed
