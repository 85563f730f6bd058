"""The listening side of a call: bytes in, an ordered log of what was heard out.

Everything before the emotion model: pcm, frames, speech, windows, conversation. It never waits for scores;
``judging.py`` works the log off later. One lane a party; all lanes move in step, one block at a time.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from sentiment_engine.conversation import Conversation
from sentiment_engine.emotion import Window, Windower
from sentiment_engine.events import EndReason, GapReason, Party, Snapshot, Stage
from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_S, FRAME_S, FRAME_SAMPLES, Int16
from sentiment_engine.observed import Observed
from sentiment_engine.pcm import Decoder
from sentiment_engine.profiles import PROFILES
from sentiment_engine.quality import Quality, Verdict
from sentiment_engine.settings import Settings
from sentiment_engine.settings_hearing import VadSettings
from sentiment_engine.vad import SpeechGate, SpeechModel, WebRtcFrames
from sentiment_engine.words import Hit

BLOCKS_PER_TICK = round(1.0 / BLOCK_S)
TELL_ABSENCE_S = 10.0
"""An absence that goes on is told this often, as gaps that adjoin."""
SILENT_POWER = 1e-10
"""-100 dBFS: a level stays finite in digital silence."""


class Segment(msgspec.Struct, frozen=True):
    """A stretch of speech ended."""

    at_s: float
    party: Party
    start_s: float
    end_s: float


class Tick(msgspec.Struct, frozen=True):
    """A second of media time has passed."""

    at_s: float
    idle: dict[Party, bool]
    """Whose audio was there, and silent."""
    snapshot: Snapshot
    missing: bool = False
    """Whether its end lies in a gap."""


class QualityNote(msgspec.Struct, frozen=True):
    """A channel became easier or harder to judge."""

    at_s: float
    verdict: Verdict


class Gap(msgspec.Struct, frozen=True):
    """Audio of these parties is missing."""

    at_s: float
    parties: tuple[Party, ...]
    start_s: float
    end_s: float
    reason: GapReason


class StageChange(msgspec.Struct, frozen=True):
    """The caller named the stage of the conversation."""

    stage: Stage


class LanguageChange(msgspec.Struct, frozen=True):
    """The caller named another language."""

    language: str


class Said(msgspec.Struct, frozen=True):
    """A transcript came, with these cues not told before."""

    at_s: float
    party: Party
    hits: tuple[Hit, ...]


class End(msgspec.Struct, frozen=True):
    """The audio is over."""

    duration_s: float
    reason: EndReason


Note = Window | Observed | Segment | Tick | QualityNote | Gap | StageChange | LanguageChange | Said | End


def speech_model(settings: VadSettings) -> SpeechModel:
    """One channel's detector."""
    if settings.model == "silero":
        from sentiment_engine.silero import SileroFrames  # noqa: PLC0415 brings onnxruntime and reads a file

        return SileroFrames(settings.silero_at)
    return WebRtcFrames(settings.aggressiveness)


class _Lane:
    """One party's channel."""

    def __init__(self, settings: Settings, party: Party) -> None:
        self.party = party
        self.gate = SpeechGate(settings.vad, speech_model(settings.vad))
        vad = settings.vad
        self.windower = Windower(
            settings.windows, party, late_s=vad.hangover_s, early_s=vad.onset_window * FRAME_S
        )
        self.spoke = False
        """Whether speech was heard since the last tick."""
        self.closed: list[tuple[int, int]] = []
        """Segments (first frame, frame after the last) that the last block closed."""
        self.missing_until_s = 0.0
        """Blocks that begin before then hold a stand-in for audio that never came."""
        self.absent_since_s = 0.0
        self.absent: GapReason | None = None
        """Why this party's audio does not come, while it does not."""
        self.voiced: list[bool] = []
        """Of the last block's frames, which held a voice; ``flags``: in which the party speaks."""
        self.flags: list[bool] = []

    def skip(self, block: Int16) -> None:
        """One block of missing audio."""
        self.closed = []
        self.voiced = self.flags = [False] * BLOCK_FRAMES
        self.gate.skip(BLOCK_FRAMES)
        self.windower.push(block, 0, 0.0, self.gate.noise_db)

    def step(
        self, block: Int16, levels: Sequence[float], trebles: Sequence[float], powers: Sequence[float]
    ) -> list[bool]:
        """One block with each frame's level, treble (dBFS) and power; per frame, whether the party speaks."""
        self.voiced, self.flags, self.closed = self.gate.block(block, levels, trebles)
        voiced_frames, voiced_power = self.voiced.count(True), 0.0
        if voiced_frames:
            for power, voice in zip(powers, self.voiced, strict=True):
                voiced_power += power if voice else 0.0
        self.windower.push(block, voiced_frames, voiced_power, self.gate.noise_db)
        self.spoke = self.spoke or True in self.flags
        return self.flags


class Listener:
    """Hears one call. Each method returns what it adds to the log."""

    def __init__(
        self, settings: Settings, encoding: str, sample_rate_hz: int, parties: Sequence[Party]
    ) -> None:
        self._decoder = Decoder(encoding, sample_rate_hz, len(parties))
        self._lanes = [_Lane(settings, party) for party in parties]
        self.conversation = Conversation(settings.conversation, parties)
        self._blocks = 0
        self.quality = Quality(settings.quality, parties)
        profile = PROFILES[settings.profile]
        self._may_score = {party: profile.allows(party, "acoustic_emotion") for party in parties}
        self._agent_is_scored = profile.allows("agent", "acoustic_emotion")

    @property
    def heard_s(self) -> float:
        """Media time received so far, seconds; exact."""
        return self._decoder.heard_s

    def feed(self, chunk: bytes) -> list[Note]:
        """Bytes of any length."""
        return self._hear(self._decoder.feed(chunk))

    def gap(self, seconds: float, reason: GapReason) -> list[Note]:
        """Time without audio: speech ends, the clock moves on."""
        start_s = self.heard_s
        samples = round(seconds * self._decoder.sample_rate_hz)
        until_s = start_s + samples / self._decoder.sample_rate_hz
        notes: list[Note] = []
        for lane in self._lanes:
            lane.missing_until_s = until_s
            self.quality.gap(lane.party, until_s - start_s, reason)
            notes += self._ended(lane, lane.gate.finish())
        parties = tuple(lane.party for lane in self._lanes)
        notes.append(Gap(self.now_s, parties, round(start_s, 3), round(until_s, 3), reason))
        return notes + self._hear(self._decoder.silence(samples))

    def absent(self, party: Party, reason: GapReason) -> list[Note]:
        """What is fed for one party from now on only stands in for audio that does not come: speech ends."""
        lane = self._lane(party)
        notes = self.present(party)
        lane.absent, lane.absent_since_s = reason, self.heard_s
        return notes + self._ended(lane, lane.gate.finish())

    def present(self, party: Party) -> list[Note]:
        """What is fed for one party is its own audio again."""
        lane = self._lane(party)
        notes = self._absence(lane, self.heard_s)
        lane.absent, lane.missing_until_s = None, max(lane.missing_until_s, self.heard_s - BLOCK_S / 2)
        return notes

    def _lane(self, party: Party) -> _Lane:
        return next(lane for lane in self._lanes if lane.party == party)

    def _absence(self, lane: _Lane, until_s: float) -> list[Note]:
        """Tells of a party's absence so far."""
        start_s, lane.absent_since_s = lane.absent_since_s, until_s
        if lane.absent is None or until_s <= start_s:
            return []
        return [Gap(self.now_s, (lane.party,), round(start_s, 3), round(until_s, 3), lane.absent)]

    def close(self, reason: EndReason) -> list[Note]:
        """The tail: what is still held back, then speech still open, then the end."""
        notes = self._hear(self._decoder.finish())
        for lane in self._lanes:
            notes += self._absence(lane, self.heard_s)
            notes += self._ended(lane, lane.gate.finish())
        return [*notes, End(round(self.heard_s, 3), reason)]

    @property
    def now_s(self) -> float:
        """Media time of what has been heard through; the padding of the last block is not time."""
        return round(min(self._blocks * BLOCK_S, self.heard_s), 3)

    def _hear(self, blocks: Iterable[Int16]) -> list[Note]:
        return [note for block in blocks for note in self._block(block)]

    def _block(self, block: Int16) -> list[Note]:
        start_s = self._blocks * BLOCK_S
        here = [lane.absent is None and start_s >= lane.missing_until_s for lane in self._lanes]
        self._blocks += 1
        for row, lane in enumerate(self._lanes):
            if not here[row]:
                lane.skip(block[row])
                if lane.absent is not None:
                    self.quality.gap(lane.party, BLOCK_S, lane.absent)
                self.quality.missing(lane.party)
        if any(here):
            self._speech(block, here)
        notes: list[Note] = []
        now_s = self.now_s
        for lane in self._lanes:
            for segment in lane.closed:
                notes += self._ended(lane, segment)
            if window := lane.windower.during(lane.gate.start, now_s):
                notes.append(self._due(window))
        if self._blocks % BLOCKS_PER_TICK == 0 and self._blocks * BLOCK_S <= self.heard_s:
            notes += [QualityNote(self.now_s, verdict) for verdict in self.quality.second()]
            for lane in self._lanes:
                if self.now_s - lane.absent_since_s >= TELL_ABSENCE_S:
                    notes += self._absence(lane, self.now_s)
            notes.append(self._tick(here))
        return notes

    def _speech(self, block: Int16, here: Sequence[bool]) -> None:
        framed = np.zeros((2, len(self._lanes), BLOCK_FRAMES, FRAME_SAMPLES), np.float32)
        framed[0] = block.reshape(framed.shape[1:])
        np.subtract(framed[0, :, :, 1:], framed[0, :, :, :-1], out=framed[1, :, :, 1:])
        power = np.einsum("klfs,klfs->klf", framed, framed) * np.float32(1 / (FRAME_SAMPLES * 32768.0**2))
        levels, trebles = (10.0 * np.log10(power + SILENT_POWER)).tolist()
        powers = power[0].tolist()
        self.conversation.step(
            {
                lane.party: lane.step(block[row], levels[row], trebles[row], powers[row])
                if here[row]
                else lane.flags
                for row, lane in enumerate(self._lanes)
            }
        )
        voiced, flags = [lane.voiced for lane in self._lanes], [lane.flags for lane in self._lanes]
        self.quality.block(block, levels, voiced, flags)

    def _tick(self, here: Sequence[bool]) -> Tick:
        # a party that spoke is faded by its own windows; nobody fades while their audio is missing
        idle = {lane.party: there and not lane.spoke for lane, there in zip(self._lanes, here, strict=True)}
        for lane in self._lanes:
            lane.spoke = False
        return Tick(self.now_s, idle, self.conversation.snapshot(), not any(here))

    def _due(self, window: Window) -> Window | Observed:
        """What may be judged of a stretch of speech: no samples leave here where a profile refuses emotion.

        A profile that refuses the agent's refuses any channel that may hold the agent's voice.
        """
        own = self._agent_is_scored or self.quality.one_voice_a_channel
        return window if own and self._may_score[window.party] else Observed.of(window)

    def _ended(self, lane: _Lane, segment: tuple[int, int] | None) -> list[Note]:
        if segment is None:
            return []
        start, end = segment
        end_s = round(min(end * FRAME_S, self.heard_s), 3)
        notes: list[Note] = [Segment(self.now_s, lane.party, round(start * FRAME_S, 3), end_s)]
        if window := lane.windower.at_end(start, end, self.now_s):
            notes.append(self._due(window))
        return notes
