"""Bytes to samples: PCM16 and G.711, channel split, streamed resampling to 8 kHz.

Samples stay 16-bit integers, as the telephone carries them: G.711 and 8 kHz PCM pass without loss, and a
call's memory is half that of floats. The emotion model is given float32 in [-1, 1).
"""

from collections.abc import Iterator

import numpy as np
import soxr

from sentiment_engine.errors import BadAudio
from sentiment_engine.frames import RATE_HZ, BlockFramer, ByteFramer, Int16

LOWEST_HZ, HIGHEST_HZ = 8000, 48000


def _mulaw_table() -> Int16:
    """ITU-T G.711 µ-law: 256 codes to 16-bit linear samples."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    table: Int16 = np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)
    return table


def _alaw_table() -> Int16:
    """ITU-T G.711 A-law: 256 codes to 16-bit linear samples."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (code & 0x70) >> 4
    step = ((code & 0x0F) << 4) + np.where(exponent == 0, 8, 0x108)
    magnitude = step << np.maximum(exponent - 1, 0)
    table: Int16 = np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
    return table


G711: dict[str, Int16] = {"mulaw": _mulaw_table(), "alaw": _alaw_table()}
SILENCE: dict[str, bytes] = {"pcm_s16le": b"\0\0", "mulaw": b"\xff", "alaw": b"\xd5"}
"""One silent sample of each encoding; its length is the sample's width."""
ENCODINGS = tuple(SILENCE)


def decode(encoding: str, data: bytes, channels: int) -> Int16:
    """Whole interleaved samples of one encoding to int16, shape (channels, samples)."""
    if encoding == "pcm_s16le":
        return np.ascontiguousarray(np.frombuffer(data, "<i2").reshape(-1, channels).T)
    return G711[encoding].take(np.frombuffer(data, np.uint8).reshape(-1, channels).T)


class Decoder:
    """One call's bytes, in pieces of any length, to blocks of int16 samples (channels, 800) at 8 kHz.

    Other rates go through one stateful soxr resampler in fixed pieces, so that neither seams nor chunk
    lengths can be heard.

    Raises:
        BadAudio: an encoding, rate or channel count that cannot be used.
    """

    def __init__(self, encoding: str, sample_rate_hz: int, channels: int) -> None:
        if encoding not in ENCODINGS:
            raise BadAudio(f"encoding {encoding!r} is unknown: send one of {', '.join(ENCODINGS)}")
        if not LOWEST_HZ <= sample_rate_hz <= HIGHEST_HZ:
            raise BadAudio(f"sample_rate {sample_rate_hz} Hz: must lie in {LOWEST_HZ}..{HIGHEST_HZ} Hz")
        if channels not in (1, 2):
            raise BadAudio(f"{channels} channels: a call has 1 or 2")
        self.encoding, self.sample_rate_hz, self.channels = encoding, sample_rate_hz, channels
        self._silence = SILENCE[encoding] * channels
        self._bytes = ByteFramer(len(self._silence) * (sample_rate_hz // 10))
        self._blocks = BlockFramer(channels)
        self._samples_in = 0
        self._odd = 0
        self._soxr = None
        if sample_rate_hz != RATE_HZ:
            self._soxr = soxr.ResampleStream(
                sample_rate_hz, RATE_HZ, channels, dtype="float32", quality=soxr.MQ
            )

    @property
    def heard_s(self) -> float:
        """Media time received so far: whole samples over the caller's rate, exact."""
        return self._samples_in / self.sample_rate_hz

    def feed(self, data: bytes) -> Iterator[Int16]:
        """The blocks that ``data`` completes; a part of a sample waits for its other bytes."""
        arrived = self._odd + len(data)
        self._samples_in += arrived // len(self._silence)
        self._odd = arrived % len(self._silence)
        for piece in self._bytes.feed(data):
            yield from self._decoded(piece, last=False)

    def silence(self, samples: int) -> Iterator[Int16]:
        """Moves the media clock on by ``samples`` (at the caller's rate) of silence."""
        if self._odd:  # what was cut off before a gap can never be completed
            self._bytes.drop_last(self._odd)
            self._odd = 0
        second = self.sample_rate_hz
        for start in range(0, samples, second):
            yield from self.feed(self._silence * min(second, samples - start))

    def finish(self) -> Iterator[Int16]:
        """The tail: what the framers and the resampler still hold, the last block padded with silence.

        An incomplete last sample is dropped. The decoder cannot be fed afterwards.
        """
        rest = self._bytes.take_rest()
        yield from self._decoded(rest[: len(rest) - self._odd], last=True)
        tail = self._blocks.take_rest()
        if tail.shape[1]:
            yield tail

    def _decoded(self, piece: bytes, *, last: bool) -> Iterator[Int16]:
        samples = decode(self.encoding, piece, self.channels)
        if self._soxr is not None:
            floats = np.ascontiguousarray(samples.T, np.float32) / 32768.0
            if self.channels == 1:
                floats = floats[:, 0]
            resampled = self._soxr.resample_chunk(floats, last=last).reshape(-1, self.channels)
            rounded = np.clip(np.rint(resampled * 32768.0), -32768, 32767).astype(np.int16)
            samples = np.ascontiguousarray(rounded.T)
        yield from self._blocks.feed(samples)
