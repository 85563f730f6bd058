"""What pages of one call and of many share: the frame, cards of figures, tables, links."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from urllib.parse import quote

from sentiment_engine.report.markup import Child, Html, el, joined, page
from sentiment_engine.report.words import Words

MARK = "M2 12h4l3-7 4 14 3-7h6"
"""The product's mark: a level that rises and calms."""


def framed(title: str, eyebrow: Child, facts: Sequence[tuple[str, Child]], body: Child, words: Words) -> str:
    """A whole page: what it is, facts beside each other, the body, and a line about where it comes from."""
    header = el(
        "header",
        el(
            "div",
            el(
                "svg",
                el("path", d=MARK),
                class_="brand",
                viewBox="0 0 24 24",
                width=34,
                height=34,
                aria_hidden="true",
            ),
            el("div", el("p", eyebrow, class_="eyebrow"), el("h1", el("bdi", title))),
            class_="title",
        ),
        el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in facts], class_="facts"),
    )
    foot = el("footer", el("p", words("footer", version=_version())))
    return page(
        title=f"{title} - {words('report')}", language=words.tag, body=joined(header, el("main", body), foot)
    )


def section(title: str, *children: Child, name: str = "", hidden_title: bool = False) -> Html:
    """A card with a heading."""
    return el(
        "section",
        el("h2", title, class_="unseen" if hidden_title else None),
        *children,
        class_=f"card {name}".strip(),
    )


def figures(entries: Sequence[tuple[str, Child, Child]]) -> Html:
    """Figures beside each other: name, value, and a smaller remark."""
    return el(
        "dl",
        [
            el(
                "div",
                el("dt", name),
                el(
                    "dd",
                    el("span", value, class_="value"),
                    el("span", remark, class_="remark") if remark else None,
                ),
            )
            for name, value, remark in entries
        ],
        class_="figures card",
    )


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]], numbers: Sequence[int] = ()
) -> Html:
    """A table that scrolls by itself where it is too wide.

    Args:
        caption: Its name.
        heads: Of the columns.
        rows: Cells; the first of each is the row's heading.
        numbers: Columns that are set to the right.
    """
    right = ["number" if index in numbers else None for index in range(len(heads))]
    return el(
        "div",
        el(
            "table",
            el("caption", caption),
            el(
                "thead",
                el("tr", [el("th", h, scope="col", class_=c) for h, c in zip(heads, right, strict=True)]),
            ),
            el(
                "tbody",
                [
                    el(
                        "tr",
                        el("th", row[0], scope="row", class_=right[0]),
                        [el("td", cell, class_=c) for cell, c in zip(row[1:], right[1:], strict=True)],
                    )
                    for row in rows
                ],
            ),
        ),
        class_="wide",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def sentences(texts: Sequence[str]) -> Html:
    """A list of sentences."""
    return el("ul", [el("li", said) for said in texts], class_="sentences")


def badge(name: str, said: str) -> Html:
    """A word in a coloured pill; ``name`` is one of the stylesheet's."""
    return el("span", said, class_=f"badge {name}")


def address(path: PurePosixPath) -> str:
    """A file below this one as a link; never an address with a scheme, whatever its name."""
    return "./" + quote(path.as_posix().encode("utf-8", "surrogateescape"))


def _version() -> str:
    try:
        return version("sentiment-engine")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "(not installed)"
