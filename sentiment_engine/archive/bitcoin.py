"""Headers of Bitcoin blocks, given by whoever verifies: how much work is in one, and which root it has.

A header shows that work was done on it, and nothing more: anybody can make an easy one, and dear ones exist
off the chain. That a header is of the chain, and at which height, is for the verifier to look up.
"""

import datetime
import hashlib
import math
from dataclasses import dataclass

from sentiment_engine.errors import BadSettings

HEADER_BYTES = 80
EASIEST_TARGET = 0xFFFF << 208
"""No block of the main chain was ever easier: about 2^32 hashes."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header whose own proof of work holds."""

    hash: str
    """The block's hash as everybody writes it, 64 hexadecimal digits."""
    merkle_root: bytes
    """As it stands in the header, 32 bytes."""
    at: datetime.datetime
    """When it was mined, in UTC, by the miner's clock, which the chain lets be wrong by two hours."""
    work_bits: float
    """Hashes that such a header takes to find, on average, as a power of two."""


def read_header(text: str) -> Header:
    """The header that 160 hexadecimal digits are.

    Raises:
        BadSettings: they are not, its proof of work does not hold, or is easier than any of the main chain.
    """
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(text) != 2 * HEADER_BYTES or len(data) != HEADER_BYTES:
        raise BadSettings(
            f"a Bitcoin block header is 160 hexadecimal digits, not {text[:40]!a} ({len(text)})"
        )
    target = _target(int.from_bytes(data[72:76], "little"))
    if not 0 < target <= EASIEST_TARGET:
        raise BadSettings(
            f"the header {text[:16]}... asks for less work than any block of the chain, or makes no sense"
        )
    twice = hashlib.sha256(hashlib.sha256(data).digest()).digest()
    if int.from_bytes(twice, "little") > target:
        raise BadSettings(
            f"the header {text[:16]}... has no proof of work: it is altered, or in another byte order"
        )
    return Header(
        hash=twice[::-1].hex(),
        merkle_root=data[36:68],
        at=datetime.datetime.fromtimestamp(int.from_bytes(data[68:72], "little"), datetime.UTC),
        work_bits=256 - math.log2(target + 1),
    )


def _target(bits: int) -> int:
    """The number that a hash may not exceed, from its compact form; 0 for one that is negative."""
    exponent, mantissa = bits >> 24, bits & 0x7FFFFF
    if bits & 0x800000:
        return 0
    return mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)
