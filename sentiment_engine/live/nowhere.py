"""What is answered where there is nothing: in JSON, like every other error."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from sentiment_engine.live.asked import Unanswered, refusal


async def unknown_path(_: Request, __: Exception) -> Response:
    """404: no endpoint has this address."""
    return refusal(Unanswered("unknown_path", "there is nothing at this address: /docs lists what there is"))


async def wrong_method(request: Request, _: Exception) -> Response:
    """405: the address has an endpoint, of another method; ``Allow`` names all that it has."""
    methods = _methods(request)
    answer = refusal(Unanswered("wrong_method", f"this address takes {' or '.join(methods)}"))
    answer.headers["Allow"] = ", ".join(methods)
    return answer


HANDLERS = {int(HTTPStatus.NOT_FOUND): unknown_path, int(HTTPStatus.METHOD_NOT_ALLOWED): wrong_method}
"""For the application: status that the framework would answer -> what is answered."""


def _methods(request: Request) -> list[str]:
    """Of all routes with the longest path that fits: to a shorter one the rest would be part of an id."""
    fitting = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    meant = max((route.path for route in fitting), key=len)
    return sorted({method for route in fitting if route.path == meant for method in route.methods or ()})
