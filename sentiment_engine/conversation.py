"""What the parties do to each other: overlap, interruptions, silence.

Definitions follow conversation analysis as measured from voice activity alone: *overlap* is time with both
speaking (Heldner & Edlund 2010, "Pauses, gaps and overlaps in conversations"); an *interruption* is a start
of speech while the other holds the floor that lasts beyond a back-channel's length (Gravano & Hirschberg
2012). Overlap alone nearly matches full systems on broadcast conflict (SSPNet, UAR 80.8). Memory is a few
numbers, whatever the call's length.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sentiment_engine.events import Party
from sentiment_engine.frames import BLOCK_S, FRAME_S
from sentiment_engine.settings import ConversationSettings


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation at one moment."""

    overlap_ratio: float
    """Recent time with both speaking over recent time with anyone speaking."""
    interruptions: Mapping[Party, float]
    """Recent interruptions by each party, fading."""
    silence_s: float
    """Time since anyone spoke; gaps do not count."""


class Conversation:
    """Follows who speaks when. One party (mixed) has neither overlap nor interruptions."""

    def __init__(self, settings: ConversationSettings, parties: Sequence[Party]) -> None:
        self._settings = settings
        self.talk_s: dict[Party, float] = dict.fromkeys(parties, 0.0)
        self.overlap_s = self.any_s = self.longest_silence_s = 0.0
        self.interruptions = 0
        self._silence_s = 0.0
        self._held_s: dict[Party, float] = dict.fromkeys(parties, 0.0)  # speech of the turn so far
        self._quiet_s: dict[Party, float] = dict.fromkeys(parties, 0.0)
        self._intruder: Party | None = None
        self._together_s = self._apart_s = 0.0
        self._counted = False
        self._recent_both = self._recent_any = 0.0
        self._recent_interruptions: dict[Party, float] = dict.fromkeys(parties, 0.0)
        self._fade_overlap = 0.5 ** (BLOCK_S / settings.overlap_half_life_s)
        self._fade_interruptions = 0.5 ** (BLOCK_S / settings.interruption_half_life_s)

    def step(self, speaking: Mapping[Party, Sequence[bool]]) -> None:
        """One block: for each party whether it speaks, frame by frame."""
        self._recent_both *= self._fade_overlap
        self._recent_any *= self._fade_overlap
        for party in self._recent_interruptions:
            self._recent_interruptions[party] *= self._fade_interruptions
        for flags in zip(*speaking.values(), strict=True):
            self._frame(tuple(party for party, flag in zip(speaking, flags, strict=True) if flag))

    def snapshot(self) -> Snapshot:
        """The conversation now."""
        return Snapshot(
            # a second of speech at least, so that the first word of a call is not all of it
            overlap_ratio=self._recent_both / max(self._recent_any, 1.0),
            interruptions=dict(self._recent_interruptions),
            silence_s=self._silence_s,
        )

    def talk_share(self) -> dict[Party, float]:
        """Each party's share of all speech time."""
        total = sum(self.talk_s.values())
        return {party: round(s / total, 4) if total else 0.0 for party, s in self.talk_s.items()}

    def overlap_ratio(self) -> float:
        """Of the whole call."""
        return round(self.overlap_s / self.any_s, 4) if self.any_s else 0.0

    def _frame(self, speakers: tuple[Party, ...]) -> None:
        if not speakers:
            self._silence_s += FRAME_S
            self.longest_silence_s = max(self.longest_silence_s, self._silence_s)
        else:
            self._silence_s = 0.0
            self.any_s += FRAME_S
            self._recent_any += FRAME_S
        for party in self.talk_s:
            if party in speakers:
                self.talk_s[party] += FRAME_S
                self._held_s[party] += FRAME_S
                self._quiet_s[party] = 0.0
            else:
                self._quiet_s[party] += FRAME_S
                if self._quiet_s[party] > self._settings.breath_s:
                    self._held_s[party] = 0.0
        if len(speakers) == 2:
            self.overlap_s += FRAME_S
            self._recent_both += FRAME_S
            self._apart_s = 0.0
            self._overlap(*speakers)
        elif self._together_s:
            self._apart_s += FRAME_S
            if self._apart_s > self._settings.breath_s:
                self._together_s, self._intruder, self._counted = 0.0, None, False

    def _overlap(self, one: Party, other: Party) -> None:
        if not self._together_s:  # it begins: whoever began later intrudes if the other held the floor
            early, late = sorted((one, other), key=lambda party: -self._held_s[party])
            self._intruder = late if self._held_s[early] >= self._settings.floor_s else None
        self._together_s += FRAME_S
        if self._intruder and not self._counted and self._together_s >= self._settings.talk_over_s:
            self._counted = True
            self.interruptions += 1
            self._recent_interruptions[self._intruder] += 1.0
