"""Whole calls of telephony platforms on a real server, and what comes of them."""

import asyncio
import json
from contextlib import asynccontextmanager

import numpy as np
from live_server import RATE_HZ, pcm, read_feed, voice
from phones import split
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.pcm import decode

ALL = "since=0&types=*"
STEREO = '{"callSid":"L-1","sampleRate":8000,"mixType":"stereo","language":"en"}'


@asynccontextmanager
async def phone(server, path="/v1/twilio", **options):
    async with connect(server.url + path, **options) as socket:
        yield socket


async def closed(socket):
    """Reads to the end: the texts, the close code, the reason."""
    texts = []
    try:
        while True:
            texts.append(await asyncio.wait_for(socket.recv(), 10))
    except ConnectionClosed as reason:
        return texts, reason.rcvd.code, reason.rcvd.reason


async def send(socket, frames):
    for frame in frames:
        await socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))


async def call(server, frames, path="/v1/twilio", call_id="CAe5", **options):
    """A whole call; its events, and how the socket was closed."""
    async with phone(server, path, **options) as socket:
        await send(socket, frames)
        end = await closed(socket)
    feed = await read_feed(server, f"{ALL}&calls={call_id}", until=call_id)
    return [item["data"] for item in feed], end


def of(events, kind):
    return [event for event in events if event["type"] == kind]


def levels(events):
    return {event["at_s"]: event["level"] for event in of(events, "tension.updated")}


def tap(server):
    """Everything that calls are fed from now on, by call."""
    heard, listen = {}, server.calls.listen

    def listening(live, audio):
        heard.setdefault(live.id, bytearray()).extend(audio)
        listen(live, audio)

    server.calls.listen = listening
    return heard


def channels_of(heard, encoding="mulaw", channels=2):
    return decode(encoding, bytes(heard), channels).astype(float)


def envelope(samples):
    """Loudness in pieces of 50 ms."""
    size = RATE_HZ // 20
    pieces = np.asarray(samples, float)[: len(samples) // size * size].reshape(-1, size)
    return np.sqrt((pieces**2).mean(axis=1))


def alike(heard, sent):
    length = min(len(envelope(heard)), len(envelope(sent)))
    return np.corrcoef(envelope(heard)[:length], envelope(sent)[:length])[0, 1]


def turns(seconds=12.0):
    """Two parties who speak in turns of different length."""
    agent, customer = voice(seconds, 0.05, 7), voice(seconds, 0.2, 8)
    second = np.arange(len(agent)) // RATE_HZ
    return pcm(agent * np.isin(second, (0, 1, 4, 8)), customer * np.isin(second, (2, 5, 6, 7, 10)))


def interleaved(sound, *order):
    """PCM16 with the channels in another order."""
    channels = split(sound)
    return np.stack([channels[index] for index in order], axis=1).tobytes()


def l16(sound, metadata=STEREO, step=320):
    """A call as mod_audio_fork sends it: metadata, binary, and an empty frame."""
    return [metadata, *(sound[at : at + step] for at in range(0, len(sound), step)), b""]
