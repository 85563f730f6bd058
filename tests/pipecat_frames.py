"""Run by pipecat's own interpreter: frames that its serializers make of a second of a tone, as JSON lines.

    .cache/pipecat/bin/python tests/pipecat_frames.py twilio '{"stream_sid": "MZ"}'

A text frame is a string; a binary one is ``{"binary": BASE64}``.
"""

import asyncio
import base64
import importlib
import json
import math
import struct
import sys

RATE_HZ = 8000


async def main(module, arguments):
    from pipecat.frames.frames import InterruptionFrame, OutputAudioRawFrame  # noqa: PLC0415

    made = importlib.import_module(f"pipecat.serializers.{module}")
    kind = getattr(made, f"{module.capitalize()}FrameSerializer")
    options = kind.InputParams()
    for name, value in (("auto_hang_up", False), ("vonage_sample_rate", RATE_HZ)):
        if hasattr(options, name):
            setattr(options, name, value)
    serializer = kind(**arguments, params=options)
    tone = [round(8000 * math.sin(2 * math.pi * 440 * n / RATE_HZ)) for n in range(RATE_HZ)]
    pieces = [struct.pack("<160h", *tone[at : at + 160]) for at in range(0, RATE_HZ, 160)]
    frames = [OutputAudioRawFrame(piece, RATE_HZ, 1) for piece in pieces]
    for frame in (*frames, InterruptionFrame()):
        said = await serializer.serialize(frame)
        if isinstance(said, bytes):
            said = {"binary": base64.b64encode(said).decode()}
        if said is not None:
            sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
