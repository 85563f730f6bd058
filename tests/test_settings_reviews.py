"""Settings of reviews: taken or refused with the name of what is wrong."""

import re
import tomllib
from pathlib import Path

import pytest

from sentiment_engine import BadSettings, Settings
from sentiment_engine.settings_reviews import ReviewSettings


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"sample_share": 1.1}, "sample_share"),
        ({"sample_share": -0.1}, "sample_share"),
        ({"business_due_hours": 0.0}, "business_due_hours"),
        ({"legal_due_hours": 9000.0}, "legal_due_hours"),
        ({"note_chars": -1}, "note_chars"),
        ({"note_chars": 10_001}, "note_chars"),
        ({"decisions": []}, "decisions"),
        ({"decisions": ["yes", "yes"]}, "decisions"),
        ({"decisions": ["Yes"]}, "Yes"),
        ({"reasons": ["=cmd()"]}, "reasons"),
        ({"reasons": [f"r{n}" for n in range(51)]}, "reasons"),
        ({"reviewer": "anna"}, "reviewer"),
    ],
)
def test_what_makes_no_sense_is_named(table, named):
    with pytest.raises(BadSettings, match=named):
        Settings.from_mapping({"reviews": table})


def test_each_role_has_its_own_time():
    settings = Settings.from_mapping({"reviews": {"business_due_hours": 8, "decisions": ["ok", "not_ok"]}})
    assert settings.reviews.due_hours("business") == 8.0
    assert settings.reviews.due_hours("legal") == ReviewSettings().legal_due_hours
    assert settings.reviews.decisions == ("ok", "not_ok")


def test_calls_are_kept_until_their_reviews_are_due():
    assert Settings.from_mapping({"archive": {"keep_days": 3.0}}).archive.keep_days == 3.0
    with pytest.raises(BadSettings, match=r"keep_days 2.0 is shorter than the 72.0 hours"):
        Settings.from_mapping({"archive": {"keep_days": 2.0}})


def test_the_page_for_operators_shows_the_defaults():
    page = (Path(__file__).parent.parent / "docs" / "reviews.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    table = tomllib.loads(shown)
    assert Settings.from_mapping(table) == Settings()
    assert set(table["reviews"]) == set(ReviewSettings.__struct_fields__)
