"""Calls and alerts, described."""

from collections.abc import Mapping

from sentiment_engine.archive.views import KeptAlert
from sentiment_engine.live.api.bodies import (
    AlertList,
    CallList,
    CallWithAlerts,
    Erased,
    EventList,
)
from sentiment_engine.live.api.operation import (
    LIMIT,
    Content,
    Operation,
    choice,
    cursor,
    flag,
    moment,
    words,
)
from sentiment_engine.live.asked import LONGEST_PART
from sentiment_engine.live.assigning import AssignBody
from sentiment_engine.live.kept import SEVERITIES

TYPES = words(
    "types",
    "Event types separated by commas, with or without `sentiment-engine.` before them; `alert.*` stands "
    "for all that begin so.",
    minLength=1,
)
PART = words("q", "Part of the call's id; `A-Z` and `a-z` are alike.", minLength=1, maxLength=LONGEST_PART)
BEFORE = cursor("before", "`next` of the page before: what is older.")

CALLS: Mapping[str, Operation] = {
    "/v1/calls": Operation(
        id="listCalls",
        tag="Calls",
        summary="Calls, the newest first",
        parameters=(
            flag("live", "Whether they have not ended."),
            flag("alerts", "Whether any alert was raised."),
            words("language", "Exactly as the call said it: `zh-CN`."),
            PART,
            moment("from", "Begun at or after."),
            moment("to", "Begun before."),
            BEFORE,
            LIMIT,
        ),
        answers={200: Content("A page of calls.", CallList)},
        errors=("bad_query",),
    ),
    "/v1/calls/{call_id:path}": Operation(
        id="getCall",
        tag="Calls",
        summary="One call with its alerts",
        text="When an id was used again, the newer call.",
        answers={200: Content("The call, with its first and last event.", CallWithAlerts)},
        errors=("unknown_id",),
    ),
    "/v1/calls/{call_id:path}/events": Operation(
        id="listEvents",
        tag="Calls",
        summary="The events of one call, the oldest first",
        text="The same bytes as on the feed.",
        parameters=(cursor("since", "`next` of the page before: what is newer."), TYPES, LIMIT),
        answers={200: Content("A page of CloudEvents.", EventList)},
        errors=("bad_query", "unknown_id"),
    ),
    "DELETE /v1/calls/{call_id:path}": Operation(
        id="eraseCall",
        tag="Calls",
        summary="Erases a call",
        text="Its events, alerts and reviews are gone for good; the hashes in the evidence log stay, so the "
        "log still verifies. Logged with the caller's name.",
        answers={200: Content("It is gone.", Erased)},
        errors=("unknown_id", "still_live"),
    ),
    "/v1/alerts": Operation(
        id="listAlerts",
        tag="Alerts",
        summary="Alerts, the newest first",
        parameters=(
            flag("open", "Whether they have not been cleared."),
            flag("acknowledged", "Whether somebody has seen them."),
            choice("severity", SEVERITIES, "The newest severity."),
            words("kind", "`tension`, or what else was observed."),
            words("assigned", "Who sees to it: a name, `-` for nobody, `*` for anybody."),
            words("call", "The call's id, whole."),
            PART,
            moment("from", "Raised at or after."),
            moment("to", "Raised before."),
            BEFORE,
            LIMIT,
        ),
        answers={200: Content("A page of alerts.", AlertList)},
        errors=("bad_query",),
    ),
    "POST /v1/alerts/{alert_id:path}/ack": Operation(
        id="acknowledgeAlert",
        tag="Alerts",
        summary="Says that somebody has seen an alert",
        text="Told to all as `alert.acknowledged`. Whoever is first is named; who comes later changes "
        "nothing and is given the same answer.",
        answers={200: Content("The alert, on disk with who was first.", KeptAlert)},
        errors=("unknown_id",),
    ),
    "POST /v1/alerts/{alert_id:path}/assign": Operation(
        id="assignAlert",
        tag="Alerts",
        summary="Says who sees to an alert",
        text="Told to all as `alert.assigned`. With `was` nothing changes where somebody else has it by now.",
        body=AssignBody,
        answers={200: Content("The alert, on disk.", KeptAlert)},
        errors=("bad_body", "not_json", "too_big", "unknown_id", "assigned_meanwhile"),
    ),
}
"""As in ``rights.py``: name of a route -> what it does."""
