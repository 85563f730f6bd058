"""What agents ask and say, described."""

from collections.abc import Mapping

from sentiment_engine.live.answers import AnswerBody
from sentiment_engine.live.api.bodies import AgentName, GivenAnswer
from sentiment_engine.live.api.operation import Content, Operation

AGENTS: Mapping[str, Operation] = {
    "/v1/agent": Operation(
        id="getAgent",
        tag="Agents",
        summary="Whom the server takes the caller for",
        answers={200: Content("The agent.", AgentName)},
        archived=False,
    ),
    "POST /v1/alerts/{alert_id:path}/answer": Operation(
        id="answerAlert",
        tag="Agents",
        summary="Says whether an alert's phrases helped",
        text="Of an own alert only; of any other it is not even said that there is one. The newest answer "
        "stands; the same sent twice counts once.",
        body=AnswerBody,
        answers={200: Content("The answer, on disk.", GivenAnswer)},
        errors=("bad_query", "bad_body", "not_json", "too_big", "unknown_id"),
    ),
}
"""As in ``rights.py``: name of a route -> what it does."""
