"""Totals as a report: rates and shares with their intervals, the same figures for machines and for pages."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from sentiment_engine.alerts import SEVERITIES
from sentiment_engine.events import STAGES
from sentiment_engine.phrases import BASES
from sentiment_engine.report.totals import PhraseTally, Totals
from sentiment_engine.tuning.intervals import garwood, wilson

EXACT_UP_TO = 1000
"""Counts from which on Garwood's interval takes long, and Byar's approximation agrees with it to 0.1 %."""


def rate_interval(count: int, hours: float) -> list[float] | None:
    """95 % interval of a rate an hour: exact, or Byar's approximation for large counts; None of no hour."""
    if count <= EXACT_UP_TO or not hours:
        return garwood(count, hours)
    z, more = 1.959964, count + 1
    low = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3
    high = more * (1 - 1 / (9 * more) + z / (3 * math.sqrt(more))) ** 3
    return [round(low / hours, 3), round(high / hours, 3)]


def report_of(totals: Totals) -> dict[str, Any]:
    """The report as plain values: what ``report --format json`` prints.

    Rates are per call-hour; ``interval`` is of 95 %; shares are of calls unless they say of what.
    """
    hours = totals.heard_ms / 3_600_000
    return {
        "calls": totals.calls,
        "hours": round(hours, 4),
        "events": _sorted(totals.events),
        "alerts": {
            **_rate(totals.alerts, hours),
            "calls_with_an_alert": _share(totals.alerted, totals.calls),
            "by_kind": {kind: _rate(count, hours) for kind, count in _most(totals.kinds)},
            "by_severity": {one: _rate(totals.severities[one], hours) for one in SEVERITIES},
            "by_stage": {
                stage: {
                    "calls": totals.calls_by_stage[stage],
                    "hours": round(totals.ms_by_stage[stage] / 3_600_000, 4),
                    **_rate(totals.stages[stage], totals.ms_by_stage[stage] / 3_600_000),
                }
                for stage in STAGES
                if totals.calls_by_stage[stage]
            },
            "by_cause": {
                cause: {
                    **_rate(totals.led[cause], hours),
                    "named": totals.named[cause],
                    "basis": next((list(bases) for name, bases in BASES.items() if name == cause), []),
                }
                for cause in _causes(totals)
            },
        },
        "share_of_time_above": round(totals.above_ms / totals.heard_ms, 4) if totals.heard_ms else None,
        "phrases": [
            _phrase(phrase, tally)
            for phrase, tally in sorted(
                totals.phrases.items(), key=lambda one: (not one[0], -len(one[1].changes), one[0])
            )
            if tally.changes
        ],
        "quality": _spans(totals, totals.poor_ms, totals.poor_calls),
        "gaps": _spans(totals, totals.gap_ms, totals.gap_calls),
        "refused": [
            {"party": party, "basis": basis, **_share(calls, totals.calls)}
            for (party, basis), calls in sorted(totals.refused.items())
        ],
        "profiles": _sorted(totals.profiles),
        "ended": _sorted(totals.endings),
        "notes": list(NOTES),
    }


NOTES = (
    "one call proves nothing: phrases are shown when tension is high, and what is high mostly comes down by "
    "itself (regression to the mean); compare phrases with each other and with alerts that showed none "
    '(id "")',
    "alerts of one call depend on each other: true intervals are wider than those given",
    "nothing here is about single people; scores rank nobody and decide nothing",
)


def _rate(count: int, hours: float) -> dict[str, Any]:
    return {
        "count": count,
        "per_hour": round(count / hours, 3) if hours else None,
        "interval": rate_interval(count, hours),
    }


def _share(count: int, of: int) -> dict[str, Any]:
    return {
        "count": count,
        "of": of,
        "share": round(count / of, 3) if of else None,
        "interval": wilson(count, of),
    }


def _phrase(phrase: str, tally: PhraseTally) -> dict[str, Any]:
    """One phrase: how often tension was lower than before when it was last followed."""
    return {
        "id": phrase,
        "text": tally.text,
        "language": tally.language,
        "technique": tally.technique,
        "shown": len(tally.changes),
        "followed_to_the_end": tally.whole,
        "fell": _share(sum(change < 0 for change in tally.changes), len(tally.changes)),
        "median_change": round(median(tally.changes), 3) + 0.0,  # no minus zero
    }


def _spans(
    totals: Totals, times_ms: Mapping[tuple[str, str], int], calls: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    return [
        {
            "party": party,
            "reason": reason,
            "seconds": round(times_ms[party, reason] / 1000, 1),
            "calls": _share(calls[party, reason], totals.party_calls[party]),
        }
        for party, reason in sorted(times_ms)
    ]


def _causes(totals: Totals) -> list[str]:
    known = set(totals.led) | set(totals.named)
    return sorted(known, key=lambda cause: (not cause, -totals.led[cause], cause))


def _most(counter: Counter[str]) -> Iterable[tuple[str, int]]:
    return sorted(counter.items(), key=lambda one: (-one[1], one[0]))


def _sorted(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items()))
