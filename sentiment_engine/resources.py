"""Files the engine starts from, read once: the operator's settings and the playbook."""

import os
import tomllib
from importlib.resources import files
from pathlib import Path

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
    import yaml  # noqa: PLC0415 only a process that monitors calls pays for it

    packaged = files("sentiment_engine") / "playbook.yaml"
    text = packaged.read_text("utf-8") if path is None else _read(Path(path))
    try:
        # The C reader is ten times faster and not in every build; both are the safe kind.
        mapping = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 safe loaders
        return parse_playbook(mapping)
    except (yaml.YAMLError, BadSettings) as reason:
        raise BadSettings(f"{'playbook.yaml' if path is None else os.fspath(path)}: {reason}") from reason


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as reason:
        raise BadSettings(f"{path}: cannot be read: {reason.strerror or reason}") from reason
    except UnicodeDecodeError as reason:
        raise BadSettings(f"{path}: is not UTF-8 text: {reason}") from reason
