"""Settings of the door: who may come in, from which pages, and how much each may ask.

No secret stands here. A token is 32 random bytes, so its plain SHA-256 says nothing that could be tried out:
the slow, salted hashes that passwords need would only make every refused attempt dear for the server.
"""

import hashlib
import ipaddress
import re
from typing import Literal

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_base import StageSettings

Role = Literal["ingest", "supervisor", "legal", "admin"]
ROLES: tuple[Role, ...] = ("ingest", "supervisor", "legal", "admin")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
"""What a token may be called, as a whole."""
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PLACE = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?"
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://{_PLACE}", re.ASCII)
_PUBLIC_URL = re.compile(rf"https?://{_PLACE}(/[A-Za-z0-9._~/-]*)?", re.ASCII)
LAST_PORT = 65_535
_NOTHING = hashlib.sha256(b"").hexdigest()
MAX_TOKENS = 1000
"""All are compared at every knock, so that the time it takes says nothing: 0.2 ms for this many."""


def is_token_name(text: str) -> bool:
    """Whether a token may have this name: 1 to 64 of ``A-Z a-z 0-9 . _ -``, the first a letter or digit."""
    return _NAME.fullmatch(text) is not None


class TokenSettings(StageSettings, frozen=True, kw_only=True):
    """One token, by its hash; ``sentiment-engine token new`` makes both."""

    name: str
    """What logs call its holder: 1 to 64 of ``A-Z a-z 0-9 . _ -``."""
    role: Role
    sha256: str
    """SHA-256 of the token, 64 lower-case hexadecimal digits."""
    max_connections: int | None = None
    """Connections at a time; None takes ``door.max_connections``."""
    max_calls: int | None = None
    """Live calls at a time, dropped ones included; None takes ``door.max_calls``."""

    def check(self) -> None:
        if not is_token_name(self.name):
            raise BadSettings(
                f"door.tokens: the name {self.name[:64]!r} may hold letters, digits, . _ and -, at most 64"
            )
        # Whoever pastes the token itself here must not find it in an error message.
        if not _SHA256.fullmatch(self.sha256):
            raise BadSettings(
                f"door.tokens {self.name}: sha256 must be 64 lower-case hexadecimal digits, as printed by "
                "sentiment-engine token new; never the token itself"
            )
        if self.sha256 == _NOTHING:
            raise BadSettings(f"door.tokens {self.name}: sha256 is that of an empty token")
        for limit in ("max_connections", "max_calls"):
            if getattr(self, limit) is not None:
                self.positive(limit)


class DoorSettings(StageSettings, frozen=True, kw_only=True):
    """Who may come in. Without tokens everybody on this machine may, and nobody else (``live/door.py``)."""

    tokens: tuple[TokenSettings, ...] = ()
    origins: tuple[str, ...] = ()
    """Web pages, beside the server's own, that may connect: ``https://crm.example.com``."""
    public_url: str = ""
    """Where clients believe the server to be, ``https://calls.example.com``: vendors sign this address."""
    twilio_auth_token_env: str = ""
    """The environment variable that holds a Twilio account's auth token, never the token itself: what Twilio
    has signed for ``public_url`` may then open calls at ``/v1/twilio``, and what it has not needs a token."""
    behind_proxy: bool = False
    """A reverse proxy ends TLS before this server, which then may listen beyond loopback without its own."""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or networks whose ``X-Forwarded-For`` is believed when ``behind_proxy``."""
    max_connections: int = 1000
    """Open requests and sockets of one token; one more is answered 429."""
    max_calls: int = 500
    """Live calls of one token; one more is refused with 1013."""
    messages_per_s: float = 5000.0
    """A socket that sends more is read more slowly, and loses nothing; 0 for no limit.

    A hundred times what a softphone sends in frames of 20 ms, because a recording may be played in as fast as
    the model takes it.
    """
    bytes_per_s: float = 0.0
    """The same for bytes; 0 for no limit: the model's own back-pressure holds a socket back long before."""
    burst_s: float = 2.0
    """So many seconds' worth may come at once."""
    failures_per_minute: int = 30
    """Refusals of one address; more are answered 429 and not logged. Right tokens still pass."""

    def check(self) -> None:
        if len(self.tokens) > MAX_TOKENS:
            raise BadSettings(f"door.tokens holds {len(self.tokens)} tokens: at most {MAX_TOKENS}")
        for field in ("name", "sha256"):
            seen: set[str] = set()
            for token in self.tokens:
                if getattr(token, field) in seen:
                    raise BadSettings(
                        f"door.tokens: two have the {field} of {token.name}: each needs its own"
                    )
                seen.add(getattr(token, field))
        for origin in self.origins:
            _check_origin(origin)
        if self.public_url:
            _check_public_url(self.public_url)
        if self.twilio_auth_token_env:
            _check_variable(self.twilio_auth_token_env, self.public_url)
        for proxy in self.proxies:
            _check_network(proxy)
        self.positive("max_connections", "max_calls", "failures_per_minute", "burst_s")
        self.within(0.0, 1e12, "messages_per_s", "bytes_per_s")


def _check_origin(origin: str) -> None:
    found = _ORIGIN.fullmatch(origin)
    if found is None or int(found["port"] or 0) > LAST_PORT:
        raise BadSettings(
            f"door.origins {origin[:80]!r}: write scheme and host, and the port if it is not the usual one, "
            "such as https://crm.example.com; neither * nor null can be trusted"
        )


def _check_public_url(url: str) -> None:
    found = _PUBLIC_URL.fullmatch(url)
    if found is None or int(found["port"] or 0) > LAST_PORT:
        raise BadSettings(
            f"door.public_url {url[:80]!r}: write http:// or https:// and a host, such as "
            "https://calls.example.com, without query or user name"
        )


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as reason:
        raise BadSettings(
            f"door.proxies {text[:80]!r}: write addresses or networks such as 10.0.0.0/8"
        ) from reason


def _check_variable(name: str, public_url: str) -> None:
    # Whoever pastes the token itself here must not find it in an error message.
    if not _VARIABLE.fullmatch(name):
        raise BadSettings(
            "door.twilio_auth_token_env must be the name of an environment variable, such as "
            "TWILIO_AUTH_TOKEN; never the token itself"
        )
    if not public_url:
        raise BadSettings("door.twilio_auth_token_env needs door.public_url: Twilio signs that address")
