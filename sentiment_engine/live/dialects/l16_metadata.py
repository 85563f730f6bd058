"""What the first text of an L16 stream, and its address, say of the call."""

import re
from collections.abc import Mapping
from typing import Any

from sentiment_engine.events import Party
from sentiment_engine.live.dialects.shape import Hello, Opened
from sentiment_engine.live.dialects.told import Told, as_text, number, plain, whole
from sentiment_engine.live.messages import Refused

CALL_IDS = ("callsid", "callid", "calluuid", "conversationuuid", "uuid", "channelid")
"""Who names the call, the best first: jambonz sends a ``callSid`` of its own and the ``callId`` of SIP."""
RATES = ("samplerate", "samplingrate", "sampling", "rate")
CHANNELS = {"mono": 1, "mixed": 1, "stereo": 2, "1": 1, "2": 2}
"""``mixType``, ``mix-type`` and ``channels``, as people write them."""
REMEDY = "put {} into the metadata or the address (docs/connect/freeswitch.md)"

CONNECTED = "websocket:connected"
INNER = ("metadata", "customparameters")

_URL_SAFE = str.maketrans("+/", "-_")
_OPTION = re.compile(r"audio/l16\s*(?:;\s*rate\s*=\s*(\d{1,7})\s*)?", re.ASCII | re.IGNORECASE)


def vonage(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Vonage's first message as metadata; None for any other event.

    Raises:
        Refused: ``bad_audio``: a content type that is not L16.
    """
    if event["event"] != CONNECTED:
        return None
    kind = event.get("content-type")
    match = _OPTION.fullmatch(kind) if isinstance(kind, str) else None
    if match is None:
        raise Refused("bad_audio", 'content-type is not L16: set "content-type": "audio/l16;rate=16000"')
    rest = {name: value for name, value in event.items() if name not in ("event", "content-type")}
    return {**rest, "mixType": "mono", "sampleRate": match[1] or 16_000}


def describes(metadata: Mapping[str, Any]) -> bool:
    """Whether an object says what audio comes, so that it is no mere event."""
    return any(plain(name) in (*RATES, *CALL_IDS, "mixtype") for name in metadata)


def opened(metadata: Mapping[str, Any], hello: Hello) -> Opened:
    """The call that metadata and address describe; the address fills in what the metadata leave out.

    Args:
        metadata: a JSON object of any shape; parameters may lie in an object of their own within it.
        hello: the address and the headers; a ``call_id`` in the address is the integrator's own and counts
            first, and the handshake's key names a call that nothing else names.

    Raises:
        Refused: ``bad_message``: no rate, no number of channels, or a value that cannot be used.
    """
    outer = {name: value for name, value in metadata.items() if plain(name) not in INNER}
    inner = [value for name, value in metadata.items() if plain(name) in INNER and isinstance(value, dict)]
    found = _by_plain_name(outer, *inner, hello.query)
    own = {"call_id": hello.query.get("call_id") or _call_id(hello, found)}
    told = Told(own, outer, *inner, hello.query)
    parties = _parties(told, _channels(found))
    return Opened(
        start=told.start(own["call_id"], "pcm_s16le", _rate_hz(found), parties),
        tracks=(parties,),
        clock="arrival",
        token=Told(outer, *inner).text("token"),  # one in the address is no secret any more
        wants_alerts=_wants_alerts(told),
    )


def _by_plain_name(*sources: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            if value not in (None, ""):
                found.setdefault(plain(name), value)
    return found


def _call_id(hello: Hello, found: Mapping[str, Any]) -> str:
    for name in CALL_IDS:
        if name in found:
            return as_text(found[name], name)
    key = hello.headers.get("sec-websocket-key")
    if not key:
        raise Refused("bad_message", "nobody names the call: " + REMEDY.format("callSid"))
    return "l16-" + key.rstrip("=").translate(_URL_SAFE)  # random by RFC 6455, 4.1


def _rate_hz(found: Mapping[str, Any]) -> int:
    """``16000``, ``"16000"`` or ``"16k"``."""
    told = next((found[name] for name in RATES if name in found), None)
    if told is None:
        raise Refused("bad_message", "nobody says the sample rate: " + REMEDY.format("sampleRate"))
    if isinstance(told, str) and told.strip().lower().endswith("k"):
        return round(1000 * number(told.strip()[:-1], "sampleRate", 1, 400))
    return whole(told, "sampleRate", 400_000)


def _channels(found: Mapping[str, Any]) -> int:
    told = found.get("mixtype", found.get("channels"))
    if told is None:
        raise Refused("bad_message", "nobody says how many channels come: " + REMEDY.format("mixType"))
    count = CHANNELS.get(as_text(told, "mixType").lower())
    if count is None:
        raise Refused("bad_message", f"mixType or channels must be one of {', '.join(CHANNELS)}")
    return count


def _parties(told: Told, channels: int) -> tuple[Party, ...]:
    party, agent = told.party("party"), told.one_of("agent_channel", ("0", "1"))
    if channels == 1:
        # One channel holds the forked leg, or both: only the integrator knows, whatever mixType says.
        return (party or "mixed",)
    if party is not None:
        raise Refused("bad_message", "party is for one channel: for two, say agent_channel=0 or 1")
    return ("agent", "customer") if agent == "0" else ("customer", "agent")


def _wants_alerts(told: Told) -> bool:
    wanted = told.listed("send")
    if any(each != "alerts" for each in wanted):
        raise Refused("bad_message", "send: only alerts is sent here")
    return bool(wanted)
