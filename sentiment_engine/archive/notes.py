"""Signed notes as in https://c2sp.org/signed-note: text, an empty line, one line per Ed25519 signature."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_engine.archive.signing import DASH, Signer, Verifier, check_name, from_base64
from sentiment_engine.errors import BadEvidence

MAX_NOTE_BYTES = 1 << 20
MAX_SIGNATURES = 100
"""Both far above what any log's note needs; a hostile note costs no more than this."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Note:
    """A note at least one of whose signatures has been verified."""

    text: str
    """What was signed, with its last line break."""
    signed_by: tuple[Verifier, ...]
    """The given keys that signed it."""
    signatures: int
    """How many signatures stand under it, those of other keys included; at least 1."""


def sign(text: str, signers: Sequence[Signer]) -> bytes:
    """``text`` as a note signed by each of ``signers``, in their order.

    Raises:
        BadEvidence: ``text`` cannot be a note's text, or there is no signer.
    """
    if not signers or not text.endswith("\n") or _CONTROL.search(text):
        raise BadEvidence(
            "a note needs a signer, and text that ends with a line break and has no control characters"
        )
    note = (text + "\n" + "".join(signer.signature_line(text) for signer in signers)).encode()
    open_note(note, [signer.verifier for signer in signers])  # what we cannot read back, nobody can
    return note


def open_note(data: bytes, verifiers: Sequence[Verifier]) -> Note:
    """The note ``data``, if at least one of the keys ``verifiers`` signed it.

    Signatures by other keys are passed over, as the format asks. A signature that claims to be by a known key
    and is not spoils the note.

    Raises:
        BadEvidence: not a note, or not signed by any of ``verifiers``, or a known key's signature is false.
    """
    text, lines = _split(data)
    signed_by = []
    for line in lines:
        name, key_id, signature = _signature_parts(line)
        for verifier in verifiers:
            if (verifier.name, verifier.key_id) == (name, key_id):
                if not verifier.is_signed(text.encode(), signature):
                    raise BadEvidence(
                        f"the signature of {name}+{key_id.hex()} is false: the text was altered"
                    )
                signed_by.append(verifier)
    if not signed_by:
        wanted = ", ".join(f"{one.name}+{one.key_id.hex()}" for one in verifiers)
        raise BadEvidence(f"the note is not signed by {wanted}: it is altered, or another key is needed")
    return Note(text, tuple(signed_by), len(lines))


def _split(data: bytes) -> tuple[str, list[str]]:
    if len(data) > MAX_NOTE_BYTES:
        raise BadEvidence(f"a note has at most {MAX_NOTE_BYTES} bytes, this has {len(data)}")
    try:
        whole = data.decode()
    except UnicodeDecodeError as reason:
        raise BadEvidence("a note is UTF-8 text, this is not") from reason
    text, gap, signatures = whole.rpartition("\n\n")
    lines = signatures.split("\n")
    if _CONTROL.search(whole) or not gap or lines.pop() or not lines:
        raise BadEvidence("this is not a signed note: text, an empty line, and one or more signatures")
    if len(lines) > MAX_SIGNATURES:
        raise BadEvidence(f"a note has at most {MAX_SIGNATURES} signatures, this has {len(lines)}")
    return text + "\n", lines


def _signature_parts(line: str) -> tuple[str, bytes, bytes]:
    name, _, signature = line.removeprefix(DASH).partition(" ")
    data = from_base64(signature, "a note's signature")
    if not line.startswith(DASH) or len(data) <= 4:
        raise BadEvidence("a note's signature is not of the form: dash, name, base64 of key id and signature")
    check_name(name)
    return name, data[:4], data[4:]
