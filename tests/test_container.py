"""The zip in one spelling: other programs read it, and nothing else passes for it."""

import hashlib
import io
import struct
import warnings
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_engine.archive.container import (
    Entry,
    Member,
    check_sum,
    read_container,
    read_member,
    write_container,
)
from sentiment_engine.errors import BadEvidence

FILES = {"manifest.txt": b"hello\n", "stamps/0.tsr": bytes(range(256)), "empty.txt": b""}


def packed(files):
    out = io.BytesIO()
    write_container(out, [Entry.of(name, data) for name, data in files.items()])
    return out.getvalue()


def unpacked(data):
    file = io.BytesIO(data)
    contents = {}
    for name, one in read_container(file).items():
        contents[name] = b"".join(read_member(file, one))
        assert check_sum(file, one) == hashlib.sha256(contents[name]).hexdigest()
    return contents


names = st.from_regex(r"\A(?:[a-z0-9]{1,8}/)?[a-z0-9]{1,8}(?:\.[a-z0-9]{1,4})?\Z")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, st.binary(max_size=300), max_size=8))
def test_what_is_packed_is_unpacked_here_and_by_others(files):
    data = packed(files)
    assert data == packed(files)
    assert unpacked(data) == files
    with zipfile.ZipFile(io.BytesIO(data)) as others:
        assert others.testzip() is None
        assert {one.filename: others.read(one) for one in others.infolist()} == files


def test_each_byte_matters_and_no_byte_may_be_missing_or_added():
    data = packed(FILES)
    for at in range(len(data)):
        for change in (1, 0x20, 0x80):
            altered = data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
            with pytest.raises(BadEvidence):
                unpacked(altered)
        for altered in (data[:at], data[:at] + data[at + 1 :], data[:at] + b"\0" + data[at:]):
            with pytest.raises(BadEvidence):
                unpacked(altered)
    with pytest.raises(BadEvidence):
        unpacked(data + b"\0")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_rubbish_is_refused_without_a_stumble(data, count, size, at):
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, at, 0)
    fitting = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(data), 0, 0)
    for hostile in (data, data + end, data + fitting):
        if hostile == packed({}):
            continue
        with pytest.raises(BadEvidence):
            unpacked(hostile)


def others_zip(method=zipfile.ZIP_STORED, names=("manifest.txt",), comment=b"", contents=b"hello"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made, warnings.catch_warnings(action="ignore"):
        for name in names:
            made.writestr(name, contents)
        made.comment = comment
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        others_zip(),  # harmless, yet not in the one spelling
        others_zip(comment=b"hello"),
        others_zip(zipfile.ZIP_DEFLATED, contents=bytes(10_000_000)),
        others_zip(names=("../../etc/passwd",)),
        others_zip(names=("/etc/passwd",)),
        others_zip(names=("a.txt", "a.txt")),
        others_zip(names=[f"{n}.txt" for n in range(70_000)]),
        b"PK\3\4",
        b"",
    ],
    ids=["plain", "comment", "bomb", "path", "absolute", "twice", "many", "start", "nothing"],
)
def test_zips_of_other_makers_are_refused(data):
    with pytest.raises(BadEvidence, match=r"not an evidence bundle|no file named|no two files"):
        unpacked(data)


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/b/c", "a\\b", "A", "", ".", "..", "a.", "é", "a\n", "a" * 65, "c:a"]
)
def test_names_that_lead_elsewhere_are_neither_written_nor_read(name):
    with pytest.raises(BadEvidence, match="no file named"):
        packed({name: b""})
    raw = name.encode()
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0x21, 0, 0, 0, len(raw), 0) + raw
    central = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 788, 20, 0, 0, 0, 0x21, 0, 0, 0, len(raw), 0, 0, 0, 0, 0o100644 << 16, 0
    )
    central += raw
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)
    with pytest.raises(BadEvidence, match="no file named"):
        unpacked(local + central + end)


def test_two_entries_on_the_same_bytes_are_refused():
    data = bytearray(packed({"a": b"1", "b": b"1"}))
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 1)
    data[second + 42 : second + 46] = bytes(4)  # b's header is said to stand where a's does
    with pytest.raises(BadEvidence, match="headers are not as"):
        unpacked(bytes(data))


def test_a_false_check_sum_of_nothing_is_noticed():
    made = io.BytesIO()
    with pytest.raises(BadEvidence, match="changed while it was packed"):
        write_container(made, [Entry("a", 0, 5, list)])
    file = io.BytesIO(packed({"a": b""}))
    with pytest.raises(BadEvidence, match="check sum of a is wrong"):
        check_sum(file, Member("a", 0, 5, 0))


def test_what_changes_or_grows_while_it_is_packed_is_noticed():
    for chunks in ([b"12"], [b"1", b"2", b"3"], [b"13"]):
        entry = Entry("a", 2, zlib.crc32(b"12"), lambda chunks=chunks: chunks)
        if chunks == [b"12"]:
            write_container(io.BytesIO(), [entry])
            continue
        with pytest.raises(BadEvidence, match="a changed while it was packed"):
            write_container(io.BytesIO(), [entry])


def test_too_much_is_not_packed():
    with pytest.raises(BadEvidence, match="at most 64 files, this would have 65"):
        packed({f"{n}.txt": b"" for n in range(65)})
    with pytest.raises(BadEvidence, match="at most 4 GiB"):
        write_container(io.BytesIO(), [Entry("a", 2**32 - 60, 0, list)])


def test_a_file_that_shrinks_while_it_is_read_is_noticed():
    file = io.BytesIO(packed(FILES))
    member = read_container(file)["stamps/0.tsr"]
    file.truncate(member.data_at + 3)
    with pytest.raises(BadEvidence, match="ends too early"):
        list(read_member(file, member))
