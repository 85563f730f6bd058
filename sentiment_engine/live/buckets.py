"""How fast, and how often: token buckets on a clock that the caller reads. No I/O."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

ADDRESSES_KEPT = 10_000
"""Those that failed most recently; who has been forgotten begins with an empty account."""
WINDOW_S = 60.0


class Bucket:
    """One rate. It may be overdrawn by one taking, however large; the next one waits until that is paid back.

    Args:
        per_s: what flows in each second, above 0.
        burst_s: seconds' worth that it holds, above 0.
    """

    def __init__(self, per_s: float, burst_s: float, now: float) -> None:
        self._per_s, self._most = per_s, per_s * burst_s
        self._level, self._at = self._most, now

    def take(self, amount: float, now: float) -> None:
        """Takes ``amount``; ``now`` in seconds, never going back."""
        self._level = min(self._most, self._level + (now - self._at) * self._per_s) - amount
        self._at = now

    def debt_s(self, now: float) -> float:
        """Seconds until it is no longer overdrawn."""
        return max(0.0, -self._level / self._per_s - (now - self._at))


class Pace:
    """How fast one connection sends, in messages and in bytes.

    Args:
        messages_per_s: 0 for no limit.
        bytes_per_s: 0 for no limit.
        burst_s: seconds' worth that may come at once.
        clock: seconds that never go back.
    """

    def __init__(
        self, messages_per_s: float, bytes_per_s: float, burst_s: float, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._messages = Bucket(messages_per_s, burst_s, clock()) if messages_per_s else None
        self._bytes = Bucket(bytes_per_s, burst_s, clock()) if bytes_per_s else None

    def took(self, size: int) -> None:
        """One message of ``size`` bytes has come."""
        now = self._clock()
        if self._messages is not None:
            self._messages.take(1, now)
        if self._bytes is not None:
            self._bytes.take(size, now)

    def owed_s(self) -> float:
        """Seconds until the next message may be taken; 0 for at once."""
        now = self._clock()
        return max(
            (bucket.debt_s(now) for bucket in (self._messages, self._bytes) if bucket is not None),
            default=0.0,
        )


class Failures:
    """Who has failed how often within the last minute or so, in bounded memory.

    Each address has a level that each failure raises by one and that a minute lowers by ``per_minute``. An
    IPv6 network of 64 bits is one address: whoever has one of those has them all.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def add(self, address: str, now: float) -> bool:
        """Counts a failure of ``address``; whether it has failed too often."""
        key = _network(address)
        level, at = self._levels.pop(key, (0.0, now))
        level = max(0.0, level - (now - at) * self._most / WINDOW_S) + 1.0
        # No higher: who fails a thousand times a second must not be shut out for the rest of the day.
        self._levels[key] = (min(level, float(self._most)), now)
        if len(self._levels) > ADDRESSES_KEPT:
            self._levels.popitem(last=False)
        return level > self._most


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]  # a name, or nothing, as in tests and on Unix sockets
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
