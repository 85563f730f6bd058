"""Reviews and reports, described."""

from collections.abc import Mapping

from sentiment_engine.live.api.bodies import GivenReview, ReviewList
from sentiment_engine.live.api.operation import LIMIT, Content, Operation, choice, cursor, moment, words
from sentiment_engine.live.api.report_bodies import Report
from sentiment_engine.live.review_body import ReviewBody
from sentiment_engine.live.reviews import FORMATS, STATES
from sentiment_engine.settings_reviews import REVIEW_ROLES

GIVEN = {
    200: Content("The same request came before under this `idempotency_key`: its review.", GivenReview),
    201: Content("The review, on disk, and what it is about.", GivenReview),
}
GIVING = (
    *("reviews_need_tokens", "forbidden", "bad_body", "not_json", "too_big", "unknown_id", "ambiguous"),
    *("four_eyes", "already_reviewed", "unknown_review", "key_reused"),
)
WHO = (
    "The reviewer is the token's name. Two people give the two reviews; only its author may correct one, by "
    "`supersedes`. `decision` and `reason` are words of the settings."
)

REVIEWS: Mapping[str, Operation] = {
    "POST /v1/alerts/{alert_id:path}/reviews": Operation(
        id="reviewAlert",
        tag="Reviews",
        summary="Reviews an alert for one role",
        text=WHO,
        body=ReviewBody,
        answers=GIVEN,
        errors=GIVING,
    ),
    "POST /v1/calls/{call_id:path}/reviews": Operation(
        id="reviewCall",
        tag="Reviews",
        summary="Reviews a call that has ended, for one role",
        text=WHO,
        body=ReviewBody,
        answers=GIVEN,
        errors=(*GIVING, "still_live"),
    ),
    "/v1/reviews": Operation(
        id="listReviews",
        tag="Reviews",
        summary="What is to be reviewed, the oldest first",
        parameters=(
            choice("state", STATES, "`open` holds all that miss a review, overdue or not."),
            choice("role", REVIEW_ROLES, "Looks at this role's review alone."),
            cursor("after", "`next` of the page before: what is newer."),
            LIMIT,
        ),
        answers={200: Content("A page, and how much there is.", ReviewList)},
        errors=("bad_query",),
    ),
    "/v1/reports": Operation(
        id="getReport",
        tag="Reports",
        summary="What the calls of a period add up to",
        parameters=(
            moment("from", "Begun at or after; all that are kept, if left out."),
            moment("to", "Begun before."),
            words("zone", "IANA's name of the time zone whose days are counted: `Asia/Shanghai`; or UTC."),
        ),
        answers={200: Content("The numbers.", Report)},
        errors=("bad_query",),
    ),
    "/v1/reviews/log": Operation(
        id="getReviewLog",
        tag="Reviews",
        summary="A day of reviews, for the files",
        parameters=(
            words(
                "day",
                "`2026-01-31`, from midnight to midnight in UTC or at `offset`.",
                required=True,
                format="date",
            ),
            choice("format", FORMATS, "A table, or a page to print.", required=True),
            words(
                "offset",
                "Of the day's clock: `+08:00`.",
                pattern="^[+-](0[0-9]|1[0-4]):[0-5][0-9]$",
            ),
        ),
        answers={
            200: Content(
                "The lines of that day.",
                {"type": "string"},
                ("text/csv", "text/html"),
                {"Content-Disposition": "A file's name for a table; `inline` for a page."},
            )
        },
        errors=("bad_query",),
    ),
}
"""As in ``rights.py``: name of a route -> what it does."""
