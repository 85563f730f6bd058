"""Senders of the telephony platforms beside Twilio: media streams of JSON, and L16 in binary frames."""

import base64
import json

import numpy as np
from dialect_senders import Line, Pace, Sender, at_16k, closing, mulaw, packets
from websockets.asyncio.client import connect

from sentiment_engine.frames import Int16


async def telnyx(line: Line, sound: Int16) -> None:
    """Telnyx: snake_case, no list of tracks, every ten packets in reverse order."""
    async with connect(f"{line.url}/v1/telnyx") as socket:
        await socket.send(json.dumps({"event": "connected", "version": "1.0.0"}))
        start = {
            "call_control_id": line.call_id,
            "custom_parameters": {"language": line.language},
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        }
        await socket.send(
            json.dumps({"event": "start", "sequence_number": "1", "stream_id": "S", "start": start})
        )
        pace, sequence, waiting = Pace(line.speed), 1, []
        for number, piece in packets(sound):
            await pace.until((number + 1) * 0.02)
            for track, column in (("outbound", 0), ("inbound", 1)):
                sequence += 1
                payload = base64.b64encode(mulaw(piece[:, column])).decode()
                media = {"track": track, "timestamp": str(number * 20), "payload": payload}
                waiting.append(
                    json.dumps({"event": "media", "sequence_number": str(sequence), "media": media})
                )
            if number == 0 or number % 5 == 0:
                for frame in reversed(waiting) if number else waiting:
                    await socket.send(frame)
                waiting.clear()
        for frame in waiting:
            await socket.send(frame)
        await socket.send(json.dumps({"event": "stop", "sequence_number": str(sequence + 1)}))
        await closing(socket)


async def plivo(line: Line, sound: Int16) -> None:
    """Plivo: L16 at 16 kHz, numbers, times since 1970."""
    wide = at_16k(sound)
    async with connect(f"{line.url}/v1/plivo") as socket:
        start = {
            "callId": line.call_id,
            "streamId": "S",
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000},
        }
        headers = f"language={line.language}"
        await socket.send(
            json.dumps({"event": "start", "sequenceNumber": 1, "start": start, "extra_headers": headers})
        )
        pace, sequence = Pace(line.speed), 1
        for number, piece in packets(wide, 320):
            await pace.until((number + 1) * 0.02)
            for track, column in (("outbound", 0), ("inbound", 1)):
                sequence += 1
                media = {
                    "track": track,
                    "timestamp": str(1_705_312_200_000 + number * 20),
                    "payload": base64.b64encode(np.ascontiguousarray(piece[:, column]).tobytes()).decode(),
                }
                await socket.send(json.dumps({"event": "media", "sequenceNumber": sequence, "media": media}))
        await socket.send(json.dumps({"event": "stop", "sequenceNumber": sequence + 1}))
        await closing(socket)


async def audio_fork(line: Line, sound: Int16) -> None:
    """mod_audio_fork: metadata, 20 ms of stereo at 16 kHz, the forked leg first, an empty frame."""
    metadata = {
        "callSid": line.call_id,
        "sampleRate": 16000,
        "mixType": "stereo",
        "language": line.language,
    }
    async with connect(f"{line.url}/v1/l16", subprotocols=["audio.drachtio.org"]) as socket:
        await socket.send(json.dumps(metadata))
        pace = Pace(line.speed)
        for number, piece in packets(at_16k(sound)[:, ::-1], 320):
            await pace.until((number + 1) * 0.02)
            await socket.send(piece.tobytes())
        await socket.send(b"")
        await closing(socket)


async def exotel(line: Line, sound: Int16) -> None:
    """Exotel: one nameless track of PCM, 100 ms a packet."""
    async with connect(f"{line.url}/v1/exotel?language={line.language}") as socket:
        await socket.send(json.dumps({"event": "connected"}))
        form = {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"}
        start = {"stream_sid": "S", "call_sid": line.call_id, "media_format": form}
        await socket.send(json.dumps({"event": "start", "sequence_number": "1", "start": start}))
        pace = Pace(line.speed)
        for number, piece in packets(sound, 800):
            await pace.until((number + 1) * 0.1)
            payload = base64.b64encode(piece.tobytes()).decode()
            media = {"chunk": str(number + 1), "timestamp": str(number * 100), "payload": payload}
            await socket.send(
                json.dumps({"event": "media", "sequence_number": str(number + 2), "media": media})
            )
        await socket.send(json.dumps({"event": "stop"}))
        await closing(socket)


async def vonage(line: Line, sound: Int16) -> None:
    """Vonage: one channel at 16 kHz in frames of 640 bytes; the end is the socket's."""
    first = {
        "event": "websocket:connected",
        "content-type": "audio/l16;rate=16000",
        "call_id": line.call_id,
        "language": line.language,
    }
    async with connect(f"{line.url}/v1/l16") as socket:
        await socket.send(json.dumps(first))
        pace = Pace(line.speed)
        for number, piece in packets(at_16k(sound), 320):
            await pace.until((number + 1) * 0.02)
            await socket.send(piece.tobytes())


STEREO: dict[str, Sender] = {"telnyx": telnyx, "plivo": plivo, "l16 (fork)": audio_fork}
MONO: dict[str, Sender] = {"exotel (mixed)": exotel, "vonage (mixed)": vonage}
