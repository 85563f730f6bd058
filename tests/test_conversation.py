"""What the parties do to each other is told from who speaks when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.conversation import Conversation
from sentiment_engine.settings_tension import ConversationSettings

TIMES = ConversationSettings(
    overlap_half_life_s=10.0, floor_s=0.6, talk_over_s=0.5, breath_s=0.3, interruption_half_life_s=20.0
)
BOTH = ("agent", "customer")


def talk(*stretches, parties=BOTH, conversation=None):
    """A conversation of stretches (seconds, who speaks); whole blocks."""
    conversation = conversation or Conversation(TIMES, parties)
    frames = [who for seconds, who in stretches for _ in range(round(seconds * 50))]
    for at in range(0, len(frames), 5):
        conversation.step({party: [party in who for who in frames[at : at + 5]] for party in parties})
    return conversation


AGENT, CUSTOMER, NOBODY = ("agent",), ("customer",), ()


def test_a_smooth_turn_change_is_neither_overlap_nor_interruption():
    heard = talk((3.0, AGENT), (0.2, NOBODY), (3.0, CUSTOMER), (3.0, AGENT))
    assert (heard.interruptions, heard.overlap_ratio()) == (0, 0.0)
    assert heard.snapshot().overlap_ratio == 0.0


def test_talking_over_whoever_holds_the_floor_is_an_interruption_by_the_later_one():
    heard = talk((2.0, AGENT), (1.0, BOTH), (1.0, CUSTOMER))
    assert heard.interruptions == 1
    recent = heard.snapshot().interruptions
    assert recent["agent"] == 0.0
    assert 0.9 < recent["customer"] <= 1.0


def test_either_party_can_interrupt():
    assert talk((2.0, CUSTOMER), (1.0, BOTH)).snapshot().interruptions["agent"] > 0.9


def test_a_back_channel_is_not_an_interruption():
    assert talk((2.0, AGENT), (0.4, BOTH), (2.0, AGENT)).interruptions == 0
    assert talk((2.0, AGENT), (0.6, BOTH), (2.0, AGENT)).interruptions == 1


def test_one_long_overlap_is_one_interruption():
    assert talk((2.0, AGENT), (8.0, BOTH)).interruptions == 1


def test_drawing_breath_does_not_end_an_overlap():
    assert talk((2.0, AGENT), (0.3, BOTH), (0.3, AGENT), (0.3, BOTH)).interruptions == 1
    assert talk((2.0, AGENT), (0.3, BOTH), (0.4, AGENT), (0.3, BOTH)).interruptions == 0
    assert talk((2.0, AGENT), (0.6, BOTH), (0.3, NOBODY), (0.6, BOTH)).interruptions == 1


def test_two_overlaps_are_two_interruptions():
    assert talk((2.0, AGENT), (1.0, BOTH), (1.0, AGENT), (1.0, BOTH)).interruptions == 2


def test_nobody_interrupts_when_nobody_holds_the_floor():
    together = talk((3.0, BOTH))
    assert together.interruptions == 0
    assert together.overlap_ratio() == 1.0
    assert talk((0.5, AGENT), (2.0, BOTH)).interruptions == 0
    assert talk((0.4, AGENT), (0.8, NOBODY), (0.4, AGENT), (2.0, BOTH)).interruptions == 0


def test_a_breath_does_not_give_the_floor_away():
    assert talk((0.4, AGENT), (0.2, NOBODY), (0.4, AGENT), (2.0, BOTH)).interruptions == 1


def test_interruptions_fade():
    heard = talk((2.0, AGENT), (1.0, BOTH))
    fresh = heard.snapshot().interruptions["customer"]
    talk((20.0, NOBODY), conversation=heard)
    assert heard.snapshot().interruptions["customer"] == pytest.approx(fresh / 2, abs=0.001)


def test_the_overlap_ratio_is_of_the_last_turns_and_of_the_whole_call():
    heard = talk((10.0, BOTH), (30.0, AGENT))
    assert heard.overlap_ratio() == pytest.approx(0.25)
    assert heard.snapshot().overlap_ratio < 0.12
    talk((30.0, BOTH), conversation=heard)
    assert heard.snapshot().overlap_ratio > 0.8


def test_the_first_overlapping_word_is_not_the_whole_conversation():
    assert talk((0.2, BOTH)).snapshot().overlap_ratio == pytest.approx(0.2, abs=0.01)


def test_silence_counts_from_the_last_speech():
    heard = talk((4.0, NOBODY), (1.0, AGENT), (2.5, NOBODY))
    assert heard.snapshot().silence_s == pytest.approx(2.5)
    assert heard.longest_silence_s == pytest.approx(4.0)


def test_talk_share_is_of_all_speech():
    assert talk((3.0, AGENT), (1.0, CUSTOMER), (5.0, NOBODY)).talk_share() == {
        "agent": 0.75,
        "customer": 0.25,
    }


def test_a_conversation_without_speech_has_shares_of_zero():
    heard = talk((1.0, NOBODY))
    assert (heard.talk_share(), heard.overlap_ratio()) == ({"agent": 0.0, "customer": 0.0}, 0.0)


def test_one_channel_has_neither_overlap_nor_interruptions():
    heard = talk((5.0, ("mixed",)), (1.0, NOBODY), parties=("mixed",))
    assert (heard.interruptions, heard.overlap_ratio()) == (0, 0.0)
    assert heard.talk_share() == {"mixed": 1.0}
    assert heard.snapshot().silence_s == pytest.approx(1.0)


def test_whoever_begins_an_overlap_is_named():
    ratio = talk((4.0, AGENT), (1.0, BOTH), (1.0, AGENT)).snapshot()
    assert ratio.overlap_by["customer"] == pytest.approx(ratio.overlap_ratio)
    assert ratio.overlap_by["agent"] == 0.0
    nobody = talk((0.2, AGENT), (3.0, BOTH)).snapshot()
    assert nobody.overlap_ratio > 0.8
    assert nobody.overlap_by == {"agent": 0.0, "customer": 0.0}


def test_an_interruption_that_takes_the_floor_is_successful_and_one_that_gives_up_is_not():
    taken = talk((2.0, AGENT), (1.0, BOTH), (2.0, CUSTOMER)).snapshot()
    assert taken.successes["customer"] == pytest.approx(taken.interruptions["customer"], rel=0.1)
    assert talk((2.0, AGENT), (1.0, BOTH), (2.0, AGENT)).snapshot().successes["customer"] == 0.0
    assert talk((2.0, AGENT), (1.0, BOTH), (2.0, NOBODY)).snapshot().successes["customer"] == 0.0
    assert talk((2.0, AGENT), (0.4, BOTH), (2.0, CUSTOMER)).snapshot().successes["customer"] == 0.0


def test_a_short_turn_of_the_listener_is_a_back_channel_when_the_speaker_goes_on():
    def heard(*stretches):
        return talk((2.0, AGENT), *stretches).snapshot().back_channels["customer"]

    assert heard((0.4, BOTH), (1.0, AGENT)) > 0.9
    assert heard((0.3, BOTH), (0.2, AGENT), (0.1, BOTH), (1.0, AGENT)) > 0.9  # "mm - hm"
    assert heard((0.4, BOTH), (1.0, NOBODY)) == 0.0  # the speaker had ended: an answer
    assert heard((0.4, BOTH), (1.2, CUSTOMER), (0.2, NOBODY), (1.0, AGENT)) == 0.0  # the floor was taken
    assert heard((1.0, NOBODY), (0.4, CUSTOMER), (1.0, AGENT)) == 0.0  # nobody spoke
    interrupted = talk((2.0, AGENT), (0.7, BOTH), (1.0, AGENT)).snapshot()
    assert (interrupted.interruptions["customer"] > 0.9, interrupted.back_channels["customer"]) == (True, 0.0)


def test_an_answer_takes_as_long_as_the_silence_before_it():
    answered = talk((2.0, AGENT), (1.5, NOBODY), (2.0, CUSTOMER), (0.4, BOTH), (2.0, AGENT)).snapshot()
    assert answered.latency_s == {"customer": pytest.approx(1.5), "agent": 0.0}
    again = talk((2.0, AGENT), (1.5, NOBODY), (2.0, CUSTOMER), (2.0, AGENT), (0.5, NOBODY), (1.0, CUSTOMER))
    assert again.snapshot().latency_s["customer"] == pytest.approx(1.5 + 0.3 * (0.5 - 1.5))


def test_going_on_after_a_pause_of_ones_own_is_no_answer():
    assert talk((2.0, AGENT), (1.5, NOBODY), (2.0, AGENT)).snapshot().latency_s == {}


def test_silence_after_being_spoken_to_is_owed_until_anything_is_said():
    heard = talk((2.0, AGENT), (6.0, NOBODY))
    assert heard.snapshot().unanswered_s == {"agent": 0.0, "customer": pytest.approx(4.0)}
    talk((2.0, AGENT), (1.5, NOBODY), (1.0, AGENT), (3.0, NOBODY), conversation=heard)  # asks again
    assert heard.snapshot().unanswered_s["customer"] == pytest.approx(5.0)
    talk((0.2, CUSTOMER), conversation=heard)
    assert heard.snapshot().unanswered_s == {"agent": 0.0, "customer": 0.0}


def test_a_word_too_short_to_hold_the_floor_asks_for_no_answer():
    assert talk((0.3, AGENT), (6.0, NOBODY)).snapshot().unanswered_s["customer"] == 0.0


@given(
    script=st.lists(
        st.tuples(st.sampled_from([0.1, 0.3, 0.7, 2.0]), st.sampled_from([NOBODY, AGENT, CUSTOMER, BOTH])),
        max_size=40,
    )
)
@examples(60)
def test_the_numbers_of_any_conversation_agree_with_each_other(script):
    heard = talk(*script)
    total_s = sum(seconds for seconds, _ in script)
    snapshot = heard.snapshot()
    assert 0.0 <= snapshot.overlap_ratio <= 1.0
    assert 0.0 <= snapshot.silence_s <= heard.longest_silence_s + 1e-9 <= total_s + 1e-6
    talk_s = 0.02 * sum(turn.talk for turn in heard._turns.values())
    both_s, any_s = 0.02 * heard._both, 0.02 * heard._any
    assert any_s <= total_s + 1e-6
    assert talk_s == pytest.approx(any_s + both_s)
    assert heard.interruptions * TIMES.talk_over_s <= both_s + 1e-6
    assert sum(snapshot.overlap_by.values()) <= snapshot.overlap_ratio + 0.002  # each rounded
    for party in BOTH:
        assert 0.0 <= snapshot.successes[party] <= heard.interruptions
        assert 0.0 <= snapshot.latency_s.get(party, 0.0) <= total_s
        assert 0.0 <= snapshot.unanswered_s[party] <= total_s
    assert sum(snapshot.interruptions.values()) <= heard.interruptions
    assert sum(heard.talk_share().values()) in (0.0, pytest.approx(1.0, abs=2e-4))
