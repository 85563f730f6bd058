"""``/v1/agent/feed``: an agent's own calls, their alerts and the phrases meant for the agent; nothing else.

The frames are those of ``/v1/feed``, and so are cursors, refusals and what becomes of slow readers. Whose a
call is stands in its ``call.started``. Without tokens nobody has a name, and all calls are shown.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket

from sentiment_engine.archive.owning import owners_at, owners_of
from sentiment_engine.archive.records import Record
from sentiment_engine.live.calls import Calls
from sentiment_engine.live.feed import FeedSession, chosen
from sentiment_engine.live.hub import Choice, Entry, Hub
from sentiment_engine.live.mailbox import Mailbox
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.metrics import Metrics
from sentiment_engine.settings import LiveSettings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

AGENT_TYPES = frozenset(
    {"call.started", "call.ended", "alert.raised", "alert.updated", "alert.cleared", "alert.answered"}
)
"""No ticks: a level that moves before one's eyes helps nobody to listen. Answers, because a page that is
loaded again has to know what was answered."""


class OwnChoice(Choice):
    """What belongs to the calls of one owner; None for everybody's."""

    def __init__(self, owner: str | None) -> None:
        super().__init__(AGENT_TYPES)
        self._owner = owner
        self._known: dict[str, frozenset[str]] = {}
        """Whose the calls are that a replay is in the middle of."""

    def __call__(self, entry: Entry) -> bool:
        return super().__call__(entry) and self._is_own(entry.owners)

    async def among(self, records: Sequence[Record], archive: "Archive") -> Sequence[Record]:
        """Those of the owner's calls; pages have to come in their order."""
        return [record for record in records if self._is_own(await self._owners(record, archive))]

    def _is_own(self, owners: frozenset[str]) -> bool:
        return self._owner is None or self._owner in owners

    async def _owners(self, record: Record, archive: "Archive") -> frozenset[str]:
        if record.type == "call.started":
            owners = owners_of(record.body)
        elif record.call_id in self._known:
            owners = self._known[record.call_id]
        else:
            owners = await archive.ask(partial(owners_at, call_id=record.call_id, cursor=record.cursor))
        self._known[record.call_id] = owners
        if record.type == "call.ended":
            del self._known[record.call_id]
        return owners


def own_view(text: str) -> str:
    """A CloudEvent as an agent is given it: of an alert's suggestions only those for the agent."""
    envelope: dict[str, Any] = msgspec.json.decode(text)
    event = envelope["data"]
    if "suggestions" not in event:
        return text
    event["suggestions"] = [one for one in event["suggestions"] if one["audience"] == "agent"]
    return msgspec.json.encode(envelope).decode()


class _OwnMailbox(Mailbox):
    def put(self, order: int, text: str, *, tick: bool) -> None:
        super().put(order, own_view(text), tick=tick)


class AgentFeedSession(FeedSession):
    """One agent's page."""

    def __init__(
        self, websocket: WebSocket, hub: Hub, settings: LiveSettings, metrics: Metrics, calls: Calls
    ) -> None:
        super().__init__(websocket, hub, settings, metrics)
        self._owner: str | None = websocket.state.caller.name or None
        self._calls = calls

    def wanted(self, query: QueryParams) -> tuple[Choice, int | None]:
        """Own calls, after ``since``; without it from where the oldest that is live began."""
        for name in query:
            if name != "since":
                raise Refused("bad_query", f"{name[:24]!a} is not known here: since=CURSOR, or nothing")
        _, since = chosen(query)
        if since is None:
            since = self._calls.began(self._owner)
            if since is not None:
                since = max(since, self._hub.floor)  # of a long call the beginning may be forgotten
        return OwnChoice(self._owner), since

    def mailbox(self) -> Mailbox:
        return _OwnMailbox(self._settings.reader_events, self._metrics.ticks_dropped.inc)

    def shown(self, text: str) -> str:
        return own_view(text)
