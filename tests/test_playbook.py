"""The table of phrases: what is packaged, which entries fit, and no file that is not a playbook."""

import re
from collections import Counter
from contextlib import suppress
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phrasebook import book, entry, moment, shown
from voices import examples

from sentiment_engine import BadSettings
from sentiment_engine.events import STAGES, Severity
from sentiment_engine.phrase_file import read_file
from sentiment_engine.phrases import BASES, LONGEST_EN_WORDS, LONGEST_ZH_CHARACTERS
from sentiment_engine.playbook import Playbook, parse_playbook
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings_alerts import PlaybookSettings

BASE_IDS = 110
"""Entries of the base; the rest keep the ids of the table by trigger."""

FORBIDDEN = {
    "promises a waiver": r"减免|免除|一笔勾销|\bwaive|\bforgiv|\bwrit(e|ten) off",
    "promises an outcome": r"保证|包您|肯定能|一定能|guarantee|\bI promise|will be approved",
    "invents urgency": r"最后机会|今天之内|马上还|立即还款|半小时内|last chance|by tonight|immediately",
    "predicts an outcome": r"会判|败诉|胜诉|坐牢|查封|will (lose|win|be sued)|\bjail|\barrest|will sue",
    "demands": r"您必须|你必须|you must|you have to pay",
}
"""What no phrase says; an instruction may name such words to forbid them."""
FORBIDS = {"wd-neg-1", "wd-neg-2", "wd-notice-1", "RN-AANG-A2"}

UNANSWERED = {("agent", "contact_limit")}
"""On purpose: the agent's call is already under way, and the limit is for whoever plans calls."""


@pytest.fixture(scope="module")
def packaged():
    return load_playbook()


def test_the_packaged_playbook_has_no_id_twice_and_no_phrase_too_long(packaged):
    assert len(packaged.entries) > 2 * BASE_IDS
    assert set(Counter(entry.id for entry in packaged.entries).values()) == {1}
    assert all(len(entry.zh_cn) <= LONGEST_ZH_CHARACTERS for entry in packaged.entries)
    assert all(len(entry.en.split()) <= LONGEST_EN_WORDS for entry in packaged.entries)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_packaged_playbook_says_nothing_twice(packaged, language):
    counted = Counter(entry.text(language)[0] for entry in packaged.entries)
    assert [text for text, times in counted.items() if times > 1] == []


def test_an_id_says_which_of_the_two_tables_an_entry_comes_from(packaged):
    by_trigger = [
        entry.id for entry in packaged.entries if re.fullmatch(r"(FC|RN|LN|AN)-[A-Z]{4}-[AS]\d", entry.id)
    ]
    plain = [
        entry.id for entry in packaged.entries if re.fullmatch(r"[a-z]{2}-[a-z]+(-[a-z0-9]+)?", entry.id)
    ]
    assert len(by_trigger) + len(plain) == len(packaged.entries)
    assert len([name for name in plain if not name.startswith("sv-cl-")]) == BASE_IDS


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("cause", [cause for cause in BASES if cause != "words"])
def test_the_packaged_playbook_answers_every_cause_to_both_audiences(packaged, cause, language):
    for stage, severity, party in product(STAGES, get_args(Severity), ("agent", "customer")):
        when = moment(cause, by={cause: party}, stage=stage, severity=severity, language=language)
        expected = {who for who in ("agent", "supervisor") if (who, cause) not in UNANSWERED}
        assert {entry.audience for entry in shown(packaged, when)} == expected


@pytest.mark.parametrize(("stage", "severity"), list(product(STAGES, get_args(Severity))))
def test_the_packaged_playbook_answers_words_by_whose_they_are(packaged, stage, severity):
    def audiences(party, *flags):
        when = moment("words", by={"words": party}, stage=stage, severity=severity, flags=frozenset(flags))
        return {entry.audience for entry in shown(packaged, when)}

    both = {"agent", "supervisor"}
    assert audiences("agent") == both
    for flag in ("customer_threat", "stop_contact_request", "dispute", "third_party"):
        assert audiences("customer", flag) == both
    for flag in ("customer_self_harm", "customer_hardship"):
        assert audiences("customer", flag) == both
    # on purpose: nobody can answer words without knowing what was said
    assert "agent" not in audiences("customer")


def test_a_customers_words_are_never_answered_with_consequences(packaged):
    """At the stage where consequences are stated, they answer the agent's own wording only."""
    for flag in ("dispute", "complaint_or_lawyer", "customer_abuse", "stop_contact_request"):
        for at_s in (0.0, 10.0, 20.0):
            when = moment(
                "words", by={"words": "customer"}, stage="notice", flags=frozenset({flag}), at_s=at_s
            )
            assert not {"wd-notice-2", "wd-notice-3"} & {entry.id for entry in shown(packaged, when)}


def test_the_packaged_playbook_says_nothing_of_agents_anger_in_the_eu(packaged):
    eu = PlaybookSettings(at_most=5, jurisdiction="EU")
    assert shown(packaged, moment("agent_anger", "mutual_escalation"), eu) == []
    assert shown(packaged, moment("customer_anger"), eu) != []
    off = {entry.cause for entry in packaged.entries} - {entry.cause for entry in packaged.in_force("EU")}
    assert off == {"agent_anger", "mutual_escalation"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_packaged_phrase_promises_threatens_or_presses(packaged, what):
    said = {
        f"{one.id}: {text}"
        for one in packaged.entries
        for text in (one.zh_cn, one.en)
        if one.id not in FORBIDS
    }
    assert [text for text in said if re.search(FORBIDDEN[what], text, re.IGNORECASE)] == []


def test_only_instructions_name_forbidden_words(packaged):
    entries = {entry.id: entry for entry in packaged.entries}
    patterns = "|".join(FORBIDDEN.values())
    for name in FORBIDS:
        assert entries[name].mode == "do"
        assert re.search(patterns, entries[name].zh_cn + entries[name].en, re.IGNORECASE)


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
        ({"risk_class": "A"}, moment(risk_class="B")),
        ({"risk_class": "A"}, moment(risk_class=None)),
        ({"off_in": ["EU", "GB"]}, moment()),
        ({"audience": "supervisor", "mode": "do"}, moment()),
    ],
)
def test_an_entry_that_does_not_fit_is_not_offered(changes, when):
    playbook = book(entry("odd", **changes), entry("even"))
    fitting = playbook.fitting("customer_anger", "agent", when, "GB")
    assert [entry.id for entry in fitting] == ["even"]


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
def test_an_entry_that_fits_is_offered(changes, when):
    fitting = book(entry("it", **changes)).fitting("customer_anger", "agent", when, "")
    assert [entry.id for entry in fitting] == ["it"]


@pytest.mark.parametrize(
    ("flags", "held", "fits"),
    [
        ([], [], True),
        ([], ["dispute"], True),
        (["dispute"], [], False),
        (["dispute"], ["third_party"], False),
        (["dispute", "third_party"], ["third_party"], True),
    ],
)
def test_an_entry_with_flags_fits_while_one_of_them_holds(flags, held, fits):
    playbook = book(entry("it", cause="words", flags=flags))
    when = moment("words", flags=frozenset(held))
    assert bool(playbook.fitting("words", "agent", when, "")) is fits


def test_the_last_step_is_that_of_the_entrys_own_sequence():
    playbook = book(
        entry("one", step=1),
        entry("three", step=3),
        entry("other", cause="overlap", step=9),
        entry("none", cause="silence"),
    )
    assert [playbook.last_step(entry) for entry in playbook.entries] == [3, 3, 9, 1]


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
        ("keep", "I hear you, keep."),
        ("change", "Changed."),
        ("new", "I hear you, new."),
    ]
    assert [entry.id for entry in first.entries] == ["keep", "change", "drop"]


def test_removing_what_does_not_exist_is_a_mistake():
    with pytest.raises(BadSettings, match=r"entry 'gone' \(remove\[0\]\): does not exist"):
        Playbook(()).overridden({"version": 1, "remove": ["gone"]})


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"zh-CN": "长" * (LONGEST_ZH_CHARACTERS + 1)}, "zh-CN", "has 41 characters, over 40: shorten it"),
        ({"en": "word " * (LONGEST_EN_WORDS + 1)}, "en", "has 26 words, over 25: shorten it"),
        ({"zh-CN": " "}, "zh-CN", "must not be empty"),
        ({"en": ""}, "en", "must not be empty"),
        ({"stage": []}, "stage", "must not be empty"),
        ({"severity": []}, "severity", "must not be empty"),
        ({"audience": "supervisor"}, "mode", "say is for the agent"),
        ({"en": "bell \a"}, "en", "holds a character"),
        ({"zh-CN": "\ud800"}, "zh-CN", "holds a character"),
        ({"off_in": ["E\nU"]}, "off_in", "holds a character"),
        ({"cause": "boredom"}, "cause", "'boredom' must be one of customer_anger"),
        ({"cause": "anger"}, "cause", "answered as a raised voice: write raised_voice"),
        ({"stage": "facts"}, "stage", "'facts' must be a list of any of facts, negotiation, notice, general"),
        ({"stage": ["later"]}, "stage", "['later'] must be a list of any of facts"),
        ({"severity": ["mild"]}, "severity", "['mild'] must be a list of any of notice, warning, critical"),
        ({"audience": "customer"}, "audience", "'customer' must be one of agent, supervisor"),
        ({"mode": "sing"}, "mode", "'sing' must be one of say, do"),
        ({"technique": "hypnosis"}, "technique", "'hypnosis' must be one of acknowledge"),
        ({"basis": "rumour"}, "basis", "'rumour' must be one of acoustic_emotion"),
        ({"basis": "text"}, "basis", "customer_anger can rest on acoustic_emotion only"),
        (
            {"cause": "customer_distress", "basis": "metadata"},
            "basis",
            "can rest on acoustic_emotion or text",
        ),
        ({"cause": "contact_limit"}, "basis", "is missing: write metadata or text"),
        ({"flags": ["dispute"]}, "flags", "need a transcript: write basis: text"),
        ({"flags": "dispute"}, "flags", "'dispute' must be a list of texts"),
        ({"cause": "customer_distress", "basis": "text"}, "flags", "are missing: with basis text"),
        ({"risk_class": "D"}, "risk_class", "'D' must be one of A, B, C"),
        ({"step": "1"}, "step", "'1' must be a whole number"),
        ({"step": True}, "step", "True must be a whole number"),
        ({"step": 0}, "step", "is 0: count from 1"),
        ({"en": 7}, "en", "7 must be a text, in quotes"),
        ({"tone": "soft"}, "tone", "is not a field of an entry: id, stage, cause"),
        ({"zh_cn": "我"}, "zh_cn", "is not a field of an entry"),
    ],
)
def test_a_bad_entry_is_refused_by_name(changes, field, says):
    with pytest.raises(
        BadSettings, match=re.escape(f"entry 'long' (entries[1].{field}): ") + ".*" + re.escape(says)
    ):
        book(entry("fine"), entry("long", **changes))


@pytest.mark.parametrize(
    ("name", "shown_as"),
    [("li\nne", r"entry 'li\nne' (entries[0].id): holds"), ("", "entries[0].id: must not be empty")],
)
def test_an_id_that_cannot_be_shown_is_shown_safely(name, shown_as):
    with pytest.raises(BadSettings, match=re.escape(shown_as)):
        book(entry(name))


def test_a_wrong_field_name_is_shown_safely_and_shortened():
    _, problems = read_file({"version": 1, "entries": [entry("it") | {"a\nb": 1, "x" * 500: 2, 7: 3}]})
    assert all(str(problem).isprintable() and len(str(problem)) < 300 for problem in problems)
    assert len(problems) == 3


def test_every_problem_of_a_file_is_found_at_once_in_its_order():
    file, problems = read_file(
        {
            "version": 2,
            "colour": "red",
            "entries": [entry("good"), entry("bad", mode="sing", step="x", en=""), 7, entry("good")],
            "remove": "all",
        }
    )
    assert [problem.path for problem in problems] == [
        ("colour",),
        ("version",),
        ("remove",),
        ("entries", 1, "mode"),
        ("entries", 1, "step"),
        ("entries", 2),
        ("entries", 3, "id"),
    ]
    assert [entry.id for entry in file.entries] == ["good", "good"]


@pytest.mark.parametrize(
    ("changes", "basis"),
    [
        ({}, "acoustic_emotion"),
        ({"cause": "overlap"}, "observable"),
        ({"cause": "words"}, "text"),
        ({"cause": "recovery"}, "observable"),
        ({"cause": "customer_distress"}, "acoustic_emotion"),
        ({"cause": "customer_distress", "flags": ["customer_hardship"]}, "text"),
        ({"cause": "outside_hours", "basis": "metadata"}, "metadata"),
    ],
)
def test_a_basis_that_goes_without_saying_may_be_left_out(changes, basis):
    assert book(entry("it", **changes)).entries[0].basis == basis


@given(
    cause=st.sampled_from(sorted(BASES)),
    basis=st.sampled_from(["acoustic_emotion", "observable", "text", "metadata"]),
)
@examples(60)
def test_no_entry_rests_on_what_its_cause_cannot_rest_on(cause, basis):
    with suppress(BadSettings):
        (kept,) = book(entry("it", cause=cause, basis=basis)).entries
        assert kept.basis == basis
        assert basis in BASES[cause]


def test_phrases_may_be_exactly_as_long_as_the_limit():
    zh, en = "长" * LONGEST_ZH_CHARACTERS, "word " * LONGEST_EN_WORDS
    assert book(entry("it", **{"zh-CN": zh, "en": en.strip()})).entries[0].zh_cn == zh


def test_an_id_that_stands_twice_is_refused():
    with pytest.raises(BadSettings, match=r"entry 'it' \(entries\[1\].id\): the id stands twice"):
        book(entry("it"), entry("it"))


def test_an_entry_without_a_needed_field_is_refused():
    partial = entry("it")
    del partial["technique"]
    with pytest.raises(BadSettings, match=r"entry 'it' \(entries\[0\].technique\): is missing: write one of"):
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
        (only,) = book(entry("it", **{field: value})).entries
        kept = getattr(only, field.replace("zh-CN", "zh_cn"))
        assert kept == (tuple(value) if isinstance(value, list) else value)


@given(mapping=plain_data)
@examples(50)
def test_no_plain_data_breaks_the_reader(mapping):
    with pytest.raises(BadSettings, match="playbook: "):
        parse_playbook(mapping)
