"""Exotel AgentStream: the Stream and Voicebot applets.

Source: Exotel, "WebSocket protocol" (read, not seen on the wire). Linear PCM, about 100 ms a packet, one
track that has no name: whose voice it carries depends on the applet, so it is ``mixed`` unless ``party`` says
more.
"""

from typing import ClassVar

from sentiment_engine.live.dialects.media_stream import MediaStream
from sentiment_engine.live.dialects.roles import NAMELESS


class Exotel(MediaStream):
    """One connection of ``/v1/exotel``."""

    name: ClassVar[str] = "exotel"
    codec: ClassVar[str] = "audio/x-raw"
    remedy: ClassVar[str] = "leave content_type out of the stream's settings"
    counted: ClassVar[bool] = False  # nothing says that dtmf and mark count as packets do
    untold: ClassVar[tuple[str, ...]] = (NAMELESS,)
