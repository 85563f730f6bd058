"""Settings of the door: no secret in them, none in what is said about them."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings, Settings
from sentiment_engine.live.secrecy import new_token, sha256_of
from sentiment_engine.settings_door import MAX_TOKENS, DoorSettings, TokenSettings

HASH = sha256_of("one")


def token(**changes):
    return {"name": "pbx-1", "role": "ingest", "sha256": HASH, **changes}


def door(**fields):
    return Settings.from_mapping({"door": fields}).door


def test_a_token_is_read_with_its_limits_and_without_them():
    (plain,) = door(tokens=[token()]).tokens
    assert (plain.name, plain.role, plain.max_calls, plain.max_connections) == ("pbx-1", "ingest", None, None)
    (limited,) = door(tokens=[token(max_calls=2, max_connections=3)]).tokens
    assert (limited.max_calls, limited.max_connections) == (2, 3)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": ""}, "the name ''"),
        ({"name": "a b"}, "the name 'a b'"),
        ({"name": "-a"}, "the name '-a'"),
        ({"name": "a\n"}, "may hold letters"),
        ({"name": "x" * 65}, "at most 64"),
        ({"name": "坐席"}, "may hold letters"),
        ({"role": "king"}, r"\$.door.tokens\[0\].role"),
        ({"sha256": HASH.upper()}, "64 lower-case"),
        ({"sha256": HASH[:-1]}, "64 lower-case"),
        ({"sha256": HASH + "\n"}, "64 lower-case"),
        ({"sha256": 7}, "sha256"),
        ({"sha256": hashlib.sha256(b"").hexdigest()}, "empty token"),
        ({"token": "x"}, "unknown field `token`"),
        ({"max_calls": 0}, "max_calls is 0"),
        ({"max_connections": -1}, "max_connections is -1"),
    ],
)
def test_a_token_that_cannot_be_is_refused_by_name(fields, named):
    with pytest.raises(BadSettings, match=named):
        door(tokens=[token(**fields)])


def test_a_token_pasted_in_place_of_its_hash_is_not_repeated():
    secret = new_token()
    for fields in ({"sha256": secret}, {"token": secret}, {"role": secret, "name": "x"}):
        with pytest.raises(BadSettings) as refused:
            door(tokens=[token(**fields)])
        if "role" not in fields:  # the type checker names the value of a wrong role
            assert secret[5:20] not in str(refused.value)


def test_names_and_hashes_are_each_their_own():
    other = sha256_of("two")
    with pytest.raises(BadSettings, match="two have the name of pbx-1"):
        door(tokens=[token(), token(sha256=other)])
    with pytest.raises(BadSettings, match="two have the sha256 of pbx-2"):
        door(tokens=[token(), token(name="pbx-2")])
    many = [token(name=f"n{i}", sha256=sha256_of(str(i))) for i in range(MAX_TOKENS + 1)]
    assert len(door(tokens=many[:-1]).tokens) == MAX_TOKENS
    with pytest.raises(BadSettings, match=f"at most {MAX_TOKENS}"):
        door(tokens=many)


@pytest.mark.parametrize(
    "origin",
    ["https://crm.example.com", "http://localhost:3000", "https://[::1]:8443", "chrome-extension://abcdef"],
)
def test_an_origin_is_scheme_host_and_port(origin):
    assert door(origins=[origin]).origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "*",
        "null",
        "crm.example.com",
        "https://",
        "https://crm.example.com/",
        "https://crm.example.com/app",
        "https://*.example.com",
        "https://me@example.com",
        "https://example.com?x=1",
        "https://example.com:port",
        "https://example.com:65536",
        "https://exämple.com",
        "https://[::1",
        "//example.com",
    ],
)
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(BadSettings, match=r"door\.origins"):
        door(origins=[origin])


def test_the_public_address_is_one_that_vendors_can_sign():
    for url in ("https://calls.example.com", "https://calls.example.com:8443/voice", "http://10.0.0.1"):
        assert door(public_url=url).public_url == url
    for url in (
        "calls.example.com",
        "wss://x",
        "https://",
        "https://x?y=1",
        "https://u:p@x",
        "https://x#y",
        "https://x:65536",
        "https://x/a b",
        "https://[",
    ):
        with pytest.raises(BadSettings, match=r"door\.public_url"):
            door(public_url=url)


def test_proxies_are_addresses_or_networks():
    assert door(proxies=["10.0.0.0/8", "::1"]).proxies == ("10.0.0.0/8", "::1")
    for proxy in ("*", "proxy.local", "10.0.0.1/8", ""):
        with pytest.raises(BadSettings, match=r"door\.proxies"):
            door(proxies=[proxy])


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"max_connections": 0}, "max_connections is 0"),
        ({"max_calls": 0}, "max_calls is 0"),
        ({"failures_per_minute": 0}, "failures_per_minute is 0"),
        ({"burst_s": 0.0}, "burst_s is 0.0"),
        ({"messages_per_s": -1.0}, "messages_per_s is -1.0"),
        ({"bytes_per_s": -1.0}, "bytes_per_s is -1.0"),
    ],
)
def test_limits_are_positive(fields, named):
    with pytest.raises(BadSettings, match=named):
        DoorSettings(**fields)


@given(st.text(max_size=80))
@examples(100)
def test_any_text_is_an_origin_an_address_or_refused(text):
    for field, value in (("origins", (text,)), ("public_url", text), ("proxies", (text,))):
        try:
            kept = DoorSettings(**{field: value})
        except BadSettings as refused:
            assert f"door.{field}" in str(refused)  # noqa: PT017 - either way is fine
        else:
            assert getattr(kept, field) == value


@given(st.text(alphabet="0123456789abcdefABCDEF-_setk \n", max_size=70))
@examples(100)
def test_a_hash_is_sixty_four_digits_and_nothing_else_is_told_of_it(text):
    try:
        TokenSettings(name="a", role="admin", sha256=text)
    except BadSettings as refused:
        assert len(text) < 6 or text not in str(refused)  # noqa: PT017 - either way is fine
    else:
        assert re.fullmatch("[0-9a-f]{64}", text)


VARIABLE = "TWILIO_AUTH_TOKEN"
PUBLIC = "https://calls.example.com"


def test_the_variable_with_twilios_token_is_named_and_the_token_itself_is_not_accepted():
    assert not door().twilio_auth_token_env
    named = door(twilio_auth_token_env=VARIABLE, public_url=PUBLIC)
    assert named.twilio_auth_token_env == VARIABLE
    for text in ("5f0d8c1e4b7a49d2b3c6e8f9a0b1c2d3", "$TWILIO_AUTH_TOKEN", "A\n", "1A", "X" * 101):
        with pytest.raises(BadSettings, match="never the token itself") as caught:
            door(twilio_auth_token_env=text, public_url=PUBLIC)
        assert text not in str(caught.value)
    with pytest.raises(BadSettings, match=r"needs door\.public_url"):
        door(twilio_auth_token_env=VARIABLE)
