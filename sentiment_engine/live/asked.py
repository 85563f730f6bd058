"""Queries of HTTP requests, read strictly; and how the answers are written."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sentiment_engine.errors import EngineError
from sentiment_engine.live.api.bodies import ErrorAnswer
from sentiment_engine.live.messages import Refused
from sentiment_engine.live.secrecy import redacted

STATUS = {
    "bad_query": 400,
    "bad_body": 400,
    "forbidden": 403,
    "reviews_need_tokens": 403,
    "unknown_id": 404,
    "unknown_path": 404,
    "wrong_method": 405,
    "no_archive": 404,
    "no_key": 404,
    "no_recording": 404,
    "still_live": 409,
    "recording_known": 409,
    "ambiguous": 409,
    "four_eyes": 409,
    "already_reviewed": 409,
    "unknown_review": 409,
    "key_reused": 409,
    "assigned_meanwhile": 409,
    "too_big": 413,
    "not_json": 415,
    "cursor_too_old": 410,
    "overloaded": 503,
    "shutting_down": 503,
    "archive_failing": 503,
    "log_altered": 500,
    "recording_unreadable": 500,
}
"""Error code -> status, for requests that the door has let in."""
MOST = 500
"""Rows in one answer."""
USUAL = 100
LONGEST_PART = 200
"""Characters of an id that are looked for; SQLite takes no pattern of any length."""


class Unanswered(EngineError):
    """A request is told no, in a way that only requests are; ``code`` is one of :data:`STATUS`."""

    def __init__(self, code: str, message: str) -> None:
        message = redacted(message)
        super().__init__(message)
        self.code, self.message = code, message


class Asked:
    """The query of one request.

    Args:
        request: which.
        known: the names it may hold.

    Raises:
        Refused: ``bad_query`` for an unknown name, or one that stands twice.
    """

    def __init__(self, request: Request, known: Collection[str]) -> None:
        self._given = request.query_params
        for name in self._given:
            if name not in known:
                raise Refused("bad_query", f"{name[:40]!a} is not a filter here: {', '.join(known)}")
            if len(self._given.getlist(name)) > 1:
                raise Refused("bad_query", f"{name} stands twice: give it once")

    def text(self, name: str) -> str | None:
        """As it stands, without what no database takes."""
        value = self._given.get(name)
        if value is not None and not value.isprintable():
            raise Refused("bad_query", f"{name} holds what cannot be printed: leave it out")
        return value

    def part(self, name: str) -> str | None:
        """Part of an id."""
        value = self.text(name)
        if value is not None and not 1 <= len(value) <= LONGEST_PART:
            raise Refused("bad_query", f"{name} has {len(value)} characters: give 1 to {LONGEST_PART}")
        return value

    def one_of(self, name: str, values: Collection[str]) -> str | None:
        """One of ``values``."""
        value = self._given.get(name)
        if value is not None and value not in values:
            raise Refused("bad_query", f"{name}={value[:40]!a} is not known: one of {', '.join(values)}")
        return value

    def flag(self, name: str) -> bool | None:
        """``true`` or ``false``."""
        value = self.one_of(name, ("true", "false"))
        return None if value is None else value == "true"

    def cursor(self, name: str) -> int | None:
        """The digits of a cursor."""
        value = self._given.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 20 and int(value) < 1 << 63):
            raise Refused("bad_query", f"{name}={value[:24]!a} is no cursor: use the digits of a sequence")
        return int(value)

    def limit(self) -> int:
        """How many rows, 1 to :data:`MOST`."""
        value = self._given.get("limit")
        if value is None:
            return USUAL
        if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= MOST):
            raise Refused("bad_query", f"limit={value[:24]!a} must be a number from 1 to {MOST}")
        return int(value)

    def time_ms(self, name: str) -> int | None:
        """A moment, RFC 3339, in milliseconds since 1970."""
        value = self._given.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValueError(value)
            return round(moment.astimezone(UTC).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise Refused(
                "bad_query", f"{name}={value[:40]!a} is no time: write 2026-01-31T12:00:00Z"
            ) from None


def said(value: Any, status: int = 200) -> Response:
    """An answer in JSON that nobody may store."""
    return Response(
        msgspec.json.encode(value), status, {"Cache-Control": "no-store"}, media_type="application/json"
    )


def refusal(refused: Refused | Unanswered) -> Response:
    """The error as an answer."""
    return said(ErrorAnswer(code=refused.code, message=refused.message), STATUS[refused.code])
