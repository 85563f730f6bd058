"""One call, from bytes to events, split at the emotion model.

    listen(bytes) -> windows due      pcm, frames, vad, windows, conversation   (listening.py)
    judge(scores) -> events           baseline, tension, alerts, playbook       (judging.py)

``listen`` runs ahead and notes what happened in an ordered log; ``judge`` works the log off and stops where
a window still waits for its scores. So events come in media order and are the same whether the model answers
at once (``feed``) or later, from a batch shared by many calls.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from sentiment_engine.contact import read_contact, rules_of
from sentiment_engine.cues import NO_CUES, Cues
from sentiment_engine.emotion import EmotionModel, Window
from sentiment_engine.errors import BadAudio, BadMessage, ModelMismatch
from sentiment_engine.events import PARTIES, STAGES, CallStarted, EndReason, Event, GapReason, Party, Stage
from sentiment_engine.flagged import Flagged
from sentiment_engine.frames import RATE_HZ, Float32
from sentiment_engine.judging import Judge
from sentiment_engine.listening import LanguageChange, Listener, Note, Said, StageChange
from sentiment_engine.playbook import Playbook
from sentiment_engine.profiles import PROFILES
from sentiment_engine.settings import Settings
from sentiment_engine.wire import WIRE_VERSION
from sentiment_engine.words import Words

LONGEST_GAP_S = 3600.0
LONGEST_ID = 200
LONGEST_LANGUAGE = 35
"""Characters; RFC 5646 section 4.4.1 recommends room for that many."""
LONGEST_TRANSCRIPT = 10_000
"""Characters: half an hour of speech in one piece."""


class CallMonitor:
    """Follows one call. One caller at a time; calls share nothing but the model and the playbook.

    Args:
        settings: Checked settings.
        model: Scores windows; may be shared between calls.
        call_id: The caller's own id, 1 to 200 printable characters.
        encoding: ``pcm_s16le``, ``mulaw`` or ``alaw``; samples of two channels are interleaved.
        sample_rate_hz: 8000 to 48000.
        channels: Whose channel comes first: one or two of ``agent``, ``customer``; or ``("mixed",)``.
        language: BCP 47 tag for phrases and summaries.
        stage: Stage of a collection conversation, or ``general``.
        context: What the caller knows about the case; ``risk_class`` (A, B, C) selects phrases, the fields of
            ``contact.Told`` say when and how often the person is called; other names are not looked at.
        started_at: RFC 3339 wall-clock time of the first sample, if known.
        playbook: Phrases; without one, alerts carry no suggestions.
        cues: What to look for in transcripts; without them, transcripts raise nothing.

    Raises:
        BadAudio: a description of the call that cannot be used.
        BadSettings: the settings require a notice that ``cues`` do not know.
        ModelMismatch: the model listens at another rate.
    """

    def __init__(
        self,
        settings: Settings,
        model: EmotionModel,
        *,
        call_id: str,
        encoding: str = "pcm_s16le",
        sample_rate_hz: int = RATE_HZ,
        channels: Sequence[Party] = ("agent", "customer"),
        language: str = "zh-CN",
        stage: Stage = "general",
        context: Mapping[str, Any] | None = None,
        started_at: str | None = None,
        playbook: Playbook | None = None,
        cues: Cues | None = None,
    ) -> None:
        _check(call_id, channels, language, stage)
        if model.sample_rate_hz != RATE_HZ:
            raise ModelMismatch(
                f"the model takes {model.sample_rate_hz} Hz, the engine listens at {RATE_HZ} Hz"
            )
        self.call_id, self.encoding, self.sample_rate_hz = call_id, encoding, sample_rate_hz
        self.channels: tuple[Party, ...] = tuple(channels)
        self.language = language
        self.waiting = 0
        """Windows handed out and not judged yet."""
        self._model = model
        self._listener = Listener(settings, encoding, sample_rate_hz, channels)
        cues = cues or NO_CUES
        self._words = Words(cues, PARTIES)
        self._followed: set[Party] = set()
        """Parties of whose words at least one transcript came."""
        self._speakers = PARTIES if self.channels == ("mixed",) else self.channels
        risk_class = (context or {}).get("risk_class")
        contact = read_contact(rules_of(settings), context or {}, started_at)
        self._judge = Judge(
            settings,
            model.labels,
            playbook or Playbook(()),
            Flagged(settings.words, settings.contact.notice_within_s, contact, cues),
            call_id=call_id,
            parties=channels,
            language=language,
            stage=stage,
            risk_class=risk_class if isinstance(risk_class, str) else None,
        )
        self._log: deque[Note] = deque()
        self._closed = False
        self._unsaid: list[Event] = [
            self._judge.event(
                CallStarted,
                0.0,
                channels=self.channels,
                sample_rate_hz=sample_rate_hz,
                language=language,
                stage=stage,
                wire=WIRE_VERSION,
                started_at=started_at,
                profile=settings.profile,
                refused=PROFILES[settings.profile].refused(self.channels),
            ),
            *self._judge.begin(),
        ]

    @property
    def heard_s(self) -> float:
        """Media time received so far, seconds; exact."""
        return self._listener.heard_s

    def feed(self, chunk: bytes) -> list[Event]:
        """Bytes of any length in, the events they complete out; asks the model at once.

        Raises:
            ValueError: windows from ``listen`` still wait; judge them first.
        """
        if self.waiting:
            raise ValueError(f"{self.waiting} windows from listen wait for judge: do not mix it with feed")
        return self.judge(self._scores(self.listen(chunk)))

    def finish(self, reason: EndReason = "stop") -> list[Event]:
        """The tail of the call; the last event is ``call.ended``."""
        return self.judge(self._scores(self.close(reason)))

    def listen(self, chunk: bytes) -> list[Window]:
        """Bytes of any length in, the windows that became due out, in media order."""
        self._check_open()
        return self._noted(self._listener.feed(chunk))

    def gap(self, seconds: float, reason: GapReason = "lost") -> list[Window]:
        """Moves the media clock on without audio. Speech ends; tension holds still.

        Raises:
            BadAudio: ``seconds`` is not above 0 and at most 3600.
        """
        self._check_open()
        if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_GAP_S):
            raise BadAudio(f"gap of {seconds} s: must be above 0 and at most {LONGEST_GAP_S:.0f} s")
        return self._noted(self._listener.gap(seconds, reason))

    def absent(self, party: Party, reason: GapReason = "lost") -> list[Window]:
        """What is fed for ``party`` from now on only stands in for audio that does not come.

        The others are heard. The party's speech ends and its heat holds still; an ``audio.gap`` tells of it
        at :meth:`present`, at the end, and every 10 s meanwhile. For a stretch without audio of anybody see
        :meth:`gap`.

        Raises:
            BadAudio: a party without a channel of its own.
        """
        self._check_party(party)
        return self._noted(self._listener.absent(party, reason))

    def present(self, party: Party) -> list[Window]:
        """What is fed for ``party`` is its own audio again; does nothing when it was all along.

        Raises:
            BadAudio: a party without a channel of its own.
        """
        self._check_party(party)
        return self._noted(self._listener.present(party))

    def set_stage(self, stage: Stage) -> None:
        """The stage of the conversation from here on."""
        _check_stage(stage)
        self._check_open()
        self._log.append(StageChange(stage))

    def set_language(self, language: str) -> None:
        """The language of phrases and summaries from here on, a BCP 47 tag.

        Raises:
            BadAudio: it cannot be a tag, or the call has ended.
        """
        _check_language(language)
        self._check_open()
        self._log.append(LanguageChange(language))

    def transcript(self, party: Party, text: str, start_s: float, end_s: float) -> None:
        """Words that some recogniser heard; they count from here on, however late they come.

        Args:
            party: One of the call's; on a mixed channel also ``agent`` or ``customer``, where the recogniser
                can tell.
            text: At most 10,000 characters. May be part of what was said, or the same once more, longer.
            start_s: Seconds of media time; the same again when an utterance is sent again.
            end_s: At least ``start_s``.

        Raises:
            BadMessage: a party that is not in the call, a text too long, or times that cannot be.
            BadAudio: the call has ended.
        """
        self._check_open()
        if party not in self._speakers:
            raise BadMessage(f"transcript of {party[:40]!r}: parties are {', '.join(self._speakers)}")
        if len(text) > LONGEST_TRANSCRIPT:
            raise BadMessage(
                f"transcript of {len(text)} characters: send it in pieces of at most {LONGEST_TRANSCRIPT}"
            )
        if not (math.isfinite(end_s) and 0 <= start_s <= end_s):
            raise BadMessage(
                f"transcript from {start_s} to {end_s} s: must be finite, from 0 on, and in order"
            )
        hits = tuple(self._words.hear(party, text, start_s, end_s))
        if hits or party not in self._followed:
            self._followed.add(party)
            self._log.append(Said(self._listener.now_s, party, hits))

    def close(self, reason: EndReason) -> list[Window]:
        """Ends the audio; the last windows due. Nothing can be listened to afterwards."""
        self._check_open()
        self._closed = True
        return self._noted(self._listener.close(reason))

    def judge(self, scores: Sequence[Float32 | None]) -> list[Event]:
        """The events that follow from the scores of the oldest windows not judged yet.

        Args:
            scores: For each of those windows, in the order they were handed out, its probabilities
                (labels,), or None when it was skipped under overload. May be empty, or fewer than wait.

        Raises:
            ValueError: more scores than windows waiting: the caller has lost count.
            ModelMismatch: scores that are not numbers.
        """
        if len(scores) > self.waiting:
            raise ValueError(f"{len(scores)} scores for {self.waiting} windows waiting")
        out, self._unsaid = self._unsaid, []
        left = deque(scores)
        while self._log:
            note = self._log[0]
            if isinstance(note, Window):
                if not left:
                    break
                self.waiting -= 1
                out += self._judge.window(note, left.popleft())
            else:
                out += self._judge.note(note, self._listener.conversation)
            self._log.popleft()
        return out

    def _scores(self, windows: Sequence[Window]) -> Sequence[Float32]:
        return list(self._model([window.samples for window in windows])) if windows else ()

    def _noted(self, notes: Sequence[Note]) -> list[Window]:
        self._log.extend(notes)
        windows = [note for note in notes if isinstance(note, Window)]
        self.waiting += len(windows)
        return windows

    def _check_party(self, party: Party) -> None:
        self._check_open()
        if party not in self.channels:
            raise BadAudio(f"no channel is {party}'s alone: the call has {', '.join(self.channels)}")

    def _check_open(self) -> None:
        if self._closed:
            raise BadAudio(f"call {self.call_id} has ended: start a new one")


def _check(call_id: str, channels: Sequence[Party], language: str, stage: Stage) -> None:
    if not (0 < len(call_id) <= LONGEST_ID and call_id.isprintable()):
        raise BadAudio(f"call_id {call_id[:LONGEST_ID]!r}: must be 1 to {LONGEST_ID} printable characters")
    parties = tuple(channels)
    if parties != ("mixed",) and not (
        0 < len(parties) == len(set(parties)) <= 2 and set(parties) <= {"agent", "customer"}
    ):
        raise BadAudio(
            f"channels {list(parties)}: name one or two of agent, customer, or the one channel mixed "
            f"(known: {', '.join(PARTIES)})"
        )
    _check_language(language)
    _check_stage(stage)


def _check_language(language: str) -> None:
    if not (0 < len(language) <= LONGEST_LANGUAGE and language.isprintable()):
        raise BadAudio(f"language {language[:LONGEST_LANGUAGE]!r}: must be a BCP 47 tag such as zh-CN or en")


def _check_stage(stage: str) -> None:
    if stage not in STAGES:
        raise BadAudio(f"stage {stage!r} is unknown: one of {', '.join(STAGES)}")
