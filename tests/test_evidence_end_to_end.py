"""From a call on a socket to a bundle that somebody else verifies, over a server that was killed."""

import asyncio
import hashlib
import json
import re
import signal
import sqlite3
from pathlib import Path

import httpx
import pytest
from live_server import in_loop, quarrel, small_talk, start
from test_archive_cli import refused, served
from test_evidence_cli import evidence
from time_authority import TimeAuthority
from websockets.asyncio.client import connect

pytestmark = pytest.mark.slow

NO_ANCHOR = "only internal consistency is shown"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key, settings that name it, and the place for an archive."""
    done = evidence("key", "new", "--name", "example.com/calls", "--out", tmp_path / "log.key")
    assert done.returncode == 0
    (tmp_path / "engine.toml").write_text(f'[evidence]\nkey = "{tmp_path / "log.key"}"\n')
    return tmp_path


def serve_arguments(folder: Path) -> tuple[object, ...]:
    return ("--data", folder / "data", "--config", folder / "engine.toml")


def export(folder: Path, call_id: str, *more: object):
    arguments = ("--data", folder / "data", "--config", folder / "engine.toml", "--out", folder / "out.zip")
    return evidence("export", call_id, *arguments, *more, cwd=folder)


def verify(folder: Path, *more: object):
    return evidence("verify", folder / "out.zip", "--key", folder / "log.key.pub", *more)


async def play_call(url: str, call_id: str, audio: bytes) -> None:
    async with connect(url + "/v1/stream", compression=None) as socket:
        await socket.send(start(call_id))
        await socket.send(audio)
        await socket.send('{"type":"stop"}')
        async with asyncio.timeout(30):
            while json.loads(await socket.recv())["type"] != "call.ended":
                pass


@in_loop
async def test_a_call_is_proven_over_a_kill_and_a_flipped_byte_is_found(folder: Path):
    with served(*serve_arguments(folder)) as (process, url):
        await play_call(url, "c-1", quarrel(3.0, 9.0))
        await play_call(url, "c-2", small_talk(3.0))
        async with (
            connect(url + "/v1/feed?types=tension.updated") as reader,
            connect(url + "/v1/stream") as cut,
        ):
            await cut.send(start("c-3"))
            await cut.send(small_talk(6.0))
            await reader.recv()
            process.send_signal(signal.SIGKILL)
    with served(*serve_arguments(folder)) as (process, url):
        async with httpx.AsyncClient(base_url=url.replace("ws", "http")) as http:
            for call_id in ("c-1", "c-3"):  # of which one was cut off, and ended by the second server
                got = await http.get(f"/v1/calls/{call_id}/evidence")
                (folder / "out.zip").write_bytes(got.content)
                done = await asyncio.to_thread(verify, folder)
                assert (done.returncode, done.stdout[:7]) == (0, "PROVEN:")
            note = await http.get("/v1/checkpoints")
            (folder / "kept.txt").write_bytes(note.content)
            # The command beside the server: it may read, and sign nothing.
            beside = await asyncio.to_thread(export, folder, "c-1")
            assert (beside.returncode, beside.stdout) == (0, "")
            await play_call(url, "c-4", small_talk(2.0))
            late = await asyncio.to_thread(export, folder, "c-4")
            assert late.returncode == 1
            assert "/v1/calls/c-4/evidence" in late.stderr
            assert (await http.delete("/v1/calls/c-2")).status_code == 200

    # With no server left: what was not signed yet is signed now.
    done = export(folder, "c-4")
    assert (done.returncode, done.stdout) == (0, "")
    proven = verify(folder, "--seen", folder / "kept.txt")
    assert proven.returncode == 0
    assert NO_ANCHOR in proven.stdout
    assert "as in the checkpoint you kept" in proven.stdout
    assert (folder / "out.zip").stat().st_mode & 0o077 == 0

    erased = export(folder, "c-2")
    assert erased.returncode == 1
    assert "it is not known, or was erased" in erased.stderr
    assert export(folder, "c-1", "--seen", folder / "kept.txt").returncode == 0
    proven = verify(folder, "--seen", folder / "kept.txt")
    assert (proven.returncode, proven.stdout[:7]) == (0, "PROVEN:")

    whole = bytearray((folder / "out.zip").read_bytes())
    whole[whole.index(b"tension.updated")] ^= 1
    (folder / "out.zip").write_bytes(whole)
    altered = verify(folder)
    assert altered.returncode == 1
    assert re.match(r"NOT PROVEN: leaf \d+ \(line \d+ of events.jsonl\) was altered", altered.stdout)

    # Whoever changes the archive itself, hash and all, cannot have it exported.
    archive = sqlite3.connect(folder / "data" / "archive.sqlite3")
    archive.execute("UPDATE leaves SET hash = zeroblob(32) WHERE position = 1")
    archive.commit()
    archive.close()
    done = export(folder, "c-1")
    assert done.returncode == 1
    assert "the store is altered" in done.stderr


@in_loop
async def test_with_an_outside_time_stamp_the_report_says_since_when(folder: Path):
    authority = TimeAuthority(folder / "authority")
    with authority.serving() as tsa:
        with (folder / "engine.toml").open("a") as settings:
            settings.write(f'every_s = 1\ntsa_url = "{tsa}"\ntsa_ca = "{authority.root}"\n')
        with served(*serve_arguments(folder)) as (_, url):
            await play_call(url, "c-1", small_talk(3.0))
            async with httpx.AsyncClient(base_url=url.replace("ws", "http")) as http, asyncio.timeout(30):
                # Not before the call's last leaves are under a checkpoint that was stamped.
                while b"timestamps/0.tsr" not in (await http.get("/v1/calls/c-1/evidence")).content:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            assert (await asyncio.to_thread(export, folder, "c-1")).returncode == 0
    done = verify(folder, "--tsa-ca", authority.root)
    assert done.returncode == 0
    assert "existed at" in done.stdout
    assert "by the clock of 'CN=Test Clock'" in done.stdout
    assert NO_ANCHOR not in done.stdout


def test_a_recording_is_packed_if_it_is_the_one_that_the_log_knows(folder: Path):
    (folder / "call.wav").write_bytes(b"the recording")
    (folder / "other.wav").write_bytes(b"another recording")

    async def talk() -> None:
        with served(*serve_arguments(folder)) as (_, url):
            await play_call(url, "c-1", small_talk(2.0))
            async with httpx.AsyncClient(base_url=url.replace("ws", "http")) as http:
                sha256 = hashlib.sha256(b"the recording").hexdigest()
                named = await http.post("/v1/calls/c-1/recording", json={"sha256": sha256})
                assert named.status_code == 200

    asyncio.run(talk())
    assert export(folder, "c-1", "--recording", folder / "other.wav").returncode == 1
    assert not (folder / "out.zip").exists()
    assert export(folder, "c-1", "--recording", folder / "call.wav").returncode == 0
    proven = verify(folder)
    assert proven.returncode == 0
    assert "the recording in the bundle is the one whose SHA-256 the log holds" in proven.stdout


def test_an_export_that_cannot_be_says_what_is_wrong(folder: Path):
    key = ("--key", folder / "log.key")
    data = folder / "data"
    for arguments, word in (
        (("c-1", "--data", data), "nothing is signed without a key"),
        (("c-1", "--data", data, *key), "there is no archive"),
        (("c-1", "--data", folder / "log.key", *key), "there is no archive"),
        (("c-1", "--data", data, "--key", folder / "missing"), "cannot be read"),
        (("c-1", "--data", data, *key, "--seen", folder / "missing"), "cannot be read"),
    ):
        done = evidence("export", *arguments, cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr
        assert "Traceback" not in done.stderr
    assert not data.exists()
    assert "add --data DIR" in refused("--config", folder / "engine.toml")


@in_loop
async def test_the_bundles_name_and_place_are_checked_and_nothing_half_written_stays(folder: Path):
    with served(*serve_arguments(folder)) as (_, url):
        await play_call(url, "通话/1", small_talk(2.0))
    arguments = ("--data", folder / "data", "--key", folder / "log.key")
    assert evidence("export", "通话/1", *arguments, cwd=folder).returncode == 0
    assert (folder / "___1.zip").is_file()
    done = evidence("export", "通话/1", *arguments, "--out", folder / "missing" / "x.zip")
    assert done.returncode == 2
    assert not await asyncio.to_thread(lambda: list(folder.glob(".*")))
    (folder / "forged.txt").write_text("example.com/calls\n1\nAAAA\n\nsigned\n")
    done = evidence("export", "通话/1", *arguments, "--seen", folder / "forged.txt", cwd=folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
