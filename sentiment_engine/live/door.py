"""The door: who comes in, as whom, and how many at a time. No I/O; time comes from a clock that is given.

Without tokens it is open to whoever reaches it, which is this machine alone, and only the page and the name
are checked: a browser would let any web page in. With tokens it asks each client for one.
"""

import hmac
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.datastructures import Headers

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.buckets import Failures, Pace
from sentiment_engine.live.credentials import presented, query_secrets
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.origins import Origins, is_loopback
from sentiment_engine.live.secrecy import sha256_of
from sentiment_engine.live.twilio_signature import HEADER, TwilioSignature
from sentiment_engine.settings_door import DoorSettings, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is on the other side of a connection. The secret is not part of it, so it may be logged."""

    name: str
    """The token's name; empty for anybody on a server without tokens."""
    role: Role
    max_connections: int | None = None
    """None for no limit, like the next."""
    max_calls: int | None = None

    def may_continue(self, owner: "Caller") -> bool:
        """Whether this caller may resume or take over a call that ``owner`` has opened."""
        return self.role == "admin" or self.name == owner.name


ANYBODY = Caller("", "admin")
"""Everybody, while there are no tokens."""


class Door:
    """Lets clients in or raises Refused; counts who is inside.

    Args:
        settings: checked settings.
        host: the address the server listens on; names it answers to without tokens.
        clock: seconds that never go back.
    """

    def __init__(
        self, settings: DoorSettings, host: str = "127.0.0.1", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._origins = Origins(settings.origins, settings.public_url, host)
        self._failures = Failures(settings.failures_per_minute)
        variable = settings.twilio_auth_token_env
        self._twilio = TwilioSignature(settings.public_url, variable, os.environ) if variable else None
        self._inside: Counter[str] = Counter()
        self._known = frozenset(token.sha256 for token in settings.tokens)
        self._holders = [
            (
                token.sha256.encode(),
                Caller(
                    token.name,
                    token.role,
                    settings.max_connections if token.max_connections is None else token.max_connections,
                    settings.max_calls if token.max_calls is None else token.max_calls,
                ),
            )
            for token in settings.tokens
        ]

    @property
    def is_open(self) -> bool:
        """Whether there are no tokens, so that nobody is asked for one."""
        return not self._holders

    # -- who

    def holder(self, secret: str) -> Caller | None:
        """Whose token this is, or None; always ``ANYBODY`` while there are no tokens.

        Takes as long for any answer: every hash is compared, each in constant time.
        """
        if self.is_open:
            return ANYBODY
        given = sha256_of(secret).encode()
        found = None
        for known, caller in self._holders:
            if hmac.compare_digest(known, given):
                found = caller
        return found

    def admit(self, headers: Headers, subprotocols: Sequence[str], address: str, *roles: Role) -> Caller:
        """The caller that a handshake or a request shows itself to be.

        Args:
            headers: those of the request; ``Authorization`` is looked at.
            subprotocols: what a WebSocket client offers; empty for HTTP.
            address: the client's IP address, for counting failures.
            roles: who may come in.

        Raises:
            Refused: ``unauthorized`` for a missing or wrong token, ``forbidden`` for the wrong role,
                ``rate_limited`` for an address that failed too often.
        """
        if self.is_open:
            return ANYBODY
        try:
            secret = presented(headers, subprotocols)
        except Refused as refused:
            raise self._failed(address, refused) from None
        return self.admit_secret(secret, address, *roles)

    def admit_secret(self, secret: str | None, address: str, *roles: Role) -> Caller:
        """:meth:`admit` for a token that came otherwise, for example in a vendor's first message."""
        if self.is_open:
            return ANYBODY
        if secret is None:
            hint = "send Authorization: Bearer TOKEN, or from a browser the subprotocol token.TOKEN"
            raise self._failed(address, Refused("unauthorized", f"a token is needed: {hint}"))
        caller = self.holder(secret)
        if caller is None:
            raise self._failed(address, Refused("unauthorized", "this token is not known here"))
        if caller.role not in roles:
            raise self._failed(
                address,
                Refused(
                    "forbidden",
                    f"the token {caller.name} has the role {caller.role}; this takes {' or '.join(roles)}",
                ),
            )
        return caller

    def signed(self, path: str, headers: Headers, address: str) -> Caller | None:
        """The caller for whom a vendor's signature vouches; None: ask for a token.

        Raises:
            Refused: ``unauthorized`` for a wrong signature, or for none where there are no tokens to ask for.
        """
        known, limits = self._twilio, (self._settings.max_connections, self._settings.max_calls)
        try:
            vouched = known is not None and known.vouches(path, headers.get(HEADER), needed=self.is_open)
        except Refused as refused:
            raise self._failed(address, refused) from None
        return Caller("twilio", "ingest", *limits) if vouched else None

    # -- from where

    def check_page(self, headers: Headers, address: str) -> None:
        """Keeps foreign web pages out; without tokens also those that come under a foreign name.

        Raises:
            Refused: ``forbidden``, or ``rate_limited``.
        """
        host = headers.get("host", "")
        if self.is_open and not self._origins.is_own_name(host):
            raise self._failed(
                address,
                Refused(
                    "forbidden",
                    f"the server does not answer to the name {host[:80]!r}: use 127.0.0.1 or "
                    "localhost, or set door.public_url",
                ),
            )
        origins = headers.getlist("origin")
        if len(origins) > 1 or not self._origins.may_connect(next(iter(origins), None), host):
            raise self._failed(
                address,
                Refused(
                    "forbidden",
                    f"pages of the origin {', '.join(origins)[:80]!r} may not connect: "
                    "add it to door.origins",
                ),
            )

    def check_query(self, query: str, address: str) -> None:
        """Refuses an address that carries a credential, known or not.

        Raises:
            Refused: ``unauthorized``, ``bad_query``, or ``rate_limited``.
        """
        carries, values = query_secrets(query)
        if carries or (not self.is_open and any(sha256_of(value) in self._known for value in values)):
            raise self._failed(
                address,
                Refused(
                    "unauthorized",
                    "a token in an address ends up in logs and histories: send it as Authorization: Bearer, "
                    "or as the subprotocol token.TOKEN, and replace the one that was sent",
                ),
            )

    def _failed(self, address: str, refused: Refused) -> Refused:
        if self._failures.add(address, self._clock()):
            return Refused("rate_limited", "too many refusals from this address: wait a minute")
        return refused

    # -- how many

    @contextmanager
    def inside(self, caller: Caller) -> Iterator[None]:
        """Counts a connection of ``caller`` for as long as the block runs.

        Raises:
            Refused: ``limit_reached``.
        """
        if caller.max_connections is not None and self._inside[caller.name] >= caller.max_connections:
            raise Refused(
                "limit_reached",
                f"the token {caller.name} has {caller.max_connections} connections, its limit: close one",
            )
        self._inside[caller.name] += 1
        try:
            yield
        finally:
            self._inside[caller.name] -= 1

    def pace(self) -> Pace:
        """A fresh account of what one connection sends."""
        settings = self._settings
        return Pace(settings.messages_per_s, settings.bytes_per_s, settings.burst_s, self._clock)


def require_safe_address(host: str, settings: DoorSettings, *, tls: bool) -> None:
    """Refuses to listen where others could come in, or listen in.

    Raises:
        BadSettings: ``host`` is not loopback, and there are no tokens, or they would cross the network in
            the clear.
    """
    if is_loopback(host):
        return
    if not settings.tokens:
        raise BadSettings(
            f"host {host!r} is reachable by others and there are no tokens, so anybody could hear of every "
            "call: make some with sentiment-engine token new, or listen on 127.0.0.1"
        )
    if not tls and not settings.behind_proxy:
        raise BadSettings(
            f"host {host!r} is reachable by others and there is no TLS, so tokens and voices would cross the "
            "network in the clear: give --tls-cert and --tls-key, or set door.behind_proxy = true when a "
            "reverse proxy ends TLS before this server"
        )
