"""The description of the HTTP interface is of what there is: routes, roles, errors; and it is valid."""

import importlib.util
import json
import re
from pathlib import Path

import httpx
import pytest
from documented import COMPONENTS, DOCUMENT, faults, operation_at, operations
from doors import locked
from live_server import LoudIsAngry
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route
from test_live_door import ALLOWED

from sentiment_engine.live.api import errors
from sentiment_engine.live.api.document import OPERATIONS, openapi
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.asked import STATUS
from sentiment_engine.live.guard import HTTP_STATUS
from sentiment_engine.live.rights import name_of

ROOT = Path(__file__).resolve().parent.parent


def test_the_committed_document_is_what_the_script_writes(tmp_path, monkeypatch, capsys):
    place = importlib.util.spec_from_file_location("script", ROOT / "scripts" / "openapi.py")
    script = importlib.util.module_from_spec(place)
    place.loader.exec_module(script)
    monkeypatch.setattr(script, "PATH", tmp_path / "openapi.json")
    script.main()
    assert capsys.readouterr().out == "openapi.json\n"
    committed = ROOT / "docs" / "openapi.json"
    assert committed.read_text("utf-8") == (tmp_path / "openapi.json").read_text("utf-8"), (
        "run python scripts/openapi.py"
    )


def test_the_document_is_valid_openapi():
    assert DOCUMENT["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_no_route_is_missing_and_none_is_described_that_is_not_there():
    server = LiveServer(locked(), LoudIsAngry(), port=0)
    try:
        routes = server.app().routes
    finally:
        server._socket.close()
    there = {name_of(route) for route in routes if isinstance(route, Route)}
    assert set(OPERATIONS) == {name for name in there if not name.startswith("/web/")}
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids)) == len(OPERATIONS)


def test_each_operation_names_the_roles_that_are_let_in():
    for name in OPERATIONS:
        method, _, path = name.rpartition(" ")
        operation = DOCUMENT["paths"][path.replace(":path", "")][method.lower() or "get"]
        roles = {role for each in operation["security"] for role in each["token"]}
        assert roles == (set() if None in ALLOWED[name] else ALLOWED[name]), name
        assert ("401" in operation["responses"]) == (None not in ALLOWED[name])


def test_each_error_code_is_explained_and_comes_somewhere():
    assert set(errors.MEANING) == {*STATUS, *HTTP_STATUS}
    assert not {code for code in HTTP_STATUS if STATUS.get(code, HTTP_STATUS[code]) != HTTP_STATUS[code]}
    examples = [
        (status, code, example["value"])
        for _, _, operation in operations()
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
        for code, example in content.get("examples", {}).items()
    ]
    assert {code for _, code, _ in examples} == set(errors.MEANING) - {*errors.EVERYWHERE}
    for status, code, value in examples:
        assert int(status) == errors.status_of(code)
        assert faults({"$ref": "#/components/schemas/ErrorAnswer"}, value) == []


def test_what_fields_mean_stands_under_them_in_the_code():
    call = DOCUMENT["components"]["schemas"]["KeptCall"]["properties"]
    assert call["cursor"]["description"] == "Of its `call.started`."
    voice = DOCUMENT["components"]["schemas"]["Voice"]["properties"]
    assert voice["pitch_st"]["description"].startswith("Low pitch, semitones above 100 Hz (`pitch.py`)")
    assert ":func:" not in json.dumps(DOCUMENT)
    assert "``" not in json.dumps(DOCUMENT)


def test_an_operation_without_a_route_or_with_an_unknown_error_is_found():
    known = OPERATIONS["/v1/calls"]
    with pytest.raises(KeyError, match="/v1/made/up"):
        openapi({"/v1/made/up": known})
    with pytest.raises(KeyError, match="made_up"):
        openapi({"/v1/calls": type(known)(id="x", tag="Calls", summary="", answers={}, errors=("made_up",))})


def test_a_field_that_nobody_described_is_found():
    answer = {"erased": "c-1"}
    schema = {"$ref": "#/components/schemas/Erased"}
    assert faults(schema, answer) == []
    assert faults(schema, {**answer, "more": 1}) != []
    assert faults(schema, {}) != []
    assert operation_at("GET", "/v1/calls/a/b/events")[0] == "GET /v1/calls/{call_id}/events"
    assert operation_at("GET", "/v1/calls/a/b")[0] == "GET /v1/calls/{call_id}"
    assert operation_at("GET", "/v1/nothing") is None
    objects = [each for each in COMPONENTS["schemas"].values() if "properties" in each]
    assert all(each["additionalProperties"] is False for each in objects)


# -- the page about it


def examples():
    """Method and address of each request on the page."""
    page = (ROOT / "docs" / "http.md").read_text("utf-8").replace("\\\n", " ")
    for line in re.findall(r"^curl .*$", page, re.MULTILINE):
        address = re.search(r'\$SERVER([^"]*)"', line)
        if address:
            method = re.search(r"-X (\w+)", line)
            yield method[1] if method else "GET", address[1]


def test_every_example_of_the_page_is_an_operation_and_most_have_one():
    told = set()
    for method, address in examples():
        url = httpx.URL(f"http://server{address}")
        found = operation_at(method, url.path)
        assert found is not None, address
        name, operation = found
        known = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        assert set(url.params) <= known, address
        told.add(name)
    assert len(told) >= 15


def test_the_body_of_an_example_is_one():
    page = (ROOT / "docs" / "http.md").read_text("utf-8")
    bodies = [json.loads(body) for body in re.findall(r"-d '(\{.*\})'", page)]
    assert bodies
    for body in bodies:
        assert faults({"$ref": "#/components/schemas/ReviewBody"}, body) == []
