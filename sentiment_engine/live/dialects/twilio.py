"""Twilio Media Streams: JSON text, one packet of one track each, with its time.

Source: Twilio, "Media Streams - WebSocket Messages". ``sequenceNumber``, ``chunk`` and ``timestamp`` are
strings; the sequence runs across both tracks, the time counts milliseconds of each track. A one-way stream:
nothing is sent back.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from sentiment_engine.events import Party
from sentiment_engine.live.dialects.shape import Audio, Ended, Heard, Hello, Opened
from sentiment_engine.live.messages import Refused, Start

ENCODINGS = {"audio/x-mulaw": "mulaw"}
TRACKS: dict[str, Party] = {"inbound": "customer", "outbound": "agent"}
"""What Twilio hears from the caller is inbound: the customer, unless ``customParameters`` say otherwise."""


class _Media(msgspec.Struct):
    payload: str
    track: str = "inbound"
    timestamp: str | float = 0
    chunk: Any = None


class _Frame(msgspec.Struct, rename="camel"):
    event: str
    sequence_number: Any = None
    start: dict[str, Any] = {}
    media: _Media | None = None


_frames = msgspec.json.Decoder(_Frame)


class Twilio:
    """One connection of ``/v1/twilio``."""

    name: ClassVar[str] = "twilio"
    subprotocols: ClassVar[Sequence[str]] = ()

    def __init__(self, hello: Hello) -> None:
        del hello
        self._tracks: dict[str, int] = {}

    def text(self, text: str) -> Sequence[Heard]:
        try:
            frame = _frames.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
            raise Refused("bad_message", f"a frame that is not Twilio's: {reason}") from reason
        if frame.event == "media" and frame.media is not None:
            return self._media(frame.media, frame.sequence_number)
        if frame.event == "start":
            return [self._start(frame.start)]
        return [Ended()] if frame.event == "stop" else []

    def _start(self, start: dict[str, Any]) -> Opened:
        parameters = start.get("customParameters") or {}
        form = start.get("mediaFormat") or {}
        token = parameters.get("token")
        names = [name for name in ("outbound", "inbound") if name in (start.get("tracks") or TRACKS)]
        parties = tuple(TRACKS[name] for name in names)
        self._tracks = {name: index for index, name in enumerate(names)}
        return Opened(
            start=Start(
                call_id=str(start.get("callSid")),
                encoding=ENCODINGS.get(str(form.get("encoding")), str(form.get("encoding"))),
                sample_rate=int(form.get("sampleRate", 8000)),
                channels=parties,
                context={name: value for name, value in parameters.items() if name != "token"},
            ),
            tracks=tuple((party,) for party in parties),
            clock="stamps",
            token=token if isinstance(token, str) else None,
        )

    def _media(self, media: _Media, sequence: Any) -> Sequence[Heard]:
        track = self._tracks.get(media.track)
        if track is None:
            return []
        try:
            data = base64.b64decode(media.payload, validate=True)
            stamp_s = float(media.timestamp) / 1000
            number = None if sequence is None else int(sequence)
        except (ValueError, binascii.Error) as reason:
            raise Refused("bad_message", f"a media frame cannot be read: {reason}") from reason
        return [Audio(data, track, stamp_s, number)]

    def binary(self, data: bytes) -> Sequence[Heard]:
        del data
        raise Refused("bad_message", "Twilio sends text frames only; send other audio to /v1/l16")

    def unannounced(self) -> Opened | None:
        return None

    def parting(self) -> Sequence[str]:
        return ()

    def no(self, refused: Refused) -> Sequence[str]:
        del refused
        return ()
