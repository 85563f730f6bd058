"""Settings of Genesys connections: whose signatures open calls. No secret stands here, only where it is."""

import re
from urllib.parse import urlsplit

import msgspec

from sentiment_engine.errors import BadSettings

API_KEY = re.compile(r"[A-Za-z0-9+/_-]{1,256}={0,2}", re.ASCII)
"""What Genesys takes for an API key."""
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class GenesysKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One integration's API key, and where its client secret is kept: exactly one of the two."""

    api_key: str
    """Sent as ``X-API-KEY``. Beside a signature it is a name and no secret."""
    secret_env: str = ""
    """The environment variable that holds the client secret, base64 as in Genesys."""
    secret_file: str = ""
    """The file that holds it."""

    def __post_init__(self) -> None:
        if not API_KEY.fullmatch(self.api_key):
            raise BadSettings(
                f"genesys.keys: api_key {self.api_key[:60]!r} may hold letters, digits, + / _ - and end in ="
            )
        if bool(self.secret_env) == bool(self.secret_file):
            raise BadSettings(
                f"genesys.keys {self.api_key[:60]}: name either secret_env or secret_file, where its client "
                "secret is kept"
            )


class GenesysSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may open calls on ``/v1/audiohook``."""

    keys: tuple[GenesysKey, ...] = ()
    """With any, every connection must be signed with one of them; without, tokens decide."""
    public_url: str = ""
    """Where Genesys connects to, ``wss://calls.example.com``: it signs this name, whatever a proxy makes of
    it. A path before ``/v1/audiohook`` belongs to it. Empty: the ``Host`` header says."""

    def __post_init__(self) -> None:
        names = [key.api_key for key in self.keys]
        if len(set(names)) != len(names):
            raise BadSettings("genesys.keys: the same api_key stands there twice")
        if self.public_url:
            self.address()

    def address(self) -> tuple[str, str]:
        """Authority and path prefix of ``public_url``; both empty without one.

        Raises:
            BadSettings: it is not such an address.
        """
        url = self.public_url
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as reason:
            raise BadSettings(f"genesys.public_url {url[:80]!r}: {reason}") from reason
        if not url:
            return "", ""
        plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if (
            parts.scheme not in DEFAULT_PORTS
            or not host
            or "@" in parts.netloc
            or plain != url
            or not url.isascii()
        ):
            raise BadSettings(
                f"genesys.public_url {url[:80]!r}: write the address without query, such as "
                "wss://calls.example.com"
            )
        authority = f"[{host}]" if ":" in host else host
        if port not in (None, DEFAULT_PORTS[parts.scheme]):
            authority += f":{port}"
        return authority, parts.path.rstrip("/")
