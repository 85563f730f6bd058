"""HTML and SVG from nested calls. Whatever is not markup already is escaped, so no text can become a tag.

There is no way to write a tag but :func:`el`, whose names and attribute names stand in this package's code.
"""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from sentiment_engine.errors import BadSettings

VOID = frozenset({"meta", "br", "col"})
UNSHOWN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, halves of surrogate pairs, and marks that turn the direction of what follows."""


class Html(str):
    """Markup: the only text that goes into a page as it is."""

    __slots__ = ()


Child = str | float | None | Sequence["Child"]
Attribute = str | float | bool | None


def text(value: object) -> Html:
    """``value`` as text of a page, whatever it holds."""
    return Html(html.escape(UNSHOWN.sub("\ufffd", str(value))))


def el(tag: str, /, *children: Child, **attributes: Attribute) -> Html:
    """An element.

    Args:
        tag: Its name.
        children: Markup, which is kept; lists, which are opened; other values, which are escaped; None is
            left out.
        attributes: ``class_`` is ``class``, other underscores are hyphens; numbers are rounded to 0.01; None
            and False leave an attribute out, True writes its name alone.
    """
    opened = "".join([f"<{tag}", *(_attribute(name, value) for name, value in attributes.items()), ">"])
    return Html(opened if tag in VOID else f"{opened}{joined(*children)}</{tag}>")


def joined(*children: Child) -> Html:
    """Children one after another, without an element around them."""
    return Html("".join(map(_child, children)))


def number(value: float) -> str:
    """A coordinate, to 0.01, without zeros that say nothing."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def page(*, title: str, language: str, body: Html) -> str:
    """A whole document that may load and run nothing, with the stylesheet inside.

    Raises:
        BadSettings: the stylesheet is missing from the installation.
    """
    style, digest = _style()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("style", Html(style)),
    )
    return f"<!doctype html>\n{el('html', head, el('body', body), lang=language)}\n"


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    return f' {name}="{number(value) if isinstance(value, int | float) else text(value)}"'


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    return text(child) if isinstance(child, str | int | float) else joined(*child)


@cache
def _style() -> tuple[str, str]:
    """The stylesheet, and its SHA-256 as a policy names it."""
    try:
        style = (files("sentiment_engine") / "report" / "report.css").read_text(encoding="utf-8")
    except OSError as reason:
        raise BadSettings(
            f"report/report.css cannot be read from the installed package ({reason.strerror or reason}): "
            "install it again"
        ) from reason
    return style, base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
