"""``serve --data``: what one server was told, the next one tells, however the first one went."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from live_server import in_loop, small_talk, start
from websockets.asyncio.client import connect

pytestmark = pytest.mark.slow

WEBHOOK = """
[[webhooks]]
name = "crm"
url = "https://crm.example.com/hook"
secret_env = "CRM_SECRET"
"""


@contextmanager
def served(*arguments: object) -> Iterator[tuple[subprocess.Popen, str]]:
    """The command, and where it listens."""
    command = [sys.executable, "-m", "sentiment_engine", "serve", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stderr if line.startswith("listening on "))
            yield process, line.split()[2].rstrip(":")
        finally:
            process.kill()
            process.communicate()


def refused(*arguments: object) -> str:
    command = [sys.executable, "-m", "sentiment_engine", "serve", "--port", "0", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr


@in_loop
async def test_after_kill_minus_nine_the_next_server_goes_on_where_the_reader_was(tmp_path: Path):
    with served("--data", tmp_path / "new" / "data") as (process, url):
        async with connect(url + "/v1/feed") as reader, connect(url + "/v1/stream") as stream:
            await stream.send(start("c-1"))
            await stream.send(small_talk(6.0))
            got = [json.loads(await reader.recv()) for _ in range(5)]
            process.send_signal(signal.SIGKILL)
    with served("--data", tmp_path / "new" / "data") as (process, url):
        async with connect(f"{url}/v1/feed?since={got[2]['sequence']}", max_size=None) as reader:
            async with asyncio.timeout(10):
                more = [json.loads(await reader.recv())]
                while more[-1]["data"]["type"] != "call.ended":
                    more.append(json.loads(await reader.recv()))
        assert more[:2] == got[3:]
        assert more[-1]["data"]["reason"] == "error"
        async with httpx.AsyncClient() as http:
            (call,) = (await http.get(url.replace("ws", "http") + "/v1/calls")).json()["calls"]
        assert (call["call_id"], call["live"]) == ("c-1", False)
        assert "in use by another server" in refused("--data", tmp_path / "new" / "data")


def test_settings_that_need_an_archive_are_refused_without_one(tmp_path: Path, monkeypatch):
    config = tmp_path / "engine.toml"
    config.write_text(WEBHOOK)
    assert "--data" in refused("--config", config)
    assert "CRM_SECRET must hold" in refused("--config", config, "--data", tmp_path)
    config.write_text('[archive]\nurl = "postgresql+psycopg://127.0.0.1/x"\n')
    assert "--data" in refused("--config", config)
    config.write_text('[archive]\nurl = "postgresql+psycopg://u:geheim@127.0.0.1/x"\n')
    said = refused("--config", config, "--data", tmp_path)
    assert "PGPASSWORD" in said
    assert "geheim" not in said


def test_data_that_is_no_folder_is_refused():
    assert "cannot be made a folder" in refused("--data", __file__)
