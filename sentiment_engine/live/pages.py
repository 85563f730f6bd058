"""The web files that the server hands out: console, agent's page, softphone and demo, and nothing else.

Only names in :data:`FILES` exist, so no path can lead anywhere else. All is read once, at the start: what is
missing from an installation is found then, and a request costs no disk.
"""

import hashlib
from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment_engine.errors import BadSettings


class File(NamedTuple):
    """One packaged file and how it is served."""

    path: str
    """Within the package."""
    media_type: str
    shared: bool = False
    """Whether pages of other origins may load it."""


SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"
PAGE = "text/html; charset=utf-8"
CONSOLE = (
    *("alert_card", "alert_list", "alerts", "api", "app", "assign", "call", "call_data", "call_facts"),
    *("calls", "card", "causes", "charts", "dom", "feed", "filters", "lane_names", "lanes", "language"),
    *("levels", "live", "moment", "names", "palette", "playback", "player", "preferences", "recording"),
    *("report_data", "reports", "review_form", "reviews", "router", "shell", "sign_in", "spark", "state"),
    *("steps", "view", "wall", "wave", "words", "zooms"),
)
"""The console's modules."""
AGENT = ("answer_box", "app", "desk", "offer", "past", "picture", "words")
"""Those of the agent's page, which takes the rest from the console."""

FILES: Mapping[str, File] = {
    **{
        f"/web/{name}": File(f"web/{name}", SCRIPT, shared=True)
        for name in (
            "softphone.js",
            "softphone-errors.js",
            "softphone-link.js",
            "softphone-tap.js",
            "softphone-timeline.js",
            "softphone-wire.js",
            "softphone-worklet.js",
        )
    },
    "/": File("web/console.html", PAGE),
    **{f"/web/console/{name}.js": File(f"web/console/{name}.js", SCRIPT) for name in CONSOLE},
    "/web/console/console.css": File("web/console/console.css", STYLE),
    "/web/console/pages.css": File("web/console/pages.css", STYLE),
    "/agent": File("web/agent.html", PAGE),
    **{f"/web/agent/{name}.js": File(f"web/agent/{name}.js", SCRIPT) for name in AGENT},
    "/web/agent/agent.css": File("web/agent/agent.css", STYLE),
    "/web/console/player.css": File("web/console/player.css", STYLE),
    "/web/vendor/uplot/uPlot.esm.js": File("web/vendor/uplot/uPlot.esm.js", SCRIPT),
    "/web/vendor/uplot/uPlot.min.css": File("web/vendor/uplot/uPlot.min.css", STYLE),
    "/web/vendor/wavesurfer/wavesurfer.esm.js": File("web/vendor/wavesurfer/wavesurfer.esm.js", SCRIPT),
    "/docs": File("web/docs.html", PAGE),
    "/web/docs.css": File("web/docs.css", STYLE),
    "/web/docs.js": File("web/docs.js", SCRIPT),
    "/web/vendor/swagger-ui/swagger-ui-bundle.js": File("web/vendor/swagger-ui/swagger-ui-bundle.js", SCRIPT),
    "/web/vendor/swagger-ui/swagger-ui.css": File("web/vendor/swagger-ui/swagger-ui.css", STYLE),
    "/softphone-demo": File("web/softphone-demo.html", PAGE),
    "/web/softphone-demo.css": File("web/softphone-demo.css", STYLE),
    "/web/softphone-demo.js": File("web/softphone-demo.js", SCRIPT),
    "/web/softphone-demo-call.js": File("web/softphone-demo-call.js", SCRIPT),
    "/web/softphone-demo-overlay.js": File("web/softphone-demo-overlay.js", SCRIPT),
    "/web/softphone-demo-words.js": File("web/softphone-demo-words.js", SCRIPT),
    "/web/example-call.flac": File("example/call.flac", "audio/flac"),
}
"""Address -> what lies there."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere, no frames around it. ``'self'`` covers the page's own WebSocket.

A recording is fetched with the token in a header, and played from a ``blob:`` address of the page's own.
"""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    # Asked for each time, and mostly answered with 304: the files must be of the server's own version.
    "Cache-Control": "no-cache",
}


class Pages:
    """The files in :data:`FILES`, in memory.

    Raises:
        BadSettings: a file is missing from the installation.
    """

    def __init__(self) -> None:
        self._bodies = {address: _read(file) for address, file in FILES.items()}
        self._tags = {
            address: f'"{hashlib.sha256(body).hexdigest()[:32]}"' for address, body in self._bodies.items()
        }

    def routes(self) -> list[Route]:
        """A route for each file; any other path is not found. GET and HEAD only."""
        return [Route(address, partial(self._get, address)) for address in FILES]

    async def _get(self, address: str, request: Request) -> Response:
        file, tag = FILES[address], self._tags[address]
        headers = {**HEADERS, "ETag": tag}
        if file.shared:
            headers["Access-Control-Allow-Origin"] = "*"
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        else:
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        known = request.headers.get("if-none-match", "")
        if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(self._bodies[address], media_type=file.media_type, headers=headers)


def _read(file: File) -> bytes:
    try:
        return (files("sentiment_engine") / file.path).read_bytes()
    except OSError as reason:
        raise BadSettings(
            f"{file.path} cannot be read from the installed package ({reason.strerror or reason}): "
            "install it again"
        ) from reason
