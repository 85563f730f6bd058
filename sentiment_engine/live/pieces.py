"""Pieces of a track on their way to their place."""

from typing import NamedTuple

from sentiment_engine.events import GapReason


class Placed(NamedTuple):
    """A piece and its place; why nothing came before it, if nothing did."""

    position: int
    data: bytes
    reason: GapReason


class Whole:
    """Bytes of any length to whole samples; an incomplete one waits for its other bytes."""

    def __init__(self, width: int) -> None:
        self._width, self._rest = width, b""

    def take(self, data: bytes) -> tuple[bytes, int]:
        """What is whole, and how many samples that is."""
        data = self._rest + data
        whole = len(data) - len(data) % self._width
        self._rest = data[whole:]
        return data[:whole], whole // self._width
