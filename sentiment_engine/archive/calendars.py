"""Anchoring with OpenTimestamps: calendars promise to have a checkpoint attested, and hours later have it so.

A calendar is sent a hash only, and its answers are checked by whoever verifies; it can keep its promise or
not, and say nothing false. Asked is only who stands in the settings, wherever a proof may point.
"""

import http.client
import os

from sentiment_engine.archive.exchange import exchange
from sentiment_engine.archive.ots import MAX_ANSWER_BYTES, begun, read_answer, read_proof, upgraded
from sentiment_engine.errors import BadEvidence, NoTimeStamp

WHO = "the calendar"
NONCE_BYTES = 16
_HEADERS = {"Accept": "application/vnd.opentimestamps.v1", "User-Agent": "sentiment-engine"}


def same_calendar(one: str, other: str) -> bool:
    """Whether two addresses are one calendar's: a slash at the end makes no difference."""
    return one.rstrip("/") == other.rstrip("/")


def request_promise(url: str, digest: bytes, *, timeout_s: float = 10.0) -> bytes:
    """A proof of the SHA-256 ``digest`` that holds the promise of the calendar at ``url``.

    Blocks for up to ``timeout_s`` at each step.

    Raises:
        BadSettings: ``url`` is no address.
        NoTimeStamp: the calendar cannot be reached, refuses, or promises nothing that it can be asked for.
    """
    head, commitment = begun(digest, os.urandom(NONCE_BYTES))
    answer = _asked(url, "digest", commitment, timeout_s)
    if answer is None:
        raise NoTimeStamp(f"{WHO} {url} takes no digests: it answers 404")
    try:
        promised = read_answer(answer, commitment)
        read_proof(head + answer)
    except BadEvidence as reason:
        raise NoTimeStamp(f"{WHO} {url} gave no good promise: {reason}") from reason
    others = [one.calendar for one in promised.pending if not same_calendar(one.calendar, url)]
    if not promised.blocks and len(others) == len(promised.pending):
        passed_on = (
            f"passes on to {', '.join(others)}: put that into evidence.calendars"
            if others
            else "promises nothing"
        )
        raise NoTimeStamp(f"{WHO} {url} {passed_on}")
    return head + answer


def request_attestation(url: str, proof: bytes, *, timeout_s: float = 10.0) -> bytes | None:
    """``proof``, with the Bitcoin block that the calendar at ``url`` had promised; None while there is none.

    Blocks for up to ``timeout_s`` at each step.

    Raises:
        BadSettings: ``url`` is no address.
        NoTimeStamp: the calendar cannot be reached, refuses, or answers something else.
    """
    for pending in read_proof(proof).pending:
        if not same_calendar(pending.calendar, url) or not pending.alone:
            continue
        answer = _asked(url, f"timestamp/{pending.commitment.hex()}", None, timeout_s)
        if answer is None:
            continue
        try:
            whole = upgraded(proof, pending, answer)
        except BadEvidence as reason:
            raise NoTimeStamp(f"{WHO} {url} gave no good attestation: {reason}") from reason
        if read_proof(whole).blocks:
            return whole
    return None


def _asked(url: str, path: str, body: bytes | None, timeout_s: float) -> bytes | None:
    """What it answers; None for 404, by which a calendar says: not yet."""
    status, reason, answer = exchange(
        WHO,
        f"{url.rstrip('/')}/{path}",
        body=body,
        headers=_HEADERS,
        limit=MAX_ANSWER_BYTES,
        timeout_s=timeout_s,
    )
    if status == http.client.NOT_FOUND:
        return None
    if status != http.client.OK:
        raise NoTimeStamp(f"{WHO} {url} answers {status} {reason}")
    return answer
