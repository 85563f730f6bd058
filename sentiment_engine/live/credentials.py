"""Where a client may show its token, and where it must not. No I/O.

Accepted: ``Authorization: Bearer TOKEN``; ``Authorization: Basic`` with the token as password, as FreeSWITCH,
jambonz and Asterisk send it; and, for browsers, which can set no header, a subprotocol ``token.TOKEN`` beside
the one that is meant. Never in an address: those end up in logs, histories and referrers.
"""

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from sentiment_engine.live.messages import Refused
from sentiment_engine.live.secrecy import LOOKS_LIKE_ONE

SUBPROTOCOL_PREFIX = "token."
LONGEST_TOKEN = 512
FORBIDDEN_IN_QUERY = frozenset(
    {
        "access_token",
        "api-key",
        "api_key",
        "apikey",
        "auth",
        "authorization",
        "bearer",
        "id_token",
        "jwt",
        "key",
        "passwd",
        "password",
        "secret",
        "token",
        "x-api-key",
    }
)
"""Names under which people put tokens into addresses."""


def presented(headers: Headers, subprotocols: Sequence[str]) -> str | None:
    """The token that a handshake shows, or None when it shows none.

    Raises:
        Refused: ``unauthorized``: the header cannot be read, or two different tokens are shown.
    """
    found = {_from_header(value) for value in headers.getlist("authorization")}
    found |= {
        offered.removeprefix(SUBPROTOCOL_PREFIX)
        for offered in subprotocols
        if offered.startswith(SUBPROTOCOL_PREFIX)
    }
    if len(found) > 1:
        raise Refused("unauthorized", "two different tokens were sent: send one")
    secret = found.pop() if found else None
    if secret is not None and not 0 < len(secret) <= LONGEST_TOKEN:
        raise Refused("unauthorized", f"a token has 1 to {LONGEST_TOKEN} characters")
    return secret


def _from_header(value: str) -> str:
    scheme, _, rest = value.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                user_and_password = base64.b64decode(rest.strip(), validate=True).decode()
            except (binascii.Error, ValueError) as reason:
                # Not chained: the reason may hold the bytes that could not be decoded.
                del reason
                raise Refused("unauthorized", "Authorization: Basic is no base64 of user:token") from None
            return user_and_password.partition(":")[2]
    raise Refused("unauthorized", "Authorization must be Bearer TOKEN, or Basic with the token as password")


def query_secrets(query: str) -> tuple[bool, list[str]]:
    """Whether a query carries a credential by its name or its looks; and all names and values that it holds.

    Args:
        query: the part of an address after ``?``, as it was sent.

    Raises:
        Refused: ``bad_query`` for more than 100 fields.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise Refused("bad_query", "more than 100 fields in the address") from None
    carries = any(
        name.lower() in FORBIDDEN_IN_QUERY or LOOKS_LIKE_ONE.search(name) or LOOKS_LIKE_ONE.search(value)
        for name, value in pairs
    )
    return carries, [part for pair in pairs for part in pair]


def without_credentials(
    headers: list[tuple[bytes, bytes]], subprotocols: Sequence[str]
) -> tuple[list[tuple[bytes, bytes]], list[str]]:
    """Headers and subprotocols as the rest of the server may see them: it has no use for secrets."""
    kept = [name for name in subprotocols if not name.startswith(SUBPROTOCOL_PREFIX)]
    rest = [pair for pair in headers if pair[0] not in (b"authorization", b"sec-websocket-protocol")]
    if kept:
        rest.append((b"sec-websocket-protocol", ", ".join(kept).encode("latin-1", "replace")))
    return rest, kept
