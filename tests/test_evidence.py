"""Evidence bundles: exported and verified; then altered, cut, reordered, forked and forged in every way."""

import datetime
import hashlib
import io
import json
import zipfile

import pytest
from evidence_logs import KEY, OTHER_KEY, checked, contents, everything, exported, repacked, two_calls
from hypothesis import given, settings
from hypothesis import strategies as st
from time_authority import TimeAuthority

from sentiment_engine.archive import export as exporting
from sentiment_engine.archive import verify as verifying
from sentiment_engine.archive.anchors import request_stamp
from sentiment_engine.archive.checkpoints import open_checkpoint, sign_next
from sentiment_engine.archive.container import Entry, write_container
from sentiment_engine.archive.merkle import Tree, leaf_hash
from sentiment_engine.archive.notes import sign
from sentiment_engine.archive.signing import to_base64
from sentiment_engine.archive.timestamps import Stamp, load_roots
from sentiment_engine.errors import BadEvidence


def kept(note):
    return open_checkpoint(note, KEY.verifier)


def not_proven(report, *words):
    assert report.verdict == "NOT PROVEN"
    assert report.proven == ()
    for word in words:
        assert word in report.line()
    return True


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


def changed(files, name, change):
    return files | {name: change(files[name].splitlines(keepends=True))}


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


# -- recordings


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "call.FLAC"
    path.write_bytes(b"sound")
    return path


def test_a_recording_is_the_one_that_the_log_has_the_hash_of(small, recording):
    log = small[0]
    data = exported(log, recording=recording)
    assert contents(data)["recording.flac"] == b"sound"
    report = checked(data)
    assert report.verdict == "PROVEN"
    assert any(one.startswith("the recording in the bundle is the one whose") for one in report.proven)
    recording.write_bytes(b"other")
    not_proven(checked(exported(log, recording=recording)), "the recording was replaced")
    at = data.index(b"sound")
    not_proven(checked(data[:at] + b"S" + data[at + 1 :]), "the check sum of recording.flac is wrong")
    out = io.BytesIO()
    files = everything(data) | {"recording.flac": b"other"}
    write_container(out, [Entry.of(name, one) for name, one in files.items()])
    not_proven(checked(out.getvalue()), "recording.flac was altered")


def test_a_recording_kept_elsewhere_or_not_in_the_log_is_said_to_be(small, recording):
    report = checked(small[1])
    assert any("the file is not in the bundle" in one for one in report.proven)
    report = checked(exported(two_calls(), recording=recording))
    assert report.verdict == "PROVEN IN PART"
    assert "anything about the recording: the log does not hold its SHA-256" in report.open


def test_recordings_that_cannot_be_packed_say_why(recording, tmp_path):
    with pytest.raises(BadEvidence, match="needs an ending"):
        exported(two_calls(), recording=tmp_path / "call")
    with pytest.raises(BadEvidence, match="cannot be read"):
        exported(two_calls(), recording=tmp_path / "missing.wav")


# -- time


def test_of_several_time_stamps_the_earliest_is_told(monkeypatch):
    hours = {b"a": 9, b"b": 7, b"c": 8}

    def check_stamp(stamp, _note, _roots):
        if stamp == b"b":
            raise BadEvidence("another authority's")
        return Stamp(datetime.datetime(2026, 1, 1, hours[stamp], tzinfo=datetime.UTC), f"CN={stamp.decode()}")

    monkeypatch.setattr(verifying, "check_stamp", check_stamp)
    report = checked(exported(two_calls(), timestamps=[b"a", b"b", b"c"]), roots=["root"])
    assert report.verdict == "PROVEN"
    assert any("existed at 2026-01-01T08:00:00Z by the clock of 'CN=c'" in one for one in report.proven)
    report = checked(exported(two_calls(), timestamps=[b"b"]), roots=["root"])
    assert report.verdict == "PROVEN IN PART"
    assert "(another authority's)" in report.line()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "real")


def stamp_of(authority, note):
    with authority.serving() as url:
        return request_stamp(url, note, load_roots(authority.root))


def test_with_a_time_stamp_the_report_says_when_and_by_whose_clock(authority, tmp_path):
    log = two_calls()
    other = TimeAuthority(tmp_path / "other")
    stamps = [stamp_of(other, log.checkpoint()), stamp_of(authority, log.checkpoint())]
    data = exported(log, timestamps=stamps)
    report = checked(data, roots=load_roots(authority.root))
    assert report.verdict == "PROVEN"
    (time,) = [one for one in report.proven if "existed at 20" in one]
    assert time.endswith("by the clock of 'CN=Test Clock'")
    assert "how long before that time it was written" in report.open
    assert "2 time stamps in the bundle unchecked, give --tsa-ca" in checked(data).line()


def test_a_stamp_of_another_checkpoint_or_authority_says_nothing_about_time(authority, tmp_path):
    log = two_calls()
    other = load_roots(TimeAuthority(tmp_path / "other").root)
    for stamp, roots in (
        (stamp_of(authority, log.checkpoint(13)), load_roots(authority.root)),
        (stamp_of(authority, log.checkpoint()), other),
        (b"hello", other),
    ):
        report = checked(exported(log, timestamps=[stamp]), roots=roots)
        assert report.verdict == "PROVEN IN PART"
        assert not any("existed" in one for one in report.proven)
        assert "the time stamp does not hold" in report.line()
    report = checked(exported(log), roots=other)
    assert report.verdict == "PROVEN IN PART"
    assert "no time stamp in the bundle to check" in report.line()
