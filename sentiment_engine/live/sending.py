"""What both sockets do when they send: a mailbox in order, and a goodbye that cannot hang."""

import asyncio
from collections.abc import Awaitable

from starlette.websockets import WebSocketDisconnect

from sentiment_engine.live.hub import Ending, Mailbox
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.sockets import Socket
from sentiment_engine.live.transport import LINGER_S

LONGEST_REASON_BYTES = 123  # RFC 6455, section 5.5

GONE = (WebSocketDisconnect, RuntimeError)
"""What Starlette raises when a socket is closed already: its peer was faster."""


async def send_waiting(socket: Socket, mailbox: Mailbox) -> Ending:
    """Sends what the mailbox holds, as it comes, until its ending; what cannot be sent stays in it.

    Raises:
        WebSocketDisconnect: the peer has gone.
    """
    while True:
        item = await mailbox.take()
        if isinstance(item, Ending):
            return item
        sent = False
        try:
            await socket.send_text(item.text)
            sent = True
        finally:
            if not sent:
                mailbox.give_back(item)


async def say_goodbye(socket: Socket, refused: Refused) -> None:
    """Sends the error and its close code; a peer that does not take them in time is cut off."""
    await say(socket, refused.frame())
    await close(socket, refused.close_code, refused.code)


async def say(socket: Socket, text: str) -> None:
    """Sends a last word; a peer that does not take it in time is cut off."""
    await _in_time(socket, socket.send_text(text))


async def close(socket: Socket, code: int, reason: str) -> None:
    """Closes with as much of ``reason`` as fits; a peer that does not take it in time is cut off."""
    await _in_time(socket, socket.close(code, reason.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore")))


async def _in_time(socket: Socket, sending: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(sending, LINGER_S)
    except TimeoutError:
        socket.state.abort()
    except GONE:
        return
