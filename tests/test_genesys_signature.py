"""Signed handshakes: the vendor's example, everything that must not pass, and the gate before the route."""

import base64
import json
import re
import textwrap
import tomllib
import uuid
from pathlib import Path

import hypothesis.strategies as st
import msgspec
import pytest
from genesys_client import NULL, Session, signed
from hypothesis import given, settings
from live_server import SETTINGS, in_loop, serving
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sentiment_engine.errors import BadSettings
from sentiment_engine.live import genesys_gate
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.dialects import genesys_signature
from sentiment_engine.live.dialects.genesys import Genesys
from sentiment_engine.live.dialects.genesys_signature import (
    COVERED,
    MAX_AGE_S,
    MAX_SKEW_S,
    Nonces,
    Request,
    Signed,
    verified,
)
from sentiment_engine.live.genesys_gate import read_secrets, signed_address
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.secrecy import new_token, sha256_of
from sentiment_engine.settings import Settings
from sentiment_engine.settings_door import DoorSettings, TokenSettings
from sentiment_engine.settings_genesys import GenesysKey, GenesysSettings

# The example of the vendor's documentation.
KEY, SECRET = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh", "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="
SECRETS = {KEY: base64.b64decode(SECRET)}
EXAMPLE = Request(
    "/api/v1/voicebiometrics/ws",
    "audiohook.example.com",
    {
        "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
        "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
        "x-api-key": KEY,
        "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
        "signature-input": (
            'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" '
            f'"audiohook-correlation-id" "x-api-key");keyid="{KEY}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";'
            'alg="hmac-sha256";created=1641013200;expires=3282026430'
        ),
    },
)
NOW = 1641013200.0


def request(headers, target="/v1/audiohook", authority="calls.example.com"):
    return Request(target, authority, headers)


def made(**changes):
    return signed(KEY, SECRETS[KEY], "calls.example.com", **{"created": NOW, **changes})


def changed(name, old, new):
    headers = dict(EXAMPLE.headers)
    assert old in headers[name]
    headers[name] = headers[name].replace(old, new)
    return EXAMPLE._replace(headers=headers)


def test_the_vendors_example_holds():
    assert verified(EXAMPLE, SECRETS, NOW) == Signed(KEY, "VGhpc0lzQVVuaXF1ZU5vbmNl", 1641013200)


def test_optional_spaces_and_more_components_change_nothing():
    spaced = EXAMPLE.headers["signature-input"].replace(";", ";  ").replace('" "', '"   "')
    assert verified(changed("signature-input", EXAMPLE.headers["signature-input"], spaced), SECRETS, NOW)


@pytest.mark.parametrize("age_s", [0.0, 5.0, MAX_AGE_S, -MAX_SKEW_S])
def test_a_signature_of_now_holds(age_s):
    assert verified(request(made()), SECRETS, NOW + age_s).key_id == KEY


@pytest.mark.parametrize(
    ("age_s", "match"),
    [
        (MAX_AGE_S + 0.1, "11? s old|10 s old"),
        (3600.0, "3600 s old"),
        (-MAX_SKEW_S - 0.6, "4 s from the future"),
    ],
)
def test_one_of_another_time_does_not(age_s, match):
    with pytest.raises(Refused, match=match):
        verified(request(made()), SECRETS, NOW + age_s)


def test_one_that_says_that_it_has_expired_does_not():
    with pytest.raises(Refused, match="expired"):
        verified(changed("signature-input", "expires=3282026430", "expires=1641013199"), SECRETS, NOW)


@pytest.mark.parametrize("name", [name for name in EXAMPLE.headers if name.startswith(("audio", "x-api"))])
def test_a_header_that_was_changed_or_left_out_does_not_pass(name):
    headers = {**EXAMPLE.headers, name: EXAMPLE.headers[name][:-1] + "~"}
    with pytest.raises(Refused):
        verified(EXAMPLE._replace(headers=headers), SECRETS, NOW)
    del headers[name]
    with pytest.raises(Refused):
        verified(EXAMPLE._replace(headers=headers), SECRETS, NOW)


@pytest.mark.parametrize(
    "other",
    [
        EXAMPLE._replace(target="/v1/audiohook"),
        EXAMPLE._replace(target=EXAMPLE.target + "?x=1"),
        EXAMPLE._replace(authority="audiohook.example.com:8443"),
        changed("signature", "NZBw", "NZBx"),
        changed("signature", "NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=", ""),
        changed("signature", "4=:", "4:"),
        changed("signature-input", ";created=1641013200", ";created=1641013201"),
    ],
)
def test_another_address_or_signature_does_not_match(other):
    with pytest.raises(Refused, match="does not match"):
        verified(other, SECRETS, NOW)


def test_a_wrong_secret_and_an_unknown_key_are_told_apart_by_nobody():
    said = []
    for known in ({KEY: b"another secret, as long as ours"}, {"other": SECRETS[KEY]}, {}):
        with pytest.raises(Refused) as refused:
            verified(EXAMPLE, known, NOW)
        said.append((refused.value.code, refused.value.message))
    assert len(set(said)) == 1
    assert said[0][0] == "unauthorized"
    assert KEY not in said[0][1]
    assert SECRET not in said[0][1]


def test_an_unknown_key_is_refused_whatever_secret_stands_in_for_its_own(monkeypatch):
    monkeypatch.setattr(genesys_signature.secrets, "token_bytes", lambda _: SECRETS[KEY])
    with pytest.raises(Refused, match="does not match"):
        verified(EXAMPLE, {}, NOW)


@pytest.mark.parametrize("missing", COVERED)
def test_a_signature_covers_all_that_it_must(missing):
    headers = {**made(), "signature-input": made()["signature-input"].replace(f'"{missing}"', '"host"')}
    with pytest.raises(Refused, match=f"does not cover {missing}"):
        verified(request(headers), SECRETS, NOW)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (f'keyid="{KEY}"', 'keyid="other"', "X-API-KEY differ"),
        (f';keyid="{KEY}"', "", "lacks keyid"),
        (';nonce="VGhpc0lzQVVuaXF1ZU5vbmNl"', "", "lacks nonce"),
        ("VGhpc0lzQVVuaXF1ZU5vbmNl", "VGhpc0lzQVVuaXF1ZU5vb", "21 characters: at least 22"),
        ('nonce="VGhpc0lzQVVuaXF1ZU5vbmNl"', "nonce=1234567890123", "lacks nonce"),
        (";created=1641013200", "", "lacks created"),
        ("created=1641013200", 'created="1641013200"', "lacks created"),
        ("expires=3282026430", 'expires="now"', "lacks expires"),
        ("hmac-sha256", "hmac-sha512", "only hmac-sha256"),
        ("hmac-sha256", "HMAC-SHA256", "only hmac-sha256"),
        (";created", ";nonce=1;created", "something twice"),
        ('"x-api-key")', '"x-api-key" "x-api-key")', "something twice"),
        ('"x-api-key")', '"x-api-key" "cookie")', "covers cookie, which the request does not have"),
        ('"x-api-key")', '"x-api-key" "@method")', "covers @method, which the request does not have"),
        ('"x-api-key")', '"x-api-key";sf)', "cannot be read"),
        ("sig1=", "sig2=", "nothing labelled sig2"),
        ("sig1=", "sig1", "cannot be read"),
        ("sig1=", 'sig0=("@authority");created=1, sig1=', "2 signatures: send one"),
        ("created=1641013200", "created=-1", "cannot be read"),
        ("created=1641013200", "created=1641013200.5", "cannot be read"),
        ("created=1641013200", "created=" + "9" * 16, "cannot be read"),
        ("=3282026430", "=3282026430,", "cannot be read"),
        ("VGhpc0lzQVVuaXF1ZU5vbmNl", 'VGhpc0lzQVVuaXF1ZU5\\"vbmNl', "cannot be read"),
        ("VGhpc0lzQVVuaXF1ZU5vbmNl", "n" * 5000, "at most 4096 are read"),
    ],
)
def test_a_signature_input_that_says_less_or_else_is_refused(old, new, match):
    with pytest.raises(Refused, match=match) as refused:
        verified(changed("signature-input", old, new), SECRETS, NOW)
    assert refused.value.code == "unauthorized"


@pytest.mark.parametrize("field", ["", "sig1", "sig1=NZBw", "sig1=:NZ Bw:", "sig1=:NZBw:;x", "sig1=:\u00e4:"])
def test_a_signature_that_cannot_be_read_is_refused(field):
    with pytest.raises(Refused, match="signature cannot be read"):
        verified(EXAMPLE._replace(headers={**EXAMPLE.headers, "signature": field}), SECRETS, NOW)


HEADERS = st.sampled_from(sorted(EXAMPLE.headers))
PIECES = st.sampled_from(
    [*EXAMPLE.headers.values(), '"@authority"', "sig1=", "(", ")", ":", ";", ",", " ", "=", '"', "created=1"]
) | st.text(max_size=6)


@given(st.dictionaries(HEADERS, st.lists(PIECES, max_size=6).map("".join)))
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_the_headers_passes_only_if_it_is_the_original(headers):
    try:
        verified(EXAMPLE._replace(headers={**EXAMPLE.headers, **headers}), SECRETS, NOW)
    except Refused:
        return
    unspaced = {name: re.sub(r"\s+", "", value) for name, value in headers.items()}
    assert unspaced == {name: re.sub(r"\s+", "", EXAMPLE.headers[name]) for name in headers}


def test_a_signature_counts_once_and_is_forgotten_when_it_has_expired():
    nonces, one = Nonces(limit=2), Signed(KEY, "n" * 22, 0)
    nonces.use(one, 100.0)
    with pytest.raises(Refused, match="has been used"):
        nonces.use(one, 100.0 + MAX_AGE_S + MAX_SKEW_S)
    nonces.use(one._replace(key_id="other"), 100.0)
    with pytest.raises(Refused, match="try again later") as refused:
        nonces.use(one._replace(nonce="m" * 22), 101.0)
    assert refused.value.code == "overloaded"
    nonces.use(one._replace(nonce="m" * 22), 200.0)
    assert len(nonces._until) == 1


# -- settings and secrets


def kept_in(variable, api_key=KEY):
    return msgspec.convert({"api_key": api_key, "secret_env": variable}, GenesysKey)


@pytest.mark.parametrize(
    ("key", "match"),
    [
        ({"api_key": "", "secret_env": "X"}, "api_key"),
        ({"api_key": "has space", "secret_env": "X"}, "api_key"),
        ({"api_key": "k"}, "either secret_env or secret_file"),
        ({"api_key": "k", "secret_env": "X", "secret_file": "y"}, "either secret_env or secret_file"),
        ({"api_key": "k", "secret": SECRET}, "secret"),
    ],
)
def test_a_key_names_where_its_secret_is_and_holds_none(key, match):
    with pytest.raises(BadSettings, match=match) as refused:
        Settings.from_mapping({"genesys": {"keys": [key]}})
    assert SECRET not in str(refused.value)


def test_the_settings_that_the_page_shows_are_settings():
    page = (Path(__file__).parent.parent / "docs" / "connect" / "genesys.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    shown = Settings.from_mapping(tomllib.loads(textwrap.dedent(block)))
    assert shown.genesys.keys[0].secret_env in page.replace(block, "")
    assert shown.door.public_url


def test_a_key_stands_there_once():
    keys = [{"api_key": "k", "secret_env": "A"}, {"api_key": "k", "secret_env": "B"}]
    with pytest.raises(BadSettings, match="twice"):
        Settings.from_mapping({"genesys": {"keys": keys}})


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("", ("", "")),
        ("https://Calls.example.com", ("calls.example.com", "")),
        ("https://calls.example.com:443/tension/", ("calls.example.com", "/tension")),
        ("https://calls.example.com:8443", ("calls.example.com:8443", "")),
        ("http://[::1]:8700", ("[::1]:8700", "")),
    ],
)
def test_the_public_address_is_what_genesys_signs(url, address):
    assert signed_address(url) == address


def test_secrets_come_from_the_environment_or_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    keys = (kept_in("S", api_key="a"), GenesysKey(api_key="b", secret_file=str(file)))
    assert read_secrets(GenesysSettings(keys=keys), {"S": SECRET}) == {"a": SECRETS[KEY], "b": SECRETS[KEY]}


@pytest.mark.parametrize(
    ("environment", "match"),
    [
        ({}, "is not set"),
        ({"S": "TXlTdXBlclNlY3JldA=!"}, "holds no base64"),
        ({"S": "\u00e4" * 24}, "holds no base64"),
        ({"S": "TXlTdXBlcg=="}, "holds 7 bytes: at least 16"),
        ({"S": ""}, "holds 0 bytes"),
    ],
)
def test_a_secret_that_cannot_be_one_keeps_the_server_from_starting(environment, match):
    settings = GenesysSettings(keys=(kept_in("S", api_key="a"),))
    with pytest.raises(BadSettings, match=match) as refused:
        read_secrets(settings, environment)
    assert environment.get("S", "-") not in str(refused.value) or not environment.get("S")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for content in (None, "\u00e4".encode()):
        file = tmp_path / "secret"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(BadSettings, match="cannot be read"):
            read_secrets(GenesysSettings(keys=(GenesysKey(api_key="a", secret_file=str(file)),)), {})


# -- the gate


def guarded(monkeypatch, **door):
    monkeypatch.setenv("GENESYS_TEST_SECRET", SECRET)
    return msgspec.structs.replace(
        SETTINGS,
        genesys=GenesysSettings(keys=(kept_in("GENESYS_TEST_SECRET"),)),
        door=DoorSettings(**door),
    )


async def turned_away(server, headers, status=401):
    with pytest.raises(InvalidStatus) as refused:
        async with Session(server, headers=headers):
            pass
    response = refused.value.response
    assert response.status_code == status
    assert SECRET not in str(response.body)
    return json.loads(response.body)["message"]


@in_loop
async def test_a_signed_session_is_a_call_like_any_other_and_its_signature_counts_once(monkeypatch):
    async with serving(guarded(monkeypatch)) as server:
        headers = signed(KEY, SECRETS[KEY], f"127.0.0.1:{server.port}")
        async with Session(server, headers=headers) as session:
            await session.open()
            await session.close()
        assert "has been used" in await turned_away(server, headers)


@in_loop
async def test_without_a_good_signature_there_is_no_socket(monkeypatch):
    async with serving(guarded(monkeypatch)) as server:
        good = signed(KEY, SECRETS[KEY], f"127.0.0.1:{server.port}")
        assert "no header x-api-key" in await turned_away(server, {})
        assert "no header signature-input" in await turned_away(server, {"x-api-key": KEY})
        assert "does not match" in await turned_away(
            server, signed(KEY, b"?" * 32, f"127.0.0.1:{server.port}")
        )
        assert "does not match" in await turned_away(server, {**good, "audiohook-session-id": "other"})
        assert "does not match" in await turned_away(server, signed(KEY, SECRETS[KEY], "elsewhere"))
        assert "s old" in await turned_away(
            server, signed(KEY, SECRETS[KEY], f"127.0.0.1:{server.port}", created=1.0)
        )
        assert not server.calls.sessions
        assert 'errors_total{code="unauthorized"} 6' in server.metrics.render().decode()


@in_loop
async def test_the_signature_is_over_the_public_address_whatever_a_proxy_makes_of_it(monkeypatch):
    async with serving(guarded(monkeypatch, public_url="https://calls.example.com/tension")) as server:
        headers = signed(KEY, SECRETS[KEY], "calls.example.com", "/tension/v1/audiohook")
        async with Session(server, headers=headers) as session:
            await session.open()
            await session.close()
        assert "calls.example.com the address" in await turned_away(
            server, signed(KEY, SECRETS[KEY], f"127.0.0.1:{server.port}")
        )


@in_loop
async def test_more_handshakes_than_can_be_remembered_are_put_off(monkeypatch):
    monkeypatch.setattr(genesys_gate, "Nonces", lambda: Nonces(limit=1))
    async with serving(guarded(monkeypatch)) as server:
        async with Session(server, headers=signed(KEY, SECRETS[KEY], f"127.0.0.1:{server.port}")) as session:
            await session.open()
            await session.close()
        again = signed(KEY, SECRETS[KEY], f"127.0.0.1:{server.port}")
        assert "try again later" in await turned_away(server, again, 503)


@in_loop
async def test_a_key_is_a_caller_with_its_own_calls_and_limits(monkeypatch):
    token = new_token()
    tokens = (TokenSettings(name="pbx", role="ingest", sha256=sha256_of(token)),)
    async with serving(guarded(monkeypatch, max_connections=1, tokens=tokens)) as server:

        def headers():
            return signed(KEY, SECRETS[KEY], f"127.0.0.1:{server.port}")

        async with Session(server, headers=headers()) as session:
            await session.open()
            assert "its limit" in await turned_away(server, headers(), 429)
            with pytest.raises(InvalidStatus):
                await connect(server.url + "/v1/feed", additional_headers=headers())
            bearer = {"Authorization": f"Bearer {token}"}
            assert "no header x-api-key" in await turned_away(server, bearer)
            await session.close()


@in_loop
async def test_without_keys_a_token_is_shown_as_api_key_or_in_the_custom_configuration(monkeypatch):
    monkeypatch.setattr(Genesys, "farewell_s", 1.0)
    token = new_token()
    tokens = (TokenSettings(name="genesys", role="ingest", sha256=sha256_of(token)),)
    settings = msgspec.structs.replace(SETTINGS, door=DoorSettings(tokens=tokens))
    async with serving(settings) as server:
        for shown in ({"headers": {"x-api-key": token}}, {"customConfig": {"token": token}}):
            async with Session(server, **shown) as session:
                await session.open()
                await session.close()
        for conversation in (str(uuid.uuid4()), NULL):
            wrong = {"headers": {"x-api-key": "a" * 43}, "conversationId": conversation}
            async with Session(server, **wrong) as session:
                await session.say("open", session.opening)
                assert (await session.hear("disconnect"))["parameters"]["reason"] == "unauthorized"
                await session.close("disconnect")
                assert [message["type"] for message in session.said] == ["disconnect", "closed"]


def test_a_server_whose_secret_is_missing_does_not_start(monkeypatch):
    settings = guarded(monkeypatch)
    monkeypatch.delenv("GENESYS_TEST_SECRET")
    with pytest.raises(BadSettings, match="GENESYS_TEST_SECRET is not set"):
        LiveServer(settings, None, port=0)
