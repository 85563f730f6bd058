"""Anchoring: asks a time-stamp authority over HTTP to stamp a signed checkpoint (RFC 3161, section 3.4).

OpenTimestamps is left out: its proofs are verified against the headers of the Bitcoin chain, which are not
at hand offline, and its library was last released in 2023.
"""

import http.client
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from cryptography import x509
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from sentiment_engine.archive.timestamps import MAX_STAMP_BYTES, check_stamp
from sentiment_engine.errors import BadEvidence, BadSettings, NoTimeStamp


def request_stamp(
    url: str, checkpoint: bytes, roots: Sequence[x509.Certificate], *, timeout_s: float = 10.0
) -> bytes:
    """A time stamp of the signed note ``checkpoint`` by the authority at ``url``, verified before it returns.

    Blocks for up to ``timeout_s`` at each step of the exchange. Redirects are not followed. Plain http is
    allowed, and usual: the answer is signed, and the question holds a hash only.

    Raises:
        BadSettings: ``url`` is not an http or https address, or there are no ``roots``.
        NoTimeStamp: the authority cannot be reached, refuses, or gives what ``check_stamp`` refuses.
    """
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname or "@" in address.netloc:
        raise BadSettings(f"the time-stamp authority {url!r} must be an address as https://tsa.example/")
    if not roots:
        raise BadSettings(f"the time-stamp authority {url} needs a root certificate to be checked against")
    request = TimestampRequestBuilder(checkpoint, HashAlgorithm.SHA256).build()
    response = _post(url, address, request.as_bytes(), timeout_s)
    try:
        check_stamp(response, checkpoint, roots, request)
    except BadEvidence as reason:
        raise NoTimeStamp(f"the time-stamp authority {url} gave no good stamp: {reason}") from reason
    return response


def _post(url: str, address: SplitResult, body: bytes, timeout_s: float) -> bytes:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(address.hostname or "", address.port, timeout=timeout_s)
    except ValueError as reason:
        raise BadSettings(f"the time-stamp authority {url!r} has a port that is none: {reason}") from reason
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    try:
        connection.request("POST", path, body, {"Content-Type": "application/timestamp-query"})
        response = connection.getresponse()
        data = response.read(MAX_STAMP_BYTES + 1)
    except (OSError, http.client.HTTPException) as reason:
        raise NoTimeStamp(f"the time-stamp authority {url} cannot be reached: {reason!r}") from reason
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise NoTimeStamp(f"the time-stamp authority {url} answers {response.status} {response.reason}")
    return data
