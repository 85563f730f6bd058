"""Settings of what is heard: speech among other sounds, and the stretches of it that are scored."""

from typing import Literal

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_base import StageSettings as _Stage


class VadSettings(_Stage, frozen=True, kw_only=True):
    """How frames become speech segments."""

    model: Literal["webrtc", "silero"] = "webrtc"
    """Who says whether a frame holds a voice.

    Silero is not taken in by music and noise, costs some twenty times as much, and needs the extra `silero`.
    """
    aggressiveness: int = 1
    """WebRTC's 0..3; noise is the gate's business, and 3 misses soft speech."""
    silero_at: float = 0.2
    """Silero's probability that counts as voice."""
    onset_frames: int = 4
    """Voiced frames among the last ``onset_window`` that begin a segment."""
    onset_window: int = 6
    hangover_s: float = 0.28
    """Unvoiced time that ends a segment: longer than a stop closure, shorter than a breath.

    Anything from 0.24 to 0.3 s is about as good on the hand-labelled set (``benchmarks/vad.py``, odd files).
    """
    min_segment_s: float = 0.2
    """Shorter bursts (clicks, breaths) are not speech."""
    over_noise_db: float = 4.0
    """A frame must stand this far above the running noise floor."""
    onset_over_db: float = 2.0
    """And this much further to begin a segment."""
    min_level_db: float = -58.0
    """Nothing below this level (dBFS) is speech on a telephone."""
    music_check: bool = True
    """Whether a channel that carries music holds no voice (``music.py``).

    WebRTC's detector takes hold music for speech; Silero does not, and needs no check. Switch it off where
    people sing to each other.
    """
    music_over: float = 1.5
    """Log odds of music, of the last 1.5 s, that count as no evidence.

    A voice with music or a siren behind it may have that much; at 1, such a file of the hand-labelled set is
    lost, at 2 one piece in five of the hold music is not found (``benchmarks/vad.py``, odd files).
    """
    music_evidence: float = 10.0
    """Sum of the log odds over ``music_over``, twice a second, from which on the channel carries music.

    With 8 a held wail and a siren behind a voice pass for music; music takes 2 to 3 s to gather so much.
    """

    def check(self) -> None:
        self.within(0, 3, "aggressiveness")
        self.positive("onset_frames", "onset_window", "hangover_s", "min_segment_s")
        self.within(0.0, 40.0, "over_noise_db", "onset_over_db")
        self.within(0.0, 1.0, "silero_at")
        self.within(0.02, 5.0, "hangover_s")
        self.within(-20.0, 20.0, "music_over")
        self.within(0.1, 100.0, "music_evidence")
        if self.onset_frames > self.onset_window:
            raise BadSettings(
                f"onset_frames {self.onset_frames} cannot exceed onset_window {self.onset_window}"
            )


class WindowSettings(_Stage, frozen=True, kw_only=True):
    """Which stretches of speech the emotion model hears."""

    window_s: float = 3.0
    hop_s: float = 1.5
    """New speech of a party between two of its windows."""
    min_window_s: float = 0.6
    """Less speech than that is not scored: the model would guess."""
    join_s: float = 1.2
    """Speech of the same party after a pause no longer than this belongs to the same turn and window."""
    pauses_s: float = 3.0
    """Audio remembered beyond ``window_s`` for the pauses inside a window."""

    def check(self) -> None:
        self.within(0.5, 8.0, "window_s", "min_window_s")
        self.within(0.2, 8.0, "hop_s")
        self.within(0.0, 8.0, "join_s", "pauses_s")
        if self.min_window_s > self.window_s:
            raise BadSettings(f"min_window_s {self.min_window_s} cannot exceed window_s {self.window_s}")
