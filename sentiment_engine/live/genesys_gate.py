"""Before ``/v1/audiohook``: a handshake without a good signature gets 401, and no socket."""

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.dialects.genesys_signature import Nonces, Request, verified
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings_genesys import GenesysKey, GenesysSettings

log = structlog.get_logger(__name__)

SHORTEST_SECRET = 16
LONGEST_SECRET_FILE = 4096


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


class GenesysGate:
    """ASGI middleware of one route. Without keys it lets everybody through: then tokens decide.

    The application behind it finds the API key of a verified signature as ``scope["state"]["genesys_key"]``.

    Args:
        app: what is guarded.
        settings: checked settings.
        secrets: of :func:`read_secrets`.
        metrics: counts refusals.
        clock: Unix time, seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: GenesysSettings,
        secrets: Mapping[str, bytes],
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app, self._secrets, self._metrics, self._clock = app, secrets, metrics, clock
        self._authority, self._prefix = settings.address()
        self._nonces = Nonces()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One handshake, and what follows it."""
        if self._secrets:
            try:
                key = self._key(scope)
            except Refused as refused:
                self._metrics.errors.labels(refused.code).inc()
                log.warning("refused", path=scope["path"], code=refused.code, reason=refused.message)
                status = 503 if refused.code == "overloaded" else 401
                headers = {"Cache-Control": "no-store"}
                if status == 401:
                    headers["WWW-Authenticate"] = 'Signature realm="sentiment-engine"'
                body = {"type": "error", "code": refused.code, "message": refused.message}
                await JSONResponse(body, status, headers)(scope, receive, send)
                return
            scope = {**scope, "state": {**scope.get("state", {}), "genesys_key": key}}
        await self._app(scope, receive, send)

    def _key(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        joined = {name: ", ".join(headers.getlist(name)) for name in headers}
        target = self._prefix + scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        now_s = self._clock()
        request = Request(target, self._authority or joined.get("host", "").lower(), joined)
        signed = verified(request, self._secrets, now_s)
        self._nonces.use(signed, now_s)
        return signed.key_id
