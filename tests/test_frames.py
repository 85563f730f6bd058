"""Framers give equal pieces: nothing lost, nothing added, whatever the lengths that come in."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.frames import BLOCK_S, BLOCK_SAMPLES, FRAME_S, BlockFramer, ByteFramer


def test_a_block_is_five_frames_of_20_ms():
    assert (FRAME_S, BLOCK_S) == (0.02, 0.1)


@given(chunks=st.lists(st.binary(max_size=40)), size=st.integers(1, 16))
@examples(100)
def test_bytes_come_out_in_order_and_in_equal_pieces(chunks, size):
    framer = ByteFramer(size)
    out = [piece for chunk in chunks for piece in framer.feed(chunk)]
    rest = framer.take_rest()
    assert all(len(piece) == size for piece in out)
    assert len(rest) < size
    assert b"".join(out) + rest == b"".join(chunks)
    assert framer.take_rest() == b""


def test_the_last_bytes_of_the_remainder_can_be_forgotten():
    framer = ByteFramer(4)
    assert list(framer.feed(b"abcdefg")) == [b"abcd"]
    framer.drop_last(0)
    framer.drop_last(2)
    assert list(framer.feed(b"xyz")) == [b"exyz"]


@given(lengths=st.lists(st.integers(0, 2000), max_size=8), channels=st.sampled_from([1, 2]))
@examples(60)
def test_samples_come_out_in_order_in_whole_blocks_and_only_the_tail_is_padded(lengths, channels):
    framer = BlockFramer(channels)
    sound = np.arange(channels * sum(lengths)).reshape(channels, -1).astype(np.int16)
    edges = np.cumsum([0, *lengths])
    parts = [sound[:, first:last] for first, last in pairwise(edges)]
    out = [block for part in parts for block in framer.feed(part)]
    tail = framer.take_rest()
    assert all(block.shape == (channels, BLOCK_SAMPLES) for block in out)
    assert tail.shape[1] in ((0, BLOCK_SAMPLES) if sum(lengths) % BLOCK_SAMPLES else (0,))
    got = np.concatenate([sound[:, :0], *out, tail], axis=1)
    assert (got[:, : sound.shape[1]] == sound).all()
    assert not got[:, sound.shape[1] :].any()
    assert got.shape[1] - sound.shape[1] < BLOCK_SAMPLES


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_exactly_one_block_in_is_one_block_out_and_a_sample_more_waits(beyond):
    framer = BlockFramer(1)
    out = list(framer.feed(np.ones((1, BLOCK_SAMPLES + beyond), np.int16)))
    assert len(out) == (beyond >= 0)
    assert framer.take_rest().sum() == {-1: BLOCK_SAMPLES - 1, 0: 0, 1: 1}[beyond]
    assert framer.take_rest().shape == (1, 0)
