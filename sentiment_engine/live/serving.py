"""The live server until a signal ends it."""

import asyncio
import signal
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from sentiment_engine.cues import Cues
from sentiment_engine.emotion import EmotionModel
from sentiment_engine.live.app import LiveServer
from sentiment_engine.playbook import Playbook
from sentiment_engine.settings import Settings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive


def serve(
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
    on_ready: Callable[[LiveServer], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, then drains and returns; a second signal ends it at once.

    Args:
        settings: as for :class:`LiveServer`, like the next eight.
        model: scores windows.
        playbook: phrases.
        cues: what to look for in transcripts.
        host: where to listen.
        port: 0 for any free one.
        tls: certificate and key.
        archive: keeps all that happens; closed in the end.
        audiosocket_port: 0 for any free one, None for no AudioSocket.
        on_ready: is called once sockets are served.

    Raises:
        BadSettings: as :class:`LiveServer`.
    """

    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with LiveServer(
            settings,
            model,
            playbook,
            cues=cues,
            host=host,
            port=port,
            tls=tls,
            archive=archive,
            audiosocket_port=audiosocket_port,
        ) as server:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, server.stop)
            if on_ready is not None:
                on_ready(server)
            await server.stopped()

    asyncio.run(run())
