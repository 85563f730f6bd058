"""Events as JSON and back: the same bytes in files, on sockets and in the store."""

import msgspec

from sentiment_engine.errors import BadMessage
from sentiment_engine.events import AnyEvent, Event

WIRE_VERSION = 1
"""Raised when a field changes its meaning; new fields alone do not raise it. ``call.started`` carries it."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """The event as one UTF-8 JSON object without line breaks."""
    return _encoder.encode(event)


def decode(data: bytes | str) -> AnyEvent:
    """The event that ``data`` holds; unknown fields are ignored.

    Raises:
        BadMessage: ``data`` is no JSON object, or not one of the events in ``events.py``.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
        raise BadMessage(f"not an event of wire version {WIRE_VERSION}: {reason}") from reason
