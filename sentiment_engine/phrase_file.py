"""The files that hold phrases, checked whole.

Every problem is found at once, with its place, what is wrong and what to write instead.
"""

from collections.abc import Iterator, Mapping
from reprlib import Repr
from typing import Any, Literal, get_args, get_origin

import msgspec

from sentiment_engine.phrases import BASES, Entry, faults, only_basis


class File(msgspec.Struct, frozen=True, kw_only=True):
    """What a playbook's file holds."""

    entries: tuple[Entry, ...] = ()
    remove: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True):
    """Something wrong in a file."""

    path: tuple[str | int, ...]
    """Where: names and positions from the top, as ``("entries", 3, "cause")``."""
    entry: str
    """The entry's id; empty when the file as a whole is meant, or the entry has none."""
    says: str
    """What is wrong and what to write instead."""

    def __str__(self) -> str:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{_plain(step)}" for step in self.path)
        where = f"entry {_shown(self.entry)} ({place[1:]})" if self.entry else place[1:]
        return f"{where}: {self.says}" if where else self.says


def read_file(mapping: object) -> tuple[File, list[Problem]]:
    """Plain data, as a YAML file gives it, as a playbook's file, and all that is wrong with it.

    Entries with a problem are left out of the result.
    """
    if not isinstance(mapping, Mapping):
        return File(), [Problem((), "", f"{_shown(mapping)} is no mapping: write version: 1 and entries:")]
    problems = [
        Problem((_key(name),), "", "is not a field of a playbook: version, entries and remove are")
        for name in mapping
        if name not in ("version", "entries", "remove")
    ]
    version = mapping.get("version")
    if type(version) is not int or version != 1:
        problems.append(Problem(("version",), "", f"is {_shown(version)}: write version: 1"))
    remove: tuple[str, ...] = ()
    try:
        remove = msgspec.convert(mapping.get("remove", ()), tuple[str, ...], strict=True)
    except (msgspec.ValidationError, UnicodeError):
        problems.append(Problem(("remove",), "", "must be a list of ids"))
    items = mapping.get("entries", ())
    if not isinstance(items, list | tuple):
        problems.append(Problem(("entries",), "", f"{_shown(items)} must be a list of entries"))
        items = ()
    entries = [entry for at, item in enumerate(items) if (entry := _entry(at, item, problems))]
    first: dict[str, int] = {}
    for at, item in enumerate(items):
        name = item.get("id") if isinstance(item, Mapping) else None
        if isinstance(name, str) and first.setdefault(name, at) != at:
            says = f"the id stands twice, first in entries[{first[name]}]: give one of them another"
            problems.append(Problem(("entries", at, "id"), name, says))
    return File(entries=tuple(entries), remove=remove), sorted(problems, key=_in_order)


def _in_order(problem: Problem) -> tuple[bool, int]:
    at = next((step for step in problem.path if isinstance(step, int)), -1)
    return at >= 0, at


def _entry(at: int, item: object, problems: list[Problem]) -> Entry | None:
    """One entry of a file; None, and problems added, when it cannot be used."""
    place = ("entries", at)
    if not isinstance(item, Mapping):
        problems.append(Problem(place, "", f"{_shown(item)} must be a mapping with the fields of an entry"))
        return None
    given = item.get("id")
    name = given if isinstance(given, str) else ""
    found = [
        Problem((*place, _key(key)), name, f"is not a field of an entry: {', '.join(_FIELDS)} are")
        for key in item
        if key not in _FIELDS
    ]
    values: dict[str, Any] = {}
    for key, field in _FIELDS.items():
        if key in item:
            try:
                values[field.name] = msgspec.convert(item[key], field.type, strict=True)
            except (msgspec.ValidationError, UnicodeError):
                says = f"{_shown(item[key])} must be {_allowed(field.type)}"
                found.append(Problem((*place, key), name, says))
        elif field.required and key != "basis":
            found.append(Problem((*place, key), name, f"is missing: write {_allowed(field.type)}"))
    if not found:
        values.setdefault("basis", only_basis(values["cause"], values.get("flags", ())))
        if values["basis"] is None:
            rests = " or ".join(BASES[values["cause"]])
            found.append(Problem((*place, "basis"), name, f"is missing: write {rests}"))
    if not found:
        entry = Entry(**values)
        found = [Problem((*place, field), name, says) for field, says in faults(entry)]
        if not found:
            return entry
    problems += found
    return None


def _allowed(kind: Any) -> str:
    """What a field may hold, for people."""
    words = ", ".join(_words(kind))
    if get_origin(kind) is tuple:
        return f"a list of any of {words}" if words else "a list of texts"
    return (
        f"one of {words}"
        if words
        else "a whole number"
        if int in (kind, *get_args(kind))
        else "a text, in quotes"
    )


def _words(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    else:
        for inner in get_args(kind):
            yield from _words(inner)


def _key(key: object) -> str:
    return key if isinstance(key, str) else _shown(key)


def _plain(step: str) -> str:
    return step if step.isprintable() and len(step) <= _brief.maxstring else _shown(step)


def _shown(value: object) -> str:
    """The value for a message: one printable line, not too long."""
    return _brief.repr(value)


_brief = Repr()
_brief.maxstring = _brief.maxother = 60
_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Entry)}
