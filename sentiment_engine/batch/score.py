"""One recording to its events: the live monitor, fed from disk."""

import os
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from sentiment_engine.batch.recordings import CutShort, Recording
from sentiment_engine.emotion import EmotionModel
from sentiment_engine.events import Event, Party, Stage
from sentiment_engine.monitor import CallMonitor
from sentiment_engine.playbook import Playbook
from sentiment_engine.resources import load_playbook
from sentiment_engine.settings import Settings


class CutShortWarning(UserWarning):
    """A recording broke off; its events end where it does, with ``call.ended`` saying ``reason="error"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """All that scoring takes besides the recording; serves one recording after another."""

    settings: Settings
    model: EmotionModel
    playbook: Playbook
    language: str
    stage: Stage
    agent_channel: int
    """0 or 1."""

    def monitor(self, call_id: str, rate_hz: int, channels: Sequence[Party]) -> CallMonitor:
        """A fresh monitor; raises BadAudio for a language, stage or call id that cannot be."""
        return CallMonitor(
            self.settings,
            self.model,
            call_id=call_id,
            sample_rate_hz=rate_hz,
            channels=channels,
            language=self.language,
            stage=self.stage,
            playbook=self.playbook,
        )

    def events(
        self, recording: Recording, heard: Callable[[bytes], None] | None = None
    ) -> Generator[Event, None, str]:
        """Yields the events of ``recording``; returns why it was cut short, or an empty string.

        ``heard`` is given every piece of the audio, too: interleaved s16le at ``recording.rate_hz``.

        Raises:
            BadAudio: a sample is not a number, or the call cannot be described so (language, stage, call id).
        """
        channels = recording.parties(self.agent_channel)
        monitor = self.monitor(recording.call_id, recording.rate_hz, channels)
        try:
            for piece in recording.pieces():
                if heard is not None:
                    heard(piece)
                yield from monitor.feed(piece)
        except CutShort as reason:
            yield from monitor.finish("error")
            return str(reason)
        yield from monitor.finish("stop")  # as a live client ends it: live equals recorded
        return ""


def score_file(
    path: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    model: EmotionModel | None = None,
    language: str = "zh-CN",
    stage: Stage = "general",
    agent_channel: int = 0,
) -> Iterator[Event]:
    """The events of one recording, in order, as they are found; memory does not grow with its length.

    Args:
        path: Anything libsndfile reads, with one channel (both parties ``mixed``) or two, at 8 kHz or more.
            The call's id is the file's name without its ending.
        settings: The measured defaults when None.
        model: The packaged model when None; it is loaded once a process.
        language: BCP 47 tag of the call, for summaries and phrases.
        stage: Stage of the conversation.
        agent_channel: 0 or 1, which of two channels is the agent's.

    Raises:
        BadAudio: the file cannot be used; the message names it, the reason and the remedy. Raised on the
            first step, except for samples that turn out not to be numbers.

    Warns:
        CutShortWarning: the file breaks off before the length its header announces; the events end there.
    """
    if agent_channel not in (0, 1):
        raise ValueError(f"agent_channel is {agent_channel}: it must be 0 or 1")
    scorer = Scorer(
        settings=settings or Settings(),
        model=model or _packaged_model(),
        playbook=_packaged_playbook(),
        language=language,
        stage=stage,
        agent_channel=agent_channel,
    )
    cut_short = yield from scorer.events(Recording.open(path))
    if cut_short:
        warnings.warn(cut_short, CutShortWarning, stacklevel=2)


@cache
def _packaged_model() -> EmotionModel:
    from sentiment_engine.onnx_model import load_emotion_model  # noqa: PLC0415 loads the model runtime

    return load_emotion_model()


@cache
def _packaged_playbook() -> Playbook:
    return load_playbook()
