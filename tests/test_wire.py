"""What is written can be read back, and whatever else arrives is refused and does no harm."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import encoded, example_call, examples, run

from sentiment_engine import BadMessage, CallStarted, Event, SpeechEnded, wire

SPEECH = SpeechEnded(call_id="c-1", at_s=2.5, seq=3, party="agent", start_s=1.0, end_s=2.0)
LINE = wire.encode(SPEECH)


def test_an_event_is_one_json_object_without_line_breaks():
    assert json.loads(LINE) == {
        "type": "speech.ended",
        "call_id": "c-1",
        "at_s": 2.5,
        "seq": 3,
        "party": "agent",
        "start_s": 1.0,
        "end_s": 2.0,
    }
    assert b"\n" not in wire.encode(msgspec.structs.replace(SPEECH, call_id="a\nb"))


def test_bytes_and_text_read_alike():
    assert wire.decode(LINE) == wire.decode(LINE.decode()) == SPEECH


def test_unknown_fields_are_ignored():
    assert wire.decode(LINE[:-1] + b',"later":{"than":["this"]}}') == SPEECH


def test_what_is_absent_is_not_written():
    started = CallStarted(
        call_id="c", at_s=0.0, seq=1, channels=("mixed",), sample_rate_hz=8000, language="en",
        stage="general", wire=wire.WIRE_VERSION,
    )  # fmt: skip
    assert "started_at" not in json.loads(wire.encode(started))
    assert wire.decode(wire.encode(started)) == started


def test_the_first_event_carries_the_version():
    started = json.loads(wire.encode(run([])[0]))
    assert started["wire"] == wire.WIRE_VERSION


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"speech.ended"',
        b'{"type":"speech.ended"}',
        b'{"type":"speech.begun"}',
        b'{"type":7}',
        LINE + LINE,
        LINE.replace(b"2.5", b"NaN"),
        LINE.replace(b"2.5", b"Infinity"),
        LINE.replace(b"2.5", b"1e999"),
        LINE.replace(b"2.5", b"9" * 400),
        LINE.replace(b"2.5", b'"2.5"'),
        LINE.replace(b"2.5", b"null"),
        LINE.replace(b":3,", b":3.5,"),
        LINE.replace(b":3,", b":" + b"9" * 6000 + b","),
        LINE.replace(b"agent", b"mixer"),
        LINE.replace(b"agent", b"\xff"),
        b"[" * 100_000,
        LINE[:-1] + b',"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        LINE[:-1] + b',"deep":' + b'{"a":' * 100_000,
        '"\ud800"',
        LINE.decode().replace("c-1", "\udcff"),
        b"\xef\xbb\xbf" + LINE,
        LINE.decode().encode("utf-16"),
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_event_is_refused(data):
    with pytest.raises(BadMessage, match=f"not an event of wire version {wire.WIRE_VERSION}: "):
        wire.decode(data)


def test_an_event_cut_short_anywhere_is_refused():
    for length in range(len(LINE)):
        with pytest.raises(BadMessage):
            wire.decode(LINE[:length])


def decodes_or_is_refused(data):
    try:
        event = wire.decode(data)
    except BadMessage as reason:
        return str(reason).startswith("not an event")
    return isinstance(event, Event) and wire.decode(wire.encode(event)) == event


@given(data=st.binary(max_size=200) | st.text(st.characters(codec=None), max_size=80))
@examples(100)
def test_no_noise_breaks_the_reader(data):
    assert decodes_or_is_refused(data)


@given(at=st.integers(0, len(LINE) - 1), by=st.binary(max_size=4), over=st.integers(0, 4))
@examples(150)
def test_no_damage_to_an_event_breaks_the_reader(at, by, over):
    assert decodes_or_is_refused(LINE[:at] + by + LINE[at + over :])


def test_every_event_of_a_call_survives_the_wire():
    events = run([encoded(example_call(30.0, 10.0))])
    assert [wire.decode(wire.encode(event)) for event in events] == events
