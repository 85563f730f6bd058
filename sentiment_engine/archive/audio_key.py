"""The key of kept audio: an identity of age (https://age-encryption.org/v1), in a file of its own.

The format is age's, so that a recording can be decrypted with ``age --decrypt`` on any machine that has the
key, without this program.
"""

from pathlib import Path

import pyrage
from pyrage import x25519

from sentiment_engine.archive.keys import read_private, write_new
from sentiment_engine.errors import BadRecording, BadSettings

_SECRET = "AGE-SECRET-KEY-1"  # noqa: S105 - how the line of every such key begins


class AudioKey:
    """Encrypts audio, and decrypts it."""

    def __init__(self, identity: x25519.Identity) -> None:
        self._identity = identity
        self._recipient = identity.to_public()

    @property
    def public(self) -> str:
        """The public half, ``age1…``."""
        return str(self._recipient)

    def seal(self, data: bytes) -> bytes:
        """``data``, encrypted and protected against change."""
        sealed: bytes = pyrage.encrypt(data, [self._recipient])
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            BadRecording: it is altered, cut short, or sealed with another key.
        """
        try:
            data: bytes = pyrage.decrypt(sealed, [self._identity])
        except pyrage.DecryptError as reason:
            raise BadRecording(f"cannot be decrypted with this audio.key: {reason}") from reason
        return data


def make_audio_key(path: Path) -> AudioKey:
    """Makes a key in the new file ``path`` (mode 0600), as ``age-keygen`` does.

    Raises:
        BadSettings: a file is already there, or it cannot be written.
    """
    key = AudioKey(x25519.Identity.generate())
    write_new(path, f"# public key: {key.public}\n{key._identity}", 0o600)
    return key


def load_audio_key(path: Path) -> AudioKey:
    """The key in the file ``path``: one identity, and comments.

    Raises:
        BadSettings: it cannot be read, holds something else, or others than its owner may read it.
    """
    lines = [line.strip() for line in read_private(path).splitlines()]
    secrets = [line for line in lines if line.startswith(_SECRET)]
    try:
        (secret,) = secrets
        return AudioKey(x25519.Identity.from_str(secret))
    # Neither message may tell what the file holds.
    except (ValueError, pyrage.IdentityError):
        raise BadSettings(
            f"{path} is no key for audio: it needs one line {_SECRET}…; make one with "
            "sentiment-engine audio key new --out FILE"
        ) from None
