"""A Genesys client that trusts nobody: it checks every rule that the vendor's own client checks, and more."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
import time
import uuid
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sentiment_engine.live.app import LiveServer

NULL = "00000000-0000-0000-0000-000000000000"
STEREO = ("external", "internal")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|" + NULL)
ENVELOPE = ["version", "type", "id", "seq", "clientseq", "parameters"]
PARAMETERS = {
    "closed": ((), ()),
    "disconnect": (("reason",), ("info",)),
    "event": (("entities",), ()),
    "opened": (("media",), ("startPaused", "discardTo", "supportedLanguages")),
    "pause": ((), ()),
    "pong": ((), ()),
    "reconnect": ((), ("info",)),
    "resume": ((), ()),
    "updated": ((), ()),
}
"""Message of the server -> parameters it must and may have, in the vendor's order."""


def medium(*channels: str, form: str = "PCMU") -> dict[str, Any]:
    return {"type": "audio", "format": form, "channels": list(channels), "rate": 8000}


def seconds(value: float) -> str:
    return f"PT{value:.9f}".rstrip("0").rstrip(".") + "S"


def signed(
    key: str,
    secret: bytes,
    authority: str,
    target: str = "/v1/audiohook",
    *,
    created: float | None = None,
    nonce: str | None = None,
    **ids: str,
) -> dict[str, str]:
    """Headers of a handshake, signed as Genesys does it."""
    fields = {
        "audiohook-organization-id": ids.get("organization", str(uuid.uuid4())),
        "audiohook-session-id": ids.get("session", str(uuid.uuid4())),
        "audiohook-correlation-id": str(uuid.uuid4()),
        "x-api-key": key,
    }
    covered = {"@request-target": target, "@authority": authority, **fields}
    at = int(time.time() if created is None else created)
    listed = " ".join(f'"{name}"' for name in covered)
    nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
    tail = f'({listed});keyid="{key}";nonce="{nonce}";alg="hmac-sha256";created={at};expires={at + 30}'
    base = "".join(f'"{name}": {value}\n' for name, value in covered.items()) + f'"@signature-params": {tail}'
    mac = base64.b64encode(hmac.digest(secret, base.encode(), hashlib.sha256)).decode()
    return {**fields, "signature-input": f"sig1={tail}", "signature": f"sig1=:{mac}:"}


class Session:
    """One session, from its handshake to its close; an async context manager."""

    def __init__(self, server: LiveServer, *, headers: dict[str, str] | None = None, **opening: Any) -> None:
        self._url = server.url + "/v1/audiohook"
        self._headers = headers or {}
        self.id = self._headers.get("audiohook-session-id", str(uuid.uuid4()))
        self.opening: dict[str, Any] = {
            "organizationId": self._headers.get("audiohook-organization-id", str(uuid.uuid4())),
            "conversationId": str(uuid.uuid4()),
            "participant": {"id": str(uuid.uuid4()), "ani": "+1-555-555-1234", "aniName": "J", "dnis": "+1"},
            "media": [medium(*STEREO), medium("external"), medium("internal")],
            "language": "en-US",
            **opening,
        }
        self.seq = self.serverseq = 0
        self.position_s = 0.0
        self.said: list[dict[str, Any]] = []
        self.closing = self._ponged = False
        self._pings: list[int] = []
        self._news = asyncio.Condition()

    @property
    def conversation(self) -> str:
        return self.opening["conversationId"]

    async def __aenter__(self) -> "Session":
        self.socket: ClientConnection = await connect(
            self._url, additional_headers=self._headers, compression=None, open_timeout=5
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await self.socket.close()
        if kind is None:
            await self._reader  # raises what it found wrong
        else:
            self._reader.cancel()

    # -- what it says

    async def say(self, kind: str, parameters: dict[str, Any], **envelope: Any) -> None:
        self.seq += 1
        message = {
            "version": "2",
            "type": kind,
            "id": self.id,
            "seq": self.seq,
            "serverseq": self.serverseq,
            "position": seconds(self.position_s),
            "parameters": parameters,
            **envelope,
        }
        await self.socket.send(json.dumps(message))

    async def open(self) -> dict[str, Any]:
        await self.say("open", self.opening)
        opened = await self.hear("opened", within_s=5.0)
        media = opened["parameters"]["media"]
        assert len(media) <= 1
        assert all(entry in self.opening["media"] for entry in media)
        return opened

    async def audio(self, data: bytes, samples: int, step: int = 1600) -> None:
        """Binary frames of ``step`` samples of each channel."""
        assert not self.closing
        width = len(data) // samples
        for at in range(0, len(data), step * width):
            await self.socket.send(data[at : at + step * width])
        self.position_s += samples / 8000

    async def ping(self, rtt_s: float | None = None) -> dict[str, Any]:
        self._pings.append(self.seq + 1)
        before = len(self.said)
        await self.say("ping", {} if rtt_s is None else {"rtt": seconds(rtt_s)})
        return await self.hear("pong", after=before)

    async def pause(self) -> None:
        """As the vendor's client does it: twice."""
        await self.say("paused", {})
        await self.say("paused", {})

    async def resume(self, paused_s: float) -> None:
        start_s, self.position_s = self.position_s, self.position_s + paused_s
        await self.say("resumed", {"start": seconds(start_s), "discarded": seconds(paused_s)})

    async def close(self, reason: str = "end") -> dict[str, Any]:
        """The close transaction; the socket is closed by this client, after ``closed``."""
        if not self.closing:
            self.closing = True
            await self.say("close", {"reason": reason})
        closed = await self.hear("closed", within_s=10.0)
        assert closed["clientseq"] == self.seq
        await self.socket.close()
        return closed

    # -- what it hears

    async def hear(self, kind: str, *, after: int = 0, within_s: float = 10.0) -> dict[str, Any]:
        """The first message of a type, beyond the first ``after`` messages."""

        def found() -> dict[str, Any] | None:
            return next((each for each in self.said[after:] if each["type"] == kind), None)

        async with self._news, asyncio.timeout(within_s):
            await self._news.wait_for(lambda: found() or self._reader.done())
        if (message := found()) is None:
            self._reader.result()
            raise AssertionError(f"closed with {self.socket.close_code} before {kind}; heard {self.said}")
        return message

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                assert isinstance(data, str), "binary"
                assert len(data) <= 65_535
                self._check(json.loads(data))
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            asyncio.get_running_loop().call_soon(asyncio.ensure_future, self._wake())

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _check(self, message: dict[str, Any]) -> None:
        assert list(message) == ENVELOPE
        assert message["version"] == "2"
        assert message["id"] == self.id
        assert UUID.fullmatch(message["id"])
        assert message["seq"] == self.serverseq + 1
        assert isinstance(message["clientseq"], int)
        assert 0 <= message["clientseq"] <= self.seq
        self.serverseq = message["seq"]
        kind, parameters = message["type"], message["parameters"]
        must, may = PARAMETERS[kind]
        assert list(parameters) == [name for name in (*must, *may) if name in parameters]
        assert set(must) <= set(parameters)
        assert not any(each["type"] == "closed" for each in self.said), "a word after closed"
        match kind:
            case "opened":
                assert not self.said
            case "pong":
                assert self._pings.pop(0) == message["clientseq"]
                self._ponged = True
            case "event":
                assert self._ponged, "an event before the first pong"
                assert parameters["entities"], "no entities"
            case "closed":
                assert self.closing, "closed without a close"
            case "disconnect":
                assert parameters["reason"] in ("completed", "unauthorized", "error")
        self.said.append(message)
