"""The live server: one port, from its first socket to a shutdown that loses nothing."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from sentiment_engine.cues import Cues
from sentiment_engine.emotion import EmotionModel
from sentiment_engine.errors import BadSettings
from sentiment_engine.live import nowhere
from sentiment_engine.live.agent_feed import AgentFeedSession
from sentiment_engine.live.answers import Answers
from sentiment_engine.live.api.bodies import Health, Readiness
from sentiment_engine.live.api.served import document
from sentiment_engine.live.asked import said
from sentiment_engine.live.assigning import Assigning
from sentiment_engine.live.audiosocket import AudioSocketPort, require_named_peers
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.cut_off import end_cut_off
from sentiment_engine.live.dialects import DIALECTS
from sentiment_engine.live.dialects.genesys import Genesys
from sentiment_engine.live.dialects.shape import Dialect
from sentiment_engine.live.door import Door, require_safe_address
from sentiment_engine.live.evidence import EvidenceDesk
from sentiment_engine.live.feed import FeedSession
from sentiment_engine.live.genesys_gate import GenesysGate, read_secrets
from sentiment_engine.live.guard import guarded
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.kept import Kept
from sentiment_engine.live.me import Me
from sentiment_engine.live.messages import CLOSE_CODES
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.live.pages import Pages
from sentiment_engine.live.phrases import Phrases
from sentiment_engine.live.playback import Playback
from sentiment_engine.live.port import Uvicorn, config_of, listening
from sentiment_engine.live.recorder import RecordingDesk, open_desk
from sentiment_engine.live.recording import Recordings
from sentiment_engine.live.reports import Reports
from sentiment_engine.live.reviews import Reviews
from sentiment_engine.live.reviews_owed import ReviewsOwed
from sentiment_engine.live.sse import SseFeed
from sentiment_engine.live.stream import StreamSession
from sentiment_engine.live.vendor import VendorSession
from sentiment_engine.live.webhooks import webhooks_of
from sentiment_engine.playbook import Playbook
from sentiment_engine.settings import Settings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)


class LiveServer:
    """The server as an async context manager: inside it, sockets are served; leaving it drains.

    Args:
        settings: checked settings.
        model: scores windows, in a thread of its own.
        playbook: phrases for alerts; without one alerts carry no suggestions.
        cues: what to look for in transcripts; without them transcripts raise nothing.
        host: a loopback address; another one takes tokens, and TLS or ``door.behind_proxy``.
        port: 0 for any free one; see :attr:`port`.
        tls: the server's certificate and key, see ``live/tls.py``.
        archive: keeps all that happens, and is closed with the server; without one nothing is kept.
        audiosocket_port: takes AudioSocket from Asterisk on the same ``host``, 0 for any free one; see
            ``audiosocket.port``. None: nowhere.

    Raises:
        BadSettings: ``host`` is not safe with these settings, the port cannot be had, a required notice has
            no cues, or a Genesys client secret cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        model: EmotionModel,
        playbook: Playbook | None = None,
        *,
        cues: Cues | None = None,
        host: str = "127.0.0.1",
        port: int = 8700,
        tls: ssl.SSLContext | None = None,
        archive: "Archive | None" = None,
        audiosocket_port: int | None = None,
    ) -> None:
        require_safe_address(host, settings.door, tls=tls is not None)
        self.door = Door(settings.door, host)
        self.settings = settings
        self._genesys_secrets = read_secrets(settings.genesys, os.environ)
        self.metrics = Metrics()
        self._archive = archive
        self._webhooks = webhooks_of(settings, archive, self.metrics)
        self.hub = Hub(settings.live, self.metrics, archive=archive)
        turn = asyncio.Lock()
        self._recording_desk: RecordingDesk | None = None
        if settings.keep_audio:
            self._recording_desk = open_desk(settings, archive, self.hub, self.metrics, turn)
        self.calls = Calls(
            settings, model, playbook, self.hub, self.metrics, cues=cues, recordings=self._recording_desk
        )
        self._phrases = Phrases(playbook, settings.playbook)
        self._me = Me(settings, archive)
        self._pages = Pages()
        self._sse = SseFeed(self.hub, settings.live, self.metrics)
        self._kept = Kept(archive, self.hub, self.calls, turn)
        self._assigning = Assigning(self._kept, self.hub, settings.door)
        self._recordings = Recordings(self._kept, self.hub)
        self._playback = Playback(archive)
        self._evidence = EvidenceDesk(archive, settings.evidence, self.metrics)
        self._reports = Reports(archive)
        self._reviews = Reviews(self._kept, self.hub, settings.reviews)
        self._answers = Answers(self._kept, self.hub, keeps=archive is not None)
        self._owed = ReviewsOwed(archive, self.metrics)
        self.feeds: set[FeedSession] = set()
        self.host, self._tls = host, tls
        self._socket = listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.audiosocket: AudioSocketPort | None = None
        if audiosocket_port is not None:
            try:
                require_named_peers(settings.audiosocket, host)
                listener = listening(host, audiosocket_port, "--audiosocket-port")
            except BadSettings:
                self._socket.close()
                raise
            self.audiosocket = AudioSocketPort(settings.audiosocket, self.calls, listener)
        config = config_of(self.app(), settings, tls)
        self._server = Uvicorn(config, self._drain)

    @property
    def connections(self) -> int:
        """Sockets that are open now, whatever they speak."""
        return len(self._server.server_state.connections)

    @property
    def url(self) -> str:
        """Where sockets connect to, without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ws' if self._tls is None else 'wss'}://{host}:{self.port}"

    def app(self) -> Starlette:
        """The routes."""
        routes: list[Route | WebSocketRoute] = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
            Route("/v1/playbook", self._phrases.get),
            Route("/openapi.json", document),
            Route("/v1/me", self._me.get),
            *self._pages.routes(),
            WebSocketRoute("/v1/stream", self._stream),
            *(self._vendor_route(path, dialect) for path, dialect in DIALECTS.items()),
            WebSocketRoute("/v1/feed", self._feed),
            Route("/v1/feed/sse", self._sse.get),
            WebSocketRoute("/v1/agent/feed", self._agent_feed),
            *self._evidence.routes(),
            *self._recordings.routes(),
            *self._playback.routes(),
            *self._kept.routes(),
            *self._assigning.routes(),
            *self._reports.routes(),
            *self._reviews.routes(),
            *self._answers.routes(),
        ]
        return Starlette(routes=guarded(routes, self.door, self.metrics), exception_handlers=nowhere.HANDLERS)

    async def __aenter__(self) -> "LiveServer":
        self.hub.start(self.calls.let_in)
        if self._archive is not None:
            await end_cut_off(self._archive, self.hub)
        self._work = asyncio.create_task(self._run())
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
                raise BadSettings(f"the server on {self.url} ended before it began")
            await asyncio.sleep(0.005)
        if self.audiosocket is not None:
            await self.audiosocket.start()
        log.info("listening", url=self.url)
        return self

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.calls.run())
            group.create_task(self._evidence.run())
            if self._archive is not None:
                group.create_task(self._archive.keep_house())
            if self._recording_desk is not None:
                group.create_task(self._recording_desk.run())
            if self._webhooks is not None:
                group.create_task(self._webhooks.run())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Drains and shuts down; does nothing a second time."""
        if not self._serving.done():
            self._server.should_exit = True
        try:
            await self.stopped()
        finally:
            self._work.cancel()
            await asyncio.wait({self._work})
            if self._archive is not None:
                await asyncio.to_thread(self._archive.close)

    def stop(self) -> None:
        """Begins to shut down; a second time it does so without waiting for anybody."""
        if self._server.should_exit:
            self._server.hurry()
        self._server.should_exit = True

    async def stopped(self) -> None:
        """Returns when the server has shut down, or raises what broke it."""
        await asyncio.wait({self._serving, self._work}, return_when=asyncio.FIRST_COMPLETED)
        if self._work.done() and not self._work.cancelled():
            self._work.result()
        await self._serving

    async def _drain(self) -> None:
        """Every call ends with ``shutdown``, and everybody hears of it, before any socket is closed."""
        log.info("draining")
        if self.audiosocket is not None:
            self.audiosocket.stop()
        await self.calls.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.live.drain_s):
                if self._recording_desk is not None:
                    await self._recording_desk.finished()
                await self.hub.flush()
        self.hub.close(
            CLOSE_CODES["server_closing"], "server_closing: resume elsewhere, or later with since="
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.live.drain_s):
                while self.calls.sessions or self.feeds:  # noqa: ASYNC110 - once in a server's life
                    await asyncio.sleep(0.02)
        for stream in list(self.calls.sessions):
            stream.abort()
        for feed in list(self.feeds):
            feed.abort()
        if self.audiosocket is not None:
            await self.audiosocket.stopped()

    # -- endpoints

    async def _healthz(self, _: Request) -> Response:
        return said(Health())

    async def _readyz(self, _: Request) -> Response:
        if self.calls.draining:
            return said(Readiness(status="draining"), 503)
        if self._archive is not None and self._archive.is_failing:
            return said(Readiness(status="archive_failing"), 503)
        return said(Readiness(status="ready"))

    async def _metrics(self, _: Request) -> Response:
        await self._owed.look()
        return Response(self.metrics.render(), media_type="text/plain; version=0.0.4")

    async def _stream(self, websocket: WebSocket) -> None:
        await StreamSession(websocket, self.calls).run()

    def _vendor_route(self, path: str, dialect: type[Dialect]) -> WebSocketRoute:
        route = WebSocketRoute(path, self._vendor(dialect))
        if dialect is Genesys:
            route.app = GenesysGate(
                route.app, self._genesys_secrets, self.settings.door, self.door, self.metrics
            )
        return route

    def _vendor(self, dialect: type[Dialect]) -> Callable[[WebSocket], Coroutine[Any, Any, None]]:
        async def serve_socket(websocket: WebSocket) -> None:
            await VendorSession(websocket, self.calls, dialect).run()

        return serve_socket

    async def _feed(self, websocket: WebSocket) -> None:
        await self._read(FeedSession(websocket, self.hub, self.settings.live, self.metrics))

    async def _agent_feed(self, websocket: WebSocket) -> None:
        await self._read(AgentFeedSession(websocket, self.hub, self.settings.live, self.metrics, self.calls))

    async def _read(self, session: FeedSession) -> None:
        self.feeds.add(session)
        try:
            await session.run()
        finally:
            self.feeds.discard(session)
