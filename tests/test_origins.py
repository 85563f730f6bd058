"""Whose page may connect, and by which names a server without tokens may be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.live.origins import Origins, host_and_port, origin_key


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
