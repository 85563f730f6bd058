"""Signed notes and checkpoints, against other people's examples, against Go's rules, and against forgers."""

import base64
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_engine.archive.checkpoints import (
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from sentiment_engine.archive.keys import load_signer, load_verifier, make_keys
from sentiment_engine.archive.notes import MAX_NOTE_BYTES, open_note, sign
from sentiment_engine.archive.signing import (
    Signer,
    Verifier,
    from_base64,
    new_signer,
    parse_signer,
    parse_verifier,
)
from sentiment_engine.errors import BadEvidence, BadSettings

# The example in the documentation of golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()

LOG = Signer("example.com/calls", bytes(range(32)))
WITNESS = Signer("witness.example/w1", bytes(32))


def test_the_go_modules_example_opens_and_signs_the_same():
    key = parse_verifier(GO_KEY)
    note = open_note(GO_NOTE, [key])
    assert (note.text, note.signed_by, note.signatures) == (GO_TEXT, (key,), 1)
    assert str(key) == GO_KEY
    signer = parse_signer(GO_PRIVATE)
    assert signer.verifier == key
    assert signer.secret_text() == GO_PRIVATE
    assert sign(GO_TEXT, [signer]) == GO_NOTE


def test_a_public_logs_key_is_read():
    key = parse_verifier("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\n")
    assert (key.name, key.key_id.hex()) == ("sum.golang.org", "033de0ae")


def test_the_specifications_checkpoint_is_read():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a9186")
    assert checkpoint.text == text


text_lines = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(text_lines, min_size=1, max_size=6), seed=st.binary(min_size=32, max_size=32))
def test_whatever_is_signed_opens_with_the_public_key(lines, seed):
    signer = Signer("example.com/a", seed)
    text = "\n".join(lines) + "\n"
    note = open_note(sign(text, [WITNESS, signer]), [parse_verifier(str(signer.verifier))])
    assert (note.text, note.signatures) == (text, 2)
    assert parse_signer(signer.secret_text()) == signer


def test_each_byte_of_a_note_matters():
    note = sign_checkpoint(7, bytes(range(32)), [LOG])
    for at in range(len(note)):
        for change in (1, 0x20, 0x80):
            altered = note[:at] + bytes([note[at] ^ change]) + note[at + 1 :]
            with pytest.raises(BadEvidence):
                open_checkpoint(altered, LOG.verifier)
        with pytest.raises(BadEvidence):
            open_checkpoint(note[:at], LOG.verifier)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_nothing_unsigned_opens(data):
    with pytest.raises(BadEvidence):
        open_note(data, [LOG.verifier])
    with pytest.raises(BadEvidence):
        open_note(b"text\n\n" + data, [LOG.verifier])
    with pytest.raises(BadEvidence):
        parse_verifier(data.decode("utf-8", "replace"))


def test_a_note_by_several_keys_names_those_that_are_known():
    note = sign("text\n", [LOG, WITNESS])
    assert open_note(note, [WITNESS.verifier]).signed_by == (WITNESS.verifier,)
    assert open_note(note, [WITNESS.verifier, LOG.verifier]).signed_by == (LOG.verifier, WITNESS.verifier)


def test_another_key_of_the_same_name_is_another_key():
    note = sign("text\n", [LOG])
    other = Signer(LOG.name, bytes(32))
    with pytest.raises(BadEvidence, match=rf"not signed by {LOG.name}\+{other.verifier.key_id.hex()}"):
        open_note(note, [other.verifier])


def test_one_false_signature_of_a_known_key_spoils_the_note():
    *_, line = sign("other\n", [WITNESS]).decode().splitlines(keepends=True)
    note = sign("text\n", [LOG]) + line.encode()
    assert (
        open_note(note, [LOG.verifier]).signatures == 2
    )  # to whom the witness is unknown, its line says nothing
    with pytest.raises(BadEvidence, match=r"witness\.example.*false"):
        open_note(note, [LOG.verifier, WITNESS.verifier])


@pytest.mark.parametrize("text", ["", "no line break", "tab\tin it\n", "carriage return\r\n"])
def test_what_a_note_cannot_hold_is_not_signed(text):
    with pytest.raises(BadEvidence, match="a note needs"):
        sign(text, [LOG])


def test_unsigned_and_oversized_notes_are_refused():
    with pytest.raises(BadEvidence, match="a note needs a signer"):
        sign("text\n", [])
    with pytest.raises(BadEvidence, match="needs a signer"):
        sign_checkpoint(0, bytes(32), [])
    with pytest.raises(BadEvidence, match="at most 1048576 bytes"):
        open_note(bytes(MAX_NOTE_BYTES + 1), [LOG.verifier])
    with pytest.raises(BadEvidence, match="at most 100 signatures"):
        open_note(b"text\n\n" + LOG.signature_line("text\n").encode() * 101, [LOG.verifier])
    with pytest.raises(BadEvidence, match="dash, name"):
        open_note("text\n\n— name AAAA\n".encode(), [LOG.verifier])


@pytest.mark.parametrize("name", ["", "two words", "a+b", "no\u00a0break", "new\nline", "bell\a", "\ud800"])
def test_names_that_could_be_misread_are_refused(name):
    for make in (new_signer, lambda name: Verifier(name, bytes(32))):
        with pytest.raises(BadEvidence, match="cannot name a key"):
            make(name)


def test_a_key_of_another_length_type_or_id_is_refused():
    for make in (Signer, Verifier):
        with pytest.raises(BadEvidence, match="has 31 bytes instead of 32"):
            make("a", bytes(31))
    ecdsa = base64.b64encode(b"\x02" + bytes(32)).decode()
    with pytest.raises(BadEvidence, match="not of the type Ed25519"):
        parse_verifier(f"a+00000000+{ecdsa}")
    with pytest.raises(BadEvidence, match="has the id c74f20a3, not c74f20a4"):
        parse_verifier(GO_KEY.replace("c74f20a3", "c74f20a4"))
    with pytest.raises(BadEvidence, match="has the id c74f20a3, not c74f20a4") as refused:
        parse_signer(GO_PRIVATE.replace("c74f20a3", "c74f20a4"))
    assert GO_PRIVATE[-20:] not in str(refused.value)
    for parse in (parse_verifier, parse_signer):
        with pytest.raises(BadEvidence, match="this is not a p"):
            parse("hello")
    with pytest.raises(BadEvidence, match="this is a private key"):
        parse_verifier(GO_PRIVATE)
    assert GO_PRIVATE[-20:] not in repr(parse_signer(GO_PRIVATE))


def test_base64_has_one_spelling():
    assert from_base64("AA==", "x") == b"\x00"
    for text in ("AB==", "AA", "A A==", "AA==\n", "é"):
        with pytest.raises(BadEvidence, match="x is not base64"):
            from_base64(text, "x")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("log\n1\n", "three lines"),
        ("log\n1\n{root}\nmore\n", "three lines"),
        ("lo g\n1\n{root}\n", "cannot name"),
        ("log\n01\n{root}\n", "no decimal number"),
        ("log\n-1\n{root}\n", "no decimal number"),
        ("log\n١\n{root}\n", "no decimal number"),
        ("log\n1\nAAAA\n", "has 3 bytes, not 32"),
        ("log\n1\n!\n", "not base64"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text, match):
    with pytest.raises(BadEvidence, match=match):
        parse_checkpoint(text.format(root=base64.b64encode(bytes(32)).decode()))


def test_a_checkpoint_of_another_log_is_refused():
    note = sign(Checkpoint("example.com/other", 1, bytes(32)).text, [LOG])
    with pytest.raises(BadEvidence, match=r"of the log example\.com/other"):
        open_checkpoint(note, LOG.verifier)


def test_keys_are_made_once_and_the_private_one_is_for_its_owner(tmp_path):
    path = tmp_path / "log.key"
    old = os.umask(0)
    try:
        made = make_keys("example.com/calls", path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_signer(path).verifier == made == load_verifier(tmp_path / "log.key.pub")
    before = path.read_bytes()
    with pytest.raises(BadSettings, match="never overwritten"):
        make_keys("example.com/calls", path)
    (tmp_path / "log.key.pub").unlink()
    with pytest.raises(BadSettings, match="never overwritten"):
        make_keys("example.com/calls", path)
    assert path.read_bytes() == before


def test_key_files_that_cannot_be_used_say_why(tmp_path):
    with pytest.raises(BadSettings, match="cannot name a key"):
        make_keys("two words", tmp_path / "k")
    with pytest.raises(BadSettings, match="cannot be written"):
        make_keys("a", tmp_path / "missing" / "k")
    for load in (load_signer, load_verifier):
        with pytest.raises(BadSettings, match="cannot be read"):
            load(tmp_path / "missing")
    make_keys("a", tmp_path / "k")
    with pytest.raises(BadSettings, match="this is a private key"):
        load_verifier(tmp_path / "k")
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(BadSettings, match=r"mode 0640\): chmod 600"):
        load_signer(tmp_path / "k")
    (tmp_path / "k").chmod(0o600)
    (tmp_path / "k").write_bytes(b"\xff" * 10_000)
    with pytest.raises(BadSettings, match="not a private key"):
        load_signer(tmp_path / "k")


def test_a_pair_of_keys_is_written_whole_or_not_at_all(tmp_path):
    (tmp_path / "k.pub").symlink_to(tmp_path / "nowhere")  # does not exist, yet is in the way
    with pytest.raises(BadSettings, match="never overwritten"):
        make_keys("a", tmp_path / "k")
    assert not (tmp_path / "k").exists()
