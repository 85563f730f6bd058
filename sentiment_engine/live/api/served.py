"""``GET /openapi.json``: the document, of the very server that answers."""

import asyncio
import hashlib
from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sentiment_engine.live.api.document import openapi


async def document(request: Request) -> Response:
    """Answers with the document, or 304 for whoever has it (``If-None-Match``)."""
    body, tag = await asyncio.to_thread(_made)  # the first time it reads the package's own source
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    known = request.headers.get("if-none-match", "")
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@cache
def _made() -> tuple[bytes, str]:
    body = msgspec.json.encode(openapi())
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
