"""YAML as people write settings in it, and nothing more: small, without aliases, tags or repeated names.

The full language lets a kilobyte unfold into gigabytes, gives the last of two equal names without a word,
and reads a version number as a date. Here values are text, whole numbers, true, false and null; whatever else
YAML would make of a word stays the text that was written.
"""

import os
import re
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sentiment_engine.errors import BadSettings

LARGEST_BYTES = 1 << 20
DEEPEST = 20
"""Levels of lists and mappings; the files we read need five."""

# The C reader is ten times faster and not in every build; both are the safe kind.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"[-+]?[0-9]{1,15}")


class Document:
    """A file that was read, and where in it things stand."""

    def __init__(self, root: Node | None) -> None:
        self._root = root
        self.data: Any = None if root is None else _plain(root)

    def line(self, path: tuple[str | int, ...]) -> int:
        """The line, from 1, of what ``path`` leads to, or of the last thing on the way that is there."""
        node, line = self._root, 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line


def read_yaml(path: str | os.PathLike[str]) -> Document:
    """The YAML file at ``path``.

    Raises:
        BadSettings: as for :func:`read_bytes` and :func:`parse_yaml`; does not name the file.
    """
    return parse_yaml(read_bytes(path))


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """What is in a file, as far as :func:`parse_yaml` needs it to judge the size.

    Raises:
        BadSettings: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except OSError as reason:
        raise BadSettings(f"cannot be read: {reason.strerror or reason}") from reason


def parse_yaml(data: bytes) -> Document:
    """One YAML document.

    Raises:
        BadSettings: over 1 MiB, not UTF-8, not YAML, or with aliases, tags, several documents, names that
            stand twice or are no plain word, or lists and mappings nested too deep; names the line.
    """
    if len(data) > LARGEST_BYTES:
        raise BadSettings(f"is larger than {LARGEST_BYTES >> 10} KiB: split it, or remove what is not needed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise BadSettings(f"is not UTF-8 text: {reason}; save it as UTF-8") from reason
    try:
        _check_events(text)
        return Document(yaml.compose(text, Loader=_LOADER))
    except yaml.YAMLError as reason:
        raise BadSettings(f"is not YAML: {' '.join(str(reason).split())}") from reason


def _check_events(text: str) -> None:
    """Refuses what would be costly or dangerous to build, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = _line(event)
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise BadSettings(f"line {line}: aliases (& and *) are not allowed: write the value out")
        if getattr(event, "tag", None) not in (None, "!"):
            raise BadSettings(f"line {line}: tags (!) are not allowed: put the value in quotes instead")
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise BadSettings(f"line {line}: nested deeper than {DEEPEST} levels")


def _plain(node: Node) -> Any:
    if isinstance(node, MappingNode):
        return _mapping(node)
    if isinstance(node, SequenceNode):
        return [_plain(item) for item in node.value]
    kind, text = node.tag.rpartition(":")[2], cast("str", node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    return int(text) if kind == "int" and _WHOLE.fullmatch(text) else text


def _mapping(node: MappingNode) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in node.value:
        line = _line(key)
        if not isinstance(key, ScalarNode):
            raise BadSettings(f"line {line}: a name must be a plain word, not a list or a mapping")
        if key.value in out:
            raise BadSettings(f"line {line}: {key.value[:60]!r} stands twice: keep one of them")
        out[key.value] = _plain(value)
    return out


def _child(node: Node | None, step: str | int) -> tuple[int, Node] | None:
    """The line where a part begins, and the part."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return _line(node.value[step]), node.value[step]
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == step:
                return _line(key), value
    return None


def _line(part: Any) -> int:
    return cast("int", part.start_mark.line) + 1
