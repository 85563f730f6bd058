"""Whose certificates a client believes."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from sentiment_engine.errors import BadSettings
from sentiment_engine.resources import read_text


def trust(url: str, authority: Path | None) -> ssl.SSLContext | None:
    """What a connection to ``url`` needs for TLS; None for ``ws://``.

    Args:
        url: a WebSocket address.
        authority: PEM of a private authority, believed besides those that the machine knows; or None.

    Raises:
        BadSettings: the file cannot be read, holds no certificate, or is given for an address without TLS.
    """
    if urlsplit(url).scheme.lower() != "wss":
        if authority is not None:
            raise BadSettings(f"--tls-ca {authority} is for wss:// addresses; {url} has no TLS")
        return None
    context = ssl.create_default_context()
    if authority is not None:
        read_text(authority)
        try:
            context.load_verify_locations(authority)
        except ssl.SSLError as reason:
            raise BadSettings(
                f"--tls-ca {authority}: holds no certificate in PEM ({reason.reason or reason})"
            ) from reason
    return context


def tls_failure(reason: ssl.SSLError) -> tuple[str, str]:
    """What went wrong between both sides' TLS, in one phrase, and the remedy."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate is not to be trusted ({reason.verify_message})",
            "give its authority with --tls-ca, and call the server by a name in its certificate",
        )
    return f"no TLS ({reason.reason or 'the handshake failed'})", "use ws:// for a server without TLS"
