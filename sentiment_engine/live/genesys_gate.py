"""Before ``/v1/audiohook``: a handshake without a good signature gets 401, and no socket."""

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.dialects.genesys_signature import Nonces, Request, verified
from sentiment_engine.live.door import Caller, Door
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings_door import DoorSettings
from sentiment_engine.settings_genesys import GenesysKey, GenesysSettings

log = structlog.get_logger(__name__)

DEFAULT_PORTS = {"http": 80, "https": 443}
SHORTEST_SECRET = 16
LONGEST_SECRET_FILE = 4096
HTTP_STATUS = {"unauthorized": 401, "limit_reached": 429, "overloaded": 503}


def read_secrets(settings: GenesysSettings, environment: Mapping[str, str]) -> dict[str, bytes]:
    """The client secrets of all keys, by API key.

    Args:
        settings: checked settings; files are read.
        environment: the process's environment variables.

    Raises:
        BadSettings: one is missing, is no base64, or has fewer than 16 bytes. No message holds any of it.
    """
    return {key.api_key: _secret(key, environment) for key in settings.keys}


def _secret(key: GenesysKey, environment: Mapping[str, str]) -> bytes:
    where = f"genesys.keys {key.api_key[:60]}: "
    if key.secret_env:
        where += f"the environment variable {key.secret_env}"
        text = environment.get(key.secret_env)
        if text is None:
            raise BadSettings(f"{where} is not set: it must hold the client secret")
    else:
        where += f"the file {key.secret_file}"
        try:
            with Path(key.secret_file).open(encoding="ascii") as file:
                text = file.read(LONGEST_SECRET_FILE)
        except (OSError, ValueError) as reason:
            raise BadSettings(f"{where} cannot be read: {type(reason).__name__}") from None
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadSettings(f"{where} holds no base64: copy the client secret as Genesys has it") from None
    if len(secret) < SHORTEST_SECRET:
        raise BadSettings(f"{where} holds {len(secret)} bytes: at least {SHORTEST_SECRET}, better 32")
    return secret


def signed_address(public_url: str) -> tuple[str, str]:
    """What a client signs of an address: host and port, and the path before ours; both empty for none."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    authority = f"[{host}]" if ":" in host else host
    if parts.port not in (None, DEFAULT_PORTS.get(parts.scheme)):
        authority += f":{parts.port}"
    return authority, parts.path.rstrip("/")


class GenesysGate:
    """ASGI middleware of one route, behind the guard. Without keys it lets all through: then tokens decide.

    The application behind it finds the holder of the key as ``scope["state"]["caller"]``.

    Args:
        app: what is guarded.
        secrets: of :func:`read_secrets`.
        settings: how many connections and calls a key may have, and the public address.
        door: counts connections.
        metrics: counts refusals.
        clock: Unix time, seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        secrets: Mapping[str, bytes],
        settings: DoorSettings,
        door: Door,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app, self._secrets, self._metrics, self._clock = app, secrets, metrics, clock
        self._settings, self._door = settings, door
        self._authority, self._prefix = signed_address(settings.public_url)
        self._nonces = Nonces()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One handshake, and what follows it."""
        with ExitStack() as inside:
            try:
                if self._secrets:
                    caller = self._caller(scope)
                    inside.enter_context(self._door.inside(caller))
                    scope = {**scope, "state": {**scope["state"], "caller": caller}}
            except Refused as refused:
                await self._turn_away(refused, scope, receive, send)
                return
            await self._app(scope, receive, send)

    async def _turn_away(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.errors.labels(refused.code).inc()
        log.warning("refused", path=scope["path"], code=refused.code, reason=refused.message)
        headers = {"Cache-Control": "no-store"}
        if refused.code == "unauthorized":
            headers["WWW-Authenticate"] = 'Signature realm="sentiment-engine"'
        answer = Response(refused.frame(), HTTP_STATUS[refused.code], headers, media_type="application/json")
        await answer(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        joined = {name: ", ".join(headers.getlist(name)) for name in headers}
        target = self._prefix + scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        now_s = self._clock()
        request = Request(target, self._authority or joined.get("host", "").lower(), joined)
        signed = verified(request, self._secrets, now_s)
        self._nonces.use(signed, now_s)
        limits = self._settings.max_connections, self._settings.max_calls
        return Caller(f"genesys {signed.key_id}", "ingest", *limits)
