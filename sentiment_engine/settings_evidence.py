"""Settings of the evidence log. No key stands here, only the file that it is in."""

import re

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_base import StageSettings
from sentiment_engine.settings_door import LAST_PORT

_ADDRESS = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?([/?][!\"$-?A-~]*)?", re.ASCII
)


MOST_CALENDARS = 4
_CALENDAR = re.compile(r"https?://[A-Za-z0-9.-]+(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._/-]*)?", re.ASCII)


class EvidenceSettings(StageSettings, frozen=True, kw_only=True):
    """Who signs the log of all events, and who says when."""

    key: str = ""
    """File of the private key, as ``evidence key new`` makes it; empty: nothing is signed or exported."""
    every_s: float = 3600.0
    """So often what is new is signed, and time-stamped, 1 s to 7 days."""
    tsa_url: str = ""
    """Address of a time-stamp authority (RFC 3161); empty: no time is proven."""
    tsa_ca: str = ""
    """File with the root certificates, PEM, that its stamps are checked against before they are kept."""

    calendars: tuple[str, ...] = ()
    """Addresses of OpenTimestamps calendars, at most 4, which have checkpoints attested by Bitcoin blocks."""

    def check(self) -> None:
        self.within(1.0, 604_800.0, "every_s")
        for name in ("key", "tsa_ca"):
            if "\0" in getattr(self, name):
                raise BadSettings(f"evidence.{name} must be the name of a file")
        if self.tsa_url and not self.key:
            raise BadSettings("evidence.tsa_url needs evidence.key: what is not signed cannot be stamped")
        if bool(self.tsa_url) != bool(self.tsa_ca):
            raise BadSettings("evidence.tsa_url and evidence.tsa_ca are given together, or neither is")
        found = _ADDRESS.fullmatch(self.tsa_url)
        if self.tsa_url and (found is None or int(found["port"] or 0) > LAST_PORT):
            raise BadSettings(
                f"evidence.tsa_url {self.tsa_url[:80]!r}: write an address as https://tsa.example/"
            )
        self._check_calendars()

    def _check_calendars(self) -> None:
        if self.calendars and not self.key:
            raise BadSettings("evidence.calendars needs evidence.key: what is not signed cannot be stamped")
        if len(self.calendars) > MOST_CALENDARS or len({one.rstrip("/") for one in self.calendars}) < len(
            self.calendars
        ):
            raise BadSettings(f"evidence.calendars lists at most {MOST_CALENDARS} addresses, each once")
        for one in self.calendars:
            found = _CALENDAR.fullmatch(one)
            if found is None or int(found["port"] or 0) > LAST_PORT:
                raise BadSettings(
                    f"evidence.calendars: {one[:80]!r}: write an address as https://calendar.example/"
                )
