"""What a reviewer sends, and whether it can be taken as it is."""

import re

import msgspec

from sentiment_engine.events import ReviewRole
from sentiment_engine.live.asked import Unanswered
from sentiment_engine.settings_reviews import ReviewSettings

_KEY = re.compile(r"[!-~]{0,128}", re.ASCII)
_CURSOR = re.compile(r"[0-9]{1,20}", re.ASCII)
STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What is no text: control characters but the line feed, and those that turn the writing direction."""


class ReviewBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reviewer sends. Who it is stands in the token, never here."""

    role: ReviewRole
    decision: str
    reason: str
    note: str = ""
    supersedes: str | None = None
    """``review_id`` of one's own review that this corrects."""
    idempotency_key: str = ""
    """A name of the sender's own for this request: sent again, it counts once."""
    cursor: str | None = None
    """Which one is meant, where an id has come more than once: digits, as the list of reviews has them."""

    def check(self, settings: ReviewSettings) -> None:
        """Raises Unanswered ``bad_body``, naming the field, for what the types cannot say."""
        for name, word, words in (
            ("decision", self.decision, settings.decisions),
            ("reason", self.reason, settings.reasons),
        ):
            if word not in words:
                raise Unanswered("bad_body", f"{name} {word[:40]!a} is not known: one of {', '.join(words)}")
        if len(self.note) > settings.note_chars:
            raise Unanswered(
                "bad_body", f"note has {len(self.note)} characters: at most {settings.note_chars}"
            )
        if found := STEERS.search(self.note):
            raise Unanswered("bad_body", f"note holds {found.group()!a}, which is no text: leave it out")
        if not _KEY.fullmatch(self.idempotency_key):
            raise Unanswered("bad_body", "idempotency_key must be up to 128 printable ASCII characters")
        if self.cursor is not None and not (_CURSOR.fullmatch(self.cursor) and int(self.cursor) < 1 << 63):
            raise Unanswered("bad_body", f"cursor {self.cursor[:24]!a} is no cursor: use one of /v1/reviews")

    @property
    def place(self) -> int | None:
        """``cursor`` as a number."""
        return None if self.cursor is None else int(self.cursor)
