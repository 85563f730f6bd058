"""Who may do what: every endpoint in one table. A route that is not in it keeps the server from starting."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.routing import Route, WebSocketRoute

from sentiment_engine.live.pages import FILES
from sentiment_engine.settings_door import ROLES, Role


@dataclass(frozen=True, slots=True)
class Right:
    """Who may use an endpoint."""

    roles: frozenset[Role]
    is_open: bool = False
    """Nothing is asked at all: health checks come without tokens and under any name."""
    may_tell_later: bool = False
    """Who shows no token is let in without a caller; the session asks (``FeedingSession.introduce``)."""


def _for(*roles: Role) -> Right:
    return Right(frozenset(roles))


OPEN = Right(frozenset(ROLES), is_open=True)
EVERYBODY = _for(*ROLES)
CALLS = _for("ingest", "admin")
AGENTS = _for("ingest")
"""Nobody else: a supervisor has the whole feed, and nobody answers in an agent's place."""
READERS = _for("supervisor", "legal", "admin")
ACKNOWLEDGERS = _for("supervisor", "admin")
LEGAL = _for("legal", "admin")
REVIEWERS = _for("supervisor", "legal")
"""Of two kinds, so that one token never gives both. Who runs the server gives none (docs/reviews.md)."""
ADMINS = _for("admin")
CALLS_TOKEN_LATER = Right(CALLS.roles, may_tell_later=True)
"""For vendors whose first message, or whose signature, is the credential."""

RIGHTS: Mapping[str, Right] = {
    "/healthz": OPEN,
    "/readyz": OPEN,
    "/openapi.json": OPEN,
    "/metrics": READERS,
    "/v1/playbook": EVERYBODY,
    "/v1/me": EVERYBODY,
    "/v1/stream": CALLS,
    "/v1/asterisk": CALLS,
    "/v1/audiohook": CALLS_TOKEN_LATER,
    "/v1/twilio": CALLS_TOKEN_LATER,
    "/v1/signalwire": CALLS_TOKEN_LATER,
    "/v1/telnyx": CALLS_TOKEN_LATER,
    "/v1/exotel": CALLS_TOKEN_LATER,
    "/v1/plivo": CALLS_TOKEN_LATER,
    "/v1/l16": CALLS_TOKEN_LATER,
    "/v1/feed": READERS,
    "/v1/feed/sse": READERS,
    "/v1/agent": AGENTS,
    "/v1/agent/feed": AGENTS,
    "/v1/calls": READERS,
    "/v1/calls/{call_id:path}/events": READERS,
    "/v1/calls/{call_id:path}/evidence": LEGAL,
    "POST /v1/calls/{call_id:path}/recording": CALLS,
    "/v1/calls/{call_id:path}/recording": READERS,
    "/v1/calls/{call_id:path}/recording/peaks": READERS,
    "/v1/calls/{call_id:path}": READERS,
    "DELETE /v1/calls/{call_id:path}": ADMINS,
    "/v1/checkpoints": READERS,
    "/v1/alerts": READERS,
    "POST /v1/alerts/{alert_id:path}/ack": ACKNOWLEDGERS,
    "POST /v1/alerts/{alert_id:path}/answer": AGENTS,
    "POST /v1/alerts/{alert_id:path}/assign": ACKNOWLEDGERS,
    "POST /v1/alerts/{alert_id:path}/reviews": REVIEWERS,
    "POST /v1/calls/{call_id:path}/reviews": REVIEWERS,
    "/v1/reports": READERS,
    "/v1/reviews": READERS,
    "/v1/reviews/log": READERS,
    "/v1/webhooks/dead": ADMINS,
    **dict.fromkeys(FILES, OPEN),
}
"""Name of a route, see :func:`name_of` -> who may use it."""


def name_of(route: Route | WebSocketRoute) -> str:
    """The path as the application declares it, with the method in front where it is not just read."""
    methods = (getattr(route, "methods", None) or set()) - {"GET", "HEAD"}
    return " ".join([*sorted(methods), route.path])
