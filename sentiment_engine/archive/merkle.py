"""A Merkle tree over the leaves of an append-only log, hashed as RFC 6962 and RFC 9162 say (SHA-256).

A leaf is any bytes; an event's leaf is its exact JSON bytes. The tree of ``size`` leaves has one root. An
inclusion proof shows that a leaf stands at an index of the tree with that root; a consistency proof shows
that the first leaves of a tree are all the leaves of an earlier one. Indices count from 0.

Own code: ``pymerkle`` computes the same tree, but is GPL, and brings its own store.
"""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from sentiment_engine.errors import BadEvidence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves (RFC 9162, 2.1.1)."""

_CHUNK = 1024
"""Leaf hashes read at once; a power of two, so that every chunk is a subtree of any larger tree."""


class Leaves(Protocol):
    """Leaf hashes of an append-only log, wherever they are kept; they outlive the leaves that are erased."""

    def size(self) -> int:
        """How many leaves there are."""

    def hashes(self, start: int, end: int) -> list[bytes]:
        """The leaf hashes from ``start`` (inclusive) to ``end`` (exclusive), in order, 32 bytes each."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one leaf (RFC 9162, 2.1.1): the first byte keeps leaves and nodes apart."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node from those of its two children (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees that the leaves so far form: enough to append and to know the root.

    Takes at most one hash per bit of ``size``: a growing log can be signed without being read again.
    """

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Adds one leaf by its hash, 32 bytes."""
        self.size += 1
        merges = (self.size & -self.size).bit_length() - 1  # trailing zero bits: subtrees now full
        for _ in range(merges):
            leaf = node_hash(self._roots.pop(), leaf)
        self._roots.append(leaf)

    def root(self) -> bytes:
        """Root of the tree of all leaves so far."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root


class Tree:
    """Roots and proofs of a log of any size, at any earlier size.

    Reads each chunk of leaf hashes once, and keeps one hash per chunk; proofs asked for in the order of their
    leaves are cheap. The log may grow meanwhile, since what is there never changes.

    Args:
        leaves: The log.
        chunks: What :meth:`chunks` of an earlier tree of the same log gave: to know a root those leaves
            need not be read again. Whoever relies on such a root compares it with a signed one.
    """

    def __init__(self, leaves: Leaves, chunks: Iterable[tuple[int, bytes]] = ()) -> None:
        self._leaves = leaves
        self._far = {(at * _CHUNK, (at + 1) * _CHUNK): root for at, root in chunks}
        self._near: dict[tuple[int, int], bytes] = {}
        self._near_chunk = -1
        self._edge: dict[tuple[int, int], bytes] = {}
        self._edge_end = -1

    def root(self, size: int) -> bytes:
        """Root of the tree of the first ``size`` leaves.

        Raises:
            BadEvidence: there are fewer leaves.
        """
        self._check_size(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def chunks(self, first: int, size: int) -> list[tuple[int, bytes]]:
        """Number and root of each full chunk of the tree of ``size`` leaves, from number ``first`` on.

        Raises:
            BadEvidence: there are fewer leaves.
        """
        self._check_size(size)
        return [(at, self._range(at * _CHUNK, (at + 1) * _CHUNK)) for at in range(first, size // _CHUNK)]

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Proof that leaf ``index`` is in the tree of ``size`` leaves (RFC 9162, 2.1.3.1).

        Raises:
            BadEvidence: there is no such leaf, or no such tree.
        """
        self._check_size(size)
        if not 0 <= index < size:
            raise BadEvidence(f"leaf {index} is not in a log of {size} leaves: the first is 0")
        self._look_at(index // _CHUNK)
        path = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def leaf(self, index: int) -> bytes:
        """Hash of leaf ``index``; cheap right after its inclusion proof.

        Raises:
            BadEvidence: there is no such leaf.
        """
        self._check_size(index + 1)
        self._look_at(index // _CHUNK)
        return self._range(index, index + 1)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the tree of ``old`` leaves is the beginning of that of ``new`` (RFC 9162, 2.1.4.1).

        Raises:
            BadEvidence: not ``0 < old <= new``, or there is no such tree.
        """
        self._check_size(new)
        if not 0 < old <= new:
            raise BadEvidence(f"no proof leads from {old} leaves to {new}: an earlier tree has 1 to {new}")
        path = []
        start, end, whole = 0, new, True
        while old != end:  # the leaves that both trees have end inside [start, end)
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._range(start, end))
        return path[::-1]

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self._leaves.size():
            raise BadEvidence(f"the log has {self._leaves.size()} leaves, not {size}")

    def _range(self, start: int, end: int) -> bytes:
        """Root of the leaves of one subtree, which within a chunk never crosses its border."""
        width = end - start
        known = self._memory(start, end)
        if (start, end) in known:
            return known[start, end]
        if width > _CHUNK or (width > 1 and start // _CHUNK == self._near_chunk):
            middle = start + _split(width)
            root = node_hash(self._range(start, middle), self._range(middle, end))
        else:
            frontier = Frontier()
            for one in self._read(start, end):
                frontier.append(one)
            root = frontier.root()
        self._memory(start, end)[start, end] = root
        return root

    def _memory(self, start: int, end: int) -> dict[tuple[int, int], bytes]:
        """Where the root of a subtree is kept: for good, or as long as it is likely to be asked for again."""
        width = end - start
        if width >= _CHUNK and not width & (width - 1):
            return self._far  # full, so that it is part of every larger tree
        if start // _CHUNK == self._near_chunk and not width & (width - 1):
            return self._near
        if end != self._edge_end:  # the right edge of the tree of this size
            self._edge, self._edge_end = {}, end
        return self._edge

    def _look_at(self, chunk: int) -> None:
        if chunk != self._near_chunk:
            start = chunk * _CHUNK
            hashes = self._read(start, min(start + _CHUNK, self._leaves.size()))
            self._near = {(at, at + 1): one for at, one in enumerate(hashes, start)}
            self._near_chunk = chunk

    def _read(self, start: int, end: int) -> list[bytes]:
        hashes = self._leaves.hashes(start, end)
        if len(hashes) != end - start or any(len(one) != HASH_BYTES for one in hashes):
            raise BadEvidence(
                f"the store lacks some of the {end - start} hashes of leaves {start} to {end - 1}"
            )
        return hashes


def _split(width: int) -> int:
    """The largest power of two below ``width``, which is above 1: where RFC 9162 splits a tree."""
    return 1 << (width - 1).bit_length() - 1
