"""The right phrase for the moment: lawful, fresh, one to say and one to do, and care before all else."""

from collections import Counter
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phrasebook import ALWAYS, book, entry, moment, shown
from voices import examples

from sentiment_engine.events import PARTIES, STAGES, Basis, Severity
from sentiment_engine.phrases import BASES
from sentiment_engine.playbook import CARE_FLAGS
from sentiment_engine.prompting import SUBJECTS, Prompter
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings_alerts import PlaybookSettings

PACKAGED = load_playbook()
ENTRIES = {entry.id: entry for entry in PACKAGED.entries}
FLAGS = sorted({flag for entry in PACKAGED.entries for flag in entry.flags})
ANYTHING = frozenset(get_args(Basis))
NO_VOICES = frozenset({"observable", "text", "metadata"})


def ids(suggestions):
    return [suggestion.id for suggestion in suggestions]


def do(name, **changes):
    return entry(name, mode="do", **changes)


def for_supervisor(name, **changes):
    return entry(name, mode="do", audience="supervisor", **changes)


# -- the order of what fits


def test_words_that_were_said_come_before_the_stages_own_and_that_before_the_general():
    playbook = book(
        entry("general", cause="words"),
        entry("own", cause="words", stage=["facts"]),
        entry("said", cause="words", flags=["dispute"]),
    )
    prompter = Prompter(playbook, ALWAYS)
    when = moment("words", stage="facts", flags=frozenset({"dispute"}))
    assert [ids(prompter.suggest(when)) for _ in range(4)] == [["said"], ["own"], ["general"], []]


def test_at_critical_what_is_also_for_a_mere_notice_comes_later():
    playbook = book(
        for_supervisor("any", stage=["facts"]), for_supervisor("grave", severity=["warning", "critical"])
    )
    assert ids(shown(playbook, moment(severity="critical", stage="facts"))) == ["grave"]
    assert ids(shown(playbook, moment(severity="warning", stage="facts"))) == ["any"]


def test_what_was_not_shown_yet_comes_before_what_was_shown_long_ago():
    prompter = Prompter(book(entry("a"), entry("b"), entry("c")), ALWAYS)
    order = [ids(prompter.suggest(moment(at_s=at_s)))[0] for at_s in (0.0, 60.0, 125.0, 190.0, 255.0)]
    assert sorted(order[:3]) == ["a", "b", "c"]
    assert order[3:] == order[:2]


def test_every_call_has_an_order_of_its_own_and_no_phrase_is_favoured():
    playbook = book(entry("first"), entry("second"), entry("third"))
    chosen = Counter(ids(shown(playbook, moment(seed=seed)))[0] for seed in range(600))
    assert set(chosen) == {"first", "second", "third"}
    assert all(160 < times < 240 for times in chosen.values())


def test_another_entry_leaves_the_order_of_the_others_as_it_was():
    names = [f"p-{n}" for n in range(8)]

    def order(*more):
        prompter = Prompter(book(*map(entry, [*names, *more])), ALWAYS)
        return [ids(prompter.suggest(moment(seed=5)))[0] for _ in range(8 + len(more))]

    assert [name for name in order("new") if name != "new"] == order()


def test_the_order_in_the_file_does_not_matter():
    entries = [entry(f"p-{n}") for n in range(5)]
    assert shown(book(*entries), moment()) == shown(book(*reversed(entries)), moment())


# -- how many, and of what kind


def test_one_phrase_a_cause_strongest_first_and_no_more_than_the_most():
    causes = ("overlap", "customer_anger", "silence")
    playbook = book(
        *(entry(f"a-{cause}", cause=cause) for cause in causes),
        *(for_supervisor(f"s-{cause}", cause=cause) for cause in causes),
    )
    assert ids(shown(playbook, moment(*causes))) == [
        "a-overlap",
        "a-customer_anger",
        "s-overlap",
        "s-customer_anger",
    ]
    assert len(shown(playbook, moment(*causes), PlaybookSettings(at_most=5))) == 6
    assert shown(playbook, moment(*causes), PlaybookSettings(at_most=0)) == []


def test_the_agent_gets_one_thing_to_say_and_one_to_do_where_the_strongest_cause_has_both():
    playbook = book(entry("say-1"), entry("say-2"), do("do-1"), do("do-2"), entry("weaker", cause="overlap"))
    for seed in range(20):
        pair = shown(playbook, moment("customer_anger", "overlap", seed=seed), PlaybookSettings(at_most=5))
        assert sorted(suggestion.mode for suggestion in pair) == ["do", "say"]
        assert "weaker" not in ids(pair)
        assert len(shown(playbook, moment("customer_anger", seed=seed), PlaybookSettings(at_most=1))) == 1


def test_a_weaker_cause_gives_one_phrase_only():
    playbook = book(entry("strong"), entry("weak", cause="overlap"), do("weak-do", cause="overlap"))
    assert len(shown(playbook, moment("customer_anger", "overlap"), PlaybookSettings(at_most=5))) == 2


def test_supervisors_get_one_phrase_a_cause():
    playbook = book(for_supervisor("one"), for_supervisor("two"), for_supervisor("other", cause="overlap"))
    (first, second) = shown(playbook, moment("customer_anger", "overlap"))
    assert first.id in {"one", "two"}
    assert second.id == "other"


def test_the_same_words_are_not_given_to_say_and_to_do():
    playbook = book(entry("say", en="Pause."), do("do", en="Pause."))
    assert len(shown(playbook, moment())) == 1


# -- what was shown


def test_a_phrase_is_not_repeated_within_the_guard_and_the_next_one_takes_its_place():
    prompter = Prompter(book(entry("a"), entry("b")), ALWAYS)
    told = [ids(prompter.suggest(moment(at_s=at_s))) for at_s in (0.0, 1.0, 2.0, 119.9, 120.0, 121.0)]
    assert sorted(told[0] + told[1]) == ["a", "b"]
    assert told[2:] == [[], [], told[0], told[1]]


def test_the_same_text_under_another_id_is_the_same_phrase():
    prompter = Prompter(book(entry("a", en="Same."), entry("b", en="Same.", cause="overlap")), ALWAYS)
    assert len(prompter.suggest(moment("customer_anger", "overlap"))) == 1
    assert prompter.suggest(moment("overlap", at_s=119.0)) == ()
    assert ids(prompter.suggest(moment("overlap", at_s=120.0))) == ["b"]


def test_one_phrase_may_answer_two_causes_but_is_shown_once():
    playbook = book(entry("it", cause="raised_voice"))
    assert ids(shown(playbook, moment("anger", "raised_voice"))) == ["it"]


def test_a_phrase_that_was_crowded_out_is_not_taken_for_shown():
    prompter = Prompter(book(entry("a"), entry("b", cause="overlap")), PlaybookSettings(at_most=1))
    assert ids(prompter.suggest(moment("customer_anger", "overlap"))) == ["a"]
    assert ids(prompter.suggest(moment("overlap"))) == ["b"]


def test_calls_do_not_share_what_was_shown():
    playbook = book(entry("it"))
    assert ids(shown(playbook, moment())) == ids(shown(playbook, moment())) == ["it"]


# -- steps


def test_steps_come_in_order_one_at_a_time_and_go_on_where_they_were():
    prompter = Prompter(PACKAGED, ALWAYS)
    steps = []
    for number in range(6):
        when = moment("agent_anger", "customer_anger", at_s=10.0 * number, severity="notice", stage="facts")
        steps += [one for one in ids(prompter.suggest(when)) if one.startswith("aa-step")]
        prompter.suggest(moment("overlap", at_s=10.0 * number + 1))
    assert steps == [f"aa-step-{n}" for n in range(1, 7)]
    again = prompter.suggest(moment("agent_anger", at_s=70.0))
    assert not any(ENTRIES[one].step for one in ids(again))
    assert "aa-step-1" in ids(prompter.suggest(moment("agent_anger", at_s=125.0)))


def test_a_step_that_does_not_fit_is_passed_over():
    playbook = book(
        do("one", step=1, severity=["critical"]),
        do("two", step=2),
        do("three", step=3, severity=["critical"]),
        do("four", step=4),
    )
    prompter = Prompter(playbook, PlaybookSettings(repeat_guard_s=0.0))
    assert [ids(prompter.suggest(moment())) for _ in range(3)] == [["two"], ["four"], ["two"]]
    assert ids(prompter.suggest(moment(severity="critical"))) == ["three"]


def test_sequences_of_different_parties_do_not_mix():
    playbook = book(
        *(
            do(f"{party}-{n}", cause="overlap", party=party, step=n)
            for party in ("agent", "customer")
            for n in (1, 2)
        )
    )
    prompter = Prompter(playbook, ALWAYS)
    told = [
        ids(prompter.suggest(moment("overlap", by={"overlap": party}, at_s=at_s)))
        for at_s, party in enumerate(("agent", "customer", "agent", "customer"))
    ]
    assert told == [["agent-1"], ["customer-1"], ["agent-2"], ["customer-2"]]


def test_an_agent_whose_words_were_wrong_is_led_through_stop_correct_apologise_hand_over():
    prompter = Prompter(PACKAGED, ALWAYS)
    when = moment("words", by={"words": "agent"}, severity="critical", flags=frozenset({"false_promise"}))
    told = [
        ids(prompter.suggest(msgspec.structs.replace(when, at_s=at_s)))[0] for at_s in (0.0, 5.0, 10.0, 15.0)
    ]
    assert told == ["wd-stop-1", "wd-stop-2", "wd-stop-3", "wd-stop-4"]


# -- care first


@pytest.mark.parametrize(
    "when",
    [
        moment("customer_anger", "customer_distress", severity="critical"),
        moment("customer_anger", flags=frozenset({"customer_self_harm"})),
        moment(
            "customer_anger", "overlap", severity="notice", flags=frozenset({"customer_hardship", "dispute"})
        ),
        moment("recovery", flags=frozenset({"customer_hardship"})),
        moment("words", by={"words": "customer"}, flags=frozenset({"customer_self_harm", "customer_threat"})),
    ],
)
def test_care_for_the_customer_outranks_everything(when):
    prompter = Prompter(PACKAGED, ALWAYS)
    for at_s in (0.0, 10.0, 20.0, 30.0):
        told = prompter.suggest(msgspec.structs.replace(when, at_s=at_s))
        agent = [ENTRIES[one.id] for one in told if one.audience == "agent"]
        assert agent or at_s
        assert all(one.cause == "customer_distress" or CARE_FLAGS & set(one.flags) for one in agent)
        if at_s == 0.0:
            first = next(one for one in told if one.audience == "supervisor")
            assert ENTRIES[first.id].cause == "customer_distress"
            assert all("care first (" in one.rule for one in told)


def test_distress_that_the_customer_spoke_of_needs_no_judgement_of_the_voice():
    playbook = book(entry("it", cause="customer_distress"))
    heard = moment("customer_distress")
    said = moment("overlap", flags=frozenset({"customer_hardship"}))
    prompter = Prompter(playbook, ALWAYS, {"customer": NO_VOICES, "agent": NO_VOICES})
    assert prompter.suggest(heard) == ()
    assert [one.rule.rpartition(", ")[2] for one in prompter.suggest(said)] == ["basis text"]
    assert shown(playbook, heard)[0].rule.endswith("basis acoustic_emotion")


def test_distress_below_critical_waits_its_turn():
    when = moment("customer_anger", "customer_distress", severity="warning")
    assert ENTRIES[shown(PACKAGED, when)[0].id].cause == "customer_anger"
    assert "care first" not in shown(PACKAGED, when)[0].rule


def test_supervisors_still_hear_of_the_rest_while_care_comes_first():
    when = moment("customer_anger", severity="critical", flags=frozenset({"customer_self_harm"}))
    causes = [ENTRIES[one.id].cause for one in shown(PACKAGED, when) if one.audience == "supervisor"]
    assert causes == ["customer_distress", "customer_anger"]


# -- what phrases may rest on


@pytest.mark.parametrize(
    ("cause", "by", "allowed", "fits"),
    [
        ("customer_anger", {}, None, True),
        ("customer_anger", {}, {"customer": ANYTHING, "agent": frozenset()}, True),
        ("customer_anger", {}, {"customer": NO_VOICES, "agent": ANYTHING}, False),
        ("customer_anger", {}, {"agent": ANYTHING}, False),
        ("mutual_escalation", {}, {"customer": ANYTHING, "agent": NO_VOICES}, False),
        ("mutual_escalation", {}, {"customer": ANYTHING, "agent": ANYTHING}, True),
        ("overlap", {}, {"customer": ANYTHING, "agent": NO_VOICES}, True),
        ("overlap", {}, {"customer": ANYTHING, "agent": frozenset({"text"})}, False),
        ("overlap", {"overlap": "customer"}, {"customer": ANYTHING, "agent": frozenset()}, True),
        ("overlap", {}, {"mixed": frozenset(), "agent": ANYTHING}, True),
        ("silence", {}, {"mixed": NO_VOICES}, True),
        ("silence", {}, {}, False),
        ("anger", {"anger": "mixed"}, {"mixed": ANYTHING}, True),
        ("anger", {"anger": "mixed"}, {"mixed": NO_VOICES}, False),
    ],
)
def test_a_phrase_is_shown_only_if_what_it_rests_on_is_allowed(cause, by, allowed, fits):
    answered = "raised_voice" if cause == "anger" else cause
    prompter = Prompter(book(entry("it", cause=answered)), ALWAYS, allowed)
    assert bool(prompter.suggest(moment(cause, by=by))) is fits


def test_a_phrase_about_one_party_asks_what_is_allowed_for_that_party():
    playbook = book(entry("it", cause="raised_voice", party="agent"))
    for agent, fits in ((NO_VOICES, True), (frozenset({"text"}), False)):
        prompter = Prompter(playbook, ALWAYS, {"agent": agent, "customer": ANYTHING})
        assert bool(prompter.suggest(moment("raised_voice", by={"raised_voice": "agent"}))) is fits


# -- the rule


@pytest.mark.parametrize(
    ("changes", "when", "rule"),
    [
        (
            {"stage": ["facts"]},
            moment(stage="facts"),
            "cause customer_anger, severity warning, stage facts, basis acoustic_emotion",
        ),
        (
            {"cause": "overlap"},
            moment("overlap", stage="facts", severity="notice"),
            "cause overlap, severity notice, stage general (fallback for facts), basis observable",
        ),
        (
            {"risk_class": "B", "party": "customer"},
            moment(risk_class="B", by={"customer_anger": "customer"}),
            "cause customer_anger of the customer, severity warning, stage general, risk class B, "
            "basis acoustic_emotion",
        ),
        (
            {"cause": "words", "flags": ["dispute", "third_party", "other"], "step": 2},
            moment("words", by={"words": "customer"}, flags=frozenset({"third_party", "dispute", "x"})),
            "cause words of the customer, severity warning, stage general, flag dispute, third_party, "
            "step 2 of 2, basis text",
        ),
        (
            {"cause": "raised_voice"},
            moment("anger", by={"anger": "mixed"}),
            "cause anger, answered as raised_voice, severity warning, stage general, basis observable",
        ),
        (
            {"cause": "customer_distress"},
            moment("customer_distress", severity="critical"),
            "cause customer_distress, care first (customer_distress), severity critical, stage general, "
            "basis acoustic_emotion",
        ),
    ],
)
def test_a_suggestion_names_the_rule_that_chose_it(changes, when, rule):
    (suggestion,) = shown(book(entry("it", **changes)), when)
    assert suggestion.rule == rule
    assert (suggestion.technique, suggestion.mode, suggestion.audience) == ("acknowledge", "say", "agent")


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
    playbook = book(entry("it", **{"zh-CN": "我听到了。", "en": "I hear you."}))
    (suggestion,) = shown(playbook, moment(language=language))
    assert (suggestion.text, suggestion.language) == said


def test_anger_that_is_nobodys_is_answered_as_a_raised_voice_that_is_nobodys():
    playbook = book(
        entry("theirs", cause="raised_voice", party="customer"), entry("anyones", cause="raised_voice")
    )
    assert ids(shown(playbook, moment("anger", by={"anger": "mixed"}))) == ["anyones"]


# -- what always holds


REASONS = sorted(BASES)
bases = st.frozensets(st.sampled_from(sorted(ANYTHING)))


@st.composite
def calls(draw):
    """Moments of one call, in order."""
    seed, language = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(["zh-CN", "en"]))
    risk_class, at_s, out = draw(st.sampled_from([None, "A", "B", "C"])), 0.0, []
    for _ in range(draw(st.integers(1, 8))):
        causes = draw(st.lists(st.sampled_from(REASONS), unique=True, max_size=4))
        at_s += draw(st.floats(0.0, 150.0))
        when = moment(
            by={cause: draw(st.sampled_from(PARTIES)) for cause in causes if draw(st.booleans())},
            severity=draw(st.sampled_from(get_args(Severity))),
            stage=draw(st.sampled_from(STAGES)),
            flags=draw(st.frozensets(st.sampled_from(FLAGS), max_size=3)),
            language=language,
            risk_class=risk_class,
            at_s=at_s,
            seed=seed,
        )
        out.append(msgspec.structs.replace(when, causes=tuple(causes)))
    return out


def rests_on(chosen, when):
    said = chosen.cause == "customer_distress" and when.flags & CARE_FLAGS
    return "text" if said else chosen.basis


def play(call, settings=ALWAYS, allowed=None):
    prompter = Prompter(PACKAGED, settings, allowed)
    return [(when, prompter.suggest(when)) for when in call]


@given(call=calls())
@examples(60)
def test_the_same_call_gives_the_same_phrases(call):
    assert play(call) == play(call)


@given(call=calls(), guard_s=st.sampled_from([0.0, 60.0, 120.0]))
@examples(60)
def test_no_phrase_comes_twice_within_the_guard(call, guard_s):
    last = {}
    for when, told in play(call, PlaybookSettings(repeat_guard_s=guard_s)):
        assert len({one.text for one in told}) == len({one.id for one in told}) == len(told) or not guard_s
        for one in told:
            for key in (one.id, one.text):
                assert when.at_s - last.get(key, float("-inf")) >= guard_s
        last |= {key: when.at_s for one in told for key in (one.id, one.text)}


@given(call=calls(), at_most=st.integers(0, 5))
@examples(60)
def test_never_too_many_and_never_two_alike_for_the_agent_from_one_cause(call, at_most):
    for _, told in play(call, PlaybookSettings(at_most=at_most)):
        counted = Counter(one.audience for one in told)
        assert all(times <= at_most for times in counted.values())
        from_one = Counter((one.audience, one.mode, one.rule.split(",")[0]) for one in told)
        assert set(from_one.values()) <= {1}
        assert all(one.mode == "do" for one in told if one.audience == "supervisor")


def test_a_phrase_about_the_agent_needs_leave_for_the_agent_even_where_the_reason_names_nobody():
    """Found by the property below: anger of a mixed line, answered by a phrase about the agent's voice."""
    when = moment("anger", by={"anger": "agent"}, severity="notice", stage="facts")
    without = Prompter(PACKAGED, ALWAYS, {"mixed": ANYTHING, "agent": frozenset()}).suggest(when)
    with_leave = Prompter(PACKAGED, ALWAYS, {"mixed": ANYTHING, "agent": ANYTHING}).suggest(when)
    assert "agent" in {ENTRIES[one.id].party for one in with_leave}
    assert "agent" not in {ENTRIES[one.id].party for one in without}


@given(call=calls(), allowed=st.dictionaries(st.sampled_from(PARTIES), bases))
@examples(80)
def test_nothing_is_shown_that_rests_on_what_is_not_allowed_or_is_off(call, allowed):
    for when, told in play(call, PlaybookSettings(jurisdiction="EU"), allowed):
        for one in told:
            chosen = ENTRIES[one.id]
            assert "EU" not in chosen.off_in
            for party in SUBJECTS.get(chosen.cause, (chosen.party,) if chosen.party else ()):
                assert rests_on(chosen, when) in allowed[party]
            assert any(rests_on(chosen, when) in known for known in allowed.values())
            assert chosen.party in (None, *when.by.values())


@given(call=calls())
@examples(60)
def test_every_suggestion_says_what_chose_it_and_fits_its_moment(call):
    for when, told in play(call):
        for one in told:
            chosen = ENTRIES[one.id]
            assert f"severity {when.severity}, " in one.rule
            assert one.rule.endswith(f"basis {rests_on(chosen, when)}")
            assert (chosen.step is None) == (", step " not in one.rule)
            assert when.severity in chosen.severity
            assert not chosen.flags or when.flags & set(chosen.flags)
            assert chosen.risk_class in (None, when.risk_class)
            assert (one.text, one.language) == chosen.text(when.language)
            if when.care and one.audience == "agent":
                assert chosen.cause == "customer_distress" or CARE_FLAGS & when.flags & set(chosen.flags)
