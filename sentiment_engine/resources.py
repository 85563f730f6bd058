"""Files the engine starts from, read once: the operator's settings, the playbook, cues of words."""

import os
import tomllib
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
    text = _read(Path(path))
    try:
        settings = Settings.from_mapping(tomllib.loads(text))
        if settings.vad.model == "silero":  # found missing at the start, not at the first call
            from sentiment_engine.silero import load_silero  # noqa: PLC0415 brings onnxruntime

            load_silero()
    except (tomllib.TOMLDecodeError, BadSettings) as reason:
        raise BadSettings(f"{os.fspath(path)}: {reason}") from reason
    return settings


def load_playbook(path: str | os.PathLike[str] | None = None) -> Playbook:
    """The playbook in the YAML file at ``path``, or the one that comes with the package.

    Raises:
        BadSettings: the file cannot be read, is not YAML, or is no playbook; the message names the file.
    """
    try:
        return parse_playbook(_packaged("playbook.yaml") if path is None else _yaml(_read(Path(path))))
    except BadSettings as reason:
        raise BadSettings(f"{'playbook.yaml' if path is None else os.fspath(path)}: {reason}") from reason


def load_cues(path: str | os.PathLike[str] | None = None) -> Cues:
    """The cues that come with the package, overridden by the YAML file at ``path`` if there is one.

    Raises:
        BadSettings: the file cannot be read, is not YAML, or breaks the schema; the message names the file.
    """
    cues = parse_cues(_packaged("flags.yaml"))
    if path is None:
        return cues
    text = _read(Path(path))
    try:
        return cues.overridden(_yaml(text))
    except BadSettings as reason:
        raise BadSettings(f"{os.fspath(path)}: {reason}") from reason


def _packaged(name: str) -> Any:
    return _yaml((files("sentiment_engine") / name).read_text("utf-8"))


def _yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415 only a process that monitors calls pays for it

    try:
        # The C reader is ten times faster and not in every build; both are the safe kind.
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 safe loaders
    except (yaml.YAMLError, ValueError, RecursionError) as reason:  # ValueError: a date that does not exist
        raise BadSettings(f"is not YAML: {reason}") from reason


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as reason:
        raise BadSettings(f"{path}: cannot be read: {reason.strerror or reason}") from reason
    except UnicodeDecodeError as reason:
        raise BadSettings(f"{path}: is not UTF-8 text: {reason}") from reason
