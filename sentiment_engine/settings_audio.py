"""Settings of kept audio. No key stands here, only the file that it is in."""

from sentiment_engine.errors import BadSettings
from sentiment_engine.settings_base import StageSettings


class AudioSettings(StageSettings, frozen=True, kw_only=True):
    """How audio is kept where ``keep_audio`` asks for it, and for how long."""

    key: str = ""
    """File of the key that kept audio is encrypted with, as ``audio key new`` makes it."""
    keep_days: float = 0.0
    """Audio is removed so many days after its call's end; 0 keeps it as long as the call."""

    def check(self) -> None:
        self.within(0.0, 36_500.0, "keep_days")
        if "\0" in self.key:
            raise BadSettings("audio.key must be the name of a file")


def check_kept_encrypted(keep_audio: bool, audio: AudioSettings) -> None:
    """Raises BadSettings where audio is to be kept without a key."""
    if keep_audio and not audio.key:
        raise BadSettings(
            "keep_audio needs audio.key: audio is kept encrypted only; make a key with "
            "sentiment-engine audio key new --out FILE"
        )
