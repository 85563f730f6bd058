"""Tracks that arrive apart come out on one clock: nothing is moved, nothing is invented, holes are marked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.live.media import LAG_S, SHORTEST_GAP_S, Absent, Gap, Present, Sound, Tracks

RATE_HZ = 8000
PARTIES = ("agent", "customer")
GONE = -1
"""Where a party's audio is marked as missing."""


def two(encoding="pcm_s16le"):
    return Tracks(encoding, RATE_HZ, [("agent",), ("customer",)])


def ramp(start, samples, party=0):
    """Samples that say where they belong: never 0, so that filled silence shows."""
    return (1 + (np.arange(start, start + samples) * 7 + party * 3) % 30_000).astype("<i2")


def heard(outputs):
    """What came out: for each party its samples; 0 is silence, GONE is marked as missing."""
    out, absent = [[], []], [False, False]
    for output in outputs:
        match output:
            case Absent(party, _):
                absent[PARTIES.index(party)] = True
            case Present(party):
                assert absent[PARTIES.index(party)]
                absent[PARTIES.index(party)] = False
            case Gap(seconds, _):
                for row in out:
                    row.append(np.full(round(seconds * RATE_HZ), GONE))
            case Sound(data):
                frames = np.frombuffer(data, "<i2").reshape(-1, 2)
                assert 0 < len(frames) <= RATE_HZ
                for row, gone, column in zip(out, absent, frames.T, strict=True):
                    row.append(np.full(len(column), GONE) if gone else column)
    return [np.concatenate(row) if row else np.empty(0) for row in out]


@st.composite
def arrivals(draw):
    """Two tracks, each as pieces with holes between them: where each begins, and its samples."""
    tracks, total = [], draw(st.integers(1, 24_000))
    for _ in PARTIES:
        pieces, at = [], draw(st.sampled_from([0, 0, 100, 3000]))
        while at < total:
            samples = draw(st.integers(1, 4000))
            pieces.append((at, min(samples, total - at)))
            at += samples + draw(st.sampled_from([0, 0, 0, 1, 800, 1599, 1600, 3000]))
        tracks.append(pieces)
    return tracks


def ordered(tracks):
    """The pieces of both tracks by the time at which each is complete."""
    return sorted(
        ((at + samples, row, at, samples) for row, pieces in enumerate(tracks) for at, samples in pieces)
    )


@given(tracks=arrivals())
@examples(150)
def test_every_sample_keeps_its_place_and_every_long_hole_is_marked(tracks):
    media, outputs = two(), []
    for _, row, at, samples in ordered(tracks):
        assert media.place(row, at, ramp(at, samples, row).tobytes(), "lost")
        outputs += media.take()
    outputs += media.finish()
    rows = heard(outputs)
    length = max(len(row) for row in rows)
    assert {len(row) for row in rows} == {length}
    assert length == max((at + samples for pieces in tracks for at, samples in pieces), default=0)
    for row, pieces in enumerate(tracks):
        own = np.zeros(length, bool)
        for at, samples in pieces:
            assert (rows[row][at : at + samples] == ramp(at, samples, row)).all()
            own[at : at + samples] = True
        assert np.isin(rows[row][~own], (0, GONE)).all()
        edges = np.flatnonzero(np.diff(np.concatenate([[True], own, [True]]).astype(int)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            hole = rows[row][start:end]
            if end - start >= SHORTEST_GAP_S * RATE_HZ:
                assert (hole == GONE).all()


@given(tracks=arrivals(), seed=st.integers(0, 9))
@examples(60)
def test_the_order_in_which_two_tracks_arrive_moves_nothing(tracks, seed):
    def play(order):
        media, outputs = two(), []
        for _, row, at, samples in order:
            media.place(row, at, ramp(at, samples, row).tobytes(), "lost")
            outputs += media.take()
        return heard([*outputs, *media.finish()])

    late = np.random.default_rng(seed).integers(0, 400, 2)  # one network path is slower than the other
    other = sorted(ordered(tracks), key=lambda piece: piece[0] + late[piece[1]])
    for one, two_ in zip(play(ordered(tracks)), play(other), strict=True):
        known = (one > 0) & (two_ > 0)
        assert len(one) == len(two_)
        assert (one[known] == two_[known]).all()


def test_a_silent_leg_is_filled_after_a_while_and_marked_all_along():
    media, outputs = two(), []
    media.place(0, 0, ramp(0, 160).tobytes(), "lost")
    for start in range(0, 4 * RATE_HZ, 160):
        media.place(1, start, ramp(start, 160, 1).tobytes(), "lost")
        outputs += media.take()
        behind = start + 160 - sum(len(row) for row in heard(outputs)[:1])
        assert behind <= LAG_S * RATE_HZ
    media.place(0, 4 * RATE_HZ - 160, ramp(4 * RATE_HZ - 160, 160).tobytes(), "idle")
    outputs += [*media.take(), *media.finish()]
    agent, customer = heard(outputs)
    assert (agent[160:-160] == GONE).all()
    assert (agent[-160:] == ramp(4 * RATE_HZ - 160, 160)).all()
    assert (customer == ramp(0, 4 * RATE_HZ, 1)).all()
    marks = [output for output in outputs if isinstance(output, Absent | Present)]
    assert marks == [Absent("agent", "idle"), Present("agent")]


def test_what_comes_after_its_place_was_filled_is_dropped_and_the_rest_of_it_is_kept():
    media = two()
    media.place(0, 0, ramp(0, RATE_HZ).tobytes(), "lost")
    list(media.take())
    assert not media.place(1, 0, ramp(0, 160, 1).tobytes(), "lost")
    filled = media.end(1)
    assert filled == RATE_HZ - LAG_S * RATE_HZ
    assert media.place(1, filled - 100, ramp(filled - 100, 160, 1).tobytes(), "lost")
    assert media.end(1) == filled + 60


def test_when_nobody_is_heard_it_is_a_gap_and_neither_is_absent():
    media = two()
    for row in (0, 1):
        media.place(row, 0, ramp(0, 800, row).tobytes(), "lost")
        media.place(row, 800 + 3 * RATE_HZ, ramp(0, 800, row).tobytes(), "lost")
    outputs = list(media.take())
    assert [type(output) for output in outputs] == [Sound, Gap, Sound]
    assert outputs[1] == Gap(3.0, "lost")


def test_time_that_the_sender_says_passed_is_a_gap_after_all_that_came():
    media = two()
    media.place(0, 0, ramp(0, 800).tobytes(), "lost")
    media.place(1, 0, ramp(0, 600, 1).tobytes(), "lost")
    media.skip(2.0, "paused")
    media.place(0, media.end(0), ramp(0, 800).tobytes(), "lost")
    media.place(1, media.end(1), ramp(0, 800, 1).tobytes(), "lost")
    outputs = list(media.take())
    assert [type(output) for output in outputs] == [Sound, Absent, Sound, Present, Gap, Sound]
    assert outputs[1] == Absent("customer", "paused")
    assert outputs[4] == Gap(2.0, "paused")


@pytest.mark.parametrize(("encoding", "silent"), [("mulaw", 0xFF), ("alaw", 0xD5), ("pcm_s16le", 0)])
def test_filled_silence_is_silence_in_every_encoding(encoding, silent):
    media = two(encoding)
    width = 2 if encoding == "pcm_s16le" else 1
    media.place(0, 0, bytes([1] * width) * 160, "lost")
    media.place(1, 80, bytes([1] * width) * 80, "lost")
    (sound,) = media.take()
    frames = np.frombuffer(sound.data, np.uint8).reshape(160, 2, width)
    assert (frames[:80, 1] == silent).all()
    assert (frames[80:] == 1).all()


def test_one_track_of_two_parties_passes_as_it_is_and_its_holes_are_gaps():
    media = Tracks("pcm_s16le", RATE_HZ, [("agent", "customer")])
    media.place(0, 0, b"abcd" * 10, "lost")
    media.place(0, 2010, b"efgh" * 10, "idle")
    assert list(media.take()) == [Sound(b"abcd" * 10), Gap(0.25, "idle"), Sound(b"efgh" * 10)]


def test_a_connection_that_comes_back_is_placed_by_its_arrival():
    media = two()
    assert media.now(100.0, 160) == 0
    assert media.now(103.0, 160) == 3 * RATE_HZ
    assert media.now(99.0, 160) == 0
