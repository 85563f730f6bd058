"""The last words of a socket whose client closes it, and of one that only tried the connection."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from sentiment_engine.live.dialects.shape import ClientCloses, Dialect, Ended, Heard
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.sending import GONE

PROBE_S = 60.0
"""A probe may last so long: it holds a socket, but no call that could be idle."""

Hear = Callable[[], Awaitable[Sequence[Heard]]]
"""Reads a message and answers it; raises WebSocketDisconnect once the client has closed."""


async def see_off(dialect: Dialect, hear: Hear) -> None:
    """Answers until the client has said its last word, then waits for its close; each for ``farewell_s``."""
    if isinstance(dialect, ClientCloses):
        with contextlib.suppress(TimeoutError, *GONE):
            async with asyncio.timeout(dialect.farewell_s):
                await _until_ended(hear)
            await let_close(dialect, hear)


async def let_close(dialect: Dialect, hear: Hear) -> None:
    """After the last words: throws away what still comes until the client closes, for ``farewell_s``."""
    if isinstance(dialect, ClientCloses):
        with contextlib.suppress(TimeoutError, *GONE):
            async with asyncio.timeout(dialect.farewell_s):
                while True:
                    await hear()


async def be_probed(dialect: Dialect, hear: Hear) -> None:
    """Answers a platform that only tries the connection, until it is done.

    Raises:
        Refused: ``start_timeout``: it took too long.
    """
    try:
        async with asyncio.timeout(PROBE_S):
            await _until_ended(hear)
    except TimeoutError:
        raise Refused(
            "start_timeout", f"a probe of more than {PROBE_S:g} s: close it, and open a call"
        ) from None
    await let_close(dialect, hear)


async def _until_ended(hear: Hear) -> None:
    while not any(isinstance(item, Ended) for item in await hear()):
        pass
