"""One call's part in the totals, from its events."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from sentiment_engine.alerts import SEVERITIES
from sentiment_engine.effects import AFTER_S
from sentiment_engine.errors import BadMessage
from sentiment_engine.events import (
    Alert,
    AlertAcknowledged,
    AlertAnswered,
    AlertAssigned,
    AlertRaised,
    AudioGap,
    CallEnded,
    CallStarted,
    Cause,
    Effect,
    Event,
    QualityChanged,
    Severity,
    Suggestion,
)
from sentiment_engine.flagged import FlagKind
from sentiment_engine.integrity import Integrity
from sentiment_engine.report.totals import PhraseTally, Totals

KINDS = frozenset({"tension", *get_args(Cause), *get_args(FlagKind)})
LONGEST_S = 1e7
"""A third of a year; no call is longer, and sums of what is stay exact."""


class Count:
    """One call on its way into the totals, event by event; keeps little of it."""

    def __init__(self) -> None:
        self._types: Counter[str] = Counter()
        self._integrity: Integrity | None = None
        self._started: CallStarted | None = None
        self._last: Event | None = None
        self._kept: list[Event] = []

    def tell(self, event: Event) -> None:
        """Takes the next event. What people say of alerts may come anywhere.

        Raises:
            BadMessage: it cannot stand there in one whole call; names what is wrong and the remedy.
        """
        self._types[str(type(event).__struct_config__.tag)] += 1
        if isinstance(event, AlertAcknowledged | AlertAnswered | AlertAssigned):
            return
        if self._integrity is not None:
            self._integrity.next(event)
        elif isinstance(event, CallStarted):
            self._started, self._integrity = event, Integrity(event)
        else:
            raise BadMessage("does not begin with call.started: score the recording again")
        self._last = event
        if isinstance(event, Alert | QualityChanged | AudioGap):
            self._kept.append(event)

    def done(self) -> Totals:
        """The call's part in the totals.

        Raises:
            BadMessage: the call has no end, or holds numbers that no call has.
        """
        started, ended = self._started, self._last
        if started is None or not isinstance(ended, CallEnded):
            raise BadMessage("breaks off before call.ended: score the recording again")
        heard_ms = _ms(ended.duration_s)
        totals = Totals(
            calls=1, heard_ms=heard_ms, above_ms=_ms(ended.summary.seconds_above), events=self._types
        )
        totals.endings[ended.reason] = 1
        totals.profiles[started.profile or ""] = 1
        totals.calls_by_stage[started.stage] = 1
        totals.ms_by_stage[started.stage] = heard_ms
        totals.party_calls.update(set(started.channels))
        totals.refused.update(
            (party, basis) for party, bases in started.refused.items() for basis in set(bases)
        )
        _add_alerts(totals, started, [event for event in self._kept if isinstance(event, Alert)])
        _add_quality(totals, [*self._kept, ended])
        _add_effects(totals, ended.summary.effects)
        return totals


def totals_of(call: Iterable[Event]) -> Totals:
    """One call's part in the totals.

    Raises:
        BadMessage: the events are not those of one whole call; names what is wrong and the remedy.
    """
    count = Count()
    for event in call:
        count.tell(event)
    return count.done()


def _add_alerts(totals: Totals, started: CallStarted, alerts: Sequence[Alert]) -> None:
    worst: dict[str, Severity] = {}
    for alert in alerts:
        if isinstance(alert, AlertRaised):
            if alert.kind not in KINDS:
                raise BadMessage(
                    f"event {alert.seq} (alert.raised): the kind of alert {alert.kind[:60]!r} is unknown: "
                    "sum it up with the engine that scored it"
                )
            causes = sorted(alert.causes, key=lambda cause: (-alert.causes[cause], cause))
            totals.alerts += 1
            totals.kinds[alert.kind] += 1
            totals.stages[started.stage] += 1
            totals.led[causes[0] if causes else ""] += 1
            totals.named.update(causes)
            worst[alert.alert_id] = alert.severity
        elif alert.alert_id in worst:
            worst[alert.alert_id] = max(worst[alert.alert_id], alert.severity, key=SEVERITIES.index)
        for phrase in alert.suggestions:
            _name(totals, phrase)
    totals.severities.update(worst.values())
    totals.alerted = bool(totals.alerts)


def _name(totals: Totals, phrase: Suggestion) -> None:
    tally = totals.phrases.setdefault(phrase.id, PhraseTally())
    tally.name(phrase.text, phrase.language, phrase.technique)


def _add_quality(totals: Totals, events: Sequence[Event]) -> None:
    now: dict[str, QualityChanged] = {}
    poor: set[tuple[str, str]] = set()
    gaps: set[tuple[str, str]] = set()
    for event in events:
        if isinstance(event, AudioGap):
            totals.gap_ms[event.party, event.reason] += max(0, _ms(event.end_s) - _ms(event.start_s))
            gaps.add((event.party, event.reason))
        # what a change ends, or the call's end
        over = (
            [event.party]
            if isinstance(event, QualityChanged)
            else list(now)
            if isinstance(event, CallEnded)
            else []
        )
        for party in over:
            before = now.pop(party, None)
            if before:
                poor.update((party, reason) for reason in before.reasons)
                lasted_ms = _ms(event.at_s) - _ms(before.at_s)
                totals.poor_ms.update({(party, reason): lasted_ms for reason in before.reasons})
        if isinstance(event, QualityChanged):
            now[event.party] = event
    totals.poor_calls.update(poor)
    totals.gap_calls.update(gaps)


def _add_effects(totals: Totals, effects: Sequence[Effect]) -> None:
    for effect in effects:
        if not (0 <= effect.level <= 1 and 0 <= effect.level_after <= 1):
            raise BadMessage(
                "call.ended: the effect of a phrase has a level outside 0..1: score the recording again"
            )
        tally = totals.phrases.setdefault(effect.id, PhraseTally())
        tally.changes.append(effect.level_after - effect.level)
        tally.whole += effect.after_s >= AFTER_S


def _ms(seconds: float) -> int:
    if not 0 <= seconds <= LONGEST_S:
        raise BadMessage(f"a time of {seconds:g} s is outside 0..{LONGEST_S:g}: score the recording again")
    return round(1000 * seconds)
