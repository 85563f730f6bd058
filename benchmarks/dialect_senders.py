"""One sender a dialect, as small as its platform allows: the same call, said in every tongue.

Each sends what the platform sends, in its framing and at its pace, and nothing that the engine would only
like to have. They are written from the platforms' documents and wire samples, not from our parsers.
"""

import asyncio
import base64
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
import soxr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.frames import Int16
from sentiment_engine.pcm import G711

RATE_HZ = 8000
PACKET = RATE_HZ // 50


class Line(NamedTuple):
    """Where and how fast to send."""

    url: str
    call_id: str
    language: str
    speed: float


class Pace:
    """Real time, times ``speed``; a slow moment is caught up with."""

    def __init__(self, speed: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._speed, self._began = speed, self._clock()

    async def until(self, seconds: float) -> None:
        """Waits for a moment of the call."""
        await asyncio.sleep(max(0.0, self._began + seconds / self._speed - self._clock()))


def mulaw(samples: Int16) -> bytes:
    """int16 samples to the nearest µ-law codes."""
    table = G711["mulaw"].astype(np.int32)
    order = np.argsort(table)
    middles = (table[order][1:] + table[order][:-1]) / 2
    return order[np.searchsorted(middles, samples)].astype(np.uint8).tobytes()


def at_16k(sound: Int16) -> Int16:
    """The same at 16 kHz."""
    wide = soxr.resample(sound.astype(np.float32), RATE_HZ, 2 * RATE_HZ, quality="HQ")
    return np.clip(np.rint(wide), -32768, 32767).astype("<i2")


def packets(sound: Int16, size: int = PACKET) -> Iterator[tuple[int, Int16]]:
    """(number, samples) of whole packets."""
    for number in range(len(sound) // size):
        yield number, sound[number * size : (number + 1) * size]


async def closing(socket: ClientConnection) -> None:
    """Reads until the server closes."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 30)
    except ConnectionClosed:
        return


# -- our own


async def stream(line: Line, sound: Int16) -> None:
    """``/v1/stream``, PCM16 in pieces of 100 ms."""
    channels = ["agent", "customer"] if sound.shape[1] == 2 else ["mixed"]
    start = {
        "type": "start",
        "call_id": line.call_id,
        "encoding": "pcm_s16le",
        "sample_rate": RATE_HZ,
        "channels": channels,
        "language": line.language,
    }
    async with connect(f"{line.url}/v1/stream") as socket:
        await socket.send(json.dumps(start))
        pace = Pace(line.speed)
        for number, piece in packets(sound, RATE_HZ // 10):
            await pace.until(number * 0.1)
            await socket.send(piece.tobytes())
        await socket.send(json.dumps({"type": "stop"}))
        await closing(socket)


# -- JSON, a packet of one track each


async def twilio(line: Line, sound: Int16) -> None:
    """Twilio Media Streams: µ-law, both tracks, numbers as strings."""
    sid = "MZ" + "0" * 32
    async with connect(f"{line.url}/v1/twilio") as socket:
        await socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {
            "accountSid": "AC" + "0" * 32,
            "streamSid": sid,
            "callSid": line.call_id,
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"language": line.language},
        }
        await socket.send(
            json.dumps({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": sid})
        )
        pace, sequence = Pace(line.speed), 1
        for number, piece in packets(sound):
            await pace.until((number + 1) * 0.02)
            for track, column in (("outbound", 0), ("inbound", 1)):
                sequence += 1
                media = {
                    "track": track,
                    "chunk": str(sequence - 1),
                    "timestamp": str(number * 20),
                    "payload": base64.b64encode(mulaw(piece[:, column])).decode(),
                }
                await socket.send(
                    json.dumps(
                        {"event": "media", "sequenceNumber": str(sequence), "media": media, "streamSid": sid}
                    )
                )
        await socket.send(
            json.dumps({"event": "stop", "sequenceNumber": str(sequence + 1), "streamSid": sid})
        )
        await closing(socket)


# -- JSON for control, audio in binary frames


async def audiohook(line: Line, sound: Int16) -> None:
    """Genesys AudioHook: µ-law, the customer (external) first, 100 ms a frame, a ping now and then."""
    session, sequence, heard = str(uuid.uuid4()), 0, 0

    async with connect(f"{line.url}/v1/audiohook") as socket:

        async def say(kind: str, at_s: float, **parameters: Any) -> None:
            nonlocal sequence, heard
            sequence += 1
            message = {
                "version": "2",
                "type": kind,
                "id": session,
                "seq": sequence,
                "serverseq": heard,
                "position": f"PT{at_s:g}S",
                "parameters": parameters,
            }
            await socket.send(json.dumps(message))
            heard = json.loads(await socket.recv())["seq"]

        await say(
            "open",
            0.0,
            organizationId=str(uuid.uuid4()),
            conversationId=str(uuid.uuid4()),
            participant={"id": str(uuid.uuid4()), "ani": "", "aniName": "", "dnis": ""},
            media=[{"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}],
            language=line.language,
            customConfig={"call_id": line.call_id},
        )
        pace = Pace(line.speed)
        for number, piece in packets(sound, RATE_HZ // 10):
            await pace.until((number + 1) * 0.1)
            await socket.send(mulaw(piece[:, ::-1].ravel()))
            if number % 50 == 49:
                await say("ping", (number + 1) * 0.1)
        await say("close", len(sound) / RATE_HZ, reason="end")


# -- a socket for each leg


async def asterisk(line: Line, sound: Int16) -> None:
    """Asterisk's chan_websocket: slin, 20 ms a frame, each leg on its own and closed when it hangs up."""
    call = urlencode({"call_id": line.call_id, "language": line.language})
    pace = Pace(line.speed)

    async def leg(role: str, column: int) -> None:
        address = f"{line.url}/v1/asterisk?{call}&role={role}"
        async with connect(address, subprotocols=["media"]) as socket:
            await socket.send(
                f"MEDIA_START connection_id:tension channel:WebSocket/tension/0x{column} "
                f"channel_id:17.{column} format:slin optimal_frame_size:320 ptime:20"
            )
            for number, piece in packets(sound):
                await pace.until((number + 1) * 0.02)
                await socket.send(piece[:, column].tobytes())

    await asyncio.gather(leg("customer", 1), leg("agent", 0))


Sender = Callable[[Line, Int16], Awaitable[None]]

STEREO: dict[str, Sender] = {"stream": stream, "twilio": twilio, "audiohook": audiohook, "asterisk": asterisk}
"""Dialects that carry both parties apart; the first is what the others are compared with."""
MONO: dict[str, Sender] = {"stream (mixed)": stream}
"""Dialects that carry one mix; likewise."""
