"""Part of a text, whatever its case, in both databases alike."""

from typing import Any

from sqlalchemy import ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Lowered(FunctionElement[str]):
    """``A-Z`` as ``a-z``, and every other character as it stands."""

    name = "lowered"
    type = Text()
    inherit_cache = True


@compiles(_Lowered)
def _lower(element: _Lowered, compiler: Any, **how: Any) -> str:
    return f"lower({compiler.process(element.clauses, **how)})"


@compiles(_Lowered, "postgresql")
def _lower_ascii(element: _Lowered, compiler: Any, **how: Any) -> str:
    # SQLite lowers A-Z alone; PostgreSQL would go by the locale of whoever made the database.
    return f'lower({compiler.process(element.clauses, **how)} COLLATE "C")'


def containing(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Whether ``column`` holds ``part``; ``A-Z`` and ``a-z`` are alike, ``%`` and ``_`` mean themselves."""
    lowered = "".join(letter.lower() if letter.isascii() else letter for letter in part)
    return _Lowered(column).contains(lowered, autoescape=True)
