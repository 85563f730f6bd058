"""L16 over WebSocket: FreeSWITCH mod_audio_stream and mod_audio_fork, jambonz ``listen``, Vonage.

One text frame says what comes, whatever its author thought fit; then binary frames of s16le, of any size;
text may come between them. What the text leaves out, the address may say: ``?sample_rate=&channels=``.

Seen on the wire: a pause sends nothing and says nothing, so the media clock is kept by arrival;
mod_audio_fork ends with an empty binary frame and then waits until it is answered and closed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from sentiment_engine.live.dialects.l16_metadata import CONNECTED, describes, opened, vonage
from sentiment_engine.live.dialects.shape import Audio, Ended, Heard, Hello, Opened, Silence
from sentiment_engine.live.messages import MAX_TEXT_CHARS, Gap, Refused, Stop, parse
from sentiment_engine.live.messages import StageChange as Stage
from sentiment_engine.live.messages import Transcript as Words

LONGEST_NOTE = 1000
"""Characters kept of metadata that is no JSON object."""

_json = msgspec.json.Decoder()


class L16:
    """One connection of ``/v1/l16``."""

    name: ClassVar[str] = "l16"
    subprotocols: ClassVar[Sequence[str]] = ("audio.drachtio.org", "audio.jambonz.org")

    def __init__(self, hello: Hello) -> None:
        self._hello = hello
        self._known = False

    def text(self, text: str) -> Sequence[Heard]:
        if self._known:
            return _meanwhile(text)
        if len(text) > MAX_TEXT_CHARS:
            raise Refused("too_big", f"metadata of {len(text)} characters: at most {MAX_TEXT_CHARS} are read")
        metadata = _metadata(text)
        if metadata is None:
            return []
        self._known = True
        return [opened(metadata, self._hello)]

    def binary(self, data: bytes) -> Sequence[Heard]:
        return [Audio(data)] if data else [Ended()]

    def unannounced(self) -> Opened | None:
        self._known = True
        return opened({}, self._hello)

    def parting(self) -> Sequence[str]:
        return ()

    def no(self, refused: Refused) -> Sequence[str]:
        return (refused.frame(),)


def _metadata(text: str) -> Mapping[str, Any] | None:
    """What the first text says; None if it is an event that only came too early."""
    try:
        found = _json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = text
    if not isinstance(found, dict):
        return {"note": text[:LONGEST_NOTE]} if text.strip() else {}
    if "event" not in found or (describes(found) and found["event"] != CONNECTED):
        return found
    return vonage(found)


def _meanwhile(text: str) -> Sequence[Heard]:
    """Our own messages; digits, ``send_text`` and whatever else the platform passes on are none of ours."""
    try:
        message = parse(text)
    except Refused:
        return []
    match message:
        case Stage() | Words():
            return [message]
        case Gap(seconds=seconds, reason=reason):
            return [Silence(seconds, reason)]
        case Stop():
            return [Ended()]
    return []
