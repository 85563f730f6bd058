"""The right phrase for the moment, never the same one twice in a row, and no file that is not a playbook."""

from collections import Counter
from contextlib import suppress
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings
from sentiment_engine.events import STAGES, Cause, Severity
from sentiment_engine.playbook import (
    LONGEST_EN_WORDS,
    LONGEST_ZH_CHARACTERS,
    Moment,
    Playbook,
    Prompter,
    parse_playbook,
)
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import PlaybookSettings

ALWAYS = PlaybookSettings(at_most=2, repeat_guard_s=120.0, jurisdiction="")


def entry(name, **changes):
    return {
        "id": name,
        "stage": ["general"],
        "cause": "customer_anger",
        "audience": "agent",
        "severity": ["notice", "warning", "critical"],
        "technique": "acknowledge",
        "mode": "say",
        "zh-CN": "我听到了。",
        "en": "I hear you.",
        **changes,
    }


def book(*entries, **more):
    return parse_playbook({"version": 1, "entries": list(entries), **more})


def moment(*causes, **changes):
    fields = {
        "causes": causes or ("customer_anger",),
        "by": {},
        "severity": "warning",
        "stage": "general",
        "language": "en",
        "risk_class": None,
        "at_s": 0.0,
    }
    return Moment(**(fields | changes))


def shown(playbook, when, settings=ALWAYS):
    return [suggestion.id for suggestion in Prompter(playbook, settings).suggest(when)]


@pytest.fixture(scope="module")
def packaged():
    return load_playbook()


def test_the_packaged_playbook_has_no_id_twice_and_no_phrase_too_long(packaged):
    assert len(packaged.entries) > 50
    assert set(Counter(entry.id for entry in packaged.entries).values()) == {1}
    assert all(len(entry.zh_cn) <= LONGEST_ZH_CHARACTERS for entry in packaged.entries)
    assert all(len(entry.en.split()) <= LONGEST_EN_WORDS for entry in packaged.entries)


@pytest.mark.parametrize("cause", [cause for cause in get_args(Cause) if cause != "words"])
def test_the_packaged_playbook_answers_every_cause_to_both_audiences(packaged, cause):
    for stage, severity in product(STAGES, get_args(Severity)):
        when = moment(cause, by={cause: "customer"}, stage=stage, severity=severity)
        audiences = {suggestion.audience for suggestion in Prompter(packaged, ALWAYS).suggest(when)}
        assert audiences == {"agent", "supervisor"}


def test_the_packaged_playbook_says_nothing_of_agents_anger_in_the_eu(packaged):
    eu = PlaybookSettings(at_most=5, jurisdiction="EU")
    assert shown(packaged, moment("agent_anger", "mutual_escalation"), eu) == []
    assert shown(packaged, moment("customer_anger"), eu) != []


def test_the_packaged_playbook_overridden_by_nothing_is_itself(packaged):
    assert packaged.overridden({"version": 1}).entries == packaged.entries


@pytest.mark.parametrize(
    ("changes", "when"),
    [
        ({"cause": "silence"}, moment("customer_anger")),
        ({"severity": ["notice", "critical"]}, moment(severity="warning")),
        ({"stage": ["facts", "notice"]}, moment(stage="negotiation")),
        ({"party": "agent"}, moment(by={"customer_anger": "customer"})),
        ({"party": "customer"}, moment(by={})),
        ({"flags": ["customer_hardship"]}, moment()),
        ({"risk_class": "A"}, moment(risk_class="B")),
        ({"risk_class": "A"}, moment(risk_class=None)),
        ({"off_in": ["EU", "GB"]}, moment()),
    ],
)
def test_an_entry_that_does_not_fit_is_not_shown(changes, when):
    settings = PlaybookSettings(jurisdiction="GB")
    assert shown(book(entry("odd", **changes), entry("even")), when, settings) == ["even"]


@pytest.mark.parametrize(
    ("changes", "when"),
    [
        ({"severity": ["warning"]}, moment(severity="warning")),
        ({"stage": ["facts"]}, moment(stage="facts")),
        ({"stage": ["general"]}, moment(stage="negotiation")),
        ({"party": "customer"}, moment(by={"customer_anger": "customer"})),
        ({"risk_class": "B"}, moment(risk_class="B")),
        ({"off_in": ["EU"]}, moment()),
    ],
)
def test_an_entry_that_fits_is_shown(changes, when):
    assert shown(book(entry("it", **changes)), when) == ["it"]


def test_this_stages_own_phrases_come_first_then_by_step_then_in_the_files_order():
    playbook = book(
        entry("any-b"),
        entry("any-a"),
        entry("step-2", step=2, stage=["facts"]),
        entry("step-1", step=1, stage=["facts"]),
        entry("own", stage=["facts", "general"]),
    )
    fitting = playbook.fitting("customer_anger", "agent", moment(stage="facts"), "")
    assert [entry.id for entry in fitting] == ["own", "step-1", "step-2", "any-b", "any-a"]


def test_a_suggestion_names_the_rule_that_chose_it():
    playbook = book(entry("own", stage=["facts"]), entry("any", cause="overlap"))
    own, other = Prompter(playbook, ALWAYS).suggest(moment("customer_anger", "overlap", stage="facts"))
    assert own.rule == "cause customer_anger, severity warning, stage facts"
    assert other.rule == "cause overlap, severity warning, stage general"
    assert (own.technique, own.mode, own.audience) == ("acknowledge", "say", "agent")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh-CN", ("我听到了。", "zh-CN")),
        ("ZH-Hant-HK", ("我听到了。", "zh-CN")),
        ("en", ("I hear you.", "en")),
        ("de", ("I hear you.", "en")),
    ],
)
def test_chinese_for_any_chinese_and_english_for_everyone_else(language, said):
    (suggestion,) = Prompter(book(entry("it")), ALWAYS).suggest(moment(language=language))
    assert (suggestion.text, suggestion.language) == said


def test_anger_that_is_nobodys_is_answered_as_a_raised_voice_that_is_nobodys():
    playbook = book(
        entry("theirs", cause="raised_voice", party="customer"), entry("anyones", cause="raised_voice")
    )
    when = moment("anger", by={"anger": "mixed"})
    (suggestion,) = Prompter(playbook, ALWAYS).suggest(when)
    assert suggestion.id == "anyones"
    assert suggestion.rule.startswith("cause anger,")


def test_one_phrase_a_cause_strongest_first_and_no_more_than_the_most():
    causes = ("overlap", "customer_anger", "silence")
    playbook = book(
        *(entry(f"a-{cause}-{n}", cause=cause) for cause in causes for n in (1, 2)),
        *(entry(f"s-{cause}", cause=cause, audience="supervisor", mode="do") for cause in causes),
    )
    assert shown(playbook, moment(*causes)) == [
        "a-overlap-1",
        "a-customer_anger-1",
        "s-overlap",
        "s-customer_anger",
    ]
    assert len(shown(playbook, moment(*causes), PlaybookSettings(at_most=5))) == 6
    assert shown(playbook, moment(*causes), PlaybookSettings(at_most=0)) == []


def test_a_phrase_is_not_repeated_within_the_guard_and_the_next_one_takes_its_place():
    prompter = Prompter(book(entry("first"), entry("second")), ALWAYS)
    ids = [
        [s.id for s in prompter.suggest(moment(at_s=at_s))] for at_s in (0.0, 1.0, 2.0, 119.9, 120.0, 121.0)
    ]
    assert ids == [["first"], ["second"], [], [], ["first"], ["second"]]


def test_a_phrase_that_was_crowded_out_is_not_taken_for_shown():
    prompter = Prompter(book(entry("a"), entry("b", cause="overlap")), PlaybookSettings(at_most=1))
    assert [s.id for s in prompter.suggest(moment("customer_anger", "overlap"))] == ["a"]
    assert [s.id for s in prompter.suggest(moment("overlap"))] == ["b"]


def test_calls_do_not_share_what_was_shown():
    playbook = book(entry("it"))
    assert shown(playbook, moment()) == shown(playbook, moment()) == ["it"]


def test_a_deployments_own_file_replaces_adds_and_removes():
    first = book(entry("keep"), entry("change"), entry("drop"))
    second = first.overridden(
        {
            "version": 1,
            "entries": [entry("change", en="Changed."), entry("new")],
            "remove": ["drop"],
        }
    )
    assert [(entry.id, entry.en) for entry in second.entries] == [
        ("keep", "I hear you."),
        ("change", "Changed."),
        ("new", "I hear you."),
    ]
    assert [entry.id for entry in first.entries] == ["keep", "change", "drop"]


def test_removing_what_does_not_exist_is_a_mistake():
    with pytest.raises(BadSettings, match="'gone', which does not exist"):
        Playbook(()).overridden({"version": 1, "remove": ["gone"]})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"zh-CN": "长" * (LONGEST_ZH_CHARACTERS + 1)}, "long: zh-CN is over"),
        ({"en": "word " * (LONGEST_EN_WORDS + 1)}, "long: en is over"),
        ({"zh-CN": " "}, "long: stage, severity, zh-CN and en"),
        ({"en": ""}, "long: stage, severity, zh-CN and en"),
        ({"stage": []}, "long: stage, severity, zh-CN and en"),
        ({"severity": []}, "long: stage, severity, zh-CN and en"),
        ({"audience": "supervisor"}, "long: a supervisor's entry is an instruction"),
        ({"en": "bell \a"}, "'long': holds a character"),
        ({"zh-CN": "\ud800"}, "'long': holds a character"),
        ({"id": "li\nne"}, r"'li\\nne': holds a character"),
        ({"cause": "boredom"}, r"entries\[1\].cause"),
        ({"stage": "facts"}, r"entries\[1\].stage"),
        ({"stage": ["later"]}, r"entries\[1\].stage\[0\]"),
        ({"severity": ["mild"]}, r"entries\[1\].severity\[0\]"),
        ({"audience": "customer"}, r"entries\[1\].audience"),
        ({"mode": "sing"}, r"entries\[1\].mode"),
        ({"risk_class": "D"}, r"entries\[1\].risk_class"),
        ({"step": "1"}, r"entries\[1\].step"),
        ({"step": True}, r"entries\[1\].step"),
        ({"en": 7}, r"entries\[1\].en"),
        ({"tone": "soft"}, r"unknown field `tone` - at `\$.entries\[1\]`"),
        ({"zh_cn": "我"}, r"unknown field `zh_cn` - at `\$.entries\[1\]`"),
    ],
)
def test_a_bad_entry_is_refused_by_name(changes, named):
    with pytest.raises(BadSettings, match=named):
        book(entry("fine"), entry("long", **changes))


def test_phrases_may_be_exactly_as_long_as_the_limit():
    zh, en = "长" * LONGEST_ZH_CHARACTERS, "word " * LONGEST_EN_WORDS
    assert book(entry("it", **{"zh-CN": zh, "en": en.strip()})).entries[0].zh_cn == zh


def test_an_id_that_stands_twice_is_refused():
    with pytest.raises(BadSettings, match="'it' stands twice"):
        book(entry("it"), entry("it"))


def test_an_entry_without_a_needed_field_is_refused():
    partial = entry("it")
    del partial["technique"]
    with pytest.raises(BadSettings, match=r"missing required field `technique` - at `\$.entries\[0\]`"):
        book(partial)


@pytest.mark.parametrize(
    "mapping",
    [None, [], "version: 1", {}, {"version": 2}, {"version": "1"}, {"version": True}, {"version": 1, "x": 1}]
    + [{"version": 1, "entries": what} for what in (None, {}, "it", [None], [[]], {1, 2})]
    + [{1: 2}, {"version": 1, "\ud800": 2}],
)
def test_what_is_not_a_playbook_is_refused(mapping):
    with pytest.raises(BadSettings, match="playbook: "):
        parse_playbook(mapping)


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(entry("it"))), value=plain_data)
@examples(80)
def test_any_value_in_any_field_gives_a_usable_entry_or_is_refused(field, value):
    with suppress(BadSettings):
        kept = getattr(book(entry("it", **{field: value})).entries[0], field.replace("zh-CN", "zh_cn"))
        assert kept == (tuple(value) if isinstance(value, list) else value)


@given(mapping=plain_data)
@examples(50)
def test_no_plain_data_breaks_the_reader(mapping):
    with pytest.raises(BadSettings, match="playbook: "):
        parse_playbook(mapping)


@pytest.mark.parametrize(
    ("flags", "to_the_point", "ids"),
    [
        ((), False, ["any", "boss"]),
        (("dispute",), False, ["any", "boss"]),
        (("threat",), False, ["made-for-it", "boss"]),
        (("dispute",), True, ["boss"]),
        (("threat", "dispute"), True, ["made-for-it", "boss"]),
    ],
)
def test_words_are_answered_by_what_is_made_for_them_and_to_the_point_by_nothing_else(
    flags, to_the_point, ids
):
    playbook = book(
        entry("made-for-it", cause="words", flags=["threat"]),
        entry("any", cause="words"),
        entry("boss", cause="words", audience="supervisor", mode="do"),
    )
    assert shown(playbook, moment("words", flags=frozenset(flags), to_the_point=to_the_point)) == ids
