"""A zip in one spelling: for given contents there is exactly one file, so no byte of it can change unnoticed.

Entries are stored, not compressed, with fixed dates and rights, one after the other from the first byte to
the directory at the end; nothing may stand between, before or behind them. Every unzip program reads it. What
is not in this form is refused, which leaves no room for zip bombs, overlapping or hidden entries, duplicate
names, paths that lead outside, or comments. Only as much is read as the directory may hold.

Layout: APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (directory) and 4.3.16 (end).
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from sentiment_engine.errors import BadEvidence

MAX_ENTRIES = 64
MAX_CONTAINER_BYTES = (1 << 32) - 1
"""What a zip without the 64-bit extension can hold: a call of days at 8 kHz stereo."""

NAME = re.compile(r"(?:[a-z0-9]+/)?[a-z0-9]+(?:\.[a-z0-9]+)?", re.ASCII)
"""A lower-case file name, in at most one folder."""

_MAX_NAME = 64
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _MADE_ON_UNIX, _DATE, _RIGHTS = (
    20,
    3 << 8,
    0x21,
    0o100644 << 16,
)  # the date is 1980-01-01, zip's first
_PIECE = 1 << 20
_NOT_ONE = "this is not an evidence bundle"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to be written."""

    name: str
    size: int
    crc32: int
    chunks: Callable[[], Iterable[bytes]]
    """The contents in pieces; asked for once."""

    @classmethod
    def of(cls, name: str, data: bytes) -> "Entry":
        """An entry whose contents are in memory."""
        return cls(name, len(data), zlib.crc32(data), lambda: [data])


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a container that has been checked as far as its directory goes."""

    name: str
    size: int
    crc32: int
    header_at: int
    """Where its local header begins."""

    @property
    def data_at(self) -> int:
        """Where its contents begin."""
        return self.header_at + _LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where the next entry, or the directory, begins."""
        return self.data_at + self.size


def write_container(out: BinaryIO, entries: Sequence[Entry]) -> None:
    """Writes the one container that holds ``entries`` in their order.

    Raises:
        BadEvidence: too many or too large entries, a name that is not allowed or there twice, or contents
            that are not as long as said, or have another check sum.
    """
    members: list[Member] = []
    at = 0
    for entry in entries:
        members.append(Member(entry.name, entry.size, entry.crc32, at))
        at = members[-1].end
    _check(members)
    for entry, member in zip(entries, members, strict=True):
        out.write(_local(member))
        size = crc = 0
        for chunk in entry.chunks():
            out.write(chunk)
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
        if (size, crc) != (entry.size, entry.crc32):
            raise BadEvidence(f"{entry.name} changed while it was packed: pack it again")
    out.write(_directory(members))


def read_container(file: BinaryIO) -> dict[str, Member]:
    """The files in ``file`` by name, in their order, after a check of everything but their contents.

    Raises:
        BadEvidence: ``file`` is not a container in its one spelling.
    """
    whole = file.seek(0, 2)
    if not _END.size <= whole <= MAX_CONTAINER_BYTES:
        raise BadEvidence(f"{_NOT_ONE}: it has {whole} bytes")
    *_, count, size, at, _ = _END.unpack(_bytes(file, whole - _END.size, _END.size))
    if (
        count > MAX_ENTRIES
        or size > MAX_ENTRIES * (_CENTRAL.size + _MAX_NAME)
        or at + size + _END.size != whole
    ):
        raise BadEvidence(
            "this is not an evidence bundle: its end is not that of a bundle; it may be cut short"
        )
    members = list(_members(_bytes(file, at, size), count))
    _check(members)
    headers = b"".join(_bytes(file, one.header_at, one.data_at - one.header_at) for one in members)
    expected = b"".join(_local(one) for one in members)
    ends = [0, *(one.end for one in members)]
    if (
        headers != expected
        or ends != [*(one.header_at for one in members), at]
        or _directory(members) != _bytes(file, at, whole - at)
    ):
        raise BadEvidence(
            "this is not an evidence bundle: its headers are not as a bundle's are; it was altered"
        )
    return {one.name: one for one in members}


def read_member(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """The contents of ``member`` in pieces, without a look at its check sum: see ``check_sum``."""
    for at in range(member.data_at, member.end, _PIECE):
        yield _bytes(file, at, min(_PIECE, member.end - at))


def check_sum(file: BinaryIO, member: Member) -> str:
    """The SHA-256 of the contents of ``member``, in 64 hexadecimal digits, if its CRC-32 is right.

    Raises:
        BadEvidence: the contents have another CRC-32.
    """
    crc, sha256 = 0, hashlib.sha256()
    for piece in read_member(file, member):
        crc = zlib.crc32(piece, crc)
        sha256.update(piece)
    if crc != member.crc32:
        raise BadEvidence(f"the check sum of {member.name} is wrong: it was altered")
    return sha256.hexdigest()


def _check(members: Sequence[Member]) -> None:
    for member in members:
        if len(member.name) > _MAX_NAME or not NAME.fullmatch(member.name):
            raise BadEvidence(f"a bundle has no file named {member.name!r}")
    if len({member.name for member in members}) < len(members):
        raise BadEvidence("a bundle has no two files of one name")
    if len(members) > MAX_ENTRIES:
        raise BadEvidence(f"a bundle has at most {MAX_ENTRIES} files, this would have {len(members)}")
    if members and members[-1].end + len(_directory([])) + len(members) * 110 > MAX_CONTAINER_BYTES:
        raise BadEvidence("a bundle has at most 4 GiB: leave out the recording, its SHA-256 is in the log")


def _members(directory: bytes, count: int) -> Iterator[Member]:
    at = 0
    for _ in range(count):
        try:
            *_, crc, _, size, name_size, _, _, _, _, _, header_at = _CENTRAL.unpack_from(directory, at)
        except struct.error as reason:
            raise BadEvidence(f"{_NOT_ONE}: its directory is cut short") from reason
        name = directory[at + _CENTRAL.size : at + _CENTRAL.size + name_size].decode("ascii", "replace")
        yield Member(name, size, crc, header_at)
        at += _CENTRAL.size + name_size


def _local(member: Member) -> bytes:
    size, name = member.size, member.name.encode()
    fields = (_VERSION, 0, 0, 0, _DATE, member.crc32, size, size, len(name), 0)
    return _LOCAL.pack(b"PK\3\4", *fields) + name


def _directory(members: Sequence[Member]) -> bytes:
    entries = b""
    for one in members:
        name = one.name.encode()
        fields = (
            _MADE_ON_UNIX | _VERSION,
            _VERSION,
            0,
            0,
            0,
            _DATE,
            one.crc32,
            one.size,
            one.size,
            len(name),
        )
        entries += _CENTRAL.pack(b"PK\1\2", *fields, 0, 0, 0, 0, _RIGHTS, one.header_at) + name
    at = members[-1].end if members else 0
    return entries + _END.pack(b"PK\5\6", 0, 0, len(members), len(members), len(entries), at, 0)


def _bytes(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    data = file.read(size)
    if len(data) != size:
        raise BadEvidence(f"{_NOT_ONE}: it ends too early")
    return data
