"""Anchoring: asks a time-stamp authority over HTTP to stamp a signed checkpoint (RFC 3161, section 3.4)."""

import http.client
from collections.abc import Sequence

from cryptography import x509
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from sentiment_engine.archive.exchange import address_of, exchange
from sentiment_engine.archive.timestamps import MAX_STAMP_BYTES, check_stamp
from sentiment_engine.errors import BadEvidence, BadSettings, NoTimeStamp

WHO = "the time-stamp authority"


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
    address_of(WHO, url)
    if not roots:
        raise BadSettings(f"the time-stamp authority {url} needs a root certificate to be checked against")
    request = TimestampRequestBuilder(checkpoint, HashAlgorithm.SHA256).build()
    status, reason, response = exchange(
        WHO,
        url,
        body=request.as_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
        limit=MAX_STAMP_BYTES,
        timeout_s=timeout_s,
    )
    if status != http.client.OK:
        raise NoTimeStamp(f"{WHO} {url} answers {status} {reason}")
    try:
        check_stamp(response, checkpoint, roots, request)
    except BadEvidence as fault:
        raise NoTimeStamp(f"{WHO} {url} gave no good stamp: {fault}") from fault
    return response
