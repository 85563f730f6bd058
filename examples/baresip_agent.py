"""An agent's phone that is told what calms: takes SIP calls, streams both sides, prints alerts and phrases.

    pip install . baresip-python==0.5.2a3
    python examples/baresip_agent.py --voice agent_8000.wav --language en

Whoever calls ``sip:agent@127.0.0.1:15090`` hears the recording (mono, 16 bit, 8 kHz) in place of a person
with a microphone. The far end, the customer, is what arrives; the near end, the agent, is what is sent. The
two are interleaved every 20 ms, on a schedule of our own: where nothing arrives there is silence, never a
shift.
"""

import argparse
import asyncio
import sys
import uuid
import wave
from collections.abc import AsyncGenerator
from contextlib import suppress

from baresip import (
    Account,
    AudioNotActive,
    AudioRestarted,
    Call,
    CallFailed,
    CallState,
    Config,
    Runtime,
    StaleHandleError,
    UserAgent,
)

from sentiment_engine.client import Disconnected, Notice, Restarted, Stream
from sentiment_engine.errors import EngineError
from sentiment_engine.events import AlertCleared, AlertRaised, AlertUpdated, AnyEvent

RATE_HZ = 8000
FRAME_S = 0.02
FRAME_BYTES = round(2 * RATE_HZ * FRAME_S)
MOST_LATE = 10 * FRAME_BYTES
"""What may wait of the far end: more is a clock that runs faster than ours, and goes."""


def interleaved(agent: bytes, customer: bytes) -> bytes:
    """One frame of both, 16 bit: agent, customer, agent, customer."""
    both = bytearray(2 * len(agent))
    for byte in (0, 1):
        both[byte::4], both[2 + byte :: 4] = agent[byte::2], customer[byte::2]
    return bytes(both)


async def talk(call: Call, voice: bytes) -> AsyncGenerator[bytes]:
    """Answers, says ``voice``, listens; yields a frame of both parties every 20 ms until the call is over."""
    await call.answer()
    await call.wait_established()
    clock = asyncio.get_running_loop().time
    began, frames, far = clock(), 0, bytearray()
    while call.state is not CallState.CLOSED:
        near = voice[frames * FRAME_BYTES : (frames + 1) * FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
        try:
            call.audio.write(near)
            far += call.audio.read(MOST_LATE)
        except AudioRestarted:
            print("audio was renegotiated; the call goes on", file=sys.stderr, flush=True)
        except AudioNotActive:
            pass  # on hold, or over; the state tells
        del far[:-MOST_LATE]
        heard = bytes(far[:FRAME_BYTES]) if len(far) >= FRAME_BYTES else b""
        del far[: len(heard)]
        yield interleaved(near, heard.ljust(FRAME_BYTES, b"\0"))
        frames += 1
        await asyncio.sleep(max(0.0, began + frames * FRAME_S - clock()))


async def tell(stream: Stream) -> None:
    """Prints what the agent should know, until the call has ended."""
    with suppress(EngineError):  # told where the stream is left
        async for event in stream.events():
            show(event)


def show(event: AnyEvent | Notice) -> None:
    """One event, for the agent's eyes; what went wrong goes to standard error."""
    match event:
        case AlertRaised() | AlertUpdated():
            print(f"{event.at_s:7.1f} s  {event.severity}: {event.summary}", flush=True)
            for phrase in event.suggestions:
                if phrase.audience == "agent":
                    print(f"           {phrase.mode}: {phrase.text}", flush=True)
        case AlertCleared():
            print(f"{event.at_s:7.1f} s  calmer", flush=True)
        case Disconnected(reason=reason):
            print(reason, file=sys.stderr, flush=True)
        case Restarted(at_s=at_s):
            print(f"the server began anew, {at_s:.1f} s into the call", file=sys.stderr, flush=True)


async def take(call: Call, voice: bytes, options: argparse.Namespace) -> None:
    """One call from its answer to its end. A server that fails takes nothing from the call but the advice."""
    frames = talk(call, voice)
    stream = Stream(
        options.url,
        call_id=call.call_id or str(uuid.uuid4()),
        channels=("agent", "customer"),
        language=options.language,
        stage=options.stage,
        token=options.token,
    )
    try:
        async with stream:
            telling = asyncio.create_task(tell(stream))
            async for frame in frames:
                await stream.send(frame)
        await telling
    except EngineError as reason:
        print(f"the call goes on without advice: {reason}", file=sys.stderr, flush=True)
        async for _ in frames:
            pass
    with suppress(StaleHandleError):  # the customer has hung up
        await call.hangup()
    print(f"call over: {stream.ended.duration_s if stream.ended else 0:g} s heard", flush=True)


async def main(options: argparse.Namespace) -> None:
    """Takes one call after the other."""
    with wave.open(options.voice) as recording:
        if (recording.getframerate(), recording.getnchannels(), recording.getsampwidth()) != (RATE_HZ, 1, 2):
            raise SystemExit(
                f"{options.voice}: must be mono, 16 bit, {RATE_HZ} Hz; convert it with sox or ffmpeg"
            )
        voice = recording.readframes(recording.getnframes())
    host, _, port = options.listen.rpartition(":")
    runtime = Runtime()
    await runtime.start(
        Config(
            net_interface=host,
            max_concurrent_calls=1,
            extra_config_text=f"sip_listen {host}:{port}\nrtp_ports {options.rtp_ports}\n",
        )
    )
    try:
        account = Account("agent", options.listen, "", reg_interval=0, audio_codecs=("pcmu", "pcma"))
        agent = await UserAgent.create(runtime, account)
        calls: asyncio.Queue[Call] = asyncio.Queue()
        agent.on_incoming(calls.put_nowait)
        print(f"ready: sip:agent@{options.listen}", flush=True)
        while True:
            try:
                await take(await calls.get(), voice, options)
            except (CallFailed, StaleHandleError) as reason:
                print(f"the call was gone before it began: {reason}", file=sys.stderr, flush=True)
            if options.once:
                return
    finally:
        await runtime.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--voice", required=True, metavar="WAV", help="what the agent says")
    parser.add_argument("--url", default="ws://127.0.0.1:8700/v1/stream", help="where calls are streamed to")
    parser.add_argument(
        "--listen", default="127.0.0.1:15090", metavar="HOST:PORT", help="where SIP calls arrive"
    )
    parser.add_argument("--rtp-ports", default="22000-22100", metavar="FROM-TO", help="where audio arrives")
    parser.add_argument("--language", default="en", help="BCP 47 tag of what is spoken")
    parser.add_argument("--stage", default="general", choices=["facts", "negotiation", "notice", "general"])
    parser.add_argument("--token", help="what the server asks for, if it does")
    parser.add_argument("--once", action="store_true", help="take one call only")
    with suppress(KeyboardInterrupt):
        asyncio.run(main(parser.parse_args()))
