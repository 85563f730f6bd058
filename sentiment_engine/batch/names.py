"""File names as people may read them."""

import os


def show(path: str | os.PathLike[str]) -> str:
    """``path`` as one printable line, whatever bytes its name holds."""
    text = os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if text.isprintable() else repr(text)[1:-1]
