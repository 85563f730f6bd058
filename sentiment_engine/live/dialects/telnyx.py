"""Telnyx Media Streaming over WebSockets.

Source: Telnyx, "Stream call media over WebSocket" (read, not seen on the wire). The order of messages is not
guaranteed; ``sequence_number`` and ``timestamp`` restore it. The start does not say which tracks come, so
both are listened for: a track that never comes is marked as missing.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from sentiment_engine.live.dialects.media_stream import MediaStream
from sentiment_engine.live.dialects.shape import Hello
from sentiment_engine.live.dialects.told import as_text, plain

TOKEN = "x-telnyx-streaming-auth-token"  # noqa: S105 - a header's name
"""Where Telnyx puts its ``stream_auth_token``: a header, and a field of ``connected``."""


class Telnyx(MediaStream):
    """One connection of ``/v1/telnyx``."""

    name: ClassVar[str] = "telnyx"
    codec: ClassVar[str] = "PCMU"
    remedy: ClassVar[str] = 'set "stream_codec": "PCMU" where the stream is started'

    def __init__(self, hello: Hello) -> None:
        super().__init__(hello)
        self._token = hello.headers.get(TOKEN)

    def token(self) -> str | None:
        return self._token

    def greeted(self, frame: Mapping[str, Any]) -> None:
        for fields in (frame, frame.get("connected")):
            shown = None
            if isinstance(fields, dict):
                shown = next((value for key, value in fields.items() if plain(key) == plain(TOKEN)), None)
            if shown is not None and self._token is None:
                self._token = as_text(shown, TOKEN)
