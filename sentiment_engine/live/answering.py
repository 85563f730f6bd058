"""From a request about what is kept to its answer: errors become statuses here, once."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from sentiment_engine.live.asked import Unanswered, refusal
from sentiment_engine.live.messages import Refused

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

log = structlog.get_logger(__name__)


def answering(
    archive: "Archive | None", ask: Callable[[Request, "Archive"], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """``ask`` as an endpoint, which without an archive answers 404 ``no_archive``."""

    async def answer(request: Request) -> Response:
        try:
            if archive is None:
                raise Unanswered("no_archive", "this server keeps nothing: start it with --data DIR")
            return await ask(request, archive)
        except (Refused, Unanswered) as refused:
            return refusal(refused)
        except SQLAlchemyError as reason:
            log.error("archive_failing", reason=str(reason.__cause__ or reason)[:300])  # noqa: TRY400
            return refusal(failing())

    return answer


def asked_id(request: Request, name: str) -> str:
    """The id in the path, ``call_id`` or ``alert_id``.

    Raises:
        Unanswered: it holds what no id holds.
    """
    value: str = request.path_params[name]
    if not value.isprintable():
        raise unknown(name.removesuffix("_id"), value)
    return value


def unknown(what: str, value: str) -> Unanswered:
    """There is no such call, or alert."""
    return Unanswered("unknown_id", f"no {what} {value[:200]!a} is kept here")


def failing() -> Unanswered:
    """The disk cannot be written, or read, at the moment."""
    return Unanswered("archive_failing", "the archive does not answer at the moment: try again later")
