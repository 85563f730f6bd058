"""The day's log: no text of anybody's becomes a formula in a spreadsheet or markup on a page."""

import csv
import io
import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_reviewing import duty, review
from voices import examples

from sentiment_engine.archive.review_log import (
    BYTE_ORDER_MARK,
    COLUMNS,
    POLICY,
    STYLE,
    Line,
    as_csv,
    as_html,
    cells,
    harmless,
)
from sentiment_engine.archive.reviewing import HOUR_MS

HOSTILE = [
    '=HYPERLINK("http://evil.example","x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\uff1d1+1",
    "a\n=1+1",
    "a;=1+1",
    'a";=1+1',
    "a,=1+1",
    "a|=1",
    "  =1+1",
    '"=1+1',
    "'=1+1",
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    '"><svg onload=alert(1)>',
]
TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(),
    st.text(st.sampled_from("=+-@;,|\t\n\"' <>&a\u3000\xa0")),
)


def line(note: str = "", call_id: str = "c-1", time_ms: int = 2000, **fields: object) -> Line:
    given = msgspec.structs.replace(review("business", "anna", "r1"), note=note, call_id=call_id, **fields)
    owed = duty()
    owed = type(owed)(
        **{
            **{name: getattr(owed, name) for name in owed.__slots__},
            "call_id": call_id,
            "subject_id": call_id,
        }
    )
    return Line(time_ms, "reviewed", owed, given.role, given)


def read(text: str, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""), delimiter=delimiter))


@given(TEXT, TEXT)
@examples(300)
def test_no_cell_begins_a_formula_whatever_a_spreadsheet_splits_at(note, call_id):
    text = as_csv([line(note.replace("\0", ""), call_id.replace("\0", ""))])
    for delimiter in ",;\t|":
        for row in read(text, delimiter):
            for cell in row:
                assert not re.match("[ \xa0\u3000\"']*[=+@\uff1d\uff0b\uff0d\uff20-]", cell) or re.match(
                    "[ \xa0\u3000\"]*'", cell
                ), (delimiter, cell)
    rows = read(text, ",")
    assert [len(row) for row in rows] == [len(COLUMNS)] * 2


@pytest.mark.parametrize("text", ["plain", "two words, and a comma", "第一,第二", "a - b = c", "x@y", ""])
def test_what_is_harmless_stays_as_it_is(text):
    assert harmless(text) == text


def test_a_line_is_read_back_with_its_times_and_whether_it_came_late():
    late = read(as_csv([line("n", time_ms=1001 + HOUR_MS)]), ",")
    row = dict(zip(*late, strict=True))
    assert row["time"] == "1970-01-01T01:00:01.001Z"
    assert (row["by"], row["role"], row["note"], row["late"]) == ("anna", "business", "n", "yes")
    assert row["due_at"] == "1970-01-01T01:00:01.000Z"
    in_time = dict(zip(COLUMNS, cells(line(time_ms=1000 + HOUR_MS)), strict=True))
    assert in_time["late"] == ""
    corrected = dict(zip(COLUMNS, cells(line(time_ms=9 * HOUR_MS, supersedes="r0")), strict=True))
    assert (corrected["late"], corrected["supersedes"]) == ("", "r0")
    missed = dict(zip(COLUMNS, cells(Line(5, "fell_due", duty(), "legal", None)), strict=True))
    assert (missed["late"], missed["by"], missed["review_id"]) == ("yes", "", "")
    owed = dict(zip(COLUMNS, cells(Line(5, "owed", duty(), None, None)), strict=True))
    assert (owed["role"], owed["due_at"], owed["late"], owed["alert_id"]) == ("", "", "", "")


class Page(HTMLParser):
    """Elements, attributes and the text of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.names, self.cells, self._cell = set(), set(), [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        if tag == "bdi":
            self._cell = ""

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data

    def handle_endtag(self, tag):
        if tag == "bdi":
            self.cells.append(self._cell)
            self._cell = None


TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "p", "br"),
    *("table", "thead", "tbody", "tr", "th", "td", "bdi", "span"),
}


@given(TEXT, TEXT)
@examples(200)
def test_a_page_shows_texts_and_holds_no_element_of_theirs(note, call_id):
    page = Page(as_html(f"Reviews {call_id}", note, [line(note, call_id)]))
    assert page.tags <= TAGS
    assert page.names <= {"lang", "charset", "http-equiv", "content", "scope", "class", "colspan"}
    assert page.cells[3] == call_id
    assert page.cells[9] == note


def test_a_page_needs_nothing_from_elsewhere_and_says_so_itself():
    text = as_html("Reviews of 2026-01-31 (UTC)", "Made for anna.", [])
    assert "Nothing happened." in text
    assert not re.search(r"https?:|src=|href=|url\(|<script", text)
    assert f"<style>{STYLE}</style>" in text
    assert POLICY.startswith("default-src 'none'")
    assert "'unsafe-inline'" not in text
    assert "late" in as_html("t", "m", [Line(5, "fell_due", duty(), "legal", None)])
