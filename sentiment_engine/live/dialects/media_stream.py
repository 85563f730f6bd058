"""JSON media streams: text, one packet of one track each, with its time. What Twilio began, others speak too.

``connected`` -> ``start`` -> ``media``... -> ``stop``; ``dtmf``, ``mark`` and what else there may be is
ignored. Platforms differ in spelling (``callSid``, ``call_sid``), in whether numbers are text, in the codec's
name and in what they leave out; one reader takes all of them, and a platform's own file says what it means by
what it leaves out. A one-way stream: nothing is sent back.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from sentiment_engine.live.dialects.codecs import codec
from sentiment_engine.live.dialects.roles import NAMELESS, TRACKS, parties, track_name
from sentiment_engine.live.dialects.shape import Audio, Ended, Heard, Hello, Opened
from sentiment_engine.live.dialects.told import (
    LONGEST_STAMP_MS,
    Told,
    as_text,
    fields,
    number,
    payload,
    whole,
)
from sentiment_engine.live.messages import MAX_TEXT_CHARS, Refused
from sentiment_engine.pcm import SILENCE

CALL_IDS = ("callsid", "callcontrolid", "callid", "calluuid", "streamsid", "streamid")
"""Who names the call, the best first."""
EARLY_CHARS = 1 << 20
"""So much may come before its start: ten seconds of two tracks of L16 at 16 kHz."""

_json = msgspec.json.Decoder()


class MediaStream:
    """One connection; a platform's class says what is its own."""

    name: ClassVar[str] = "media_stream"
    subprotocols: ClassVar[Sequence[str]] = ()
    codec: ClassVar[str] = "audio/x-mulaw"
    """What comes when ``mediaFormat`` does not say."""
    remedy: ClassVar[str] = "set the codec to PCMU"
    """How an integrator gets a codec that is understood."""
    counted: ClassVar[bool] = True
    """Whether ``sequenceNumber`` counts every message of the connection."""
    untold: ClassVar[tuple[str, ...]] = tuple(TRACKS)
    """The tracks when the start names none; ``(NAMELESS,)`` is one that has no name."""

    def __init__(self, hello: Hello) -> None:
        self._hello = hello
        self._call_id: str | None = None
        self._tracks: dict[str, int] = {}
        self._decoders: list[Callable[[bytes], bytes]] = []
        self._bytes_per_s = 0
        self._next_s: list[float] = []
        """Where each track goes on, for packets without a time."""
        self._early: list[tuple[Mapping[str, Any], object]] = []
        self._early_chars = 0

    # -- a platform's own

    def parameters(self, frame: Mapping[str, Any], start: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the integrator handed to the platform, by the integrator's names."""
        del frame
        parameters = start.get("customparameters") or {}
        if not isinstance(parameters, dict):
            raise Refused("bad_message", "customParameters must be a JSON object")
        return parameters

    def token(self) -> str | None:
        """Whose token came before the start."""
        return None

    def greeted(self, frame: Mapping[str, Any]) -> None:
        """The ``connected`` message."""

    # -- the dialect

    def text(self, text: str) -> Sequence[Heard]:
        try:
            frame = fields(_json.decode(text), "a frame")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
            raise Refused("bad_message", f"a frame that is no JSON: {reason}") from reason
        event = frame.get("event")
        if event == "media":
            media, count = fields(frame.get("media", {}), "media"), frame.get("sequencenumber")
            return self._media(media, count) if self._call_id is not None else self._keep(media, count, text)
        if event == "connected":
            self.greeted(frame)
        if event == "start":
            if len(text) > MAX_TEXT_CHARS:
                raise Refused("too_big", f"a start of {len(text)} characters: at most {MAX_TEXT_CHARS}")
            return self._start(frame, fields(frame.get("start", {}), "start"))
        return [Ended()] if event == "stop" else []

    def binary(self, data: bytes) -> Sequence[Heard]:
        del data
        raise Refused("bad_message", f"{self.name} sends text frames only; send other audio to /v1/l16")

    def unannounced(self) -> Opened | None:
        return None

    def parting(self) -> Sequence[str]:
        return ()

    def no(self, refused: Refused) -> Sequence[str]:
        del refused
        return ()

    # -- the start

    def _start(self, frame: Mapping[str, Any], start: Mapping[str, Any]) -> Sequence[Heard]:
        found = next((each[key] for key in CALL_IDS for each in (start, frame) if each.get(key)), None)
        if found is None:
            raise Refused("bad_message", "the start names no call: it needs callSid, or what is like it")
        call_id = as_text(found, "the call's id")
        if self._call_id is not None:
            if self._call_id != call_id:
                raise Refused("already_started", f"call {call_id[:40]!r} needs a socket of its own")
            return []
        form = fields(start.get("mediaformat") or {}, "mediaFormat")
        if whole(form.get("channels") or 1, "mediaFormat.channels") != 1:
            raise Refused("bad_audio", "a track of several channels: each party needs a track of its own")
        name = as_text(form.get("encoding") or self.codec, "mediaFormat.encoding")
        chosen = codec(name, form.get("samplerate"), self.remedy)
        parameters = self.parameters(frame, start)
        told = Told(parameters, self._hello.query)
        roles = parties(told, start.get("tracks"), self.untold)
        opened = Opened(
            start=told.start(call_id, chosen.encoding, chosen.sample_rate, tuple(roles.values())),
            tracks=tuple((party,) for party in roles.values()),
            clock="stamps",
            token=Told(parameters).text("token") or self.token(),  # one in the address is no secret any more
        )
        self._call_id = call_id
        self._tracks = {track: index for index, track in enumerate(roles)}
        self._decoders = [bytes if chosen.decoder is None else chosen.decoder() for _ in roles]
        self._bytes_per_s = len(SILENCE[chosen.encoding]) * chosen.sample_rate
        self._next_s = [0.0] * len(roles)
        early, self._early = self._early, []
        return [opened, *(heard for media, count in early for heard in self._media(media, count))]

    # -- the audio

    def _keep(self, media: Mapping[str, Any], count: object, text: str) -> Sequence[Heard]:
        self._early.append((media, count))
        self._early_chars += len(text)
        if self._early_chars > EARLY_CHARS:
            raise Refused("audio_before_start", f"{EARLY_CHARS} characters of media came before their start")
        return []

    def _media(self, media: Mapping[str, Any], count: object) -> Sequence[Heard]:
        track = self._track(media.get("track"))
        if track is None:
            return []
        data = self._decoders[track](payload(media.get("payload", "")))
        stamp, at_s = media.get("timestamp"), self._next_s[track]
        if stamp not in (None, ""):
            at_s = number(stamp, "media.timestamp", 0, LONGEST_STAMP_MS) / 1000
        self._next_s[track] = at_s + len(data) / self._bytes_per_s
        counts = self.counted and count not in (None, "")
        return [Audio(data, track, at_s, whole(count, "sequenceNumber") if counts else None)] if data else []

    def _track(self, name: object) -> int | None:
        """Which track; None for one that the start, or the integrator, left out."""
        if NAMELESS in self._tracks or (not name and len(self._tracks) == 1):
            return 0
        return self._tracks.get(track_name(name or "inbound"))
