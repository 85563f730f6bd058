"""When a piece of audio was spoken, from what its protocol tells: a time stamp, its arrival, or nothing.

One clock for each track of each connection. Each hands pieces on in order, with their positions on the call's
media clock (:class:`~sentiment_engine.live.media.Tracks`); the first piece of a connection goes where its
arrival says, so that a call that comes back on another socket has a hole as long as it was away.
"""

import heapq
from collections import deque
from typing import Literal, NamedTuple

from sentiment_engine.events import GapReason
from sentiment_engine.live.media import Tracks

REORDER_S = 0.3
"""A packet that comes so much later than one that follows it is still put in its place; after that it is
lost. Networks that reorder do so by some 200 ms."""
SNAP_S = 0.005
"""Time stamps in whole milliseconds, of packets that are not: so far from the end is the end."""
JUMP_S = 60.0
"""A time stamp so far ahead, or more than ``REORDER_S`` and ``BACK_S`` back, belongs to another clock."""
BACK_S = 5.0
HOLE_S = 0.3
"""Nothing for so long is a hole, unless what follows comes in a burst: then the network held it up."""
SHORTEST_HOLE_S = 0.06
"""From a sender that has kept pace, so little is one: speakers pause between words, and each pause that is
not noticed puts the track further ahead of the other."""
TIMES_USUAL = 3
"""And so many times what its pieces usually come late."""
LONGEST_HOLE_S = 300.0
"""Longer ones are told as so long: a hole is kept as silence until it is fed."""
BURST_S, LONGEST_BURST_S = 0.4, 2.0
"""How long what follows a hole is held, to see which; longer while it comes at twice its own pace or more."""
OUT_OF_STEP_S = 3.0
"""A track all of whose audio came too late for so long is put in step with the other again."""
KNOWN_SEQUENCES, RECENT_SEQUENCES = 2048, 64
"""About twenty seconds of two tracks; about half a second."""

ClockName = Literal["stamps", "arrival", "flow"]


class Placed(NamedTuple):
    """A piece and its place; why nothing came before it, if nothing did."""

    position: int
    data: bytes
    reason: GapReason


class Sequences:
    """Which sequence numbers of one connection came: tells packets that were lost from silence not sent."""

    def __init__(self) -> None:
        self._recent: deque[int] = deque(maxlen=KNOWN_SEQUENCES)
        self._known: set[int] = set()
        self._first = self._newest = 0

    def add(self, number: int) -> bool:
        """Notes one; False if it came before."""
        if number in self._known:
            return False
        if len(self._recent) == KNOWN_SEQUENCES:
            self._known.discard(self._recent[0])
        self._first, self._newest = self._first if self._recent else number, max(self._newest, number)
        self._recent.append(number)
        self._known.add(number)
        return True

    @property
    def broken(self) -> bool:
        """Whether some of the newest numbers are missing: packets are being lost just now."""
        return not self.complete(max(self._newest - RECENT_SEQUENCES, self._first), self._newest)

    def complete(self, first: int, last: int) -> bool:
        """Whether every number between two has come; those too many to know have not."""
        return last - first <= KNOWN_SEQUENCES and all(n in self._known for n in range(first + 1, last))


class Connection:
    """What the tracks of one connection share: their numbers, and where their time stamps begin."""

    def __init__(self) -> None:
        self.sequences = Sequences()
        self.offset: int | None = None
        """Position of the time stamp 0, which all tracks count from."""


class StampClock:
    """Pieces with time stamps, in any order within ``REORDER_S``; duplicates are dropped."""

    def __init__(self, tracks: Tracks, track: int, connection: Connection) -> None:
        self._tracks, self._track, self._connection = tracks, track, connection
        self._rate_hz = tracks.sample_rate_hz
        self._held: list[tuple[int, int, bytes, int | None]] = []
        self._count = 0
        self._last_sequence: int | None = None

    def put(self, data: bytes, arrived_s: float, stamp_s: float | None, sequence: int | None) -> list[Placed]:
        """One piece; ``stamp_s`` is any clock of the sender's that runs with the audio."""
        if stamp_s is None:
            raise ValueError("a piece without a time stamp")
        width = self._tracks.frame_bytes(self._track)
        data = data[: len(data) - len(data) % width]
        samples, out = len(data) // width, []
        stamp = round(stamp_s * self._rate_hz)
        end, offset = self._tracks.end(self._track), self._connection.offset
        if offset is not None and not (
            -(BACK_S * self._rate_hz) <= stamp + offset - end <= JUMP_S * self._rate_hz
        ):
            out, offset = self.flush(), None
        if offset is None:
            offset = max(end, self._tracks.now(arrived_s, samples)) - stamp
            self._connection.offset = offset
        self._count += 1
        heapq.heappush(self._held, (stamp + offset, self._count, data, sequence))
        return out + self._due(end)

    def due(self, _now_s: float) -> list[Placed]:
        """Nothing: time stamps tell when to wait no longer."""
        return []

    def flush(self) -> list[Placed]:
        """What is still held back."""
        return [self._pop() for _ in range(len(self._held))]

    def _due(self, end: int) -> list[Placed]:
        out: list[Placed] = []
        newest = max(position for position, *_ in self._held)
        while self._held:
            position = self._held[0][0]
            if position - end > SNAP_S * self._rate_hz and newest - end < REORDER_S * self._rate_hz:
                break
            if abs(position - end) <= SNAP_S * self._rate_hz:
                self._held[0] = (end, *self._held[0][1:])  # still the least: no earlier one was left
            placed = self._pop()
            end = max(end, placed.position + len(placed.data) // self._tracks.frame_bytes(self._track))
            out.append(placed)
        return out

    def _pop(self) -> Placed:
        position, _, data, sequence = heapq.heappop(self._held)
        before, self._last_sequence = self._last_sequence, sequence
        quiet = (
            before is not None
            and sequence is not None
            and self._connection.sequences.complete(before, sequence)
        )
        return Placed(position, data, "idle" if quiet else "lost")


class _Whole:
    """Bytes of any length to whole samples; an incomplete one waits for its other bytes."""

    def __init__(self, width: int) -> None:
        self._width, self._rest = width, b""

    def take(self, data: bytes) -> tuple[bytes, int]:
        """What is whole, and how many samples that is."""
        data = self._rest + data
        whole = len(data) - len(data) % self._width
        self._rest = data[whole:]
        return data[:whole], whole // self._width


class ArrivalClock:
    """Pieces without time stamps from senders that leave silence out.

    A pause is a hole if audio goes on at its own pace afterwards; audio that then comes faster than it was
    spoken had only been held up. A sender that is slow all the time leaves no hole.
    """

    def __init__(self, tracks: Tracks, track: int) -> None:
        self._tracks, self._track = tracks, track
        self._whole = _Whole(tracks.frame_bytes(track))
        self._at: int | None = None
        """Where the next piece goes, if it follows at once."""
        self._until_s = 0.0
        """When what has come was spoken, at the latest."""
        self._usual_s = HOLE_S / TIMES_USUAL
        """How late pieces come, on the average of some ten."""
        self._held, self._held_samples = bytearray(), 0
        self._hole_s = self._held_since_s = self._ahead_s = self._drift_s = 0.0
        self._least_ahead_s, self._counted_s = LONGEST_HOLE_S, 0.0
        self._late_samples = 0

    def put(
        self, data: bytes, arrived_s: float, _stamp_s: float | None = None, _sequence: int | None = None
    ) -> list[Placed]:
        """One piece of any length."""
        data, samples = self._whole.take(data)
        seconds = samples / self._tracks.sample_rate_hz
        if self._at is None:
            self._at, self._until_s = self._tracks.now(arrived_s, samples), arrived_s
            if not self._tracks.fed(self._track):
                return self._follow(data, samples, "idle")
            self._at = max(self._at, self._tracks.end(self._track))
            return self._follow(data, samples, "lost")
        late_s = arrived_s - seconds - self._until_s
        self._until_s += max(0.0, late_s) + seconds
        is_hole = late_s >= min(HOLE_S, max(SHORTEST_HOLE_S, TIMES_USUAL * self._usual_s))
        self._usual_s += 0.1 * (min(max(0.0, late_s), HOLE_S) - self._usual_s)
        if is_hole:
            out = self.flush()
            self._begin_hole(min(late_s, LONGEST_HOLE_S), arrived_s, samples)
            self._hold(data, samples)
            return out
        if not self._hole_s:
            self._keep_pace(-late_s, seconds)
            return self._follow(data, samples, "idle")
        self._hold(data, samples)
        # what came beyond real time since the hole ended had been held up, and shortens it
        self._ahead_s = max(self._ahead_s, -late_s)
        waited_s = arrived_s - self._held_since_s
        if self._ahead_s >= self._hole_s - min(HOLE_S, self._hole_s) / 2:
            self._hole_s = self._drift_s = 0.0
        elif not (waited_s >= LONGEST_BURST_S or waited_s >= max(BURST_S, -late_s)):
            return []
        return self.flush()

    def due(self, now_s: float) -> list[Placed]:
        """What need not be held any longer, though nothing has followed: a single word after a hole."""
        if not self._hole_s or now_s - self._held_since_s < BURST_S or now_s < self._until_s:
            return []
        return self.flush()

    def flush(self) -> list[Placed]:
        """What is still held back, after its hole."""
        held, samples = bytes(self._held), self._held_samples
        self._held.clear()
        self._held_samples = 0
        if self._at is not None:
            hole_s = max(0.0, self._hole_s + self._drift_s - self._ahead_s)
            self._at += round(hole_s * self._tracks.sample_rate_hz)
        self._hole_s = self._drift_s = self._ahead_s = 0.0
        return self._follow(held, samples, "idle")

    def _begin_hole(self, late_s: float, arrived_s: float, samples: int) -> None:
        self._hole_s, self._held_since_s, self._ahead_s = late_s, arrived_s, 0.0
        behind = self._tracks.now(arrived_s, samples) - (self._at or 0)
        # measured from the call's beginning too, or the jitter of one hole after the other would add up, and
        # so would pauses too short to be noticed; a sender far ahead of its time is another matter
        drift_s = behind / self._tracks.sample_rate_hz - late_s
        self._drift_s = min(drift_s, LONGEST_HOLE_S) if drift_s >= -HOLE_S else 0.0

    def _keep_pace(self, ahead_s: float, seconds: float) -> None:
        """What came late once, and was made up for, is no reason to expect the rest late: once a second."""
        self._least_ahead_s = min(self._least_ahead_s, ahead_s)
        self._counted_s += seconds
        if self._counted_s >= 1.0:
            self._until_s -= max(0.0, self._least_ahead_s)
            self._least_ahead_s, self._counted_s = LONGEST_HOLE_S, 0.0

    def _hold(self, data: bytes, samples: int) -> None:
        self._held += data
        self._held_samples += samples

    def _follow(self, data: bytes, samples: int, reason: GapReason) -> list[Placed]:
        if not samples or self._at is None:
            return []
        end = self._tracks.end(self._track)
        self._late_samples = self._late_samples + samples if self._at + samples <= end else 0
        if self._late_samples > OUT_OF_STEP_S * self._tracks.sample_rate_hz:
            self._at, self._late_samples = end, 0
        position, self._at = self._at, self._at + samples
        return [Placed(position, data, reason)]


class FlowClock:
    """Pieces that follow each other whatever the time: the protocol tells of every pause itself."""

    def __init__(self, tracks: Tracks, track: int) -> None:
        self._tracks, self._track = tracks, track
        self._whole = _Whole(tracks.frame_bytes(track))
        self._begun = False

    def put(
        self, data: bytes, arrived_s: float, _stamp_s: float | None = None, _sequence: int | None = None
    ) -> list[Placed]:
        """One piece of any length."""
        data, samples = self._whole.take(data)
        position = self._tracks.end(self._track)
        if not self._begun:
            self._begun = True
            position = max(position, self._tracks.now(arrived_s, samples))
        return [Placed(position, data, "lost")] if samples else []

    def due(self, _now_s: float) -> list[Placed]:
        """Nothing, as :meth:`flush`."""
        return []

    def flush(self) -> list[Placed]:
        """Nothing is ever held back."""
        return []


Clock = StampClock | ArrivalClock | FlowClock
"""What places the pieces of one track of one connection."""


def clock(name: ClockName, tracks: Tracks, track: int, connection: Connection) -> Clock:
    """The clock a protocol asks for."""
    if name == "stamps":
        return StampClock(tracks, track, connection)
    return ArrivalClock(tracks, track) if name == "arrival" else FlowClock(tracks, track)
