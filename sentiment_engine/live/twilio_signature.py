"""Whether a WebSocket handshake was signed by Twilio: ``X-Twilio-Signature``.

The signature is the base64 of an HMAC-SHA1 over the address, keyed with the account's auth token; a WebSocket
has no POST parameters to add. Source: Twilio, "Security", "Validating requests are coming from Twilio".

What is signed is the address in ``<Stream url="...">``, which a server behind a proxy does not see: there it
is ``http`` and another host. So it is rebuilt from the configured public address, never from the request.
Twilio itself is not of one mind about a port that is the usual one and about a slash at the end (its own
libraries try both), so each of those variants counts.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.messages import Refused

PATH = "/v1/twilio"
HEADER = "x-twilio-signature"
_SCHEMES = {"wss": "wss", "https": "wss", "ws": "ws", "http": "ws"}
_PORTS = {"wss": 443, "ws": 80}


class TwilioSignature:
    """Knows what Twilio signs for one account and one public address.

    Args:
        public_url: where clients believe the server to be.
        variable: the environment variable with the account's auth token.
        environ: the environment.

    Raises:
        BadSettings: the variable is not set, or empty.
    """

    def __init__(self, public_url: str, variable: str, environ: Mapping[str, str]) -> None:
        self._url = stream_address(public_url, PATH)
        self._auth_token = environ.get(variable, "").strip()
        if not self._auth_token:
            raise BadSettings(
                f"the environment variable {variable}, named by door.twilio_auth_token_env, is not set"
            )

    def vouches(self, path: str, signature: str | None, *, needed: bool) -> bool:
        """Whether Twilio has signed this handshake; False where another credential is to be asked for.

        Args:
            path: of the request; only ``/v1/twilio`` is looked at.
            signature: the header's value, if there is one.
            needed: whether nothing else could be asked for.

        Raises:
            Refused: ``unauthorized``: a wrong signature; or none where it is needed.
        """
        if path != PATH or (signature is None and not needed):
            return False
        if signature is None:
            raise Refused("unauthorized", f"{PATH} takes what Twilio has signed, and this is not")
        if not valid(self._url, signature, self._auth_token):
            raise Refused(
                "unauthorized",
                f"{HEADER} is not that of {self._url}: <Stream url> must be this address (door.public_url), "
                "and the auth token that of the account",
            )
        return True


def stream_address(public_url: str, path: str) -> str:
    """The address that Twilio was given for a path of this server.

    Args:
        public_url: where clients believe the server to be, ``https://calls.example.com``; it may have a path.
        path: the server's own, ``/v1/twilio``.
    """
    scheme, _, rest = public_url.partition("://")
    return f"{_SCHEMES[scheme.lower()]}://{rest.rstrip('/')}{path}"


def valid(url: str, signature: str, auth_token: str) -> bool:
    """Whether Twilio has signed this address; False for a signature that is none.

    Args:
        url: as configured in ``<Stream>``, with ``ws://`` or ``wss://``; see :func:`stream_address`.
        signature: the header's value.
        auth_token: the secret of the Twilio account.

    Raises:
        ValueError: the auth token is empty, so that anybody could sign; or the address is no WebSocket's.
    """
    if not auth_token:
        raise ValueError("the auth token is empty: anybody could sign with it")
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    found = False
    for variant in _variants(url):  # all of them, so that the time says nothing
        mac = hmac.new(auth_token.encode(), variant.encode(), hashlib.sha1).digest()
        found |= hmac.compare_digest(mac, given)
    return found


def _variants(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{url[:200]!r} is no address of a WebSocket: write wss://HOST/PATH")
    usual = _PORTS[parts.scheme]
    hosts = [parts.netloc]
    if parts.port is None:
        hosts.append(f"{parts.netloc}:{usual}")
    elif parts.port == usual:
        hosts.append(parts.netloc.rpartition(":")[0])
    path = parts.path.rstrip("/")
    query = f"?{parts.query}" if parts.query else ""
    return [f"{parts.scheme}://{host}{path}{end}{query}" for host in hosts for end in ("", "/")]
