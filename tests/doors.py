"""Servers with tokens, and clients that show them."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
from live_server import live_settings, serving
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.dialects import DIALECTS
from sentiment_engine.live.secrecy import sha256_of
from sentiment_engine.settings import Settings
from sentiment_engine.settings_door import ROLES, DoorSettings, TokenSettings

SECRETS = {
    name: f"setk_{name.upper().replace('-', '')}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    for name in (*ROLES, "ingest-2", "supervisor-2", "legal-2")
}
"""One token a role, and a second for calls and for reviews."""


NEEDS_ARCHIVE = ("/v1/calls", "/v1/checkpoints", "/v1/alerts", "/v1/reports", "/v1/reviews", "/v1/webhooks")
"""What the paths begin with that a server without an archive answers with 404."""
SOCKETS = frozenset({"/v1/stream", "/v1/feed", "/v1/agent/feed", *DIALECTS})


def token(name: str, **limits: int) -> TokenSettings:
    role = next(role for role in ROLES if name.startswith(role))
    return TokenSettings(name=name, role=role, sha256=sha256_of(SECRETS[name]), **limits)


def locked(live: Settings | None = None, **door: object) -> Settings:
    """Settings with a token for each role, and other limits."""
    fields = {"tokens": tuple(map(token, SECRETS)), **door}
    return msgspec.structs.replace(live or live_settings(), door=DoorSettings(**fields))


@asynccontextmanager
async def locked_server(live: Settings | None = None, **door: object) -> AsyncIterator[LiveServer]:
    async with serving(locked(live, **door)) as server:
        yield server


def bearer(name: str | None) -> dict[str, str]:
    return {} if name is None else {"Authorization": f"Bearer {SECRETS[name]}"}


def basic(name: str) -> dict[str, str]:
    pair = base64.b64encode(f"pbx:{SECRETS[name]}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def entering(server: LiveServer, path: str, name: str | None = None, **how: object) -> connect:
    """A connection with the token of ``name``."""
    headers = {**bearer(name), **how.pop("headers", {})}
    return connect(server.url + path, additional_headers=headers, compression=None, proxy=None, **how)


async def answer(
    server: LiveServer, path: str, headers: dict[str, str], **how: object
) -> tuple[int, dict | None]:
    """The HTTP status of a handshake or a request, 101 for an accepted one, and the error it was given."""
    if path.partition("?")[0] in SOCKETS:
        try:
            async with entering(server, path, headers=headers, **how):
                return 101, None
        except InvalidStatus as refused:
            return refused.response.status_code, msgspec.json.decode(refused.response.body)
    async with httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        method, _, path = path.rpartition(" ")
        async with http.stream(method or "GET", path, headers=headers) as said:  # some answers never end
            if said.status_code == 200:
                return 200, None
            return said.status_code, msgspec.json.decode(await said.aread())
