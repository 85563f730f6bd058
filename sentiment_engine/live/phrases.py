"""``GET /v1/playbook``: the phrases in force."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sentiment_engine.events import STAGES
from sentiment_engine.live.api.bodies import ErrorAnswer, PhraseBook
from sentiment_engine.phrases import BASES, Entry
from sentiment_engine.playbook import ANSWERED_AS, Playbook
from sentiment_engine.settings_alerts import PlaybookSettings

FILTERS: Mapping[str, tuple[str, ...]] = {"cause": tuple(BASES), "stage": STAGES}
LANGUAGES = ("zh-CN", "en")
COUNTED = ("cause", "audience", "mode", "basis")
LANGUAGE_TAG = re.compile(r"[A-Za-z0-9-]{1,35}")
VERSION = 1
"""Of the schema of entries, as in ``playbook.yaml``."""


class Phrases:
    """Answers with the entries that may be shown under the deployment's settings, none without a playbook.

    ``{"version", "count", "counts": {field: {value: n}}, "entries": [...]}``, entries as in the YAML file.
    ``cause=`` keeps what answers a cause, ``stage=`` what names that stage (``general`` for what fits any),
    ``language=`` one of the texts. A filter that is not known is refused with 400, not ignored.
    """

    def __init__(self, playbook: Playbook | None, settings: PlaybookSettings) -> None:
        self._entries = () if playbook is None else playbook.in_force(settings.jurisdiction)

    async def get(self, request: Request) -> Response:
        """The response, 304 when the client has it already (``If-None-Match``)."""
        wrong = _wrong(request)
        if wrong:
            return _json(ErrorAnswer(code="bad_query", message=wrong), status_code=400)
        cause, stage, language = map(request.query_params.get, ("cause", "stage", "language"))
        entries = [
            _without_other_languages(entry, language)
            for entry in self._entries
            if cause is None or entry.cause == ANSWERED_AS.get(cause, cause)
            if stage is None or stage in entry.stage
        ]
        body = PhraseBook(
            version=VERSION,
            count=len(entries),
            counts={field: Counter(entry[field] for entry in entries) for field in COUNTED},
            entries=entries,
        )
        response = _json(body)
        tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
        response.headers["ETag"] = tag
        response.headers["Cache-Control"] = "no-cache"  # ask each time: a restart may bring other phrases
        known = request.headers.get("if-none-match", "")
        if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
        return response


def _wrong(request: Request) -> str:
    """What is wrong with the query; empty when nothing is."""
    given = request.query_params
    for name in given:
        if name not in (*FILTERS, "language"):
            return f"{name[:40]!r} is not a filter: cause, stage and language are"
        if len(given.getlist(name)) > 1:
            return f"{name} stands twice: give it once"
    for name, values in FILTERS.items():
        if name in given and given[name] not in values:
            return f"{name} {given[name][:40]!r} is not known: one of {', '.join(values)}"
    if "language" in given and not LANGUAGE_TAG.fullmatch(given["language"]):
        return "language must be a BCP 47 tag such as zh-CN or en"
    return ""


def _without_other_languages(entry: Entry, language: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    if language is not None:
        _, kept = entry.text(language)
        for other in LANGUAGES:
            if other != kept:
                del fields[other]
    return fields


def _json(value: object, status_code: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code, media_type="application/json")
