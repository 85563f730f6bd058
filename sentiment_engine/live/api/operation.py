"""What the document says of one endpoint, as a record; the tables of them stand in the files beside."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sentiment_engine.live.asked import MOST, USUAL

Tag = Literal[
    "Calls", "Alerts", "Agents", "Reviews", "Reports", "Evidence", "Recordings", "Feed", "Phrases", "Server"
]
TAGS: Mapping[Tag, str] = {
    "Calls": "What is kept of calls: their events, and erasure.",
    "Alerts": "What was raised, and who has seen it.",
    "Agents": "What agents say of the phrases that they were offered. Nobody is ranked by it.",
    "Reviews": "Two roles look at what was critical, and at calls that were drawn.",
    "Reports": "Many calls in numbers.",
    "Evidence": "The signed log of all events, and what proves one call.",
    "Recordings": "Audio that is kept here, and hashes of audio that is kept elsewhere.",
    "Feed": "What happens, as it happens; and the messages to webhooks that were given up.",
    "Phrases": "The playbook.",
    "Server": "Health, metrics, pages.",
}
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that a request may carry beside its path and its body."""

    name: str
    schema: Mapping[str, Any]
    text: str
    """What it does; Markdown."""
    place: Literal["query", "header"] = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """An answer: what it holds, and in which media types."""

    text: str
    """What it is; Markdown."""
    schema: Any = None
    """A record, or a plain JSON schema; None where nothing is sent."""
    media: tuple[str, ...] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name -> what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    What the door refuses, and what a server without an archive answers, is added to each by itself.
    """

    id: str
    """Unique; what generated clients call it."""
    tag: Tag
    summary: str
    text: str = ""
    """More of it; Markdown."""
    parameters: tuple[Parameter, ...] = ()
    body: type | None = None
    """The record that is sent as JSON."""
    answers: Mapping[int, Content]
    """Status -> what comes with it; errors are named below instead."""
    errors: tuple[str, ...] = ()
    """Codes beyond those of the door and of the archive."""
    archived: bool = True
    """Whether it answers from the archive, and without one 404 `no_archive`."""


def flag(name: str, text: str) -> Parameter:
    """`true` or `false`."""
    return Parameter(name, {"type": "string", "enum": ["true", "false"]}, text)


def choice(name: str, values: Collection[str], text: str, *, required: bool = False) -> Parameter:
    """One of ``values``."""
    return Parameter(name, {"type": "string", "enum": list(values)}, text, required=required)


def words(name: str, text: str, *, required: bool = False, **limits: Any) -> Parameter:
    """A text; ``limits`` are keywords of JSON schema."""
    return Parameter(name, {"type": "string", **limits}, text, required=required)


def moment(name: str, text: str) -> Parameter:
    """RFC 3339."""
    return Parameter(name, {"type": "string", "format": "date-time"}, text)


def cursor(name: str, text: str) -> Parameter:
    """Digits of a cursor."""
    return Parameter(name, {"type": "string", "pattern": "^0?[0-8]?[0-9]{1,18}$"}, text)


KNOWN = Parameter("If-None-Match", {"type": "string"}, "An `ETag` that was given.", "header")
UNCHANGED = Content("What the client has is current.")
TAGGED = {"ETag": "Changes when the answer does."}
LIMIT = Parameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}, "How many rows at most."
)
