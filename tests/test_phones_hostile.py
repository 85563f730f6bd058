"""What hostile or broken platforms send: a refusal at most, and nothing that could hurt behind the parser."""

import copy
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phones import hello, twilio_media, twilio_start
from test_l16 import FORK, JAMBONZ, VONAGE
from test_media_streams import EXOTEL_START, PLIVO_START, TELNYX_START

from sentiment_engine.errors import BadAudio
from sentiment_engine.live.dialects import DIALECTS
from sentiment_engine.live.dialects.l16 import L16
from sentiment_engine.live.dialects.media_stream import MediaStream
from sentiment_engine.live.dialects.shape import Audio, Opened, Silence
from sentiment_engine.live.dialects.twilio import Twilio
from sentiment_engine.live.messages import Refused
from sentiment_engine.monitor import _check

FAMILY = sorted(
    (kind for kind in DIALECTS.values() if issubclass(kind, MediaStream)), key=lambda kind: kind.name
)
STARTS = [twilio_start(token="t", stage="facts"), TELNYX_START, EXOTEL_START, PLIVO_START]  # noqa: S106
METADATA = [json.loads(text) for text in (FORK, JAMBONZ, VONAGE)]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [2**63, 2**64, -(2**70), 10**400, 1e308, "nan", "-inf", "1e999", "9" * 5000, "\x00", ""]
    )
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["agent", "customer", "mixed", "inbound", "outbound", "both", "G722", "PCMA", "L16", "16k", "0"]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    *("callSid", "call_id", "tracks", "mediaFormat", "customParameters", "extra_headers", "encoding"),
    *(
        "sampleRate",
        "channels",
        "track",
        "timestamp",
        "payload",
        "sequenceNumber",
        "stage",
        "language",
        "token",
    ),
    *("party", "inbound", "agent_track", "agent_channel", "mixType", "event", "send", "metadata"),
    *("attempts_today", "content-type"),
]


@st.composite
def broken(draw, frames):
    """A frame of a platform in which some fields have other values, or are gone, or are new."""
    frame = copy.deepcopy(draw(st.sampled_from(frames)))
    for _ in range(draw(st.integers(0, 3))):
        place = frame
        while inner := [each for each in place.values() if isinstance(each, dict)]:
            if draw(st.booleans()):
                break
            place = draw(st.sampled_from(inner))
        name = draw(st.sampled_from([*place, *NAMES]))
        if draw(st.booleans()):
            place.pop(name, None)
        else:
            place[name] = draw(values)
    return json.dumps(frame)


packets = broken([twilio_media(b"\x01\x02\x03", track, 20, 4) for track in ("inbound", "outbound")])
stops = st.sampled_from(['{"event":"stop"}', '{"event":"dtmf"}', '{"event":"connected","version":"1.0.0"}'])
anything = st.text(max_size=40) | values.map(json.dumps)


def heard_of(dialect, frames):
    """All that a dialect hears, up to its refusal."""
    heard = []
    for frame in frames:
        try:
            heard += dialect.binary(frame) if isinstance(frame, bytes) else dialect.text(frame)
        except Refused as refused:
            refused.frame()
            str(refused.message).encode()
            break
    return heard


def check(heard):
    """What the server relies on; the core refuses the rest by BadAudio."""
    call = next((each for each in heard if isinstance(each, Opened)), None)
    assert sum(isinstance(each, Opened) for each in heard) <= 1
    if call is not None:
        flat = tuple(party for track in call.tracks for party in track)
        assert flat == call.start.channels
        assert len(flat) in (1, 2)
        assert type(call.start.sample_rate) is int
        try:
            _check(call.start.call_id, call.start.channels, call.start.language, call.start.stage)
        except BadAudio:
            return
    for each in heard:
        if isinstance(each, Audio) and call is not None:
            assert 0 <= each.track < len(call.tracks)
            if call.clock == "stamps":
                assert math.isfinite(each.stamp_s)
                assert each.stamp_s >= 0
                round(each.stamp_s * call.start.sample_rate)
            assert each.sequence is None or 0 <= each.sequence <= 2**53
        if isinstance(each, Silence):
            assert 0 < each.seconds <= 3600


@given(st.sampled_from(FAMILY), broken(STARTS), st.lists(packets | stops | anything, max_size=6))
@example(Twilio, json.dumps(STARTS[0]), ['{"event":"media","media":{"payload":"AA==","timestamp":1e308}}'])
def test_media_streams_hear_what_can_be_used_or_refuse(platform, start, frames):
    check(heard_of(platform(hello()), [start, *frames]))


@given(st.sampled_from(FAMILY), st.lists(packets | stops | anything, max_size=6), broken(STARTS))
def test_so_they_do_in_any_order(platform, frames, start):
    check(heard_of(platform(hello()), [*frames, start]))


@given(
    broken(METADATA) | anything,
    st.dictionaries(
        st.sampled_from(["call_id", "sample_rate", "channels", "stage", "send"]), st.text(max_size=9)
    ),
    st.lists(anything | st.binary(max_size=9), max_size=5),
)
def test_l16_hears_what_can_be_used_or_refuses(metadata, query, frames):
    check(heard_of(L16(hello(query)), [metadata, *frames]))


@given(st.dictionaries(st.sampled_from(["call_id", "sample_rate", "channels", "party"]), st.text(max_size=9)))
def test_l16_begins_as_the_address_says_or_refuses(query):
    try:
        call = L16(hello(query)).unannounced()
    except Refused:
        return
    check([call])


@pytest.mark.parametrize("platform", [*FAMILY, L16])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"event":' * 50_000,
        '{"event":"start","start":' + '{"a":' * 500 + "1" + "}" * 501,
        '{"event":"start","start":{"callSid":"x","customParameters":' + "[" * 400 + "]" * 400 + "}}",
        '{"metadata":' + '{"metadata":' * 400 + "1" + "}" * 401,
        '{"event":"start","start":{"callSid":"\\ud800"}}',
        '{"event":"start","start":{"callSid":"x"},"event":"media"}',
        '{"callSid":"x","sampleRate":NaN,"mixType":"mono"}',
        '{"callSid":"x","sampleRate":' + "9" * 5000 + ',"mixType":"mono"}',
        '{"event":"media","media":{"payload":"AA=","track":"inbound"}}',
        "\ufeff{}",
    ],
)  # fmt: skip
def test_nested_torn_and_huge_texts_are_refused_or_ignored(platform, text):
    dialect = platform(hello({"sample_rate": "8000", "channels": "1"}))
    check(heard_of(dialect, [text, text]))
