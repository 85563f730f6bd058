"""The level adds up, only rises by causes, fades with what was heard, and holds still across what was not."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.emotion import Relative
from sentiment_engine.events import Snapshot
from sentiment_engine.settings_tension import TensionSettings
from sentiment_engine.tension import MOST_DEVIATIONS, Heat, Tension
from sentiment_engine.usual import Effort

PLAIN = TensionSettings(
    bias=-3.0,
    speech_half_life_s=0.001,
    idle_half_life_s=20.0,
    anger_drift=1.0,
    anger_limit=50.0,
    anger_weight=1.0,
    distress_at=-9.0,
    distress_width=0.1,
    mutual_weight=0.5,
    overlap_over=0.2,
    overlap_weight=4.0,
    interruption_weight=0.5,
    louder_over_db=4.0,
    louder_weight=0.1,
    higher_over_st=2.0,
    higher_weight=0.2,
    silence_over_s=8.0,
    silence_weight=0.05,
    timing_limit=2.0,
    anger_most=5.0,
    stirred_share=0.0,
    effort_loud=0.0,
    effort_high=0.0,
    effort_fast=0.0,
    noisy_db=0.0,
)
BOTH = ("agent", "customer")


def moment(**changes):
    fields = {"overlap_ratio": 0.0, "interruptions": {}, "silence_s": 0.0}
    return Snapshot(**(fields | changes))


QUIET = moment()


def relative(anger=0.0, against=0.0, uncertain=0.0, fresh=1.0, over_noise_db=99.0, bare=None, **effort):
    return Relative(
        anger=anger,
        against=against,
        effort=Effort(**effort),
        over_noise_db=over_noise_db,
        known_s=10.0,
        uncertain=uncertain,
        fresh=fresh,
        bare=bare,
    )


def after(heard, snapshot=QUIET, parties=BOTH, settings=PLAIN):
    """The level once each party has sounded like that for a second."""
    tension = Tension(settings, parties)
    for party, what in heard.items():
        tension.hear(party, what, 1.0)
    return tension.tick(1.0, dict.fromkeys(parties, False), snapshot)


def adds_up(level):
    return abs(math.log(level.level / (1 - level.level)) - level.bias - sum(level.causes.values())) <= 0.01


def test_a_call_without_any_cause_stands_at_the_bias():
    level = after({})
    assert (level.causes, level.bias) == ({}, -3.0)
    assert level.level == pytest.approx(1 / (1 + math.exp(3)), abs=1e-6)
    assert level.heat == {"agent": 0.0474, "customer": 0.0474}


def test_words_are_a_cause_like_the_others():
    level = Tension(PLAIN, BOTH).tick(1.0, dict.fromkeys(BOTH, False), QUIET, words=1.2)
    assert level.causes == {"words": 1.2}
    assert adds_up(level)
    assert level.heat == after({}).heat


@pytest.mark.parametrize(
    ("party", "cause"), [("agent", "agent_anger"), ("customer", "customer_anger"), ("mixed", "anger")]
)
def test_anger_is_laid_at_the_party_that_sounds_angry(party, cause):
    level = after({party: relative(anger=3.0)}, parties=(party,))
    assert level.causes == {cause: pytest.approx(2.0)}
    assert level.by[cause] == party


@pytest.mark.parametrize(("discount", "share"), [(0.0, 1.0), (0.5, 0.8), (1.0, 0.6)])
def test_a_window_that_could_be_anything_counts_for_less_as_far_as_the_settings_say(discount, share):
    settings = msgspec.structs.replace(PLAIN, uncertain_discount=discount)
    level = after({"customer": relative(anger=3.0, uncertain=0.4)}, settings=settings)
    assert level.causes == {"customer_anger": pytest.approx(share * 2.0, abs=1e-4)}


def test_anger_under_its_threshold_means_nothing_yet():
    assert after({"customer": relative(anger=0.99)}).causes == {}


def test_a_party_happier_than_its_baseline_does_not_lower_the_level():
    assert after({"customer": relative(anger=-5.0, against=5.0, louder_db=-20.0)}).level == after({}).level


def test_a_party_hot_from_the_start_has_all_the_evidence_there_can_be():
    settings = msgspec.structs.replace(PLAIN, bare_at=3.0, anger_limit=4.0)
    tension = Tension(settings, BOTH)
    tension.hear("customer", relative(bare=2.9), 1.0)
    assert tension.shown("customer").anger == 0.0
    tension.hear("customer", relative(bare=3.0), 1.0)
    assert tension.shown("customer").anger == tension.evidence("customer") == 4.0
    assert tension.shown("agent").anger == 0.0


def test_two_who_are_hot_add_to_each_other_by_the_lesser():
    causes = after({"agent": relative(anger=2.0), "customer": relative(anger=4.0)}).causes
    assert causes == {
        "agent_anger": pytest.approx(1.0),
        "customer_anger": pytest.approx(3.0),
        "mutual_escalation": pytest.approx(0.5),
    }


def test_an_agitated_customer_whose_voice_is_rather_sad_or_afraid_is_distressed():
    settings = msgspec.structs.replace(PLAIN, distress_at=-1.0, distress_width=0.5)

    def causes(against, party="customer", parties=BOTH):
        return after({party: relative(anger=4.0, against=against)}, settings=settings, parties=parties).causes

    assert causes(-1.0) == {"customer_anger": pytest.approx(1.5), "customer_distress": pytest.approx(1.5)}
    assert causes(2.0)["customer_anger"] > 0.99 * 3.0
    assert causes(-4.0)["customer_distress"] > 0.99 * 3.0
    assert causes(-4.0, "agent") == {"agent_anger": 3.0}
    assert causes(-4.0, "mixed", ("mixed",)) == {"anger": 3.0}


def test_a_raised_voice_is_that_of_the_louder_party():
    level = after({"agent": relative(louder_db=9.0), "customer": relative(louder_db=14.0)})
    assert level.causes == {"raised_voice": pytest.approx(1.0)}
    assert level.by["raised_voice"] == "customer"


def test_overlap_interruptions_and_silence_count_beyond_their_thresholds():
    level = after(
        {},
        moment(overlap_ratio=0.45, interruptions={"agent": 0.5, "customer": 1.5}, silence_s=18.0),
    )
    assert level.causes == {
        "overlap": pytest.approx(1.0),
        "interruptions": pytest.approx(1.0),
        "silence": pytest.approx(0.5),
    }
    assert level.by["interruptions"] == "customer"


def test_timing_alone_is_limited():
    level = after(
        {"agent": relative(louder_db=90.0)},
        moment(overlap_ratio=1.0, interruptions={"agent": 40.0, "customer": 0.0}, silence_s=9000.0),
    )
    assert set(level.causes.values()) == {2.0}
    assert set(level.causes) == {"overlap", "interruptions", "raised_voice", "silence"}


def test_a_mixed_channel_names_no_party():
    level = after(
        {"mixed": relative(anger=5.0, against=5.0, louder_db=20.0)},
        moment(interruptions={"mixed": 0.0}, silence_s=30.0),
        parties=("mixed",),
    )
    assert set(level.causes) == {"anger", "raised_voice", "silence"}
    assert set(level.by.values()) == {"mixed"}
    assert set(level.heat) == {"mixed"}


def test_each_partys_own_heat_is_from_its_own_voice():
    heat = after({"customer": relative(anger=5.0)}, moment(overlap_ratio=1.0)).heat
    assert heat["agent"] == pytest.approx(0.0474)
    assert heat["customer"] == pytest.approx(1 / (1 + math.exp(-1.0)), abs=1e-4)


def test_fresh_speech_replaces_half_of_the_means_in_a_half_life():
    slow = msgspec.structs.replace(PLAIN, speech_half_life_s=3.0)
    heat = Heat().after_window(relative(against=2.0, louder_db=10.0), 3.0, slow)
    assert (heat.against, heat.louder_db) == pytest.approx((1.0, 5.0))


def test_every_second_of_hot_speech_adds_evidence_of_anger_up_to_a_limit():
    heat, shown = Heat(), []
    for _ in range(60):
        heat = heat.after_window(relative(anger=3.0), 1.0, PLAIN)
        shown.append(heat.anger)
    assert shown[:3] == pytest.approx([2.0, 4.0, 6.0])
    assert shown[-1] == PLAIN.anger_limit


def test_calm_speech_takes_back_what_hot_speech_brought_and_no_more():
    heat = Heat(anger=2.5)
    shown = []
    for _ in range(3):
        heat = heat.after_window(relative(anger=0.0), 1.0, PLAIN)
        shown.append(heat.anger)
    assert shown == pytest.approx([1.5, 0.5, 0.0])


def test_a_party_that_is_heard_to_be_silent_cools_by_half_in_an_idle_half_life():
    heat = Heat(4.0, 2.0, 10.0).after_silence(20.0, 20.0)
    assert (heat.anger, heat.against, heat.louder_db) == pytest.approx((2.0, 1.0, 5.0))


def test_an_idle_party_cools_and_one_that_cannot_be_heard_does_not():
    tension = Tension(PLAIN, BOTH)
    tension.hear("customer", relative(anger=5.0), 1.0)
    hot = tension.tick(1.0, {"agent": False, "customer": False}, QUIET).level
    for _ in range(30):
        assert tension.tick(1.0, {"agent": False, "customer": False}, QUIET).level == hot
    cooling = [tension.tick(1.0, {"agent": True, "customer": True}, QUIET).level for _ in range(30)]
    assert hot > cooling[0]
    assert cooling == sorted(cooling, reverse=True)
    assert cooling[-1] < hot / 3


def test_the_agents_silence_does_not_cool_the_customer():
    tension = Tension(PLAIN, BOTH)
    tension.hear("customer", relative(anger=5.0), 1.0)
    hot = tension.tick(1.0, {"agent": True, "customer": False}, QUIET)
    assert tension.tick(1.0, {"agent": True, "customer": False}, QUIET) == hot


@pytest.mark.parametrize("anger", [2.0, 6.0, 60.0])
def test_the_causes_of_the_hottest_call_still_add_up(anger):
    furious = relative(anger=anger, against=anger, louder_db=60.0)
    settings = msgspec.structs.replace(PLAIN, anger_weight=20.0, mutual_weight=20.0)
    level = after(
        {"agent": furious, "customer": furious},
        moment(overlap_ratio=1.0, interruptions={"agent": 9.0, "customer": 9.0}, silence_s=900.0),
        settings=settings,
    )
    assert adds_up(level)
    assert 0.9 < level.level < 1.0


numbers = st.floats(-60, 60)
voices = st.builds(
    Relative,
    anger=numbers,
    against=numbers,
    stirred=numbers,
    effort=st.builds(Effort, louder_db=numbers, higher_st=numbers, loud=numbers, high=numbers, fast=numbers),
    over_noise_db=numbers,
    known_s=st.just(10.0),
)
windows = st.tuples(st.just("hear"), st.sampled_from(BOTH), voices, st.floats(0.01, 20.0))
snapshots = st.builds(
    Snapshot,
    overlap_ratio=st.floats(0, 1),
    interruptions=st.fixed_dictionaries({"agent": st.floats(0, 20), "customer": st.floats(0, 20)}),
    silence_s=st.floats(0, 4000),
)
idle = st.fixed_dictionaries({"agent": st.booleans(), "customer": st.booleans()})
ticks = st.tuples(st.just("tick"), idle, snapshots)
weights = st.floats(0, 20)
any_settings = st.builds(
    TensionSettings,
    bias=st.floats(-6, 0),
    anger_drift=st.floats(-2, 3),
    anger_limit=st.floats(0.1, 50),
    anger_weight=weights,
    mutual_weight=weights,
    overlap_weight=weights,
    interruption_weight=weights,
    louder_weight=weights,
    silence_weight=weights,
    timing_limit=st.floats(0.1, 10),
)


def play(settings, script, hotter_by=0.0):
    """The levels of a script; every window is angrier by so much."""
    tension, levels = Tension(settings, BOTH), []
    for what, *told in script:
        if what == "hear":
            party, voice, new_s = told
            angrier = msgspec.structs.replace(voice, anger=voice.anger + hotter_by)
            tension.hear(party, angrier, new_s)
        else:
            levels.append(tension.tick(1.0, *told))
    return levels


scripts = st.lists(st.one_of(windows, ticks), max_size=20)


@given(settings=any_settings, script=scripts)
@examples(60)
def test_any_level_lies_inside_0_and_1_and_its_causes_add_up_and_none_is_negative(settings, script):
    for level in play(settings, script):
        assert 0.0 < level.level < 1.0
        assert all(value >= 0.0 for value in level.causes.values())
        assert adds_up(level)
        assert all(0.0 <= heat <= 1.0 for heat in level.heat.values())


@given(settings=any_settings, script=scripts, hotter_by=st.floats(0, 20))
@examples(40)
def test_more_anger_never_means_less_tension(settings, script, hotter_by):
    calm, hot = play(settings, script), play(settings, script, hotter_by)
    assert all(more.level >= less.level - 1e-6 for less, more in zip(calm, hot, strict=True))


@given(script=st.lists(st.tuples(voices, st.floats(0.01, 20.0), st.floats(0, 100)), max_size=30))
@examples(60)
def test_what_a_voice_has_shown_stays_within_what_was_heard(script):
    heat = Heat()
    for voice, new_s, silent_s in script:
        heat = heat.after_window(voice, new_s, PLAIN).after_silence(silent_s, 20.0)
        assert 0.0 <= heat.anger <= PLAIN.anger_limit
        assert abs(heat.against) <= MOST_DEVIATIONS
        assert abs(heat.louder_db) <= 60.0


def test_a_higher_voice_is_a_raised_voice():
    level = after({"customer": relative(higher_st=7.0)})
    assert level.causes == {"raised_voice": pytest.approx(1.0)}
    both = after({"customer": relative(higher_st=7.0, louder_db=9.0)})
    assert both.causes == {"raised_voice": pytest.approx(1.5)}


EFFORT = msgspec.structs.replace(PLAIN, effort_loud=0.1, effort_high=0.2, effort_fast=0.3, effort_most=2.0)


def anger_of(settings=EFFORT, **sounds):
    return after({"customer": relative(**sounds)}, settings=settings).causes.get("customer_anger", 0.0)


def test_anger_weighs_more_in_a_raised_voice_and_less_in_a_lowered_one():
    assert anger_of(anger=2.0) == pytest.approx(1.0)
    assert anger_of(anger=2.0, loud=3.0, high=1.0, fast=1.0) == pytest.approx(1.8)
    assert anger_of(anger=2.0, loud=-3.0, high=-1.0) == pytest.approx(0.5)


def test_effort_counts_up_to_a_hand_over_the_microphone_or_an_octave():
    assert anger_of(anger=2.0, loud=90.0) == anger_of(anger=2.0, loud=5.0) == pytest.approx(1.5)
    assert anger_of(anger=2.0, high=90.0) == anger_of(anger=2.0, high=5.0) == pytest.approx(2.0)


def test_who_is_merely_loud_is_not_angry():
    assert anger_of(anger=0.0, loud=5.0, high=5.0, fast=5.0) == 0.0
    # at most twice what the voice itself says: 0.5 + 1.0, and the drift is 1
    assert anger_of(anger=0.5, loud=5.0, high=5.0) == pytest.approx(0.5)


def test_a_voice_in_noise_says_less():
    settings = msgspec.structs.replace(EFFORT, noisy_db=20.0)
    clear = anger_of(settings, anger=3.0, over_noise_db=20.0)
    assert clear == anger_of(settings, anger=3.0, over_noise_db=40.0) == pytest.approx(2.0)
    assert anger_of(settings, anger=3.0, over_noise_db=5.0) == pytest.approx(0.5)
    assert anger_of(settings, anger=3.0, over_noise_db=-3.0) == 0.0


def test_a_faster_voice_is_a_raised_voice_too():
    settings = msgspec.structs.replace(PLAIN, faster_over=0.25, faster_weight=2.0)
    level = after({"customer": relative(faster=0.75)}, settings=settings)
    assert level.causes == {"raised_voice": pytest.approx(1.0)}


def test_an_interruption_that_takes_the_floor_counts_twice():
    told = moment(interruptions={"agent": 1.0, "customer": 1.0}, successes={"agent": 1.0, "customer": 0.0})
    level = after({}, told)
    assert level.causes == {"interruptions": pytest.approx(1.5)}
    assert level.by == {"interruptions": "agent"}


def test_overlap_is_by_whoever_began_most_of_it_and_silence_by_whoever_owes_an_answer():
    told = moment(
        overlap_ratio=0.45,
        overlap_by={"agent": 0.1, "customer": 0.3},
        silence_s=3.0,
        unanswered_s={"agent": 18.0, "customer": 0.0},
    )
    level = after({}, told)
    assert level.causes == {"overlap": pytest.approx(1.0), "silence": pytest.approx(0.5)}
    assert level.by == {"overlap": "customer", "silence": "agent"}


@pytest.mark.parametrize("most", [1.5, 3.0])
def test_one_window_says_so_much_and_no_more(most):
    settings = msgspec.structs.replace(EFFORT, anger_most=most)
    assert anger_of(settings, anger=90.0) == anger_of(settings, anger=90.0, loud=5.0) == most - 1.0


def test_a_window_half_of_which_was_heard_before_counts_less_than_its_new_half():
    assert anger_of(anger=3.0, fresh=0.25) == pytest.approx(0.5 * anger_of(anger=3.0))
