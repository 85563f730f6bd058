"""A recording's outline: the lowest and highest sample in each of a bounded number of equal stretches."""

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
FIRST_STRETCH = 64
"""Samples; a power of two, so that stretches can be joined in pairs for ever."""


class Envelope:
    """The outline of all channels of one recording; its memory does not grow with the length.

    How the audio is cut into pieces never changes the answer.

    Args:
        channels: 1 or more, interleaved.
        rate_hz: Samples per second of each channel.
        columns: Stretches at least, once that much was heard; twice as many at most.
    """

    def __init__(self, channels: int, rate_hz: int, columns: int = 1000) -> None:
        self._channels, self._rate_hz, self._most = channels, rate_hz, 2 * columns
        self._stretch = FIRST_STRETCH
        self._low: Int16 = np.zeros((0, channels), np.int16)
        self._high = self._low
        self._rest: Int16 = self._low
        """Samples of the stretch that is not full yet."""
        self._odd = b""

    def hear(self, piece: bytes) -> None:
        """The next samples, s16le; a piece may end within a sample."""
        data = self._odd + piece
        whole = len(data) - len(data) % (2 * self._channels)
        self._odd = data[whole:]
        samples = np.frombuffer(data[:whole], "<i2").reshape(-1, self._channels)
        samples = np.concatenate([self._rest, samples])
        full = len(samples) - len(samples) % self._stretch
        self._rest = samples[full:]
        parts = samples[:full].reshape(-1, self._stretch, self._channels)
        self._low = np.concatenate([self._low, parts.min(axis=1)])
        self._high = np.concatenate([self._high, parts.max(axis=1)])
        while len(self._low) > self._most:
            self._join()

    def outline(self, channel: int) -> list[tuple[float, float, float]]:
        """For each stretch its start in seconds, its lowest and its highest sample, full scale 1."""
        low, high = self._low[:, channel], self._high[:, channel]
        if len(self._rest):
            low = np.append(low, self._rest[:, channel].min())
            high = np.append(high, self._rest[:, channel].max())
        step_s = self._stretch / self._rate_hz
        return [
            (at * step_s, int(least) / 32_768, int(most) / 32_768)
            for at, (least, most) in enumerate(zip(low, high, strict=True))
        ]

    def _join(self) -> None:
        """Every two stretches become one; an odd one waits with the rest as what it is: its two extremes."""
        if len(self._low) % 2:
            # lowest and highest, repeated to the stretch's length, are all that is ever asked of them
            kept = np.repeat(self._low[-1:], self._stretch, axis=0)
            kept[1::2] = self._high[-1:]
            self._rest = np.concatenate([kept, self._rest])
            self._low, self._high = self._low[:-1], self._high[:-1]
        self._low = self._low.reshape(-1, 2, self._channels).min(axis=1)
        self._high = self._high.reshape(-1, 2, self._channels).max(axis=1)
        self._stretch *= 2
