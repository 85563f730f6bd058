"""One call's way to the server: what is sent next, and again after a cut, with its place on the media clock.

The server hears whole milliseconds and says after a cut how far it came; from there on everything is handed
out once more. Audio that is no longer kept is handed out as a gap of the same length, so the media clock
stays right whatever is lost. No sockets, no clock: audio in, messages out.
"""

import json
import math
from typing import Any

from sentiment_engine.client.kept import Audio, Entry, Gap, Kept, Note
from sentiment_engine.events import GapReason, Party, Stage
from sentiment_engine.pcm import SILENCE

LONGEST_GAP_S = 3600.0
"""What one gap message may say; longer gaps are told as several."""
LONGEST_UNIT_S = 0.05
"""As on the server: rates whose whole milliseconds are rarer than this are resumed at any sample."""


class Timeline:
    """One call's audio, gaps, stages and transcripts, from the oldest that is kept to the newest.

    What it is given has been checked (``checks.py``).

    Args:
        encoding: ``pcm_s16le``, ``mulaw`` or ``alaw``.
        sample_rate_hz: 8000..48000.
        channels: 1 or 2.
        keep_s: Seconds of audio that are kept; what is older becomes a gap, whether it was sent or not.
        stage: The stage at the beginning.
    """

    def __init__(
        self, encoding: str, sample_rate_hz: int, channels: int, *, keep_s: float, stage: Stage = "general"
    ) -> None:
        self._silence = SILENCE[encoding] * channels
        self._second = len(self._silence) * sample_rate_hz
        milliseconds = 1000 // math.gcd(sample_rate_hz, 1000)
        self._unit = len(self._silence)
        if milliseconds <= 1000 * LONGEST_UNIT_S:
            self._unit *= sample_rate_hz * milliseconds // 1000
        self._kept = Kept(self._second, round(keep_s * self._second))
        self._next = 0
        """Serial number of the first entry that has not been handed out whole."""
        self._at = 0
        """Up to here audio and gaps have been handed out."""
        self._origin = 0
        """Where the server's clock is zero."""
        self._lost_to = 0
        self._due: str | None = None
        self.stage: Stage = stage
        """The newest."""
        self.first_stage: Stage = stage
        """The stage where the server's clock is zero."""
        self._lost = 0

    @property
    def end_s(self) -> float:
        """Seconds of audio and gaps since the stream began."""
        return self._kept.end / self._second

    @property
    def origin_s(self) -> float:
        """Where the server's clock is zero; below 0 for a call that somebody else had begun."""
        return self._origin / self._second

    @property
    def lost_s(self) -> float:
        """Seconds that are no longer kept and were never handed out, or were not heard in time."""
        oldest = next((entry.start for _, entry in self._kept), self._at)
        return (self._lost + max(0, oldest - max(self._at, self._lost_to))) / self._second

    @property
    def waiting(self) -> bool:
        """Whether there is something to hand out."""
        return self._due is not None or self._pending() is not None

    # -- in

    def audio(self, data: bytes) -> None:
        """Takes bytes of any length."""
        self._kept.audio(data)

    def gap(self, seconds: float, reason: GapReason) -> None:
        """Moves the media clock on without audio, by whole samples.

        Gaps lie on whole milliseconds, where a call can be resumed; what is left of one at either end passes
        as silence. A sample whose last bytes never came is dropped, as everywhere in the engine.
        """
        kept, sample = self._kept, len(self._silence)
        until = kept.end - kept.end % sample + round(seconds * self._second / sample) * sample
        silence = min(max(0, until - kept.end), (self._origin - kept.end) % self._unit)
        kept.audio(self._quiet(kept.end, silence))
        kept.gap(max(0, until - kept.end) // self._unit * self._unit, reason)
        kept.audio(self._quiet(kept.end, max(0, until - kept.end)))

    def set_stage(self, stage: Stage) -> None:
        """The stage of the conversation from here on."""
        self.stage = stage
        self._kept.note({"type": "stage", "stage": stage})

    def transcript(self, party: Party, text: str, start_s: float, end_s: float) -> None:
        """Words that some recogniser heard; times in seconds since the stream began."""
        self._kept.note(
            {"type": "transcript", "party": party, "text": text, "start_s": start_s, "end_s": end_s}, text
        )

    # -- out

    def take(self) -> bytes | str | None:
        """The next message for the server, binary or text; None when all has been handed out."""
        if self._due is not None:
            text, self._due = self._due, None
            return text
        entry = self._pending()
        if entry is None:
            return None
        if entry.start > self._at:
            return self._lose(entry.start)
        match entry:
            case Note(message=message):
                self._next += 1
                return self._text(message)
            case Gap(end=end, reason=reason):
                return self._pass(end, reason)
            case Audio(start=start, data=data, end=end):
                piece = bytes(data[self._at - start :])
                self._at = end
                return piece

    def _pending(self) -> Entry | None:
        """The first entry that has not been handed out whole; the newest may still grow."""
        self._next = max(self._next, self._kept.first)
        while self._next < self._kept.after_last:
            entry = self._kept[self._next]
            if isinstance(entry, Note) or entry.end > self._at:
                return entry
            if self._next == self._kept.after_last - 1:
                break
            self._next += 1
        return None

    def _lose(self, until: int) -> bytes | str:
        self._count_lost(self._at, until)
        message = self._pass(until, "lost")
        stage = self._kept.forgotten_stage
        if self._at == until and stage is not None:
            self._due = self._text({"type": "stage", "stage": stage})
        return message

    def _count_lost(self, start: int, until: int) -> None:
        start = max(start, self._lost_to)  # after a cut the same loss is met again
        self._lost_to = max(start, until)
        self._lost += self._lost_to - start

    def _pass(self, until: int, reason: GapReason) -> bytes | str:
        """The next message that moves the server's clock on towards ``until`` without audio."""
        at = self._at
        silence = min(until - at, (self._origin - at) % self._unit)
        if not silence:
            whole = min((until - at) // self._unit * self._unit, round(LONGEST_GAP_S * self._second))
            if whole:
                self._at += whole
                return self._text({"type": "gap", "seconds": whole / self._second, "reason": reason})
            silence = until - at
        self._at += silence
        return self._quiet(at, silence)

    def _quiet(self, start: int, length: int) -> bytes:
        """Silence for the bytes from ``start`` on, which may lie within a sample."""
        sample = len(self._silence)
        odd = start % sample
        return (self._silence * (length // sample + 2))[odd : odd + length]

    def _text(self, message: dict[str, Any]) -> str:
        if message["type"] == "transcript":
            # What was said before the server's clock began counts from its beginning.
            moved = {name: round(max(0.0, message[name] - self.origin_s), 3) for name in ("start_s", "end_s")}
            message = message | moved
        return json.dumps(message, ensure_ascii=False)

    # -- after a cut

    def resume(self, resume_at_s: float) -> None:
        """Hands out again what the server, whose clock stands at ``resume_at_s``, has not heard.

        A stage or transcript may be handed out a second time. A clock that is further than all that was ever
        said here belongs to a call that somebody else fed: the newest audio follows on it.
        """
        sample, kept = len(self._silence), self._kept
        heard = self._origin + round(resume_at_s * self._second / sample) * sample
        newest = kept.end - kept.end % sample
        if heard > newest:
            self._origin += newest - heard
            heard = newest
        self._at, self._due, self._next = heard, None, kept.after_last
        for serial, entry in kept:
            reach = entry.end
            if isinstance(entry, Note):  # what came before a whole millisecond was heard may not have come
                reach -= (reach - self._origin) % self._unit
            if reach >= heard:
                self._next = serial
                break

    def restart(self) -> None:
        """Whatever comes now belongs to a new call; what is kept is skipped."""
        end = self._kept.end
        self._count_lost(self._at, end)
        self._origin = self._at = end - end % len(self._silence)
        self._kept.clear()
        self._due = None
        self.first_stage = self.stage
