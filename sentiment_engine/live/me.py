"""``GET /v1/me``: who asks, what that role may do, and what this server has to offer.

A screen that asks offers nobody what the server would refuse. The rights are those of the one table, so the
two cannot come apart.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from sentiment_engine.archive.reviewing import GIVES
from sentiment_engine.live.api.bodies import Myself, ReviewWords
from sentiment_engine.live.asked import Asked, refusal, said
from sentiment_engine.live.assigning import assignees
from sentiment_engine.live.door import Caller
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.rights import RIGHTS
from sentiment_engine.settings import Settings

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

MAY: Mapping[str, str] = {
    "read": "/v1/calls",
    "acknowledge": "POST /v1/alerts/{alert_id:path}/ack",
    "assign": "POST /v1/alerts/{alert_id:path}/assign",
    "review": "POST /v1/alerts/{alert_id:path}/reviews",
    "evidence": "/v1/calls/{call_id:path}/evidence",
    "erase": "DELETE /v1/calls/{call_id:path}",
}
"""What a role may do -> the endpoint that takes it."""


class Me:
    """The route.

    Args:
        settings: those of the server.
        archive: what it keeps, if it does.
    """

    def __init__(self, settings: Settings, archive: "Archive | None") -> None:
        self._settings, self._archive = settings, archive

    async def get(self, request: Request) -> Response:
        """Answers; a query is refused with ``bad_query``."""
        try:
            Asked(request, ())
        except Refused as refused:
            return refusal(refused)
        return said(self._told(request.state.caller))

    def _told(self, caller: Caller) -> Myself:
        is_open = not caller.name
        may = [what for what, route in MAY.items() if caller.role in RIGHTS[route].roles]
        if is_open:  # everybody may do everything, but for a review, which needs a name
            may = [what for what in MAY if what != "review"]
        reviews = self._settings.reviews
        return Myself(
            name=caller.name or None,
            role=None if is_open else caller.role,
            open=is_open,
            may=may,
            reviews=ReviewWords(
                role=None if is_open else GIVES.get(caller.role),
                decisions=reviews.decisions,
                reasons=reviews.reasons,
                note_chars=reviews.note_chars,
            ),
            assignees=assignees(self._settings.door) if "assign" in may else [],
            archive=self._archive is not None,
            evidence=self._archive is not None and self._archive.evidence is not None,
            audio=self._settings.keep_audio,
        )
