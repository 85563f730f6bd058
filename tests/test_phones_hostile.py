"""What hostile or broken platforms send: a refusal at most, and nothing that could hurt behind the parser."""

import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phones import twilio_media, twilio_start
from silent_line import SilentLine
from test_l16 import FORK, JAMBONZ, VONAGE
from test_media_streams import EXOTEL_START, PLIVO_START, TELNYX_START

from sentiment_engine.live.dialects import DIALECTS
from sentiment_engine.live.dialects.l16 import L16
from sentiment_engine.live.dialects.media_stream import MediaStream
from sentiment_engine.live.dialects.twilio import Twilio

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


def play(platform, frames, query=None):
    """A connection on the media clock, where what must always hold is checked; what opened the call."""
    line = SilentLine(platform, query)
    for frame in frames:
        if isinstance(frame, bytes):
            line.binary(frame, 0.02)
        else:
            line.text(frame, 0.02)
    line.end()
    return line.opened


@given(st.sampled_from(FAMILY), broken(STARTS), st.lists(packets | stops | anything, max_size=6))
@example(Twilio, json.dumps(STARTS[0]), ['{"event":"media","media":{"payload":"AA==","timestamp":1e308}}'])
def test_media_streams_hear_what_can_be_used_or_refuse(platform, start, frames):
    play(platform, [start, *frames])


@given(st.sampled_from(FAMILY), st.lists(packets | stops | anything, max_size=6), broken(STARTS))
def test_so_they_do_in_any_order(platform, frames, start):
    play(platform, [*frames, start])


@given(
    broken(METADATA) | anything,
    st.dictionaries(
        st.sampled_from(["call_id", "sample_rate", "channels", "stage", "send"]), st.text(max_size=9)
    ),
    st.lists(anything | st.binary(max_size=9), max_size=5),
)
def test_l16_hears_what_can_be_used_or_refuses(metadata, query, frames):
    play(L16, [metadata, *frames], query)


@given(
    st.fixed_dictionaries(
        {
            "call_id": st.text(max_size=9),
            "sample_rate": st.text(max_size=6) | st.sampled_from(["8000", "16k"]),
        },
        optional={"channels": st.text(max_size=2) | st.sampled_from("12"), "party": st.text(max_size=9)},
    )
)
def test_l16_begins_as_the_address_says_or_refuses(query):
    play(L16, [bytes(320)], query)


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
    play(platform, [text, text], {"sample_rate": "8000", "channels": "1"})
