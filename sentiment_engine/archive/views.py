"""Calls, alerts and reviews as clients are given them.

The document of the HTTP interface is made of these records, and of what is written under their fields: a
field that is added here is documented.
"""

from typing import Annotated

import msgspec

from sentiment_engine.archive.reviewing import Kind, State, Why
from sentiment_engine.events import Answer, Severity, Stage

REF = "#/components/schemas/{name}"
"""Where both documents, of sockets and of HTTP, keep what has a name."""


def as_named(*names: str) -> msgspec.Meta:
    """That bytes are JSON already, and of which named schema; of one among several."""
    found = [{"$ref": REF.format(name=name)} for name in names]
    return msgspec.Meta(extra_json_schema=found[0] if len(found) == 1 else {"oneOf": found})


Cursor = Annotated[str, msgspec.Meta(pattern="^[0-9]{20}$")]
"""As :func:`records.cursor_text` writes it."""
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, in UTC."""
StartedBody = Annotated[msgspec.Raw, as_named("CallStarted")]
EndedBody = Annotated[msgspec.Raw, as_named("CallEnded")]
AlertBody = Annotated[msgspec.Raw, as_named("AlertRaised", "AlertUpdated", "AlertCleared")]
ReviewBytes = Annotated[msgspec.Raw, as_named("AlertReviewed", "CallReviewed")]
CloudEventBody = Annotated[msgspec.Raw, as_named("CloudEvent")]


class KeptCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call in the archive."""

    call_id: str
    cursor: Cursor
    """Of its `call.started`."""
    live: bool
    """Whether it has not ended."""
    started_at: Moment
    ended_at: Moment | None
    language: str
    stage: Stage
    alerts: int
    """How many were raised."""
    started: StartedBody
    """Its first event."""
    ended: EndedBody | None
    """Its last event; null while it is live."""


class KeptRecording(msgspec.Struct, frozen=True, kw_only=True):
    """The audio of a call that is kept."""

    live: bool
    """Whether the call goes on; what follows is null until it has ended, but for the rate."""
    duration_s: float | None
    sample_rate: int
    """Hz."""
    sha256: str | None
    """Of the FLAC file, 64 lower-case hexadecimal digits."""
    whole: bool | None
    """Whether all of it could be written; what could not is silence."""


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Who was first to say that an alert has been seen."""

    by: str
    """Name of the token; empty on a server without tokens."""
    at: Moment


class AgentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent says of the phrases that an alert offered; the newest stands."""

    by: str
    """Name of the agent's token; empty on a server without tokens."""
    answer: Answer
    note: str
    """In the agent's own words; may be empty."""
    at: Moment


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Who sees to an alert."""

    to: str
    """Name of a supervisor's or an admin's token; without tokens any name."""
    by: str
    """Who said so; empty on a server without tokens."""
    at: Moment


class KeptAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert in the archive."""

    alert_id: str
    call_id: str
    cursor: Cursor
    """Of its `alert.raised`."""
    open: bool
    """Whether it has not been cleared."""
    kind: str
    """`tension`, or what else was observed."""
    severity: Severity
    """The newest."""
    raised_at: Moment
    acknowledged: Acknowledgement | None
    answered: AgentAnswer | None
    assigned: Assignment | None
    event: AlertBody
    """The newest that was said of it."""


class RoleReview(msgspec.Struct, frozen=True, kw_only=True):
    """What one role owes, or has said."""

    due_at: Moment
    overdue: bool
    """Whether the review is missing and should be there."""
    late: bool
    """Whether the first review came after it was due."""
    review: ReviewBytes | None
    """The one that stands: the event, as the feed has it."""


class OwedReview(msgspec.Struct, frozen=True, kw_only=True):
    """An alert or a call that two roles review."""

    cursor: Cursor
    """Of its `alert.raised` or `call.started`: what tells it from another of the same id."""
    kind: Kind
    alert_id: str | None
    """Null where a whole call is reviewed."""
    call_id: str
    why: Why
    owed_since: Moment
    state: State
    business: RoleReview
    legal: RoleReview


class ReviewCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How much is to be reviewed."""

    open: int
    """A review is missing, overdue or not."""
    overdue: int
