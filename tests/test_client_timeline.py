"""What a stream keeps and hands out again: the server's clock stays right whatever is cut."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_engine.client.kept import NOTE_BYTES
from sentiment_engine.client.timeline import Timeline
from sentiment_engine.pcm import SILENCE

FORMATS = [("pcm_s16le", 8000, 2), ("mulaw", 8000, 1), ("alaw", 44_100, 2), ("pcm_s16le", 11_025, 1)]


class Ear:
    """What the server makes of a stream's messages: whole milliseconds, gaps, and words in their places."""

    def __init__(self, encoding: str, rate: int, channels: int, unit: int) -> None:
        self.silence = SILENCE[encoding] * channels
        self.second = len(self.silence) * rate
        self.unit = unit
        self.heard = bytearray()
        self.tail = b""
        self.notes: list[tuple[dict, int]] = []
        self.gaps: list[dict] = []

    def hear(self, message: bytes | str) -> None:
        if isinstance(message, bytes):
            assert 0 < len(message) <= 1 << 20
            self.tail += message
            whole = len(self.tail) // self.unit * self.unit
            self.heard += self.tail[:whole]
            self.tail = self.tail[whole:]
            return
        told = json.loads(message)
        if told["type"] == "gap":
            assert not self.tail, "a gap within a millisecond: the call could not be resumed exactly"
            assert 0 < told["seconds"] <= 3600
            self.heard += self.silence * round(told["seconds"] * self.second / len(self.silence))
            self.gaps.append(told)
        else:
            self.notes.append((told, len(self.heard)))

    def cut(self) -> float:
        self.tail = b""
        return round(len(self.heard) / self.second, 3)

    def stop(self) -> bytes:
        return bytes(self.heard) + self.tail


def unit_of(rate: int, sample: int) -> int:
    return {8000: 8, 44_100: 441, 11_025: 441}[rate] * sample


def everything(timeline: Timeline) -> list[bytes | str]:
    messages = []
    while (message := timeline.take()) is not None:
        messages.append(message)
    assert not timeline.waiting
    return messages


actions = st.lists(
    st.one_of(
        st.tuples(st.just("audio"), st.integers(0, 12_000)),
        st.tuples(st.just("gap"), st.sampled_from([0.001, 0.02, 0.00317, 1.5])),
        st.tuples(st.just("words"), st.just(0)),
        st.tuples(st.just("send"), st.integers(1, 4)),
        st.tuples(st.just("cut"), st.integers(0, 3)),
    ),
    max_size=25,
)


@pytest.mark.parametrize(("encoding", "rate", "channels"), FORMATS)
@pytest.mark.parametrize("keep_s", [1.0, 600.0])
@settings(max_examples=40, deadline=None)
@given(actions=actions)
def test_the_server_hears_all_that_is_kept_and_its_clock_is_right_whatever_is_cut(
    encoding: str, rate: int, channels: int, keep_s: float, actions: list
):
    timeline = Timeline(encoding, rate, channels, keep_s=keep_s)
    sample = len(SILENCE[encoding]) * channels
    ear = Ear(encoding, rate, channels, unit_of(rate, sample))
    said, words = bytearray(), []
    for action, amount in actions:
        if action == "audio":
            piece = bytes(1 + (len(said) + at) % 100 for at in range(amount))  # never silence
            said += piece
            timeline.audio(piece)
        elif action == "gap":
            timeline.gap(amount, "paused")
            until = len(said) - len(said) % sample + round(amount * rate) * sample
            said += (ear.silence * (until // sample + 1))[len(said) : until]
        elif action == "words":
            timeline.transcript("customer", str(len(words)), 1.0, 2.0)
            words.append((str(len(words)), len(said)))
        else:
            taken = [timeline.take() for _ in range(amount)]
            arrived = taken if action == "send" else taken[: len(taken) // 2]  # the rest was on its way
            for message in arrived:
                if message is not None:
                    ear.hear(message)
            if action == "cut":
                timeline.resume(ear.cut())
    for message in everything(timeline):
        ear.hear(message)
    heard = ear.stop()
    assert timeline.end_s == len(said) / ear.second
    assert len(heard) == len(said)
    if timeline.lost_s == 0:
        assert heard == said
        places = {told["text"]: place for told, place in ear.notes}
        assert places == {text: place // ear.unit * ear.unit for text, place in words}
    else:
        assert keep_s == 1.0
        quiet = (ear.silence * (len(said) // sample + 1))[: len(said)]
        differs = [at for at in range(len(said)) if heard[at] != said[at]]
        assert all(heard[at] == quiet[at] for at in differs)
        assert len(differs) <= round(timeline.lost_s * ear.second)
        if not words and not ear.gaps:
            assert heard[-ear.second :] == said[-ear.second :]  # the newest is always kept


def test_small_pieces_are_sent_as_they_come_and_kept_together():
    timeline = Timeline("mulaw", 8000, 1, keep_s=1.0)
    for at in range(800):
        timeline.audio(bytes([at % 256]))
        assert timeline.take() == bytes([at % 256])
    timeline.resume(0.0)
    assert everything(timeline) == [bytes(at % 256 for at in range(800))]


def test_memory_is_bounded_whatever_is_said_while_nobody_listens():
    timeline = Timeline("mulaw", 8000, 1, keep_s=2.0)
    for at in range(3000):
        timeline.audio(b"\1" * 100)
        timeline.gap(0.001, "lost" if at % 2 else "idle")
        timeline.transcript("customer", "no " * 100, 0.0, 1.0)
    messages = everything(timeline)
    assert len(messages) < 3 * 16_000 / NOTE_BYTES
    assert sum(len(message) for message in messages) < 3 * 16_000
    assert messages[0] == '{"type": "gap", "seconds": %s, "reason": "lost"}' % timeline.lost_s  # noqa: UP031


def test_a_large_piece_leaves_in_messages_that_a_server_takes():
    timeline = Timeline("pcm_s16le", 48_000, 2, keep_s=60.0)
    timeline.audio(bytes(192_000 * 20))
    assert {len(message) for message in everything(timeline)} == {19_200}


def test_a_gap_of_many_hours_is_told_in_parts_and_gaps_that_adjoin_as_one():
    timeline = Timeline("mulaw", 8000, 1, keep_s=1.0)
    timeline.gap(4000.0, "paused")
    timeline.gap(4000.0, "paused")
    assert [json.loads(message)["seconds"] for message in everything(timeline)] == [3600, 3600, 800]
    timeline.resume(3700.0)
    assert [json.loads(message)["seconds"] for message in everything(timeline)] == [3600, 700]


def test_the_stage_survives_the_loss_of_the_audio_around_it():
    timeline = Timeline("mulaw", 8000, 1, keep_s=1.0, stage="facts")
    timeline.set_stage("negotiation")
    timeline.audio(b"\1" * 24_000)
    assert [json.loads(message) for message in everything(timeline) if isinstance(message, str)] == [
        {"type": "gap", "seconds": 1.9, "reason": "lost"},
        {"type": "stage", "stage": "negotiation"},
    ]
    assert timeline.lost_s == 1.9
    timeline.resume(1.0)  # the same loss, met again
    everything(timeline)
    assert timeline.lost_s == 1.9


def test_a_new_call_begins_at_the_live_position_with_the_stage_of_now():
    timeline = Timeline("pcm_s16le", 8000, 2, keep_s=30.0, stage="facts")
    timeline.audio(b"\1" * 32_002)  # a second, and half a sample
    timeline.set_stage("negotiation")
    timeline.restart()
    assert (timeline.first_stage, timeline.origin_s) == ("negotiation", 1.0)
    assert timeline.lost_s == pytest.approx(1.0, abs=1e-4)
    timeline.resume(0.0)
    timeline.audio(b"\2" * 2 + b"\3" * 3196)
    timeline.transcript("agent", "so", 0.5, 1.06)
    silence, audio, words = everything(timeline)
    assert silence == b"\0\0"
    assert audio == b"\2\2" + b"\3" * 3196
    assert (json.loads(words)["start_s"], json.loads(words)["end_s"]) == (0.0, 0.06)


def test_a_call_that_somebody_else_fed_goes_on_after_what_they_said():
    timeline = Timeline("mulaw", 8000, 1, keep_s=30.0)
    timeline.resume(12.5)
    assert timeline.origin_s == -12.5
    timeline.audio(b"\1" * 8000)
    timeline.transcript("customer", "so", 0.5, 1.0)
    *audio, words = everything(timeline)
    assert (len(b"".join(audio)), json.loads(words)["start_s"]) == (8000, 13.0)
    timeline.resume(13.0)
    assert b"".join(everything(timeline)[:-1]) == b"\1" * 4000
