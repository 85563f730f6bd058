"""Evidence bundles: exported and verified; then altered, cut, reordered, forked and forged in every way."""

import hashlib
import io
import json
import zipfile

import pytest
from evidence_logs import (
    KEY,
    OTHER_KEY,
    changed,
    checked,
    contents,
    everything,
    exported,
    kept,
    not_proven,
    repacked,
    two_calls,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_engine.archive import export as exporting
from sentiment_engine.archive.container import Entry, write_container
from sentiment_engine.archive.merkle import leaf_hash
from sentiment_engine.archive.notes import sign
from sentiment_engine.archive.signing import to_base64
from sentiment_engine.errors import BadEvidence


def test_a_call_of_a_log_is_proven():
    log = two_calls()
    report = checked(exported(log))
    assert report.verdict == "PROVEN"
    assert report.line() == (
        "PROVEN: of call 'c-1', 6 events and 1 review stand unaltered in the log example.com/calls of 14 "
        f"leaves, as signed with the key example.com/calls+{KEY.verifier.key_id.hex()}; by their numbers no "
        "event is left out, from the call's first to its end. Not proven: when any of it was written (there "
        "is no outside time stamp): only internal consistency is shown, and whoever holds the key could have "
        "written it all anew; anything about the rest of the log: no consistency proof was checked; that no "
        "review was left out; that the events tell what was said: a log shows changes made after they were "
        "written, not before."
    )


def test_the_same_contents_are_the_same_bytes_which_other_programs_read():
    log = two_calls()
    data = exported(log)
    assert data == exported(log)
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert bundle.testzip() is None
        lines = bundle.read("events.jsonl").splitlines()
        proofs = [json.loads(line) for line in bundle.read("proofs.jsonl").splitlines()]
    assert lines == [data for _, data in log.leaves("c-1", review=False)]
    assert [to_base64(leaf_hash(line)) for line in lines] == [
        one["hash"] for one in proofs if one["kind"] == "event"
    ]


@settings(max_examples=25, deadline=None)
@given(data=st.data(), before=st.integers(0, 40), after=st.integers(0, 40))
def test_wherever_a_call_stands_in_a_log_it_is_proven(data, before, after):
    log = two_calls()
    log.texts, log.kept = [], []
    for at in range(before):
        log.append({"type": "tension.updated", "call_id": f"b-{at}", "seq": 1})
    count = data.draw(st.integers(2, 12))
    for seq in range(1, count + 1):
        log.append({"type": "call.ended" if seq == count else "x", "call_id": "c-1", "seq": seq})
        for _ in range(data.draw(st.integers(0, 2))):
            log.append({"type": "x", "call_id": "c-2", "seq": 1})
    for at in range(after):
        log.append({"type": "x", "call_id": f"a-{at}", "seq": 1})
    earlier = [log.checkpoint(size) for size in data.draw(st.sets(st.integers(1, log.size()), max_size=3))]
    report = checked(exported(log, earlier=earlier), seen=[kept(one) for one in earlier])
    assert report.verdict == "PROVEN", report.line()


@pytest.fixture(scope="module")
def small():
    log = two_calls(sha256=hashlib.sha256(b"sound").hexdigest())
    return log, exported(log, earlier=[log.checkpoint(5)])


def test_each_byte_of_a_bundle_matters(small):
    _, data = small
    assert checked(data).verdict == "PROVEN"
    for at in range(len(data)):
        altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        not_proven(checked(altered))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_other_change_is_found_too(small, data):
    bundle = bytearray(small[1])
    at = data.draw(st.integers(0, len(bundle) - 1))
    end = data.draw(st.integers(at, min(len(bundle), at + 50)))
    new = data.draw(st.binary(max_size=50))
    if bundle[at:end] == new:
        return
    bundle[at:end] = new
    not_proven(checked(bytes(bundle)))


def test_a_bundle_cut_anywhere_is_not_proven(small):
    for size in range(0, len(small[1]), 7):
        not_proven(checked(small[1][:size]))


def test_a_byte_changed_in_a_line_names_its_leaf(small):
    log, data = small
    for number, (index, text) in enumerate(log.leaves("c-1", review=False), 1):
        at = data.index(text) + 20
        altered = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        not_proven(checked(altered), f"leaf {index} (line {number} of events.jsonl) was altered")


def swap(lines):
    return b"".join([lines[0], lines[2], lines[1], *lines[3:]])


def put(old, new):
    """Replaces ``old`` where it first stands."""
    return lambda lines: b"".join(lines).replace(old, new, 1)


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("events", swap, "leaf 2 (line 2 of events.jsonl) was altered"),
        ("events", lambda lines: b"".join(lines[1:]), "leaf 0 (line 1 of events.jsonl) was altered"),
        ("events", lambda lines: b"".join(lines[:-1]), "leaf 12 (line 7 of events.jsonl) is missing"),
        ("events", lambda lines: b"".join([*lines, lines[-1]]), "line 8 of events.jsonl has no proof"),
        ("events", lambda lines: b"".join(lines)[:-1], "without an end"),
        ("events", put(b"calm", b"rage"), "leaf 0 (line 1 of events.jsonl) was altered"),
        ("reviews", put(b"well", b"ill!"), "leaf 13 (line 1 of reviews.jsonl) was altered"),
        ("reviews", lambda _: b"", "leaf 13 (line 1 of reviews.jsonl) is missing"),
        ("proofs", swap, "leaf 4 (line 2 of events.jsonl) was altered"),
        (
            "proofs",
            lambda lines: b"".join([lines[0], *lines]),
            "leaf 0 (line 2 of events.jsonl) is out of",
        ),
        ("proofs", lambda _: b"", "line 1 of events.jsonl has no proof"),
        ("proofs", put(b"", b"{}\n"), "line 1 of proofs.jsonl cannot be read"),
        ("proofs", put(b"", b"[" * 9999 + b"\n"), "line 1 of proofs.jsonl cannot be read"),
        ("proofs", put(b"", b"\xff\n"), "line 1 of proofs.jsonl cannot be read"),
        ("proofs", put(b'"index":0', b'"index":99'), "leaf 99 is not in a log of 15 leaves"),
        ("proofs", put(b'"index":0', b'"index":1'), "is not in the signed log: it or its proof was altered"),
        ("proofs", put(b'"index":0', b'"index":-1'), "line 1 of proofs.jsonl cannot be read"),
        (
            "proofs",
            put(b'"hash":"', b'"hash":"AAAA'),
            "leaf 0 (line 1 of events.jsonl) or its proof",
        ),
        ("proofs", put(b'"path":["', b'"path":["AA==","'), "has 1 bytes instead of 32"),
        ("proofs", put(b'"path":["', b'"path":["!'), "is not base64"),
        ("earlier", put(b'"path":["', b'"path":["AA==","'), "forked, or line 1 of earlier.jsonl was altered"),
    ],
)
def test_even_the_keys_holder_cannot_make_the_leaves_say_otherwise(small, name, change, says):
    files = contents(small[1])
    not_proven(checked(repacked(changed(files, f"{name}.jsonl", change))), says)


def test_leaves_and_their_proofs_may_not_be_reordered_together(small):
    files = contents(small[1])
    both = changed(changed(files, "events.jsonl", swap), "proofs.jsonl", swap)
    not_proven(checked(repacked(both)), "leaf 2 (line 3 of events.jsonl) is out of order")


def test_a_file_may_not_be_swapped_for_one_of_another_bundle(small):
    log, data = small
    files = everything(data)
    for name, other in everything(exported(log, "c-2")).items():
        out = io.BytesIO()
        write_container(out, [Entry.of(one, other if one == name else own) for one, own in files.items()])
        assert (checked(out.getvalue()).verdict == "PROVEN") == (files[name] == other)


def test_a_file_that_the_manifest_does_not_list_is_not_taken(small):
    files = everything(small[1]) | {"timestamps/0.tsr": b"hello"}
    out = io.BytesIO()
    write_container(out, [Entry.of(name, data) for name, data in files.items()])
    not_proven(checked(out.getvalue()), "the bundle's files are not those that its manifest lists")


def test_a_leaf_of_another_call_is_not_passed_off_as_this_ones():
    log = two_calls()
    mixed = sorted([*log.leaves("c-1", False), next(log.leaves("c-2", False))])
    not_proven(checked(exported(log, events=mixed)), "leaf 1 (line 2 of events.jsonl) is of another call")
    log.append(["no", "object"])
    not_proven(checked(exported(log, events=[(14, log.texts[14])], reviews=[])), "cannot be read")


def test_another_key_proves_nothing():
    data = exported(two_calls())
    not_proven(checked(data, OTHER_KEY), "not signed by example.com/calls+")
    # Somebody who writes the log anew signs it with another key of the same name.
    not_proven(checked(exported(two_calls("rage"), key=OTHER_KEY)), "not signed by example.com/calls+")


def test_a_manifest_is_signed_by_the_key_alone(small):
    files = contents(small[1])
    not_proven(checked(repacked(files, key=OTHER_KEY)), "not signed by")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "sign", lambda text, signers: sign(text, [*signers, OTHER_KEY]))
        data = repacked(files)
    not_proven(checked(data), "more than the one signature")


def test_a_checkpoint_is_not_a_manifest_and_none_of_another_version_is():
    log = two_calls()

    files = contents(exported(log))
    for text in (kept(log.checkpoint()).text, "sentiment-engine evidence bundle 2\n{}\n"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exporting, "sign", lambda _text, signers, text=text: sign(text, signers))
            data = repacked(files)
        not_proven(checked(data), "of another format, or version")


def test_missing_foreign_and_oversized_files_are_refused(small):
    files = contents(small[1])
    for name in files:
        with pytest.raises(BadEvidence, match=f"has no {name}"):
            repacked({other: data for other, data in files.items() if other != name})
    with pytest.raises(BadEvidence, match=r"evil\.txt does not belong"):
        repacked(files | {"evil.txt": b""})
    with pytest.raises(BadEvidence, match=r"timestamps/0\.tsr has 65537 bytes, more than the 65536"):
        repacked(files | {"timestamps/0.tsr": bytes(65537)})
    with pytest.raises(BadEvidence, match="more than one recording"):
        repacked(files | {"recording.wav": b"", "recording.flac": b""})
    with pytest.raises(BadEvidence, match=r"manifest\.txt cannot be read"):
        repacked(files, call_id="c" * 2000)


def test_a_line_too_long_for_any_leaf_is_refused(small):
    files = contents(small[1])
    for size in (1 << 21, 3 << 20):
        not_proven(checked(repacked(files | {"events.jsonl": b"x" * size})), "of over 1048576 bytes")
