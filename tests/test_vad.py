"""Speech is found where it is, and nowhere else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from voices import RATE_HZ, SETTINGS, example_call, examples, hush, turns, voice

from sentiment_engine import vad
from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_SAMPLES
from sentiment_engine.listening import Gap, Listener, Segment
from sentiment_engine.settings_hearing import VadSettings
from sentiment_engine.tones import DTMF_HIGH_HZ, DTMF_LOW_HZ
from sentiment_engine.vad import FLOOR_BUCKETS, FLOOR_START_DB, NoiseFloor, SpeechGate

FRAMES_A_SECOND = 50
PLAIN = VadSettings(
    aggressiveness=2,
    onset_frames=3,
    onset_window=5,
    hangover_s=0.2,
    min_segment_s=0.1,
    over_noise_db=8.0,
    onset_over_db=0.0,
    min_level_db=-58.0,
)
PAUSE_DB = -90.0


class Scripted:
    """Calls a frame voiced if its first byte says so; counts how often it was asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, frame):
        self.asked += 1
        return frame[0] == 1


def gate_on(script, settings=PLAIN, level_db=-20.0):
    """Steps a gate through a script of '#' (voiced) and '.' frames; all segments, as frame numbers."""
    gate = quiet_line(settings)
    segments = [*step(gate, [mark == "#" for mark in script], level_db)[2], gate.finish()]
    segments = [segment for segment in segments if segment]
    return [(start - QUIET_FRAMES, end - QUIET_FRAMES) for start, end in segments]


def step(gate, heard, level_db, treble_db=None):
    """Frames of one level: which are voiced, in which the party speaks, what segments ended."""
    treble_db = level_db if treble_db is None else treble_db
    return gate.decide(gate.over(heard, [level_db] * len(heard), [treble_db] * len(heard)))


def quiet_line(settings=PLAIN):
    """A gate that has heard enough silence to know the noise of the line."""
    gate = SpeechGate(settings, Scripted())
    step(gate, [False] * QUIET_FRAMES, PAUSE_DB)
    return gate


QUIET_FRAMES = 20


def notes(sound, step=None, settings=SETTINGS):
    """What listening to one channel of 16 bit samples gives, fed in pieces of ``step`` bytes."""
    listener, data = Listener(settings, "pcm_s16le", RATE_HZ, ("mixed",)), sound.tobytes()
    step = step or len(data)
    out = [note for at in range(0, len(data), step) for note in listener.feed(data[at : at + step])]
    return [note for note in [*out, *listener.close("stop")] if isinstance(note, Segment | Gap)]


def speech(sound):
    """Segments in seconds that the real detector finds, with the settings people get."""
    settings = type(SETTINGS)()
    return [(note.start_s, note.end_s) for note in notes(sound, settings=settings)]


def test_several_voiced_frames_begin_a_segment_at_the_first_of_them():
    assert gate_on("...#.##" + "#" * 10) == [(3, 17)]


def test_flicker_below_the_onset_is_not_speech():
    assert gate_on("#....#....##...#....") == []


def test_a_hangover_bridges_short_pauses_and_ends_at_the_last_voiced_frame():
    assert gate_on("#" * 20 + "." * 9 + "#" * 20 + "." * 30) == [(0, 49)]


def test_a_pause_as_long_as_the_hangover_makes_two_segments():
    assert gate_on("#" * 20 + "." * 10 + "#" * 20 + "." * 30) == [(0, 20), (30, 50)]


def test_a_burst_shorter_than_the_shortest_segment_is_dropped():
    assert gate_on("....####" + "." * 20) == []
    assert gate_on("....#####" + "." * 20) == [(4, 9)]


def test_frames_before_a_closed_segment_do_not_count_for_the_next_onset():
    assert gate_on("#" * 20 + "." * 10 + "##" + "." * 20) == [(0, 20)]


def test_frames_before_missing_audio_do_not_count_for_the_onset_after_it():
    gate = quiet_line()
    step(gate, [True] * 2, -20.0)
    gate.skip(1)
    step(gate, [True] * 2, -20.0)
    assert gate.start is None
    step(gate, [True], -20.0)
    assert gate.start == QUIET_FRAMES + 3


def test_speech_still_open_at_the_end_is_closed_once():
    gate = quiet_line()
    step(gate, [True] * 20, -20.0)
    assert gate.finish() == (QUIET_FRAMES, QUIET_FRAMES + 20)
    assert gate.finish() is None


def test_a_hangover_is_not_speaking():
    gate = quiet_line()
    speaking = step(gate, [True] * 20 + [False] * SpeechGate.ACTIVE_FRAMES, -20.0)[1]
    onset = [False] * (PLAIN.onset_frames - 1)
    assert speaking == onset + [True] * (20 - len(onset) + SpeechGate.ACTIVE_FRAMES - 1) + [False]
    assert gate.start is not None


def test_the_detector_is_asked_of_every_frame_even_when_the_level_decides():
    model = Scripted()
    gate = SpeechGate(PLAIN, model)
    block, levels = np.ones(BLOCK_SAMPLES, np.int16), [-90.0] * BLOCK_FRAMES
    voiced = [voiced for _ in range(6) for voiced in gate.block(block, levels, levels)[0]]
    assert not any(voiced)
    assert model.asked == 30


def test_nothing_below_the_lowest_level_is_speech():
    assert gate_on("#" * 40, level_db=-57.9) == [(1, 40)]  # levels are evened over two frames
    assert gate_on("#" * 40, level_db=-58.1) == []


@pytest.mark.parametrize(("level_db", "begins"), [(-45.0, False), (-43.0, True)])
def test_it_takes_more_to_begin_a_segment_than_to_go_on(level_db, begins):
    gate = SpeechGate(VadSettings(over_noise_db=10.0, onset_over_db=6.0), Scripted())
    step(gate, [False] * FRAMES_A_SECOND * 2, -60.0)
    step(gate, [True] * 10, level_db, -60.0)
    assert (gate.start is not None) == begins
    if begins:
        assert step(gate, [True], -49.0, -60.0)[0] == [True]


def test_a_frame_must_stand_above_the_running_noise_floor():
    steady = "#" * FRAMES_A_SECOND * (FLOOR_BUCKETS + 4)
    segments = gate_on(steady, level_db=-30.0)
    assert len(segments) == 1
    assert FLOOR_BUCKETS - 1 < segments[0][1] / FRAMES_A_SECOND < FLOOR_BUCKETS + 2


def test_treble_alone_may_stand_above_the_noise():
    gate = quiet_line()
    rumble = [True] * FRAMES_A_SECOND * (FLOOR_BUCKETS + 2)  # the floor has caught up with it
    step(gate, rumble, -30.0, PAUSE_DB)
    assert gate.start is None
    step(gate, [True] * 10, -30.0, -50.0)
    assert gate.start is not None


def test_the_noise_floor_rises_to_steady_noise_and_falls_at_once_with_it():
    floor = NoiseFloor()
    floor.follow([-40.0] * FRAMES_A_SECOND * (FLOOR_BUCKETS + 2))
    assert floor.level_db == pytest.approx(-40.0, abs=0.5)
    floor.follow([-60.0] * FRAMES_A_SECOND * 2)
    assert floor.level_db == pytest.approx(-60.0, abs=0.5)


def test_the_noise_floor_knows_a_noisy_line_after_a_second_and_no_silence_from_before():
    floor = NoiseFloor()
    floor.follow([-20.0] * FRAMES_A_SECOND)
    assert floor.level_db == FLOOR_START_DB  # whoever speaks from the first moment is heard
    floor.follow([-20.0] + [-38.0] * FRAMES_A_SECOND)
    assert floor.level_db == pytest.approx(-38.0, abs=0.5)


def test_the_noise_floor_is_not_moved_far_by_a_single_short_drop():
    floor = NoiseFloor()
    for frame in range(FRAMES_A_SECOND * (FLOOR_BUCKETS + 2)):
        floor.follow([-60.0 if frame % FRAMES_A_SECOND == 10 else -40.0])
    assert floor.level_db > -48.0


def test_a_voice_between_silences_is_found_within_a_tenth_of_a_second():
    ((start_s, end_s),) = speech(turns(hush(1.0), voice(2.0), hush(1.0)))
    assert start_s == pytest.approx(1.0, abs=0.1)
    assert end_s == pytest.approx(3.0, abs=0.1)


def test_a_voice_from_the_first_moment_is_heard_within_half_a_second():
    assert speech(turns(voice(2.0), hush(1.0)))[0][0] < 0.5


def test_steady_noise_is_not_speech():
    noise = np.random.default_rng(0).normal(0, 300, 15 * RATE_HZ).astype(np.int16)
    assert sum(end_s - start_s for start_s, end_s in speech(noise)) < 1.0


def test_both_parties_of_the_example_call_are_heard_to_speak_a_good_part_of_it():
    call = example_call()
    for party in range(2):
        spoken_s = sum(end_s - start_s for start_s, end_s in speech(np.ascontiguousarray(call[:, party])))
        assert 0.25 < spoken_s / (len(call) / RATE_HZ) < 0.75


@given(amplitude=st.integers(0, 20), seconds=st.floats(0.1, 12.0), seed=st.integers(0, 1000))
@examples(15)
def test_a_silent_line_is_never_speech(amplitude, seconds, seed):
    rng = np.random.default_rng(seed)
    assert speech(rng.integers(-amplitude, amplitude + 1, round(seconds * RATE_HZ)).astype(np.int16)) == []


SIGNALS = [  # frequencies in Hz; seconds on and off, as the national tones are (ITU-T E.180)
    ((440, 480), 2.0, 4.0),
    ((480, 620), 0.5, 0.5),
    ((400, 450), 0.4, 0.2),
    ((400,), 0.375, 0.375),
    ((425,), 0.5, 0.5),
    ((450,), 1.0, 4.0),
    ((450,), 0.35, 0.35),
]
KEYS = st.tuples(
    st.tuples(st.sampled_from(DTMF_LOW_HZ), st.sampled_from(DTMF_HIGH_HZ)),
    st.floats(0.05, 0.5),
    st.floats(0.3, 1.0),
)


@given(
    signal=st.one_of(st.sampled_from(SIGNALS), KEYS), lead_s=st.floats(0.0, 0.1), level=st.floats(500, 10_000)
)
@example(signal=((400, 450), 0.4, 0.2), lead_s=0.046875, level=500.0)  # passed for a voice once
@examples(40)
def test_keys_ringing_and_busy_signals_are_never_speech(signal, lead_s, level):
    hz, on_s, off_s = signal
    at_s = np.arange(round((on_s + off_s) * RATE_HZ)) / RATE_HZ
    burst = level * (at_s < on_s) * sum(np.sin(2 * np.pi * f * at_s) for f in hz)
    sound = turns(hush(lead_s), np.tile(burst, 5))
    sound = sound + np.random.default_rng(0).normal(0, 5, len(sound))  # no line is without hiss
    assert speech(np.rint(sound).astype(np.int16)) == []


stretches = st.lists(st.tuples(st.booleans(), st.floats(0.05, 1.5)), min_size=1, max_size=6)


def conversation(plan):
    """Voice and silence as planned."""
    return turns(*(voice(round(s, 2)) if speaks else hush(s) for speaks, s in plan))


@given(plan=stretches, step=st.integers(1, 5000))
@examples(15)
def test_the_length_of_the_pieces_never_changes_the_segments(plan, step):
    sound = conversation(plan)
    assert notes(sound, step) == notes(sound)


@given(plan=stretches)
@examples(25)
def test_segments_come_in_order_apart_and_no_shorter_than_allowed(plan):
    segments = [(note.start_s, note.end_s) for note in notes(conversation(plan))]
    shortest = SETTINGS.vad.min_segment_s
    assert all(end - start >= shortest - 0.021 for start, end in segments)  # the last frame may be cut short
    assert all(before[1] <= after[0] for before, after in pairwise(segments))


@given(script=st.text("#.", max_size=120), skips=st.integers(0, 200))
@examples(60)
def test_missing_audio_moves_all_that_follows_by_its_length(script, skips):
    def segments(skipped):
        gate = quiet_line()
        gate.skip(skipped)
        closed = step(gate, [mark == "#" for mark in script], -20.0)[2] if script else []
        return [segment for segment in [*closed, gate.finish()] if segment]

    assert [(start - skips, end - skips) for start, end in segments(skips)] == segments(0)


def test_lost_packets_do_not_lower_the_noise_floor_and_a_line_that_mutes_itself_does():
    floor = NoiseFloor()
    floor.follow([-45.0] * 200)
    floor.follow(([-100.0] * 5 + [-45.0] * 5) * 20)  # every other hundred milliseconds lost
    assert floor.level_db == pytest.approx(-45.0, abs=0.1)
    floor.follow([-100.0] * 40)
    assert floor.level_db < -90.0


@given(
    levels_db=st.lists(st.sampled_from([-100.0, -60.0, -45.5, -30.25, -20.0]), max_size=150),
    cut=st.integers(0, 150),
)
@examples(60)
def test_the_floor_is_the_same_told_frame_by_frame_and_at_once(levels_db, cut):
    one, many = NoiseFloor(), NoiseFloor()
    told = many.follow(levels_db[:cut]) + many.follow(levels_db[cut:])
    assert [floor_db for level_db in levels_db for floor_db in one.follow([level_db])] == told
    assert one.level_db == many.level_db


@given(script=st.text("#.", min_size=1, max_size=150), cut=st.integers(1, 150))
@examples(60)
def test_decisions_are_the_same_told_frame_by_frame_and_at_once(script, cut):
    heard = [mark == "#" for mark in script]
    one, many = quiet_line(), quiet_line()
    pieces = [step(one, [voice], -20.0) for voice in heard]
    whole = [step(many, piece, -20.0) for piece in (heard[:cut], heard[cut:]) if piece]
    for part in range(3):
        joined = [[item for decisions in told for item in decisions[part]] for told in (pieces, whole)]
        assert joined[0] == joined[1]


def test_a_block_too_soft_for_a_voice_is_not_searched_for_tones(monkeypatch):
    asked = []
    monkeypatch.setattr(vad, "is_tone", lambda samples: asked.append(samples) or False)
    gate = SpeechGate(PLAIN, Scripted())
    block = np.ones(BLOCK_SAMPLES, np.int16)
    step(gate, [False] * QUIET_FRAMES, PAUSE_DB)
    gate.block(block, [-70.0] * BLOCK_FRAMES, [-70.0] * BLOCK_FRAMES)
    assert not asked
    assert gate.block(block, [-20.0] * BLOCK_FRAMES, [-20.0] * BLOCK_FRAMES)[0] == [True] * BLOCK_FRAMES
    assert len(asked) == 1
