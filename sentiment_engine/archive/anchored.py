"""What the OpenTimestamps proofs of a bundle show, and the wording of it.

A calendar's promise proves nothing. A block is proven only against a header that the verifier brought, and
then no more than this: work was done on a header that holds the checkpoint. Whether that header is of the
Bitcoin chain, and so whether its time can be relied on, is the verifier's to look up.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_engine.archive.bitcoin import Header
from sentiment_engine.archive.ots import InBlock, read_proof
from sentiment_engine.errors import BadEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """What has been checked of a bundle's OpenTimestamps proofs, all of which are of its checkpoint."""

    promised: tuple[str, ...] = ()
    """Calendars that have promised, and no more."""
    blocks: tuple[int, ...] = ()
    """Heights of the blocks that proofs name."""
    unread: bool = False
    """Whether there are proofs with neither."""
    header: Header | None = None
    """The earliest of the verifier's headers that holds the checkpoint."""
    height: int = 0
    """Of that block, as its proof has it."""
    trouble: str = ""
    """Why none holds it, though the verifier gave one."""


def anchored(proofs: Sequence[tuple[str, bytes]], note: bytes, headers: Sequence[Header]) -> Anchored:
    """What ``proofs``, names and contents, show of the checkpoint ``note``.

    Raises:
        BadEvidence: one cannot be read, or is of something else.
    """
    digest = hashlib.sha256(note).digest()
    promised: list[str] = []
    blocks: list[InBlock] = []
    unread = False
    for name, data in proofs:
        try:
            proof = read_proof(data)
        except BadEvidence as reason:
            raise BadEvidence(f"{name}: {reason}") from reason
        if proof.digest != digest:
            raise BadEvidence(f"{name} is of another file than this checkpoint")
        blocks.extend(proof.blocks)
        if not proof.blocks:
            promised.extend(one.calendar for one in proof.pending)
            unread |= not proof.pending
    held = [(one, block) for one in headers for block in blocks if block.merkle_root == one.merkle_root]
    first = min(held, key=lambda pair: pair[0].at, default=None)
    return Anchored(
        promised=tuple(dict.fromkeys(promised)),
        blocks=tuple(sorted({block.height for block in blocks})),
        unread=unread,
        header=None if first is None else first[0],
        height=0 if first is None else first[1].height,
        trouble="" if first is not None or not headers else _trouble(blocks),
    )


def _trouble(blocks: Sequence[InBlock]) -> str:
    if not blocks:
        return "no OpenTimestamps proof in the bundle names a Bitcoin block to check with the given header"
    heights = ", ".join(str(height) for height in sorted({block.height for block in blocks}))
    return f"the given Bitcoin header does not hold the checkpoint: the bundle's proofs name block {heights}"


def proven(found: Anchored) -> tuple[str, ...]:
    """What is proven of time."""
    header = found.header
    if header is None:
        return ()
    return (
        "the checkpoint, and these leaves with it, existed before work of about "
        f"2^{header.work_bits:.0f} hashes was done on the block header you gave, {header.hash}, "
        f"which says of itself {header.at:%Y-%m-%dT%H:%M:%SZ}",
    )


def unproven(found: Anchored) -> tuple[str, ...]:
    """What a reader could take for proven of time, and is not."""
    if found.header is not None:
        return (
            f"that this header is block {found.height} of the Bitcoin chain, which its time rests on: "
            "look it up where you trust it",
        )
    return ()


def unchecked(found: Anchored) -> tuple[str, ...]:
    """Proofs that are there and show nothing yet, in a few words each."""
    told = []
    if found.trouble:
        told.append(found.trouble)
    elif found.blocks and found.header is None:
        heights = ", ".join(map(str, found.blocks))
        told.append(f"an OpenTimestamps proof unchecked, give --bitcoin-header of block {heights}")
    if found.promised:
        told.append(f"the promise of {', '.join(found.promised)} to have it attested proves nothing")
    if found.unread:
        told.append("an OpenTimestamps proof has only attestations of kinds that are not read here")
    return tuple(told)
