"""What a stream's connection went through, told among the call's events. Seconds since the stream began."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone; audio is kept until there is another."""

    reason: str
    """For people: why, and when the next one is tried."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The server goes on with the call as if nothing had happened."""

    at_s: float
    """From here on it is sent what it has not heard."""
    lost_s: float
    """Of that, what was no longer kept, in all so far; it passes as a gap."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The server no longer knew the call: it goes on as a new one of the same ``call_id``, without a past."""

    at_s: float
    """The ``at_s`` of the events that follow counts from here."""
    lost_s: float
    """Audio that was never sent, in all so far; what the old server heard last may be lost besides."""


Notice = Disconnected | Resumed | Restarted
