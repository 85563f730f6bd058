"""Whole answers of the HTTP interface, as typed records; those in their lists: ``archive/views.py``."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from sentiment_engine.archive.views import (
    CloudEventBody,
    Cursor,
    KeptAlert,
    KeptCall,
    KeptRecording,
    Moment,
    OwedReview,
    ReviewBytes,
    ReviewCounts,
    as_named,
)
from sentiment_engine.events import Answer, Party, ReviewRole
from sentiment_engine.settings_door import Role


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is told no."""

    type: Literal["error"] = "error"
    code: str
    message: str
    """Names the input and the remedy."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the server answers."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether new calls should come here."""

    status: Literal["ready", "draining", "archive_failing"]


class PhraseBook(msgspec.Struct, frozen=True, kw_only=True):
    """The phrases in force."""

    version: int
    """Of the schema of entries, as in `playbook.yaml`."""
    count: int
    counts: Mapping[str, Mapping[str, int]]
    """Of `cause`, `audience`, `mode` and `basis`: how many entries have which value."""
    entries: Sequence[Annotated[Mapping[str, Any], as_named("Entry")]]


class CallList(msgspec.Struct, frozen=True, kw_only=True):
    """Calls, those that began last coming first."""

    calls: Sequence[KeptCall]
    next: Cursor | None
    """Give it as `before` to be given the next page; null on the last."""


class CallWithAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """One call."""

    call: KeptCall
    alerts: Sequence[KeptAlert]
    """All of them, the newest first."""
    recording: KeptRecording | None
    """Null when no audio of it is kept."""


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one call, the oldest first."""

    events: Sequence[CloudEventBody]
    next: Cursor | None
    """Give it as `since` to be given the next page; null on the last."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """That a call is gone."""

    erased: str
    """Its id."""


class AlertList(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, those that were raised last coming first."""

    alerts: Sequence[KeptAlert]
    next: Cursor | None
    """Give it as `before` to be given the next page; null on the last."""


class ReviewWords(msgspec.Struct, frozen=True, kw_only=True):
    """What a review may say here."""

    role: ReviewRole | None
    """The side that the caller's role speaks for."""
    decisions: Sequence[str]
    reasons: Sequence[str]
    note_chars: int
    """Longest note, characters."""


class Myself(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what a screen may offer."""

    name: str | None
    """Of the token; null on a server without tokens, like `role`."""
    role: Role | None
    open: bool
    """Whether the server has no tokens."""
    may: Sequence[str]
    """What the role may do: `read`, `acknowledge`, `assign`, `review`, `evidence`, `erase`."""
    reviews: ReviewWords
    assignees: Sequence[str]
    """Names that alerts can be assigned to, for whoever may assign."""
    archive: bool
    """Whether calls are kept."""
    evidence: bool
    """Whether the log is signed."""
    audio: bool
    """Whether recordings are kept."""


class AgentName(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the server takes an agent for."""

    agent: str
    """Name of the token; empty on a server without tokens."""
    keeps: bool
    """Whether there is an archive, so that answers can be given."""


class GivenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's answer, on disk."""

    alert_id: str
    by: str
    """Name of the agent's token; empty on a server without tokens."""
    answer: Answer
    note: str
    at: Moment


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook message that was given up."""

    webhook: str
    """Its name in the settings."""
    attempts: int
    last_error: str | None
    event: CloudEventBody


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Webhook messages that were given up, the newest first."""

    dead: Sequence[DeadLetter]


class Peaks(msgspec.Struct, frozen=True, kw_only=True):
    """What the waveform of a recording is drawn from."""

    channels: Sequence[Party]
    """Whose voice each one carries."""
    sample_rate: int
    """Of the recording, Hz."""
    duration_s: float
    per_second: int
    """Pairs of peaks in a second."""
    peaks: Sequence[Sequence[int]]
    """Of each channel lowest and highest in turn, -127..127."""


class NamedRecording(msgspec.Struct, frozen=True, kw_only=True):
    """The recording that is the call's."""

    call_id: str
    sha256: str
    """Of its file."""


class ReviewList(msgspec.Struct, frozen=True, kw_only=True):
    """What two roles review, the oldest first."""

    reviews: Sequence[OwedReview]
    counts: ReviewCounts
    next: Cursor | None
    """Give it as `after` to be given the next page; null on the last."""


class GivenReview(msgspec.Struct, frozen=True, kw_only=True):
    """A review that is on disk."""

    review: ReviewBytes
    """The event, as the feed has it."""
    subject: OwedReview | None
    """What it is about; null where that was erased since."""
