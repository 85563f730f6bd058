"""A monitor for each new call, or the reason why there is none."""

from datetime import UTC, datetime

from sentiment_engine.contact import rules_of
from sentiment_engine.cues import Cues
from sentiment_engine.emotion import EmotionModel
from sentiment_engine.errors import BadAudio
from sentiment_engine.flagged import check_notices
from sentiment_engine.live.messages import Refused, Start
from sentiment_engine.monitor import CallMonitor
from sentiment_engine.playbook import Playbook
from sentiment_engine.settings import Settings


class Monitors:
    """Makes monitors that share nothing but what they read: settings, model, phrases, cues.

    Raises:
        BadSettings: the settings require a notice that the cues do not know.
    """

    def __init__(
        self, settings: Settings, model: EmotionModel, playbook: Playbook | None, cues: Cues | None
    ) -> None:
        if cues is not None:
            check_notices(rules_of(settings), cues)
        self._settings, self._model, self._playbook, self._cues = settings, model, playbook, cues

    def open(self, start: Start) -> CallMonitor:
        """A monitor for the call that ``start`` announces, beginning now.

        Raises:
            Refused: ``bad_audio``.
        """
        try:
            return CallMonitor(
                self._settings,
                self._model,
                call_id=start.call_id,
                encoding=start.encoding,
                sample_rate_hz=start.sample_rate,
                channels=start.channels,
                language=start.language,
                stage=start.stage,
                context=start.context,
                started_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                playbook=self._playbook,
                cues=self._cues,
            )
        except BadAudio as reason:
            raise Refused("bad_audio", str(reason)) from reason


def wants_audio_kept(start: Start) -> bool:
    """Whether the audio of this call may be kept: ``keep_audio`` of its context, true if it is absent.

    Raises:
        Refused: ``bad_message``.
    """
    wanted = start.context.get("keep_audio", True)
    if not isinstance(wanted, bool):
        raise Refused("bad_message", "context: keep_audio must be true or false")
    return wanted
