"""The Merkle tree, against the vectors of RFC 6962's reference code and against the definition itself."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_engine.archive import merkle
from sentiment_engine.archive.merkle import Frontier, Tree, leaf_hash
from sentiment_engine.archive.proofs import is_consistent, root_of_inclusion
from sentiment_engine.errors import BadEvidence

# Leaves and roots of the Certificate Transparency reference implementation's merkle_tree_test.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class Listed:
    """Leaf hashes in a list, which counts how many it gave."""

    def __init__(self, leaves):
        self.kept = [leaf_hash(leaf) for leaf in leaves]
        self.given = 0

    def size(self):
        return len(self.kept)

    def hashes(self, start, end):
        self.given += end - start
        return self.kept[start:end]


def numbered(size):
    return Listed([b"%d" % at for at in range(size)])


def defined_root(hashes):
    """RFC 9162, 2.1.1, word for word."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256().digest()
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + defined_root(hashes[:k]) + defined_root(hashes[k:])).digest()


def test_no_leaves_have_the_hash_of_nothing_as_root():
    assert Tree(Listed([])).root(0) == Frontier().root() == hashlib.sha256().digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_the_reference_implementation(size):
    assert Tree(Listed(LEAVES)).root(size).hex() == ROOTS[size - 1]
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf_hash(leaf))
    assert frontier.root().hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_reference_implementation(index, size):
    proof = Tree(Listed(LEAVES)).inclusion(index, size)
    assert [step.hex() for step in proof] == INCLUSION[index, size]


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference_implementation(old, new):
    assert [step.hex() for step in Tree(Listed(LEAVES)).consistency(old, new)] == CONSISTENCY[old, new]


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 70), chunk=st.sampled_from([1, 2, 4, 1024]))
def test_of_any_size_every_proof_leads_to_the_defined_root(size, chunk):
    leaves = numbered(size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merkle, "_CHUNK", chunk)  # so that small trees have many chunks
        tree = Tree(leaves)
        root = tree.root(size)
        assert root == defined_root(leaves.kept)
        for index in range(size):
            assert root_of_inclusion(leaves.kept[index], index, size, tree.inclusion(index, size)) == root
        for old in range(1, size + 1):
            assert is_consistent(
                old, size, defined_root(leaves.kept[:old]), root, tree.consistency(old, size)
            )


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.integers(2, 300))
def test_any_changed_byte_of_a_leaf_or_of_an_inclusion_proof_leads_elsewhere(data, size):
    leaves = numbered(size)
    tree = Tree(leaves)
    index = data.draw(st.integers(0, size - 1))
    steps = [leaves.kept[index], *tree.inclusion(index, size)]
    which, byte = data.draw(st.integers(0, len(steps) - 1)), data.draw(st.integers(0, 31))
    changed = bytearray(steps[which])
    changed[byte] ^= data.draw(st.integers(1, 255))
    steps[which] = bytes(changed)
    assert root_of_inclusion(steps[0], index, size, steps[1:]) != tree.root(size)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.integers(2, 300))
def test_any_changed_byte_of_a_consistency_proof_or_of_a_root_is_inconsistent(data, size):
    tree = Tree(numbered(size))
    old = data.draw(st.integers(1, size - 1))
    parts = [tree.root(old), tree.root(size), *tree.consistency(old, size)]
    which, byte = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 31))
    changed = bytearray(parts[which])
    changed[byte] ^= data.draw(st.integers(1, 255))
    parts[which] = bytes(changed)
    assert not is_consistent(old, size, parts[0], parts[1], parts[2:])


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.integers(1, 200))
def test_a_proof_holds_for_no_other_place(data, size):
    leaves = numbered(size)
    tree = Tree(leaves)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size).filter(lambda one: one != index))
    try:
        root = root_of_inclusion(leaves.kept[index], other, size, tree.inclusion(index, size))
    except BadEvidence:
        return
    assert root != tree.root(size)


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None)])
@pytest.mark.parametrize("size", [2, 3, 7, 8, 300])
def test_a_shortened_proof_is_refused(size, cut):
    leaves = numbered(size)
    tree = Tree(leaves)
    path = tree.inclusion(1, size)
    with pytest.raises(BadEvidence, match="ends before the root"):
        root_of_inclusion(leaves.kept[1], 1, size, path[cut])
    roots = tree.root(1), tree.root(size)
    assert not is_consistent(1, size, *roots, tree.consistency(1, size)[cut])


def test_a_lengthened_proof_is_refused():
    leaves = numbered(7)
    tree = Tree(leaves)
    more = [bytes(32)]
    with pytest.raises(BadEvidence, match="longer than the tree"):
        root_of_inclusion(leaves.kept[6], 6, 7, tree.inclusion(6, 7) + more)
    for old in (3, 7):
        assert not is_consistent(old, 7, tree.root(old), tree.root(7), tree.consistency(old, 7) + more)


def test_a_proof_of_pieces_that_are_no_hashes_is_refused():
    with pytest.raises(BadEvidence, match="step 1 of a proof has 31 bytes"):
        root_of_inclusion(bytes(32), 0, 4, [bytes(32), bytes(31)])
    assert not is_consistent(3, 4, bytes(32), bytes(32), [bytes(31)])
    assert not is_consistent(3, 4, bytes(32), bytes(32), [])


def test_an_empty_or_a_later_tree_is_the_beginning_of_none():
    assert not is_consistent(0, 4, merkle.EMPTY_ROOT, bytes(32), [])
    assert not is_consistent(5, 4, bytes(32), bytes(32), [])
    tree = Tree(numbered(4))
    for old, new in ((0, 4), (4, 3)):
        with pytest.raises(BadEvidence, match=f"from {old} leaves to {new}"):
            tree.consistency(old, new)


def test_what_is_not_in_the_log_has_no_proof():
    tree = Tree(numbered(4))
    with pytest.raises(BadEvidence, match="has 4 leaves, not 5"):
        tree.root(5)
    for index in (-1, 4):
        with pytest.raises(BadEvidence, match=f"leaf {index} is not in"):
            tree.inclusion(index, 4)


def test_a_store_that_loses_hashes_is_told_so():
    leaves = numbered(10)
    leaves.hashes = lambda start, end: [bytes(32)] * (end - start - 1)
    with pytest.raises(BadEvidence, match="10 hashes of leaves 0 to 9"):
        Tree(leaves).root(10)


def test_the_log_may_grow_while_proofs_are_made():
    leaves = numbered(5)
    tree = Tree(leaves)
    tree.inclusion(2, 5)
    leaves.kept += numbered(12).kept[5:]
    assert tree.root(12) == defined_root(leaves.kept)
    for index in (0, 6, 11):
        assert root_of_inclusion(leaves.kept[index], index, 12, tree.inclusion(index, 12)) == tree.root(12)


def test_signing_a_growing_log_again_and_again_reads_little_and_keeps_little():
    leaves = numbered(0)
    tree = Tree(leaves)
    more = numbered(6_000).kept
    for size in range(0, 6_000, 10):
        leaves.kept += more[size : size + 10]
        root = tree.root(size)
    assert root == defined_root(leaves.kept[:size])
    assert leaves.given <= 600 * 1024
    assert sum(len(kept) for kept in (tree._far, tree._near, tree._edge)) <= 20


@pytest.mark.parametrize("size", [20_000, 1024 * 16 + 512, 1024 * 16 + 1, 1024 * 16])
def test_many_proofs_read_the_log_about_twice(size):
    leaves = numbered(size)
    tree = Tree(leaves)
    for index in range(0, size, 40):
        tree.inclusion(index, size)
    assert leaves.given <= 3 * size
