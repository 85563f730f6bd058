"""Headers of Bitcoin blocks: real ones hold, altered ones and easy ones do not."""

import struct

import pytest
from calendar_server import EASY_TARGET, MINED_AT, header
from hypothesis import given
from hypothesis import strategies as st
from test_ots import GENESIS

from sentiment_engine.archive import bitcoin
from sentiment_engine.archive.bitcoin import read_header
from sentiment_engine.errors import BadSettings

BLOCK_1 = (
    "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee1467"
    "7ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299"
)
BLOCK_125552 = (
    "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae"
    "710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695"
)


@pytest.mark.parametrize(
    ("text", "block", "mined", "bits"),
    [
        (BLOCK_1, "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048", "2009-01-09", 32.0),
        (
            BLOCK_125552,
            "00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d",
            "2011-05-21",
            49.9,
        ),
    ],
)
def test_real_headers_hold(text, block, mined, bits):
    found = read_header(text)
    assert found.hash == block
    assert f"{found.at:%Y-%m-%d}" == mined
    assert found.work_bits == pytest.approx(bits, abs=0.01)
    assert read_header(text.upper()) == found
    assert found.merkle_root == bytes.fromhex(text)[36:68]


def test_a_header_names_the_one_before_it():
    assert bytes.fromhex(BLOCK_1)[4:36][::-1].hex() == read_header(GENESIS).hash


@given(st.integers(0, 79), st.integers(1, 255))
def test_no_byte_of_a_header_can_be_altered(at, flip):
    data = bytearray.fromhex(GENESIS)
    data[at] ^= flip
    with pytest.raises(BadSettings, match=r"no proof of work|less work"):
        read_header(data.hex())


def test_a_header_easier_than_any_of_the_chain_is_refused(monkeypatch):
    easy = header(bytes(range(32)))
    with pytest.raises(BadSettings, match="asks for less work than any block of the chain"):
        read_header(easy)
    monkeypatch.setattr(bitcoin, "EASIEST_TARGET", EASY_TARGET)
    found = read_header(easy)
    assert (found.merkle_root, found.at.timestamp()) == (bytes(range(32)), MINED_AT)
    assert found.work_bits == pytest.approx(1.0)


@pytest.mark.parametrize("bits", [0, 0x01003456, 0x04923456, 0x1D80FFFF, 0x02000056, 0xFF123456, 0x1D010000])
def test_targets_that_make_no_sense_are_refused(bits):
    data = bytes.fromhex(GENESIS)
    with pytest.raises(BadSettings, match="makes no sense"):
        read_header((data[:72] + struct.pack("<I", bits) + data[76:]).hex())


def test_a_target_of_few_bytes_is_read():
    data = bytes.fromhex(GENESIS)
    with pytest.raises(BadSettings, match="no proof of work"):
        read_header((data[:72] + struct.pack("<I", 0x02123456) + data[76:]).hex())


@pytest.mark.parametrize(
    "text", ["", "00" * 79, "00" * 81, "zz" * 80, GENESIS[:-1], GENESIS + " ", " " + GENESIS[:-1], "é" * 160]
)
def test_what_is_no_header_is_refused(text):
    with pytest.raises(BadSettings, match="160 hexadecimal digits"):
        read_header(text)


@given(st.text(max_size=200))
def test_no_text_does_worse_than_be_refused(text):
    with pytest.raises(BadSettings):
        read_header(text)
