"""One recording on disk, as the 16-bit audio a monitor hears.

``score`` and ``stream`` both read through `Recording.pieces`, so a file scored from disk and the same file
played into a live server are the same samples, bit for bit. Whatever libsndfile opens is welcome (WAV in all
its widths, FLAC, Ogg Vorbis and Opus, MP3, AIFF, AU ...), with one channel or two, at 8 kHz or more.
"""

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from sentiment_engine.batch.inputs import call_ids
from sentiment_engine.batch.names import show
from sentiment_engine.errors import BadAudio
from sentiment_engine.events import Party

Float32 = npt.NDArray[np.float32]

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 48_000
"""What a monitor takes; faster recordings are brought down to this first."""
ABSURD_RATE_HZ = 1_536_000
"""No recorder is faster; a header that says so is broken, and resampling from it would eat the memory."""
UNKNOWN_FRAMES = 1 << 48
"""libsndfile counts this many and more where a header leaves the length open."""
PIECE_S = 10.0
"""Long enough that the cost per piece is nothing, short enough that memory stays flat over any length."""

CONVERT = "convert it first, for example: ffmpeg -i IN -c:a pcm_s16le OUT.wav"


class CutShort(BadAudio):
    """The file ends, or breaks, before its header said; what came before is sound and was handed out."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One audio file whose header has been read and found usable."""

    path: Path
    call_id: str
    channels: int
    """1 (both parties mixed) or 2."""
    rate_hz: int
    """Rate of `pieces`, 8000..48000."""
    file_rate_hz: int
    """Rate in the file; differs from ``rate_hz`` only above 48 kHz."""
    promised_frames: int
    """Samples per channel the header announces, at ``file_rate_hz``; 0 where it does not say."""

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, call_id: str | None = None) -> "Recording":
        """Read the header of ``path``; ``call_id`` defaults to the file's name without its ending.

        Raises:
            BadAudio: the file is missing, unreadable, empty, no audio, or audio no call can be heard in; the
                message names the file, the reason and the remedy.
        """
        path = Path(path)
        _look(path)
        try:
            # Bytes, because a file name need not be valid text.
            with soundfile.SoundFile(os.fsencode(path)) as file:
                channels, rate, frames, kind = file.channels, file.samplerate, file.frames, file.format
        except (soundfile.LibsndfileError, TypeError) as reason:  # TypeError: a name ending in .raw
            raise BadAudio(f"{show(path)}: {_what_it_is(path)} ({_plain(reason)}); {CONVERT}") from reason
        if channels not in (1, 2):
            raise BadAudio(
                f"{show(path)}: has {channels} channels where a call has one (mixed) or two (agent, "
                "customer); keep the two that carry the call, for example: "
                "ffmpeg -i IN -af 'pan=stereo|c0=c0|c1=c1' OUT.wav"
            )
        if not MIN_RATE_HZ <= rate <= ABSURD_RATE_HZ:
            raise BadAudio(
                f"{show(path)}: sampled at {rate} Hz, and a voice is judged from {MIN_RATE_HZ} Hz up; "
                "record at 8 kHz or more (resampling cannot bring back what was never recorded)"
            )
        if frames <= 0:
            raise BadAudio(
                f"{show(path)}: the header announces no samples; if the recorder crashed before it wrote the "
                "length, mend the header, for example: ffmpeg -ignore_length 1 -i IN OUT.wav"
            )
        return cls(
            path=path,
            call_id=call_ids([path])[0] if call_id is None else call_id,
            channels=channels,
            rate_hz=min(rate, MAX_RATE_HZ),
            file_rate_hz=rate,
            promised_frames=_promised(path, kind, frames),
        )

    def parties(self, agent_channel: int = 0) -> tuple[Party, ...]:
        """Whose voice each channel carries; ``agent_channel`` is 0 or 1 and means nothing on one channel."""
        if self.channels == 1:
            return ("mixed",)
        return ("agent", "customer") if agent_channel == 0 else ("customer", "agent")

    def pieces(self, *, piece_s: float = PIECE_S) -> Iterator[bytes]:
        """The audio as interleaved s16le samples at ``rate_hz``, about ``piece_s`` seconds at a time.

        The pieces joined are the same for every ``piece_s``. Memory does not grow with the recording.

        Raises:
            CutShort: after the last piece, when the file broke off before the length its header announces.
            BadAudio: a sample is not a number, or the file can no longer be read.
        """
        resampler = None
        if self.file_rate_hz != self.rate_hz:
            resampler = soxr.ResampleStream(self.file_rate_hz, self.rate_hz, self.channels, dtype="float32")
        read, broken = 0, ""
        buffer = np.empty((max(1, round(piece_s * self.file_rate_hz)), self.channels), dtype=np.float32)
        try:
            with soundfile.SoundFile(os.fsencode(self.path)) as file:
                while len(samples := file.read(out=buffer)):
                    read += len(samples)
                    if not np.isfinite(samples).all():
                        raise BadAudio(
                            f"{show(self.path)}: holds samples that are not numbers (NaN or infinite) before "
                            f"{read / self.file_rate_hz:.0f} s; export it again, as 16-bit WAV"
                        )
                    if resampler is not None:
                        samples = resampler.resample_chunk(samples)
                    yield to_int16(samples)
        except soundfile.LibsndfileError as reason:
            broken = _plain(reason)
        if resampler is not None:
            yield to_int16(resampler.resample_chunk(buffer[:0], last=True))
        if broken or read < self.promised_frames:
            promised_s, read_s = self.promised_frames / self.file_rate_hz, read / self.file_rate_hz
            announced = f"of the {promised_s:.1f} s in its header " if self.promised_frames else ""
            because = f" ({broken})" if broken else ""
            raise CutShort(
                f"{show(self.path)}: cut short: {announced}only {read_s:.1f} s could be read{because}; "
                "that much was used, look for the rest where the recording was made"
            )


def to_int16(samples: Float32) -> bytes:
    """Float samples, full scale 1, as signed 16-bit little-endian: round half to even, clip what is louder.

    A 16-bit recording comes back exactly as it was. ``samples`` is left as it is.
    """
    scaled = samples * np.float32(32_768.0)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32_768.0, 32_767.0, out=scaled)
    return scaled.astype("<i2").tobytes()


def _look(path: Path) -> None:
    """Raise BadAudio unless ``path`` is a file with something in it that may be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise BadAudio(f"{show(path)}: is not a regular file; name a recording on disk")
        with path.open("rb") as file:
            if not file.read(1):
                raise BadAudio(f"{show(path)}: is empty (0 bytes); look for the recording where it was made")
    except FileNotFoundError as reason:
        raise BadAudio(f"{show(path)}: there is no such file; check the name") from reason
    except (OSError, ValueError) as reason:  # ValueError: a null byte in the name
        why = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        raise BadAudio(f"{show(path)}: cannot be read: {why}; check the file and its permissions") from reason


def _promised(path: Path, kind: str, frames: int) -> int:
    """Samples per channel the file should hold, given libsndfile's count; 0 where nothing says so."""
    if frames >= UNKNOWN_FRAMES:
        return 0
    if kind == "MP3":
        with path.open("rb") as file:
            head = file.read(1 << 18)  # tags and a cover picture may come first
        # Without this table of contents the length is a guess; with it, right to a few frames.
        return max(0, frames - 4 * 1152) if b"Xing" in head or b"Info" in head else 0
    return max(frames, _promised_by_wav(path))  # libsndfile trims a WAV's count to what is there


def _promised_by_wav(path: Path) -> int:
    """Samples per channel that a plain WAV header announces; 0 where it does not say.

    Writers that do not know the length put a huge placeholder there, which promises nothing.
    """
    frame_bytes = 0
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return 0
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            body = file.tell()
            if name == b"data":
                return 0 if size >= 0x7FFF_0000 or not frame_bytes else int(size // frame_bytes)
            if name == b"fmt " and len(fields := file.read(16)) == 16:
                kind, channels, _, _, block, bits = struct.unpack("<HHIIHH", fields)
                plain = kind in (1, 3, 6, 7, 0xFFFE) and block * 8 == bits * channels  # PCM, float, G.711
                frame_bytes = block if plain else 0
            file.seek(body + size + size % 2)
    return 0


def _what_it_is(path: Path) -> str:
    """What stands in a file that cannot be decoded."""
    with path.open("rb") as file:
        head = file.read(512)
    text = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head) >= 0.95 * len(head)
    if text:
        return "holds text, not audio"
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM"):
        return "its audio header is broken or breaks off"
    return "is in no audio format that can be read here"


def _plain(reason: Exception) -> str:
    """The library's own words, without the path it repeats."""
    words = getattr(reason, "error_string", None) or str(reason)
    return str(words).strip().rstrip(".")
