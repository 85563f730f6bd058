"""What follows calls as they happen, the playbook, and the server itself, described."""

from collections.abc import Mapping
from pathlib import Path

from sentiment_engine.events import STAGES
from sentiment_engine.live.api.bodies import DeadLetters, Health, Myself, PhraseBook, Readiness
from sentiment_engine.live.api.calls import TYPES
from sentiment_engine.live.api.operation import (
    KNOWN,
    LIMIT,
    TAGGED,
    UNCHANGED,
    Content,
    Operation,
    Parameter,
    choice,
    cursor,
    words,
)
from sentiment_engine.live.pages import FILES, PAGE
from sentiment_engine.phrases import BASES

PAGES = {
    "/": "the console",
    "/agent": "an agent's own calls",
    "/docs": "this document",
    "/softphone-demo": "a softphone to try out",
}
"""What stands in their titles."""

SERVER: Mapping[str, Operation] = {
    "/v1/feed/sse": Operation(
        id="followFeed",
        tag="Feed",
        summary="The feed as server-sent events",
        text="Never ends. An event's `id` is its cursor, its `data` one CloudEvent (schema `CloudEvent`). "
        "The same feed is a WebSocket at `/v1/feed`.",
        parameters=(
            cursor("since", "What came after this cursor, then what is new; 0 for the oldest that is kept."),
            TYPES,
            words("calls", "Call ids separated by commas."),
            Parameter("Last-Event-ID", {"type": "string"}, "Takes the place of `since`.", "header"),
        ),
        answers={200: Content("Events as they happen.", {"type": "string"}, ("text/event-stream",))},
        errors=("bad_query", "cursor_too_old", "overloaded", "shutting_down"),
        archived=False,
    ),
    "/v1/webhooks/dead": Operation(
        id="listDeadLetters",
        tag="Feed",
        summary="Webhook messages that were given up",
        text="After about 18 hours of attempts, or at once after 410.",
        parameters=(LIMIT,),
        answers={200: Content("The newest first.", DeadLetters)},
        errors=("bad_query",),
    ),
    "/v1/playbook": Operation(
        id="getPlaybook",
        tag="Phrases",
        summary="The phrases in force",
        text="Those that may be shown under the deployment's settings; none on a server without a playbook.",
        parameters=(
            choice("cause", tuple(BASES), "What answers this cause."),
            choice("stage", STAGES, "What names this stage; `general` is for what fits any."),
            words(
                "language",
                "A BCP 47 tag: leaves out the texts of the other language.",
                pattern="^[A-Za-z0-9-]{1,35}$",
            ),
            KNOWN,
        ),
        answers={
            200: Content("The phrases.", PhraseBook, headers=TAGGED),
            304: UNCHANGED,
        },
        errors=("bad_query",),
        archived=False,
    ),
    "/v1/me": Operation(
        id="getMe",
        tag="Server",
        summary="Who asks, and what a screen may offer",
        answers={200: Content("The caller.", Myself)},
        errors=("bad_query",),
        archived=False,
    ),
    "/healthz": Operation(
        id="getHealth",
        tag="Server",
        summary="Whether the server answers",
        answers={200: Content("It does.", Health)},
        archived=False,
    ),
    "/readyz": Operation(
        id="getReadiness",
        tag="Server",
        summary="Whether new calls should come here",
        answers={
            200: Content("They should.", Readiness),
            503: Content("It shuts down, or its disk does not take what is to be kept.", Readiness),
        },
        archived=False,
    ),
    "/metrics": Operation(
        id="getMetrics",
        tag="Server",
        summary="Metrics for Prometheus",
        answers={200: Content("The text format.", {"type": "string"}, ("text/plain",))},
        archived=False,
    ),
    "/openapi.json": Operation(
        id="getOpenApi",
        tag="Server",
        summary="This document",
        parameters=(KNOWN,),
        answers={200: Content("OpenAPI 3.1.", {"type": "object"}, headers=TAGGED), 304: UNCHANGED},
        archived=False,
    ),
    **{
        address: Operation(
            id="getPage" + "".join(map(str.title, Path(file.path).stem.split("-"))),
            tag="Server",
            summary=f"A page for people: {PAGES[address]}",
            text="The same for everybody; what is in it comes from the endpoints here.",
            parameters=(KNOWN,),
            answers={200: Content("The page.", {"type": "string"}, ("text/html",), TAGGED), 304: UNCHANGED},
            archived=False,
        )
        for address, file in FILES.items()
        if file.media_type == PAGE
    },
}
"""As in ``rights.py``: name of a route -> what it does."""
