"""What one call has said lately, in order: audio, gaps, and words between them.

Positions are bytes of interleaved samples since the stream began, gaps included as if they were silence, so
that one number orders everything. Entries carry serial numbers, because words take no room on that line.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sentiment_engine.events import GapReason, Stage

PIECE_S = 0.1
"""Audio is kept in pieces of at most this: single bytes would cost an object each, and a server takes no
message over 1 MiB."""
NOTE_BYTES = 64
"""What a gap or a word counts for against the limit, besides its text."""


@dataclass(slots=True)
class Audio:
    """Bytes as they came."""

    start: int
    data: bytearray

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    @property
    def cost(self) -> int:
        return len(self.data)


@dataclass(slots=True)
class Gap:
    """Media time without audio."""

    start: int
    end: int
    reason: GapReason

    @property
    def cost(self) -> int:
        return NOTE_BYTES


@dataclass(slots=True)
class Note:
    """A message that takes no media time."""

    start: int
    message: dict[str, Any]
    cost: int

    @property
    def end(self) -> int:
        return self.start


Entry = Audio | Gap | Note


class Kept:
    """The newest entries; the oldest make room.

    Args:
        second: Bytes of a second of audio.
        limit: Bytes of audio that are kept at least, when nothing else is said.
    """

    def __init__(self, second: int, limit: int) -> None:
        self._piece = round(PIECE_S * second)
        self._limit = limit + self._piece  # what goes goes by the piece
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.end = 0
        """Where the next entry begins."""
        self.first = 0
        """Serial number of the oldest entry."""
        self.forgotten_stage: Stage | None = None
        """The newest stage among what made room."""

    @property
    def after_last(self) -> int:
        """Serial number of the next entry."""
        return self.first + len(self._entries)

    def __getitem__(self, serial: int) -> Entry:
        return self._entries[serial - self.first]

    def __iter__(self) -> Iterator[tuple[int, Entry]]:
        return iter(enumerate(self._entries, self.first))

    def audio(self, data: bytes) -> None:
        """Takes bytes of any length; the newest entry may grow by them."""
        for at in range(0, len(data), self._piece):
            piece = data[at : at + self._piece]
            last = self._entries[-1] if self._entries else None
            if isinstance(last, Audio) and len(last.data) + len(piece) <= self._piece:
                last.data += piece
                self._took(last.end, len(piece))
            else:
                self._append(Audio(self.end, bytearray(piece)))

    def gap(self, length: int, reason: GapReason) -> None:
        """Passes ``length`` bytes without audio; 0 does nothing."""
        last = self._entries[-1] if self._entries else None
        if isinstance(last, Gap) and last.reason == reason:
            last.end += length
            self._took(last.end, 0)
        elif length:
            self._append(Gap(self.end, self.end + length, reason))

    def note(self, message: dict[str, Any], text: str = "") -> None:
        """Takes a message; ``text`` is the part of it whose length is not bounded."""
        self._append(Note(self.end, message, NOTE_BYTES + 4 * len(text)))  # up to 4 bytes a character

    def clear(self) -> None:
        """Forgets everything; positions and serial numbers go on."""
        self.first = self.after_last
        self._entries.clear()
        self._bytes = 0
        self.forgotten_stage = None

    def _append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._took(entry.end, entry.cost)

    def _took(self, end: int, cost: int) -> None:
        self.end = end
        self._bytes += cost
        while self._bytes > self._limit and len(self._entries) > 1:
            oldest = self._entries.popleft()
            self.first += 1
            self._bytes -= oldest.cost
            if isinstance(oldest, Note):
                self.forgotten_stage = oldest.message.get("stage", self.forgotten_stage)
