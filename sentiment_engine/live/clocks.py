"""When a piece of audio was spoken, from what its protocol tells: a time stamp, its arrival, or nothing.

One clock for each track of each connection. Each hands pieces on in order, with their positions on the call's
media clock (:class:`~sentiment_engine.live.media.Tracks`); the first piece of a connection goes where its
arrival says, so that a call that comes back on another socket has a hole as long as it was away.
"""

import heapq
from collections import deque
from typing import Literal

from sentiment_engine.live.arrival import ArrivalClock
from sentiment_engine.live.media import Tracks
from sentiment_engine.live.pieces import Placed, Whole

REORDER_S = 0.3
"""A packet that comes so much later than one that follows it is still put in its place; after that it is
lost. Networks that reorder do so by some 200 ms."""
SNAP_S = 0.005
"""Time stamps in whole milliseconds, of packets that are not: so far from the end is the end."""
JUMP_S = 60.0
"""A time stamp so far ahead, or more than ``REORDER_S`` and ``BACK_S`` back, belongs to another clock."""
BACK_S = 5.0
KNOWN_SEQUENCES, RECENT_SEQUENCES = 2048, 64
"""About twenty seconds of two tracks; about half a second."""

ClockName = Literal["stamps", "arrival", "flow"]


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


class FlowClock:
    """Pieces that follow each other whatever the time: the protocol tells of every pause itself."""

    def __init__(self, tracks: Tracks, track: int) -> None:
        self._tracks, self._track = tracks, track
        self._whole = Whole(tracks.frame_bytes(track))
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
