"""Settings of archive and webhooks: what is refused, and that no secret is repeated."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings, Settings

HOOK = {"name": "crm", "url": "https://crm.example.com/hook", "secret_env": "CRM_SECRET"}


def archive(**fields):
    return Settings.from_mapping({"archive": fields}).archive


def hook(**changes):
    return Settings.from_mapping({"webhooks": [{**HOOK, **changes}]}).webhooks[0]


def test_by_default_everything_is_kept_in_the_data_folder_and_nobody_is_told():
    settings = Settings()
    assert (settings.archive.url, settings.archive.keep_days, settings.webhooks) == ("", 0.0, ())


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"keep_days": -1.0}, "keep_days"),
        ({"waiting_events": 0}, "waiting_events"),
        ({"url": "sqlite:///x"}, "postgresql"),
        ({"url": "postgresql+psycopg://h/\u00e4"}, "postgresql"),
        ({"url": "postgresql+psycopg://u:geheim@h/d"}, "PGPASSWORD"),
        ({"url": "postgresql+psycopg://u@h/d?password=geheim"}, "PGPASSWORD"),
        ({"path": "/x"}, "unknown field"),
    ],
)
def test_an_archive_that_makes_no_sense_is_refused_without_repeating_a_password(fields, word):
    with pytest.raises(BadSettings, match=word) as refused:
        archive(**fields)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://h/d",
        "postgresql+psycopg://u@[::1]:5432/d",
        "postgresql+psycopg://u@/d?host=/var/run/postgresql",
    ],
)
def test_a_postgresql_url_without_a_password_is_taken(url):
    assert archive(url=url, keep_days=30.0).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/hook",
        "http://127.0.0.1.example.com/",
        "https://",
        "https:///path",
        "https://user@crm.example.com/",
        "https://:geheim@crm.example.com/",
        "https://crm.example.com/#part",
        "https://crm.example.com:99999/",
        "https://[::1/",
        "https://crm.example.com/\r\nHost: x",
        "https://crm.example.com/ä",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "",
    ],
)
def test_webhooks_go_over_tls_or_stay_on_this_machine(url):
    with pytest.raises(BadSettings, match="webhooks crm: url must be https") as refused:
        hook(url=url)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://crm.example.com:8443/a?b=c", "http://127.0.0.1:9/x", "http://[::1]/"]
)
def test_good_urls_are_taken(url):
    assert hook(url=url).url == url


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": "a b"}, "name"),
        ({"name": ""}, "name"),
        ({"secret_env": "whsec_MfKQ=="}, "environment variable"),
        ({"types": []}, "types"),
        ({"types": [""]}, "types"),
        ({"types": ["alert.*.x"]}, "types"),
        ({"types": ["Alert"]}, "types"),
    ],
)
def test_a_webhook_that_makes_no_sense_is_refused(changes, word):
    with pytest.raises(BadSettings, match=word):
        hook(**changes)


def test_two_webhooks_of_one_name_are_refused():
    with pytest.raises(BadSettings, match="crm"):
        Settings.from_mapping({"webhooks": [HOOK, {**HOOK, "url": "https://b.example.com/"}]})


def test_types_are_chosen_by_name_or_beginning():
    assert hook(types=["alert.*"]).wants("alert.raised")
    assert not hook(types=["alert.*"]).wants("call.ended")
    assert hook(types=["call.ended"]).wants("call.ended")
    assert not hook(types=["call.ended"]).wants("call.ended.x")
    assert hook(types=["*"]).wants("anything")


@given(st.text())
@examples(200)
def test_whatever_stands_there_is_taken_or_refused(text):
    for make in (lambda: archive(url=text), lambda: hook(url=text), lambda: hook(name=text, secret_env=text)):
        with contextlib.suppress(BadSettings):  # any other exception fails the test
            make()
