"""Verifies inclusion and consistency proofs, as RFC 9162 says; ``merkle`` makes them."""

from collections.abc import Sequence

from sentiment_engine.archive.merkle import HASH_BYTES, node_hash
from sentiment_engine.errors import BadEvidence


def root_of_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Root that ``path`` leads to from the hash ``leaf`` (RFC 9162, 2.1.3.2); compare it with a signed one.

    Raises:
        BadEvidence: ``path`` has not the length that index and size ask for, or holds what is no hash.
    """
    if not 0 <= index < size:
        raise BadEvidence(f"leaf {index} is not in a log of {size} leaves: the first is 0")
    position, last, root = index, size - 1, leaf
    for step in _hashes(path):
        if last == 0:
            raise BadEvidence(f"the proof of leaf {index} in {size} is longer than the tree is high")
        if position & 1 or position == last:
            root = node_hash(step, root)
            while not position & 1:  # an unpaired last node goes up unhashed
                position >>= 1
                last >>= 1
        else:
            root = node_hash(root, step)
        position >>= 1
        last >>= 1
    if last:
        raise BadEvidence(f"the proof of leaf {index} in {size} ends before the root")
    return root


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether ``path`` shows that the tree of ``old`` leaves begins that of ``new`` (RFC 9162, 2.1.4.2).

    Sizes that allow no proof, ``not 0 < old <= new``, are not consistent; nor is a path of the wrong form.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    nodes = list(path) if old & (old - 1) else [old_root, *path]  # a full tree is its own first node
    if not nodes or any(len(node) != HASH_BYTES for node in nodes):
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    before = after = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            after = node_hash(after, node)
        position >>= 1
        last >>= 1
    return last == 0 and before == old_root and after == new_root


def _hashes(path: Sequence[bytes]) -> Sequence[bytes]:
    for at, step in enumerate(path):
        if len(step) != HASH_BYTES:
            raise BadEvidence(f"step {at} of a proof has {len(step)} bytes instead of {HASH_BYTES}")
    return path
