"""L16 over WebSocket: what FreeSWITCH, jambonz and Vonage send first, between and last."""

import json

import pytest
from phones import hello, told

from sentiment_engine.live.dialects.l16 import L16
from sentiment_engine.live.dialects.shape import Audio, Ended, Silence
from sentiment_engine.live.messages import Refused, StageChange, Transcript

# First text frames as real clients sent them: mod_audio_fork, mod_audio_stream, jambonz's AudioPipe.
FORK = '{"callSid":"36241c7b","sampleRate":16000,"mixType":"stereo","agent":"a1"}'
PIPE = '{"callId":"c1","sampling":"16k","mixType":"stereo"}'
DTMF = '{"event":"dtmf","digit":"1"}'
# As documented: jambonz "listen" with metadata, Vonage with headers.
JAMBONZ = json.dumps(
    {
        "sampleRate": 8000,
        "mixType": "mixed",
        "callSid": "own",
        "callId": "of SIP",
        "direction": "inbound",
        "from": "+44",
        "metadata": {"stage": "facts", "language": "en", "attemptsToday": 2},
    }
)
VONAGE = (
    '{"event":"websocket:connected","content-type":"audio/l16;rate=16000","call_id":"v-1","language":"en"}'
)
TOKEN = "setk_abc"  # noqa: S105 - no real one


def opened(text, query=None, **headers):
    return told(L16(hello(query, headers or None)), text)[0]


def refused(*frames, query=None):
    with pytest.raises(Refused) as caught:
        told(L16(hello(query)), *frames)
    return caught.value


def test_a_fork_opens_a_call_of_two_interleaved_parties_by_arrival():
    call = opened(FORK)
    assert (call.start.call_id, call.start.encoding, call.start.sample_rate) == (
        "36241c7b",
        "pcm_s16le",
        16_000,
    )
    assert call.start.channels == ("customer", "agent")
    assert call.tracks == (("customer", "agent"),)
    assert call.clock == "arrival"
    assert not call.wants_alerts
    assert call.start.context["agent"] == "a1"


def test_other_names_for_the_same():
    call = opened(PIPE)
    assert (call.start.call_id, call.start.sample_rate, len(call.start.channels)) == ("c1", 16_000, 2)


def test_a_call_may_be_named_by_a_number_but_not_by_a_list():
    assert opened('{"uuid":4711,"sampleRate":8000,"mixType":"mono"}').start.call_id == "4711"
    assert "callsid must be text" in refused('{"callSid":["x"],"sampleRate":8000,"mixType":"mono"}').message


def test_jambonz_has_its_own_id_and_what_the_integrator_told_lies_within():
    call = opened(JAMBONZ)
    assert (call.start.call_id, call.start.sample_rate, call.start.channels) == ("own", 8000, ("mixed",))
    assert (call.start.stage, call.start.language) == ("facts", "en")
    assert call.start.context["attempts_today"] == 2


def test_vonage_is_one_channel_and_says_the_rate_as_a_content_type():
    call = opened(VONAGE)
    assert (call.start.call_id, call.start.sample_rate, call.start.channels) == ("v-1", 16_000, ("mixed",))
    assert call.start.language == "en"
    assert (
        opened('{"event":"websocket:connected","content-type":"audio/L16; rate=8000"}').start.sample_rate
        == 8000
    )
    assert opened('{"event":"websocket:connected","content-type":"audio/l16"}').start.sample_rate == 16_000


@pytest.mark.parametrize("kind", ['"audio/opus"', "7", "null", '"audio/l16;rate=16000;x"'])
def test_vonage_with_another_content_type_is_refused(kind):
    verdict = refused(f'{{"event":"websocket:connected","content-type":{kind}}}')
    assert verdict.code == "bad_audio"
    assert "audio/l16;rate=16000" in verdict.message


@pytest.mark.parametrize(
    ("metadata", "query", "channels"),
    [
        ({"mixType": "stereo"}, {}, ("customer", "agent")),
        ({"mixType": "stereo"}, {"agent_channel": "0"}, ("agent", "customer")),
        ({"mixType": "stereo", "agentChannel": 1}, {"agent_channel": "0"}, ("customer", "agent")),
        ({"mixType": "mono"}, {}, ("mixed",)),
        ({"mixType": "Mixed"}, {}, ("mixed",)),
        ({"mixType": "mono", "party": "customer"}, {}, ("customer",)),
        ({}, {"channels": "2"}, ("customer", "agent")),
        ({}, {"channels": "1", "party": "agent"}, ("agent",)),
        ({"mix-type": "stereo", "direction": "outbound"}, {}, ("customer", "agent")),
    ],
)
def test_who_speaks_on_which_channel(metadata, query, channels):
    call = opened(json.dumps({"sampleRate": 8000, **metadata}), query)
    assert call.start.channels == channels
    assert call.tracks == (channels,)


@pytest.mark.parametrize("rate", ["16000", '"16000"', '"16k"', '" 16K "', "16000.0"])
def test_rates_in_every_spelling(rate):
    assert opened(f'{{"sampling-rate":{rate},"mixType":"mono"}}').start.sample_rate == 16_000


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ('{"mixType":"stereo"}', "nobody says the sample rate"),
        ('{"sampleRate":8000}', "nobody says how many channels come"),
        ('{"sampleRate":8000,"mixType":"quad"}', "one of mono, mixed, stereo, 1, 2"),
        ('{"sampleRate":8000,"mixType":["stereo"]}', "mixType must be text"),
        ('{"sampleRate":"fast","mixType":"mono"}', "sampleRate must be a number"),
        ('{"sampleRate":"k","mixType":"mono"}', "sampleRate must be a number"),
        ('{"sampleRate":1e999,"mixType":"mono"}', "nobody says"),
        ('{"sampleRate":8000.5,"mixType":"mono"}', "sampleRate is 8000.5"),
        ('{"sampleRate":8000,"mixType":"stereo","agentChannel":2}', "agent_channel is '2'"),
        ('{"sampleRate":8000,"mixType":"stereo","party":"agent"}', "say agent_channel"),
        ('{"sampleRate":8000,"mixType":"mono","stage":"x"}', "stage is 'x'"),
        ('{"sampleRate":8000,"mixType":"mono","send":["tension"]}', "only alerts is sent here"),
        ('{"sampleRate":8000,"mixType":"mono","send":[1.5]}', "send must be text"),
        ("hello", "nobody says how many channels come"),
        ("[1,2]", "nobody says how many channels come"),
        ("\u65e5\u672c", "nobody says how many channels come"),
        ("", "nobody says how many channels come"),
    ],
)
def test_what_metadata_leave_out_or_get_wrong_is_named(metadata, words):
    verdict = refused(metadata)
    assert verdict.code == "bad_message"
    assert words in verdict.message


def test_metadata_that_are_no_json_are_a_note_and_the_address_says_the_rest():
    query = {"call_id": "q-1", "sample_rate": "8000", "channels": "2", "language": "en", "stage": "notice"}
    call = opened("agent Smith, \u65e5\u672c", query)
    assert (call.start.call_id, call.start.sample_rate, call.start.stage) == ("q-1", 8000, "notice")
    assert call.start.context == {"note": "agent Smith, \u65e5\u672c"}
    assert len(opened("x" * 60_000, query).start.context["note"]) == 1000
    assert opened(" ", query).start.context == {}


def test_a_call_id_in_the_address_counts_before_the_platforms_and_metadata_before_all_else():
    query = {"call_id": "q-1", "sample_rate": "8000", "channels": "1"}
    call = opened(FORK, query)
    assert (call.start.call_id, call.start.sample_rate, len(call.start.channels)) == ("q-1", 16_000, 2)


def test_a_call_that_nothing_names_is_named_by_its_handshake():
    call = opened('{"sampleRate":8000,"mixType":"mono"}', **{"sec-websocket-key": "3zRJOi+/kqyvbTR6XKTlCQ=="})
    assert call.start.call_id == "l16-3zRJOi-_kqyvbTR6XKTlCQ"
    with pytest.raises(Refused, match="nobody names the call"):
        opened('{"sampleRate":8000,"mixType":"mono"}', host="x")


def test_a_token_is_taken_from_metadata_alone_and_kept_out_of_the_context():
    text = json.dumps({"sampleRate": 8000, "mixType": "mono", "metadata": {"token": TOKEN}})
    call = opened(text, {"token": "setk_other"})
    assert call.token == TOKEN
    assert "setk" not in repr(call.start)
    assert opened(FORK, {"token": TOKEN}).token is None


@pytest.mark.parametrize(
    ("metadata", "query", "wants"),
    [
        ({"send": ["alerts"]}, {}, True),
        ({"send": "alerts"}, {}, True),
        ({}, {"send": "alerts"}, True),
        ({"send": []}, {}, False),
        ({"send": ""}, {}, False),
        ({}, {}, False),
    ],
)
def test_alerts_are_sent_back_to_those_who_ask(metadata, query, wants):
    assert (
        opened(json.dumps({"sampleRate": 8000, "mixType": "mono", **metadata}), query).wants_alerts is wants
    )


def test_audio_is_audio_of_any_size_and_an_empty_frame_is_the_end():
    assert told(L16(hello()), b"\1\2\3") == [Audio(b"\1\2\3")]
    assert told(L16(hello()), FORK, bytes(1280), b"")[1:] == [Audio(bytes(1280)), Ended()]


def test_without_metadata_the_address_says_what_comes():
    dialect = L16(hello({"call_id": "q-1", "sample_rate": "16k", "channels": "2"}))
    call = dialect.unannounced()
    assert (call.start.call_id, call.start.sample_rate, call.tracks) == (
        "q-1",
        16_000,
        (("customer", "agent"),),
    )
    assert told(dialect, FORK) == []  # too late
    with pytest.raises(Refused, match="nobody says"):
        L16(hello({"call_id": "q-1"})).unannounced()


@pytest.mark.parametrize("event", [DTMF, '{"event":"websocket:dtmf","digit":"5"}', '{"event":7}'])
def test_events_that_come_before_metadata_are_not_metadata(event):
    dialect = L16(hello())
    assert told(dialect, event) == []
    assert told(dialect, FORK)[0].start.call_id == "36241c7b"


def test_metadata_that_call_themselves_an_event_are_metadata():
    assert (
        opened('{"event":"start","callSid":"e-1","sampleRate":8000,"mixType":"mono"}').start.call_id == "e-1"
    )


OURS_BUT_NO_USE_HERE = '{"type":"start","call_id":"x","encoding":"mulaw","sample_rate":8000}'
NEARLY_OURS = '{"type":"stage","stage":"x"}', '{"type":"transcript","party":"agent"}', '{"type":7}'


@pytest.mark.parametrize(
    "text", [DTMF, FORK, VONAGE, "note", "", "[]", "{}", "x" * 70_000, OURS_BUT_NO_USE_HERE, *NEARLY_OURS]
)
def test_text_that_is_not_ours_is_ignored(text):
    assert told(L16(hello()), FORK, text)[1:] == []


def test_our_own_messages_are_taken():
    said = '{"type":"transcript","party":"agent","text":"Good morning","start_s":1,"end_s":2}'
    texts = said, '{"type":"stage","stage":"notice"}', '{"type":"gap","seconds":2}', '{"type":"stop"}'
    assert told(L16(hello()), FORK, *texts)[1:] == [
        Transcript(party="agent", text="Good morning", start_s=1.0, end_s=2.0),
        StageChange(stage="notice"),
        Silence(2.0, "lost"),
        Ended(),
    ]


def test_metadata_that_are_too_long_are_refused():
    assert refused('{"x":"' + "y" * 70_000 + '"}').code == "too_big"


def test_a_refusal_is_told_to_the_dialplan():
    verdict = refused("{}")
    assert json.loads(L16(hello()).no(verdict)[0])["code"] == "bad_message"
    assert tuple(L16(hello()).parting()) == ()
