"""Cues are found in any writing, in whole words, unless denied; and no file that is not cues is taken."""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings, load_cues
from sentiment_engine.cues import LONGEST_CUE, MOST_CUES, NEGATIONS, parse_cues
from sentiment_engine.tokens import LONGEST_TOKEN, tokens_of

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
"""Lone surrogates, marks and unassigned code points included."""


def category(name, **changes):
    return {"category": name, "speaker": "agent", "severity": "critical", "en": ["red flag"], **changes}


def book(*categories, **more):
    return parse_cues({"version": 1, "flags": list(categories), **more})


@pytest.fixture(scope="module")
def packaged():
    return load_cues()


def found(cues, text):
    return [(match.category.category, match.negated) for match in cues.find(tokens_of(text))]


def test_every_packaged_cue_is_found_where_it_stands_alone_and_denied_by_nothing_of_its_own(packaged):
    for one in packaged.categories.values():
        for cue in one.zh + one.en:
            assert (one.category, False) in found(packaged, cue), cue


def test_the_packaged_cues_hold_the_categories_that_other_parts_rely_on(packaged):
    kinds = {name: one.kind for name, one in packaged.categories.items()}
    assert {name for name, kind in kinds.items() if kind == "vulnerability"} == {
        "customer_self_harm",
        "customer_hardship",
    }
    assert {name for name, kind in kinds.items() if kind == "notice"} == {
        "notice_identity",
        "notice_recording",
        "notice_analysis",
    }
    assert {kinds["dispute"], kinds["third_party"]} == {"flag"}
    assert all(one.name_zh for one in packaged.categories.values())


@pytest.mark.parametrize(
    "text",
    [
        "WATCH your back",
        "Now, watch  your\tback!",
        "ｗａｔｃｈ　ｙｏｕｒ　ｂａｃｋ",
        "w\u0301atch your ba\u200bck",
        "watch-your-back",
        "你小心点！",
        "小 心，点",
        "小\u0301心点",
    ],
)
def test_case_width_accents_punctuation_and_spaces_make_no_difference(packaged, text):
    assert found(packaged, text) == [("threat_of_harm", False)]


@pytest.mark.parametrize("text", ["watch your backpack", "xwatch your back", "watch back your", "小点心", ""])
def test_english_matches_whole_words_and_order_counts(packaged, text):
    assert found(packaged, text) == []


@pytest.mark.parametrize("text", ["You can't stop us calling", "you can’t stop us calling"])
def test_an_apostrophe_may_be_either_and_a_cue_that_denies_is_not_denied_by_itself(packaged, text):
    assert found(packaged, text) == [("ignoring_stop_request", False)]


@pytest.mark.parametrize(
    "text",
    [
        "我们不会告诉你家里人",
        "从来不会再打给你单位",
        "别打给你单位",
        "we will never call your employer",
        "nobody here will have you arrested",
        "no one will have you arrested",
    ],
)
def test_a_cue_shortly_after_a_negation_is_denied(packaged, text):
    (match,) = found(packaged, text)
    assert match[1]


@pytest.mark.parametrize(
    "text",
    [
        "你不还，我就告诉你家里人",
        "如果你不能还我就打给你单位",
        "你不会还是怎么样呢打给你单位",
        "If you do not pay we tell your family",
        "if you don't pay, go to jail",
        "not once, never: you would all go to jail",
        "never in all these many years call your employer",
        "跟别人一样打给你单位",
        "特别是打给你单位",
        "不得不打给你单位",
        "not only call your employer",
        "告诉你家里人不会",
    ],
)
def test_a_negation_far_off_in_another_clause_or_only_seeming_denies_nothing(packaged, text):
    (match,) = found(packaged, text)
    assert not match[1]


def test_a_cue_that_begins_with_a_negation_cannot_be_denied():
    cues = book(category("a", zh=["不要脸"], en=["not my problem"]))
    assert found(cues, "不会不要脸") == [("a", False)]
    assert found(cues, "never not my problem") == [("a", False)]


def test_cues_inside_one_another_and_shared_by_categories_are_all_found():
    cues = book(category("a", en=["one two three", "two"]), category("b", en=["two three", "two"]))
    assert sorted(found(cues, "one two three")) == sorted(
        [("a", False), ("b", False), ("a", False), ("b", False)]
    )


def test_a_name_is_chinese_where_there_is_one_and_the_language_is_chinese():
    plain, named = book(category("two_words"), category("b", name_zh="乙")).categories.values()
    assert (plain.name("zh-CN"), plain.name("en"), named.name("ZH"), named.name("fr")) == (
        "two words",
        "two words",
        "乙",
        "b",
    )


def test_a_deployments_file_replaces_adds_and_removes(packaged):
    cues = packaged.overridden(
        {
            "flags": [
                category("customer_hardship", speaker="customer", en=["broke"]),
                category("own", en=["own words"]),
                category("threat_of_harm", kind="notice"),
            ],
            "remove": ["insult_or_abuse"],
        }
    )
    assert found(cues, "老赖 in hospital") == []
    assert found(cues, "own words") == [("own", False)]
    assert cues.categories["customer_hardship"].kind == "vulnerability"
    assert cues.categories["own"].kind == "flag"
    assert cues.categories["threat_of_harm"].kind == "notice"
    assert packaged.categories["threat_of_harm"].kind == "flag"


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ([], "flags: "),
        ({"version": 2}, "version"),
        ({"flags": [category("a", typo=1)]}, "typo"),
        ({"flags": [category("a", severity="grave")]}, "grave"),
        ({"flags": [category("a", speaker="mixed")]}, "mixed"),
        ({"flags": [category("a", kind="hint")]}, "hint"),
        ({"flags": [category("A b")]}, "'A b'"),
        ({"flags": [category("x" * 41)]}, "xxx"),
        ({"flags": [category("a", name_zh="\u202e")]}, "a: name_zh"),
        ({"flags": [category("a", name_zh="长" * 41)]}, "a: name_zh"),
        ({"flags": [category("a", en=[])]}, "at least one cue"),
        ({"flags": [category("a", en=["..."])]}, "has 0 words"),
        ({"flags": [category("a", zh=["打" * (LONGEST_CUE + 1)])]}, f"has {LONGEST_CUE + 1} words"),
        ({"flags": [category("a", zh=["打"])]}, "one character"),
        ({"flags": [category("a"), category("a")]}, "'a' stands twice"),
        ({"flags": [category("a", en=["red flag"] * (MOST_CUES + 1))]}, f"at most {MOST_CUES}"),
        ({"remove": ["gone"]}, "'gone', which does not exist"),
    ],
)
def test_what_is_no_file_of_cues_is_refused_by_name(packaged, mapping, named):
    with pytest.raises(BadSettings, match=named):
        packaged.overridden(mapping)


@given(text=ANY_TEXT)
@examples(200)
def test_any_text_becomes_bounded_tokens_that_are_stable(text):
    tokens = tokens_of(text)
    assert len(tokens.words) == len(tokens.marked) <= 20 * len(text) + 1
    assert all(0 < len(word) <= LONGEST_TOKEN for word in tokens.words)
    assert tokens_of(text + "\n").words == tokens.words


@given(before=ANY_TEXT, after=ANY_TEXT, cue=st.sampled_from(["watch your back", "给我等着", "deadbeat"]))
@examples(200)
def test_a_cue_between_clauses_is_found_and_not_denied_whatever_stands_around_it(before, after, cue):
    cues = load_cues_once()
    wanted = found(cues, cue)
    assert set(wanted) <= set(found(cues, f"{before}. {cue}. {after}"))


@given(words=st.lists(st.sampled_from(["a", "b", "not", "小", "心", "."]), max_size=40))
@examples(200)
def test_the_automaton_finds_what_a_plain_search_finds(words):
    cues = book(category("a", en=["a b a", "b a", "a b"], zh=["小心", "心小心"]))
    tokens = tokens_of(" ".join(words))
    patterns = {tokens_of(cue).words for one in cues.categories.values() for cue in one.zh + one.en}
    plain = [
        end
        for end in range(len(tokens.words) + 1)
        for pattern in patterns
        if len(pattern) <= end and tokens.words[end - len(pattern) : end] == pattern
    ]
    assert sorted(match.end for match in cues.find(tokens)) == sorted(plain)


@pytest.mark.parametrize(
    "text",
    [
        "告诉你家里人" * 2000,
        "watch your " * 1000,
        "a" + "\u0316\u0301" * 6000,
        "\ufdfa" * 10_000,
        "\ud800" * 10_000,
        "x" * 10_000,
        "不" * 10_000,
    ],
    ids=["cues", "prefixes", "marks", "expanding", "surrogates", "one_word", "almost_negations"],
)
def test_time_is_linear_in_the_text(packaged, text):
    began = time.perf_counter()
    packaged.find(tokens_of(text))
    assert time.perf_counter() - began < 2.0  # tens of milliseconds; the square of it would be minutes


def test_negations_are_words_the_tokeniser_keeps():
    assert all(tokens_of(negation).words for negation in NEGATIONS)


_PACKAGED = []


def load_cues_once():
    if not _PACKAGED:
        _PACKAGED.append(load_cues())
    return _PACKAGED[0]


def test_cues_are_never_changed(packaged):
    with pytest.raises(AttributeError):
        next(iter(packaged.categories.values())).severity = "notice"
    assert isinstance(next(iter(packaged.categories.values())), msgspec.Struct)


def test_a_deployments_own_file_goes_on_top_of_the_packaged_one(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("flags: [{category: own, speaker: agent, severity: notice, zh: [自家的话]}]", "utf-8")
    cues = load_cues(file)
    assert found(cues, "自家的话，给我等着") == [("own", False), ("threat_of_harm", False)]


@pytest.mark.parametrize(
    "text", ["[", "- 1", "flags: 3", "", "flags: 2026-02-31", "version: 2", "[" * 10_000]
)
def test_a_file_that_is_no_cues_is_named(tmp_path, text):
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(BadSettings, match=r"own\.yaml: "):
        load_cues(file)
