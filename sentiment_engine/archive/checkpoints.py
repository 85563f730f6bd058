"""Checkpoints as in https://c2sp.org/tlog-checkpoint: a log's size and root, as the text of a signed note."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_engine.archive.merkle import HASH_BYTES, Tree
from sentiment_engine.archive.notes import open_note, sign
from sentiment_engine.archive.signing import Signer, Verifier, check_name, from_base64, to_base64
from sentiment_engine.errors import BadEvidence

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: that its first ``size`` leaves have this root."""

    origin: str
    """The log's name, which is the name of its key."""
    size: int
    """Leaves in the log, at least 0."""
    root: bytes
    """Root of their Merkle tree, 32 bytes."""

    @property
    def text(self) -> str:
        """Three lines: origin, size, root in base64."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text holds.

    Further lines are refused, although the format allows them: we write none, and nothing is reported on what
    is not understood.

    Raises:
        BadEvidence: ``text`` is no checkpoint.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise BadEvidence(
            f"a checkpoint has three lines, origin, size and root; this has {text.count(chr(10))}"
        )
    origin, size, root = lines[:3]
    check_name(origin)
    if not _SIZE.fullmatch(size):
        raise BadEvidence(f"a checkpoint of {origin} has a size that is no decimal number")
    checkpoint = Checkpoint(origin, int(size), from_base64(root, f"the root in a checkpoint of {origin}"))
    if len(checkpoint.root) != HASH_BYTES:
        raise BadEvidence(
            f"the root in a checkpoint of {origin} has {len(checkpoint.root)} bytes, not {HASH_BYTES}"
        )
    return checkpoint


def sign_checkpoint(size: int, root: bytes, signers: Sequence[Signer]) -> bytes:
    """A signed note of the log whose own key comes first in ``signers``; further ones may be witnesses' keys.

    A log never signs two roots for one size, nor a root that does not continue the last one: ``sign_next``.

    Raises:
        BadEvidence: there is no signer.
    """
    if not signers:
        raise BadEvidence("a checkpoint needs a signer")
    return sign(Checkpoint(signers[0].name, size, root).text, signers)


def sign_next(tree: Tree, size: int, last: bytes | None, signer: Signer) -> bytes:
    """The next checkpoint of a log, of ``size`` leaves, if it continues ``last``, which is ``None`` at first.

    Keep the note on disk before anybody sees it, as the next ``last``: a log signs one history only.

    Raises:
        BadEvidence: ``last`` is not signed by ``signer``, has more leaves, or another root than
            ``tree``: the store was altered or restored from an old copy, and nothing may be signed.
    """
    if last is not None:
        before = open_checkpoint(last, signer.verifier)
        if size < before.size:
            raise BadEvidence(
                f"the log has signed {before.size} leaves and would now have {size}: some are lost"
            )
        if tree.root(before.size) != before.root:
            raise BadEvidence(f"the store is altered: its root at size {before.size} is not the signed one")
    return sign_checkpoint(size, tree.root(size), [signer])


def open_checkpoint(note: bytes, verifier: Verifier) -> Checkpoint:
    """The checkpoint in the signed ``note``, if the log that ``verifier`` names signed it with that key.

    Raises:
        BadEvidence: it is not signed so, it is no checkpoint, or it is of another log.
    """
    checkpoint = parse_checkpoint(open_note(note, [verifier]).text)
    if checkpoint.origin != verifier.name:
        raise BadEvidence(f"the checkpoint is of the log {checkpoint.origin}, the key of {verifier.name}")
    return checkpoint
