"""The evidence log over a real archive: signed, continued, chosen from, packed, and refused when altered."""

import io

import pytest
import sqlalchemy as sa
from archives import Place, opened
from evidence_logs import checked, everything
from hypothesis import given
from hypothesis import strategies as st
from test_archive_store import call
from voices import examples

from sentiment_engine import BadSettings, Settings
from sentiment_engine.archive.archive import Archive
from sentiment_engine.archive.checkpoints import open_checkpoint
from sentiment_engine.archive.database import Database, InUse
from sentiment_engine.archive.evidence import EARLIER, EvidenceLog, LogKeys
from sentiment_engine.archive.keys import load_signer, make_keys
from sentiment_engine.archive.leaves import CallLeaves
from sentiment_engine.archive.schema import CHUNKS, EVENTS, LEAVES
from sentiment_engine.archive.signed import Signed
from sentiment_engine.errors import BadEvidence
from sentiment_engine.settings_evidence import EvidenceSettings

NAME = "example.com/calls"


@pytest.fixture
def key(tmp_path):
    make_keys(NAME, tmp_path / "log.key")
    return tmp_path / "log.key"


def log_of(archive, key) -> EvidenceLog:
    return EvidenceLog(archive.database, LogKeys(EvidenceSettings(key=str(key))))


def signed(archive, log) -> Signed:
    """What is new, signed and kept."""
    new = log.sign_what_is_new()
    archive.store.keep_checkpoint(log.key, new)
    return new


def packed(log, call_id, one=None, **more):
    out = io.BytesIO()
    leaves = log.of_call(call_id)
    log.pack(out, call_id, leaves, one or log.signed.covering(leaves.end), **more)
    return out.getvalue()


def test_a_call_of_the_archive_is_proven_to_whoever_has_the_public_key(place: Place, key):
    with opened(place) as archive:
        archive.store.write([*call("c-1", 1), *call("c-2", 7)])
        log = log_of(archive, key)
        first = signed(archive, log)
        assert first.size == 12
        bundle = packed(log, "c-2")
        report = checked(bundle, load_signer(key))
        assert report.verdict == "PROVEN"
        assert "of call 'c-2', 6 events and 0 reviews stand unaltered" in report.line()
        lines = everything(bundle)["events.jsonl"].splitlines()
        assert lines == [record.body for record in call("c-2", 7)]


def test_nothing_is_signed_of_nothing_nor_twice(place: Place, key):
    with opened(place) as archive:
        log = log_of(archive, key)
        assert log.sign_what_is_new() is None
        assert (log.signed.newest(), log.signed.of_size(6), log.signed.covering(0)) == (None, None, None)
        archive.store.write(call())
        one = signed(archive, log)
        assert log.sign_what_is_new() is None
        assert one.chunks == ()
        assert log.signed.newest() == log.signed.of_size(6) == log.signed.covering(6) == one
        assert log.signed.covering(7) is None


def test_a_log_is_continued_when_it_is_opened_again_and_bundles_show_it(place: Place, key):
    notes = []
    for number in range(4):
        with opened(place) as archive:
            archive.store.write(call(f"c-{number}", 1 + 6 * number))
            notes.append(signed(archive, log_of(archive, key)).note)
    with opened(place) as archive:
        log = log_of(archive, key)
        seen = [log.opened(notes[1])]
        report = checked(packed(log, "c-0"), load_signer(key), seen=seen)
        assert report.verdict == "PROVEN"
        assert "first 12 leaves are as in the checkpoint you kept" in report.line()
        first = log.signed.of_size(6)
        assert checked(packed(log, "c-0", first), load_signer(key), seen=seen).verdict == "PROVEN IN PART"
        assert [one.size for one in log.signed.before(24, 2)] == [12, 18]


def test_a_bundle_shows_old_checkpoints_too_if_it_is_asked_to(place: Place, key):
    with opened(place) as archive:
        log = log_of(archive, key)
        for number in range(EARLIER + 3):
            archive.store.write(call("c-1", 1 + 6 * number))
            signed(archive, log)
        old, newest = log.signed.of_size(6), log.signed.newest()
        bundle = packed(log, "c-1", seen=[newest.note])
        assert everything(bundle)["earlier.jsonl"].count(b"\n") == EARLIER
        assert checked(bundle, load_signer(key), seen=[log.opened(old.note)]).verdict == "PROVEN IN PART"
        bundle = packed(log, "c-1", seen=[old.note, newest.note])
        report = checked(bundle, load_signer(key), seen=[log.opened(old.note)])
        assert report.verdict == "PROVEN"
        assert "it continues its 100 checkpoints from 18 to 612 leaves" in report.line()
        assert len(report.line()) < 2000


def test_an_early_time_stamp_is_chosen_before_a_late_one_and_before_none(place: Place, key):
    with opened(place) as archive:
        log = log_of(archive, key)
        for number in range(4):
            archive.store.write(call(f"c-{number}", 1 + 6 * number))
            signed(archive, log)
        assert log.signed.covering(6).size == 24
        archive.store.keep_stamp(log.key, 18, b"later")
        archive.store.keep_stamp(log.key, 12, b"early")
        early = log.signed.covering(6)
        assert (early, early.stamp) == (log.signed.of_size(12), b"early")
        assert log.signed.covering(13).stamp == b"later"
        assert log.signed.covering(19).stamp is None


def test_the_newer_call_of_an_id_is_packed_without_the_older_one(place: Place, key):
    with opened(place) as archive:
        archive.store.write([*call("c-1", 1), *call("c-2", 7), *call("c-1", 13)])
        log = log_of(archive, key)
        signed(archive, log)
        assert [position for position, _ in log.of_call("c-1").events] == list(range(12, 18))
        assert checked(packed(log, "c-1"), load_signer(key)).verdict == "PROVEN"


def test_an_erased_call_is_gone_and_all_others_verify(place: Place, key):
    with opened(place) as archive:
        archive.store.write([*call("c-1", 1), *call("c-2", 7)])
        log = log_of(archive, key)
        before = signed(archive, log)
        archive.store.erase("c-1")
        archive.store.write(call("c-3", 13))
        assert log.of_call("c-1") == CallLeaves([], [])
        assert log.of_call("c-1").end == 0
        signed(archive, log)
        for call_id in ("c-2", "c-3"):
            report = checked(packed(log, call_id), load_signer(key), seen=[log.opened(before.note)])
            assert report.verdict == "PROVEN"


def test_a_call_that_retention_has_half_removed_is_proven_in_part(place: Place, key):
    with opened(place) as archive:
        archive.store.write(call("c-1", 1))
        log = log_of(archive, key)
        signed(archive, log)
        with archive.database.engine.begin() as connection:
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.cursor <= 2))
        assert checked(packed(log, "c-1"), load_signer(key)).verdict == "PROVEN IN PART"


def test_another_key_signs_the_same_leaves_as_a_log_of_its_own(place: Place, key, tmp_path):
    make_keys("example.com/new", tmp_path / "new.key")
    with opened(place) as archive:
        archive.store.write(call())
        old = signed(archive, log_of(archive, key))
        new_log = log_of(archive, tmp_path / "new.key")
        new = signed(archive, new_log)
        assert open_checkpoint(old.note, load_signer(key).verifier).root == new_log.opened(new.note).root
        assert log_of(archive, key).signed.newest() == old
        with pytest.raises(BadEvidence, match="not signed by"):
            packed(new_log, "c-1", old)


def test_what_is_altered_is_neither_signed_nor_packed(place: Place, key):
    with opened(place) as archive:
        archive.store.write([*call("c-1", 1), *call("c-2", 7)])
        log = log_of(archive, key)
        one = signed(archive, log)
        with archive.database.engine.begin() as connection:
            changed = sa.update(LEAVES).where(LEAVES.c.position == 2).values(hash=bytes(32))
            connection.execute(changed)
        fresh = log_of(archive, key)
        with pytest.raises(BadEvidence, match="the store is altered"):
            packed(fresh, "c-2", one)
        with pytest.raises(BadEvidence, match="would not verify"):
            packed(log, "c-2", one)  # the log of a server that had read the leaves before
        archive.store.write(call("c-3", 13))
        with pytest.raises(BadEvidence, match="the store is altered: its root at size 12"):
            fresh.sign_what_is_new()
        assert fresh.signed.newest() == one


def test_leaves_that_were_signed_are_not_hashed_again_by_the_next_server(place: Place, key):
    with opened(place) as archive:
        archive.store.write(call("c-1", 1, ticks=3000))
        log = log_of(archive, key)
        assert [number for number, _ in signed(archive, log).chunks] == [0, 1]
    with opened(place) as archive:
        log = log_of(archive, key)
        archive.store.write(call("c-2", 4001, ticks=100))
        read = []
        hashes = log._leaves.hashes
        log._leaves.hashes = lambda start, end: read.append(start) or hashes(start, end)
        assert [number for number, _ in signed(archive, log).chunks] == [2]
        assert min(read) == 2048
        known = log.signed.chunks()
        with archive.database.engine.begin() as connection:
            connection.execute(sa.delete(CHUNKS))
        fresh = log_of(archive, key)
        archive.store.write(call("c-3", 5001))
        assert list(signed(archive, fresh).chunks) == known  # computed anew
        for call_id in ("c-1", "c-2", "c-3"):
            assert checked(packed(fresh, call_id), load_signer(key)).verdict == "PROVEN"
        with archive.database.engine.begin() as connection:
            connection.execute(sa.update(CHUNKS).where(CHUNKS.c.number == 1).values(root=bytes(32)))
        archive.store.write(call("c-4", 6001))
        with pytest.raises(BadEvidence, match="the store is altered"):
            log_of(archive, key).sign_what_is_new()


def test_a_changed_event_is_not_packed(place: Place, key):
    with opened(place) as archive:
        archive.store.write(call("c-1", 1))
        log = log_of(archive, key)
        signed(archive, log)
        with archive.database.engine.begin() as connection:
            connection.execute(sa.update(EVENTS).where(EVENTS.c.cursor == 3).values(body=b'{"level":0}'))
        with pytest.raises(BadEvidence, match="leaf 2 is not the one that the log holds"):
            packed(log, "c-1")


def test_lost_leaves_are_told_before_anything_is_signed(place: Place, key):
    with opened(place) as archive:
        archive.store.write(call("c-1", 1))
        signed(archive, log_of(archive, key))
        with archive.database.engine.begin() as connection:
            connection.execute(sa.delete(LEAVES).where(LEAVES.c.position >= 3))
        with pytest.raises(BadEvidence, match="has signed 6 leaves and would now have 3"):
            log_of(archive, key).sign_what_is_new()


@examples(25)
@given(cuts=st.lists(st.integers(1, 5), max_size=8))
def test_however_often_a_log_is_signed_each_call_is_proven(tmp_path_factory, cuts):
    folder = tmp_path_factory.mktemp("log")
    make_keys(NAME, folder / "log.key")
    with opened(Place(folder, "")) as archive:
        log = log_of(archive, folder / "log.key")
        seen, records = [], [*call("c-1", 1), *call("c-2", 7), *call("c-3", 13)]
        for cut in [*cuts, len(records)]:
            if records[:cut]:
                archive.store.write(records[:cut])
                seen.append(log.opened(signed(archive, log).note))
            records = records[cut:]
        for call_id in ("c-1", "c-2", "c-3"):
            report = checked(packed(log, call_id), load_signer(folder / "log.key"), seen=seen)
            assert report.verdict == "PROVEN"


def test_beside_a_server_an_archive_is_read_and_not_changed(place: Place, tmp_path_factory):
    with opened(place) as archive:
        archive.store.write(call())
        with pytest.raises(InUse, match="in use by another server"):
            Database(place.folder, place.url)
        beside = Database(place.folder, place.url, alone=False)
        with beside.engine.connect() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(EVENTS)).scalar() == 6
        beside.close()
        with archive.database.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
        with pytest.raises(BadSettings, match="older version: start the server"):
            Database(place.folder, place.url, alone=False)


def test_keys_are_read_before_the_archive_is_touched(tmp_path, key):
    settings = EvidenceSettings(key=str(tmp_path / "missing.key"))
    with pytest.raises(BadSettings, match="cannot be read"):
        Archive(tmp_path, evidence=settings)
    assert not (tmp_path / "archive.lock").exists()
    roots = EvidenceSettings(key=str(key), tsa_url="http://127.0.0.1:9/", tsa_ca=str(key))
    with pytest.raises(BadSettings, match="no certificates"):
        LogKeys(roots)
    archive = Archive(tmp_path, evidence=EvidenceSettings(key=str(key)))
    assert archive.evidence.key.startswith(NAME)
    archive.close()
    archive = Archive(tmp_path, evidence=EvidenceSettings())
    assert archive.evidence is None
    archive.close()


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"key": "a\0b"}, "evidence.key"),
        ({"key": "k", "every_s": 0.5}, "every_s"),
        ({"key": "k", "every_s": 1e9}, "every_s"),
        ({"tsa_url": "https://tsa.example/", "tsa_ca": "root.pem"}, "needs evidence.key"),
        ({"key": "k", "tsa_url": "https://tsa.example/"}, "tsa_ca"),
        ({"key": "k", "tsa_ca": "root.pem"}, "together"),
        ({"secret": "k"}, "unknown field"),
        *(
            ({"key": "k", "tsa_ca": "root.pem", "tsa_url": url}, "tsa_url")
            for url in ("tsa.example", "ftp://a/", "http://", "http://a@b/", "http://a:99999/", "http://a/ b")
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields, word):
    with pytest.raises(BadSettings, match=word):
        Settings.from_mapping({"evidence": fields})


@examples(200)
@given(url=st.text(max_size=30) | st.from_regex(r"https?://[a-z.:0-9@/]{1,20}", fullmatch=True))
def test_an_address_that_is_taken_can_be_asked(url):
    from sentiment_engine.archive import anchors  # noqa: PLC0415

    try:
        settings = EvidenceSettings(key="k", tsa_ca="c", tsa_url=url)
    except BadSettings:
        return
    if settings.tsa_url:
        with pytest.raises(BadSettings, match="needs a root certificate"):
            anchors.request_stamp(url, b"", ())


@pytest.mark.parametrize(
    "url", ["http://tsa.example", "https://[::1]:3161/tsr?a=b", "http://127.0.0.1:9/tsr"]
)
def test_usual_addresses_of_authorities_are_taken(url):
    assert EvidenceSettings(key="k", tsa_ca="c", tsa_url=url).tsa_url == url
