"""Real-time call tension monitor: bytes of a call in, tension, alerts and calming phrases out.

This is the public page. Importing it loads neither the model runtime nor the web stack nor an audio decoder.
"""

from typing import TYPE_CHECKING, Any

from sentiment_engine.cues import Cues
from sentiment_engine.emotion import EmotionModel, Window
from sentiment_engine.errors import BadAudio, BadMessage, BadSettings, EngineError, ModelMismatch
from sentiment_engine.events import (
    AlertAcknowledged,
    AlertAnswered,
    AlertAssigned,
    AlertCleared,
    AlertRaised,
    AlertUpdated,
    AudioGap,
    CallEnded,
    CallStarted,
    EmotionScored,
    Event,
    QualityChanged,
    RecordingHashed,
    SpeechEnded,
    Suggestion,
    TensionUpdated,
)
from sentiment_engine.monitor import CallMonitor
from sentiment_engine.onnx_model import load_emotion_model
from sentiment_engine.playbook import Playbook
from sentiment_engine.resources import load_cues, load_playbook, load_settings
from sentiment_engine.settings import Settings

if TYPE_CHECKING:
    from sentiment_engine.batch.score import score_file

__all__ = [
    "AlertAcknowledged",
    "AlertAnswered",
    "AlertAssigned",
    "AlertCleared",
    "AlertRaised",
    "AlertUpdated",
    "AudioGap",
    "BadAudio",
    "BadMessage",
    "BadSettings",
    "CallEnded",
    "CallMonitor",
    "CallStarted",
    "Cues",
    "EmotionModel",
    "EmotionScored",
    "EngineError",
    "Event",
    "ModelMismatch",
    "Playbook",
    "QualityChanged",
    "RecordingHashed",
    "Settings",
    "SpeechEnded",
    "Suggestion",
    "TensionUpdated",
    "Window",
    "load_cues",
    "load_emotion_model",
    "load_playbook",
    "load_settings",
    "score_file",
]


def __getattr__(name: str) -> Any:
    if name == "score_file":  # the one name here that needs a decoder
        from sentiment_engine.batch.score import score_file  # noqa: PLC0415

        return score_file
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
