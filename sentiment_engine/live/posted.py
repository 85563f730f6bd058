"""Bodies of requests, read strictly: JSON that says it is JSON, small, and without a field nobody knows.

Together with tokens in a header, and no cookies anywhere, this is what keeps a foreign web page from having a
browser act in somebody's name: a form cannot send this type, and a script of another origin is asked first.
"""

from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from sentiment_engine.live.asked import Unanswered

T = TypeVar("T")

MOST_BYTES = 65_536
"""A note of 10 000 characters in Chinese takes half of it."""


async def posted(request: Request, kind: type[T]) -> T:
    """The body of a request as a ``kind``.

    Raises:
        Unanswered: ``not_json`` for another content type, ``too_big``, or ``bad_body``, naming the field.
    """
    said = request.headers.getlist("content-type")
    media_type = said[0].partition(";")[0].strip().lower() if len(said) == 1 else ""
    if media_type != "application/json":
        raise Unanswered("not_json", "send a JSON object with Content-Type: application/json")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise Unanswered("too_big", f"a body holds {MOST_BYTES} bytes at most")
    except ClientDisconnect:
        raise Unanswered("bad_body", "the connection ended within the body") from None
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as reason:
        raise Unanswered("bad_body", f"the body cannot be read: {reason}") from reason
