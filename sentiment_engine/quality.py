"""How far each channel can be judged: noise, clipping, loss, too little speech, mixed-up channels.

Every figure is an **estimate** from the audio alone, made to tell lines that the emotion model can be trusted
on from lines that it cannot; none is a measurement of the line. A party's quality is the **worst** of one
factor a reason, each 0..1 and linear between the two limits in ``QualitySettings``; factors are not
multiplied, because each limit was found alone. Nothing to complain about is quality 1 without reasons.

| reason | factor from | over |
|---|---|---|
| ``noise`` | level of voiced frames over that of frames in which nobody speaks, dB | 10 s |
| ``clipping`` | share of the samples of voiced frames at full scale | 30 s of audio |
| ``loss`` | gaps (``lost``, ``overload``) and packets replaced by zeros inside speech | 30 s |
| ``little_speech`` | speech of the last minute; nothing is said before there was one | 60 s of audio |
| ``same_voice_on_both`` | both channels carry one mix, see ``same_voice.py`` | 10 s |
| ``channels_swapped?`` | ringing on the agent's channel, or a transcript | the call |

Noise that speaks (a television, a crowd) is speech to the gate and not seen here; nor is clipping that was
turned down or filtered later, nor a lost packet that the far end filled in. ``little_speech`` and
``channels_swapped?`` are hints: their factor is ``HINT``, which stops nothing, because a person silent for a
minute may well come back shouting, and a switchboard may play its ringing on either side.
"""

from array import array
from collections import deque
from collections.abc import Sequence
from operator import add

import msgspec
import numpy as np

from sentiment_engine.channel import HINT, LOSS_S, Channel, zero_runs
from sentiment_engine.events import GapReason, Party, QualityReason
from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_S, Int16
from sentiment_engine.same_voice import RING_FRAMES, SameVoice
from sentiment_engine.settings_tension import QualitySettings
from sentiment_engine.tones import is_progress_tone

LOSSES: tuple[GapReason, ...] = ("lost", "overload")
"""A call that is paused or idle has lost nothing."""

FULL_SCALE = 30000
"""The top codes of µ-law are 31100 and 32124, of A-law 31232 and 32256 (ITU-T G.711), and resampling ripples
the flat tops by some 5 %; of clipping before it, two thirds are still found."""
FULL_SCALE_FROM_DB = -23.0
"""Level of a frame with a single sample at full scale: quieter ones need not be searched."""
RINGING_BLOCKS = 8
"""0.8 s of ringing or dial tone: less may be a voice that hums."""


class Verdict(msgspec.Struct, frozen=True):
    """What is to be said of a party's channel from now on."""

    party: Party
    quality: float
    reasons: tuple[QualityReason, ...]


class _Losses:
    """One party's gaps of the last 30 s."""

    def __init__(self) -> None:
        self.owed_s = 0.0
        """Of a gap whose time has not passed yet."""
        self._passed_s = 0.0
        self._seconds: deque[float] = deque(maxlen=LOSS_S)

    def pass_block(self) -> None:
        """One block of the gap has passed."""
        passed_s = min(self.owed_s, BLOCK_S)
        self.owed_s -= passed_s
        self._passed_s += passed_s

    def second(self) -> float:
        """A second has passed: the share that is missing, 0..1."""
        self._seconds.append(self._passed_s)
        self._passed_s = 0.0
        return min(1.0, sum(self._seconds) / LOSS_S)


class Quality:
    """The channels of one call, fed with what the listener has measured anyway; memory is bounded."""

    def __init__(self, settings: QualitySettings, parties: Sequence[Party]) -> None:
        self._settings, self._parties = settings, tuple(parties)
        self._channels = [Channel(settings) for _ in parties]
        self._levels_db = np.zeros((len(parties), RING_FRAMES), np.float32)
        self._states = np.zeros((len(parties), RING_FRAMES), np.uint8)
        # NumPy takes ten times as long to write five numbers
        self._rings = [
            (levels.data, states.data) for levels, states in zip(self._levels_db, self._states, strict=True)
        ]
        self._frames = self._looks = 0
        self._same = SameVoice(settings) if len(parties) == 2 else None
        self._swapped = self._spoken = False
        self._ringing = [0] * len(parties)
        self._losses = {party: _Losses() for party in parties}
        self._said = [Verdict(party, 1.0, ()) for party in parties]
        self._wait_s = [0.0] * len(parties)

    @property
    def one_voice_a_channel(self) -> bool:
        """Whether nothing says that a channel holds another voice than its own party's."""
        return not (self._swapped or (self._same is not None and self._same.found))

    def suspect_swap(self) -> None:
        """The channels look swapped, says someone with other evidence: a transcript, for example."""
        self._swapped = True

    def gap(self, party: Party, seconds: float, reason: GapReason) -> None:
        """A party's audio is about to be missing for so long."""
        if reason in LOSSES:
            self._losses[party].owed_s += seconds

    def missing(self, party: Party) -> None:
        """One block of a party's gap has passed."""
        self._losses[party].pass_block()

    def block(
        self,
        block: Int16,
        levels_db: Sequence[Sequence[float]],
        voiced: Sequence[Sequence[bool]],
        speaking: Sequence[Sequence[bool]],
    ) -> None:
        """One block, shape (parties, BLOCK_SAMPLES), with each party's frames: dBFS, voiced, speaking."""
        at = self._frames % RING_FRAMES
        self._frames += BLOCK_FRAMES
        if self._same is not None:
            self._same.push(block)
        self._spoken = self._spoken or any(True in flags for flags in speaking)
        if not self._spoken and len(self._parties) == 2:
            self._ring(block, levels_db)
        for row, channel in enumerate(self._channels):
            levels, voices, flags, full = levels_db[row], voiced[row], speaking[row], 0
            ring_db, states = self._rings[row]
            ring_db[at : at + BLOCK_FRAMES] = array("f", levels)
            states[at : at + BLOCK_FRAMES] = bytes(map(add, voices, flags))
            if True in voices and max(levels) >= FULL_SCALE_FROM_DB:
                samples = block[row]
                full = int(np.count_nonzero((samples >= FULL_SCALE) | (samples <= -FULL_SCALE)))
            if True in flags:
                channel.zeros(levels, voices, zero_runs(block[row]))
            channel.block(levels, voices, flags, full)

    def second(self) -> list[Verdict]:
        """A second of media time has passed: the verdicts that changed enough to be told."""
        known = min(self._frames, RING_FRAMES)
        levels_db, states = self._levels_db[:, :known], self._states[:, :known]
        self._looks += 1
        if self._same is not None and self._looks % 2:  # half as often is half the price
            self._same.look(self._levels_db, self._states, self._frames)
        changed: list[Verdict] = []
        for row, channel in enumerate(self._channels):
            channel.second(levels_db[row], states[row], self._losses[self._parties[row]].second())
            channel.factors["same_voice_on_both"] = float(self._same is None or not self._same.found)
            channel.factors["channels_swapped?"] = HINT if self._swapped else 1.0
            verdict = Verdict(self._parties[row], channel.judge(), channel.reasons)
            self._wait_s[row] -= 1.0
            if self._wait_s[row] <= 0 and self._differs(verdict, self._said[row]):
                self._said[row], self._wait_s[row] = verdict, self._settings.every_s
                changed.append(verdict)
        return changed

    def _differs(self, now: Verdict, said: Verdict) -> bool:
        s = self._settings
        if now.reasons != said.reasons or abs(now.quality - said.quality) >= s.step:
            return True
        limit = s.cannot_judge_below  # to be judged again takes half a step more: no flutter at the limit
        return now.quality < limit <= said.quality or said.quality < limit <= now.quality - s.step / 2

    def _ring(self, block: Int16, levels_db: Sequence[Sequence[float]]) -> None:
        """Before the first word: ringing comes from the far end, so it belongs on the customer's channel."""
        for row, levels in enumerate(levels_db):
            self._ringing[row] += max(levels) > self._settings.ringing_over_db and is_progress_tone(
                block[row]
            )
        agent = self._parties.index("agent")
        if self._ringing[agent] >= RINGING_BLOCKS and self._ringing[1 - agent] <= 1:
            self._swapped = True
