"""Settings are checked once, where they enter; a mistake is named, never guessed at."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings, Settings
from sentiment_engine.settings import LiveSettings
from sentiment_engine.settings_alerts import AlertSettings, ContactSettings, PlaybookSettings, WordsSettings
from sentiment_engine.settings_audiosocket import AudioSocketSettings
from sentiment_engine.settings_door import DoorSettings
from sentiment_engine.settings_hearing import VadSettings, WindowSettings
from sentiment_engine.settings_reviews import ReviewSettings
from sentiment_engine.settings_tension import (
    BaselineSettings,
    ConversationSettings,
    QualitySettings,
    TensionSettings,
)

STAGES = {
    "vad": VadSettings,
    "windows": WindowSettings,
    "baseline": BaselineSettings,
    "conversation": ConversationSettings,
    "quality": QualitySettings,
    "tension": TensionSettings,
    "alerts": AlertSettings,
    "playbook": PlaybookSettings,
    "words": WordsSettings,
    "contact": ContactSettings,
    "live": LiveSettings,
    "door": DoorSettings,
    "audiosocket": AudioSocketSettings,
    "reviews": ReviewSettings,
}


def test_nothing_said_means_the_defaults():
    assert Settings.from_mapping({}) == Settings()
    assert Settings.from_mapping({stage: {} for stage in STAGES}) == Settings()


def test_a_table_changes_what_it_names_and_nothing_else():
    settings = Settings.from_mapping({"playbook": {"at_most": 1}})
    assert settings.playbook.at_most == 1
    assert settings == Settings(playbook=PlaybookSettings(at_most=1))


def test_a_whole_number_is_fine_where_a_fraction_is_meant():
    cooldown_s = Settings.from_mapping({"alerts": {"cooldown_s": 30}}).alerts.cooldown_s
    assert (cooldown_s, type(cooldown_s)) == (30.0, float)


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        Settings().alerts.cooldown_s = 1.0


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ({"alert": {}}, "unknown field `alert`"),
        ({"alerts": {"raise_att": 0.5}}, r"unknown field `raise_att` - at `\$.alerts`"),
        ({"alerts": {"raise_at": "0.5"}}, r"\$.alerts.raise_at"),
        ({"alerts": {"raise_at": True}}, r"\$.alerts.raise_at"),
        ({"alerts": {"raise_at": None}}, r"\$.alerts.raise_at"),
        ({"alerts": {"raise_at": 10**400}}, r"\$.alerts.raise_at"),
        ({"alerts": []}, r"\$.alerts"),
        ({"vad": {"model": "ears"}}, r"Invalid enum value 'ears' - at `\$.vad.model`"),
        ({"live": {"max_calls": "false"}}, r"\$.live.max_calls"),
        ({"live": {"max_calls": 1.5}}, r"\$.live.max_calls"),
        ({1: {}}, "settings: "),
        ({"\ud800": {}}, "settings: "),
        (None, "settings: "),
        ([], "settings: "),
    ],
)
def test_an_unknown_name_or_a_wrong_type_is_refused_by_name(mapping, named):
    with pytest.raises(BadSettings, match=named):
        Settings.from_mapping(mapping)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("stage", STAGES)
def test_no_number_may_be_infinite_or_not_a_number(stage, value):
    fields = {name: getattr(STAGES[stage](), name) for name in STAGES[stage].__struct_fields__}
    for name in (name for name, default in fields.items() if isinstance(default, float)):
        with pytest.raises(BadSettings, match=f"{name} is {value}"):
            Settings.from_mapping({stage: {name: value}})


@pytest.mark.parametrize(
    ("record", "fields", "named"),
    [
        (VadSettings, {"aggressiveness": 4}, "aggressiveness is 4"),
        (VadSettings, {"aggressiveness": -1}, "aggressiveness is -1"),
        (VadSettings, {"onset_frames": 0}, "onset_frames is 0"),
        (VadSettings, {"onset_frames": 7, "onset_window": 6}, "onset_frames 7 cannot exceed onset_window 6"),
        (VadSettings, {"hangover_s": 0.0}, "hangover_s is 0.0"),
        (VadSettings, {"min_segment_s": -0.1}, "min_segment_s is -0.1"),
        (VadSettings, {"over_noise_db": 41.0}, "over_noise_db is 41.0"),
        (VadSettings, {"music_over": 21.0}, "music_over is 21.0"),
        (VadSettings, {"music_evidence": 0.0}, "music_evidence is 0.0"),
        (WindowSettings, {"window_s": 0.4}, "window_s is 0.4"),
        (WindowSettings, {"window_s": 8.1}, "window_s is 8.1"),
        (WindowSettings, {"hop_s": 0.1}, "hop_s is 0.1"),
        (
            WindowSettings,
            {"window_s": 1.0, "min_window_s": 1.1},
            "min_window_s 1.1 cannot exceed window_s 1.0",
        ),
        (BaselineSettings, {"prior_s": 0.0}, "prior_s is 0.0"),
        (BaselineSettings, {"memory_s": -1.0}, "memory_s is -1.0"),
        (BaselineSettings, {"calm_width": 0.0}, "calm_width is 0.0"),
        (BaselineSettings, {"prior_spread": 0.0}, "prior_spread is 0.0"),
        (BaselineSettings, {"others": 1.1}, "others is 1.1"),
        (BaselineSettings, {"prior_doubt": -0.1}, "prior_doubt is -0.1"),
        (TensionSettings, {"anger_limit": 0.0}, "anger_limit is 0.0"),
        (BaselineSettings, {"prior_anger": 7.0}, "prior_anger is 7.0"),
        (ConversationSettings, {"overlap_half_life_s": 0.0}, "overlap_half_life_s is 0.0"),
        (ConversationSettings, {"talk_over_s": -1.0}, "talk_over_s is -1.0"),
        (QualitySettings, {"cannot_judge_below": 0.51}, "cannot_judge_below is 0.51"),
        (QualitySettings, {"noise_worst_db": 61.0}, "noise_worst_db is 61.0"),
        (QualitySettings, {"noise_worst_db": 11.5}, "noise_worst_db 11.5 must lie below noise_fine_db 11.5"),
        (QualitySettings, {"clipping_fine": 0.5}, "clipping_fine 0.5 must lie below clipping_worst 0.25"),
        (QualitySettings, {"loss_worst": 0.01}, "loss_fine 0.03 must lie below loss_worst 0.01"),
        (QualitySettings, {"every_s": -1.0}, "every_s is -1.0"),
        (QualitySettings, {"ringing_over_db": 1.0}, "ringing_over_db is 1.0"),
        (QualitySettings, {"step": 0.0}, "step is 0.0"),
        (TensionSettings, {"bias": 0.1}, "bias is 0.1"),
        (TensionSettings, {"speech_half_life_s": 0.0}, "speech_half_life_s is 0.0"),
        (TensionSettings, {"anger_weight": -0.1}, "anger_weight is -0.1"),
        (TensionSettings, {"timing_limit": 0.0}, "timing_limit is 0.0"),
        (AlertSettings, {"clear_at": 0.5, "raise_at": 0.5}, "clear_at 0.5 < raise_at 0.5"),
        (AlertSettings, {"clear_at": 0.0}, "clear_at 0.0"),
        (AlertSettings, {"critical_at": 1.0}, "critical_at 1.0"),
        (AlertSettings, {"warning_at": 0.95, "critical_at": 0.9}, "warning_at 0.95"),
        (AlertSettings, {"cooldown_s": -1.0}, "cooldown_s is -1.0"),
        (PlaybookSettings, {"at_most": 6}, "at_most is 6"),
        (PlaybookSettings, {"repeat_guard_s": -1.0}, "repeat_guard_s is -1.0"),
        (WordsSettings, {"hold_s": 0.0}, "hold_s is 0.0"),
        (WordsSettings, {"again_s": -1.0}, "again_s is -1.0"),
        (WordsSettings, {"limit": 9.5}, "limit is 9.5"),
        (ContactSettings, {"quiet_hours": "late"}, "quiet_hours is 'late'"),
        (ContactSettings, {"attempts_per_day": -1}, "attempts_per_day is -1"),
        (ContactSettings, {"days_after_conversation": 1001}, "days_after_conversation is 1001"),
        (ContactSettings, {"notice_within_s": 0.0}, "notice_within_s is 0.0"),
        (LiveSettings, {"max_calls": 0}, "max_calls is 0"),
        (LiveSettings, {"tick_s": 0.6}, "tick_s is 0.6"),
    ],
)
def test_a_value_out_of_range_or_at_odds_with_another_is_refused_by_name(record, fields, named):
    with pytest.raises(BadSettings, match=named):
        record(**fields)


def test_a_table_with_values_at_odds_is_refused_as_a_record_is():
    with pytest.raises(BadSettings, match=r"clear_at 0.9 < raise_at 0.2"):
        Settings.from_mapping({"alerts": {"clear_at": 0.9, "raise_at": 0.2}})


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers())
)
names = st.sampled_from(
    [(stage, name) for stage, record in STAGES.items() for name in record.__struct_fields__]
)


@given(name=names, value=values)
@examples(100)
def test_any_value_is_taken_as_it_is_or_refused(name, value):
    stage, field = name
    with suppress(BadSettings):
        settings = Settings.from_mapping({stage: {field: value}})
        kept = getattr(getattr(settings, stage), field)
        assert (list(kept) if isinstance(kept, tuple) else kept) == value


def test_the_profile_is_one_of_four_and_notices_are_a_list():
    assert Settings().profile == "cn"
    assert Settings.from_mapping({"profile": "eu"}).profile == "eu"
    with pytest.raises(BadSettings, match="'fr'"):
        Settings.from_mapping({"profile": "fr"})
    own = Settings.from_mapping({"contact": {"required_notices": ["notice_identity"], "quiet_hours": "none"}})
    assert own.contact.required_notices == ("notice_identity",)
