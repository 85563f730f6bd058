"""Settings, one frozen record per stage, checked once where they enter.

Units stand in the names: ``_s`` seconds of media time, ``_db`` decibels, ``_hz`` hertz. Past this file code
trusts them. The stages' own stand in ``settings_*.py``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sentiment_engine.errors import BadSettings
from sentiment_engine.events import ProfileName
from sentiment_engine.settings_alerts import AlertSettings, ContactSettings, PlaybookSettings, WordsSettings
from sentiment_engine.settings_archive import ArchiveSettings, WebhookSettings, check_webhooks
from sentiment_engine.settings_audio import AudioSettings, check_kept_encrypted
from sentiment_engine.settings_audiosocket import AudioSocketSettings
from sentiment_engine.settings_base import StageSettings as _Stage
from sentiment_engine.settings_door import DoorSettings
from sentiment_engine.settings_evidence import EvidenceSettings
from sentiment_engine.settings_genesys import GenesysSettings
from sentiment_engine.settings_hearing import VadSettings, WindowSettings
from sentiment_engine.settings_reviews import ReviewSettings, check_kept_until_due
from sentiment_engine.settings_tension import (
    BaselineSettings,
    ConversationSettings,
    QualitySettings,
    TensionSettings,
)


class LiveSettings(_Stage, frozen=True, kw_only=True):
    """Limits of the live server. Every queue is bounded; each field says what happens when it is full."""

    max_calls: int = 1000
    """One more is refused with close code 1013."""
    max_readers: int = 500
    """Feed readers; one more is refused with 1013."""
    max_message_bytes: int = 1 << 20
    """A larger WebSocket message closes its connection with 1009."""
    start_timeout_s: float = 10.0
    """A socket that has not sent ``start`` by then is closed with 1008."""
    idle_timeout_s: float = 60.0
    """A call without any message for this long ends with ``reason=idle``."""
    resume_grace_s: float = 30.0
    """A dropped call is kept for this long."""
    call_windows: int = 8
    """Windows of one call that may wait for the model; then its socket is read no further."""
    max_lag_s: float = 3.0
    """A window that waited longer is skipped and marked ``audio.gap reason=overload``."""
    batch_windows: int = 32
    """Most windows in one run of the model."""
    tick_s: float = 0.02
    """The scorer waits this long to gather windows of several calls into one run."""
    reader_events: int = 5000
    """Events one reader may be behind: ticks are dropped first; when alerts alone fill it, 1013."""
    kept_events: int = 100_000
    """Alerts, starts and ends kept in memory for ``since=``; an older cursor is refused, never skipped."""
    kept_ticks: int = 20_000
    """Tension, emotion and speech events kept for ``since=``."""
    drain_s: float = 5.0
    """Time a shutdown gives readers to take what was raised."""

    def check(self) -> None:
        self.positive(*(name for name in self.__struct_fields__ if name != "tick_s"))
        self.within(0.0, 0.5, "tick_s")


class Settings(_Stage, frozen=True, kw_only=True):
    """All settings; the defaults are the measured ones."""

    profile: ProfileName = "cn"
    """Whose law holds, see ``profiles.py``: China, United States, United Kingdom, European Union."""
    keep_audio: bool = False
    """Whether a server keeps the audio of calls, encrypted with ``audio.key``. Who speaks must know of it."""
    vad: VadSettings = VadSettings()
    windows: WindowSettings = WindowSettings()
    baseline: BaselineSettings = BaselineSettings()
    conversation: ConversationSettings = ConversationSettings()
    quality: QualitySettings = QualitySettings()
    tension: TensionSettings = TensionSettings()
    alerts: AlertSettings = AlertSettings()
    playbook: PlaybookSettings = PlaybookSettings()
    words: WordsSettings = WordsSettings()
    contact: ContactSettings = ContactSettings()
    live: LiveSettings = LiveSettings()
    door: DoorSettings = DoorSettings()
    archive: ArchiveSettings = ArchiveSettings()
    audio: AudioSettings = AudioSettings()
    webhooks: tuple[WebhookSettings, ...] = ()
    evidence: EvidenceSettings = EvidenceSettings()
    reviews: ReviewSettings = ReviewSettings()
    genesys: GenesysSettings = GenesysSettings()
    audiosocket: AudioSocketSettings = AudioSocketSettings()

    def check(self) -> None:
        check_webhooks(self.webhooks)
        check_kept_until_due(self.archive.keep_days, self.reviews)
        check_kept_encrypted(self.keep_audio, self.audio)
        if self.profile == "eu" and self.playbook.jurisdiction not in ("", "EU"):
            raise BadSettings(
                f'playbook.jurisdiction is {self.playbook.jurisdiction!r}, but profile "eu" shows only '
                "phrases allowed in the EU: leave jurisdiction out"
            )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Settings":
        """Settings from plain data, as a TOML file gives it.

        Raises:
            BadSettings: an unknown name, a value of the wrong type, or one out of range.
        """
        try:
            return msgspec.convert(mapping, cls, strict=True)
        except (msgspec.ValidationError, UnicodeError) as reason:
            raise BadSettings(f"settings: {reason}") from reason
