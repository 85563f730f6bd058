"""Settings of the AudioSocket port: who may connect, and what the protocol itself cannot tell of a call."""

import ipaddress
from typing import Literal

from sentiment_engine.errors import BadSettings
from sentiment_engine.events import Stage
from sentiment_engine.settings_base import StageSettings


class AudioSocketSettings(StageSettings, frozen=True, kw_only=True):
    """AudioSocket knows no credentials and one mono channel; all its calls are alike in the rest."""

    allow: tuple[str, ...] = ()
    """Addresses or networks that may connect, and no others; none named: this machine alone."""
    party: Literal["agent", "customer", "mixed", "legs"] = "customer"
    """Whose voice a connection carries.

    The dialplan's application sends what its own channel says: the customer, when the customer's channel runs
    it. A channel in a bridge hears all the others: ``mixed``. With ``legs`` two connections are one call, and
    the last hexadecimal digit of their UUIDs says whose each is (0 agent, 1 customer).
    """
    language: str = "zh-CN"
    stage: Stage = "general"

    def check(self) -> None:
        for text in self.allow:
            try:
                ipaddress.ip_network(text)
            except ValueError as reason:
                raise BadSettings(
                    f"audiosocket.allow {text[:80]!r}: write addresses or networks such as 10.0.0.0/8"
                ) from reason
        if not self.language:
            raise BadSettings("audiosocket.language is empty: write a BCP 47 tag such as zh-CN or en")

    def admits(self, address: str) -> bool:
        """Whether a peer with this IP address may connect; never one whose address cannot be read."""
        try:
            peer = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        if not self.allow:
            return peer.is_loopback
        return any(peer in ipaddress.ip_network(text) for text in self.allow)
