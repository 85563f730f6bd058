"""RFC 3161 time stamps over signed checkpoints: what an outside authority says existed, and when.

Only with such a stamp can anything be said about time: whoever holds the log's key can sign any log at any
time, but cannot go back and have the authority stamp it earlier.
"""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from rfc3161_client import TimeStampRequest, TimeStampResponse, VerificationError, VerifierBuilder
from rfc3161_client import decode_timestamp_response as decode
from rfc3161_client.verify import SHA256_OID, SHA384_OID, SHA512_OID

from sentiment_engine.errors import BadEvidence, BadSettings

MAX_STAMP_BYTES = 1 << 16
"""Real ones have 2 to 8 kB, most of it certificates."""

_MAX_ROOTS_BYTES = 1 << 20
_HASHES = {SHA256_OID: hashlib.sha256, SHA384_OID: hashlib.sha384, SHA512_OID: hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Stamp:
    """A verified time stamp."""

    at: datetime.datetime
    """When the stamped bytes existed, in UTC, by the authority's own clock."""
    authority: str
    """Who says so: the subject of the certificate that signed."""


def load_roots(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates in the PEM file ``path``, which time-stamp authorities are trusted by.

    Raises:
        BadSettings: it cannot be read, or holds no certificates.
    """
    try:
        with path.open("rb") as file:
            return tuple(x509.load_pem_x509_certificates(file.read(_MAX_ROOTS_BYTES)))
    except OSError as reason:
        raise BadSettings(f"the authority's certificate {path} cannot be read: {reason.strerror}") from reason
    except ValueError as reason:
        raise BadSettings(f"{path} holds no certificates in PEM form: {reason}") from reason


def check_stamp(
    response: bytes,
    stamped: bytes,
    roots: Sequence[x509.Certificate],
    request: TimeStampRequest | None = None,
) -> Stamp:
    """What the time-stamp ``response`` proves about the bytes ``stamped``.

    The certificate that signed must lead to one of ``roots``, have been valid at the time given, and be meant
    for time stamps. Whether it was revoked is not looked up. With ``request``, the response must answer it.

    Raises:
        BadEvidence: the response is not a time stamp of these bytes by an authority of ``roots``.
    """
    if len(response) > MAX_STAMP_BYTES:
        raise BadEvidence(f"a time stamp has at most {MAX_STAMP_BYTES} bytes, this has {len(response)}")
    builder = VerifierBuilder() if request is None else VerifierBuilder.from_request(request)
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        stamp = decode(response)
        algorithm = stamp.tst_info.message_imprint.hash_algorithm.dotted_string
        if algorithm not in _HASHES:
            raise BadEvidence(f"the time stamp is over a hash of an unsupported kind, {algorithm}")
        builder.build().verify(stamp, _HASHES[algorithm](stamped).digest())
        return Stamp(stamp.tst_info.gen_time.astimezone(datetime.UTC), _authority(stamp))
    except (VerificationError, ValueError) as reason:
        raise BadEvidence(f"the time stamp does not hold: {reason}") from reason


def _authority(stamp: TimeStampResponse) -> str:
    """Subject of the certificate that signed, which a verified stamp holds."""
    (signer,) = stamp.signed_data.signer_infos
    certificates = [x509.load_der_x509_certificate(one) for one in stamp.signed_data.certificates]
    (subject,) = {
        one.subject.rfc4514_string()
        for one in certificates
        if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number)
    }
    return subject
