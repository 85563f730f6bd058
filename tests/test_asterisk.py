"""What Asterisk says over a WebSocket, read without one."""

import json
from functools import partial

import pytest
from asterisk_phone import MEDIA_START, media_start
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.live.dialects.asterisk import FORMATS, Asterisk
from sentiment_engine.live.dialects.shape import Alive, Audio, Ended, Hello, Opened
from sentiment_engine.live.messages import Refused

PLAIN = (
    "MEDIA_START connection_id:e226e283 channel:WebSocket/c/0x7f channel_id:1795434060.20 format:ulaw "
    "optimal_frame_size:160 ptime:20"
)


def dialect(**query: str) -> Asterisk:
    return Asterisk(Hello(query, {"authorization": "Basic cGJ4MTpzZWNyZXQx"}))


def opened(text: str, **query: str) -> Opened:
    (heard,) = dialect(**query).text(text)
    assert isinstance(heard, Opened)
    return heard


@pytest.mark.parametrize(("role", "leg"), [("agent", 0), ("customer", 1)])
def test_a_leg_feeds_its_own_track_of_a_call_of_two(role, leg):
    said = opened(media_start(format="slin16"), call_id="1795434060.14", role=role)
    assert (said.leg, said.clock, said.wants_alerts, said.token) == (leg, "arrival", False, None)
    assert said.tracks == (("agent",), ("customer",))
    start = said.start
    assert (start.call_id, start.encoding, start.sample_rate) == ("1795434060.14", "pcm_s16le", 16000)
    assert start.channels == ("agent", "customer")


@pytest.mark.parametrize("query", [{}, {"role": "mixed"}, {"party": "mixed"}])
def test_one_socket_for_both_parties_says_that_they_are_mixed(query):
    said = opened(PLAIN, **query)
    assert (said.leg, said.tracks, said.start.channels) == (None, (("mixed",),), ("mixed",))
    assert (said.start.call_id, said.start.encoding) == ("1795434060.20", "mulaw")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_named_as_asterisk_names_it_in_either_form(name):
    form = FORMATS[name]
    for text in (media_start(format=name), PLAIN.replace("ulaw", name)):
        start = opened(text).start
        assert (start.encoding, start.sample_rate) == form


def test_the_address_tells_of_the_call_and_its_context_holds_no_token():
    start = opened(
        PLAIN,
        call_id="c-1",
        role="agent",
        language="en-GB",
        stage="negotiation",
        risk_class="B",
        attempts_today="3",
        consented_hours="true",
        notices_given="recording,identity",
        token="t0p",  # noqa: S106 - that it goes nowhere is the point
    ).start
    assert (start.language, start.stage) == ("en-GB", "negotiation")
    assert start.context == {
        "risk_class": "B",
        "attempts_today": 3,
        "consented_hours": True,
        "notices_given": ("recording", "identity"),
    }


@pytest.mark.parametrize(
    ("query", "text", "named"),
    [
        ({"role": "agent"}, PLAIN, r"v\(call_id=…,role=…\)"),
        ({"role": "caller", "call_id": "c"}, PLAIN, "role is 'caller'"),
        ({"stage": "talk"}, PLAIN, "stage is 'talk'"),
        ({}, "MEDIA_START format:ulaw", "no id for the call"),
        ({}, "MEDIA_START channel_id:1", "the format '' cannot be heard"),
        ({}, media_start(format="g722"), r"dial with c\(slin16\)"),
        ({}, media_start(format=16), "not Asterisk's"),
        ({}, "{" + "x" * 70_000, "at most 65536"),
        ({}, '{"event":' + "[" * 20_000, "not Asterisk's"),
    ],
)
def test_what_cannot_be_used_names_itself_and_the_remedy(query, text, named):
    with pytest.raises(Refused, match=named):
        dialect(**query).text(text)


def test_other_events_are_harmless_a_key_is_a_sign_of_life_and_a_hang_up_the_end():
    line = dialect(call_id="c-1")
    line.text(PLAIN)
    for text in (
        "MEDIA_XOFF",
        "MEDIA_XON",
        "QUEUE_DRAINED",
        "MEDIA_BUFFERING_COMPLETED 7",
        "STATUS queue_length:43 xon_level:800 queue_full:false",
        json.dumps({"event": "MEDIA_MARK_PROCESSED", "channel_id": "1", "correlation_id": ""}),
        json.dumps({"event": "OF_NEXT_YEAR", "format": "opus"}),
        "",
        PLAIN,
    ):
        assert list(line.text(text)) == [], text
    assert line.text("DTMF_END digit:5 channel_id:1") == [Alive()]
    assert line.text(json.dumps({"event": "DTMF_END", "digit": "5"})) == [Alive()]
    assert line.text(json.dumps({"event": "HANGUP"})) == [Ended()]


def test_a_format_that_changes_in_a_call_is_refused():
    line = dialect()
    line.text(media_start())
    with pytest.raises(Refused, match="was 'slin' and is now 'slin16'"):
        line.text(media_start(format="slin16"))


def test_binary_frames_are_audio_of_the_own_track_and_an_empty_one_is_nothing():
    assert dialect(role="customer").binary(b"\1\0") == [Audio(b"\1\0", 1)]
    assert dialect().binary(b"\1\0") == [Audio(b"\1\0", 0)]
    assert list(dialect().binary(b"")) == []


def test_audio_without_its_event_opens_the_call_if_the_address_names_the_format():
    assert dialect(call_id="c-1").unannounced() is None
    said = dialect(call_id="c-1", format="alaw", role="agent").unannounced()
    assert (said.start.encoding, said.leg) == ("alaw", 0)
    with pytest.raises(Refused, match="opus"):
        dialect(call_id="c-1", format="opus").unannounced()


def test_nothing_is_ever_said_back():
    assert list(dialect().parting()) == []
    assert list(dialect().no(Refused("bad_message", "x"))) == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*MEDIA_START, "digit"])
events = st.dictionaries(names, anything, max_size=8).map(json.dumps)
known = st.builds(
    lambda event, more: json.dumps({**more, "event": event}),
    st.sampled_from(["MEDIA_START", "DTMF_END", "HANGUP", "STATUS"]),
    st.dictionaries(names, anything, max_size=4),
)
lines = st.lists(st.sampled_from(["MEDIA_START", "format:", "format:slin", ":", "channel_id:\x00", " "])).map(
    " ".join
)
told = st.dictionaries(
    st.sampled_from(["call_id", "role", "format", "language", "stage", "direction", "calls_7d", "x"]),
    st.text(max_size=20) | st.sampled_from(["agent", "customer", "ulaw", "general", "1e999", "-1"]),
)


@given(query=told, texts=st.lists(events | known | lines | st.text(), max_size=4), data=st.binary())
@examples(200)
def test_whatever_comes_it_is_read_or_refused(query, texts, data):
    line, refusals = Asterisk(Hello(query, {})), []
    for ask in (*(partial(line.text, text) for text in texts), partial(line.binary, data), line.unannounced):
        try:
            ask()
        except Refused as no:
            refusals.append(no.message.encode())  # it goes into a close frame
    assert all(refusals)
