"""Twilio's JSON media streams and what is like them: what each platform's frames mean."""

import base64

import numpy as np
import pytest
from phones import b64, g711, hello, told, twilio_media, twilio_start

from sentiment_engine.live.dialects import codecs
from sentiment_engine.live.dialects.exotel import Exotel
from sentiment_engine.live.dialects.media_stream import EARLY_CHARS
from sentiment_engine.live.dialects.plivo import Plivo
from sentiment_engine.live.dialects.shape import Audio, Ended
from sentiment_engine.live.dialects.telnyx import Telnyx
from sentiment_engine.live.dialects.twilio import SignalWire, Twilio
from sentiment_engine.live.messages import Refused
from sentiment_engine.pcm import decode

TOKEN = "setk_abc"  # noqa: S105 - no real one
TELNYX_START = {
    "event": "start",
    "sequence_number": "1",
    "start": {
        "user_id": "3E6F995F",
        "call_control_id": "v2:T02llQxIyaRk",
        "call_session_id": "ff55a038",
        "from": "+13122010094",
        "to": "+13122123456",
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "custom_parameters": {"language": "en", "stage": "facts"},
        "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
    },
    "stream_id": "32DE0DEA",
}
EXOTEL_START = {
    "event": "start",
    "sequence_number": "1",
    "stream_sid": "MZx",
    "start": {
        "stream_sid": "MZx",
        "call_sid": "CAx",
        "account_sid": "ACx",
        "from": "+919876543210",
        "to": "+918047491899",
        "custom_parameters": {"language": "hi"},
        "media_format": {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"},
    },
}
PLIVO_START = {
    "event": "start",
    "sequenceNumber": 1,
    "start": {
        "callId": "12345678-1234",
        "streamId": "87654321-4321",
        "accountId": "MAX",
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000},
    },
    "extra_headers": "stage=notice;agentId=a7",
}


def opened(start, platform=Twilio, **handshake):
    return told(platform(hello(**handshake)), start)[0]


def refused(platform, *frames):
    with pytest.raises(Refused) as caught:
        told(platform(hello()), *frames)
    return caught.value


def test_twilio_opens_a_call_of_two_tracks_the_callers_is_the_customer():
    call = opened(twilio_start("CA7", agentId="a1", tenant="t1"))
    assert (call.start.call_id, call.start.encoding, call.start.sample_rate) == ("CA7", "mulaw", 8000)
    assert call.start.channels == ("agent", "customer")
    assert call.tracks == (("agent",), ("customer",))
    assert call.clock == "stamps"
    assert call.start.context == {"agentId": "a1", "tenant": "t1"}
    assert not call.wants_alerts


def test_every_packet_has_its_track_its_time_and_its_number():
    packets = twilio_media(b"\x01\x02", "outbound", 20, 4), twilio_media(b"\x03", "inbound", 40, 5)
    heard = told(Twilio(hello()), twilio_start(), *packets, {"event": "stop", "sequenceNumber": "6"})
    assert heard[1:] == [Audio(b"\x01\x02", 0, 0.02, 4), Audio(b"\x03", 1, 0.04, 5), Ended()]


def test_numbers_may_be_numbers():
    packet = twilio_media(b"\x01", "inbound", 40, 5)
    packet["sequenceNumber"], packet["media"]["timestamp"] = 5, 40.0
    assert told(Twilio(hello()), twilio_start(), packet)[1] == Audio(b"\x01", 1, 0.04, 5)


def test_what_integrators_tell_becomes_the_start_and_the_token_is_nowhere_in_it():
    call = opened(
        twilio_start(
            language="en", stage="Negotiation", token=TOKEN, call_id="case-7", riskClass="B",
            attempts_today="3", consentedHours="true", notices_given="notice_identity,notice_recording",
        )
    )  # fmt: skip
    assert (call.start.language, call.start.stage, call.start.call_id) == ("en", "negotiation", "case-7")
    assert call.token == TOKEN
    assert call.start.context == {
        "risk_class": "B",
        "attempts_today": 3,
        "consented_hours": True,
        "notices_given": ("notice_identity", "notice_recording"),
    }


def test_a_counter_that_is_none_is_left_for_the_core_to_name():
    assert opened(twilio_start(attempts_today="many")).start.context == {"attempts_today": "many"}


def test_a_token_in_the_address_is_not_believed():
    call = opened(twilio_start(), query={"token": TOKEN, "language": "en"})
    assert call.token is None
    assert call.start.language == "en"
    assert TOKEN not in repr(call)


@pytest.mark.parametrize(
    ("tracks", "parameters", "channels"),
    [
        (("inbound", "outbound"), {"inbound": "agent"}, ("customer", "agent")),
        (("inbound", "outbound"), {"outbound": "customer"}, ("customer", "agent")),
        (("inbound", "outbound"), {"agent_track": "inbound"}, ("customer", "agent")),
        (("inbound", "outbound"), {"agentTrack": "outbound", "inbound": "customer"}, ("agent", "customer")),
        (("inbound",), {}, ("customer",)),
        (("outbound",), {}, ("agent",)),
        (("inbound",), {"inbound": "agent"}, ("agent",)),
        (("inbound",), {"party": "mixed"}, ("mixed",)),
        ((), {}, ("agent", "customer")),
        ((), {"tracks": "inbound"}, ("customer",)),
        (("inbound_track", "outbound_track"), {}, ("agent", "customer")),
        (("inbound",), {"tracks": "both"}, ("agent", "customer")),
    ],
)
def test_who_speaks_on_which_track(tracks, parameters, channels):
    call = opened(twilio_start(announced=tracks, **parameters))
    assert call.start.channels == channels
    assert call.tracks == tuple((party,) for party in channels)


def test_the_direction_of_the_call_never_makes_the_roles():
    assert opened(twilio_start(direction="outbound")).start.channels == ("agent", "customer")
    assert opened(twilio_start(direction="inbound")).start.channels == ("agent", "customer")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"inbound": "agent", "outbound": "agent"}, "both tracks are told to be the agent"),
        ({"agent_track": "inbound", "inbound": "customer"}, "say agent or customer, and once"),
        ({"inbound": "mixed"}, "inbound is told to be mixed"),
        ({"inbound": "boss"}, "inbound is 'boss': send one of agent, customer, mixed"),
        ({"party": "agent"}, "say agent_track"),
        ({"tracks": "inbound,inbound"}, "each can come only once"),
        ({"tracks": "left"}, "track 'left' is neither inbound nor outbound"),
        ({"stage": "finale"}, "stage is 'finale': send one of facts, negotiation, notice, general"),
        ({"language": ["en"]}, "language must be text"),
    ],
)
def test_what_an_integrator_got_wrong_is_named(parameters, words):
    verdict = refused(Twilio, twilio_start(**parameters))
    assert verdict.code == "bad_message"
    assert words in verdict.message


def test_a_track_that_was_left_out_is_not_mixed_into_the_other():
    packets = twilio_media(b"\x01", "outbound", 0, 2), twilio_media(b"\x02", "inbound", 0, 3)
    heard = told(Twilio(hello()), twilio_start(announced=("inbound",)), *packets)
    assert heard[1:] == [Audio(b"\x02", 0, 0.0, 3)]


def test_packets_without_track_or_time_follow_each_other():
    frame = {"event": "media", "streamSid": "MZ", "media": {"payload": b64(bytes(160))}}
    heard = told(Twilio(hello()), twilio_start(announced=("outbound",)), frame, frame)
    assert [(audio.track, audio.stamp_s, audio.sequence) for audio in heard[1:]] == [
        (0, 0.0, None),
        (0, 0.02, None),
    ]


def test_media_before_its_start_waits_for_it():
    early = twilio_media(b"\x01", "inbound", 0, 2)
    dialect = Twilio(hello())
    assert told(dialect, early) == []
    assert told(dialect, twilio_start())[1:] == [Audio(b"\x01", 1, 0.0, 2)]
    assert told(dialect, twilio_media(b"\x02", "inbound", 20, 3)) == [Audio(b"\x02", 1, 0.02, 3)]


def test_media_without_end_before_a_start_is_refused():
    frames = [twilio_media(bytes(30_000), "inbound", 0, 2)] * (EARLY_CHARS // 30_000 + 1)
    assert refused(Twilio, *frames).code == "audio_before_start"


def test_a_second_start_is_the_same_call_or_an_error():
    dialect = Twilio(hello())
    assert len(told(dialect, twilio_start("CA1"))) == 1
    assert told(dialect, twilio_start("CA1")) == []
    with pytest.raises(Refused, match="socket of its own") as caught:
        told(dialect, twilio_start("CA2"))
    assert caught.value.code == "already_started"


def test_stop_without_start_is_an_end():
    assert told(Twilio(hello()), {"event": "stop"}) == [Ended()]


@pytest.mark.parametrize("event", ["connected", "dtmf", "mark", "error", "clear", "what?", 7, None])
def test_other_events_say_nothing(event):
    frames = twilio_start(), {"event": event, "dtmf": {"digit": "5", "track": "inbound_track"}}
    assert len(told(Twilio(hello()), *frames)) == 1


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ({"timestamp": "soon"}, "media.timestamp must be a number"),
        ({"timestamp": "nan"}, "media.timestamp must be a number"),
        ({"timestamp": "inf"}, "media.timestamp must be a number"),
        ({"timestamp": -20}, "media.timestamp must be a number"),
        ({"timestamp": True}, "media.timestamp must be a number"),
        ({"timestamp": {}}, "media.timestamp must be a number"),
        ({"payload": "///"}, "media.payload is no base64"),
        ({"payload": "\u00e9"}, "media.payload is no base64"),
        ({"payload": None}, "media.payload must be text"),
        ({"track": "both"}, "neither inbound nor outbound"),
        ({"track": 3}, "neither inbound nor outbound"),
    ],
)
def test_packets_that_cannot_be_read_are_named(media, words):
    frame = twilio_media(b"\x01", "inbound", 0, 2)
    frame["media"] |= media
    assert words in refused(Twilio, twilio_start(), frame).message


def test_an_empty_packet_is_none():
    frame = twilio_media(b"", "inbound", 0, 2)
    assert len(told(Twilio(hello()), twilio_start(), frame)) == 1


@pytest.mark.parametrize("count", ["x", -1, 1.5, "1e400", 10**400, [], True])
def test_a_sequence_number_that_is_none_is_named(count):
    frame = twilio_media(b"\x01", "inbound", 0, 2) | {"sequenceNumber": count}
    assert "sequenceNumber" in refused(Twilio, twilio_start(), frame).message


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("", "no JSON"),
        ("[1]", "a frame must be a JSON object"),
        ("null", "a frame must be a JSON object"),
        ('{"event":"start","start":null}', "start must be a JSON object"),
        ('{"event":"start"}', "names no call"),
        ('{"event":"start","start":{"callSid":["x"]}}', "the call's id must be text"),
        ('{"event":"start","start":{"callSid":"a","tracks":"inbound"}}', "start.tracks must be a list"),
        ('{"event":"start","start":{"callSid":"a","mediaFormat":[1]}}', "mediaFormat must be a JSON object"),
        ('{"event":"start","start":{"callSid":"a","customParameters":[1]}}', "customParameters must be"),
        ('{"event":"start","start":{"callSid":"a","mediaFormat":{"channels":2}}}', "a track of its own"),
        ('{"event":"start","start":{"callSid":"a","mediaFormat":{"sampleRate":"fast"}}}', "sample_rate"),
        ('{"event":"media","media":[1]}', "media must be a JSON object"),
        ('{"event":"media","media":null}', "media must be a JSON object"),
    ],
)
def test_frames_that_cannot_be_read_are_named(frame, words):
    assert words in refused(Twilio, frame).message


def test_a_start_that_is_too_long_is_refused():
    assert refused(Twilio, twilio_start(note="x" * 70_000)).code == "too_big"


def test_binary_frames_are_sent_to_where_they_are_heard():
    assert "/v1/l16" in refused(Twilio, b"\0\0").message


def test_a_one_way_stream_is_told_nothing():
    dialect = Twilio(hello())
    assert (dialect.unannounced(), *dialect.parting(), *dialect.no(Refused("internal", "x"))) == (None,)


def test_signalwire_is_twilio():
    assert opened(twilio_start("CA7"), SignalWire) == opened(twilio_start("CA7"))


def test_telnyx_names_its_call_otherwise_and_does_not_say_which_tracks_come():
    media = {
        "event": "media",
        "sequence_number": "4",
        "media": {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": b64(b"\x01\x02")},
        "stream_id": "32DE0DEA",
    }
    call, audio = told(Telnyx(hello()), TELNYX_START, media)
    assert (call.start.call_id, call.start.encoding) == ("v2:T02llQxIyaRk", "mulaw")
    assert (call.start.language, call.start.stage) == ("en", "facts")
    assert call.start.channels == ("agent", "customer")
    assert audio == Audio(b"\x01\x02", 1, 0.005, 4)


def test_telnyx_shows_its_token_in_a_header_and_in_connected():
    name = "x-telnyx-streaming-auth-token"
    assert opened(TELNYX_START, Telnyx, headers={name: TOKEN}).token == TOKEN
    for greeting in ({name: TOKEN}, {"connected": {name: TOKEN}}):
        heard = told(Telnyx(hello()), {"event": "connected", "version": "1.0.0", **greeting}, TELNYX_START)
        assert heard[0].token == TOKEN
    assert opened(TELNYX_START, Telnyx).token is None
    assert "must be text" in refused(Telnyx, {"event": "connected", name: ["T"]}).message


def telnyx_of(encoding, rate=8000):
    form = {"encoding": encoding, "sample_rate": rate, "channels": 1}
    return TELNYX_START | {"start": TELNYX_START["start"] | {"media_format": form}}


def test_g722_is_decoded_track_by_track():
    g722 = pytest.importorskip("G722").G722
    t = np.arange(3200) / 16_000
    tones = {"inbound": 440, "outbound": 700}
    frames, sent = [], {}
    for track, hertz in tones.items():
        sent[track] = (8000 * np.sin(2 * np.pi * hertz * t)).astype(np.int16)
        coded = g722(16_000, 64_000).encode(sent[track].tolist())
        frames += [
            {
                "event": "media",
                "media": {"track": track, "timestamp": at // 8, "payload": b64(coded[at : at + 160])},
            }
            for at in range(0, len(coded), 160)
        ]
    frames.sort(key=lambda frame: frame["media"]["timestamp"])
    call, *packets = told(Telnyx(hello()), telnyx_of("G722"), *frames)
    assert (call.start.encoding, call.start.sample_rate) == ("pcm_s16le", 16_000)
    for index, track in enumerate(("outbound", "inbound")):
        heard = np.frombuffer(b"".join(each.data for each in packets if each.track == index), "<i2")
        delay = (
            np.argmax(np.correlate(heard[:1600].astype(float), sent[track][:1600].astype(float), "full"))
            - 1599
        )
        both = np.corrcoef(heard[400:2800], np.roll(sent[track], delay)[400:2800])[0, 1]
        assert both > 0.99


def test_g722_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "G722", None)
    verdict = refused(Telnyx, telnyx_of("G722"))
    assert verdict.code == "bad_audio"
    assert "[g722]" in verdict.message
    assert "PCMU" in verdict.message


@pytest.mark.parametrize("encoding", ["OPUS", "AMR-WB", "audio/ogg", "x" * 500])
def test_codecs_that_are_not_understood_are_refused_with_the_remedy(encoding):
    verdict = refused(Telnyx, telnyx_of(encoding))
    assert verdict.code == "bad_audio"
    assert 'set "stream_codec": "PCMU"' in verdict.message


@pytest.mark.parametrize(
    ("name", "rate", "expected"),
    [
        ("PCMU", 8000, ("mulaw", 8000)),
        ("PCMA", "8000", ("alaw", 8000)),
        ("audio/x-mulaw", None, ("mulaw", 8000)),
        ("audio/x-l16;rate=16000", None, ("pcm_s16le", 16_000)),
        ("audio/x-L16; rate=24000", None, ("pcm_s16le", 24_000)),
        ("L16", 16_000, ("pcm_s16le", 16_000)),
        ("raw/slin", "8000", ("pcm_s16le", 8000)),
    ],
)
def test_the_names_of_codecs(name, rate, expected):
    assert codecs.codec(name, rate, "")[:2] == expected


def test_exotel_has_one_nameless_track_of_pcm_that_is_mixed_unless_told():
    media = {
        "event": "media",
        "sequence_number": "3",
        "stream_sid": "MZx",
        "media": {"chunk": "2", "timestamp": "200", "payload": b64(b"\x01\x00" * 800)},
    }
    call, audio = told(Exotel(hello()), {"event": "connected"}, EXOTEL_START, media)
    assert (call.start.call_id, call.start.encoding, call.start.language) == ("CAx", "pcm_s16le", "hi")
    assert call.start.channels == ("mixed",)
    assert audio == Audio(b"\x01\x00" * 800, 0, 0.2, None)
    assert opened(EXOTEL_START, Exotel, query={"party": "customer"}).start.channels == ("customer",)


def test_plivo_has_numbers_real_time_and_one_line_of_headers():
    media = {
        "event": "media",
        "sequenceNumber": 42,
        "streamId": "87654321-4321",
        "media": {"track": "outbound", "timestamp": "1705312200020", "chunk": 41, "payload": b64(b"\1\0")},
    }
    call, audio = told(Plivo(hello()), PLIVO_START, media)
    assert (call.start.call_id, call.start.encoding, call.start.sample_rate) == (
        "12345678-1234",
        "pcm_s16le",
        16_000,
    )
    assert (call.start.stage, call.start.context) == ("notice", {"agentId": "a7"})
    assert call.start.channels == ("agent", "customer")
    assert audio == Audio(b"\1\0", 0, 1705312200.02, 42)


@pytest.mark.parametrize(
    "headers", ["{stage=facts}", "stage=facts,x", {"stage": "facts"}, "X-PH-stage=facts"]
)
def test_plivos_extra_headers_in_every_form(headers):
    assert opened(PLIVO_START | {"extra_headers": headers}, Plivo).start.stage == "facts"


def test_plivo_without_extra_headers_may_have_parameters():
    start = {key: value for key, value in PLIVO_START.items() if key != "extra_headers"}
    assert opened(start, Plivo).start.stage == "general"
    assert "must be text" in refused(Plivo, PLIVO_START | {"extra_headers": [1]}).message


@pytest.mark.parametrize("start", [TELNYX_START, EXOTEL_START, PLIVO_START])
def test_the_relatives_are_understood_on_twilios_path_too(start):
    assert opened(start).start.call_id in ("v2:T02llQxIyaRk", "CAx", "12345678-1234")


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_the_coder_of_these_tests_is_g711(law):
    samples = np.array([0, 5, -5, 1000, -1000, 30_000, -30_000])
    heard = decode(law, g711(samples, law), 1)[0].astype(int)
    assert np.all(np.abs(heard - samples) <= np.maximum(8, np.abs(samples) // 16))
    assert base64.b64decode(b64(b"\x00\xff")) == b"\x00\xff"
