"""When a piece was spoken: out of order, twice, late, held up by the network, or after a silence not sent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.live.clocks import (
    REORDER_S,
    ArrivalClock,
    Connection,
    FlowClock,
    Sequences,
    StampClock,
    clock,
)
from sentiment_engine.live.media import Tracks

RATE_HZ = 8000
PACKET = 160
PACKET_S = 0.02


def tracks():
    return Tracks("pcm_s16le", RATE_HZ, [("agent",)])


def packet(number):
    return np.full(PACKET, number + 1, "<i2").tobytes()


def placed_at(placed):
    """Packet number -> position, samples, for each packet of the pieces."""
    out = {}
    for position, data, _ in placed:
        samples = np.frombuffer(data, "<i2")
        for number in np.unique(samples):
            out[int(number) - 1] = position + int(np.argmax(samples == number))
    return out


class Line:
    """A sender and a clock; ``at`` is when a packet arrives, seconds."""

    def __init__(self, name="stamps"):
        self.media, self.connection, self.placed = tracks(), Connection(), []
        self.clock = clock(name, self.media, 0, self.connection)

    def send(self, number, at, *, stamp_s=None, sequence=None, data=None):
        if sequence is not None:
            self.connection.sequences.add(sequence)
        stamp_s = number * PACKET_S if stamp_s is None else stamp_s
        self.keep(self.clock.put(packet(number) if data is None else data, at, stamp_s, sequence))

    def keep(self, placed):
        self.placed += placed
        for position, data, reason in placed:
            self.media.place(0, position, data, reason)

    def end(self):
        self.keep(self.clock.flush())
        return placed_at(self.placed)


# -- time stamps


@given(delays=st.lists(st.floats(0.0, REORDER_S - 0.05), min_size=2, max_size=80))
@examples(100)
def test_packets_in_any_order_within_the_window_are_put_in_order(delays):
    line = Line()
    line.send(0, 0.02)
    order = sorted(range(1, len(delays)), key=lambda number: number * PACKET_S + delays[number])
    for number in order:
        line.send(number, 1.0 + number * PACKET_S + delays[number])
    assert line.end() == {number: number * PACKET for number in range(len(delays))}
    positions = [position for position, _, _ in line.placed]
    assert positions == sorted(positions)


@given(lost=st.sets(st.integers(1, 98)))
@examples(100)
def test_packets_that_never_come_leave_a_hole_and_move_nothing(lost):
    line = Line()
    for number in range(100):
        if number not in lost:
            line.send(number, number * PACKET_S, sequence=number)
    assert line.end() == {number: number * PACKET for number in range(100) if number not in lost}


def test_a_hole_is_lost_when_its_numbers_are_and_idle_when_none_is_missing():
    def reason_of(sequences):
        line = Line()
        line.send(0, 0.0, sequence=sequences[0])
        line.send(50, 1.0, sequence=sequences[1])
        line.end()
        return line.placed[1].reason

    assert reason_of((7, 8)) == "idle"
    assert reason_of((7, 9)) == "lost"
    assert reason_of((7, None)) == "lost"
    assert reason_of((7, 7_000_000)) == "lost"


def test_nothing_is_held_back_longer_than_the_window():
    line = Line()
    line.send(0, 0.0)
    for number in range(2, 40):
        line.send(number, number * PACKET_S)
        newest = number * PACKET_S
        out = max(position for position, _, _ in line.placed) / RATE_HZ
        assert newest - out <= REORDER_S + PACKET_S


def test_stamps_in_whole_milliseconds_of_packets_that_are_not_leave_no_seams():
    line = Line()
    samples = 163  # 20.375 ms
    for number in range(200):
        stamp_s = int(number * samples / RATE_HZ * 1000) / 1000
        line.send(number, stamp_s, stamp_s=stamp_s, data=np.full(samples, number + 1, "<i2").tobytes())
    assert line.end() == {number: number * samples for number in range(200)}


@pytest.mark.parametrize("jump_s", [-3600.0, -6.0, 61.0, 1e12])
def test_stamps_of_another_clock_go_on_where_the_arrival_says(jump_s):
    line = Line()
    for number in range(50):
        line.send(number, number * PACKET_S)
    for number in range(50, 100):
        line.send(number, number * PACKET_S, stamp_s=number * PACKET_S + jump_s)
    assert line.end() == {number: number * PACKET for number in range(100)}


def test_the_first_stamp_may_be_any_number():
    line = Line()
    for number in range(10):
        line.send(number, number * PACKET_S, stamp_s=1.7e9 + number * PACKET_S)
    assert line.end() == {number: number * PACKET for number in range(10)}


def test_a_second_track_that_begins_later_is_placed_by_the_stamps_of_the_first():
    """However slowly the connection delivers: both count from the same zero."""
    media, shared, slow = Tracks("pcm_s16le", RATE_HZ, [("agent",), ("customer",)]), Connection(), 4.0
    one, two = StampClock(media, 0, shared), StampClock(media, 1, shared)
    for number in range(100):
        for placed in one.put(packet(number), slow * number * PACKET_S, number * PACKET_S, None):
            media.place(0, *placed)
    (first,) = two.put(packet(0), slow * 100 * PACKET_S, 100 * PACKET_S, None)
    assert first.position == 100 * PACKET


def test_half_a_sample_in_a_stamped_packet_is_dropped():
    line = Line()
    line.send(0, 0.0, data=packet(0) + b"\x01")
    line.send(1, 0.02)
    assert line.end() == {0: 0, 1: PACKET}


def test_sequences_know_whether_packets_are_being_lost_now():
    known = Sequences()
    assert not known.broken
    for number in range(100, 200):
        known.add(number)
    assert not known.broken
    known.add(205)
    assert known.broken
    for number in range(206, 300):
        known.add(number)
    assert not known.broken


def test_sequences_know_what_came_and_forget_what_is_old():
    known = Sequences()
    assert known.add(5)
    assert not known.add(5)
    for number in range(10_000, 20_000):
        known.add(number)
    assert known.add(5)
    assert known.complete(19_000, 19_999)
    assert not known.complete(19_000, 21_000)
    assert not known.complete(0, 10**12)


# -- arrival


def arrive(line, spans, *, delay=lambda number: 0.0):
    """Packets of these spans (first, last), each when it was spoken, plus a delay; never in another order."""
    at = 0.0
    for first, last in spans:
        for number in range(first, last):
            at = max(at, number * PACKET_S + delay(number))
            line.send(number, at)
    return line.end()


def test_silence_that_was_not_sent_is_a_hole_of_its_length():
    where = arrive(Line("arrival"), [(0, 50), (150, 200), (400, 450)])
    for number, position in where.items():
        assert abs(position / RATE_HZ - number * PACKET_S) <= 0.03


def test_jitter_makes_no_hole():
    late = np.random.default_rng(1).uniform(0.0, 0.2, 500)
    where = arrive(Line("arrival"), [(0, 500)], delay=lambda number: late[number])
    assert where == {number: number * PACKET for number in range(500)}


@pytest.mark.parametrize("stall_s", [0.5, 2.0, 10.0])
def test_a_network_that_held_everything_up_makes_no_hole(stall_s):
    line = Line("arrival")
    for number in range(100):
        line.send(number, number * PACKET_S)
    held = range(100, 100 + round(stall_s / PACKET_S))
    for number in held:  # all at once, as fast as a socket is read
        line.send(number, 2.0 + stall_s + 0.0001 * (number - 100))
    for number in range(held[-1] + 1, held[-1] + 200):
        line.send(number, number * PACKET_S + 0.02)
    where = line.end()
    assert where == {number: number * PACKET for number in range(held[-1] + 200)}


def test_a_slow_sender_makes_no_hole():
    line = Line("arrival")
    for number in range(300):
        line.send(number, number * 4 * PACKET_S)
    assert line.end() == {number: number * PACKET for number in range(300)}


@pytest.mark.parametrize(
    ("pause", "jitter_s", "within_s"),
    [(4, 0.0, 0.021), (8, 0.03, 0.051), (12, 0.03, 0.051), (4, 0.03, 0.3), (12, 0.1, 0.35)],
)
def test_short_pauses_between_words_do_not_add_up(pause, jitter_s, within_s):
    """asterisk#1588: a track that leaves out what is not spoken must not run ahead of the other.

    A pause that hides in the jitter is made up for at the next one that does not.
    """
    words = [(first, first + 12) for first in range(60, 2400, 12 + pause)]
    late = np.random.default_rng(2).uniform(0.0, jitter_s, 2500)
    where = arrive(Line("arrival"), [(0, 50), *words], delay=lambda number: late[number])
    assert len(where) == 50 + 12 * len(words)
    for number, position in where.items():
        assert abs(position / RATE_HZ - number * PACKET_S) <= within_s


def test_a_single_word_after_a_hole_is_due_before_the_other_track_has_waited_too_long():
    line = Line("arrival")
    for number in [*range(50), *range(100, 110)]:
        line.send(number, number * PACKET_S)
    assert line.clock.due(2.3) == []
    (word,) = line.clock.due(2.42)
    assert (word.position, len(word.data), word.reason) == (100 * PACKET, 2 * 10 * PACKET, "idle")
    assert line.clock.due(9.0) == []


def test_a_burst_after_a_hole_is_not_due_before_it_has_been_spoken():
    line = Line("arrival")
    for number in range(50):
        line.send(number, number * PACKET_S)
    for number in range(50, 75):  # half a second of audio at once, after two
        line.send(number, 3.0)
    assert line.clock.due(3.41) == []
    (burst,) = line.clock.due(3.49)
    assert burst.position == pytest.approx((3.0 - 0.48) * RATE_HZ, abs=PACKET)


@pytest.mark.parametrize("name", ["stamps", "flow"])
def test_clocks_that_hold_nothing_for_a_time_owe_nothing(name):
    line = Line(name)
    line.send(0, 0.0, stamp_s=0.0)
    assert line.clock.due(99.0) == []


def test_audio_that_came_before_its_start_keeps_its_time_though_its_track_was_filled_up():
    media = Tracks("pcm_s16le", RATE_HZ, [("agent",), ("customer",)])
    media.now(0.02, PACKET)
    media.place(0, 0, b"\1\0" * RATE_HZ, "lost")
    list(media.take())
    late = ArrivalClock(media, 1)
    pieces = [piece for n in range(15, 30) for piece in late.put(packet(n), n * PACKET_S + 0.02)]
    assert [piece.position for piece in pieces] == [n * PACKET for n in range(15, 30)]
    assert {piece.reason for piece in pieces} == {"idle"}


@given(cuts=st.lists(st.integers(1, 3000), min_size=1, max_size=60))
@examples(60)
def test_bytes_cut_anywhere_stay_whole_samples(cuts):
    for name in ("arrival", "flow"):
        line, at, sent = Line(name), 0, np.arange(sum(cuts)).astype(np.uint8).tobytes()
        for size in cuts:
            line.send(0, at / 2 / RATE_HZ, data=sent[at : at + size])
            at += size
        line.end()
        whole = len(sent) // 2 * 2
        assert b"".join(data for _, data, _ in line.placed) == sent[:whole]
        assert line.media.end(0) == whole // 2


def test_a_track_all_of_whose_audio_comes_too_late_is_put_in_step_again():
    media = Tracks("pcm_s16le", RATE_HZ, [("agent",), ("customer",)])
    slow, placed = ArrivalClock(media, 0), 0
    for position, data, reason in slow.put(packet(0), 0.0):
        media.place(0, position, data, reason)
    media.place(1, 0, b"\1\0" * RATE_HZ * 60, "lost")  # the other is a minute ahead
    list(media.take())
    for number in range(1, 400):
        for position, data, reason in slow.put(packet(number), number * PACKET_S):
            placed += media.place(0, position, data, reason)
    assert placed > 400 - 1 - 160


# -- flow


def test_a_protocol_that_tells_of_its_pauses_is_believed_whatever_the_time():
    line = Line("flow")
    for number in range(10):
        line.send(number, number * 10.0)
    assert line.end() == {number: number * PACKET for number in range(10)}


@pytest.mark.parametrize("name", ["stamps", "arrival", "flow"])
def test_a_second_connection_goes_on_after_the_time_it_was_away(name):
    line = Line(name)
    for number in range(50):
        line.send(number, number * PACKET_S)
    line.end()
    line.clock = clock(name, line.media, 0, Connection())
    line.send(50, 11.0, stamp_s=0.0)
    assert line.end()[50] == pytest.approx(11.0 * RATE_HZ, abs=PACKET)


def test_each_protocol_gets_the_clock_it_names():
    kinds = {name: type(clock(name, tracks(), 0, Connection())) for name in ("stamps", "arrival", "flow")}
    assert kinds == {"stamps": StampClock, "arrival": ArrivalClock, "flow": FlowClock}


def test_a_stamp_is_needed_where_stamps_count():
    with pytest.raises(ValueError, match="time stamp"):
        Line().clock.put(packet(0), 0.0, None, None)
