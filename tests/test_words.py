"""Transcripts as recognisers send them: growing, cut anywhere, overlapping, late; each cue is told once."""

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import load_cues
from sentiment_engine.events import PARTIES
from sentiment_engine.words import JOIN_S, SPANS_KEPT, TAIL, Words

CUES = load_cues()


def told(*transcripts, party="agent"):
    """For each (text, start_s, end_s) of one party, the categories told, ``-`` before those denied."""
    words = Words(CUES, PARTIES)
    return [
        [("-" if hit.negated else "") + hit.category.category for hit in words.hear(party, *transcript)]
        for transcript in transcripts
    ]


def test_a_cue_counts_only_from_its_speaker():
    assert told(("watch your back", 0, 1)) == [["threat_of_harm"]]
    assert told(("watch your back", 0, 1), party="customer") == [[]]
    assert told(("骗子，别再打电话", 0, 1), party="customer") == [["customer_abuse", "stop_contact_request"]]


def test_on_a_mixed_channel_the_cues_of_both_count():
    assert told(("老赖 骗子", 0, 1), party="mixed") == [["insult_or_abuse", "customer_abuse"]]


def test_a_growing_utterance_tells_a_cue_once():
    assert told(
        ("we", 4.0, 4.2),
        ("we tell your", 4.0, 4.9),
        ("we tell your family", 4.0, 5.3),
        ("we tell your family tomorrow", 4.0, 6.0),
        ("We'll tell your family tomorrow.", 4.0, 6.0),
    ) == [[], [], ["third_party_disclosure"], [], []]


def test_a_second_time_in_the_same_growing_utterance_is_told_too():
    assert told(
        ("deadbeat", 0.0, 1.0), ("deadbeat oh deadbeat", 0.0, 3.0), ("deadbeat oh deadbeat", 0.0, 3.0)
    ) == [["insult_or_abuse"], ["insult_or_abuse"], []]


def test_many_times_in_one_transcript_are_told_as_one():
    assert told(("deadbeat " * 500, 0.0, 100.0)) == [["insult_or_abuse"]]


def test_a_revision_that_turns_out_to_deny_is_told_as_such_and_the_other_way_round():
    assert told(("call your employer", 0, 1), ("we never call your employer", 0, 2)) == [
        ["third_party_disclosure"],
        ["-third_party_disclosure"],
    ]
    assert told(("never call your employer", 0, 1), ("I will call your employer", 0, 2)) == [
        ["-third_party_disclosure"],
        ["third_party_disclosure"],
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("watch your", 0.0, 1.0), ("back now", 1.2, 2.0), ["threat_of_harm"]),
        (("watch your", 0.0, 1.0), ("back now", 1.0 + JOIN_S, 5.0), ["threat_of_harm"]),
        (("watch your", 0.0, 1.0), ("back now", 1.1 + JOIN_S, 5.0), []),
        (("watch your", 5.0, 6.0), ("back now", 4.0, 4.5), []),
        (("告诉你家", 0.0, 1.0), ("里人", 0.9, 2.0), ["third_party_disclosure"]),
        (("we will never", 0.0, 1.0), ("call your employer", 1.2, 2.0), ["-third_party_disclosure"]),
    ],
)
def test_a_cue_may_span_two_transcripts_that_follow_each_other(first, second, expected):
    assert told(first, second) == [[], expected]


def test_a_revised_second_half_still_follows_the_first():
    assert told(("watch your", 0.0, 1.0), ("ba", 1.2, 1.3), ("back", 1.2, 1.5), ("back now", 1.2, 1.9)) == [
        [],
        [],
        ["threat_of_harm"],
        [],
    ]


def test_a_cue_of_the_transcript_before_is_not_told_with_the_next():
    assert told(("deadbeat", 0.0, 1.0), ("deadbeat", 1.5, 2.0), ("calm", 2.1, 3.0)) == [
        ["insult_or_abuse"],
        ["insult_or_abuse"],
        [],
    ]


def test_pieces_that_overlap_in_time_tell_a_cue_once():
    assert told(("you deadbeat", 0.0, 4.0), ("deadbeat pay up", 3.0, 7.0), ("deadbeat", 8.0, 9.0)) == [
        ["insult_or_abuse"],
        [],
        ["insult_or_abuse"],
    ]


def test_transcripts_out_of_order_and_sent_again_tell_a_cue_once():
    late, early = ("deadbeat", 10.0, 12.0), ("deadbeat", 2.0, 4.0)
    assert told(late, early, late, early, ("deadbeat", 10.5, 11.0)) == [
        ["insult_or_abuse"],
        ["insult_or_abuse"],
        [],
        [],
        [],
    ]


def test_a_transcript_without_length_sent_again_later_tells_nothing():
    assert told(("deadbeat", 5.0, 5.0), ("calm", 6.0, 7.0), ("deadbeat", 5.0, 5.0)) == [
        ["insult_or_abuse"],
        [],
        [],
    ]


def test_parties_do_not_finish_each_others_sentences():
    words = Words(CUES, ("agent", "customer"))
    assert words.hear("agent", "watch your", 0.0, 1.0) == []
    assert words.hear("customer", "what about it", 0.5, 1.1) == []
    assert [hit.category.category for hit in words.hear("agent", "back", 1.1, 1.4)] == ["threat_of_harm"]


times = st.floats(0.0, 50.0).map(lambda s: round(s, 1))
texts = st.text(st.characters(exclude_categories=()), max_size=80) | st.lists(
    st.sampled_from(
        ["watch your back", "watch", "your", "back", "老赖", "老", "赖", "不会", "never", ".", "骗子"]
    ),
    max_size=8,
).map(" ".join)
transcripts = st.lists(
    st.tuples(st.sampled_from(PARTIES), texts, times, times).map(lambda t: (t[0], t[1], *sorted(t[2:]))),
    max_size=40,
)


@given(said=transcripts)
@examples(150)
def test_the_same_transcripts_tell_the_same_and_only_what_is_known(said):
    def all_hits():
        words = Words(CUES, PARTIES)
        return [words.hear(*one) for one in said]

    hits = all_hits()
    assert hits == all_hits()
    for (party, *_), some in zip(said, hits, strict=True):
        assert all(hit.party == party and party in ("mixed", hit.category.speaker) for hit in some)
        keys = [(hit.category.category, hit.negated) for hit in some]
        assert len(keys) == len(set(keys))


@given(said=transcripts)
@examples(100)
def test_a_transcript_sent_twice_in_a_row_tells_nothing_the_second_time(said):
    words = Words(CUES, PARTIES)
    for one in said:
        words.hear(*one)
        assert words.hear(*one) == []


@given(
    text=st.lists(st.sampled_from(["watch your back", "oh", "老赖", "well.", "never"]), max_size=12).map(
        " ".join
    )
)
@examples(100)
def test_however_an_utterance_grows_no_more_is_told_than_it_holds(text):
    words = Words(CUES, PARTIES)
    partials = [text[:length] for length in range(1, len(text) + 1)]
    told_of = [
        hit.category.category for partial in partials for hit in words.hear("agent", partial, 1.0, 2.0)
    ]
    assert told_of.count("threat_of_harm") <= 2 * text.count("watch your back")
    assert told_of.count("insult_or_abuse") <= 2 * text.count("老赖")
    assert ("threat_of_harm" in told_of) == ("watch your back" in text)


def test_memory_is_bounded_whatever_comes():
    words = Words(CUES, PARTIES)

    def size():
        ear = words._ears["agent"]
        kept = ear.before.words + ear.words.words
        spans = [len(spans) for spans in ear.spans.values()]
        assert len(kept) <= 2 * TAIL
        assert max(spans, default=0) <= SPANS_KEPT
        return sum(map(sys.getsizeof, kept)) + sum(spans) + len(ear.told)

    sizes = []
    for second in range(2000):
        words.hear(
            "agent", f"watch your back {'x' * 2000} {second} deadbeat " * 2, 2.0 * second, 2.0 * second + 1
        )
        sizes.append(size())
    assert max(sizes[100:]) == max(sizes)
    assert all(later <= earlier + 200 for earlier, later in pairwise(sizes[20:]))
    assert max(sizes) < 50_000
