"""All of it to one level, with causes that add up.

``logit(level) = bias + sum(contributions)``; every contribution is zero or more, so a cause can only raise
tension and its share of the level can be read off. Time is media time: a party's evidence fades with that
party's own speech (fast: fresh speech is better evidence) and, more slowly, with the clock. Across a gap
nothing fades: silence we could not hear is not calm.
"""

import math
from collections.abc import Collection, Mapping, Sequence

import msgspec

from sentiment_engine.emotion import Relative, sigmoid
from sentiment_engine.events import Cause, Party, Snapshot
from sentiment_engine.settings_tension import TensionSettings
from sentiment_engine.usual import Effort

ANGER: dict[Party, Cause] = {"agent": "agent_anger", "customer": "customer_anger", "mixed": "anger"}

LEVEL_LIMIT = 9.0
"""Log odds of the highest level, 0.9999: more says nothing, and in six digits its causes would not add up."""

MOST_DEVIATIONS = 5.0
"""Of level, pitch, rate, or anger against distress in one window, either way: more is a hand over the
microphone, or the pitch an octave off; and a state has to last."""


class Heat(msgspec.Struct, frozen=True):
    """What one party's voice has shown so far.

    Anger accumulates as in a cumulative sum test (Page 1954): every second of speech adds its deviation less
    a drift, never below zero. So a single hot window says little, a lasting change says more and more, and
    calm speech takes back what hot speech brought. A deviation towards anger weighs more in a raised voice
    and less in a lowered one, see ``effort``. Windows overlap, and what they share errs alike: the new half
    of one counts seven tenths. All else are fading means over the party's speech.
    """

    anger: float = 0.0
    """Accumulated evidence, deviations times seconds. Of a customer, part of it may be distress."""
    against: float = 0.0
    """Anger against sadness and fear, standard deviations."""
    louder_db: float = 0.0
    higher_st: float = 0.0
    faster: float = 0.0
    """Octaves of rate."""

    def after_window(self, relative: Relative, new_speech_s: float, settings: TensionSettings) -> "Heat":
        """The state once a window has been scored."""
        keep = 0.5 ** (new_speech_s / settings.speech_half_life_s)
        sure = 1.0 - settings.uncertain_discount * relative.uncertain
        if settings.noisy_db:
            sure *= min(1.0, max(0.0, relative.over_noise_db) / settings.noisy_db)
        share = settings.stirred_share
        voice = (1.0 - share) * relative.anger + share * relative.stirred
        anger = voice + effort(voice, relative.effort, settings)
        anger = max(-settings.anger_most, min(settings.anger_most, anger))
        gained = sure * math.sqrt(relative.fresh) * new_speech_s * (anger - settings.anger_drift)
        evidence = min(max(0.0, self.anger + gained), settings.anger_limit)
        if relative.bare is not None and relative.bare >= settings.bare_at:
            evidence = settings.anger_limit  # hot from the start: no calm voice to be judged against
        new = 1.0 - keep
        return Heat(
            evidence,
            keep * self.against + new * _limited(relative.against),
            keep * self.louder_db + new * relative.effort.louder_db,
            keep * self.higher_st + new * relative.effort.higher_st,
            keep * self.faster + new * relative.effort.faster,
        )

    def after_silence(self, seconds: float, half_life_s: float) -> "Heat":
        """The state after time in which the party said nothing that could be scored."""
        keep = 0.5 ** (seconds / half_life_s)
        return Heat(*(keep * value for value in msgspec.structs.astuple(self)))


class Level(msgspec.Struct, frozen=True):
    """Tension at one moment."""

    level: float
    bias: float
    causes: dict[Cause, float]
    by: dict[Cause, Party]
    """Whose behaviour a cause is, where timing alone does not tell."""
    heat: dict[Party, float]


class Tension:
    """The level of one call."""

    def __init__(
        self, settings: TensionSettings, parties: Sequence[Party], observed: Collection[Party] = ()
    ) -> None:
        self._settings = settings
        self._observed = frozenset(observed)
        """Parties of whom no emotion may be inferred: they have no heat, and only a raised voice."""
        self._heat: dict[Party, Heat] = dict.fromkeys(parties, Heat())

    def evidence(self, party: Party) -> float:
        """Anger accumulated against a party, deviations times seconds."""
        return self._heat[party].anger

    def shown(self, party: Party) -> Heat:
        """What a party's voice has shown so far."""
        return self._heat[party]

    def hear(self, party: Party, relative: Relative, new_speech_s: float) -> None:
        """One scored window of a party."""
        self._heat[party] = self._heat[party].after_window(relative, new_speech_s, self._settings)

    def notice(self, party: Party, effort: Effort, new_speech_s: float) -> None:
        """How raised one stretch of speech was, of a party whose emotion is not judged."""
        heat = self._heat[party]
        keep = 0.5 ** (new_speech_s / self._settings.speech_half_life_s)
        self._heat[party] = msgspec.structs.replace(
            heat,
            louder_db=keep * heat.louder_db + (1.0 - keep) * effort.louder_db,
            higher_st=keep * heat.higher_st + (1.0 - keep) * effort.higher_st,
            faster=keep * heat.faster + (1.0 - keep) * effort.faster,
        )

    def forget(self, party: Party) -> None:
        """What was held against a party turns out to be somebody else's."""
        self._heat[party] = Heat()

    def tick(
        self, seconds: float, idle: Mapping[Party, bool], snapshot: Snapshot, words: float = 0.0
    ) -> Level:
        """The level after ``seconds`` more of media time.

        ``idle`` says who was heard and silent; ``words`` is what cues in transcripts add, log odds.
        """
        s = self._settings
        for party, silent in idle.items():
            if silent:
                self._heat[party] = self._heat[party].after_silence(seconds, s.idle_half_life_s)
        own = {party: self._own(party, heat) for party, heat in self._heat.items()}
        causes: dict[Cause, float] = {}
        by: dict[Cause, Party] = {}
        for party, contributions in own.items():
            for cause, value in contributions.items():
                if value > causes.get(cause, 0.0):
                    causes[cause], by[cause] = value, party
        both = min(causes.get("agent_anger", 0.0), causes.get("customer_anger", 0.0))
        causes["mutual_escalation"] = s.mutual_weight * both
        causes["overlap"] = self._timing(s.overlap_weight, snapshot.overlap_ratio - s.overlap_over)
        # one that takes the floor counts twice
        broken_in = {p: n + snapshot.successes.get(p, 0.0) for p, n in snapshot.interruptions.items()}
        causes["interruptions"] = self._timing(s.interruption_weight, sum(broken_in.values()))
        silence_s = max([snapshot.silence_s, *snapshot.unanswered_s.values()])
        causes["silence"] = self._timing(s.silence_weight, silence_s - s.silence_over_s)
        by |= _most("overlap", snapshot.overlap_by) | _most("interruptions", broken_in)
        by |= _most("silence", snapshot.unanswered_s)
        causes["words"] = words
        room = LEVEL_LIMIT - s.bias
        share = room / max(room, sum(causes.values()))
        causes = {cause: round(share * value, 4) for cause, value in causes.items() if value >= 0.0005}
        return Level(
            level=round(sigmoid(s.bias + sum(causes.values())), 6),
            bias=s.bias,
            causes=causes,
            by=by,
            heat={
                party: round(sigmoid(s.bias + sum(own[party].values())), 4)
                for party in own
                if party not in self._observed
            },
        )

    def _own(self, party: Party, heat: Heat) -> dict[Cause, float]:
        s = self._settings
        causes: dict[Cause, float] = {
            ANGER[party]: s.anger_weight * heat.anger,
            "raised_voice": min(s.timing_limit, raised(heat, s)),
        }
        if party in self._observed:
            del causes[ANGER[party]]
        elif party == "customer":
            # one agitated voice has so much evidence, whichever of the two it is named
            angry = sigmoid((heat.against - s.distress_at) / s.distress_width)
            causes["customer_distress"] = (1.0 - angry) * causes["customer_anger"]
            causes["customer_anger"] *= angry
        return causes

    def _timing(self, weight: float, over: float) -> float:
        return min(self._settings.timing_limit, weight * max(0.0, over))


def raised(heat: Heat, settings: TensionSettings) -> float:
    """Vocal effort: louder, higher, faster than the party's own calm voice (Traunmüller & Eriksson 2000)."""
    s = settings
    louder = s.louder_weight * max(0.0, heat.louder_db - s.louder_over_db)
    higher = s.higher_weight * max(0.0, heat.higher_st - s.higher_over_st)
    return louder + higher + s.faster_weight * max(0.0, heat.faster - s.faster_over)


def effort(voice: float, effort: Effort, settings: TensionSettings) -> float:
    """What vocal effort adds to a window's deviation towards anger, or takes off it; in deviations.

    Between calm and angry windows level and pitch tell about as much as the emotion model does. A quieter,
    lower voice makes anger less likely. A raised one adds at most ``effort_most`` times ``voice``, what
    the voice itself says: who is merely loud is not angry.
    """
    raised_by = (
        settings.effort_loud * _limited(effort.loud)
        + settings.effort_high * _limited(effort.high)
        + settings.effort_fast * _limited(effort.fast)
    )
    return min(raised_by, settings.effort_most * max(0.0, voice))


def _most(cause: Cause, shares: Mapping[Party, float]) -> dict[Cause, Party]:
    """Whose a cause is: whoever has most of it; nobody's where nobody has any."""
    party = max(shares, key=lambda p: shares[p], default=None)
    return {cause: party} if party is not None and shares[party] > 0.0 else {}


def _limited(deviations: float) -> float:
    return max(-MOST_DEVIATIONS, min(MOST_DEVIATIONS, deviations))
