"""JSON schemas of our records, for both documents: of the sockets and of HTTP.

What stands under a field in the code, as a string of its own, is that field's description.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any, get_args, get_type_hints

import msgspec

from sentiment_engine.archive.views import REF
from sentiment_engine.events import AnyEvent

EVENTS: Mapping[str, type] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyEvent)}
"""What an event calls itself -> its record."""
_ROLE = re.compile(r":\w+:`")


def components(kinds: Sequence[Any]) -> dict[str, Any]:
    """The schemas of ``kinds`` and of every record in them, by name.

    Raises:
        OSError: the package is installed without its source, so nothing says what fields mean.
    """
    _, found = msgspec.json.schema_components(kinds, ref_template=REF)
    schemas: dict[str, Any] = dict(found)
    records: set[type] = set()
    for kind in kinds:
        _collect(kind, records)
    for record in records:
        _describe(schemas[record.__name__], record)
    return schemas


def reference(kind: str | type) -> dict[str, str]:
    """A schema that stands for the one of this name."""
    return {"$ref": REF.format(name=kind if isinstance(kind, str) else kind.__name__)}


def object_of(properties: Mapping[str, Any], optional: Iterable[str] = ()) -> dict[str, Any]:
    """The schema of an object that has all of these properties but the optional ones."""
    left_out = set(optional)
    required = [name for name in properties if name not in left_out]
    return {"type": "object", "properties": dict(properties), "required": required}


def summary(kind: type) -> str:
    """The first line of what is said of a record."""
    return (kind.__doc__ or "").strip().split("\n")[0]


def _collect(kind: Any, found: set[type]) -> None:
    """Adds the records within a type."""
    for inner in get_args(kind):
        _collect(inner, found)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
        found.add(kind)
        for hint in get_type_hints(kind).values():
            _collect(hint, found)


def _describe(schema: dict[str, Any], record: type[msgspec.Struct]) -> None:
    schema["description"] = _markdown(inspect.getdoc(record) or "")
    texts: dict[str, str] = {}
    for base in reversed(record.__mro__):
        texts |= _texts(sys.modules[base.__module__]).get(base.__name__, {}) if _is_ours(base) else {}
    for field in msgspec.structs.fields(record):
        if field.name in texts:
            schema["properties"][field.encode_name]["description"] = texts[field.name]


def _is_ours(base: type) -> bool:
    return base is not msgspec.Struct and issubclass(base, msgspec.Struct)


@cache
def _texts(module: ModuleType) -> dict[str, dict[str, str]]:
    """What stands under the fields of a module's classes: class -> field -> text."""
    return {
        node.name: {
            field.target.id: _markdown(inspect.cleandoc(text.value.value))
            for field, text in pairwise(node.body)
            if isinstance(field, ast.AnnAssign)
            if isinstance(field.target, ast.Name)
            if isinstance(text, ast.Expr)
            if isinstance(text.value, ast.Constant)
            if isinstance(text.value.value, str)
        }
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef)
    }


def _markdown(text: str) -> str:
    """A docstring as the viewers of the documents read it."""
    return _ROLE.sub("`", text).replace("``", "`")
