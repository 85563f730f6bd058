"""Tracks that arrive apart, with holes, to one interleaved stream on the call's media clock.

Phones send each party on its own: a Twilio stream tags every packet with its track and its time, Asterisk
opens a socket for each leg and sends nothing while it is silent. The emotion of one party only means
something beside what the other does at the same moment, so every piece gets its place on one clock, and where
nothing came there is silence that is *marked* as missing: a hole is not calm.

Positions are whole samples. Nothing here reads a clock or a socket.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sentiment_engine.events import GapReason, Party
from sentiment_engine.pcm import SILENCE

if TYPE_CHECKING:
    from sentiment_engine.live.clocks import Clock

LAG_S = 0.5
"""A track that is so far behind the other is not waited for: its hole is filled, what comes late is lost."""
SHORTEST_GAP_S = 0.2
"""Shorter holes, some packets, become silence and are counted as lost packets are; longer ones are marked."""


class Sound(NamedTuple):
    """Interleaved audio of all parties, at most a second."""

    data: bytes


class Absent(NamedTuple):
    """From here on a party's channel only holds silence in the place of audio that did not come."""

    party: Party
    reason: GapReason


class Present(NamedTuple):
    """A party's own audio again."""

    party: Party


class Gap(NamedTuple):
    """Time without audio of anybody."""

    seconds: float
    reason: GapReason


Output = Sound | Absent | Present | Gap


class _Hole(NamedTuple):
    start: int
    end: int
    reason: GapReason


class _Track:
    """One track: what has come and is not out yet."""

    def __init__(self, parties: tuple[Party, ...], silence: bytes) -> None:
        self.parties, self.silence = parties, silence
        self.end = 0
        """Position after its last sample."""
        self.fed = False
        """Whether any of it came; what was only filled up may be out already."""
        self.audio = bytearray()
        self.holes: deque[_Hole] = deque()

    def append(self, data: bytes) -> None:
        self.fed = True
        self.audio += data
        self.end += len(data) // len(self.silence)

    def skip(self, until: int, reason: GapReason, shortest: int) -> None:
        """Silence up to a position; a marked hole if it is long or goes on with one."""
        goes_on = bool(self.holes) and self.holes[-1].end == self.end
        if until - self.end >= shortest or goes_on:
            self.holes.append(_Hole(self.end, until, reason))
        self.audio += self.silence * (until - self.end)
        self.end = until

    def take(self, samples: int) -> bytes:
        size = samples * len(self.silence)
        out = bytes(self.audio[:size])
        del self.audio[:size]
        return out

    def hole_at(self, position: int) -> _Hole | None:
        while self.holes and self.holes[0].end <= position:
            self.holes.popleft()
        return self.holes[0] if self.holes and self.holes[0].start <= position else None

    def change_after(self, position: int) -> int:
        """The next position at which a hole begins or ends."""
        return min(
            (edge for hole in self.holes for edge in hole[:2] if edge > position),
            default=self.end,
        )


class Tracks:
    """One call's tracks.

    Args:
        encoding: of all tracks, one of ``pcm.ENCODINGS``.
        sample_rate_hz: of all tracks.
        parties: for each track the parties it carries, interleaved; in the order of the call's channels.
    """

    def __init__(self, encoding: str, sample_rate_hz: int, parties: Sequence[tuple[Party, ...]]) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._sample = np.dtype(f"V{len(SILENCE[encoding])}")
        self._tracks = [_Track(tuple(each), SILENCE[encoding] * len(each)) for each in parties]
        self._out = 0
        self._absent: dict[Party, GapReason] = {}
        self._began_s: float | None = None

    def frame_bytes(self, track: int) -> int:
        """Bytes of one sample of each party that a track carries."""
        return len(self._tracks[track].silence)

    def end(self, track: int) -> int:
        """The position after a track's last sample."""
        return self._tracks[track].end

    def fed(self, track: int) -> bool:
        """Whether a track holds more than what was filled up for it."""
        return self._tracks[track].fed

    def now(self, arrived_s: float, samples: int) -> int:
        """The place of a piece whose last of so many samples was just spoken; the first one is 0.

        ``arrived_s`` may be any clock that never runs backwards, the same for the whole call.
        """
        began_s = arrived_s - samples / self.sample_rate_hz
        if self._began_s is None:
            self._began_s = began_s
        return max(0, round((began_s - self._began_s) * self.sample_rate_hz))

    def place(self, track: int, position: int, data: bytes, reason: GapReason) -> bool:
        """Puts whole samples at a position; False if all of them come too late.

        Args:
            track: which.
            position: what lies before the track's end has come too late and is dropped.
            data: whole samples.
            reason: why there is a hole before, if there is one.
        """
        lane = self._tracks[track]
        data = data[max(0, lane.end - position) * len(lane.silence) :]
        if not data:
            return False
        if position > lane.end:
            lane.skip(position, reason, self._samples(SHORTEST_GAP_S))
        lane.append(data)
        return True

    def skip(self, seconds: float, reason: GapReason) -> None:
        """So much time without audio of anybody, after all that has come."""
        latest = max(lane.end for lane in self._tracks)
        for lane in self._tracks:
            lane.skip(latest + self._samples(seconds), reason, 1)

    def take(self, lag: GapReason = "idle") -> Iterator[Output]:
        """What is complete by now, in order; a track that lags too far is filled up, for the reason given."""
        latest = max(lane.end for lane in self._tracks) - self._samples(LAG_S)
        for lane in self._tracks:
            if lane.end < latest:
                lane.skip(latest, lag, 1)
        return self._upto(min(lane.end for lane in self._tracks))

    def finish(self) -> Iterator[Output]:
        """All the rest; a track that ends early is filled up with silence that is marked."""
        latest = max(lane.end for lane in self._tracks)
        for lane in self._tracks:
            if lane.end < latest:
                lane.skip(latest, "idle", self._samples(SHORTEST_GAP_S))
        return self._upto(latest)

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.sample_rate_hz)

    def _upto(self, end: int) -> Iterator[Output]:
        while self._out < end:
            holes = [lane.hole_at(self._out) for lane in self._tracks]
            until = min(end, *(lane.change_after(self._out) for lane in self._tracks))
            if not all(holes):
                until = min(until, self._out + self.sample_rate_hz)
            pieces = [lane.take(until - self._out) for lane in self._tracks]
            samples, self._out = until - self._out, until
            if all(holes):
                yield from self._marked({})
                yield Gap(samples / self.sample_rate_hz, next(hole.reason for hole in holes if hole))
                continue
            yield from self._marked(
                {
                    party: hole.reason
                    for lane, hole in zip(self._tracks, holes, strict=True)
                    if hole
                    for party in lane.parties
                }
            )
            yield Sound(self._interleaved(pieces, samples))

    def _marked(self, absent: dict[Party, GapReason]) -> Iterator[Output]:
        for party in [party for party in self._absent if party not in absent]:
            yield Present(party)
        for party, reason in absent.items():
            if self._absent.get(party) != reason:
                yield Absent(party, reason)
        self._absent = absent

    def _interleaved(self, pieces: Sequence[bytes], samples: int) -> bytes:
        if len(pieces) == 1:
            return pieces[0]
        rows = [np.frombuffer(piece, self._sample).reshape(samples, -1) for piece in pieces]
        return np.concatenate(rows, axis=1).tobytes()


class Media:
    """What the sockets of one call share: its tracks, and what has come out of them and is not fed yet."""

    def __init__(self, tracks: Tracks) -> None:
        self.tracks = tracks
        self.clocks: dict[int, Clock] = {}
        """Track -> what places the pieces of the connection that feeds it."""
        self.outputs: deque[Output] = deque()
        self.turn = asyncio.Lock()
        """Held by the socket that feeds: two legs at once would mix the order."""
