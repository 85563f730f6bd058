"""The door without a socket: what counts as a token, whose page it is, who has come too often."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from voices import examples

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.buckets import ADDRESSES_KEPT, Bucket, Failures, Pace
from sentiment_engine.live.credentials import presented, query_secrets, without_credentials
from sentiment_engine.live.door import ANYBODY, Caller, Door, require_safe_address
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.origins import Origins, host_and_port, is_loopback, origin_key
from sentiment_engine.live.secrecy import new_token, redacted, sha256_of
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
@examples(200)
def test_any_text_as_a_token_is_nobodys(text):
    here = door()
    assert here.holder(text) is None
    try:
        shown = presented(Headers({"authorization": text.encode("latin-1", "ignore").decode("latin-1")}), [])
    except Refused as refused:
        assert refused.code == "unauthorized"  # noqa: PT017 - either way is fine, but nothing else
    else:
        assert 0 < len(shown) <= 512


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


# -- addresses


@pytest.mark.parametrize(
    "query",
    [
        "token=x",
        "since=0&TOKEN=",
        "access_token=x",
        "api_key=x",
        "password=x",
        f"since={SECRETS['admin']}",
        f"{SECRETS['admin']}=1",
        f"since={new_token()}",
        "since=plain-secret",
        "since=plain%2Dsecret",
        "plain-secret",
    ],
)
def test_a_token_in_an_address_is_refused_and_not_repeated(query):
    own = TokenSettings(name="own", role="admin", sha256=sha256_of("plain-secret"))
    message = refusal("unauthorized", door(tokens=(*TOKENS, own)).check_query, query, "10.0.0.1")
    assert "ends up in logs" in message
    assert query not in message


def test_other_queries_pass():
    for query in ("", "since=0&types=alert.*", "call_id=c-1&role=agent", "a&b=&=c", "%ff=%00"):
        door().check_query(query, "")
    refusal("bad_query", door().check_query, "&".join(f"a{n}=1" for n in range(101)), "")


@given(st.text(max_size=300))
@examples(100)
def test_any_query_is_read_or_refused(text):
    try:
        carries, parts = query_secrets(text)
    except Refused as refused:
        assert refused.code == "bad_query"  # noqa: PT017 - either way is fine, but nothing else
    else:
        assert carries or not redacted("\n".join(parts)).endswith("setk_***")


def test_what_stands_behind_the_door_sees_no_secret():
    raw = [(b"host", b"x"), (b"authorization", b"Bearer s"), (b"sec-websocket-protocol", b"a, token.s, b")]
    headers, subprotocols = without_credentials(raw, ["a", "token.s", "b"])
    assert headers == [(b"host", b"x"), (b"sec-websocket-protocol", b"a, b")]
    assert subprotocols == ["a", "b"]
    assert without_credentials(raw, ["token.s"]) == ([(b"host", b"x")], [])


@given(st.text(max_size=40), st.text(max_size=40), st.integers(17, 48))
@examples(100)
def test_no_token_survives_in_what_is_told_however_it_was_cut(before, after, length):
    secret = SECRETS["legal"]
    shown = redacted(before + secret[:length] + after)
    assert secret[5:17] not in shown
    assert shown.startswith(redacted(before)[: max(0, len(before) - 50)])
    assert Refused("forbidden", before + secret[:length] + after).frame().count(secret[5:17]) == 0


# -- pages and names


@pytest.mark.parametrize(
    ("origin", "host", "may"),
    [
        (None, "127.0.0.1:8700", True),
        ("http://127.0.0.1:8700", "127.0.0.1:8700", True),
        ("http://127.0.0.1", "127.0.0.1", True),  # mod_audio_fork, as seen: neither names the port
        ("http://LOCALHOST:8700", "localhost:8700", True),
        ("https://calls.example.com", "calls.example.com", True),  # a proxy ends TLS
        ("https://calls.example.com", "calls.example.com:443", True),
        ("http://[::1]:8700", "[::1]:8700", True),
        ("https://crm.example.com", "127.0.0.1:8700", True),
        ("https://crm.example.com:443", "127.0.0.1:8700", True),
        ("https://public.example.com", "10.0.0.7:8700", True),
        ("chrome-extension://abcdef", "127.0.0.1:8700", True),
        ("http://crm.example.com", "127.0.0.1:8700", False),
        ("https://crm.example.com:444", "127.0.0.1:8700", False),
        ("https://crm.example.com.evil.org", "127.0.0.1:8700", False),
        ("https://evil.org", "127.0.0.1:8700", False),
        ("http://127.0.0.1:3000", "127.0.0.1:8700", False),
        ("http://127.0.0.1", "127.0.0.1:8700", False),
        ("http://localhost:8700", "127.0.0.1:8700", False),
        ("chrome-extension://other", "127.0.0.1:8700", False),
        ("null", "127.0.0.1:8700", False),
        ("", "127.0.0.1:8700", False),
        ("", "", False),
        ("file://", "127.0.0.1:8700", False),
        ("http://127.0.0.1:8700/", "127.0.0.1:8700", False),
        ("http://me@127.0.0.1:8700", "me@127.0.0.1:8700", False),
        ("http://127.0.0.1:8700, http://evil.org", "127.0.0.1:8700", False),
        ("http://127.0.0.1:port", "127.0.0.1:port", False),
        ("http://[::1", "[::1", False),
    ],
)
def test_a_page_may_connect_from_here_or_from_the_list(origin, host, may):
    allowed = ("https://crm.example.com", "chrome-extension://abcdef")
    assert Origins(allowed, "https://public.example.com/x", "127.0.0.1").may_connect(origin, host) is may


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1:8700", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LocalHost:1", True),
        ("[::1]:8700", True),
        ("calls.example.com", True),
        ("bound.example:8700", True),
        ("evil.org:8700", False),
        ("localhost.evil.org", False),
        ("0.0.0.0:8700", False),
        ("192.168.1.2", False),
        ("", False),
        ("127.0.0.1@evil.org", False),
        ("evil.org/127.0.0.1", False),
        ("[::1", False),
    ],
)
def test_without_tokens_only_names_of_this_machine_are_answered(host, own):
    origins = Origins((), "https://calls.example.com", "bound.example")
    assert origins.is_own_name(host) is own


@given(st.text(max_size=60), st.text(max_size=60))
@examples(200)
def test_any_header_is_a_name_or_none(origin, host):
    key, named = origin_key(origin), host_and_port(host)
    assert key is None or (key[0] and key[1])
    assert named is None or named[0]
    if key is None:
        assert not Origins((), "", "127.0.0.1").may_connect(origin, host)


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


def test_failures_are_kept_for_so_many_addresses_and_for_networks_of_ipv6():
    failures = Failures(1)
    for n in range(ADDRESSES_KEPT + 500):
        assert not failures.add(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0.0)
    assert len(failures) == ADDRESSES_KEPT
    assert not failures.add("2001:db8::1", 0.0)
    assert failures.add("2001:db8::ffff:1", 0.0)
    assert not failures.add("2001:db8:0:1::1", 0.0)
    assert not failures.add("192.0.2.1", 0.0)
    assert failures.add("::ffff:192.0.2.1", 0.0)
    assert not failures.add("", 0.0)
    assert failures.add("", 0.0)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 5)), max_size=50), st.floats(1, 100))
@examples(200)
def test_a_bucket_that_is_waited_for_lets_no_more_through_than_its_rate_and_one_burst(takings, per_s):
    now, taken, last = 0.0, 0.0, 0.0
    bucket = Bucket(per_s, 2.0, now)
    for amount, pause_s in takings:
        now += pause_s + bucket.debt_s(now)
        assert taken <= per_s * (now + 2.0) + 1e-6
        bucket.take(amount, now)
        taken, last = taken + amount, amount
    assert taken - last <= per_s * (now + 2.0) + 1e-6
    assert bucket.debt_s(now + last / per_s + 1e-6) == pytest.approx(0.0, abs=1e-6)


def test_a_connection_owes_time_for_its_messages_and_its_bytes_the_longer_of_both():
    clock = Clock()
    pace = Pace(10.0, 100.0, 1.0, clock)
    pace.took(100)
    assert pace.owed_s() == 0.0
    pace.took(150)
    assert pace.owed_s() == pytest.approx(1.5)
    clock.now += 1.5
    assert pace.owed_s() == 0.0
    for _ in range(20):
        pace.took(0)
    assert pace.owed_s() == pytest.approx(1.0)
    free = Pace(0.0, 0.0, 1.0, clock)
    free.took(10**12)
    assert free.owed_s() == 0.0


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
