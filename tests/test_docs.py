"""Pages that name things keep to what there is."""

import re
from pathlib import Path

from sentiment_engine.live.dialects import DIALECTS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))


def test_every_test_that_a_page_names_exists():
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    assert len(named) >= 30
    missing = sorted(name for name in named if not re.search(rf"def {name}\b", TESTS))
    assert missing == []


def test_every_link_between_pages_leads_somewhere():
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_dialect_is_on_the_page_about_connecting():
    page = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
    assert [path for path in DIALECTS if f"`{path}`" not in page] == []
