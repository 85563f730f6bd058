"""An alert says in one plain sentence why it is there."""

from typing import get_args

import pytest

from sentiment_engine.contact import Limit
from sentiment_engine.events import Cause, Party, QualityReason
from sentiment_engine.flagged import FlagKind
from sentiment_engine.summary import (
    CLEARED,
    NAMES,
    PARTIES,
    RAISED,
    REASONS,
    WORDS,
    cannot_judge_sentence,
    cleared_sentence,
    flag_cleared_sentence,
    flag_sentence,
    sentence,
)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_cause_has_its_words_in_every_language(language):
    assert set(WORDS[language]) == set(get_args(Cause))
    assert len(set(WORDS[language].values())) == len(WORDS[language])


def test_the_two_strongest_causes_are_named_in_their_order():
    said = sentence(["overlap", "customer_anger", "silence"], 12.4, "en-GB")
    assert said == "Both talk at once and the customer sounds angry; tension has been high for 12 s."


def test_one_cause_is_named_alone():
    assert sentence(["silence"], 3.0, "fr") == "There is a long silence; tension has been high for 3 s."


def test_an_alert_at_the_first_tick_speaks_of_no_time():
    assert sentence(["silence"], 0.0, "en") == "There is a long silence."
    assert sentence(["silence"], 0.0, "zh-CN") == "长时间沉默。"


def test_a_level_without_causes_is_still_said_plainly():
    assert sentence([], 3.0, "en") == "The call is tense; tension has been high for 3 s."
    assert sentence([], 3.0, "zh") == "通话紧张；紧张已持续 3 秒。"


@pytest.mark.parametrize("language", ["zh-CN", "ZH", "zh-Hant"])
def test_chinese_is_spoken_to_any_chinese(language):
    said = sentence(["customer_anger", "overlap", "silence"], 2.0, language)
    assert said == "客户语气激动，双方同时说话；紧张已持续 2 秒。"


@pytest.mark.parametrize(
    ("ended", "language", "said"),
    [
        (False, "en", "The call has calmed down; it was tense for 15 s."),
        (True, "en", "The call ended while it was still tense (0.83)."),
        (False, "zh-CN", "通话已平静下来，紧张共持续 15 秒。"),
        (True, "zh-CN", "通话结束时仍然紧张（0.83）。"),
    ],
)
def test_a_cleared_alert_says_whether_calm_returned_or_the_call_ended(ended, language, said):
    assert cleared_sentence(0.83, 15.2, ended, language) == said


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_kind_of_alert_on_what_was_observed_has_sentences_in_every_language(language):
    for table in (RAISED, CLEARED):
        assert set(table[language]) == set(get_args(FlagKind))
        assert len(set(table[language].values())) == len(table[language])
    assert set(NAMES[language]) == set(get_args(Limit))


@pytest.mark.parametrize(
    ("kind", "names", "unnamed", "language", "said"),
    [
        (
            "words",
            ["insult", "arrest or jail"],
            False,
            "en-GB",
            "Possibly prohibited wording by the agent (insult, arrest or jail): a cue to be checked by ear.",
        ),
        (
            "words",
            ["威胁伤害"],
            True,
            "zh",
            "通话中疑似出现有风险的用语（威胁伤害）：仅为线索，请听录音核对。",
        ),
        (
            "contact_limit",
            ["attempts_per_day", "calls_per_7_days"],
            False,
            "zh-CN",
            "按传入的计数，本次通话超出限制：当日拨打次数、七日内通话次数。",
        ),
        (
            "missing_notice",
            ["{x}"],
            False,
            "fr",
            "Not heard at the start of the call: {x}; to be checked by ear.",
        ),
    ],
)
def test_what_was_observed_is_said_as_a_cue(kind, names, unnamed, language, said):
    assert flag_sentence(kind, names, unnamed, language) == said


@pytest.mark.parametrize(
    ("ended", "language", "said"),
    [
        (True, "en", "The call ended, and this alert with it."),
        (True, "zh-CN", "通话结束，提醒随之关闭。"),
        (False, "en", "No further cue of prohibited wording."),
        (False, "zh-CN", "未再出现不当用语的线索。"),
    ],
)
def test_how_an_alert_on_words_ended_is_said(ended, language, said):
    assert flag_cleared_sentence("words", ended, language) == said


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_party_and_every_reason_has_its_words_in_every_language(language):
    assert set(PARTIES[language]) == set(get_args(Party))
    assert set(REASONS[language]) == set(get_args(QualityReason))


@pytest.mark.parametrize(
    ("parties", "language", "said"),
    [
        ({}, "en", ""),
        ({}, "zh", ""),
        ({"customer": ("noise", "loss")}, "en", " The customer cannot be judged: noise, lost sound."),
        ({"customer": ("noise", "loss")}, "zh", "无法判断客户（噪声、声音丢失）。"),
        (
            {"agent": ("clipping",), "customer": ("loss",)},
            "fr",
            " The agent cannot be judged: clipped sound. The customer cannot be judged: lost sound.",
        ),
        ({"mixed": ("noise",)}, "zh-Hant", "无法判断通话（噪声）。"),
    ],
)
def test_who_cannot_be_judged_is_said_with_the_reasons(parties, language, said):
    assert cannot_judge_sentence(parties, language) == said
