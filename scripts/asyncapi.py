"""Writes docs/asyncapi.json, the description of our own sockets: python scripts/asyncapi.py."""

import json
from pathlib import Path

from sentiment_engine.live.described import asyncapi

PATH = Path(__file__).resolve().parent.parent / "docs" / "asyncapi.json"


def main() -> None:
    """Writes the document."""
    PATH.write_text(json.dumps(asyncapi(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(PATH.name)


if __name__ == "__main__":
    main()
