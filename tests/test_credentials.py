"""Where a token may stand, and where it must not; what is told of one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from voices import examples

from sentiment_engine.live.credentials import presented, query_secrets, without_credentials
from sentiment_engine.live.door import Door
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.secrecy import new_token, redacted, sha256_of
from sentiment_engine.settings_door import DoorSettings, TokenSettings

SECRET = new_token()
OWN = "plain-secret"
DOOR = Door(
    DoorSettings(
        tokens=(
            TokenSettings(name="made", role="admin", sha256=sha256_of(SECRET)),
            TokenSettings(name="own", role="admin", sha256=sha256_of(OWN)),
        )
    )
)

latin = st.text(st.characters(max_codepoint=255), max_size=600)


@given(st.sampled_from(["", "Bearer ", "Basic ", "basic\t"]), latin, st.lists(latin, max_size=3))
@examples(200)
def test_any_header_and_any_subprotocols_show_one_token_none_or_are_refused(scheme, text, subprotocols):
    for headers in (Headers({"authorization": scheme + text}), Headers({})):
        try:
            shown = presented(headers, subprotocols)
        except Refused as refused:
            assert refused.code == "unauthorized"  # noqa: PT017 - either way is fine, but nothing else
            assert len(text) < 12 or text not in str(refused)  # noqa: PT017
        else:
            assert shown is None or 0 < len(shown) <= 512


@pytest.mark.parametrize(
    "query",
    [
        "token=x",
        "since=0&TOKEN=",
        "access_token=x",
        "api_key=x",
        "password=x",
        f"since={SECRET}",
        f"{SECRET}=1",
        f"since={new_token()}",
        "since=plain-secret",
        "since=plain%2Dsecret",
        "plain-secret",
    ],
)
def test_a_token_in_an_address_is_refused_and_not_repeated(query):
    with pytest.raises(Refused, match="ends up in logs") as refused:
        DOOR.check_query(query, "10.0.0.1")
    assert refused.value.code == "unauthorized"
    assert query not in refused.value.message


def test_other_queries_pass():
    for query in ("", "since=0&types=alert.*", "call_id=c-1&role=agent", "a&b=&=c", "%ff=%00"):
        DOOR.check_query(query, "")
    with pytest.raises(Refused, match="100 fields"):
        DOOR.check_query("&".join(f"a{n}=1" for n in range(101)), "")


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
    secret = SECRET
    shown = redacted(before + secret[:length] + after)
    assert secret[5:17] not in shown
    assert shown.startswith(redacted(before)[: max(0, len(before) - 50)])
    assert Refused("forbidden", before + secret[:length] + after).frame().count(secret[5:17]) == 0
