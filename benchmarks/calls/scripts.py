"""The scripts: which moods, in which order, and how the parties take turns. A new one is a few lines here.

Moods are the manifest's emotions. Acts follow one another; an act whose party is `angry` is hot. In
`distress` the customer is sad or fearful, whichever the drawn speaker has.
"""

from __future__ import annotations

from dataclasses import dataclass

ANGRY, NEUTRAL, HAPPY, DISTRESS = "angry", "neutral", "happy", "distress"
DISTRESSED = ("sad", "fearful")


@dataclass(frozen=True, slots=True)
class Style:
    """How turns change hands.

    Of turn changes in calm talk 20 to 40 % overlap a little, and the median gap is about 0.2 s (Heldner &
    Edlund 2010; Stivers et al. 2009): so overlap by itself is no sign of anger.
    """

    overlap: float = 0.3
    """Share of turn changes in which the next speaker starts a little early."""
    interrupt: tuple[float, float] = (0.05, 0.05)
    """Chance that a turn of the agent, of the customer, begins by breaking in on the other's."""
    yields: float = 0.6
    """Chance that whoever is broken in on falls silent before the end."""
    backchannels: float = 4.0
    """Of the listener, a minute of the other's talk."""


CALM = Style()
TALKATIVE = Style(overlap=0.5, interrupt=(0.1, 0.1), backchannels=14.0)
LIVELY = Style(overlap=0.5, interrupt=(0.15, 0.15), yields=0.3, backchannels=10.0)
HEATED = Style(overlap=0.4, interrupt=(0.35, 0.35), yields=0.4, backchannels=2.0)
TALKED_OVER = Style(overlap=0.4, interrupt=(0.03, 0.8), yields=0.5, backchannels=2.0)


@dataclass(frozen=True, slots=True)
class Act:
    """A stretch of a call in which the moods stay as they are."""

    seconds: tuple[float, float]
    """Drawn evenly between these two."""
    agent: str = NEUTRAL
    customer: str = NEUTRAL
    style: Style = CALM
    louder_db: tuple[float, float] | None = None
    """How much louder the customer speaks from this act on, for good."""

    @property
    def moods(self) -> tuple[str, str]:
        """Agent's, customer's."""
        return self.agent, self.customer

    @property
    def hot(self) -> bool:
        """Whether anybody is angry."""
        return ANGRY in self.moods


@dataclass(frozen=True, slots=True)
class Script:
    """One kind of call."""

    acts: tuple[Act, ...]
    either: bool = False
    """What is written for the customer happens to the agent in half of the calls."""
    noisy: bool = False
    """Noise at 0-15 dB with steps, babble among it, on either line."""
    talk_over: bool = False
    """Calm voices, one of which keeps breaking in from the second act on."""

    @property
    def moods(self) -> frozenset[str]:
        """Every mood a speaker needs, whichever party he becomes."""
        return frozenset({NEUTRAL, *(mood for act in self.acts for mood in act.moods)})

    @property
    def kind(self) -> str:
        """`escalation`, `distress`, `talk_over` or `calm`: how its alerts are counted."""
        if any(act.hot for act in self.acts):
            return "escalation"
        if DISTRESS in self.moods:
            return "distress"
        return "talk_over" if self.talk_over else "calm"


BEFORE, HOT, AFTER = (45.0, 75.0), (28.0, 35.0), (20.0, 25.0)
LONG = (170.0, 190.0)

SCRIPTS: dict[str, Script] = {
    "calm": Script((Act(LONG),)),
    "noisy_calm": Script((Act(LONG),), noisy=True),
    "loud_calm": Script((Act((50.0, 70.0)), Act((100.0, 120.0), louder_db=(6.0, 10.0))), either=True),
    "cheerful": Script((Act(LONG, HAPPY, HAPPY, LIVELY),)),
    "talkative_calm": Script((Act(LONG, style=TALKATIVE),)),
    "customer_heats": Script((Act(BEFORE), Act(HOT, NEUTRAL, ANGRY, HEATED), Act(AFTER))),
    "agent_heats": Script((Act(BEFORE), Act(HOT, ANGRY, NEUTRAL, HEATED), Act(AFTER))),
    "both_heat": Script((Act(BEFORE), Act(HOT, ANGRY, ANGRY, HEATED), Act(AFTER))),
    "mutual": Script(
        (
            Act(BEFORE),
            Act((5.0, 10.0), NEUTRAL, ANGRY, HEATED),
            Act((22.0, 28.0), ANGRY, ANGRY, HEATED),
            Act(AFTER),
        ),
        either=True,
    ),
    "recovers": Script(
        (Act(BEFORE), Act((20.0, 30.0), NEUTRAL, ANGRY, HEATED), Act((60.0, 70.0))), either=True
    ),
    "hot_start": Script((Act((30.0, 35.0), NEUTRAL, ANGRY, HEATED), Act(AFTER)), either=True),
    "long_calm_then_hot": Script(
        (Act((240.0, 300.0)), Act(HOT, NEUTRAL, ANGRY, HEATED), Act(AFTER)), either=True
    ),
    "distressed": Script((Act((40.0, 60.0)), Act((40.0, 50.0), NEUTRAL, DISTRESS), Act(AFTER))),
    "talk_over": Script(
        (Act((40.0, 60.0)), Act((40.0, 50.0), style=TALKED_OVER), Act(AFTER)), either=True, talk_over=True
    ),
}
ONE_SIDED = {"music": "asterisk_moh", "prompts": "asterisk_prompts", "reading": "zh_neutral_samples"}
"""Calls with somebody, or something, on the customer's channel alone, and the corpus of each."""

ESCALATIONS = tuple(name for name, script in SCRIPTS.items() if script.kind == "escalation")
CALMS = tuple(name for name, script in SCRIPTS.items() if script.kind == "calm")
APART = tuple(name for name, script in SCRIPTS.items() if script.kind in ("distress", "talk_over"))
"""Neither anger to be found nor plain calm: reported on their own."""
