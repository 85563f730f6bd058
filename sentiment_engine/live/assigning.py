"""Assigning alerts over HTTP: which supervisor sees to one. Agents are assigned nothing."""

from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive import listing
from sentiment_engine.archive.records import now_ms, rfc3339
from sentiment_engine.events import AlertAssigned
from sentiment_engine.live.answering import asked_id, unknown
from sentiment_engine.live.asked import Unanswered, said
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.kept import Kept
from sentiment_engine.live.posted import posted
from sentiment_engine.live.rights import ACKNOWLEDGERS
from sentiment_engine.settings_door import DoorSettings, is_token_name

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)


class AssignBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent. Who sends it stands in the token, never here."""

    to: str | None
    """Who is to see to it; null for nobody."""
    was: str | msgspec.UnsetType | None = msgspec.UNSET
    """Who the sender believes sees to it now, null for nobody: nothing changes where that is no longer so."""


def assignees(door: DoorSettings) -> list[str]:
    """Names that alerts can be assigned to, by alphabet; none without tokens, where any name will do."""
    return sorted(token.name for token in door.tokens if token.role in ACKNOWLEDGERS.roles)


class Assigning:
    """The route.

    Args:
        kept: answers when there is no archive, and lets one at a time decide.
        hub: takes assignments.
        door: whose names alerts can be assigned to.
    """

    def __init__(self, kept: Kept, hub: Hub, door: DoorSettings) -> None:
        self._kept, self._hub = kept, hub
        self._is_open, self._names = not door.tokens, assignees(door)

    def routes(self) -> list[Route]:
        """It alone."""
        path = "/v1/alerts/{alert_id:path}/assign"
        return [Route(path, self._kept.answering(self._assign), methods=["POST"])]

    async def _assign(self, request: Request, archive: "Archive") -> Response:
        alert_id, caller = asked_id(request, "alert_id"), request.state.caller
        body = await posted(request, AssignBody)
        self._check(body.to)
        async with self._kept.turn:
            await self._kept.written()
            row = await archive.ask(lambda reading: reading.alert(alert_id))
            if row is None:
                raise unknown("alert", alert_id)
            _check_unchanged(row, body)
            if row.assigned_to != body.to:
                self._hub.publish(
                    AlertAssigned(
                        call_id=row.call_id,
                        at_s=msgspec.json.decode(row.body)["at_s"],
                        seq=0,
                        alert_id=alert_id,
                        by=caller.name,
                        to=body.to,
                        assigned_at=rfc3339(now_ms()),
                    )
                )
                await self._kept.written()
                log.info("alert_assigned", alert_id=alert_id, to=body.to, caller=caller.name)
                row = await archive.ask(lambda reading: reading.alert(alert_id))
        return said(listing.alert_json(row))

    def _check(self, to: str | None) -> None:
        if to is None:
            return
        if self._is_open and not is_token_name(to):
            raise Unanswered(
                "bad_body", f"to {to[:64]!a} is no name: letters, digits, . _ and -, at most 64; or null"
            )
        if not self._is_open and to not in self._names:
            raise Unanswered(
                "bad_body", f"to {to[:64]!a} is no supervisor or admin here: /v1/me lists assignees; or null"
            )


def _check_unchanged(row: Any, body: AssignBody) -> None:
    if body.was is not msgspec.UNSET and body.was != row.assigned_to:
        holder = row.assigned_to or "nobody"
        raise Unanswered(
            "assigned_meanwhile", f"the alert is assigned to {holder} meanwhile: look again, and then decide"
        )
