"""A day's log of reviews, for spreadsheets and for paper. No I/O.

What people and callers wrote (notes, ids) is only ever text: in a spreadsheet no formula, in a page no
markup, and in a page it cannot turn the writing direction of what stands beside it.
"""

import base64
import csv
import hashlib
import io
import re
from collections.abc import Sequence
from html import escape
from typing import Literal, NamedTuple

from sentiment_engine.archive.records import cursor_text, rfc3339
from sentiment_engine.archive.reviewing import Duty
from sentiment_engine.events import Reviewed, ReviewRole
from sentiment_engine.settings_reviews import REVIEW_ROLES

What = Literal["owed", "reviewed", "fell_due"]


class Line(NamedTuple):
    """One thing that happened."""

    time_ms: int
    """Milliseconds since 1970."""
    what: What
    """A review of both roles became owed; one was given; one was not given in time."""
    duty: Duty
    role: ReviewRole | None
    review: Reviewed | None


COLUMNS = (
    "time",
    "what",
    "role",
    "kind",
    "call_id",
    "alert_id",
    "why",
    "by",
    "decision",
    "reason",
    "note",
    "due_at",
    "late",
    "review_id",
    "supersedes",
    "cursor",
)

_FORMULA = re.compile(r"(^|[;,\t\r\n|])([ \xa0\u3000\"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet might begin to calculate: a cell, or what it takes for one when it splits elsewhere."""
BYTE_ORDER_MARK = "\ufeff"


def cells(line: Line) -> tuple[str, ...]:
    """The line's texts, in the order of :data:`COLUMNS`; empty where there is nothing to say."""
    duty, review, role = line.duty, line.review, line.role
    late = role is not None and line.time_ms > duty.due_ms[role] and (review is None or not review.supersedes)
    return (
        rfc3339(line.time_ms),
        line.what,
        role or "",
        duty.kind,
        duty.call_id,
        duty.subject_id if duty.kind == "alert" else "",
        duty.why,
        "" if review is None else review.by,
        "" if review is None else review.decision,
        "" if review is None else review.reason,
        "" if review is None else review.note,
        "" if role is None else rfc3339(duty.due_ms[role]),
        "yes" if late or line.what == "fell_due" else "",
        "" if review is None else review.review_id,
        (review.supersedes or "") if review is not None else "",
        cursor_text(duty.cursor),
    )


def harmless(text: str) -> str:
    """``text`` with an apostrophe before whatever a spreadsheet could take for the beginning of a formula."""
    return _FORMULA.sub(r"\1\2'", text)


def as_csv(lines: Sequence[Line]) -> str:
    """RFC 4180 with a header; begins with a byte order mark, without which Excel misreads Chinese."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([harmless(cell) for cell in cells(line)] for line in lines)
    return BYTE_ORDER_MARK + out.getvalue()


STYLE = """
body{font:9pt/1.4 system-ui,"Noto Sans CJK SC",sans-serif;margin:1.5rem;color:#111;background:#fff}
h1{font-size:1.3rem;margin:0 0 .3rem}p{margin:.2rem 0 1rem}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid #999;padding:.25rem .4rem;text-align:left;vertical-align:top}
th{background:#eee}td.time,td.due_at{white-space:pre}
td.note,td.call_id,td.alert_id,td.by,td.decision,td.reason{overflow-wrap:anywhere;min-width:4rem}
td.note{white-space:pre-wrap;min-width:12rem}
tr.late td{background:#fdeaea}
thead{display:table-header-group}tr{break-inside:avoid}
.sign{display:flex;gap:3rem;margin-top:2.5rem}.sign span{border-top:1px solid #111;flex:1;padding-top:.3rem}
@page{size:A4 landscape;margin:12mm}
@media print{body{margin:0;font-size:8pt}th,tr.late td{print-color-adjust:exact}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of the page: it may show text, and nothing else."""

_SHOWN = ("time", "what", "role", "call_id", "alert_id", "why", "by", "decision", "reason", "note", "due_at")


def as_html(title: str, made: str, lines: Sequence[Line]) -> str:
    """One page that needs nothing else and prints on A4.

    Args:
        title: of which day.
        made: when, by whom: the second line.
        lines: what happened.
    """
    given = sum(line.what == "reviewed" for line in lines)
    missed = sum(line.what == "fell_due" for line in lines)
    owed = sum(line.what == "owed" for line in lines)
    head = "".join(f"<th scope=col>{name.replace('_', ' ')}</th>" for name in (*_SHOWN, "late"))
    body = "".join(map(_row, lines)) or f"<tr><td colspan={len(_SHOWN) + 1}>Nothing happened.</td></tr>"
    signs = "".join(f"<span>{role}: name, date, signature</span>" for role in REVIEW_ROLES)
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(made)}<br>Became owed: {owed}. Reviews given: {given}. "
        f"Fell due without a review: {missed}. Times are UTC.</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p class=sign>{signs}</p></body></html>\n"
    )


def _row(line: Line) -> str:
    named = dict(zip(COLUMNS, cells(line), strict=True))
    for name in ("time", "due_at"):
        named[name] = named[name][:19].replace("T", "\n")  # whole seconds are enough on paper
    named["what"] = named["what"].replace("_", " ")
    shown = "".join(f"<td class={name}><bdi>{escape(named[name])}</bdi></td>" for name in (*_SHOWN, "late"))
    return f"<tr{' class=late' if named['late'] else ''}>{shown}</tr>\n"
