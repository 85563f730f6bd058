"""Speech is found where it is, and nowhere else."""

import numpy as np
import pytest
from voices import RATE_HZ, example_call, hush, turns, voice

from sentiment_engine.frames import FRAME_SAMPLES
from sentiment_engine.settings import VadSettings
from sentiment_engine.vad import FLOOR_BUCKETS, FLOOR_START_DB, NoiseFloor, SpeechGate, WebRtcFrames

FRAMES_A_SECOND = 50
PLAIN = VadSettings(
    aggressiveness=2,
    onset_frames=3,
    onset_window=5,
    hangover_s=0.2,
    min_segment_s=0.1,
    over_noise_db=8.0,
    min_level_db=-58.0,
)


class Scripted:
    """Calls a frame voiced if its first byte says so; counts how often it was asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, frame):
        self.asked += 1
        return frame[0] == 1


def gate_on(script, settings=PLAIN, level_db=-20.0):
    """Steps a gate through a script of '#' (voiced) and '.' frames; all segments, as frame numbers."""
    gate = SpeechGate(settings, Scripted())
    closed = [gate.step(b"\1" if mark == "#" else b"\0", level_db)[1] for mark in script]
    return [segment for segment in [*closed, gate.finish()] if segment]


def speech(sound, settings=PLAIN):
    """Segments in seconds that the real detector finds."""
    gate = SpeechGate(settings, WebRtcFrames(settings.aggressiveness))
    out = []
    for frame in sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES):
        level_db = 10 * np.log10((frame / 32768.0) ** 2 @ np.ones(FRAME_SAMPLES) / FRAME_SAMPLES + 1e-10)
        out.append(gate.step(frame.tobytes(), level_db)[1])
    out.append(gate.finish())
    return [(start / FRAMES_A_SECOND, end / FRAMES_A_SECOND) for start, end in filter(None, out)]


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
    gate = SpeechGate(PLAIN, Scripted())
    for _ in range(20):
        gate.step(b"\1", -20.0)
    gate.finish()
    for _ in range(2):
        gate.step(b"\1", -20.0)
    assert gate.start is None
    gate.step(b"\1", -20.0)
    assert gate.start == 20


def test_speech_still_open_at_the_end_is_closed_once():
    gate = SpeechGate(PLAIN, Scripted())
    for _ in range(20):
        gate.step(b"\1", -20.0)
    assert gate.finish() == (0, 20)
    assert gate.finish() is None


def test_a_hangover_is_not_speaking():
    gate = SpeechGate(PLAIN, Scripted())
    assert not gate.speaking
    for _ in range(20):
        gate.step(b"\1", -20.0)
    assert gate.speaking
    for _ in range(SpeechGate.ACTIVE_FRAMES):
        gate.step(b"\0", -20.0)
    assert not gate.speaking
    assert gate.start is not None


def test_the_detector_is_asked_of_every_frame_even_when_the_level_decides():
    model = Scripted()
    gate = SpeechGate(PLAIN, model)
    voiced = [gate.step(b"\1", -90.0)[0] for _ in range(30)]
    assert not any(voiced)
    assert model.asked == 30


def test_nothing_below_the_lowest_level_is_speech():
    assert gate_on("#" * 40, level_db=-57.9) == [(0, 40)]
    assert gate_on("#" * 40, level_db=-58.1) == []


def test_a_frame_must_stand_above_the_running_noise_floor():
    steady = "#" * FRAMES_A_SECOND * (FLOOR_BUCKETS + 4)
    segments = gate_on(steady, level_db=-30.0)
    assert len(segments) == 1
    assert FLOOR_BUCKETS - 1 < segments[0][1] / FRAMES_A_SECOND < FLOOR_BUCKETS + 2


def test_the_noise_floor_rises_to_steady_noise_and_falls_at_once_with_it():
    floor = NoiseFloor()
    for _ in range(FRAMES_A_SECOND * (FLOOR_BUCKETS + 2)):
        floor.step(-40.0)
    assert floor.level_db == pytest.approx(-40.0, abs=0.5)
    for _ in range(FRAMES_A_SECOND * 2):
        floor.step(-60.0)
    assert floor.level_db == pytest.approx(-60.0, abs=0.5)


def test_the_noise_floor_is_not_moved_by_a_single_short_drop():
    floor = NoiseFloor()
    for frame in range(FRAMES_A_SECOND * (FLOOR_BUCKETS + 2)):
        floor.step(-100.0 if frame % FRAMES_A_SECOND == 10 else -40.0)
    assert floor.level_db > FLOOR_START_DB + 10


def test_a_voice_between_silences_is_found_within_a_tenth_of_a_second():
    ((start_s, end_s),) = speech(turns(hush(1.0), voice(2.0), hush(1.0)))
    assert start_s == pytest.approx(1.0, abs=0.1)
    assert end_s == pytest.approx(3.0, abs=0.1)


def test_silence_and_steady_noise_are_not_speech():
    noise = np.random.default_rng(0).normal(0, 300, 15 * RATE_HZ).astype(np.int16)
    assert speech(hush(3.0)) == []
    assert sum(end_s - start_s for start_s, end_s in speech(noise)) < 1.0


def test_both_parties_of_the_example_call_are_heard_to_speak_a_good_part_of_it():
    call = example_call()
    for party in range(2):
        spoken_s = sum(end_s - start_s for start_s, end_s in speech(call[:, party]))
        assert 0.25 < spoken_s / (len(call) / RATE_HZ) < 0.75
