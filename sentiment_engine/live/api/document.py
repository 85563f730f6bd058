"""The HTTP interface as an OpenAPI 3.1 document: who may call what, with what, and what comes back."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from sentiment_engine.archive.records import CloudEvent
from sentiment_engine.live.api.agents import AGENTS
from sentiment_engine.live.api.bodies import ErrorAnswer
from sentiment_engine.live.api.calls import CALLS
from sentiment_engine.live.api.errors import MEANING, OF_THE_ARCHIVE, OF_THE_DOOR, by_status
from sentiment_engine.live.api.evidence import EVIDENCE
from sentiment_engine.live.api.operation import TAGS, Content, Operation, Parameter
from sentiment_engine.live.api.reviews import REVIEWS
from sentiment_engine.live.api.server import SERVER
from sentiment_engine.live.phrases import LANGUAGES
from sentiment_engine.live.rights import RIGHTS, Right
from sentiment_engine.live.schemas import EVENTS, components, reference
from sentiment_engine.phrases import Entry

OPERATIONS: Mapping[str, Operation] = {**CALLS, **AGENTS, **REVIEWS, **EVIDENCE, **SERVER}
"""Name of a route, as in ``rights.py`` -> what it does. Files that pages load by themselves are left out."""

DESCRIPTION = """\
Calls, alerts, reviews and evidence over HTTP. Audio goes in over WebSocket, and comes back as alerts there: \
those sockets are described in `docs/asyncapi.json`.

**Tokens.** Send `Authorization: Bearer TOKEN`, never a token in the address. A token has one role, and each \
operation names the roles that it takes. A server without tokens listens on its own machine alone and asks \
nobody.

**Ids** may hold slashes: write them as `%2F`.

**Pages.** Lists hold `limit` rows, 100 if not said, and `next`: give it back to be given the next page. \
Cursors are 20 digits; they grow from event to event, across restarts too.

**Errors** are `{"type": "error", "code": …, "message": …}`; the message names the input and the \
remedy. Where there is nothing the code is `unknown_path`, with 404, or `wrong_method`, with 405.

**Readers** ignore fields they do not know: new ones come without a new version. Whatever can be read with \
GET can be asked for with HEAD.
"""
_IN_PATH = re.compile(r"\{(\w+)(:path)?\}")
_ARGUMENTS = {
    "call_id": "The caller's own id of the call.",
    "alert_id": "As the alert's events name it.",
}


def openapi(operations: Mapping[str, Operation] = OPERATIONS) -> dict[str, Any]:
    """The document, as plain data.

    Raises:
        KeyError: an operation is no route, or has an error code that nobody has explained.
        OSError: as :func:`schemas.components`.
    """
    paths: dict[str, dict[str, Any]] = {}
    for name, operation in operations.items():
        method, _, path = name.rpartition(" ")
        place = paths.setdefault(_IN_PATH.sub(r"{\1}", path), {})
        place[method.lower() or "get"] = _operation(path, operation, RIGHTS[name])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sentiment Engine: HTTP interface",
            "version": version("sentiment-engine"),
            "description": DESCRIPTION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server that this document comes from."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "As `sentiment-engine token new` prints it; its role is in the settings.",
                }
            },
        },
    }


def _schemas(operations: Mapping[str, Operation]) -> dict[str, Any]:
    kinds: list[Any] = [ErrorAnswer, CloudEvent, Entry, *EVENTS.values()]
    for operation in operations.values():
        contents = [content.schema for content in operation.answers.values()]
        kinds += [kind for kind in (operation.body, *contents) if isinstance(kind, type)]
    schemas = components(kinds)
    schemas["ErrorAnswer"]["properties"]["code"] = {"enum": sorted(MEANING)}
    entry = schemas["Entry"]  # language= leaves one of the texts out
    entry["required"] = [name for name in entry["required"] if name not in LANGUAGES]
    return schemas


def _operation(path: str, operation: Operation, right: Right) -> dict[str, Any]:
    roles = "everybody, without a token" if right.is_open else ", ".join(sorted(right.roles))
    codes = [*operation.errors, *(() if right.is_open else OF_THE_DOOR)]
    codes += OF_THE_ARCHIVE if operation.archived else ()
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": "\n\n".join(filter(None, [operation.text, f"**Roles:** {roles}."])),
        "security": [] if right.is_open else [{"token": [role]} for role in sorted(right.roles)],
    }
    parameters = [_argument(found[1]) for found in _IN_PATH.finditer(path)]
    parameters += [_parameter(each) for each in operation.parameters]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": reference(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    answers = {str(status): _content(content) for status, content in operation.answers.items()}
    described["responses"] = {
        **answers,
        **{str(status): _refusal(status, found) for status, found in by_status(codes).items()},
    }
    return described


def _argument(name: str) -> dict[str, Any]:
    text = f"{_ARGUMENTS[name]} Slashes are written as `%2F`."
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": text}


def _parameter(each: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {"name": each.name, "in": each.place, "schema": each.schema}
    return {**told, **({"required": True} if each.required else {}), "description": each.text}


def _content(content: Content) -> dict[str, Any]:
    told: dict[str, Any] = {"description": content.text}
    if content.headers:
        told["headers"] = {name: _header(text) for name, text in content.headers.items()}
    if content.schema is not None:
        schema = reference(content.schema) if isinstance(content.schema, type) else content.schema
        told["content"] = {media: {"schema": schema} for media in content.media}
    return told


def _refusal(status: int, codes: Sequence[str]) -> dict[str, Any]:
    examples = {
        code: {"summary": MEANING[code], "value": {"type": "error", "code": code, "message": MEANING[code]}}
        for code in codes
    }
    told: dict[str, Any] = {
        "description": "\n".join(f"- `{code}`: {MEANING[code]}" for code in codes),
        "content": {"application/json": {"schema": reference(ErrorAnswer), "examples": examples}},
    }
    if status == 401:
        told["headers"] = {"WWW-Authenticate": _header("`Bearer`, and the realm.")}
    elif status == 429:
        told["headers"] = {"Retry-After": _header("Seconds to wait.")}
    return told


def _header(text: str) -> dict[str, Any]:
    return {"schema": {"type": "string"}, "description": text}
