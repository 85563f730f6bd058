"""A WebSocket to our own server: how it is opened, and what is done when it cannot be or does not last."""

import asyncio
import ipaddress
import json
import os
import random
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from sentiment_engine.client.trust import tls_failure, trust
from sentiment_engine.errors import BadSettings, EngineError

TRIES = 6
"""Connections in a row that get nowhere; the waits between them come to 16 s, well inside the time for which
the server keeps a dropped call."""
LONGEST_WAIT_S = 8.0
OPEN_TIMEOUT_S = 10.0
PING_EVERY_S = 20.0
TOO_MANY = 429
"""The one status below 500 that asks to come again."""


class Unreachable(EngineError):
    """The server cannot be reached, or refuses; the message names the address and the remedy."""


class Patience:
    """How often to try again, and what to say about it.

    Args:
        url: Named in what is said.
        note: Called with a line for people before each wait.
        tries: Connections in a row that may get nowhere; None for any number.
        within_s: Seconds from the first loss after which no more is tried; None for ever.
        jitter: Whether each wait is drawn at random from 0 up to what it would be, so that the many clients
            of a server that was restarted do not come back all at once ("full jitter").
    """

    def __init__(
        self,
        url: str,
        note: Callable[[str], None],
        tries: int | None = TRIES,
        *,
        within_s: float | None = None,
        jitter: bool = False,
    ) -> None:
        self._url, self._note, self._tries = url, note, tries
        self._within_s, self._jitter = within_s, jitter
        self._since = 0.0
        self._failures = 0
        self._was_connected = False

    def connected(self) -> None:
        """There is a server."""
        self._was_connected = True

    def renew(self) -> None:
        """The connection has led somewhere."""
        self._failures = 0

    async def failed(self, reason: OSError | InvalidHandshake) -> None:
        """No connection: waits, or raises Unreachable when there never was one or trying again is no use."""
        words = _why(reason)
        status = reason.response.status_code if isinstance(reason, InvalidStatus) else None
        if not self._was_connected or (status is not None and status < 500 and status != TOO_MANY):
            raise Unreachable(f"{self._url}: {words}; {_remedy(status, reason)}") from reason
        await self.lost(words)

    async def lost(self, words: str) -> None:
        """The connection is gone: waits before the next one, or raises Unreachable after too many."""
        now = asyncio.get_running_loop().time()
        if self._failures == 0:
            self._since = now
        self._failures += 1
        if self._tries is not None and self._failures >= self._tries:
            raise Unreachable(f"{self._url}: given up after {self._failures} lost connections: {words}")
        wait_s = min(LONGEST_WAIT_S, 0.5 * 2 ** min(self._failures - 1, 8))
        if self._jitter:
            wait_s = random.uniform(0.0, wait_s)  # noqa: S311 - spreads load, keeps no secret
        if self._within_s is not None:
            left_s = self._since + self._within_s - now
            if left_s <= 0:
                raise Unreachable(
                    f"{self._url}: given up, no lasting connection for {self._within_s:g} s: {words}; "
                    "check that the server runs and what its log says"
                )
            wait_s = min(wait_s, left_s)
        self._note(f"connection lost ({words}); trying again in {wait_s:.2g} s")
        await asyncio.sleep(wait_s)


def check_url(url: str) -> None:
    """Raises BadSettings unless ``url`` is a WebSocket address with a host."""
    try:
        parse_uri(url)
    except (InvalidURI, ValueError) as reason:  # ValueError: a port that is no number
        raise BadSettings(
            f"{url}: not a WebSocket address; it looks like ws://127.0.0.1:8700/v1/stream"
        ) from reason


def connection(
    url: str,
    token: str | None,
    *,
    subprotocol: str | None = None,
    tls: ssl.SSLContext | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    ping_every_s: float = PING_EVERY_S,
) -> connect:
    """A connection to be awaited; raises BadSettings for an unusable ``url``, before anything is sent."""
    check_url(url)
    loopback = _is_loopback(urlsplit(url).hostname or "")
    return connect(
        url,
        ssl=trust(url, None) if tls is None else tls,
        additional_headers={"Authorization": f"Bearer {token}"} if token else None,
        subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
        proxy=None if loopback else True,  # a proxy cannot reach this machine
        open_timeout=open_timeout_s,
        ping_interval=ping_every_s,
        close_timeout=5,
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def json_object(text: str) -> dict[str, Any]:
    """The JSON object in ``text``; an empty one for anything else a stranger may send."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def closing(reason: ConnectionClosed) -> str:
    """How the other side closed, in one phrase."""
    if reason.rcvd is None:
        return "no word from the server"
    return f"closed with {reason.rcvd.code}{' ' + reason.rcvd.reason if reason.rcvd.reason else ''}"


def _why(reason: OSError | InvalidHandshake) -> str:
    if isinstance(reason, InvalidStatus):
        said = json_object((reason.response.body or b"").decode(errors="replace")).get("message")
        words = f"the server answered {reason.response.status_code} {reason.response.reason_phrase}".rstrip()
        return f"{words}: {str(said)[:300]}" if said else words
    if isinstance(reason, TimeoutError):
        return "no answer"
    if isinstance(reason, ssl.SSLError):
        return tls_failure(reason)[0]
    if isinstance(reason, OSError):
        known = reason.errno is not None and reason.errno > 0  # below 0: the resolver's own numbers
        return f"cannot connect ({os.strerror(reason.errno or 0) if known else reason.strerror or reason})"
    return "what answers there is no WebSocket server"


def _remedy(status: int | None, reason: OSError | InvalidHandshake) -> str:
    if status == 401:
        return "give a token with --token"
    if status is not None and status < 500:
        return "check the path (/v1/stream takes calls, /v1/feed gives alerts) and what the --token allows"
    if status is not None:
        return "try again later, or look into the server's log"
    if isinstance(reason, ssl.SSLError):
        return tls_failure(reason)[1]
    if isinstance(reason, OSError):
        return "check the address, and that the server runs (start one with: sentiment-engine serve)"
    return "check host and port"
