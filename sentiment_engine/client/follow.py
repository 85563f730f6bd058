"""Follows ``/v1/feed``; a lost connection is taken up after the last event that arrived."""

import ssl
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sentiment_engine.client.link import Patience, Unreachable, closing, connection, json_object

REFUSALS = frozenset({1003, 1007, 1008, 1009})
"""Close codes after which the same request fails again."""
CLOCKS_APART_S = 60.0
"""How far this clock and the server's may differ."""


class FeedEvent(NamedTuple):
    """One event of the feed."""

    text: str
    """As it came."""
    cloud_event: dict[str, Any]


async def follow(
    url: str,
    *,
    since: str | None = None,
    types: str | None = None,
    token: str | None = None,
    tls: ssl.SSLContext | None = None,
    note: Callable[[str], None],
) -> AsyncGenerator[FeedEvent, None]:
    """The feed's CloudEvents, each once, for ever; a lost connection is taken up after the last event.

    Args:
        url: ``ws://HOST:PORT/v1/feed``.
        since: Cursor (the ``sequence`` of an event) after which to begin; None for what happens from now on.
        types: Event types, separated by commas; None for those the server sends unasked.
        token: Sent as ``Authorization: Bearer``.
        tls: For ``wss://``, whose certificates to believe (``client/trust.py``); None for the machine's own.
        note: Called with a line for people, when a connection is lost.

    Raises:
        Unreachable: no first connection, or a refusal.
        BadSettings: ``url`` is no WebSocket address.
    """
    patience = Patience(url, note, tries=None, jitter=True)
    ignore_before: datetime | None = None
    while True:
        asked = {"since": since, "types": types}
        address = _with_query(url, {name: value for name, value in asked.items() if value is not None})
        try:
            socket = await connection(address, token, subprotocol="cloudevents.json", tls=tls)
        except (OSError, InvalidHandshake) as reason:
            await patience.failed(reason)
            continue
        patience.connected()
        began = datetime.now(UTC)
        try:
            async with socket:
                while True:
                    text = await socket.recv(decode=True)
                    event = json_object(text)
                    patience.renew()
                    cursor = str(event.get("sequence", ""))
                    if since is not None and len(cursor) == len(since) and cursor <= since:
                        continue  # sent again after a reconnection
                    since = cursor or since
                    if ignore_before is None or _time(event) >= ignore_before:
                        yield FeedEvent(text, event)
        except ConnectionClosed as reason:
            if reason.rcvd is not None and reason.rcvd.code in REFUSALS:
                raise Unreachable(
                    f"{url}: the server refused: {reason.rcvd.reason or reason.rcvd.code}"
                ) from reason
            if since is None:
                # Nothing has come yet, so there is no cursor, and what is raised until the next connection
                # would be missed. So: everything that is kept, less what lies before the first connection.
                since, ignore_before = "0", began - timedelta(seconds=CLOCKS_APART_S)
            await patience.lost(closing(reason))


def _with_query(url: str, more: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in more]
    return urlunsplit(parts._replace(query=urlencode([*query, *more.items()], safe=",*")))


def _time(event: dict[str, Any]) -> datetime:
    """When the event happened; the end of time when it does not say, so that it is never too old."""
    try:
        return datetime.fromisoformat(event["time"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return datetime.max.replace(tzinfo=UTC)
