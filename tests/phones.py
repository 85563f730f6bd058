"""What the telephony platforms send, made here, and what a platform's parser is told."""

import base64
import json

import numpy as np
from live_server import RATE_HZ

from sentiment_engine.live.dialects.shape import Hello
from sentiment_engine.pcm import G711

_CODES = {name: np.argsort(table, kind="stable") for name, table in G711.items()}


def hello(query=None, headers=None):
    """A handshake."""
    return Hello(query or {}, headers or {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="})


def g711(samples, law="mulaw"):
    """16-bit samples to G.711: for each the code whose value is nearest."""
    codes = _CODES[law]
    values = G711[law][codes].astype(np.int32)
    above = np.clip(np.searchsorted(values, samples), 1, len(values) - 1)
    nearer = above - (samples - values[above - 1] < values[above] - samples)
    return codes[nearer].astype(np.uint8).tobytes()


def split(sound):
    """The two channels of interleaved PCM16: agent, customer."""
    frames = np.frombuffer(sound, "<i2").reshape(-1, 2)
    return frames[:, 0], frames[:, 1]


def b64(data):
    return base64.b64encode(data).decode()


def twilio_start(call_id="CAe5", announced=("inbound", "outbound"), **parameters):
    """As Twilio sends it (wire sample of streamdouble)."""
    start = {
        "accountSid": "ACe4",
        "streamSid": "MZ90",
        "callSid": call_id,
        "tracks": list(announced),
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": parameters,
    }
    if not announced:
        del start["tracks"]
    return {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ90"}


def twilio_media(data, track, at_ms, sequence):
    """One packet; every number is text."""
    media = {"track": track, "chunk": str(sequence - 1), "timestamp": str(at_ms), "payload": b64(data)}
    return {"event": "media", "sequenceNumber": str(sequence), "media": media, "streamSid": "MZ90"}


def twilio_call(sound, start=None, first=2):
    """All frames of a call of interleaved PCM16 at 8 kHz: agent is outbound, customer inbound."""
    agent, customer = (g711(channel) for channel in split(sound))
    frames = [{"event": "connected", "protocol": "Call", "version": "1.0.0"}, start or twilio_start()]
    for at in range(0, len(agent), RATE_HZ // 50):
        for track, data in (("outbound", agent), ("inbound", customer)):
            piece = data[at : at + RATE_HZ // 50]
            frames.append(twilio_media(piece, track, at * 1000 // RATE_HZ, first))
            first += 1
    return [*frames, {"event": "stop", "sequenceNumber": str(first), "stop": {"callSid": "CAe5"}}]


def told(dialect, *frames):
    """What a dialect makes of frames: all that it heard."""
    heard = []
    for frame in frames:
        if isinstance(frame, bytes):
            heard += dialect.binary(frame)
        else:
            heard += dialect.text(frame if isinstance(frame, str) else json.dumps(frame))
    return heard
