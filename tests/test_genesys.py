"""The Genesys dialect alone: what it makes of each message, and of what nobody should send."""

import json
import uuid

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sentiment_engine.live.dialects.genesys import Genesys
from sentiment_engine.live.dialects.genesys_open import LONGEST_S, NULL_UUID, chosen, seconds_of
from sentiment_engine.live.dialects.shape import (
    Alive,
    Answer,
    Audio,
    ClientCloses,
    Ended,
    Hello,
    LanguageChange,
    Opened,
    Silence,
)
from sentiment_engine.live.messages import CLOSE_CODES, Refused

ID = "e160e428-53e2-487c-977d-96989bf5c99d"
CONVERSATION = "090eaa2f-72fa-480a-83e0-8667ff89c0ec"
# As the vendor's documentation shows it, with both formats.
OPEN = {
    "organizationId": "d7934305-0972-4844-938e-9060eef73d05",
    "conversationId": CONVERSATION,
    "participant": {
        "id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0",
        "ani": "+1-555-555-1234",
        "aniName": "John Doe",
        "dnis": "+1-800-555-6789",
    },
    "media": [
        {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000},
        {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000},
        {"type": "audio", "format": "PCMU", "channels": ["internal"], "rate": 8000},
    ],
    "language": "en-US",
}
KEEP = object()


class Client:
    """Numbers messages as the vendor does."""

    def __init__(self, **headers):
        self.dialect, self.seq = Genesys(Hello({}, headers)), 0

    def say(self, kind, parameters=None, **envelope):
        self.seq += 1
        message = {
            "version": "2",
            "type": kind,
            "id": ID,
            "seq": self.seq,
            "serverseq": 0,
            "position": "PT0S",
            "parameters": {} if parameters is None else parameters,
            **envelope,
        }
        return self.dialect.text(
            json.dumps({name: value for name, value in message.items() if value is not KEEP})
        )

    def open(self, **changes):
        (opened,) = self.say("open", {**OPEN, **changes})
        opened.welcome()
        return opened


def answers(heard):
    return [json.loads(item.text)["type"] for item in heard if isinstance(item, Answer)]


def test_an_open_becomes_a_call_of_customer_and_agent():
    opened = Client(**{"x-api-key": "key-1"}).open(
        customConfig={"stage": "facts", "risk_class": "A", "queue": "billing"}
    )
    assert isinstance(opened, Opened)
    assert (opened.start.call_id, opened.start.encoding, opened.start.sample_rate) == (
        CONVERSATION,
        "mulaw",
        8000,
    )
    assert opened.start.channels == ("customer", "agent")
    assert opened.tracks == (("customer", "agent"),)
    assert (opened.start.language, opened.start.stage) == ("en-US", "facts")
    assert opened.start.context == {"risk_class": "A", "queue": "billing"}
    assert (opened.token, opened.clock, opened.probe, opened.wants_alerts) == ("key-1", "flow", False, False)


def test_names_may_be_spelt_as_json_likes_them():
    custom = {
        "riskClass": "B",
        "Agent-Channel": "external",
        "attemptsToday": 2,
        "queueName": "x",
        "STAGE": "facts",
    }
    start = Client().open(customConfig=custom).start
    assert (start.stage, start.channels) == ("facts", ("agent", "customer"))
    assert start.context == {"risk_class": "B", "attempts_today": 2, "queueName": "x"}


def test_nobodys_number_or_name_and_no_token_is_kept():
    opened = Client().open(customConfig={"token": "t-1", "call_id": "x"})
    assert (opened.token, opened.start.call_id) == ("t-1", "x")
    for private in ("555", "Doe", "t-1"):
        assert private not in repr(opened.start)


def test_without_a_language_the_default_holds():
    (opened,) = Client().say("open", {name: value for name, value in OPEN.items() if name != "language"})
    assert opened.start.language == "zh-CN"


def entry(form, *channels, **changes):
    return {"type": "audio", "format": form, "channels": list(channels), "rate": 8000, **changes}


@pytest.mark.parametrize(
    ("offered", "index"),
    [
        ([entry("PCMU", "external"), entry("PCMU", "internal", "external")], 1),
        ([entry("L16", "external", "internal"), entry("PCMU", "external", "internal")], 1),
        ([entry("PCMU", "external"), entry("L16", "external", "internal")], 1),
        ([entry("PCMU", "internal", "external"), entry("PCMU", "external", "internal")], 0),
        ([entry("OPUS", "external", "internal"), 7, None, entry("PCMU", "internal")], 3),
        ([entry("PCMU", "external", "external"), entry("L16", "external")], 1),
        ([entry("PCMU"), entry("PCMU", "external", rate=16000), {}, entry("PCMU", "both")], None),
    ],
)
def test_both_parties_come_before_format_and_format_before_order(offered, index):
    medium = chosen(offered)
    assert (None if medium is None else {**offered[index]}) == (
        None if medium is None else entry(medium.format, *medium.channels, type=medium.type, rate=medium.rate)
    )
    assert (medium is None) == (index is None)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("PT0S", 0.0),
        ("PT12S", 12.0),
        ("PT0.5S", 0.5),
        ("PT.25S", 0.25),
        ("PT7.S", 7.0),
        ("PT1.000125S", 1.000125),
    ],
)
def test_durations_are_seconds(duration, seconds):
    assert seconds_of(duration, "x") == seconds


@pytest.mark.parametrize(
    "duration",
    ["", "PTS", "PT.S", "PT1M", "PT-1S", "PT1e3S", "PTNaNS", "1", 1, 1.5, None, "PT\u0661S", "PT1S\n", []],
)
def test_other_durations_are_refused(duration):
    with pytest.raises(Refused, match=r"write seconds such as PT1\.5S"):
        seconds_of(duration, "discarded")


@pytest.mark.parametrize("duration", [f"PT{LONGEST_S + 1:g}S", "PT" + "9" * 400 + "S"])
def test_more_time_than_any_call_lasts_does_not_pass(duration):
    client = Client()
    client.open()
    with pytest.raises(Refused, match="at most PT14400S"):
        client.say("resumed", {"start": "PT0S", "discarded": duration})


def test_time_that_passes_is_paused_or_lost():
    client = Client()
    client.open()
    assert client.say("paused") == [Alive()]
    assert client.say("resumed", {"start": "PT1S", "discarded": "PT2.5S"}) == [Silence(2.5, "paused")]
    assert client.say("discarded", {"start": "PT9S", "discarded": "PT0.125S"}) == [Silence(0.125, "lost")]
    assert client.say("discarded", {"start": "PT9S", "discarded": "PT0S"}) == []


def test_a_pause_passes_while_it_lasts_and_once_only():
    client = Client()
    client.open()
    client.say("paused", position="PT10S")
    client.say("paused", position="PT10.5S")
    assert client.say("ping", position="PT69S")[1:] == [Alive()]
    assert client.say("ping", position="PT75S")[1:] == [Alive(), Silence(65.0, "paused")]
    assert client.say("ping", position="PT140S")[1:] == [Alive(), Silence(65.0, "paused")]
    resumed = {"start": "PT10S", "discarded": "PT140.5S"}
    assert client.say("resumed", resumed, position="PT150.5S") == [Silence(10.5, "paused")]
    client.say("paused", position="PT160S")
    assert client.say("ping", position="PT99999S")[1:] == [Alive(), Silence(600.0, "paused")]
    assert client.say("resumed", {"start": "PT160S", "discarded": "PT1S"}) == []


def test_a_pause_that_the_call_ends_in_passes_too():
    client = Client()
    client.open()
    client.say("paused", position="PT10S")
    assert client.say("close", {"reason": "end"}, position="PT12.5S")[1:] == [Silence(2.5, "paused"), Ended()]
    client = Client()
    client.open()
    client.say("paused", position="PT10S")
    assert client.say("close", {"reason": "end"}, position="PT1S")[1:] == [Ended()]


def test_a_ping_keeps_a_call_alive_only_while_it_is_paused():
    client = Client()
    client.open()
    assert [type(item) for item in client.say("ping")] == [Answer]
    client.say("paused")
    assert [type(item) for item in client.say("ping", {"rtt": "PT0.01S"})] == [Answer, Alive]
    client.say("resumed", {"start": "PT0S", "discarded": "PT1S"})
    assert [type(item) for item in client.say("ping")] == [Answer]


def test_a_language_is_changed_unless_the_integrator_has_named_one():
    client = Client()
    client.open()
    assert client.say("update", {"language": "fr-CA"})[1:] == [LanguageChange("fr-CA")]
    client = Client()
    client.open(customConfig={"language": "en"})
    assert answers(client.say("update", {"language": "fr-CA"})) == ["updated"]
    assert client.say("update", {"language": "fr-CA"})[1:] == []
    with pytest.raises(Refused, match="write a tag"):
        client.say("update", {})


def test_languages_of_transcripts_are_none():
    (opened,) = Client().say("open", {**OPEN, "supportedLanguages": True})
    assert json.loads(opened.welcome())["parameters"]["supportedLanguages"] == []


@pytest.mark.parametrize("reason", ["end", "error", "disconnect"])
def test_a_close_ends_the_call_and_one_for_a_reconnection_does_not(reason):
    client = Client()
    client.open()
    assert client.say("close", {"reason": reason})[1:] == [Ended()]
    client = Client()
    client.open()
    assert client.say("close", {"reason": "reconnect"})[1:] == [Ended(returns=True)]
    assert client.say("ping") == []
    assert client.dialect.binary(b"\xff\xff") == []
    assert client.dialect.parting() == ()


def test_before_open_pings_and_closes_are_answered_and_the_rest_waits():
    client = Client()
    assert answers(client.say("ping")) == ["pong"]
    assert client.say("update", {"language": "en-US"}) == []
    assert client.say("discarded", {"start": "PT0S", "discarded": "PT5S"}) == []
    assert client.say("error", {"code": 500, "message": "x"}) == []
    assert answers(client.say("close", {"reason": "end"})) == ["closed"]


def test_audio_is_taken_in_whole_frames_after_open_only():
    client = Client()
    with pytest.raises(Refused, match="audio came before opened") as refused:
        client.dialect.binary(b"\xff\xff")
    assert refused.value.code == "audio_before_start"
    client = Client()
    client.open(media=[entry("L16", "external", "internal")])
    assert client.dialect.binary(b"\0\1\2\3") == [Audio(b"\0\1\2\3")]
    with pytest.raises(Refused, match="whole frames of 4 bytes, L16 of external and internal"):
        client.dialect.binary(b"\0\1")


def test_a_probe_is_no_call_and_its_audio_is_not_kept():
    client = Client()
    opened = client.open(conversationId=NULL_UUID, participant={"id": NULL_UUID}, media=[])
    assert opened.probe
    assert client.dialect.binary(b"\xff" * 3) == []
    assert client.say("update", {"language": "en-US"})[1:] == []


@pytest.mark.parametrize(
    ("envelope", "match"),
    [
        ({"version": "1"}, "version 2 is spoken here"),
        ({"version": 2}, "not AudioHook's"),
        ({"id": "x"}, "must be a UUID"),
        ({"id": str(uuid.UUID(int=7))}, "this is session"),
        ({"seq": 1}, "it must be 2"),
        ({"seq": 3}, "it must be 2"),
        ({"seq": -1}, "not AudioHook's"),
        ({"seq": 2.5}, "not AudioHook's"),
        ({"seq": 10**400}, "not AudioHook's"),
        ({"serverseq": 9}, "1 messages were sent"),
        ({"position": "now"}, "position is 'now'"),
        ({"parameters": []}, "not AudioHook's"),
        ({"parameters": KEEP}, "not AudioHook's"),
        ({"type": None}, "not AudioHook's"),
    ],
)
def test_an_envelope_that_is_wrong_is_refused(envelope, match):
    client = Client()
    client.open()
    with pytest.raises(Refused, match=match) as refused:
        client.say("ping", **envelope)
    assert refused.value.code == "bad_message"
    (told,) = client.dialect.no(refused.value)
    assert json.loads(told)["id"] == ID
    assert json.loads(told)["seq"] == 2
    assert client.dialect.no(refused.value) == ()
    assert answers(client.say("close", {"reason": "error"})) == ["closed"]


def test_the_session_is_the_one_of_the_handshake():
    client = Client(**{"audiohook-session-id": CONVERSATION})
    with pytest.raises(Refused, match=f"id is {ID}: this is session {CONVERSATION}"):
        client.say("ping")


def test_a_second_open_is_refused():
    client = Client()
    client.open()
    with pytest.raises(Refused, match="close it before another open"):
        client.say("open", OPEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"media": None},
        {"media": "PCMU"},
        {"organizationId": 7},
        {"conversationId": "c"},
        {"participant": None},
        {"participant": {"id": ""}},
        {"customConfig": []},
        {"customConfig": {"stage": ["facts"]}},
        {"customConfig": {"call_id": 5}},
        {"customConfig": {"one_call_per": "organization"}},
        {"language": 5},
        {"language": "x" * 40},
        {"supportedLanguages": "yes"},
    ],
)
def test_an_open_that_cannot_be_read_is_refused_as_one(changes):
    with pytest.raises(Refused):
        Client().open(**changes)


@pytest.mark.parametrize("code", sorted(CLOSE_CODES))
def test_every_refusal_has_a_reason_that_genesys_knows(code):
    (told,) = Client().dialect.no(Refused(code, "x" * 100_000))
    parameters = json.loads(told)["parameters"]
    assert len(told) < 1000
    assert parameters["reason"] == {
        "unauthorized": "unauthorized",
        "forbidden": "unauthorized",
        "rate_limited": "unauthorized",
        "taken_over": "completed",
        "shutting_down": "completed",
        "server_closing": "completed",
    }.get(code, "error")


def test_the_client_closes():
    assert isinstance(Client().dialect, ClientCloses)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("PT1S"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = ["open", "close", "ping", "update", "paused", "resumed", "discarded", "error", "x"]
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just("2") | JSON,
        "id": st.just(ID) | JSON,
        "type": st.sampled_from(KINDS) | JSON,
        "seq": st.integers(0, 4) | JSON,
        "serverseq": st.just(0) | JSON,
        "position": st.just("PT0S") | JSON,
        "parameters": st.just(OPEN)
        | JSON
        | st.dictionaries(st.sampled_from([*OPEN, "start", "discarded", "customConfig"]), JSON, max_size=4),
    },
)
TEXTS = (
    FIELDS.map(
        lambda fields: json.dumps({"version": "2", "id": ID, "serverseq": 0, "position": "PT0S", **fields})
    )
    | st.text(max_size=20)
    | st.just("[" * 30_000)
    | st.just('{"a":' * 9_000)
    | st.just('"' + "x" * 70_000)
)


@given(st.lists(TEXTS | st.binary(max_size=5), max_size=6), st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_understood_or_refused(frames, is_open):
    client = Client()
    if is_open:
        client.open()
    seq = client.dialect._seq
    for frame in frames:
        try:
            heard = client.dialect.binary(frame) if isinstance(frame, bytes) else client.dialect.text(frame)
        except Refused as refused:
            heard = [Answer(text) for text in client.dialect.no(refused)]
        for item in heard:
            if isinstance(item, Answer):
                message = json.loads(item.text)
                assert (message["seq"], len(item.text) <= 65_535) == (seq + 1, True)
                seq += 1


@given(st.dictionaries(st.sampled_from([*OPEN, "supportedLanguages", "customConfig"]), JSON))
@settings(max_examples=150, deadline=None)
def test_an_open_with_anything_in_it_is_understood_or_refused(changes):
    try:
        opened = Client().open(**changes)
    except Refused:
        return
    assert opened.start.channels
    assert isinstance(opened.start.context, dict)
