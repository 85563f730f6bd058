"""Secrets stay secret: a hostile session, and then a search through everything that it leaves behind."""

import asyncio
import base64
import contextlib
import json
import logging
import re
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest
from doors import SECRETS, bearer, entering, locked_server
from live_server import in_loop, start
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sentiment_engine.live.secrecy import new_token, sha256_of

OWN = "thought-of-by-somebody-7731-0455"
"""Not made by us, so it has no prefix to know it by."""
STALE = new_token()
"""Was ours once: no longer in the settings, still worth hiding."""
STALE_OWN = "thought-of-by-somebody-else-2290"


def fragments(secret: str) -> list[str]:
    """What would betray a secret: most of it, however it was cut or wrapped."""
    middle = secret[5:17]
    pair = base64.b64encode(f"pbx:{secret}".encode()).decode()
    return [middle, pair[8:24], sha256_of(secret)]


class Hostile:
    """One client after the other; keeps all that any of them is told."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.told: list[str] = []

    async def connects(self, path: str, headers=None, subprotocols=None, frames=()) -> None:
        how = {"additional_headers": headers, "subprotocols": subprotocols, "proxy": None}
        try:
            async with connect(self._url + path, compression=None, **how) as socket:
                self.told.append(repr(socket.response.headers))
                for frame in frames:
                    await socket.send(frame)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.3):
                        async for text in socket:
                            self.told.append(str(text))
            self.told.append(f"{socket.close_code} {socket.close_reason}")
        except InvalidHandshake as refused:
            response = refused.response
            self.told.append(f"{response.status_code} {response.headers!r} {response.body!r}")
        except ConnectionClosed as closed:
            self.told.append(str(closed))

    async def asks(self, path: str, headers=None) -> None:
        async with httpx.AsyncClient(base_url=self._url.replace("ws", "http")) as http:
            said = await http.get(path, headers=headers)
        self.told.append(f"{said.status_code} {said.headers!r} {said.text}")

    async def writes(self, raw: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(self._url).port)
        writer.write(raw)
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(0.5):
                self.told.append(repr(await reader.read(65_536)))
        writer.close()

    async def everywhere(self, secret: str, *, known: bool) -> None:
        """Shows a secret in each place where one could stand, right or wrong."""
        pair = base64.b64encode(f"pbx:{secret}".encode()).decode()
        reverse = base64.b64encode(f"{secret}:x".encode()).decode()
        for path in ("/v1/stream", "/v1/feed"):
            for headers in (
                {"Authorization": f"Bearer {secret}"},
                {"Authorization": f"Basic {pair}"},
                {"Authorization": f"Basic {reverse}"},
                {"Authorization": secret},
                {"Authorization": f"Bearer {secret} {secret}"},
                {"X-API-KEY": secret, "Cookie": f"t={secret}", "User-Agent": secret},
            ):
                await self.connects(path, headers)
                await self.asks("/v1/playbook", headers)
            await self.connects(path, subprotocols=["sentiment-engine.v1", f"token.{STALE}{secret}"])
            await self.connects(path, subprotocols=[f"token.{secret}"])
            for name in ("token", "access_token", "API_KEY", "password", "auth"):
                await self.connects(f"{path}?{name}={secret}")
                await self.asks(f"/v1/playbook?{name}={secret}")
            if secret.startswith("setk_"):  # an origin is told, so that it can be added to the list
                await self.connects(path, {"Origin": f"http://{secret}"})
            if known or secret.startswith("setk_"):  # nobody could know the others for what they are
                for query in ("types=", "calls=", "since=", ""):
                    await self.connects(f"{path}?{query}{secret}", bearer("admin"))
            await self.writes(f"GET {path}?token={secret} HTTP/1.1\r\nno header {secret}\r\n\r\n".encode())
            await self.writes(f"GET {path} HTTP/9.{secret}\r\n\r\n".encode())
            await self.writes(
                f"GET {path}?token={secret} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                f"Authorization: Bearer {secret}\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n"
                "Sec-WebSocket-Version: 99\r\n\r\n".encode()
            )
        await self.asks(f"/v1/{secret}")
        await self.in_frames(secret)

    async def in_frames(self, secret: str) -> None:
        """Shows it inside a session that has been let in."""
        context = {"token": secret, "auth": {"x": [secret]}}
        await self.connects(
            "/v1/stream", bearer("ingest"), frames=[start("ctx", context=context), '{"type":"stop"}']
        )
        if not secret.startswith("setk_"):
            return
        for frame in (
            json.dumps({"type": secret}),
            json.dumps({"type": "start", "token": secret}),
            start("c", encoding=secret),
            start("c", stage=secret),
            start("c", context=secret),
            start("c", channels=[secret]),
            start("c", language=secret),
            start("c", sample_rate=secret),
            start(secret + "x" * 200),
            start(secret, sample_rate=7),
            f"{{{secret}",
        ):
            await self.connects("/v1/stream", bearer("ingest"), frames=[frame])
        await self.connects("/v1/stream", bearer("ingest"), frames=[start(secret)])  # as the call's name


def engine_toml() -> str:
    tokens = {**SECRETS, "own": OWN}
    return "[door]\nfailures_per_minute = 100000\n" + "".join(
        f'[[door.tokens]]\nname = "{name}"\nrole = "{role}"\nsha256 = "{sha256_of(secret)}"\n'
        for name, secret in tokens.items()
        for role in ["legal" if name == "own" else name.removesuffix("-2")]
    )


@pytest.mark.slow
def test_a_hostile_session_leaves_no_secret_behind(tmp_path):
    (tmp_path / "engine.toml").write_text(engine_toml())
    log = tmp_path / "log"
    with log.open("w") as stderr:
        serving = subprocess.Popen(
            [
                *(sys.executable, "-m", "sentiment_engine", "serve", "--port", "0"),
                *("--config", tmp_path / "engine.toml"),
            ],
            stderr=stderr,
        )
    try:
        hostile = asyncio.run(session(log, serving))
    finally:
        serving.terminate()
        ended = serving.wait(30)
    assert ended == 0
    logged, told = log.read_text(), "\n".join(hostile.told)
    assert logged.count('"event": "refused"') > 100  # it was heard
    assert '"event": "call_started"' in logged
    assert '"code":"forbidden"' in told
    assert "not known here" in told
    assert "Traceback" not in logged
    for secret in (*SECRETS.values(), OWN, STALE, STALE_OWN):
        for fragment in fragments(secret):
            assert fragment not in logged
            assert fragment not in told


async def session(log, serving: subprocess.Popen) -> Hostile:
    async with asyncio.timeout(60):
        while "calls to ws://" not in log.read_text():
            assert serving.poll() is None
            await asyncio.sleep(0.05)
    url = re.search(r"calls to (ws://\S+)/v1/stream", log.read_text())[1]
    hostile = Hostile(url)
    async with connect(url + "/v1/feed", additional_headers=bearer("admin"), proxy=None) as feed:
        for secret, known in ((SECRETS["ingest"], True), (OWN, True), (STALE, False), (STALE_OWN, False)):
            await hostile.everywhere(secret, known=known)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                async for text in feed:
                    hostile.told.append(text)
    await hostile.asks("/metrics", bearer("admin"))
    return hostile


@in_loop
async def test_not_even_a_log_of_everything_holds_a_secret(caplog):
    caplog.set_level(logging.DEBUG)
    async with locked_server() as server:
        secret = SECRETS["ingest"]
        async with entering(server, "/v1/stream", "ingest"):
            pass
        for path, headers in (
            (f"/v1/stream?token={secret}", {}),
            (f"/v1/stream?x={secret}", {}),
            ("/v1/feed", bearer("ingest")),
            ("/v1/stream", {"Authorization": f"Bearer {STALE}"}),
        ):
            with pytest.raises(InvalidHandshake):
                await entering(server, path, headers=headers)
    ours = [
        record for record in caplog.records if not record.name.startswith(("websockets.client", "httpcore"))
    ]
    said = "\n".join(f"{record.name} {record.getMessage()} {record.args}" for record in ours)
    for one in (secret, STALE):
        assert one[5:17] not in said
