"""The door without a socket: what counts as a token, whose page it is, who has come too often."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from voices import examples

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.door import ANYBODY, Caller, Door, require_safe_address
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.origins import is_loopback
from sentiment_engine.live.secrecy import new_token, sha256_of
from sentiment_engine.settings_door import ROLES, DoorSettings, TokenSettings

SECRETS = {role: new_token() for role in ROLES}
TOKENS = tuple(TokenSettings(name=role, role=role, sha256=sha256_of(SECRETS[role])) for role in ROLES)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def door(clock=None, **fields):
    return Door(DoorSettings(**{"tokens": TOKENS, **fields}), clock=clock or Clock())


def bearer(secret):
    return Headers({"authorization": f"Bearer {secret}"})


def basic(secret, user="pbx"):
    return Headers({"authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()})


def refusal(code, of, *arguments):
    with pytest.raises(Refused) as refused:
        of(*arguments)
    assert refused.value.code == code
    return refused.value.message


# -- where a token may stand


@pytest.mark.parametrize("role", ROLES)
def test_a_token_is_known_in_each_of_its_places(role):
    secret = SECRETS[role]
    who = door().holder(secret)
    assert (who.name, who.role) == (role, role)
    for headers, subprotocols in (
        (bearer(secret), []),
        (Headers({"Authorization": f"bearer  {secret} "}), []),
        (basic(secret), []),
        (basic(secret, user=""), []),
        (Headers({}), ["sentiment-engine.v1", f"token.{secret}"]),
        (bearer(secret), [f"token.{secret}"]),
    ):
        assert door().admit(headers, subprotocols, "10.0.0.1", role) == who


@pytest.mark.parametrize(
    ("headers", "subprotocols", "says"),
    [
        ({}, [], "a token is needed"),
        ({}, ["sentiment-engine.v1"], "a token is needed"),
        ({"authorization": ""}, [], "must be Bearer"),
        ({"authorization": "Bearer"}, [], "1 to 512"),
        ({"authorization": "Bearer " + "x" * 600}, [], "1 to 512"),
        ({"authorization": "Digest x"}, [], "must be Bearer"),
        ({"authorization": "Basic ????"}, [], "no base64"),
        ({"authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()}, [], "no base64"),
        ({"authorization": "Basic " + base64.b64encode(b"no colon").decode()}, [], "1 to 512"),
        ({"authorization": "Bearer wrong"}, [], "not known"),
        ({}, ["token."], "1 to 512"),
        ({}, ["token.wrong"], "not known"),
        ({"authorization": f"Bearer {SECRETS['admin']}"}, ["token.other"], "two different"),
        ({}, [f"token.{SECRETS['admin']}", "token.other"], "two different"),
    ],
)
def test_anything_else_is_no_token(headers, subprotocols, says):
    message = refusal("unauthorized", door().admit, Headers(headers), subprotocols, "10.0.0.1", *ROLES)
    assert says in message


def test_two_headers_that_differ_are_not_chosen_between():
    raw = [(b"authorization", f"Bearer {SECRETS[role]}".encode()) for role in ("ingest", "admin")]
    refusal("unauthorized", door().admit, Headers(raw=raw), [], "10.0.0.1", *ROLES)


def test_the_wrong_role_is_told_which_is_right():
    message = refusal("forbidden", door().admit, bearer(SECRETS["ingest"]), [], "", "supervisor", "admin")
    assert "ingest" in message
    assert "supervisor or admin" in message


def test_without_tokens_whatever_is_shown_is_welcome():
    nobody_asked = door(tokens=())
    for headers in (Headers({}), bearer("wrong"), Headers({"authorization": "junk"})):
        assert nobody_asked.admit(headers, [], "", "admin") is ANYBODY
    assert nobody_asked.holder("wrong") is nobody_asked.admit_secret(None, "", "ingest") is ANYBODY


def test_a_token_that_came_in_a_message_is_admitted_like_one_in_a_header():
    here = door()
    assert here.admit_secret(SECRETS["ingest"], "", "ingest", "admin").name == "ingest"
    refusal("unauthorized", here.admit_secret, None, "", "ingest")
    refusal("unauthorized", here.admit_secret, "wrong", "", "ingest")
    refusal("forbidden", here.admit_secret, SECRETS["legal"], "", "ingest")


@given(st.text(max_size=600))
@examples(100)
def test_any_text_as_a_token_is_nobodys(text):
    refusal("unauthorized", door().admit_secret, text, "10.0.0.1", *ROLES)


def test_a_limit_of_a_token_goes_before_that_of_the_door():
    own = TokenSettings(name="a", role="ingest", sha256=sha256_of("a"), max_calls=2, max_connections=1)
    other = TokenSettings(name="b", role="ingest", sha256=sha256_of("b"))
    here = door(tokens=(own, other), max_calls=7, max_connections=8)
    assert here.holder("a") == Caller("a", "ingest", max_connections=1, max_calls=2)
    assert here.holder("b") == Caller("b", "ingest", max_connections=8, max_calls=7)


def test_a_call_is_continued_by_its_owner_or_an_admin():
    a, b, admin = Caller("a", "ingest"), Caller("b", "ingest"), Caller("c", "admin")
    assert a.may_continue(a)
    assert admin.may_continue(a)
    assert not b.may_continue(a)
    assert not a.may_continue(admin)
    assert ANYBODY.may_continue(ANYBODY)


# -- pages and names


def test_the_door_checks_the_page_always_and_the_name_when_it_asks_for_no_token():
    here, asks = door(tokens=()), door()
    rebound = Headers({"host": "evil.org:8700", "origin": "http://evil.org:8700"})
    assert "does not answer to the name 'evil.org" in refusal("forbidden", here.check_page, rebound, "")
    asks.check_page(rebound, "")  # the page has no token
    foreign = Headers({"host": "127.0.0.1:8700", "origin": "http://evil.org"})
    for one in (here, asks):
        one.check_page(Headers({"host": "127.0.0.1:8700"}), "")
        assert "door.origins" in refusal("forbidden", one.check_page, foreign, "")
    twice = Headers(raw=[(b"host", b"localhost"), *[(b"origin", b"http://localhost")] * 2])
    refusal("forbidden", here.check_page, twice, "")


# -- how often, how fast, how many


def test_who_fails_too_often_is_told_to_wait_and_the_right_token_still_passes():
    clock = Clock()
    here = door(clock, failures_per_minute=5)
    for _ in range(5):
        refusal("unauthorized", here.admit, bearer("wrong"), [], "10.0.0.1", "admin")
    for _ in range(100):
        refusal("rate_limited", here.admit, bearer("wrong"), [], "10.0.0.1", "admin")
    assert here.admit(bearer(SECRETS["admin"]), [], "10.0.0.1", "admin").name == "admin"
    refusal("unauthorized", here.admit, bearer("wrong"), [], "10.0.0.2", "admin")
    clock.now += 13.0  # a fifth of a minute gives one back, after all that came on top
    refusal("unauthorized", here.admit, bearer("wrong"), [], "10.0.0.1", "admin")
    refusal("rate_limited", here.admit, bearer("wrong"), [], "10.0.0.1", "admin")


def test_connections_of_one_token_are_counted_while_they_last():
    here = door(max_connections=2)
    one, other = here.holder(SECRETS["ingest"]), here.holder(SECRETS["legal"])
    with here.inside(one), here.inside(other):
        with here.inside(one):
            message = refusal("limit_reached", lambda: here.inside(one).__enter__())
            assert "2 connections" in message
        with pytest.raises(KeyError), here.inside(one):
            raise KeyError
        with here.inside(one):
            pass
    with here.inside(ANYBODY), here.inside(ANYBODY), here.inside(ANYBODY):
        pass


# -- where to listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_this_machine_is_safe_with_any_settings(host):
    assert is_loopback(host)
    require_safe_address(host, DoorSettings(), tls=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])  # noqa: S104 - refused
def test_beyond_it_takes_tokens_and_tls_or_a_proxy_that_has_it(host):
    for tls in (False, True):
        with pytest.raises(BadSettings, match="token new"):
            require_safe_address(host, DoorSettings(behind_proxy=True), tls=tls)
    with pytest.raises(BadSettings, match=r"--tls-cert.*door\.behind_proxy"):
        require_safe_address(host, DoorSettings(tokens=TOKENS), tls=False)
    require_safe_address(host, DoorSettings(tokens=TOKENS), tls=True)
    require_safe_address(host, DoorSettings(tokens=TOKENS, behind_proxy=True), tls=False)
