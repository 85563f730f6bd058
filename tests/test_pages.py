"""The web files: what is served, how, and that nothing else can be."""

import asyncio
import json
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Router

from sentiment_engine.errors import BadSettings
from sentiment_engine.live import pages
from sentiment_engine.live.pages import FILES, Pages

ROUTES = Pages().routes()
APP = Starlette(routes=ROUTES)
ROUTER = Router(ROUTES, redirect_slashes=False)
WEB = files("sentiment_engine") / "web"
IMPORT = re.compile(r'(?:from|import|URL\()\s*"(\.\.?/[^"]+|/web/[^"]+)"|(?:src|href)="(/[^"]+)"')


def ask(address: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://server") as site:
            return await site.request(method, address, headers=headers)

    return asyncio.run(answer())


@pytest.mark.parametrize("address", FILES)
def test_every_file_is_served_with_its_type_and_a_strict_policy(address: str):
    answer = ask(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, FILES[address].media_type)
    assert answer.content == (files("sentiment_engine") / FILES[address].path).read_bytes()
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in policy
    assert "*" not in policy


@pytest.mark.parametrize("address", FILES)
def test_only_the_softphone_itself_may_be_loaded_by_other_origins(address: str):
    shared = address.startswith("/web/softphone") and "demo" not in address
    answer = ask(address, Origin="https://crm.example")
    assert answer.headers.get("access-control-allow-origin") == ("*" if shared else None)
    assert answer.headers["cross-origin-resource-policy"] == ("cross-origin" if shared else "same-origin")
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("address", FILES)
def test_what_a_browser_has_already_is_not_sent_again(address: str):
    first = ask(address)
    assert first.headers["cache-control"] == "no-cache"
    for known in (first.headers["etag"], "W/" + first.headers["etag"], f'"other", {first.headers["etag"]}'):
        again = ask(address, **{"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert ask(address, **{"If-None-Match": '"other"'}).status_code == 200


def test_a_page_is_read_and_nothing_else():
    assert ask("/softphone-demo", "HEAD").content == b""
    for method in ("POST", "PUT", "DELETE"):
        assert ask("/softphone-demo", method).status_code == 405


@given(st.text(max_size=60))
@example("")
@example("softphone.js/")
@example("../playbook.yaml")
@example("..\\playbook.yaml")
@example("/etc/passwd")
@example("softphone.js\x00.css")
@example("softphone.js\n")
@example("softphone-demo.html")
@example("SOFTPHONE.JS")
def test_no_other_path_leads_anywhere(name: str):
    """Paths as the server hands them to routes: percent signs are decoded already."""
    sent = []

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/web/" + name, "root_path": "", "headers": []}
    asyncio.run(ROUTER(scope, None, send))
    known = "/web/" + name.removesuffix("\n") in FILES  # to a route's pattern one line end is no difference
    assert sent[0]["status"] == (200 if known else 404)


def test_every_file_that_a_file_asks_for_is_listed_and_none_is_left_out():
    asked = {"/", "/agent", "/docs", "/softphone-demo", "/web/softphone.js"}
    for address, file in FILES.items():
        if file.media_type.startswith("audio/"):
            continue
        text = (files("sentiment_engine") / file.path).read_text("utf-8")
        for beside, absolute in IMPORT.findall(text):
            asked.add(absolute or urljoin(address if "/web/" in address else "/web/x", beside))
        if '"/web/example-call.flac"' in text:
            asked.add("/web/example-call.flac")
        assert address in {"/", "/agent", "/docs", "/softphone-demo"} or address.startswith("/web/")
    assert asked == set(FILES)
    served = {file.path for file in FILES.values()}
    assert {path.removeprefix("web/") for path in served if path.startswith("web/")} == {
        path.relative_to(WEB).as_posix()
        for path in Path(str(WEB)).rglob("*")
        if path.is_file() and path.name not in {"LICENSE", "LICENSE.bundled", "NOTICE", "VERSION.json"}
    }


@pytest.mark.parametrize("folder", sorted(Path(str(WEB / "vendor")).iterdir()), ids=lambda path: path.name)
def test_what_is_not_ours_says_its_version_and_licence(folder: Path):
    about = json.loads((folder / "VERSION.json").read_text("utf-8"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["version"])
    assert about["licence"] in (folder / "LICENSE").read_text("utf-8")
    scripts = "".join(path.read_text("utf-8") for path in folder.glob("*.js"))
    assert re.search(rf"(v|\"){re.escape(about['version'])}", scripts)


def test_a_file_that_is_missing_is_found_at_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(pages.FILES, "/web/gone.js", pages.File("web/gone.js", "text/javascript"))
    with pytest.raises(BadSettings, match=r"web/gone\.js cannot be read from the installed package"):
        Pages()
