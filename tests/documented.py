"""Answers of a server, compared with what docs/openapi.json says of them."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema

from sentiment_engine.live.api.document import openapi

DOCUMENT = json.loads(json.dumps(openapi()))


def strict(value: Any) -> Any:
    """The schemas with every property named: readers ignore what they do not know, tests do not."""
    if isinstance(value, list):
        return [strict(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {name: strict(each) for name, each in value.items()}
    if inner.get("type") == "object" and isinstance(inner.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    return inner


COMPONENTS = {"schemas": strict(copy.deepcopy(DOCUMENT["components"]["schemas"]))}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", ".*", re.escape(path)))


def operation_at(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The operation that a request is one of, by its longest path; and its name."""
    found = [
        (f"{method} {known}", operation)
        for known_method, known, operation in operations()
        if known_method == method and _pattern(known).fullmatch(path)
    ]
    return max(found, key=lambda each: len(each[0]), default=None)


def faults(schema: Any, value: Any) -> list[str]:
    """What is wrong with a value, fields that nobody described among it."""
    validator = jsonschema.Draft202012Validator({**strict(schema), "components": COMPONENTS})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


SEEN: set[tuple[str, int, str]] = set()
"""Operation, status and error code of what has been checked."""


async def keeps_to_the_document(answer: httpx.Response) -> None:
    """An event hook of httpx: fails for an answer that the document does not describe."""
    request = answer.request
    method = "GET" if request.method == "HEAD" else request.method
    known = operation_at(method, request.url.path)
    if known is None or answer.status_code == 405:
        return
    name, operation = known
    about = f"{name} -> {answer.status_code}"
    described = operation["responses"].get(str(answer.status_code))
    assert described is not None, f"{about} is not described"
    media = answer.headers.get("content-type", "").partition(";")[0]
    contents = described.get("content", {})
    if not contents or request.method == "HEAD":
        return
    assert media in contents, f"{about} is {media}, described are {list(contents)}"
    code = ""
    if media == "application/json":
        await answer.aread()
        value = answer.json()
        assert faults(contents[media]["schema"], value) == [], about
        if "examples" in contents[media]:
            code = value["code"]
            assert code in contents[media]["examples"], f"{about} says {code}, which is not described"
    SEEN.add((name, answer.status_code, code))


HOOKS = {"response": [keeps_to_the_document]}
"""For ``httpx.AsyncClient(event_hooks=HOOKS)``."""
