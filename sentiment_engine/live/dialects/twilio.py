"""Twilio Media Streams, and SignalWire, which speaks the same.

Sources: Twilio, "Media Streams - WebSocket Messages"; SignalWire, "<Stream>". ``sequenceNumber``, ``chunk``
and ``timestamp`` are text; the sequence runs across both tracks, the time counts milliseconds of each track.
Always G.711 µ-law at 8 kHz. The address can have no query: everything comes in ``customParameters``.
"""

from typing import ClassVar

from sentiment_engine.live.dialects.media_stream import MediaStream


class Twilio(MediaStream):
    """One connection of ``/v1/twilio``."""

    name: ClassVar[str] = "twilio"


class SignalWire(MediaStream):
    """One connection of ``/v1/signalwire``."""

    name: ClassVar[str] = "signalwire"
    remedy: ClassVar[str] = "leave codec out of <Stream>"
