"""One question to an outside server over HTTP, and its answer, both small."""

import http.client
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from sentiment_engine.errors import BadSettings, NoTimeStamp


def address_of(who: str, url: str) -> SplitResult:
    """The parts of an http or https address.

    Raises:
        BadSettings: ``url`` is none; the message begins with ``who`` it is of.
    """
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname or "@" in address.netloc:
        raise BadSettings(f"{who} {url!r} must be an address as https://tsa.example/")
    return address


def exchange(
    who: str,
    url: str,
    *,
    body: bytes | None,
    headers: Mapping[str, str],
    limit: int,
    timeout_s: float,
) -> tuple[int, str, bytes]:
    """Status, reason and at most ``limit + 1`` bytes of what ``url`` answers; POST with a body, else GET.

    Blocks for up to ``timeout_s`` at each step. Redirects are not followed.

    Raises:
        BadSettings: ``url`` is no address.
        NoTimeStamp: it cannot be reached.
    """
    address = address_of(who, url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(address.hostname or "", address.port, timeout=timeout_s)
    except ValueError as reason:
        raise BadSettings(f"{who} {url!r} has a port that is none: {reason}") from reason
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    try:
        connection.request("GET" if body is None else "POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.reason, response.read(limit + 1)
    except (OSError, UnicodeError, http.client.HTTPException) as reason:  # UnicodeError: a name like a..b
        raise NoTimeStamp(f"{who} {url} cannot be reached: {reason!r}") from reason
    finally:
        connection.close()
