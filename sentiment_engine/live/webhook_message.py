"""One webhook message: signed as Standard Webhooks are, posted once, never redirected."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_archive import WebhookSettings

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
"""Bytes, as the specification has them."""
PATIENCE_S = 15.0
"""For all of it, from the name to the head of the answer; Standard Webhooks asks for 15 to 30."""
PIECE_BYTES = 65_536


class Answer(NamedTuple):
    """What became of an attempt."""

    status: int | None
    """None when there was no answer."""
    error: str
    """In words; empty for a success."""
    retry_after_s: float = 0.0
    """How long the receiver wants to be left alone."""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def secret_of(webhook: WebhookSettings, environ: Mapping[str, str]) -> bytes:
    """The signing secret, which no message repeats.

    Raises:
        BadSettings: the variable is not set, or holds no such secret.
    """
    text = environ.get(webhook.secret_env, "")
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not (text.startswith(SECRET_PREFIX) and SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET):
        raise BadSettings(
            f"webhooks {webhook.name}: the environment variable {webhook.secret_env} must hold "
            f"{SECRET_PREFIX} and the base64 of {SHORTEST_SECRET} to {LONGEST_SECRET} random bytes"
        )
    return secret


def signed(secret: bytes, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks for ``body``, sent at ``at_s`` seconds since 1970."""
    content = f"{message_id}.{at_s}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{signature}",
    }


async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Posts once over a connection of its own; reads the head of the answer. Never raises for a receiver."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _post(url, headers, body)
    except TimeoutError:
        return Answer(None, f"no answer within {PATIENCE_S:g} s")
    except (OSError, h11.RemoteProtocolError, ValueError) as reason:  # the last from names nobody can have
        return Answer(None, f"{type(reason).__name__}: {reason}"[:300])


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    reader, writer = await asyncio.open_connection(
        host,
        parts.port or (443 if secure else 80),
        ssl=ssl.create_default_context() if secure else None,
    )
    try:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=PIECE_BYTES)
        request = h11.Request(
            method="POST",
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=[
                ("Host", parts.netloc),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
                *headers.items(),
            ],
        )
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        while not isinstance(heard := connection.next_event(), h11.Response):
            if heard is h11.NEED_DATA:
                connection.receive_data(await reader.read(PIECE_BYTES))
        return _read(heard)
    finally:
        writer.transport.abort()  # the rest of the answer is nobody's business


def _read(response: h11.Response) -> Answer:
    status = response.status_code
    if 200 <= status < 300:
        return Answer(status, "")
    wait = next((value for name, value in response.headers if name == b"retry-after"), b"")
    # A date is allowed too; who sends one is tried again when we would have done so anyway.
    retry_after_s = float(wait) if wait.isdigit() and len(wait) < 7 else 0.0
    if 300 <= status < 400:
        return Answer(status, f"{status}: redirects are not followed, set the new url")
    return Answer(status, str(status), retry_after_s)
