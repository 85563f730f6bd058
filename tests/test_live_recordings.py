"""Audio that a server keeps: all of it, on the call's own clock, for those who may hear it, until it goes."""

import asyncio
import hashlib
import io
import sys
from contextlib import asynccontextmanager

import httpx
import msgspec
import numpy as np
import pytest
import soundfile
from archives import Place
from documented import HOOKS
from doors import bearer
from evidence_logs import checked, everything
from live_server import (
    come_true,
    heard_s,
    in_loop,
    play,
    quarrel,
    refusal,
    rest,
    serving,
    small_talk,
    start,
    streaming,
    whole_call,
)
from typer.testing import CliRunner
from voices import SETTINGS
from websockets.asyncio.client import connect

from sentiment_engine import BadSettings
from sentiment_engine.archive.archive import DAY_MS, Archive
from sentiment_engine.archive.audio_key import make_audio_key
from sentiment_engine.archive.keys import load_signer, make_keys
from sentiment_engine.archive.records import now_ms
from sentiment_engine.cli import app
from sentiment_engine.live import recorder
from sentiment_engine.live.app import LiveServer
from sentiment_engine.pcm import decode
from sentiment_engine.settings_archive import ArchiveSettings
from sentiment_engine.settings_audio import AudioSettings
from sentiment_engine.settings_evidence import EvidenceSettings


@pytest.fixture
def key(tmp_path):
    make_audio_key(tmp_path / "audio.key")
    return tmp_path / "audio.key"


@asynccontextmanager
async def keeping(place: Place, key, *, keep=True, who=None, settings=SETTINGS, evidence=None, **audio):
    """A server that keeps audio, and a client of it."""
    wanted = AudioSettings(key=str(key), **audio)
    evidence = evidence or EvidenceSettings()
    settings = msgspec.structs.replace(settings, keep_audio=keep, audio=wanted, evidence=evidence)
    archive = Archive(place.folder, ArchiveSettings(url=place.url), evidence=evidence, audio=wanted)
    async with (
        serving(settings, archive=archive) as server,
        httpx.AsyncClient(
            base_url=server.url.replace("ws", "http"), headers=bearer(who), event_hooks=HOOKS
        ) as http,
    ):
        yield server, http


async def recorded(server: LiveServer, http: httpx.AsyncClient, call_id: str = "c-1") -> np.ndarray:
    """The samples of a call's recording, once it is whole."""
    await server._recording_desk.finished()
    got = await http.get(f"/v1/calls/{call_id}/recording")
    assert got.status_code == 200, got.text
    assert got.headers["content-type"] == "audio/flac"
    assert got.headers["cache-control"] == "no-store"
    return soundfile.read(io.BytesIO(got.content), dtype="int16")[0]


def sent(audio: bytes, encoding: str = "pcm_s16le") -> np.ndarray:
    return decode(encoding, audio, 2).T


def files(place: Place) -> list[str]:
    folder = place.folder / "audio"
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


@pytest.mark.parametrize("encoding", ["pcm_s16le", "mulaw", "alaw"])
@in_loop
async def test_what_a_call_sent_is_what_is_heard_again_and_the_log_has_its_hash(place: Place, key, encoding):
    audio = quarrel(3.0, 22.0)
    if encoding != "pcm_s16le":
        audio = np.random.default_rng(3).integers(0, 256, 8000 * 2 * 23, np.uint8).tobytes()
    async with keeping(place, key) as (server, http):
        await whole_call(server, "通话/1", audio, encoding=encoding)
        heard = await recorded(server, http, "通话/1")
        assert np.array_equal(heard, sent(audio, encoding))
        flac = (await http.get("/v1/calls/通话/1/recording")).content
        sha256 = hashlib.sha256(flac).hexdigest()
        told = (await http.get("/v1/calls/通话/1")).json()["recording"]
        assert told == {
            "live": False,
            "duration_s": len(heard) / 8000,
            "sample_rate": 8000,
            "sha256": sha256,
            "whole": True,
        }
        events = (await http.get("/v1/calls/通话/1/events?types=recording.hashed")).json()["events"]
        assert [event["data"]["sha256"] for event in events] == [sha256]
        assert events[0]["data"]["by"] == recorder.BY

        drawn = (await http.get("/v1/calls/通话/1/recording/peaks")).json()
        assert drawn["channels"] == ["agent", "customer"]
        assert (drawn["sample_rate"], drawn["per_second"]) == (8000, 20)
        assert drawn["duration_s"] == pytest.approx(len(heard) / 8000)
        for channel, pairs in enumerate(drawn["peaks"]):
            assert len(pairs) == 2 * 20 * drawn["duration_s"]
            assert max(pairs) == round(int(heard[:, channel].max()) * 127 / 32768)
    assert len(files(place)) == 1


@in_loop
async def test_a_gap_is_silence_and_a_call_can_be_heard_while_it_lives(place: Place, key, monkeypatch):
    monkeypatch.setattr(recorder, "PART_S", 1.0)
    first, then = small_talk(3.3), small_talk(2.0)
    async with keeping(place, key) as (server, http):
        async with streaming(server) as socket:
            await play(socket, first)
            await come_true(lambda: heard_s(server, "c-1") == 3.3)
            so_far = await recorded(server, http)
            assert (await http.get("/v1/calls/c-1")).json()["recording"]["live"]
            assert len(so_far) >= 3 * 8000
            assert np.array_equal(so_far, sent(first)[: len(so_far)])
            await socket.send(first[:3] + b"")  # most of a sample, which a gap cuts off
            await socket.send('{"type":"gap","seconds":25.5}')
            await play(socket, then)
            await socket.send('{"type":"stop"}')
            await rest(socket)
        heard = await recorded(server, http)
    expected = np.zeros((round(30.8 * 8000), 2), np.int16)
    expected[: len(sent(first))], expected[-len(sent(then)) :] = sent(first), sent(then)
    assert np.array_equal(heard, expected)


@in_loop
async def test_a_resumed_call_is_one_recording(place: Place, key):
    audio = small_talk(6.0)
    async with keeping(place, key) as (server, http):
        async with streaming(server) as socket:
            await play(socket, audio[:64_000])
            await come_true(lambda: heard_s(server, "c-1") == 2.0)
        await whole_call(server, "c-1", audio[64_000:])
        assert np.array_equal(await recorded(server, http), sent(audio))


@in_loop
async def test_a_call_that_declines_is_not_kept(place: Place, key):
    async with keeping(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(3.0), context={"keep_audio": False})
        await whole_call(server, "c-2", b"")
        await server._recording_desk.finished()
        for call_id in ("c-1", "c-2"):
            for path in ("", "/peaks"):
                refused = await http.get(f"/v1/calls/{call_id}/recording{path}")
                assert (refused.status_code, refused.json()["code"]) == (404, "no_recording")
            assert (await http.get(f"/v1/calls/{call_id}")).json()["recording"] is None
        assert (await http.get("/v1/calls/nobody/recording")).json()["code"] == "unknown_id"
        assert (await http.get("/v1/calls/c-1/recording?from=3")).json()["code"] == "bad_query"
    assert files(place) == []


@in_loop
async def test_without_being_asked_nothing_is_kept(place: Place, key):
    async with keeping(place, key, keep=False) as (server, http):
        await whole_call(server, "c-1", small_talk(12.0))
        assert (await http.get("/v1/calls/c-1/recording")).json()["code"] == "no_recording"
    assert files(place) == []


@pytest.mark.slow
@in_loop
async def test_what_a_killed_server_left_in_parts_the_next_one_finishes_once(tmp_path, key):
    place = Place(tmp_path, "")
    config = tmp_path / "engine.toml"
    config.write_text(f'keep_audio = true\n[audio]\nkey = "{key}"\n')
    command = (
        "-m",
        "sentiment_engine",
        "serve",
        "--port",
        "0",
        "--data",
        str(tmp_path),
        "--config",
        str(config),
    )
    audio = small_talk(25.0)
    server = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.PIPE)
    try:
        while not (said := (await server.stderr.readline()).decode()).startswith("listening on ws://"):
            assert said, "the server ended before it was ready"
        url = said.split()[2].rstrip(":")
        async with connect(url + "/v1/stream") as socket:
            await socket.send(start())
            await play(socket, audio)
            await come_true(lambda: len([path for path in files(place) if path.endswith("0.age")]) == 2)
            server.kill()
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()
    for _ in range(2):
        async with keeping(place, key) as (server, http):
            for _ in range(200):  # it is named in the log before its row says that it is whole
                if not (await http.get("/v1/calls/c-1")).json()["recording"]["live"]:
                    break
                await asyncio.sleep(0.05)
            assert [name[-9:] for name in files(place)] == [".flac.age"]
            heard = await recorded(server, http)
            assert len(heard) >= 20 * 8000
            assert np.array_equal(heard, sent(audio)[: len(heard)])
            found = (await http.get("/v1/calls/c-1/events?types=recording.hashed")).json()["events"]
            assert len(found) == 1


@in_loop
async def test_an_erased_call_is_not_heard_again(place: Place, key):
    async with keeping(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(3.0))
        await whole_call(server, "c-2", small_talk(3.0))
        await recorded(server, http)
        assert len(files(place)) == 2
        assert (await http.delete("/v1/calls/c-1")).status_code == 200
        assert len(files(place)) == 1
        assert (await http.get("/v1/calls/c-1/recording")).json()["code"] == "unknown_id"
        assert len(await recorded(server, http, "c-2")) == 24_000


@in_loop
async def test_an_id_that_comes_again_does_not_play_the_older_call(place: Place, key):
    async with keeping(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(3.0))
        await recorded(server, http)
        await whole_call(server, "c-1", small_talk(2.0), context={"keep_audio": False})
        assert (await http.get("/v1/calls/c-1/recording")).json()["code"] == "no_recording"
        await server._archive.expire(now_ms())
        assert files(place) == []


@in_loop
async def test_audio_goes_before_its_call_when_the_settings_say_so(place: Place, key):
    async with keeping(place, key, keep_days=30.0) as (server, http):
        await whole_call(server, "c-1", small_talk(3.0))
        await recorded(server, http)
        await server._archive.expire(now_ms() + 29 * DAY_MS)
        assert len(files(place)) == 1
        await server._archive.expire(now_ms() + 31 * DAY_MS)
        assert files(place) == []
        assert (await http.get("/v1/calls/c-1/recording")).json()["code"] == "no_recording"
        assert (await http.get("/v1/calls/c-1")).json()["recording"] is None
        assert (await http.get("/v1/calls/c-1/events")).json()["events"]


@in_loop
async def test_with_another_key_recordings_are_named_as_unreadable(place: Place, key, tmp_path):
    async with keeping(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(3.0))
        await recorded(server, http)
    make_audio_key(tmp_path / "other.key")
    async with keeping(place, tmp_path / "other.key") as (server, http):
        for path in ("", "/peaks"):
            refused = await http.get(f"/v1/calls/c-1/recording{path}")
            assert (refused.status_code, refused.json()["code"]) == (500, "recording_unreadable")
            assert "cannot be decrypted with this audio.key" in refused.json()["message"]
    async with keeping(place, "", keep=False) as (server, http):
        refused = await http.get("/v1/calls/c-1/recording")
        assert "the settings name no audio.key" in refused.json()["message"]
        assert (await http.delete("/v1/calls/c-1")).status_code == 200
    assert files(place) == []


@in_loop
async def test_a_disk_that_takes_no_audio_costs_audio_alone_and_says_so(place: Place, key, monkeypatch):
    monkeypatch.setattr(recorder, "PART_S", 1.0)
    audio = quarrel(2.0, 8.0)
    async with keeping(place, key) as (server, http):
        put, count = server._archive.audio.put, iter(range(100))

        def full(*args):
            if next(count) in (1, 3):
                raise OSError(28, "No space left on device")
            put(*args)

        monkeypatch.setattr(server._archive.audio, "put", full)
        said = await whole_call(server, "c-1", audio)
        assert any(event["type"] == "alert.raised" for event in said)
        heard = await recorded(server, http)
        told = (await http.get("/v1/calls/c-1")).json()["recording"]
        assert told["whole"] is False
        assert b"sentiment_engine_audio_parts_lost_total 2.0" in server.metrics.render()
    silent = [second for second in range(10) if not heard[second * 8000 : (second + 1) * 8000].any()]
    assert len(heard) == len(sent(audio))
    assert len(silent) == 2
    kept = np.ones(len(heard), bool)
    for second in silent:
        kept[second * 8000 : (second + 1) * 8000] = False
    assert np.array_equal(heard[kept], sent(audio)[kept])


@in_loop
async def test_a_disk_that_cannot_keep_up_is_not_waited_for(place: Place, key, monkeypatch):
    monkeypatch.setattr(recorder, "PART_S", 1.0)
    monkeypatch.setattr(recorder, "MOST_WAITING_BYTES", 70_000)
    async with keeping(place, key) as (server, http):
        may_go = asyncio.Event()
        write = server._recording_desk._write

        async def slow(part):
            await may_go.wait()
            await write(part)

        monkeypatch.setattr(server._recording_desk, "_write", slow)
        await whole_call(server, "c-1", small_talk(6.0))
        may_go.set()
        heard = await recorded(server, http)
        assert (await http.get("/v1/calls/c-1")).json()["recording"]["whole"] is False
    assert len(heard) == 48_000
    assert heard.any()


@in_loop
async def test_the_bundle_of_a_kept_call_holds_its_recording_and_proves_it(place: Place, key, tmp_path):
    make_keys("example.com/calls", tmp_path / "log.key")
    evidence = EvidenceSettings(key=str(tmp_path / "log.key"))
    async with keeping(place, key, evidence=evidence) as (server, http):
        await whole_call(server, "c-1", quarrel(3.0, 9.0))
        await recorded(server, http)
        flac = (await http.get("/v1/calls/c-1/recording")).content
        bundle = (await http.get("/v1/calls/c-1/evidence")).content
    report = checked(bundle, load_signer(tmp_path / "log.key"))
    assert report.verdict == "PROVEN"
    assert "the recording in the bundle is the one whose SHA-256 the log holds" in report.line()
    assert everything(bundle)["recording.flac"] == flac


@in_loop
async def test_a_recorder_may_name_its_own_file_beside_the_kept_one(place: Place, key):
    async with keeping(place, key) as (server, http):
        await whole_call(server, "c-1", small_talk(2.0))
        await recorded(server, http)
        other = hashlib.sha256(b"the recorder's file").hexdigest()
        for _ in range(2):
            named = await http.post("/v1/calls/c-1/recording", json={"sha256": other})
            assert named.status_code == 200
        again = await http.post("/v1/calls/c-1/recording", json={"sha256": "0" * 64})
        assert (again.status_code, again.json()["code"]) == (409, "recording_known")
        found = (await http.get("/v1/calls/c-1/events?types=recording.hashed")).json()["events"]
        assert len(found) == 2


# -- what cannot be


@pytest.mark.parametrize("wanted", ["no", 1, None, []])
@in_loop
async def test_a_context_that_is_no_answer_is_refused(wanted):
    async with serving() as server, connect(server.url + "/v1/stream") as socket:
        await socket.send(start(context={"keep_audio": wanted}))
        assert await refusal(socket) == ("bad_message", 1007)


def test_a_server_without_an_archive_or_its_key_keeps_no_audio(tmp_path, key):
    settings = msgspec.structs.replace(SETTINGS, keep_audio=True, audio=AudioSettings(key=str(key)))
    with pytest.raises(BadSettings, match="serve --data DIR"):
        LiveServer(settings, None, port=0)
    archive = Archive(tmp_path)
    with pytest.raises(BadSettings, match="opened with audio"):
        LiveServer(settings, None, port=0, archive=archive)
    archive.close()


def test_serve_and_the_key_from_the_command_line(tmp_path):
    done = CliRunner().invoke(app, ["audio", "key", "new", "--out", str(tmp_path / "audio.key")])
    assert done.exit_code == 0
    assert done.stdout.startswith("age1")
    (tmp_path / "engine.toml").write_text(f'keep_audio = true\n[audio]\nkey = "{tmp_path}/audio.key"\n')
    done = CliRunner().invoke(app, ["serve", "--config", str(tmp_path / "engine.toml")])
    assert done.exit_code == 2
    assert "keep_audio" in done.stderr
    assert "--data" in done.stderr
    assert (
        CliRunner().invoke(app, ["audio", "key", "new", "--out", str(tmp_path / "audio.key")]).exit_code == 2
    )
