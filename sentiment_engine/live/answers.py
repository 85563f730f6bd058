"""What an agent says of the phrases of an own alert, over HTTP; and who the server takes an agent for."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive.listing import answer_json
from sentiment_engine.archive.owning import owners_at
from sentiment_engine.archive.records import now_ms, rfc3339
from sentiment_engine.archive.views import AgentAnswer
from sentiment_engine.events import AlertAnswered, Answer
from sentiment_engine.live.answering import asked_id, unknown
from sentiment_engine.live.api.bodies import AgentName, GivenAnswer
from sentiment_engine.live.asked import Asked, Unanswered, said
from sentiment_engine.live.hub import Hub
from sentiment_engine.live.kept import Kept
from sentiment_engine.live.posted import posted
from sentiment_engine.live.review_body import STEERS

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

NOTE_CHARS = 500
"""A remark, not a report: whoever writes is in a call."""


class AnswerBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an agent sends. Who it is stands in the token, never here."""

    answer: Answer
    note: Annotated[str, msgspec.Meta(max_length=NOTE_CHARS)] = ""

    def check(self) -> None:
        """Raises Unanswered ``bad_body`` for what the types cannot say."""
        if found := STEERS.search(self.note):
            raise Unanswered("bad_body", f"note holds {found.group()!a}, which is no text: leave it out")


class Answers:
    """The routes.

    Args:
        kept: answers when there is no archive, and lets one at a time decide.
        hub: takes answers.
        keeps: whether there is an archive.
    """

    def __init__(self, kept: Kept, hub: Hub, *, keeps: bool) -> None:
        self._kept, self._hub, self._keeps = kept, hub, keeps

    def routes(self) -> list[Route]:
        """Both."""
        path = "/v1/alerts/{alert_id:path}/answer"
        return [
            Route("/v1/agent", self._who),
            Route(path, self._kept.answering(self._post), methods=["POST"]),
        ]

    async def _who(self, request: Request) -> Response:
        return said(AgentName(agent=request.state.caller.name, keeps=self._keeps))

    async def _post(self, request: Request, archive: "Archive") -> Response:
        Asked(request, ())
        alert_id, name = asked_id(request, "alert_id"), request.state.caller.name
        body = await posted(request, AnswerBody)
        body.check()
        async with self._kept.turn:
            await self._kept.written()
            row = await archive.ask(lambda reading: reading.alert(alert_id))
            if row is None:
                raise unknown("alert", alert_id)
            owners = await archive.ask(partial(owners_at, call_id=row.call_id, cursor=row.cursor))
            if name and name not in owners:
                raise unknown("alert", alert_id)  # another agent's: not even that it exists is said
            event = AlertAnswered(
                call_id=row.call_id,
                at_s=msgspec.json.decode(row.body)["at_s"],
                seq=0,
                alert_id=alert_id,
                answer=body.answer,
                note=body.note,
                by=name,
                answered_at=rfc3339(now_ms()),
            )
            before = None if row.answered is None else answer_json(row.answered)
            if before is not None and (before.by, before.answer, before.note) == (
                name,
                body.answer,
                body.note,
            ):
                return said(_given(alert_id, before))  # sent twice, it counts once
            self._hub.publish(event, owners=owners)
            await self._kept.written()
        answer = AgentAnswer(by=name, answer=body.answer, note=body.note, at=event.answered_at)
        return said(_given(alert_id, answer))


def _given(alert_id: str, answer: AgentAnswer) -> GivenAnswer:
    return GivenAnswer(alert_id=alert_id, **msgspec.structs.asdict(answer))
