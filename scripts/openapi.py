"""Writes docs/openapi.json, the description of the HTTP interface: python scripts/openapi.py."""

import json
from pathlib import Path

from sentiment_engine.live.api.document import openapi

PATH = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def main() -> None:
    """Writes the document."""
    PATH.write_text(json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(PATH.name)


if __name__ == "__main__":
    main()
