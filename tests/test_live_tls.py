"""TLS on both sides: what is believed, and what is said of files that cannot be."""

import json
import ssl
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from certificates import make
from doors import SECRETS, locked
from live_server import LoudIsAngry, come_true, in_loop, quarrel, rest, start

from sentiment_engine.batch.recordings import Recording
from sentiment_engine.client.link import Unreachable, connection
from sentiment_engine.client.play import Call, play
from sentiment_engine.client.trust import trust
from sentiment_engine.errors import BadSettings
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.tls import server_tls


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    return make(tmp_path_factory.mktemp("strangers"))


def secure_server(files, **how):
    return LiveServer(locked(), LoudIsAngry(), port=0, tls=server_tls(files.certificate, files.key), **how)


@in_loop
async def test_a_call_goes_through_tls_and_with_tokens_the_server_listens_beyond_this_machine(files):
    async with secure_server(files, host="0.0.0.0") as server:  # noqa: S104 - what is tested
        assert server.url.startswith("wss://")
        url = f"wss://127.0.0.1:{server.port}/v1/stream"
        tls = trust(url, files.authority)
        async with connection(url, SECRETS["ingest"], tls=tls) as socket:
            await socket.send(start())
            assert json.loads(await socket.recv())["type"] == "started"
            await socket.send('{"type":"stop"}')
            assert (await rest(socket))[-1]["reason"] == "stop"
        with pytest.raises(Exception, match="401"):
            await connection(url, None, tls=tls)
        await come_true(lambda: server.connections == 0)


@in_loop
async def test_a_player_without_the_authority_is_told_to_give_it(files, strangers, tmp_path):
    path = tmp_path / "call.wav"
    soundfile.write(path, np.zeros((8000, 2)), 8000, subtype="PCM_16")
    call = Call(call_id="c-1", language="en", stage="facts")
    async with secure_server(files) as server:
        url = f"{server.url}/v1/stream"

        async def played(url, authority):
            await play(
                Recording.open(path),
                url,
                call,
                speed=0,
                token=SECRETS["ingest"],
                tls=trust(url, authority),
                hear=heard.append,
                note=pytest.fail,
            )

        heard: list[str] = []
        await played(url, files.authority)
        assert json.loads(heard[-1])["type"] == "call.ended"
        for authority in (None, strangers.authority):
            with pytest.raises(Unreachable, match=r"not to be trusted.*--tls-ca"):
                await played(url, authority)
        with pytest.raises(Unreachable):
            await played(url.replace("wss", "ws"), None)
    async with LiveServer(locked(), LoudIsAngry(), port=0) as plain:
        with pytest.raises(Unreachable, match=r"no TLS.*use ws://"):
            await played(f"{plain.url}/v1/stream".replace("ws", "wss"), files.authority)


def test_old_versions_of_tls_are_not_spoken(files):
    assert server_tls(files.certificate, files.key).minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_used_are_named_with_the_reason(files, strangers, tmp_path):
    garbage, binary, absent = tmp_path / "garbage.pem", tmp_path / "binary.der", tmp_path / "absent.pem"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    binary.write_bytes(b"\xff\xfe\x00")
    locked_up = make(tmp_path / "locked", encrypted=True)
    for certificate, key, says in (
        (files.certificate, None, "--tls-cert and --tls-key belong together"),
        (None, files.key, "--tls-cert and --tls-key belong together"),
        (absent, files.key, "absent.pem: cannot be read"),
        (files.certificate, absent, "absent.pem: cannot be read"),
        (files.certificate, tmp_path, "cannot be read"),
        (garbage, files.key, "no usable PEM"),
        (files.certificate, garbage, "no usable PEM"),
        (files.certificate, files.certificate, "no usable PEM"),
        (files.certificate, binary, "is not UTF-8"),
        (files.certificate, strangers.key, "is not the key of"),
        (locked_up.certificate, locked_up.key, "is encrypted"),
    ):
        with pytest.raises(BadSettings, match=says) as refused:
            server_tls(certificate, key)
        assert "PRIVATE" not in str(refused.value)
    assert server_tls(None, None) is None


def test_an_authority_that_cannot_be_used_is_named_with_the_reason(files, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    for url, authority, says in (
        ("wss://127.0.0.1/v1/feed", tmp_path / "absent.pem", "cannot be read"),
        ("wss://127.0.0.1/v1/feed", tmp_path / "empty.pem", "no certificate"),
        ("wss://127.0.0.1/v1/feed", files.key, "no certificate"),
        ("ws://127.0.0.1/v1/feed", files.authority, "has no TLS"),
    ):
        with pytest.raises(BadSettings, match=says):
            trust(url, authority)
    assert trust("ws://127.0.0.1/v1/feed", None) is None
    assert trust("wss://127.0.0.1/v1/feed", None).verify_mode == ssl.CERT_REQUIRED


@pytest.mark.slow
def test_the_command_line_serves_and_streams_over_tls_with_a_token_it_has_made(files, tmp_path):
    def engine(*arguments):
        return [sys.executable, "-m", "sentiment_engine", *map(str, arguments)]

    made = subprocess.run(
        engine("token", "new", "--name", "pbx-1", "--role", "ingest"),
        capture_output=True,
        text=True,
        check=True,
    )
    secret, _, table = made.stdout.partition("\n")
    settings = tmp_path / "engine.toml"
    settings.write_text(table)
    path = tmp_path / "call.wav"
    soundfile.write(path, np.frombuffer(quarrel(1.0, 2.0), "<i2").reshape(-1, 2), 8000, subtype="PCM_16")
    serving = subprocess.Popen(
        engine(
            "serve",
            "--port",
            0,
            "--config",
            settings,
            "--tls-cert",
            files.certificate,
            "--tls-key",
            files.key,
        ),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = next(line for line in serving.stderr if line.startswith("listening on"))
        url = line.split("calls to ")[1].split(",")[0]
        assert url.startswith("wss://")
        arguments = ("stream", path, "--url", url, "--speed", 0, "--tls-ca", files.authority)
        done = subprocess.run(
            engine(*arguments, "--token", secret), capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout.splitlines()[-1])["type"] == "call.ended"
        refused = subprocess.run(engine(*arguments), capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode == 1
        assert "401 Unauthorized: a token is needed" in refused.stderr
    finally:
        serving.terminate()
        serving.wait(20)
