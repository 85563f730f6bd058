"""When a piece of audio was spoken, from its arrival alone, where silence is not sent."""

from sentiment_engine.events import GapReason
from sentiment_engine.live.media import Tracks
from sentiment_engine.live.pieces import Placed, Whole

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


class ArrivalClock:
    """Pieces without time stamps from senders that leave silence out.

    A pause is a hole if audio goes on at its own pace afterwards; audio that then comes faster than it was
    spoken had only been held up. A sender that is slow all the time leaves no hole.
    """

    def __init__(self, tracks: Tracks, track: int) -> None:
        self._tracks, self._track = tracks, track
        self._whole = Whole(tracks.frame_bytes(track))
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
            self._begin_hole(late_s, arrived_s, samples)
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
            hole_s = min(max(0.0, self._hole_s + self._drift_s - self._ahead_s), LONGEST_HOLE_S)
            self._at += round(hole_s * self._tracks.sample_rate_hz)
        self._hole_s = self._drift_s = self._ahead_s = 0.0
        return self._follow(held, samples, "idle")

    def _begin_hole(self, late_s: float, arrived_s: float, samples: int) -> None:
        self._hole_s, self._held_since_s, self._ahead_s = late_s, arrived_s, 0.0
        behind = self._tracks.now(arrived_s, samples) - (self._at or 0)
        # measured from the call's beginning too, or the jitter of one hole after the other would add up, and
        # so would pauses too short to be noticed; a sender far ahead of its time is another matter
        drift_s = behind / self._tracks.sample_rate_hz - late_s
        self._drift_s = drift_s if drift_s >= -HOLE_S else 0.0

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
