"""Calendars and a server: promises kept, blocks fetched later, and the bundle that has them."""

import asyncio
import hashlib
from functools import partial

import pytest
import sqlalchemy as sa
from archives import Place, opened
from calendar_server import EASY_TARGET, HEIGHT, Calendar, header
from evidence_logs import checked, everything
from hypothesis import given
from hypothesis import strategies as st
from live_server import in_loop, small_talk, whole_call
from sqlalchemy.exc import OperationalError
from test_archive_store import call
from test_evidence_cli import evidence as typed
from test_live_evidence import proving
from test_ots import GENESIS
from test_stored_evidence import log_of, packed, signed
from time_authority import TimeAuthority

from sentiment_engine import BadSettings
from sentiment_engine.archive import bitcoin
from sentiment_engine.archive.bitcoin import read_header
from sentiment_engine.archive.keys import load_signer, make_keys
from sentiment_engine.archive.ots import read_proof
from sentiment_engine.archive.promises import Promise, keep
from sentiment_engine.archive.schema import CALENDAR_PROOFS
from sentiment_engine.settings_evidence import EvidenceSettings

ANY = "https://a.example"


@pytest.fixture
def key(tmp_path):
    make_keys("example.com/calls", tmp_path / "log.key")
    return tmp_path / "log.key"


def keep_proof(archive, key: str, promise: Promise, asked_ms: int = 0) -> None:
    archive.store.record(lambda connection: keep(connection, key, promise, asked_ms))


def proofs_in(bundle: bytes) -> list[bytes]:
    return [data for name, data in everything(bundle).items() if name.endswith(".ots")]


# -- what is kept


def test_a_promise_is_kept_until_its_block_takes_its_place(place: Place, key):
    with opened(place) as archive, Calendar().serving() as url:
        archive.store.write(call("c-1", 1))
        log = log_of(archive, key)
        one = signed(archive, log)
        promise = log.promise(url, one)
        assert promise[:2] + promise[3:] == (6, url, False)
        assert read_proof(promise.proof).digest == hashlib.sha256(one.note).digest()
        keep_proof(archive, log.key, promise)
        keep_proof(archive, log.key, Promise(6, ANY, b"other", attested=False))
        keep_proof(archive, "another+key", Promise(6, url, b"foreign", attested=False))
        assert log.ask_again(promise) == promise
        assert log.promises.waiting(url, 9) == [promise]
        whole = promise._replace(proof=b"whole", attested=True)
        keep_proof(archive, log.key, whole)
        assert log.promises.waiting(url, 9) == []
        assert [one.proof for one in log.promises.of_size(6)] == [b"whole", b"other"]
        assert log.promises.of_size(7) == []


def test_the_promise_asked_for_longest_ago_comes_first(tmp_path, key):
    with opened(Place(tmp_path, "")) as archive:
        log = log_of(archive, key)
        for size, asked_ms in ((6, 30), (12, 10), (18, 20)):
            keep_proof(archive, log.key, Promise(size, ANY, b"", attested=False), asked_ms)
        assert [one.size for one in log.promises.waiting(ANY, 2)] == [12, 18]


def test_an_attested_checkpoint_is_chosen_before_a_promised_one_and_a_stamped_one_before_both(
    place: Place, key
):
    with opened(place) as archive:
        log = log_of(archive, key)
        for number in range(4):
            archive.store.write(call(f"c-{number}", 1 + 6 * number))
            signed(archive, log)
        keep_proof(archive, "another+key", Promise(6, ANY, b"foreign", attested=True))
        assert log.signed.covering(6).size == 24
        keep_proof(archive, log.key, Promise(18, ANY, b"later", attested=False))
        keep_proof(archive, log.key, Promise(12, ANY, b"early", attested=False))
        assert log.signed.covering(6).size == 12
        keep_proof(archive, log.key, Promise(18, "https://b.example", b"block", attested=True))
        assert log.signed.covering(6).size == 18
        archive.store.keep_stamp(log.key, 24, b"stamp")
        assert log.signed.covering(6).size == 24
        assert log.signed.covering(24).size == 24


def test_a_bundle_has_at_most_eight_proofs_attested_ones_first(tmp_path, key):
    with opened(Place(tmp_path, "")) as archive, Calendar().serving() as url:
        archive.store.write(call("c-1", 1))
        log = log_of(archive, key)
        one = signed(archive, log)
        proof = log.promise(url, one).proof
        for number in range(10):
            name = f"https://{number}.example"
            keep_proof(archive, log.key, Promise(6, name, proof, attested=number == 9))
        assert log.promises.of_size(6)[0].calendar == "https://9.example"
        bundle = packed(log, "c-1")
    assert proofs_in(bundle) == [proof] * 8
    assert checked(bundle, load_signer(key)).verdict == "PROVEN"


# -- settings


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"calendars": (ANY,)}, r"evidence\.calendars needs evidence\.key"),
        ({"key": "k", "calendars": (ANY, ANY + "/")}, "each once"),
        ({"key": "k", "calendars": tuple(f"https://{n}.example" for n in range(5))}, "at most 4"),
        *(
            ({"key": "k", "calendars": (url,)}, r"evidence\.calendars: ")
            for url in (
                "",
                "a.example",
                "ftp://a.example",
                "https://",
                "https://a.example/?q",
                "https://a:0x/",
            )
        ),
        ({"key": "k", "calendars": ("https://a.example:65536",)}, r"evidence\.calendars: "),
        ({"key": "k", "calendars": ("https://me@a.example",)}, r"evidence\.calendars: "),
    ],
)
def test_calendars_that_cannot_be_asked_are_refused(fields, match):
    with pytest.raises(BadSettings, match=match):
        EvidenceSettings(**fields)


@given(st.lists(st.text(max_size=30).map("https://".__add__), max_size=5))
def test_whatever_is_written_as_calendars_is_taken_or_refused(urls):
    try:
        settings = EvidenceSettings(key="k", calendars=tuple(urls))
    except BadSettings:
        return
    assert len(settings.calendars) <= 4
    assert all(url.isascii() and url.isprintable() and " " not in url for url in settings.calendars)


def test_usual_addresses_are_taken():
    urls = (
        "https://alice.btc.calendar.opentimestamps.org",
        "http://127.0.0.1:14788/",
        "https://a.example/one/",
    )
    assert EvidenceSettings(key="k", calendars=urls).calendars == urls


# -- a server


async def counted(http, outcome: str) -> float:
    name = f'sentiment_engine_calendar_proofs_total{{outcome="{outcome}"}} '
    lines = [line for line in (await http.get("/metrics")).text.splitlines() if line.startswith(name)]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


async def until(http, outcome: str, number: float = 1) -> None:
    async with asyncio.timeout(30):
        while await counted(http, outcome) < number:  # noqa: ASYNC110 - seen from outside there is no event
            await asyncio.sleep(0.05)


@in_loop
async def test_a_server_has_what_it_signs_promised_and_then_attested(tmp_path, key, monkeypatch):
    monkeypatch.setattr(bitcoin, "EASIEST_TARGET", EASY_TARGET)
    calendar, other = Calendar(), Calendar()
    other.answer = (503, b"")
    with calendar.serving() as url, other.serving() as broken:
        async with proving(Place(tmp_path, ""), key, every_s=1.0, calendars=(broken, url)) as (server, http):
            await whole_call(server, "c-1", small_talk(2.0))
            await until(http, "promised")
            promised = await http.get("/v1/calls/c-1/evidence")
            report = checked(promised.content, load_signer(key))
            assert report.verdict == "PROVEN"
            assert f"the promise of {url} to have it attested proves nothing" in report.line()
            assert "only internal consistency is shown" in report.line()
            calendar.mine()
            await until(http, "attested")
            attested = await http.get("/v1/calls/c-1/evidence")
            assert await counted(http, "promised") == 1.0
            assert await counted(http, "failed") >= 2.0
            asked = len(calendar.asked)
            await until(http, "failed", await counted(http, "failed") + 1)
            assert len(calendar.asked) == asked  # what is attested is not asked for again
    (proof,) = proofs_in(attested.content)
    (block,) = read_proof(proof).blocks
    assert block.height == HEIGHT
    found = read_header(header(block.merkle_root))
    report = checked(attested.content, load_signer(key), headers=[found])
    assert report.verdict == "PROVEN"
    assert f"done on the block header you gave, {found.hash}" in report.line()


@in_loop
async def test_a_server_that_starts_again_fetches_what_it_was_promised(tmp_path, key):
    calendar = Calendar()
    place = Place(tmp_path, "")
    with calendar.serving() as url:
        async with proving(place, key, every_s=1.0, calendars=(url,)) as (server, http):
            await whole_call(server, "c-1", small_talk(2.0))
            await until(http, "promised")
        calendar.mine()
        async with proving(place, key, every_s=1.0, calendars=(url,)) as (_, http):
            await until(http, "attested")
            assert await counted(http, "promised") == 0.0
            assert len(calendar.digests) == 1


@in_loop
async def test_a_proof_that_was_altered_in_the_archive_stops_no_other(tmp_path, key):
    calendar = Calendar()
    with calendar.serving() as url:
        async with proving(Place(tmp_path, ""), key, every_s=1.0, calendars=(url,)) as (server, http):
            evidence = server._archive.evidence
            spoilt = partial(keep, key=evidence.key, promise=Promise(1, url, b"spoilt", False), asked_ms=0)
            await server._archive.change(lambda store: store.record(spoilt))
            await whole_call(server, "c-1", small_talk(2.0))
            await until(http, "promised")
            calendar.mine()
            await until(http, "attested")
            assert await counted(http, "failed") >= 1.0
            assert [one.proof for one in evidence.promises.waiting(url, 9)] == [b"spoilt"]


@in_loop
async def test_a_time_stamp_authority_that_fails_keeps_no_calendar_waiting(tmp_path, key):
    authority = TimeAuthority(tmp_path / "authority")
    how = {"every_s": 1.0, "tsa_url": "http://127.0.0.1:9/", "tsa_ca": str(authority.root)}
    with Calendar().serving() as url:
        async with proving(Place(tmp_path, ""), key, calendars=(url,), **how) as (server, http):
            await whole_call(server, "c-1", small_talk(2.0))
            await until(http, "promised")
            assert 'time_stamps_total{outcome="failed"}' in (await http.get("/metrics")).text


@in_loop
async def test_an_archive_that_fails_meanwhile_ends_nothing(tmp_path, key, monkeypatch):
    calendar = Calendar()
    with calendar.serving() as url:
        async with proving(Place(tmp_path, ""), key, every_s=1.0, calendars=(url,)) as (server, http):
            promises = server._archive.evidence.promises
            of_size, failures = promises.of_size, [OperationalError("select", {}, Exception("disk"))]

            def failing(size):
                if failures:
                    raise failures.pop()
                return of_size(size)

            monkeypatch.setattr(promises, "of_size", failing)
            await whole_call(server, "c-1", small_talk(2.0))
            await until(http, "promised")
            assert not failures
            with server._archive._database.engine.connect() as connection:
                assert connection.execute(sa.select(CALENDAR_PROOFS.c.calendar)).scalar_one() == url


# -- the command


def test_the_command_checks_proofs_against_headers_offline(tmp_path, key):
    with opened(Place(tmp_path, "")) as archive, Calendar().serving() as url:
        archive.store.write(call("c-1", 1))
        log = log_of(archive, key)
        keep_proof(archive, log.key, log.promise(url, signed(archive, log)))
        (tmp_path / "c-1.zip").write_bytes(packed(log, "c-1"))
    verify = ("verify", tmp_path / "c-1.zip", "--key", f"{key}.pub")
    done = typed(*verify)
    assert (done.returncode, done.stderr) == (0, "")
    assert "proves nothing" in done.stdout
    done = typed(*verify, "--bitcoin-header", GENESIS)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("PROVEN IN PART")
    assert "names a Bitcoin block to check with the given header" in done.stdout
    for text in ("00", GENESIS[:-2] + "00"):
        done = typed(*verify, "--bitcoin-header", text)
        assert (done.returncode, done.stdout) == (2, "")
        assert "header" in done.stderr
