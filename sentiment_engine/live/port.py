"""The port: a listening socket, and uvicorn told to drain before it closes what has come in."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from starlette.applications import Starlette

from sentiment_engine.errors import BadSettings
from sentiment_engine.live.transport import HttpProtocol, WebSocketProtocol
from sentiment_engine.settings import Settings

SEND_BUFFER_BYTES = 262_144
"""Kernel memory for one peer that does not read; without it Linux lets it grow to megabytes."""


def config_of(app: Starlette, settings: Settings, tls: ssl.SSLContext | None) -> uvicorn.Config:
    """How uvicorn serves ``app``."""
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=settings.live.max_message_bytes,
        ws_per_message_deflate=False,  # speech does not shrink, and a compressor costs memory a socket
        lifespan="off",
        log_config=None,
        access_log=False,
        log_level="warning",  # below it uvicorn logs queries, and whole handshakes
        proxy_headers=settings.door.behind_proxy,  # or anybody here could invent an address
        forwarded_allow_ips=list(settings.door.proxies),
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


class Uvicorn(uvicorn.Server):
    """uvicorn, told to drain before it closes sockets, and to leave signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()

    def hurry(self) -> None:
        """Waits for nobody any more."""
        self.force_exit = True
        if self._draining is not None:
            self._draining.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining = asyncio.create_task(self._drain())
        await asyncio.wait({self._draining})
        if not self._draining.cancelled():
            self._draining.result()
        await super().shutdown(sockets)


def listening(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket that listens; raises BadSettings, which names ``option``, when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(
        socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES
    )  # inherited by what it accepts
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as reason:
        listener.close()
        raise BadSettings(
            f"cannot listen on {host} port {port}: {reason}; choose another {option}"
        ) from reason
    return listener
