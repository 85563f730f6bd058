"""Settings of Genesys connections: whose signatures open calls. No secret stands here, only where it is."""

import re

import msgspec

from sentiment_engine.errors import BadSettings

API_KEY = re.compile(r"[A-Za-z0-9+/_-]{1,256}={0,2}", re.ASCII)
"""What Genesys takes for an API key."""


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
    """Who may open calls on ``/v1/audiohook``. What Genesys signs is ``door.public_url``, see there."""

    keys: tuple[GenesysKey, ...] = ()
    """With any, every connection must be signed with one of them; without, tokens decide."""

    def __post_init__(self) -> None:
        names = [key.api_key for key in self.keys]
        if len(set(names)) != len(names):
            raise BadSettings("genesys.keys: the same api_key stands there twice")
