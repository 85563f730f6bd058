"""The transcripts of one call, read for cues.

Recognisers send an utterance again and again as it grows, and cut sentences where they please. A transcript
with the start of the one before is that one, revised; one that follows soon is read on from its last words.
Each cue is told once.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence

import msgspec

from sentiment_engine.cues import LONGEST_CUE, REACH, Category, Cues
from sentiment_engine.events import Party
from sentiment_engine.tokens import Tokens, tokens_of

TAIL = LONGEST_CUE + 2 * REACH
"""Tokens remembered of what a party said before: a cue and the negation in front of it."""
JOIN_S = 3.0
"""A transcript that begins within this long of the end of the one before continues its sentence."""
SPANS_KEPT = 8
"""Time spans remembered for each category of a party: what overlaps them has been told."""


class Hit(msgspec.Struct, frozen=True):
    """A cue that a party may have said, told once."""

    category: Category
    party: Party
    """Who said it; ``mixed`` when nobody can be named."""
    negated: bool


class _Ear:
    """What is remembered of one party; bounded whatever is said."""

    def __init__(self) -> None:
        self.start_s = self.end_s = -JOIN_S - 1.0
        self.before = self.words = Tokens((), ())
        self.told: Counter[tuple[str, bool]] = Counter()
        """Cues told of the utterance at hand, by category and negation."""
        self.spans: dict[tuple[str, bool], deque[tuple[float, float]]] = {}


class Words:
    """Reads the transcripts of one call."""

    def __init__(self, cues: Cues, parties: Sequence[Party]) -> None:
        self._cues = cues
        self._ears = {party: _Ear() for party in parties}

    def hear(self, party: Party, text: str, start_s: float, end_s: float) -> list[Hit]:
        """The cues of one transcript that have not been told yet, in the order of their first words' ends.

        Args:
            party: One of the parties; on ``mixed`` text the cues of both speakers count.
            text: What was said from ``start_s`` to ``end_s``, seconds of media time; may come late, out of
                order, or again.
            start_s: At least 0; the same as in the transcript before when it is a revision of that one.
            end_s: At least ``start_s``.
        """
        ear = self._ears[party]
        words = tokens_of(text)
        revised = start_s == ear.start_s
        if not revised:
            follows = ear.start_s < start_s <= ear.end_s + JOIN_S
            ear.before = ear.before.joined(ear.words).tail(TAIL) if follows else Tokens((), ())
            ear.told = Counter()
        known = len(ear.before.words)
        counts: Counter[tuple[str, bool]] = Counter()
        hits: dict[tuple[str, bool], Hit] = {}
        for match in self._cues.find(ear.before.joined(words)):
            if match.end <= known or party not in ("mixed", match.category.speaker):
                continue
            key = match.category.category, match.negated
            counts[key] += 1
            own = start_s if revised else None
            if counts[key] > ear.told[key] and not _told_elsewhere(
                ear.spans.get(key, ()), own, start_s, end_s
            ):
                hits[key] = Hit(match.category, party, match.negated)
        ear.told |= counts
        for key in hits:
            spans = ear.spans.setdefault(key, deque(maxlen=SPANS_KEPT))
            if spans and spans[-1][0] == start_s:
                spans.pop()
            spans.append((start_s, end_s))
        ear.words, ear.start_s, ear.end_s = words.tail(TAIL), start_s, end_s
        return list(hits.values())


def _told_elsewhere(
    spans: Iterable[tuple[float, float]], own: float | None, start_s: float, end_s: float
) -> bool:
    """Whether a transcript of this time, but for the one that begins at ``own``, has told it."""
    return any(
        start != own and ((start, end) == (start_s, end_s) or (start < end_s and start_s < end))
        for start, end in spans
    )
