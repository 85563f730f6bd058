"""Plivo Audio Streaming.

Source: Plivo, "Audio Streaming Reference" (read, not seen on the wire). Numbers are numbers, times are
milliseconds since 1970. What the integrator tells comes in ``extra_headers``, one text beside the start.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from sentiment_engine.live.dialects.media_stream import MediaStream
from sentiment_engine.live.dialects.told import as_text


class Plivo(MediaStream):
    """One connection of ``/v1/plivo``."""

    name: ClassVar[str] = "plivo"
    codec: ClassVar[str] = "audio/x-l16"
    remedy: ClassVar[str] = 'set contentType="audio/x-mulaw;rate=8000" in <Stream>'

    def parameters(self, frame: Mapping[str, Any], start: Mapping[str, Any]) -> Mapping[str, Any]:
        """``extraHeaders="stage=facts,language=en"`` of ``<Stream>``, and what is like it elsewhere."""
        told = frame.get("extraheaders") or start.get("extraheaders")
        if told is None:
            return super().parameters(frame, start)
        if isinstance(told, dict):
            return told
        pairs = re.split(r"[,;]", as_text(told, "extra_headers").strip("{} "))
        return {
            name.strip().removeprefix("X-PH-"): value.strip()
            for name, separator, value in (pair.partition("=") for pair in pairs)
            if separator
        }
