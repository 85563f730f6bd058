"""Kept audio on disk: FLAC, encrypted. While a call lives it is in parts, afterwards in one file.

    audio/NAME.parts/000000000000.age     a stretch that begins at sample 0 of the call's media clock
    audio/NAME.parts/000000080000.age
    audio/NAME.flac.age                   the whole recording, once the call is over

Nothing is ever on disk in the clear. Sample 0 is the beginning of the media clock, and what nobody sent is
silence, so that a second of the recording is a second of the call's events. Methods block on the disk.
"""

import hashlib
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from sentiment_engine.archive.audio_key import AudioKey
from sentiment_engine.errors import BadRecording
from sentiment_engine.frames import Int16

FOLDER = "audio"
"""Of the data folder."""
_WHOLE = ".flac.age"
_PARTS = ".parts"
_NAME = re.compile(r"([0-9a-f]{32})(\.flac\.age|\.parts)", re.ASCII)
_SILENCE_S = 10
"""Silence is written in pieces, or a long gap would take as much memory as speech."""


def new_name() -> str:
    """A name for a recording's files, which tells nothing about the call."""
    return secrets.token_hex(16)


class Format(NamedTuple):
    """What the samples of a recording are."""

    rate_hz: int
    channels: int


class Joined(NamedTuple):
    """A recording."""

    flac: bytes
    frames: int
    """Samples of each channel."""
    lost: int
    """Parts that could not be read, and are silence now."""

    @property
    def sha256(self) -> str:
        """Of the FLAC file, 64 lower-case hexadecimal digits."""
        return hashlib.sha256(self.flac).hexdigest()


class KeptAudio:
    """The recordings in a folder.

    Args:
        folder: is made when the first is kept, for this user alone; the folder around it exists.
        key: encrypts and decrypts them; without one they can be removed only.
    """

    def __init__(self, folder: Path, key: AudioKey | None) -> None:
        self._folder, self._key = folder, key

    def put(self, name: str, at: int, samples: Int16, rate_hz: int) -> None:
        """Keeps a part: int16, shape (channels, samples), that begins at sample ``at``.

        Raises:
            OSError: it cannot be written.
        """
        parts = self._folder / (name + _PARTS)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        parts.mkdir(exist_ok=True)
        out = io.BytesIO()
        soundfile.write(out, samples.T, rate_hz, format="FLAC", subtype="PCM_16")
        _write(parts / f"{at:012d}.age", self._require_key().seal(out.getvalue()))

    def finish(self, name: str, form: Format, frames: int) -> Joined | None:
        """Makes one file of the parts, ``frames`` long or as long as they are; None when there is nothing.

        May be called again when its outcome was lost.

        Raises:
            OSError: it cannot be written.
            BadRecording: nothing of it can be decrypted: the key is another one.
        """
        whole = self._folder / (name + _WHOLE)
        if whole.exists():
            joined = self._read_whole(whole)
        else:
            parts = self._parts(name)
            if not parts:
                self.remove(name)
                return None
            joined = self._join(parts, form, frames)
            _write(whole, self._require_key().seal(joined.flac))
        shutil.rmtree(self._folder / (name + _PARTS), ignore_errors=True)
        return joined

    def read(self, name: str, form: Format) -> Joined:
        """The recording, or what there is of it so far.

        Raises:
            BadRecording: there is none, or it cannot be decrypted.
        """
        whole = self._folder / (name + _WHOLE)
        parts = self._parts(name)  # before the whole, which they go after
        if whole.exists():
            return self._read_whole(whole)
        if not parts:
            raise BadRecording("has no file")
        return self._join(parts, form, 0)

    def remove(self, name: str) -> None:
        """Removes what there is under this name."""
        (self._folder / (name + _WHOLE)).unlink(missing_ok=True)
        shutil.rmtree(self._folder / (name + _PARTS), ignore_errors=True)

    def names(self) -> set[str]:
        """Of all recordings that have files."""
        if not self._folder.is_dir():
            return set()
        return {found[1] for path in self._folder.iterdir() if (found := _NAME.fullmatch(path.name))}

    # -- reading

    def _require_key(self) -> AudioKey:
        if self._key is None:
            raise BadRecording("is encrypted, and the settings name no audio.key")
        return self._key

    def _read_whole(self, path: Path) -> Joined:
        flac = self._open(path)
        return Joined(flac, soundfile.info(io.BytesIO(flac)).frames, 0)

    def _open(self, path: Path) -> bytes:
        try:
            sealed = path.read_bytes()
        except OSError as reason:
            raise BadRecording(f"{path.name} cannot be read: {reason.strerror}") from reason
        return self._require_key().open(sealed)

    def _parts(self, name: str) -> list[Path]:
        return sorted((self._folder / (name + _PARTS)).glob("*.age"))

    def _join(self, parts: Sequence[Path], form: Format, frames: int) -> Joined:
        out, at, lost, reason = io.BytesIO(), 0, 0, ""
        with soundfile.SoundFile(out, "w", form.rate_hz, form.channels, "PCM_16", format="FLAC") as file:
            for path in parts:
                begins = int(path.stem)
                try:
                    samples = decoded(self._open(path))
                except BadRecording as fault:
                    lost, reason = lost + 1, str(fault)
                    continue
                for piece in (*_silence(begins - at, form), samples):
                    file.write(piece)
                at = begins + len(samples)
            for piece in _silence(frames - at, form):
                file.write(piece)
        if not at:
            raise BadRecording(reason)
        return Joined(out.getvalue(), max(at, frames), lost)


def decoded(flac: bytes) -> Int16:
    """The samples of a FLAC file, shape (samples, channels).

    Raises:
        BadRecording: it is none.
    """
    try:
        samples: Int16 = soundfile.read(io.BytesIO(flac), dtype="int16", always_2d=True)[0]
    except soundfile.LibsndfileError as reason:
        raise BadRecording(f"is no FLAC file: {reason}") from reason
    return samples


def peaks(samples: Int16, rate_hz: int, per_second: int) -> list[list[int]]:
    """What a waveform is drawn from: of each channel lowest and highest in turn, -127..127.

    Args:
        samples: shape (samples, channels).
        rate_hz: of ``samples``.
        per_second: pairs of a second.
    """
    count = -(-len(samples) * per_second // rate_hz)
    if not count:
        return [[] for _ in range(samples.shape[1])]
    edges = np.arange(count) * rate_hz // per_second
    pairs = np.stack([np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)], axis=1)
    scaled = np.rint(pairs.astype(np.float32) * (127 / 32768)).astype(int)
    return [scaled[:, :, channel].reshape(-1).tolist() for channel in range(samples.shape[1])]


def _silence(frames: int, form: Format) -> Iterator[Int16]:
    most = _SILENCE_S * form.rate_hz
    for start in range(0, frames, most):
        yield np.zeros((min(most, frames - start), form.channels), np.int16)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, on disk when this returns: a killed server must leave no half of a part."""
    half = path.with_name(path.name + ".half")
    with half.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
