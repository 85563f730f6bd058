"""Twilio's signature of a handshake: its own library's answers, and what must not pass."""

import base64
import hashlib
import hmac
import json

import pytest
from doors import answer, bearer, locked
from hypothesis import given
from hypothesis import strategies as st
from live_server import in_loop, is_fed, live_settings, serving
from phone_calls import closed, phone
from phones import twilio_start

from sentiment_engine import BadSettings
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.twilio_signature import stream_address, valid
from sentiment_engine.settings import Settings
from sentiment_engine.settings_door import DoorSettings

TOKEN = "12345"  # noqa: S105 - of Twilio's examples
URL = "wss://calls.example.com/v1/twilio"


def signed(url, token=TOKEN):
    return base64.b64encode(hmac.new(token.encode(), url.encode(), hashlib.sha1).digest()).decode()


def test_a_fixed_vector():
    # printf wss://calls.example.com/v1/twilio | openssl dgst -sha1 -hmac 12345 -binary | base64
    assert valid(URL, "/Zb0hvcIieFXoJUFrasSa7J0dM0=", TOKEN)


@pytest.mark.parametrize("url", [URL, "wss://calls.example.com:8443/v1/twilio", "wss://10.0.0.7/a/b?x=1"])
def test_twilios_own_library_signs_the_same(url):
    validator = pytest.importorskip("twilio.request_validator").RequestValidator(TOKEN)
    assert valid(url, validator.compute_signature(url, {}), TOKEN)
    assert not valid(url, validator.compute_signature(url + "x", {}), TOKEN)


@pytest.mark.parametrize(
    "address",
    [
        "wss://calls.example.com/v1/twilio",
        "wss://calls.example.com/v1/twilio/",
        "wss://calls.example.com:443/v1/twilio",
        "wss://calls.example.com:443/v1/twilio/",
    ],
)
@pytest.mark.parametrize(
    "configured", ["wss://calls.example.com/v1/twilio", "wss://calls.example.com:443/v1/twilio/"]
)
def test_the_usual_port_and_a_slash_at_the_end_make_no_difference(address, configured):
    assert valid(configured, signed(address), TOKEN)


@pytest.mark.parametrize(
    "address",
    [
        "https://calls.example.com/v1/twilio",  # what a proxy sees
        "ws://calls.example.com/v1/twilio",
        "http://127.0.0.1:8700/v1/twilio",
        "wss://calls.example.com/v1/other",
        "wss://calls.example.com:8443/v1/twilio",
        "wss://evil.example.com/v1/twilio",
        "wss://calls.example.com/v1/twilio?x=1",
        "",
    ],
)
def test_a_signature_of_another_address_does_not_pass(address):
    assert not valid(URL, signed(address), TOKEN)


def test_a_port_of_its_own_is_part_of_the_address():
    url = "wss://calls.example.com:8443/v1/twilio"
    assert valid(url, signed(url), TOKEN)
    assert not valid(url, signed(URL), TOKEN)


def test_another_accounts_signature_does_not_pass():
    assert not valid(URL, signed(URL, "54321"), TOKEN)


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_no_other_text_passes_and_none_is_an_error(signature):
    assert not valid(URL, signature, TOKEN)


def test_an_empty_token_or_address_is_an_error_and_no_pass():
    with pytest.raises(ValueError, match="anybody could sign"):
        valid(URL, signed(URL, ""), "")
    for url in ("https://calls.example.com/v1/twilio", "/v1/twilio", "", "wss:///v1/twilio"):
        with pytest.raises(ValueError, match="no address of a WebSocket"):
            valid(url, "", TOKEN)


@pytest.mark.parametrize(
    ("public", "expected"),
    [
        ("https://calls.example.com", URL),
        ("https://calls.example.com/", URL),
        ("HTTPS://calls.example.com", URL),
        ("https://example.com/engine/", "wss://example.com/engine/v1/twilio"),
        ("http://127.0.0.1:8700", "ws://127.0.0.1:8700/v1/twilio"),
        ("wss://calls.example.com", URL),
    ],
)
def test_the_address_that_twilio_was_given(public, expected):
    assert stream_address(public, "/v1/twilio") == expected


# -- at the door

VARIABLE = "TWILIO_AUTH_TOKEN"
DOOR = {"public_url": "https://calls.example.com", "twilio_auth_token_env": VARIABLE}


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setenv(VARIABLE, TOKEN)


def header(url=URL):
    return {"X-Twilio-Signature": signed(url)}


@in_loop
async def test_what_twilio_has_signed_opens_calls_without_a_token(account):
    async with serving(locked(**DOOR)) as server:
        async with phone(server, additional_headers=header()) as socket:
            await socket.send(json.dumps(twilio_start("CA1")))
            await socket.send('{"event":"stop"}')
            assert (await closed(socket))[1] == 1000
        assert server.metrics.calls_ended.labels("stop")._value.get() == 1


@in_loop
async def test_a_wrong_signature_is_refused_before_the_handshake_and_says_what_was_expected(account):
    async with serving(locked(**DOOR)) as server:
        status, error = await answer(server, "/v1/twilio", header("https://calls.example.com/v1/twilio"))
    assert (status, error["code"]) == (401, "unauthorized")
    assert URL in error["message"]
    assert TOKEN not in error["message"]


@in_loop
async def test_without_a_signature_a_token_is_needed(account):
    async with serving(locked(**DOOR)) as server:
        assert (await answer(server, "/v1/twilio", bearer("ingest")))[0] == 101
        async with phone(server) as socket:
            await socket.send(json.dumps(twilio_start("CA1")))
            assert (await closed(socket))[1] == 1008
        assert not is_fed(server, "CA1")


@in_loop
async def test_without_tokens_at_all_twilio_must_have_signed_and_other_paths_are_open(account):
    settings = Settings(live=live_settings().live, door=DoorSettings(**DOOR))
    async with serving(settings) as server:
        assert (await answer(server, "/v1/twilio", {}))[0] == 401
        assert (await answer(server, "/v1/twilio", header()))[0] == 101
        assert (await answer(server, "/v1/telnyx", {}))[0] == 101


@in_loop
async def test_a_signature_opens_no_other_path(account):
    async with serving(locked(**DOOR)) as server:
        for path in ("/v1/stream", "/v1/feed"):
            assert (await answer(server, path, header()))[0] == 401


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_variable_that_is_not_set_keeps_the_server_from_starting(monkeypatch, value):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(BadSettings, match=r"variable TWILIO_AUTH_TOKEN, named by .*, is not set"):
        LiveServer(locked(**DOOR), None, port=0)
