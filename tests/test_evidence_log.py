"""What bundles show of the log as a whole, of what is missing or erased, and which exports are refused."""

import json

import pytest
from evidence_logs import (
    KEY,
    OTHER_KEY,
    changed,
    checked,
    contents,
    exported,
    kept,
    not_proven,
    repacked,
    two_calls,
)

from sentiment_engine.archive.checkpoints import sign_next
from sentiment_engine.archive.merkle import Tree, leaf_hash
from sentiment_engine.archive.signing import to_base64
from sentiment_engine.errors import BadEvidence

# -- the log as a whole


def test_an_earlier_checkpoint_is_shown_to_be_continued():
    log = two_calls()
    report = checked(exported(log, earlier=[log.checkpoint(5), log.checkpoint(9)]))
    assert report.verdict == "PROVEN"
    assert "the log's first 5 leaves are as in its earlier checkpoint of that size" in report.proven
    assert any("others were shown the same log" in one for one in report.open)


def test_a_checkpoint_that_the_verifier_kept_says_that_it_is_the_same_log():
    log = two_calls()
    data = exported(log, earlier=[log.checkpoint(5)])
    report = checked(data, seen=[kept(log.checkpoint(5)), kept(log.checkpoint())])
    assert report.verdict == "PROVEN"
    assert "the log's first 5 leaves are as in the checkpoint you kept" in report.proven
    assert not any("rest of the log" in one or "others" in one for one in report.open)


def test_a_kept_checkpoint_without_a_proof_is_not_passed_over():
    log = two_calls()
    report = checked(exported(log), seen=[kept(log.checkpoint(5))])
    assert report.verdict == "PROVEN IN PART"
    assert any("continues the checkpoint of size 5 you kept" in one for one in report.open)


@pytest.mark.parametrize("size", [5, 14])
def test_a_forked_log_is_found_by_a_kept_checkpoint(size):
    real, rewritten = two_calls(), two_calls("rage")
    data = exported(rewritten, earlier=[rewritten.checkpoint(5)])
    assert checked(data).verdict == "PROVEN"  # nothing in the bundle alone can show it
    not_proven(
        checked(data, seen=[kept(real.checkpoint(size))]), f"the log is forked: its root at size {size}"
    )


def test_a_log_that_does_not_continue_its_own_checkpoint_is_found():
    real, rewritten = two_calls(), two_calls("rage")
    with pytest.raises(BadEvidence, match="the log is forked: its root at size 5"):
        exported(rewritten, earlier=[real.checkpoint(5)])
    files = contents(exported(rewritten, earlier=[rewritten.checkpoint(5)]))
    line = json.loads(files["earlier.jsonl"])
    line["checkpoint"] = real.checkpoint(5).decode()
    forged = repacked(files | {"earlier.jsonl": json.dumps(line).encode() + b"\n"})
    not_proven(checked(forged), "the log is forked, or line 1 of earlier.jsonl was altered")


def test_a_log_signs_only_what_continues_what_it_has_signed():
    log, tree = two_calls(), Tree(two_calls())
    first = sign_next(tree, 5, None, KEY)
    assert first == log.checkpoint(5)
    second = sign_next(tree, 14, first, KEY)
    assert second == log.checkpoint()
    assert sign_next(tree, 14, second, KEY) == second
    with pytest.raises(BadEvidence, match="signed 14 leaves and would now have 5"):
        sign_next(tree, 5, second, KEY)
    with pytest.raises(BadEvidence, match="altered: its root at size 5 is not the signed one"):
        sign_next(Tree(two_calls("rage")), 14, first, KEY)
    with pytest.raises(BadEvidence, match="not signed by"):
        sign_next(tree, 14, first, OTHER_KEY)


# -- what is left out, and what is gone


def without(leaves, *seqs):
    return [(index, data) for index, data in leaves if json.loads(data)["seq"] not in seqs]


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        ((3,), "what the missing events said, number 3"),
        ((1, 2, 4), "number 1 to 2, 4"),
        ((6,), "how the call ended"),
    ],
)
def test_an_event_that_the_exporter_leaves_out_is_missed(gone, says):
    log = two_calls()
    report = checked(exported(log, events=without(log.leaves("c-1", False), *gone)))
    assert report.verdict == "PROVEN IN PART"
    assert says in report.line()
    assert not any("no event is left out" in one for one in report.proven)


def test_events_logged_out_of_order_or_without_numbers_are_said_to_be():
    log = two_calls()
    log.append({"type": "note", "call_id": "c-1"})
    log.append({"type": "alert.acknowledged", "call_id": "c-1", "seq": 0})
    report = checked(exported(log))
    assert report.verdict == "PROVEN"
    assert "that none like the 2 events without a number was left out" in report.open
    log.append({"type": "x", "call_id": "c-1", "seq": 2})
    report = checked(exported(log))
    assert report.verdict == "PROVEN IN PART"
    assert "the order of the events: their numbers do not rise one by one" in report.open


def test_many_gaps_are_counted():
    log = two_calls()
    for seq in range(10, 40, 3):
        log.append({"type": "x", "call_id": "c-1", "seq": seq})
    assert (
        "number 7 to 9, 11 to 12, 14 to 15, 17 to 18, 20 to 21 and 5 more gaps"
        in checked(exported(log)).line()
    )


def test_an_erased_call_leaves_the_log_whole_for_the_others():
    log = two_calls()
    before = log.checkpoint()
    log.erase("c-2")
    assert log.checkpoint() == before
    assert checked(exported(log)).verdict == "PROVEN"


def test_the_hashes_of_an_erased_call_still_stand_in_the_log():
    log = two_calls()
    erased = [(index, None) for index, _ in log.leaves("c-1", False)]
    log.erase("c-1")
    report = checked(exported(log, events=erased, reviews=[(12, None)]))
    assert report.verdict == "PROVEN IN PART"
    assert report.proven[0].startswith(
        "7 hashes of erased leaves stand in the log example.com/calls of 14 leaves"
    )
    assert not any("c-1" in one for one in report.proven)
    assert "what the erased leaves said, and that they are of this call: 7 hashes left" in report.open


def test_a_leaf_passed_off_as_erased_is_reported_and_a_false_hash_is_found():
    log = two_calls()
    events = [(index, None if index == 4 else data) for index, data in log.leaves("c-1", False)]
    data = exported(log, events=events)
    report = checked(data)
    assert report.verdict == "PROVEN IN PART"
    assert ", beside 1 hash of erased leaves" in report.proven[0]
    files = contents(data)
    real, false = (to_base64(one).encode() for one in (log.kept[4], bytes(32)))
    wrong = changed(files, "proofs.jsonl", lambda lines: b"".join(lines).replace(real, false, 1))
    not_proven(checked(repacked(wrong)), "erased leaf 4 is not in the signed log")


def test_a_bundle_of_nothing_is_neither_made_nor_believed():
    with pytest.raises(BadEvidence, match="the log holds nothing of call 'c-9'"):
        exported(two_calls(), "c-9")
    files = contents(exported(two_calls()))
    nothing = dict.fromkeys(("proofs.jsonl", "events.jsonl", "reviews.jsonl"), b"")
    not_proven(checked(repacked(files | nothing)), "the bundle holds no leaves")


# -- exports that must not be made


def test_a_store_that_was_altered_is_not_exported():
    log = two_calls()
    checkpoint = log.checkpoint()
    leaves = list(log.leaves("c-1", False))
    leaves[2] = (leaves[2][0], leaves[2][1].replace(b"calm", b"rage"))
    with pytest.raises(BadEvidence, match="leaf 4 is not the one that the log holds"):
        exported(log, events=leaves)
    log.kept[4] = leaf_hash(leaves[2][1])
    with pytest.raises(BadEvidence, match="its root at size 14 is not the signed one"):
        exported(log, checkpoint=checkpoint, events=leaves)


def test_leaves_newer_than_the_checkpoint_out_of_order_or_of_two_lines_are_not_exported():
    log = two_calls()
    with pytest.raises(BadEvidence, match="leaf 8 is not in a log of 8 leaves"):
        exported(log, size=8)
    with pytest.raises(BadEvidence, match="leaf 8 comes after leaf 10"):
        exported(log, events=reversed(list(log.leaves("c-1", False))))
    log.texts.append(b"{\n}")
    log.kept.append(leaf_hash(b"{\n}"))
    with pytest.raises(BadEvidence, match="leaf 14 is no line"):
        exported(log, events=[(14, b"{\n}")])
