"""``evidence verify`` and ``evidence key new``, as they are typed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from evidence_logs import KEY, OTHER_KEY, exported, two_calls
from time_authority import TimeAuthority

from sentiment_engine.archive.anchors import request_stamp
from sentiment_engine.archive.keys import load_signer
from sentiment_engine.archive.merkle import leaf_hash
from sentiment_engine.archive.signing import to_base64
from sentiment_engine.archive.timestamps import load_roots


def evidence(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "sentiment_engine", "evidence", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


@pytest.fixture
def folder(tmp_path):
    log = two_calls()
    (tmp_path / "good.zip").write_bytes(exported(log, earlier=[log.checkpoint(5)]))
    (tmp_path / "kept.txt").write_bytes(log.checkpoint(5))
    (tmp_path / "forked.txt").write_bytes(two_calls("rage").checkpoint(5))
    (tmp_path / "log.pub").write_text(f"{KEY.verifier}\n")
    (tmp_path / "other.pub").write_text(f"{OTHER_KEY.verifier}\n")
    return tmp_path


def test_a_good_bundle_gives_one_line_and_status_0(folder):
    done = evidence("verify", folder / "good.zip", "--key", folder / "log.pub", "--seen", folder / "kept.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("PROVEN: of call 'c-1', 6 events and 1 review stand unaltered")
    assert "the log's first 5 leaves are as in the checkpoint you kept" in done.stdout


def test_what_is_not_proven_gives_one_line_and_status_1(folder):
    log = two_calls()
    data = bytearray((folder / "good.zip").read_bytes())
    data[data.index(b"calm")] ^= 1
    (folder / "bad.zip").write_bytes(data)
    (folder / "part.zip").write_bytes(exported(log, events=list(log.leaves("c-1", review=False))[:-1]))
    (folder / "none.zip").write_bytes(b"hello")
    for name, key, more, says in (
        ("bad.zip", "log.pub", (), "NOT PROVEN: leaf 0 (line 1 of events.jsonl) was altered;"),
        ("part.zip", "log.pub", (), "PROVEN IN PART: "),
        ("none.zip", "log.pub", (), "NOT PROVEN: this is not an evidence bundle"),
        ("good.zip", "other.pub", (), "NOT PROVEN: the note is not signed by example.com/calls+"),
        ("good.zip", "log.pub", ("--seen", folder / "forked.txt"), "NOT PROVEN: the log is forked"),
    ):
        done = evidence("verify", folder / name, "--key", folder / key, *more)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout.count("\n") == 1
        assert done.stdout.startswith(says)


def test_a_time_stamp_is_checked_with_the_authoritys_certificate(folder):
    authority = TimeAuthority(folder / "authority")
    log = two_calls()
    with authority.serving() as url:
        stamp = request_stamp(url, log.checkpoint(), load_roots(authority.root))
    (folder / "stamped.zip").write_bytes(exported(log, timestamps=[stamp]))
    verify = ("verify", folder / "stamped.zip", "--key", folder / "log.pub")
    done = evidence(*verify, "--tsa-ca", authority.root)
    assert done.returncode == 0
    assert "by the clock of 'CN=Test Clock'" in done.stdout
    assert "give --tsa-ca" in evidence(*verify).stdout
    assert evidence(*verify, "--tsa-ca", folder / "log.pub").returncode == 2


def test_the_manuals_check_by_hand_needs_none_of_our_programs(folder):
    authority = TimeAuthority(folder / "authority")
    log = two_calls()
    with authority.serving() as url:
        stamp = request_stamp(url, log.checkpoint(), load_roots(authority.root))
    (folder / "c-1.zip").write_bytes(exported(log, timestamps=[stamp]))
    (folder / "tsa-root.pem").write_bytes(authority.root.read_bytes())
    manual = (Path(__file__).parent.parent / "docs" / "evidence.md").read_text(encoding="utf-8")
    (by_hand,) = re.findall(r"```bash\n(unzip.*?)```", manual, flags=re.DOTALL)
    done = subprocess.run(["bash", "-euc", by_hand], capture_output=True, text=True, check=True, cwd=folder)
    third = [to_base64(leaf_hash(data)) for _, data in log.leaves("c-1", review=False)][2]
    assert third in done.stdout
    assert f'"hash":"{third}"' in done.stdout
    assert "Verification: OK" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("good.zip",),
        ("good.zip", "--key", "missing.pub"),
        ("good.zip", "--key", "kept.txt"),
        ("missing.zip", "--key", "log.pub"),
        (".", "--key", "log.pub"),
        ("good.zip", "--key", "log.pub", "--tsa-ca", "missing.pem"),
        ("good.zip", "--key", "log.pub", "--seen", "missing.txt"),
        ("good.zip", "--key", "log.pub", "--seen", "good.zip"),
        ("good.zip", "--key", "other.pub", "--seen", "kept.txt"),
    ],
)
def test_unusable_arguments_give_status_2_and_no_verdict(folder, arguments):
    done = evidence("verify", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_new_key_signs_and_its_public_half_verifies(tmp_path):
    done = evidence("key", "new", "--name", "example.com/new", "--out", tmp_path / "log.key")
    assert done.returncode == 0
    signer = load_signer(tmp_path / "log.key")
    assert done.stdout == f"{signer.verifier}\n" == (tmp_path / "log.key.pub").read_text()
    assert signer.secret_text() not in done.stdout + done.stderr
    (tmp_path / "c.zip").write_bytes(exported(two_calls(), key=signer))
    assert evidence("verify", tmp_path / "c.zip", "--key", tmp_path / "log.key.pub").returncode == 0
    again = evidence("key", "new", "--name", "example.com/new", "--out", tmp_path / "log.key")
    assert again.returncode == 2
    assert "never overwritten" in again.stderr
