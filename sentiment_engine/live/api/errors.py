"""What each error code means, and which status it comes with."""

from collections.abc import Iterable, Mapping

from sentiment_engine.live.asked import STATUS
from sentiment_engine.live.guard import HTTP_STATUS

OF_THE_DOOR = ("bad_query", "unauthorized", "forbidden", "rate_limited", "limit_reached")
EVERYWHERE = ("unknown_path", "wrong_method")
"""Where no operation is."""
OF_THE_ARCHIVE = ("no_archive", "archive_failing")

MEANING: Mapping[str, str] = {
    "already_reviewed": "This role has been reviewed; only its author may correct it, with supersedes.",
    "ambiguous": "Several of this id wait: send cursor.",
    "archive_failing": "The disk does not answer at the moment: try again later.",
    "assigned_meanwhile": "Somebody else has the alert meanwhile: look again, and then decide.",
    "bad_body": "The body cannot be read; the field is named.",
    "bad_query": "The query cannot be read, or holds a name that is not known; it is named.",
    "cursor_too_old": "Events after this cursor are no longer kept, or it is not one of this server.",
    "forbidden": "The token's role, or the page, is not let in here.",
    "four_eyes": "The same person cannot give both reviews.",
    "key_reused": "Another review was sent under this idempotency_key.",
    "limit_reached": "The token has as many connections as it may have.",
    "log_altered": "The log does not prove what it should: tell whoever runs the server.",
    "no_archive": "The server keeps nothing: it was started without --data.",
    "no_key": "The server signs nothing: its settings name no evidence.key.",
    "no_recording": "No audio of this call is kept: see keep_audio.",
    "not_json": "The body must come with Content-Type: application/json.",
    "overloaded": "As many readers as the server takes: try again later.",
    "rate_limited": "Too many refusals from this address: wait a minute.",
    "recording_known": "The call has a recording of another hash, which stays.",
    "recording_unreadable": "The file is altered, lost, or of another key: tell whoever runs the server.",
    "reviews_need_tokens": "A review needs a name, and the server has no tokens.",
    "shutting_down": "The server is shutting down: try again in a moment.",
    "still_live": "The call has not ended.",
    "too_big": "The body is larger than is read.",
    "unauthorized": "A token is missing or not known, or was sent in the address.",
    "unknown_id": "Nothing is kept under this id.",
    "unknown_path": "There is nothing at this address.",
    "unknown_review": "supersedes names no review of yours that stands.",
    "wrong_method": "The address takes other methods: Allow names them.",
}
"""Error code -> what it tells the caller."""


def status_of(code: str) -> int:
    """The HTTP status that an error code comes with."""
    return {**STATUS, **HTTP_STATUS}[code]


def by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    """Statuses in order, each with its codes, every code once."""
    found: dict[int, list[str]] = {}
    for code in sorted(set(codes), key=lambda code: (status_of(code), code)):
        found.setdefault(status_of(code), []).append(code)
    return found
