"""Ed25519 keys under names, as text and as signature lines: https://c2sp.org/signed-note.

They are written as the Go module ``golang.org/x/mod/sumdb/note`` writes them, so that its tools, and those of
public transparency logs, read ours.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sentiment_engine.errors import BadEvidence

DASH = "\N{EM DASH} "
"""What a signature line begins with."""

_ED25519 = b"\x01"
"""The signature type of plain Ed25519 signatures over notes."""

_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name; a log's key has the log's origin as name, such as ``example.com/calls``."""

    name: str
    public_key: bytes
    """32 bytes, as in RFC 8032."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != 32:
            raise BadEvidence(f"the public key of {self.name} has {len(self.public_key)} bytes instead of 32")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of a hash over name, signature type and key: tells keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def __str__(self) -> str:
        """The key as text, ``<name>+<key id>+<base64>``: what verifiers are given."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(_ED25519 + self.public_key)}"

    def is_signed(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` over ``text`` is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under a name. Its ``repr`` does not show the key."""

    name: str
    seed: bytes = field(repr=False)
    """32 bytes, the private key of RFC 8032."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.seed) != 32:
            raise BadEvidence(f"the private key of {self.name} has {len(self.seed)} bytes instead of 32")

    @property
    def verifier(self) -> Verifier:
        """The public key that belongs to this one."""
        return Verifier(self.name, self._key().public_key().public_bytes_raw())

    def secret_text(self) -> str:
        """The key as text, ``PRIVATE+KEY+<name>+<key id>+<base64>``: for a file that only its owner reads."""
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{to_base64(_ED25519 + self.seed)}"

    def signature_line(self, text: str) -> str:
        """The line under a note that says that this key signed ``text``."""
        return f"{DASH}{self.name} {to_base64(self.verifier.key_id + self._key().sign(text.encode()))}\n"

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def new_signer(name: str) -> Signer:
    """A new private key from the system's random numbers.

    Raises:
        BadEvidence: ``name`` cannot be a key's name.
    """
    return Signer(name, Ed25519PrivateKey.generate().private_bytes_raw())


def parse_verifier(text: str) -> Verifier:
    """The public key that ``text`` holds, in the form ``<name>+<key id>+<base64>``.

    Raises:
        BadEvidence: it is of another form or type, or its key id is that of another key.
    """
    if text.startswith(_PRIVATE):
        raise BadEvidence(
            "this is a private key: verifiers are given the public one, from the file ending in .pub"
        )
    name, key_id, key = _key_parts(text, "a public key <name>+<key id>+<base64>")
    verifier = Verifier(name, key)
    if verifier.key_id.hex() != key_id:
        raise BadEvidence(f"the public key of {name} has the id {verifier.key_id.hex()}, not {key_id}")
    return verifier


def parse_signer(text: str) -> Signer:
    """The private key that ``text`` holds, in the form ``PRIVATE+KEY+<name>+<key id>+<base64>``.

    Raises:
        BadEvidence: it is of another form or type, or its key id is another's; the key stays out of messages.
    """
    form = f"a private key {_PRIVATE}<name>+<key id>+<base64>"
    if not text.startswith(_PRIVATE):
        raise BadEvidence(f"this is not {form}")
    name, key_id, seed = _key_parts(text.removeprefix(_PRIVATE), form)
    signer = Signer(name, seed)
    if signer.verifier.key_id.hex() != key_id:
        raise BadEvidence(
            f"the private key of {name} has the id {signer.verifier.key_id.hex()}, not {key_id}"
        )
    return signer


def check_name(name: str) -> None:
    """Refuses what cannot be the name of a key or of a log.

    Raises:
        BadEvidence: ``name`` is empty, or has spaces, ``+`` or what cannot be printed.
    """
    if not name or not name.isprintable() or "+" in name or any(one.isspace() for one in name):
        raise BadEvidence(
            f"{name!r} cannot name a key: it needs letters, without spaces and +, as example.com/calls"
        )


def from_base64(text: str, what: str) -> bytes:
    """The bytes of standard base64, in the one spelling that ``to_base64`` gives.

    Raises:
        BadEvidence: ``text`` is of another form; the message names ``what`` it should have been.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as reason:
        raise BadEvidence(f"{what} is not base64") from reason
    if to_base64(data) != text:  # bits that decoders pass over could be changed unnoticed
        raise BadEvidence(f"{what} is not base64 in its one spelling")
    return data


def _key_parts(text: str, form: str) -> tuple[str, str, bytes]:
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise BadEvidence(f"this is not {form}")
    name, key_id, encoded = parts
    key = from_base64(encoded, f"the key {name}")
    if key[:1] != _ED25519:
        raise BadEvidence(f"the key {name} is not of the type Ed25519, the only one used here")
    return name, key_id, key[1:]


def to_base64(data: bytes) -> str:
    """Standard base64 (RFC 4648, section 4), with padding."""
    return base64.b64encode(data).decode()
