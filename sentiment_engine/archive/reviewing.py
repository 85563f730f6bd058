"""The rules of reviews by two roles. No I/O, no clock: times are milliseconds since 1970 that are given.

Each **duty** asks for a ``business`` and a ``legal`` review. Four eyes: the two come from different names.
A review stands until its own author corrects it; nobody else can. Whatever events come, in whatever order,
:func:`after` never lets one name stand for both roles.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from sentiment_engine.errors import EngineError
from sentiment_engine.events import Reviewed, ReviewRole
from sentiment_engine.settings_door import Role
from sentiment_engine.settings_reviews import REVIEW_ROLES, ReviewSettings

Kind = Literal["alert", "call"]
Why = Literal["critical", "sampled", "voluntary"]
State = Literal["open", "overdue", "done"]

GIVES: Mapping[Role, ReviewRole] = {"supervisor": "business", "legal": "legal"}
"""Role of a token -> the one review it may give. Who plays calls in, and who runs the server, gives none."""
HOUR_MS = 3_600_000


class NotAllowed(EngineError):
    """A review cannot be taken; ``code`` says why in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Standing(NamedTuple):
    """The review that counts for one role of a duty."""

    review_id: str
    by: str
    first_ms: int
    """When the role was first reviewed; corrections do not move it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One alert or call that is to be reviewed by both roles."""

    cursor: int
    """Of its ``alert.raised`` or ``call.started``: what tells it from another of the same id."""
    kind: Kind
    subject_id: str
    """The alert's id, or the call's."""
    call_id: str
    why: Why
    at_s: float
    """Media time at which it became owed."""
    since_ms: int
    due_ms: Mapping[ReviewRole, int]
    standing: Mapping[ReviewRole, Standing] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether both roles have been reviewed."""
        return all(role in self.standing for role in REVIEW_ROLES)

    def is_overdue(self, role: ReviewRole, now_ms: int) -> bool:
        """Whether the review by ``role`` is missing and should be there."""
        return role not in self.standing and now_ms > self.due_ms[role]

    def state(self, now_ms: int) -> State:
        """``done`` with both reviews; ``overdue`` when one that is missing should be there; else ``open``."""
        if self.is_done:
            return "done"
        return "overdue" if any(self.is_overdue(role, now_ms) for role in REVIEW_ROLES) else "open"


def due_ms(since_ms: int, settings: ReviewSettings) -> dict[ReviewRole, int]:
    """By when each role is to have reviewed what is owed since ``since_ms``."""
    return {role: since_ms + round(settings.due_hours(role) * HOUR_MS) for role in REVIEW_ROLES}


def is_sampled(key: bytes, share: float, call_id: str, cursor: int) -> bool:
    """Whether a call is drawn: the same answer always, and to be foreseen by nobody without ``key``.

    Args:
        key: secret of the archive.
        share: of all calls, 0..1.
        call_id: which call.
        cursor: of its ``call.started``, or an id that was once not drawn would be used again and again.
    """
    message = f"{cursor}:{call_id}".encode("utf-8", "surrogatepass")
    drawn = int.from_bytes(hmac.digest(key, message, "sha256")[:8], "big")
    return drawn < share * 2.0**64


def same_name(one: str, other: str) -> bool:
    """Whether two token names are taken for one person's: case makes no difference."""
    return one.casefold() == other.casefold()


def check(duty: Duty, *, role: ReviewRole, by: str, supersedes: str | None) -> None:
    """Whether ``by`` may review ``duty`` for ``role``.

    Raises:
        NotAllowed: ``reviews_need_tokens`` without a name; ``four_eyes`` for a name that stands for the other
            role; ``already_reviewed`` when one stands that this does not correct, or that is somebody else's;
            ``unknown_review`` for a correction of what does not stand.
    """
    if not by:
        raise NotAllowed("reviews_need_tokens", "a review needs a name: set door.tokens, and send one")
    for other, stands in duty.standing.items():
        if other != role and same_name(stands.by, by):
            raise NotAllowed(
                "four_eyes", f"{by} has given the {other} review: the {role} review is another person's"
            )
    mine = duty.standing.get(role)
    if mine is None:
        if supersedes is not None:
            raise NotAllowed("unknown_review", f"no {role} review stands here: leave supersedes out")
        return
    if not same_name(mine.by, by):
        raise NotAllowed(
            "already_reviewed", f"{mine.by} has given the {role} review, and alone may correct it"
        )
    if supersedes is None:
        raise NotAllowed(
            "already_reviewed",
            f'you have given the {role} review: to correct it, send "supersedes":"{mine.review_id}"',
        )
    if supersedes != mine.review_id:
        raise NotAllowed("unknown_review", f"the {role} review that stands is {mine.review_id}")


def after(duty: Duty, review: Reviewed, time_ms: int) -> Duty:
    """The duty after a review of it; the same one when the rules do not let it count."""
    try:
        check(duty, role=review.role, by=review.by, supersedes=review.supersedes)
    except NotAllowed:
        return duty
    earlier = duty.standing.get(review.role)
    first_ms = time_ms if earlier is None else earlier.first_ms
    stands = Standing(review.review_id, review.by, first_ms)
    return replace(duty, standing={**duty.standing, review.role: stands})
