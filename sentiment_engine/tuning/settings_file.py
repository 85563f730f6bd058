"""Settings files: rules laid over others, and thresholds written for ``--config``."""

import os
from pathlib import Path
from typing import Any

import msgspec

from sentiment_engine.batch.names import show
from sentiment_engine.errors import BadSettings
from sentiment_engine.resources import read_text, read_toml
from sentiment_engine.settings import Settings
from sentiment_engine.settings_alerts import AlertSettings

THRESHOLDS = ("raise_at", "clear_at", "warning_at", "critical_at")


def load_rules(path: Path, settings: Settings) -> Settings:
    """``settings`` with what the TOML file at ``path`` says in their place.

    Raises:
        BadSettings: as for ``load_settings``; the message names the file.
    """
    rules = read_toml(path)
    merged: dict[str, Any] = msgspec.to_builtins(settings)
    for name, value in rules.items():
        table = merged.get(name)
        merged[name] = table | value if isinstance(table, dict) and isinstance(value, dict) else value
    try:
        return Settings.from_mapping(merged)
    except BadSettings as reason:
        raise BadSettings(f"{show(path)}: {reason}") from reason


def check_target(path: Path, *, force: bool) -> None:
    """Raises BadSettings where ``path`` cannot be written to, or exists and is not to be replaced."""
    if os.path.lexists(path) and not force:
        raise BadSettings(f"{show(path)}: exists already: name another file, or add --force to replace it")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise BadSettings(f"{show(path)}: is no file in a folder that exists: name one")


def with_thresholds(config: Path | None, alerts: AlertSettings) -> str:
    """A settings file as text: the one at ``config`` with these thresholds in it, or with nothing but them.

    What else stands in ``config``, comments too, stays as it is.
    """
    import tomlkit  # noqa: PLC0415 only who writes a file needs it

    document = tomlkit.parse(read_text(config)) if config else tomlkit.document()
    table = document.setdefault("alerts", tomlkit.table())
    for name in THRESHOLDS:
        table[name] = getattr(alerts, name)
    return tomlkit.dumps(document)


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all.

    Raises:
        BadSettings: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as reason:
        part.unlink(missing_ok=True)
        raise BadSettings(f"{show(path)}: cannot be written: {reason.strerror}") from reason
