"""Frames of every dialect, as bytes that a fuzzer can bend: seeds, words, and what was found."""

import json
from collections.abc import Sequence
from typing import Any

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


def play(dialect, data: bytes) -> SilentLine:
    """One input through a dialect and the media clock; raises what must not happen."""
    line = SilentLine(dialect)
    for frame in data.split(SEPARATOR):
        kind, wait_s, body = frame[:1], sum(frame[1:2]) * 0.02, frame[2:]
        if kind == b"B":
            line.binary(body, wait_s)
        else:
            line.text(body.decode(errors="replace"), wait_s)
    line.end()
    return line


def text(**fields) -> str:
    return json.dumps(fields)


def audiohook(kind: str, seq: int, at_s: float = 0.0, **parameters: Any) -> str:
    """A message of a Genesys client that has heard nothing."""
    session = "e160e428-53e2-487c-977d-96989bf5c99d"
    return text(
        version="2",
        type=kind,
        id=session,
        seq=seq,
        serverseq=0,
        position=f"PT{at_s:g}S",
        parameters=parameters,
    )


SEEDS: dict[str, list[Frames]] = {
    "asterisk": [
        [
            text(event="MEDIA_START", channel_id="17.2", format="slin16", optimal_frame_size=640, ptime=20),
            bytes(640),
            text(event="DTMF_END", channel_id="17.2", digit="5"),
            text(event="HANGUP"),
        ],
        ["MEDIA_START channel_id:17.2 format:ulaw optimal_frame_size:160 ptime:20", bytes(160), "MEDIA_XOFF"],
    ],
    "audiohook": [
        [
            audiohook(
                "open",
                1,
                organizationId="d7934305-0972-4844-938e-9060eef73d05",
                conversationId="090eaa2f-72fa-480a-83e0-8667ff89c0ec",
                participant={"id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0", "ani": "+1", "aniName": "J"},
                media=[
                    {"type": "audio", "format": form, "channels": ["external", "internal"], "rate": 8000}
                    for form in ("PCMU", "L16")
                ],
                language="en-US",
                supportedLanguages=True,
                customConfig={"stage": "facts", "agent_channel": "internal", "token": "T"},
            ),
            b"\xff\x7f" * 800,
            audiohook("ping", 2, 0.1, rtt="PT0.01S"),
            audiohook("update", 3, 0.1, language="fr-CA"),
            audiohook("paused", 4, 0.1),
            audiohook("ping", 5, 70.1),
            audiohook("resumed", 6, 80.1, start="PT0.1S", discarded="PT80S"),
            audiohook("discarded", 7, 80.5, start="PT80.1S", discarded="PT0.4S"),
            b"\x00\xff" * 800,
            audiohook("error", 8, 80.6, code=429, message="slow"),
            audiohook("close", 9, 80.6, reason="end"),
        ]
    ],
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
    "signalwire": [
        [
            text(event="start", start={"callSid": "CA1", "tracks": ["inbound"]}),
            text(event="media", media={"track": "inbound", "timestamp": "0", "payload": "fn5+"}),
        ]
    ],
    "telnyx": [
        [
            text(event="connected", version="1.0.0"),
            text(
                event="start",
                sequence_number="1",
                stream_id="S",
                start={
                    "call_control_id": "v2:T",
                    "custom_parameters": {"agent_track": "inbound"},
                    "media_format": {"encoding": encoding, "sample_rate": 8000, "channels": 1},
                },
            ),
            text(
                event="media",
                sequence_number="3",
                media={"track": "inbound", "timestamp": "20", "payload": "fn5+"},
            ),
            text(
                event="media",
                sequence_number="2",
                media={"track": "outbound", "timestamp": "0", "payload": "////"},
            ),
            text(event="stop", sequence_number="4"),
        ]
        for encoding in ("PCMA", "G722")
    ],
    "exotel": [
        [
            text(
                event="start",
                stream_sid="MZ",
                start={
                    "call_sid": "CA",
                    "custom_parameters": {"party": "customer"},
                    "media_format": {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"},
                },
            ),
            text(event="media", media={"chunk": "2", "timestamp": "200", "payload": "AAABAAIA"}),
            text(event="stop"),
        ]
    ],
    "plivo": [
        [
            text(
                event="start",
                sequenceNumber=1,
                extra_headers="stage=facts;language=en",
                start={
                    "callId": "1",
                    "tracks": ["inbound", "outbound"],
                    "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000},
                },
            ),
            text(
                event="media",
                sequenceNumber=2,
                media={"track": "outbound", "timestamp": 1705312200000, "payload": "AAABAAIA"},
            ),
        ]
    ],
    "l16": [
        [text(callSid="1", sampleRate=16000, mixType="stereo", send=["alerts"]), b"\0\1\2\3", b""],
        [
            text(callId="1", sampling="16k", mixType="mono", metadata={"stage": "facts", "party": "agent"}),
            b"\0",
        ],
        [
            text(**{"event": "websocket:connected", "content-type": "audio/l16;rate=8000", "call_id": "v"}),
            b"\0\1",
            text(event="dtmf", digit="1"),
            text(type="transcript", party="mixed", text="x", start_s=0, end_s=1),
            text(type="gap", seconds=1.5),
            text(type="stop"),
        ],
    ],
}
WORDS = (
    "open",
    "resumed",
    "discarded",
    "position",
    "conversationId",
    "customConfig",
    "PT1S",
    "event",
    "start",
    "media",
    "payload",
    "track",
    "inbound",
    "outbound",
    "timestamp",
    "sequenceNumber",
)
FOUND: dict[str, list[bytes]] = {
    "twilio": [  # custom parameters that are a number were asked for their token
        packed(
            [text(event="start", start={"callSid": "CA1", "tracks": ["inbound"], "customParameters": 1e308})]
        )
    ],
}
"""Inputs that once broke a rule, by dialect."""
