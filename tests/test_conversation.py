"""What the parties do to each other is told from who speaks when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.conversation import Conversation
from sentiment_engine.settings import ConversationSettings

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
    assert heard.snapshot().interruptions["customer"] == pytest.approx(fresh / 2)


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
    assert heard.overlap_s <= heard.any_s <= total_s + 1e-6
    assert sum(heard.talk_s.values()) == pytest.approx(heard.any_s + heard.overlap_s)
    assert heard.interruptions * TIMES.talk_over_s <= heard.overlap_s + 1e-6
    assert sum(snapshot.interruptions.values()) <= heard.interruptions
    assert sum(heard.talk_share().values()) in (0.0, pytest.approx(1.0, abs=2e-4))
