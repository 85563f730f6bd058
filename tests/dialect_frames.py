"""Frames of every dialect, as bytes that a fuzzer can bend: seeds, words, and what was found."""

import json
from collections.abc import Sequence

from silent_line import SilentLine

from sentiment_engine.live.dialects import DIALECTS

DIALECT = {path.rsplit("/", 1)[1]: kind for path, kind in DIALECTS.items()}
SEPARATOR = b"\n\x00"
Frames = Sequence[str | bytes]


def packed(frames: Frames) -> bytes:
    """Frames as one input: for each ``T`` or ``B``, how long it waited (20 ms a unit), what it holds."""
    return SEPARATOR.join(
        b"T\x01" + frame.encode() if isinstance(frame, str) else b"B\x01" + frame for frame in frames
    )


def play(dialect, data: bytes) -> None:
    """One input through a dialect and the media clock; raises what must not happen."""
    line = SilentLine(dialect)
    for frame in data.split(SEPARATOR):
        kind, wait_s, body = frame[:1], sum(frame[1:2]) * 0.02, frame[2:]
        if kind == b"B":
            line.binary(body, wait_s)
        else:
            line.text(body.decode(errors="replace"), wait_s)
    line.end()


def text(**fields) -> str:
    return json.dumps(fields)


SEEDS: dict[str, list[Frames]] = {
    "twilio": [
        [
            text(event="connected", protocol="Call", version="1.0.0"),
            text(
                event="start",
                sequenceNumber="1",
                start={
                    "callSid": "CA1",
                    "tracks": ["inbound", "outbound"],
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                    "customParameters": {"language": "en", "stage": "facts", "token": "T"},
                },
            ),
            text(
                event="media",
                sequenceNumber="2",
                media={"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "////"},
            ),
            text(
                event="media",
                sequenceNumber="3",
                media={"track": "outbound", "chunk": "2", "timestamp": "20", "payload": "fn5+"},
            ),
            text(event="dtmf", dtmf={"digit": "1"}),
            text(event="stop", sequenceNumber="4"),
        ]
    ],
}
WORDS = ("event", "start", "media", "payload", "track", "inbound", "outbound", "timestamp", "sequenceNumber")
FOUND: dict[str, list[bytes]] = {}
"""Inputs that once broke a rule, by dialect."""
