"""What the parties do to each other: overlap, interruptions, back-channels, answers, silence.

All of it is told from who speaks when, so it is observable and infers no emotion. Definitions, with P the
party that speaks and Q the other:

- *turn*: speech of P with no pause over ``breath_s`` (an inter-pausal unit; Heldner and Edlund 2010, "Pauses,
  gaps and overlaps in conversations"). P *holds the floor* once its turn has ``floor_s`` of speech.
- *overlap*: time with both speaking, and its share of all speech of the last turns. It alone nearly matches
  full systems on broadcast conflict (SSPNet, UAR 80.8; Kim et al. 2014). It is *begun by* whoever started to
  speak while the other held the floor.
- *interruption*: such an overlap of at least ``talk_over_s`` (Gravano and Hirschberg 2012). It is
  *successful* when Q has fallen silent and P goes on (butting-in is what fails; Ferguson 1977).
- *back-channel*: a whole turn of P of at most ``back_channel_s`` begun while Q held the floor, after which Q
  goes on: "mm-hm" (Yngve 1970; Ward and Tsukahara 2000). It is no interruption.
- *response latency*: silence between the end of Q's turn and the start of P's answer; 0 for an answer that
  begins before Q has ended. Around 0.2 s in every language studied (Stivers et al. 2009).
- *unanswered*: silence since P was spoken to (Q held the floor and stopped), pauses of up to ``pause_s``
  left out, until P says anything: stonewalling, or nobody there.

Memory is a few numbers a party, whatever the call's length.
"""

from collections.abc import Mapping, Sequence
from itertools import compress, groupby

from sentiment_engine.events import Party, Snapshot
from sentiment_engine.frames import BLOCK_S, FRAME_S
from sentiment_engine.settings_tension import ConversationSettings

LATENCY_SHARE = 0.3
"""Of the last answer in the running mean: some five answers back."""


class _Turn:
    """One party's part in the conversation; times in frames."""

    def __init__(self) -> None:
        self.talk = 0
        self.held = 0
        """Speech of the turn so far; 0 between turns."""
        self.quiet = 0
        self.begun_over = False
        """Whether this turn began while the other held the floor."""
        self.spoken_to = False
        """Whether the other has held the floor since this party last spoke."""
        self.unanswered = 0
        self.overlap = self.interruptions = self.successes = self.back_channels = 0.0
        """All fading."""
        self.latency_s: float | None = None


class Conversation:
    """Follows who speaks when. One party (mixed) has none of what takes two."""

    def __init__(self, settings: ConversationSettings, parties: Sequence[Party]) -> None:
        s = settings
        self._floor, self._talk_over, self._breath, self._back_channel, self._pause = (
            round(seconds / FRAME_S)
            for seconds in (s.floor_s, s.talk_over_s, s.breath_s, s.back_channel_s, s.pause_s)
        )
        self._fade_overlap = 0.5 ** (BLOCK_S / s.overlap_half_life_s)
        self._fade_interruptions = 0.5 ** (BLOCK_S / s.interruption_half_life_s)
        self._turns: dict[Party, _Turn] = {party: _Turn() for party in parties}
        self._others: dict[Party, _Turn] = {
            party: next((turn for other, turn in self._turns.items() if other != party), _Turn())
            for party in parties
        }
        self.interruptions = 0
        self._both = self._any = self._longest_silence = self._silence = 0
        self._recent_both = self._recent_any = 0.0
        self._intruder: Party | None = None
        self._together = self._apart = 0
        self._counted = False

    def step(self, speaking: Mapping[Party, Sequence[bool]]) -> None:
        """One block: for each party whether it speaks, frame by frame."""
        self._recent_both *= self._fade_overlap
        self._recent_any *= self._fade_overlap
        for turn in self._turns.values():
            turn.overlap *= self._fade_overlap
            turn.interruptions *= self._fade_interruptions
            turn.successes *= self._fade_interruptions
            turn.back_channels *= self._fade_interruptions
        frames = list(zip(*speaking.values(), strict=True))
        if frames.count(frames[0]) == len(frames):  # most blocks are of one kind
            self._run(tuple(compress(speaking, frames[0])), len(frames))
            return
        for flags, alike in groupby(frames):
            self._run(tuple(compress(speaking, flags)), len(list(alike)))

    def snapshot(self) -> Snapshot:
        """The conversation now."""
        # a second of speech at least, so that the first word of a call is not all of it
        speech = max(self._recent_any, 1.0 / FRAME_S)
        turns = self._turns.items()
        return Snapshot(
            overlap_ratio=_told(self._recent_both / speech),
            overlap_by={party: _told(turn.overlap / speech) for party, turn in turns},
            interruptions={party: _told(turn.interruptions) for party, turn in turns},
            successes={party: _told(turn.successes) for party, turn in turns},
            back_channels={party: _told(turn.back_channels) for party, turn in turns},
            silence_s=_told(self._silence * FRAME_S),
            latency_s={party: _told(turn.latency_s) for party, turn in turns if turn.latency_s is not None},
            unanswered_s={party: _told(turn.unanswered * FRAME_S) for party, turn in turns},
        )

    def talk_share(self) -> dict[Party, float]:
        """Each party's share of all speech time."""
        total = sum(turn.talk for turn in self._turns.values())
        return {party: round(t.talk / total, 4) if total else 0.0 for party, t in self._turns.items()}

    def overlap_ratio(self) -> float:
        """Of the whole call."""
        return round(self._both / self._any, 4) if self._any else 0.0

    @property
    def longest_silence_s(self) -> float:
        """Of the whole call."""
        return self._longest_silence * FRAME_S

    def _run(self, speakers: tuple[Party, ...], frames: int) -> None:
        """A stretch, a block at most, in which the same parties speak."""
        if speakers:
            self._silence = 0
            self._any += frames
            self._recent_any += frames
        else:
            self._silence += frames
            self._longest_silence = max(self._longest_silence, self._silence)
        if len(speakers) == 2:
            self._overlap(*speakers, frames)
        for party in speakers:  # first: an answer comes after a silence that does not include it
            self._talk(party, self._turns[party], frames)
        for party, turn in self._turns.items():
            if party not in speakers:
                self._listen(party, turn, frames)
        if self._together and len(speakers) < 2:
            self._apart += frames
            if self._apart > self._breath:
                self._part()

    def _talk(self, party: Party, turn: _Turn, frames: int) -> None:
        other = self._others[party]
        if not turn.held:
            turn.begun_over = other.held >= self._floor
            if turn.spoken_to:
                self._answer(turn, other)
        turn.talk += frames
        turn.held += frames
        turn.quiet = turn.unanswered = 0
        turn.spoken_to = False
        if turn.held >= self._floor and not other.held:
            other.spoken_to = True

    def _answer(self, turn: _Turn, other: _Turn) -> None:
        latency_s = other.quiet * FRAME_S
        before_s = latency_s if turn.latency_s is None else turn.latency_s
        turn.latency_s = before_s + LATENCY_SHARE * (latency_s - before_s)

    def _listen(self, party: Party, turn: _Turn, frames: int) -> None:
        turn.quiet += frames
        if turn.spoken_to:
            turn.unanswered += max(0, min(frames, self._silence - self._pause))
        if turn.held and turn.quiet > self._breath:
            counted = self._counted and self._intruder == party
            short = turn.held <= self._back_channel
            if turn.begun_over and short and self._others[party].held and not counted:
                turn.back_channels += 1.0
            turn.held = 0

    def _overlap(self, one: Party, other: Party, frames: int) -> None:
        if not self._together:  # it begins: whoever began later intrudes if the other held the floor
            early, late = sorted((one, other), key=lambda party: -self._turns[party].held)
            self._intruder = late if self._turns[early].held >= self._floor else None
        self._both += frames
        self._recent_both += frames
        self._together += frames
        self._apart = 0
        if self._intruder:
            self._turns[self._intruder].overlap += frames
            if not self._counted and self._together >= self._talk_over:
                self._counted = True
                self.interruptions += 1
                self._turns[self._intruder].interruptions += 1.0

    def _part(self) -> None:
        """An overlap is over. Whoever interrupted has the floor if the other has fallen silent."""
        intruder = self._intruder if self._counted else None
        if intruder and self._turns[intruder].held and not self._others[intruder].held:
            self._turns[intruder].successes += 1.0
        self._together, self._intruder, self._counted = 0, None, False


def _told(value: float) -> float:
    """As it is published: what is published is what is used, so that events can be replayed."""
    return round(value, 3)
