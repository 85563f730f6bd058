"""Windows over speech, and what a party usually sounds like.

The model hears the last seconds of a stretch of speech, once for every second of new speech. Its absolute
score is biased by voice and language (a loud, low, or foreign voice scores "angry" while calm), the score
relative to the speaker's own mean erases whoever is angry from the first word. So ``Baseline`` starts from
the calm voice of the training speakers and moves to the party's own as calm evidence accumulates; hot
windows hardly count as evidence.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from sentiment_engine.events import Party, Voice
from sentiment_engine.frames import BLOCK_FRAMES, BLOCK_S, FRAME_S, FRAME_SAMPLES, RATE_HZ, Float32, Int16
from sentiment_engine.pitch import pitch_semitones
from sentiment_engine.rate import syllables_per_s
from sentiment_engine.settings_hearing import WindowSettings
from sentiment_engine.settings_tension import BaselineSettings
from sentiment_engine.usual import Effort, Manner

LEAST_PROBABILITY = 0.001
"""Added to both sides of an odds: below this a score says nothing more."""
MOST_LOG_ODDS = 7.0
"""Hence the most that log odds can be."""


PIECES = 16
"""Most pieces of speech in one window beside its last; speech more broken than that says little."""


class EmotionModel(Protocol):
    """What the monitor asks of a model: names, a rate, and probabilities."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples it takes."""

    def __call__(self, windows: Sequence[Float32]) -> Float32:
        """Windows (samples,) in [-1, 1], each at least 0.5 s -> (windows, labels), rows sum to 1.

        A window's row must not depend on the other windows of the call, bit for bit.
        """


class Window(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A stretch of speech due for scoring."""

    party: Party
    start_s: float
    end_s: float
    at_s: float
    """Media time at which it became due."""
    voice: Voice
    """What was measured of it; as it is published."""
    samples: Float32
    """Mono at 8 kHz in [-1, 1), shape (samples,)."""


class Windower:
    """Remembers the last seconds of one channel and cuts windows out of them.

    A window reaches back over short pauses to earlier speech of the same turn, and leaves the pauses out: the
    model hears much more in three seconds of speech than in one (``benchmarks/windows.py``), and utterances
    are short. ``late_s`` is how long after its last voiced frame a segment may end: that much more is
    remembered. Once a turn is over, only the last ``early_s`` are: how long ago a segment may have begun
    when it is first heard of.
    """

    def __init__(self, settings: WindowSettings, party: Party, *, late_s: float, early_s: float) -> None:
        self._settings, self._party = settings, party
        self._longest_pause, self._early = round(settings.join_s / FRAME_S), round(early_s / FRAME_S)
        reach_s = settings.window_s + settings.pauses_s + late_s
        keep = math.ceil(reach_s / BLOCK_S) + 2  # a part of a block at either end
        self._blocks: deque[Int16] = deque(maxlen=keep)
        self._power: deque[tuple[int, float]] = deque(maxlen=keep)  # voiced frames of a block, their power
        self._blocks_seen = 0
        self._noise_db = 0.0
        self._covered = 0  # frame up to which windows have been cut
        self._ended: deque[tuple[int, int]] = deque(maxlen=PIECES)  # earlier segments

    def push(self, block: Int16, voiced_frames: int, voiced_power: float, noise_db: float) -> None:
        """The next block of this channel, shape (samples,).

        With its voiced frames, their summed power, and the channel's noise floor in dBFS.
        """
        self._noise_db = noise_db
        self._blocks.append(block)
        self._power.append((voiced_frames, voiced_power))
        self._blocks_seen += 1

    def during(self, start: int | None, at_s: float) -> Window | None:
        """A window due inside the open segment that began at frame ``start``."""
        end = self._blocks_seen * BLOCK_FRAMES
        if start is None:
            self._forget(end - self._early)
            return None
        if (end - max(start, self._covered)) * FRAME_S < self._settings.hop_s:
            return None
        return self._cut(start, end, at_s)

    def at_end(self, start: int, end: int, at_s: float) -> Window | None:
        """A window due because the segment ended with enough speech unheard."""
        unheard_s = (end - max(start, self._covered)) * FRAME_S
        window = self._cut(start, end, at_s) if unheard_s >= self._settings.hop_s / 3 else None
        self._ended.append((start, end))
        return window

    def _forget(self, next_start: int) -> None:
        """Between turns: what a segment that begins at frame ``next_start`` or later will not reach."""
        if self._ended and next_start - self._ended[-1][1] <= self._longest_pause:
            return
        while (self._blocks_seen - len(self._blocks) + 1) * BLOCK_FRAMES <= next_start:
            self._blocks.popleft()
            self._power.popleft()

    def _cut(self, start: int, end: int, at_s: float) -> Window | None:
        oldest = (self._blocks_seen - len(self._blocks)) * BLOCK_FRAMES
        pieces = self._pieces(start, end, oldest)
        if sum(b - a for a, b in pieces) * FRAME_S < self._settings.min_window_s:
            return None
        first = pieces[0][0]
        new_speech_s = (end - max(start, self._covered)) * FRAME_S
        self._covered = end
        audio = np.concatenate(self._blocks)
        heard = [audio[(a - oldest) * FRAME_SAMPLES : (b - oldest) * FRAME_SAMPLES] for a, b in pieces]
        in_window = list(self._power)[(first - oldest) // BLOCK_FRAMES : -(-(end - oldest) // BLOCK_FRAMES)]
        power = sum(p for _, p in in_window) / max(1, sum(n for n, _ in in_window))
        samples = np.concatenate(heard).astype(np.float32) / np.float32(32768.0)
        level_db = 10.0 * math.log10(power + 1e-10)
        return Window(
            party=self._party,
            start_s=round(first * FRAME_S, 3),
            end_s=min(round(end * FRAME_S, 3), at_s),  # the padding of the last block is not time
            at_s=at_s,
            voice=Voice(
                new_speech_s=round(new_speech_s, 3),
                speech_s=round(len(samples) / RATE_HZ, 3),
                level_db=round(level_db, 2),
                over_noise_db=round(level_db - self._noise_db, 2),
                pitch_st=_rounded(pitch_semitones(samples)),
                rate_sps=_rounded(syllables_per_s(samples)),
            ),
            samples=samples,
        )

    def _pieces(self, start: int, end: int, oldest: int) -> list[tuple[int, int]]:
        """Stretches of speech (first frame, frame after the last) that make the window, in order."""
        room = round(self._settings.window_s / FRAME_S)
        pieces: list[tuple[int, int]] = []
        for begun, ended in ((start, end), *reversed(self._ended)):
            if pieces and pieces[0][0] - ended > self._longest_pause:
                break
            first = max(begun, ended - room, oldest)
            if first >= ended:
                break
            pieces.insert(0, (first, ended))
            room -= ended - first
        return pieces


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def log_odds(p: float, q: float) -> float:
    """Log of p over q, two sums of probabilities; bounded because scores are rounded to four digits."""
    return math.log((p + LEAST_PROBABILITY) / (q + LEAST_PROBABILITY))


def sigmoid(x: float) -> float:
    """Probability of log odds."""
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def uncertainty(scores: Iterable[float]) -> float:
    """How little a row of probabilities says: its entropy over the most there can be (Shannon 1948), 0..1.

    0 is one label for certain, 1 is all alike. A row of one label is certain.
    """
    row = list(scores)
    if len(row) < 2:
        return 0.0
    entropy = -sum(p * math.log(p) for p in row if p > 0.0)
    return min(1.0, max(0.0, entropy / math.log(len(row))))  # rounded rows do not sum to 1 exactly


class Relative(msgspec.Struct, frozen=True, kw_only=True):
    """One window against its party's baseline."""

    anger: float
    """Anger over calm, in standard deviations above the party's calm voice."""
    against: float
    """Anger over sadness and fear, likewise: what an agitated voice rather is."""
    stirred: float = 0.0
    """Anything but calm over calm, likewise: in a voice that the model does not know, anger scatters over
    all other moods."""
    bare: float | None = None
    """Mean log odds of anger and of anything but calm, over calm, of all the party has said; None until it
    has said enough, and once it has said so much that its own calm voice must be known."""
    effort: Effort
    """How raised the voice is."""
    over_noise_db: float = 99.0
    """See `Voice`."""
    known_s: float
    """Seconds of calm speech the baseline rests on."""
    uncertain: float = 0.0
    """See `uncertainty`: what a window that could be anything says counts for less."""
    fresh: float = 1.0
    """Share of the window that no earlier one held, 0..1."""


class _Running:
    """Fading mean and spread of one measure, begun with a prior that weighs ``prior_s`` seconds.

    A deviation is judged by the predictive spread: that of the party's own windows plus the doubt about
    where the party's mean lies, which is large for a voice or language not heard before and shrinks with
    evidence (a normal mean with a normal prior; Gelman et al., Bayesian Data Analysis, 2.5).
    """

    def __init__(self, mean: float, settings: BaselineSettings) -> None:
        self._prior_mean, self._settings = mean, settings
        self._mean, self._variance = mean, settings.prior_spread**2

    def deviation(self, value: float, known_s: float) -> float:
        """How many standard deviations ``value`` lies above, given ``known_s`` seconds of evidence."""
        s = self._settings
        own = known_s / (known_s + s.prior_s)
        center = own * self._mean + (1 - own) * self._prior_mean
        variance = own * self._variance + (1 - own) * s.prior_spread**2
        doubt = (1 - own) * s.prior_doubt**2
        return (value - center) / math.sqrt(max(variance, s.least_spread**2) + doubt)

    def drawn(self, known_s: float) -> float:
        """How far the party's own mean lies off the prior one, as far as it is known."""
        return known_s / (known_s + self._settings.prior_s) * (self._mean - self._prior_mean)

    def learn(self, value: float, share: float) -> None:
        """Lets a value in, with its share of all evidence (West 1979, weighted update)."""
        difference = value - self._mean
        self._mean += share * difference
        self._variance = (1 - share) * (self._variance + share * difference**2)


class Baseline:
    """Running calm voice of one party in one call.

    Anger is measured as ``log(angry / neutral)``: between a party's calm and hot turns the probability of
    *neutral* moves most, in every language tried, while *angry against all others* depends on how the model
    splits anger from fear and joy in voices it does not know. What that split is worth is known once the
    party's calm voice is. So the odds of all other moods, less what that calm voice has of them beyond the
    usual, count with ``others`` beside neutral: laughter and grief are then less of an anger.
    """

    def __init__(self, settings: BaselineSettings) -> None:
        s = self._settings = settings
        self._anger = _Running(s.prior_anger, s)
        self._against = _Running(s.prior_against, s)
        self._others = _Running(s.prior_others, s)
        self._stirred = _Running(s.prior_stirred, s)
        self._manner = Manner(s)
        self._said_s = self._bare = 0.0
        self._calm_s = 0.0

    def compare(self, scores: Mapping[str, float], voice: Voice, evidence: float = 0.0) -> Relative:
        """Judges a window against the past, then lets it into the baseline as far as it is calm.

        ``evidence`` is what has accumulated against the party so far: once the baseline is known, it holds
        still while evidence stands, or anger that lasts would become the new calm.
        """
        s = self._settings
        calm = scores.get("neutral", 0.0)
        others = log_odds(max(0.0, sum(scores.values()) - calm - scores.get("angry", 0.0)), calm)
        moved = min(others - self._others.drawn(self._calm_s), MOST_LOG_ODDS)
        angry = log_odds(scores.get("angry", 0.0), calm)
        anger = angry - math.log1p(s.others * math.exp(moved))
        against = log_odds(scores.get("angry", 0.0), scores.get("sad", 0.0) + scores.get("fearful", 0.0))
        stirred = log_odds(max(0.0, sum(scores.values()) - calm), calm)
        self._said_s += voice.new_speech_s
        self._bare += voice.new_speech_s / self._said_s * ((angry + stirred) / 2 - self._bare)
        relative = Relative(
            bare=self._bare if s.bare_from_s <= self._said_s <= s.bare_until_s else None,
            anger=self._anger.deviation(anger, self._calm_s),
            against=self._against.deviation(against, self._calm_s),
            stirred=self._stirred.deviation(stirred, self._calm_s),
            effort=self._manner.compare(voice),
            over_noise_db=voice.over_noise_db,
            known_s=self._calm_s,
            uncertain=uncertainty(scores.values()),
            fresh=min(1.0, voice.new_speech_s / voice.speech_s),
        )
        own = self._calm_s / (self._calm_s + s.prior_s)
        calm_share = sigmoid((s.calm_below - relative.anger) / s.calm_width)
        weight = voice.new_speech_s * calm_share * 0.5 ** (own * evidence / s.hold)
        self._calm_s = min(self._calm_s + weight, s.memory_s)
        share = min(1.0, weight / self._calm_s) if self._calm_s else 0.0  # a window may outlast memory_s
        self._anger.learn(anger, share)
        self._against.learn(against, share)
        self._others.learn(others, share)
        self._stirred.learn(stirred, share)
        self._manner.learn(voice, weight)
        return relative
