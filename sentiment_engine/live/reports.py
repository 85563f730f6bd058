"""Reports over HTTP: what the calls of a period add up to, counted by the server."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.archive.call_report import CallReport
from sentiment_engine.archive.records import rfc3339
from sentiment_engine.archive.report_reading import add_alerts, add_calls
from sentiment_engine.live.answering import answering
from sentiment_engine.live.asked import Asked, said
from sentiment_engine.live.messages import Refused

if TYPE_CHECKING:
    from sentiment_engine.archive.archive import Archive

LONGEST_ZONE = 64
"""Characters of the name of a time zone; the longest there is has half of it."""


class Reports:
    """The route.

    Args:
        archive: what is kept; without it every answer is 404 ``no_archive``.
    """

    def __init__(self, archive: "Archive | None") -> None:
        self._archive = archive
        self._one_at_a_time = asyncio.Lock()
        """The work of one takes a thread and, for many calls, some seconds."""

    def routes(self) -> list[Route]:
        """It alone."""
        return [Route("/v1/reports", answering(self._archive, self._get))]

    async def _get(self, request: Request, archive: "Archive") -> Response:
        asked = Asked(request, ("from", "to", "zone"))
        since_ms, until_ms = asked.time_ms("from"), asked.time_ms("to")
        zone = _zone(asked.text("zone") or "UTC")
        report = CallReport(zone)
        async with self._one_at_a_time:
            for add in (add_calls, add_alerts):
                after: int | None = 0
                while after is not None:  # page by page, so that others come to their turn
                    read = partial(add, report=report, since_ms=since_ms, until_ms=until_ms, after=after)
                    after = await archive.ask(read)
        period = {
            "from": None if since_ms is None else rfc3339(since_ms),
            "to": None if until_ms is None else rfc3339(until_ms),
            "zone": zone.key,
        }
        return said({**period, **await asyncio.to_thread(report.told)})


def _zone(name: str) -> ZoneInfo:
    try:
        if len(name) > LONGEST_ZONE:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last for a folder of zones
        raise Refused(
            "bad_query", f"zone={name[:40]!a} is no time zone: write one of IANA's, such as Asia/Shanghai"
        ) from None
