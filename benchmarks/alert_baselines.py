"""What simpler systems would have said of the same calls, and the engine at other thresholds.

A baseline gets the threshold that suits it best **on these very calls**, at the engine's rate of false alarms
or the nearest above it: an advantage that the engine does not have. Time is judged by the engine's own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from benchmarks.alert_hearing import Heard, Raised, judge, raised
from benchmarks.alert_scoring import Tally
from sentiment_engine import Settings
from sentiment_engine.alerts import Alerts
from sentiment_engine.emotion import Window
from sentiment_engine.events import TensionUpdated
from sentiment_engine.listening import Tick
from sentiment_engine.settings_alerts import AlertSettings
from sentiment_engine.tension import Level

Track = list[tuple[float, float]]
"""Media time and value, once a second."""
SPEECH_HALF_LIFE_S = 4.0
"""Of the mean anger in `absolute_track`."""
LEVELS = (*(round(0.01 * n, 2) for n in range(8, 100)), 0.995)
OPERATING_LEVELS = (
    0.15,
    0.2,
    0.25,
    0.3,
    0.35,
    0.4,
    0.45,
    0.5,
    0.55,
    0.6,
    0.65,
    0.7,
    0.75,
    0.8,
    0.85,
    0.9,
    0.95,
)


def alarms(settings: Settings, track: Track, threshold: float) -> list[Raised]:
    """When a plain threshold on a track raises alerts, under the engine's own duration and cooldown."""
    top = 1 - 1e-9
    rules = msgspec.structs.replace(
        settings.alerts, raise_at=0.5, clear_at=0.499, warning_at=top, critical_at=top
    )
    alerts = Alerts(rules)
    high, low = (Level(level, 0.0, {}, {}, {}) for level in (0.9, 0.0))
    changes = [(at_s, alerts.step(at_s, high if value >= threshold else low)) for at_s, value in track]
    return [Raised(at_s) for at_s, change in changes if change and change.what == "raised"]


def loudness_track(heard: Heard) -> Track:
    """The most by which a window's speech (dB) stood above its party's median so far."""
    out: Track = []
    past: dict[str, list[float]] = {"agent": [], "customer": []}
    rise = 0.0
    for note, _ in heard.log:
        if isinstance(note, Window):
            levels = past[note.party]
            if len(levels) >= 3:
                rise = max(rise, note.voice.level_db - float(np.median(levels)))
            levels.append(note.voice.level_db)
        elif isinstance(note, Tick):
            out.append((note.at_s, rise))
            rise = 0.0
    return out


def overlap_track(heard: Heard) -> Track:
    """The engine's own overlap ratio."""
    return [(note.at_s, note.snapshot.overlap_ratio) for note, _ in heard.log if isinstance(note, Tick)]


def absolute_track(heard: Heard, angry: int) -> Track:
    """Probability of anger as the model gives it (column `angry`), a fading mean; the angrier party's."""
    out: Track = []
    mean = {"agent": 0.0, "customer": 0.0}
    for note, scores in heard.log:
        if isinstance(note, Window) and scores is not None:
            keep = 0.5 ** (note.voice.new_speech_s / SPEECH_HALF_LIFE_S)
            mean[note.party] = keep * mean[note.party] + (1 - keep) * float(scores[angry])
        elif isinstance(note, Tick):
            out.append((note.at_s, max(mean.values())))
    return out


def emotion_track(heard: Heard, settings: Settings, labels: Sequence[str]) -> Track:
    """The engine's level with nothing but each party's anger against its own baseline."""
    events = judge(heard, emotion_only(settings), labels)
    return [(event.at_s, event.level) for event in events if isinstance(event, TensionUpdated)]


def emotion_only(settings: Settings) -> Settings:
    """Settings in which every weight but anger's, and every effect of effort, is zero."""
    names = msgspec.structs.fields(settings.tension)
    zero = {
        field.name: 0.0
        for field in names
        if (field.name.endswith("_weight") and field.name != "anger_weight")
        or field.name.startswith("effort_")
    }
    return msgspec.structs.replace(settings, tension=msgspec.structs.replace(settings.tension, **zero))


def best_baseline(
    heard: Sequence[Heard],
    settings: Settings,
    track: Callable[[Heard], Track],
    thresholds: Sequence[float],
    false_budget: float,
) -> tuple[float, Tally]:
    """The threshold with the highest recall, and what it does.

    It may have as many false alarms an hour as the lowest rate at or above the budget that any threshold has;
    where every threshold stays under the budget, no more than that.
    """
    tracks = [(one.truth, track(one)) for one in heard]
    tried: list[tuple[float, Tally]] = []
    for threshold in thresholds:
        tally = Tally()
        for truth, values in tracks:
            tally.add(truth, alarms(settings, values, threshold))
        tried.append((threshold, tally))
    above = [tally.false_per_hour for _, tally in tried if tally.false_per_hour >= false_budget]
    allowed = min(above) if above else false_budget
    within = [one for one in tried if one[1].false_per_hour <= allowed]
    return max(within, key=lambda one: (one[1].recall, -one[1].false_per_hour))


def raising_at(alerts: AlertSettings, raise_at: float) -> AlertSettings:
    """The same rules at another threshold; the lower one keeps its share of it, severities stay above."""
    return msgspec.structs.replace(
        alerts,
        raise_at=raise_at,
        clear_at=raise_at * alerts.clear_at / alerts.raise_at,
        warning_at=max(raise_at, alerts.warning_at),
        critical_at=max(raise_at, alerts.critical_at),
    )


def operating_curve(
    heard: Sequence[Heard], settings: Settings, labels: Sequence[str], levels: Sequence[float]
) -> list[tuple[float, Tally]]:
    """The engine judged again at each `raise_at`."""
    out = []
    for level in levels:
        moved = msgspec.structs.replace(settings, alerts=raising_at(settings.alerts, level))
        tally = Tally()
        for one in heard:
            tally.add(one.truth, raised(judge(one, moved, labels)))
        out.append((level, tally))
    return out
