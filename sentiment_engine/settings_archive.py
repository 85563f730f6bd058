"""Settings of what is kept of calls, and of who is told of them. No secret stands here, only where it is."""

import re

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_base import StageSettings
from sentiment_engine.settings_door import LAST_PORT

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
_TYPE = re.compile(r"[a-z.]*\*?", re.ASCII)
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?([/?][!\"$-~]*)?",
    re.ASCII,
)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class ArchiveSettings(StageSettings, frozen=True, kw_only=True):
    """What ``serve --data`` keeps, and for how long."""

    url: str = ""
    """``postgresql+psycopg://USER@HOST/DATABASE`` without a password; empty for SQLite in the data folder."""
    keep_days: float = 0.0
    """A call is removed so many days after its end; 0 keeps it until it is erased."""
    waiting_events: int = 20_000
    """Events that may wait for the disk: ticks beyond are lost, and calls are read no further meanwhile."""

    def check(self) -> None:
        self.positive("waiting_events")
        self.within(0.0, 36_500.0, "keep_days")
        if self.url and (
            _PRINTABLE.fullmatch(self.url) is None or not self.url.startswith("postgresql+psycopg://")
        ):
            raise BadSettings(
                "archive.url: write postgresql+psycopg://USER@HOST/DATABASE, or leave it out for SQLite"
            )
        # Whoever writes a password here must not find it in an error message.
        if "password" in self.url or _has_password(self.url):
            raise BadSettings(
                "archive.url holds a password: leave it out, and set PGPASSWORD or PGPASSFILE in its place"
            )


def _has_password(url: str) -> bool:
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return ":" in user


class WebhookSettings(StageSettings, frozen=True, kw_only=True):
    """One address that is sent events, signed as Standard Webhooks are."""

    name: str
    """What logs and lists call it: 1 to 64 of ``A-Z a-z 0-9 . _ -``. Messages that wait go by this name."""
    url: str
    """``https://…``, or ``http://`` to this machine."""
    secret_env: str
    """The environment variable with the signing secret: ``whsec_`` and base64 of 24 to 64 bytes."""
    types: tuple[str, ...] = ("alert.raised", "alert.updated", "alert.cleared")
    """Event types, with ``*`` at the end for all that begin so."""

    def check(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadSettings(
                f"webhooks: the name {self.name[:64]!r} may hold letters, digits, . _ and -, at most 64"
            )
        if not _VARIABLE.fullmatch(self.secret_env):
            raise BadSettings(
                f"webhooks {self.name}: secret_env must name an environment variable, such as CRM_SECRET"
            )
        if not self.types or not all(kind and _TYPE.fullmatch(kind) for kind in self.types):
            raise BadSettings(
                f"webhooks {self.name}: types must list event types such as alert.raised or alert.*"
            )
        _check_url(self.name, self.url)

    def wants(self, kind: str) -> bool:
        """Whether it is sent events of type ``kind``."""
        return any(
            kind.startswith(asked[:-1]) if asked.endswith("*") else kind == asked for asked in self.types
        )


def _check_url(name: str, url: str) -> None:
    hint = BadSettings(
        f"webhooks {name}: url must be https://HOST/PATH, or http:// to 127.0.0.1, without user or fragment"
    )
    found = _URL.fullmatch(url)
    if found is None or int(found["port"] or 0) > LAST_PORT:
        raise hint
    if found["scheme"] == "http" and found["host"] not in LOOPBACK:
        raise hint


def check_webhooks(webhooks: tuple[WebhookSettings, ...]) -> None:
    """Raises BadSettings for two of one name: messages that wait could not be told apart."""
    names = [webhook.name for webhook in webhooks]
    for name in names:
        if names.count(name) > 1:
            raise BadSettings(f"webhooks: two are called {name}: each needs a name of its own")
