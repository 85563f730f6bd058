"""What a session needs of its connection: Starlette's WebSocket is one, ``audiosocket.py`` has another."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol

from starlette.types import Message


class Socket(Protocol):
    """One connection, in the words of a WebSocket."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """``subprotocols``: those that the client offers."""

    @property
    def query_params(self) -> Mapping[str, str]:
        """What its address, or the operator, tells of the call."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""

    @property
    def state(self) -> Any:
        """``abort``, a function that cuts the connection, and ``caller``, who is on its other side."""

    async def accept(self, subprotocol: str | None = None) -> None:
        """Takes the connection."""

    async def receive(self) -> Message:
        """The next message, ``websocket.receive`` or ``websocket.disconnect``; read when asked for only."""

    async def send_text(self, data: str) -> None:
        """Sends text; raises one of ``sending.GONE`` when the peer has gone."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Closes; returns when the peer has been told."""
