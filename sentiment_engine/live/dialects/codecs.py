"""What platforms call their codecs, and the codecs that are not the engine's own.

G.722 becomes PCM here, with a decoder for each track: it carries state from packet to packet. A packet out of
order only disturbs it for some milliseconds, for its filters adapt.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from sentiment_engine.live.dialects.told import number
from sentiment_engine.live.messages import Refused

LOWEST_HZ, HIGHEST_HZ = 1000, 384_000
"""What could be a rate at all; the engine says which ones it takes."""
G722_HZ = 16_000
"""SDP writes ``G722/8000`` (RFC 3551, 4.5.2); the audio has twice that rate."""

ENCODINGS = {
    "mulaw": "mulaw",
    "ulaw": "mulaw",
    "pcmu": "mulaw",
    "x-mulaw": "mulaw",
    "g711u": "mulaw",
    "alaw": "alaw",
    "pcma": "alaw",
    "x-alaw": "alaw",
    "g711a": "alaw",
    "l16": "pcm_s16le",
    "x-l16": "pcm_s16le",
    "x-raw": "pcm_s16le",
    "raw": "pcm_s16le",
    "raw/slin": "pcm_s16le",
    "slin": "pcm_s16le",
    "linear16": "pcm_s16le",
    "pcm": "pcm_s16le",
    "pcm_s16le": "pcm_s16le",
    "base64": "pcm_s16le",  # Exotel's older start messages say how the payload is wrapped
}
"""A platform's name, in lower case and without ``audio/``, to one of ``pcm.ENCODINGS``. L16 is little-endian:
RFC 3551 would have it the other way round, but none of these platforms does."""


class Codec(NamedTuple):
    """How one track's payload becomes samples."""

    encoding: str
    """One of ``pcm.ENCODINGS``: what comes out."""
    sample_rate: int
    decoder: Callable[[], Callable[[bytes], bytes]] | None
    """Makes a track's decoder; None: the payload already is what comes out."""


def codec(name: str, sample_rate: object, remedy: str) -> Codec:
    """The codec a platform names.

    Args:
        name: as the platform writes it, with or without ``audio/`` and ``;rate=``.
        sample_rate: as the platform writes it; None if only the name says it, or nobody: then 8000.
        remedy: what to set so that a codec comes that is understood.

    Raises:
        Refused: ``bad_audio`` for a codec that is not understood, ``bad_message`` for a rate that is none.
    """
    kind, *options = name.lower().replace(" ", "").removeprefix("audio/").split(";")
    if sample_rate is None:
        sample_rate = next(
            (rate for key, _, rate in (o.partition("=") for o in options) if key == "rate"), 8000
        )
    rate = round(number(sample_rate, "sample_rate", LOWEST_HZ, HIGHEST_HZ))
    if kind == "g722":
        return Codec("pcm_s16le", G722_HZ, _g722(remedy))
    if kind not in ENCODINGS:
        raise Refused("bad_audio", f"codec {name[:40]!r} is not understood: {remedy}")
    return Codec(ENCODINGS[kind], rate, None)


def _g722(remedy: str) -> Callable[[], Callable[[bytes], bytes]]:
    try:
        import G722  # noqa: PLC0415 - an optional extra: telephones that use it are few
    except ImportError as reason:
        raise Refused(
            "bad_audio", f"G.722 needs pip install 'sentiment-engine[g722]' on the server; or {remedy}"
        ) from reason

    def decoder() -> Callable[[bytes], bytes]:
        state: Any = G722.G722(G722_HZ, 64_000)

        def decode(data: bytes) -> bytes:
            samples: bytes = state.decode(data).tobytes()
            return samples

        return decode

    return decoder
