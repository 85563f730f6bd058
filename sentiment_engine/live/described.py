"""Our own sockets as an AsyncAPI 3.0 document, made from the very types that read and write them."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from sentiment_engine.archive.records import CloudEvent
from sentiment_engine.events import Alert, CallEnded, TensionUpdated
from sentiment_engine.live.messages import CLOSE_CODES, TYPES
from sentiment_engine.live.schemas import EVENTS, components, object_of, reference, summary

TO_STREAM = [name for name, kind in EVENTS.items() if issubclass(kind, Alert | CallEnded | TensionUpdated)]
"""What a call's own socket is sent."""


def asyncapi() -> dict[str, Any]:
    """The document, as plain data."""
    said = {name: kind.__name__ for kind, name in TYPES.items()}
    schemas = _schemas()
    messages = {
        **{name: _message(name, schema, "A text frame.") for name, schema in said.items()},
        "audio": {
            "name": "audio",
            "contentType": "application/octet-stream",
            "summary": "A binary frame: interleaved samples of any length, in the encoding that start named.",
            "payload": {"type": "string", "format": "binary"},
        },
        "started": _message("started", "Started", "The call is open, or goes on at resume_at_s."),
        "error": _message("error", "Error", "Why the socket is about to be closed."),
        **{name: _message(name, kind.__name__, summary(kind)) for name, kind in EVENTS.items()},
        "cloudEvent": _message("cloudEvent", "CloudEvent", "One event of one call, CloudEvents 1.0 as JSON."),
    }
    to_server, to_client = [*said, "audio"], ["started", *TO_STREAM, "error"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sentiment engine: calls in, alerts out",
            "version": version("sentiment-engine"),
            "description": _description(),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8700",
                "protocol": "ws",
                "description": "As `sentiment-engine serve` listens without settings; wss with --tls-cert.",
            }
        },
        "channels": {
            "stream": _channel(
                "/v1/stream", "One live call: audio in, its alerts out.", to_server, to_client
            ),
            "feed": {
                **_channel("/v1/feed", "Every event of every call, for supervisors.", [], ["cloudEvent"]),
                "bindings": {"ws": {"query": _query("since", "types", "calls"), "bindingVersion": "0.1.0"}},
            },
            "agentFeed": {
                **_channel("/v1/agent/feed", "An agent's own calls and alerts.", [], ["cloudEvent"]),
                "bindings": {"ws": {"query": _query("since"), "bindingVersion": "0.1.0"}},
            },
        },
        "operations": {
            "speak": _operation("stream", "receive", to_server, "What a softphone sends."),
            "hear": _operation("stream", "send", to_client, "What it is sent."),
            "follow": _operation("feed", "send", ["cloudEvent"], "What a supervisor is sent."),
            "advise": _operation("agentFeed", "send", ["cloudEvent"], "What an agent is sent."),
        },
        "components": {"schemas": schemas, "messages": messages},
    }


def _schemas() -> dict[str, Any]:
    schemas = components([*TYPES, *EVENTS.values(), CloudEvent])
    for kind, name in TYPES.items():
        own = schemas[kind.__name__]
        own["properties"] = {"type": {"const": name}, **own.get("properties", {})}
        own["required"] = ["type", *own.get("required", [])]
    schemas["Started"] = object_of(
        {
            "type": {"const": "started"},
            "call_id": {"type": "string"},
            "resume_at_s": {
                "type": "number",
                "minimum": 0,
                "description": "Media time that the server has; send what comes after it.",
            },
            "resumed": {"const": True, "description": "The call goes on; absent for a new one."},
        },
        optional=("resumed",),
    )
    schemas["Error"] = object_of(
        {
            "type": {"const": "error"},
            "code": {"enum": sorted(CLOSE_CODES)},
            "message": {"type": "string", "description": "Names the input and the remedy."},
        }
    )
    return schemas


def _message(name: str, schema: str, summary: str) -> dict[str, Any]:
    return {"name": name, "summary": summary, "payload": reference(schema)}


def _channel(
    address: str, summary: str, to_server: Iterable[str], to_client: Iterable[str]
) -> dict[str, Any]:
    names = [*to_server, *to_client]
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
    return {"address": address, "summary": summary, "messages": messages}


def _operation(channel: str, action: str, names: Iterable[str], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
    }


def _query(*names: str) -> dict[str, Any]:
    known = {
        "since": "A cursor: what came after it, then what is new.",
        "types": "Event types, separated by commas; * at the end.",
        "calls": "Call ids, separated by commas.",
    }
    properties = {name: {"type": "string", "description": known[name]} for name in names}
    return {"type": "object", "properties": properties}


def _description() -> str:
    codes: dict[int, list[str]] = {}
    for name, code in CLOSE_CODES.items():
        codes.setdefault(code, []).append(name)
    rows = "\n".join(f"| {code} | {', '.join(names)} |" for code, names in sorted(codes.items()))
    return (
        "Text frames hold one JSON object; fields nobody knows are ignored. Times are seconds of media time. "
        "A call ends with `call.ended` and close code 1000.\n\n| close code | error codes |\n|---|---|\n"
        + rows
    )
