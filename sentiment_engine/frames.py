"""The grid everything runs on: any chunk length in, equal pieces out.

A **frame** is 20 ms, the unit of speech decisions; a **block** is five frames of all channels, the unit of
work. Because every stage after this file sees the same blocks however the bytes arrived, chunking cannot
change the answer; and because a block is handled with a few array operations, 200 calls fit on a core.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
"""The engine listens at telephone rate: faster audio is resampled to it, so the line changes nothing."""
FRAME_SAMPLES = 160
BLOCK_FRAMES = 5
BLOCK_SAMPLES = FRAME_SAMPLES * BLOCK_FRAMES
FRAME_S = FRAME_SAMPLES / RATE_HZ
BLOCK_S = BLOCK_SAMPLES / RATE_HZ

Int16 = npt.NDArray[np.int16]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]


class ByteFramer:
    """Bytes in pieces of any length, out in pieces of exactly ``size`` bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that ``data`` completes; the remainder waits for the next call."""
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % self.size
        self._rest = data[whole:]
        for at in range(0, whole, self.size):
            yield data[at : at + self.size]

    def drop_last(self, count: int) -> None:
        """Forgets the last ``count`` bytes of the remainder."""
        self._rest = self._rest[: len(self._rest) - count]

    def take_rest(self) -> bytes:
        """What is left, shorter than ``size``; the framer is empty afterwards."""
        rest, self._rest = self._rest, b""
        return rest


class BlockFramer:
    """Sample arrays (channels, any length) in, blocks (channels, BLOCK_SAMPLES) out."""

    def __init__(self, channels: int) -> None:
        self._rest: Int16 = np.zeros((channels, 0), np.int16)

    def feed(self, samples: Int16) -> Iterator[Int16]:
        """The blocks that ``samples`` completes."""
        samples = np.concatenate((self._rest, samples), axis=1) if self._rest.shape[1] else samples
        whole = samples.shape[1] - samples.shape[1] % BLOCK_SAMPLES
        self._rest = samples[:, whole:]
        for at in range(0, whole, BLOCK_SAMPLES):
            yield samples[:, at : at + BLOCK_SAMPLES]

    def take_rest(self) -> Int16:
        """What is left, padded with silence to a block; (channels, 0) when nothing is left."""
        rest, self._rest = self._rest, self._rest[:, :0]
        return np.pad(rest, ((0, 0), (0, -rest.shape[1] % BLOCK_SAMPLES)))
