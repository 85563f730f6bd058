"""Which alert or call a review is about: what its id means at the moment, and where that is not enough."""

from typing import Any

import msgspec

from sentiment_engine.archive import review_reading
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.records import cursor_text
from sentiment_engine.archive.reviewing import Duty, Kind
from sentiment_engine.events import ReviewRole
from sentiment_engine.live.asked import Unanswered
from sentiment_engine.live.kept import unknown


def subject(
    reading: Reading,
    *,
    kind: Kind,
    subject_id: str,
    role: ReviewRole,
    supersedes: str | None,
    cursor: int | None,
) -> Duty:
    """What is to be reviewed; for what nobody owes, a duty that has not been written down yet.

    An id that came twice names two alerts. Without a cursor, that of the review to be corrected is meant, or
    the one that waits for ``role``: a newer alert must not hide what an earlier one still owes.

    Raises:
        Unanswered: ``unknown_id``; ``still_live`` for a call that has not ended; ``ambiguous``: several wait.
    """
    owed = review_reading.about(reading, kind, subject_id)
    newest = _newest(reading, kind, subject_id)
    known = owed if newest is None or any(each.cursor == newest.cursor for each in owed) else [*owed, newest]
    if not known and kind == "call" and reading.call(subject_id) is not None:
        raise Unanswered("still_live", f"call {subject_id[:200]!a} is live: review it when it has ended")
    if cursor is not None:
        known = [each for each in known if each.cursor == cursor]
    if not known:
        raise unknown(kind, subject_id)
    if cursor is not None:
        return known[0]
    for each in owed:
        if supersedes is not None and role in each.standing and each.standing[role].review_id == supersedes:
            return each
    waiting = [each for each in owed if role not in each.standing]
    if len(waiting) > 1:
        cursors = ", ".join(cursor_text(each.cursor) for each in waiting)
        raise Unanswered(
            "ambiguous", f"{len(waiting)} of this id wait for a {role} review: send cursor, one of {cursors}"
        )
    return waiting[0] if waiting else known[-1]


def _newest(reading: Reading, kind: Kind, subject_id: str) -> Duty | None:
    """The newest alert or ended call of this id, as something that nobody has to review."""
    row: Any = reading.alert(subject_id) if kind == "alert" else reading.call(subject_id)
    if row is None:
        return None
    if kind == "call" and row.ended is None:
        return None
    return Duty(
        cursor=row.cursor,
        kind=kind,
        subject_id=subject_id,
        call_id=row.call_id,
        why="voluntary",
        at_s=msgspec.json.decode(row.body if kind == "alert" else row.ended)["at_s"],
        since_ms=0,
        due_ms={},
    )
