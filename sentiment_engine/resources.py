"""Files the engine starts from, read once: the operator's settings and the playbook."""

import os
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from sentiment_engine.cues import Cues, parse_cues
from sentiment_engine.errors import BadSettings
from sentiment_engine.playbook import Playbook, parse_playbook
from sentiment_engine.settings import Settings


def load_settings(path: str | os.PathLike[str] | None = None) -> Settings:
    """Settings from a TOML file whose tables are the records of ``settings.py``; without one, the defaults.

    Raises:
        BadSettings: the file cannot be read, is not TOML, holds a name or value that is not allowed, or asks
            for a detector that is not installed; the message names the file.
    """
    if path is None:
        return Settings()
    mapping = read_toml(Path(path))
    try:
        settings = Settings.from_mapping(mapping)
        if settings.vad.model == "silero":  # found missing at the start, not at the first call
            from sentiment_engine.silero import load_silero  # noqa: PLC0415 brings onnxruntime

            load_silero()
    except BadSettings as reason:
        raise BadSettings(f"{os.fspath(path)}: {reason}") from reason
    return settings


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        BadSettings: the file cannot be read, or is not TOML; the message names it.
    """
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as reason:  # a number of thousands of digits; brackets without end
        raise BadSettings(f"{path}: {reason}") from reason


def load_playbook(path: str | os.PathLike[str] | None = None) -> Playbook:
    """The playbook in the YAML file at ``path``, or the one that comes with the package.

    A deployment's file that only changes the packaged one is read with :func:`load_playbook_over`.

    Raises:
        BadSettings: the file cannot be read, is not YAML, or is no playbook; the message names the file and
            every entry that is wrong.
    """
    return _named(path, parse_playbook)


def load_playbook_over(path: str | os.PathLike[str]) -> Playbook:
    """The packaged playbook with the YAML file at ``path`` on top: it replaces, adds and removes entries.

    Raises:
        BadSettings: as for :func:`load_playbook`.
    """
    return _named(path, load_playbook().overridden)


def load_cues(path: str | os.PathLike[str] | None = None) -> Cues:
    """The cues that come with the package, overridden by the YAML file at ``path`` if there is one.

    Raises:
        BadSettings: the file cannot be read, is not YAML, or breaks the schema; the message names the file.
    """
    from sentiment_engine.strict_yaml import parse_yaml, read_yaml  # noqa: PLC0415 only who monitors calls pays

    cues = parse_cues(parse_yaml((files("sentiment_engine") / "flags.yaml").read_bytes()).data)
    if path is None:
        return cues
    try:
        return cues.overridden(read_yaml(path).data)
    except BadSettings as reason:
        raise BadSettings(f"{os.fspath(path)}: {reason}") from reason


def _named(path: str | os.PathLike[str] | None, parse: Callable[[Any], Playbook]) -> Playbook:
    from sentiment_engine.strict_yaml import parse_yaml, read_yaml  # noqa: PLC0415 only a process that monitors calls pays for it

    try:
        if path is None:
            return parse(parse_yaml((files("sentiment_engine") / "playbook.yaml").read_bytes()).data)
        return parse(read_yaml(path).data)
    except BadSettings as reason:
        raise BadSettings(f"{'playbook.yaml' if path is None else os.fspath(path)}: {reason}") from reason


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        BadSettings: it cannot be read; the message names it.
    """
    try:
        return path.read_text("utf-8")
    except OSError as reason:
        raise BadSettings(f"{path}: cannot be read: {reason.strerror or reason}") from reason
    except UnicodeDecodeError as reason:
        raise BadSettings(f"{path}: is not UTF-8 text: {reason}") from reason
