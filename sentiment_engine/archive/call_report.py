"""Many calls in numbers: by day, stage, kind of alert, leading cause, and after a phrase. No I/O.

Calls and alerts are added one by one and not kept. What is kept of them are sums, and for medians four bytes
a value. Nothing here knows who spoke, and nothing is counted by person.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec
import numpy as np


class _Effect(msgspec.Struct):
    id: str
    level: float
    level_after: float


class _Summary(msgspec.Struct):
    peak: float
    seconds_above: float
    effects: tuple[_Effect, ...] = ()


class _Ended(msgspec.Struct):
    summary: _Summary


class _Alert(msgspec.Struct):
    causes: dict[str, float]


_ended = msgspec.json.Decoder(_Ended)
_alert = msgspec.json.Decoder(_Alert)


class Median:
    """The median of levels, or of changes of a level: numbers from -1 to 1 with up to six digits."""

    def __init__(self) -> None:
        self._millionths = array("i")

    def __len__(self) -> int:
        return len(self._millionths)

    def add(self, value: float) -> None:
        """Takes one more."""
        self._millionths.append(round(1_000_000 * value))

    def value(self) -> float | None:
        """The one in the middle, or half way between the two; None without any."""
        if not self._millionths:
            return None
        return float(np.median(np.frombuffer(self._millionths, np.intc))) / 1_000_000


class _Tally:
    """Some calls."""

    def __init__(self) -> None:
        self.calls = self.with_alerts = self.alerts = self.above_ms = 0
        self.peaks = Median()

    def add(self, alerts: int, summary: _Summary | None) -> None:
        self.calls += 1
        self.with_alerts += alerts > 0
        self.alerts += alerts
        if summary is not None:
            self.peaks.add(summary.peak)
            self.above_ms += round(1000 * summary.seconds_above)

    def told(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "with_alerts": self.with_alerts,
            "alerts": self.alerts,
            "peak": self.peaks.value(),
            "seconds_above": self.above_ms / 1000,
        }


class _Phrase:
    """What followed after one phrase."""

    def __init__(self) -> None:
        self.changes, self.fell = Median(), 0


class CallReport:
    """What is counted.

    Args:
        zone: whose calendar the days are of.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._all = _Tally()
        self._days: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._stages: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._phrases: defaultdict[str, _Phrase] = defaultdict(_Phrase)
        self._kinds: Counter[str] = Counter()
        self._led: Counter[str] = Counter()
        self._seen = 0

    def add_call(self, started_ms: int, stage: str, alerts: int, ended: bytes | None) -> None:
        """Takes a call.

        Args:
            started_ms: milliseconds since 1970.
            stage: that with which it began.
            alerts: how many it has raised.
            ended: the body of its ``call.ended``; None while it goes on.
        """
        summary = None if ended is None else _ended.decode(ended).summary
        day = datetime.fromtimestamp(started_ms / 1000, self._zone).date().isoformat()
        for tally in (self._all, self._days[day], self._stages[stage]):
            tally.add(alerts, summary)
        for effect in () if summary is None else summary.effects:
            phrase = self._phrases[effect.id]
            phrase.changes.add(effect.level_after - effect.level)
            phrase.fell += effect.level_after < effect.level

    def add_alert(self, kind: str, body: bytes, *, seen: bool) -> None:
        """Takes an alert of one of the calls.

        Args:
            kind: as the event has it.
            body: of its newest event; the cause that gives most there leads.
            seen: whether anybody has acknowledged it.
        """
        self._kinds[kind] += 1
        self._seen += seen
        causes = _alert.decode(body).causes
        leading = max(causes, key=lambda cause: causes[cause], default=None)
        if leading is not None and causes[leading] > 0:
            self._led[leading] += 1

    def told(self) -> dict[str, Any]:
        """All of it, for JSON. Levels 0..1, times in seconds; ``peak`` and ``change`` are medians."""
        led = self._led.total()
        return {
            **self._all.told(),
            "seen": self._seen,
            "by_day": [{"day": day, **self._days[day].told()} for day in sorted(self._days)],
            "by_stage": [
                {"stage": stage, **tally.told()}
                for stage, tally in sorted(self._stages.items(), key=lambda one: (-one[1].calls, one[0]))
            ],
            "by_kind": [{"kind": kind, "alerts": alerts} for kind, alerts in _most_first(self._kinds)],
            "by_cause": [
                {"cause": cause, "alerts": alerts, "share": alerts / led}
                for cause, alerts in _most_first(self._led)
            ],
            "by_phrase": [
                {
                    "id": phrase,
                    "shown": len(found.changes),
                    "change": found.changes.value(),
                    "fell": found.fell / len(found.changes),
                }
                # where none was shown comes first: all others are to be compared with it
                for phrase, found in sorted(
                    self._phrases.items(), key=lambda one: (one[0] != "", -len(one[1].changes), one[0])
                )
            ],
        }


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
