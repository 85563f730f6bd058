"""Real-time call tension monitor: bytes of a call in, tension, alerts and calming phrases out.

This is the public page. Importing it loads no model runtime, no web stack and no file.
"""

from sentiment_engine.emotion import EmotionModel, Window
from sentiment_engine.errors import BadAudio, BadMessage, BadSettings, EngineError, ModelMismatch
from sentiment_engine.events import (
    AlertCleared,
    AlertRaised,
    AlertUpdated,
    AudioGap,
    CallEnded,
    CallStarted,
    EmotionScored,
    Event,
    SpeechEnded,
    Suggestion,
    TensionUpdated,
)
from sentiment_engine.monitor import CallMonitor
from sentiment_engine.playbook import Playbook
from sentiment_engine.settings import Settings

__all__ = [
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
    "EmotionModel",
    "EmotionScored",
    "EngineError",
    "Event",
    "ModelMismatch",
    "Playbook",
    "Settings",
    "SpeechEnded",
    "Suggestion",
    "TensionUpdated",
    "Window",
]
