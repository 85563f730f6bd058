"""Which alerts on tension other rules gain, lose, or move."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment_engine.tuning.tracks import Spell, Track


@dataclass(frozen=True, slots=True)
class Difference:
    """One alert, before and after; one of the two is None where it was gained or lost."""

    before: Spell | None
    after: Spell | None

    @property
    def later_s(self) -> float | None:
        """How much later it is raised; negative: earlier; None where it was gained or lost."""
        return round(self.after.at_s - self.before.at_s, 3) if self.before and self.after else None

    @property
    def names(self) -> tuple[str, ...]:
        """What changed: of gained, lost, earlier, later, kind, severity; empty when nothing did."""
        if self.before is None or self.after is None:
            return ("lost",) if self.after is None else ("gained",)
        moved = self.later_s or 0.0
        return (
            *(("earlier",) if moved < 0 else ("later",) if moved > 0 else ()),
            *(("kind",) if self.before.kind != self.after.kind else ()),
            *(("severity",) if self.before.severity != self.after.severity else ()),
        )

    def report(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "changes": list(self.names),
            "later_s": self.later_s,
            "before": _plain(self.before),
            "after": _plain(self.after),
        }


def _plain(spell: Spell | None) -> dict[str, Any] | None:
    if spell is None:
        return None
    return {name: getattr(spell, name) for name in ("at_s", "until_s", "kind", "severity")}


def compare(before: Sequence[Spell], after: Sequence[Spell]) -> list[Difference]:
    """Pairs the alerts of one call, in order of time.

    Two that were open at the same time are one alert; of several, the first. So where one long alert becomes
    two, the second is gained.
    """
    left = list(after)
    pairs: list[Difference] = []
    for old in before:
        new = next((one for one in left if one.at_s <= old.until_s and old.at_s <= one.until_s), None)
        if new is not None:
            left.remove(new)
        pairs.append(Difference(old, new))
    pairs += [Difference(None, new) for new in left]
    return sorted(pairs, key=_since_s)


def _since_s(one: Difference) -> float:
    return min(spell.at_s for spell in (one.before, one.after) if spell)


NAMES = ("gained", "lost", "earlier", "later", "kind", "severity")


@dataclass(slots=True)
class Totals:
    """Of many calls."""

    calls: int = 0
    seconds: float = 0.0
    before: int = 0
    after: int = 0
    changed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))

    def add(self, before: Track, after: Track) -> list[Difference]:
        """One call under both rules; what changed in it."""
        self.calls += 1
        self.seconds += before.duration_s
        self.before += len(before.spells)
        self.after += len(after.spells)
        changed = [one for one in compare(before.spells, after.spells) if one.names]
        for one in changed:
            for name in one.names:
                self.changed[name] += 1
        return changed

    def report(self) -> dict[str, Any]:
        """As plain data."""
        hours = self.seconds / 3600
        return {
            "calls": self.calls,
            "hours": round(hours, 4),
            "alerts_before": self.before,
            "alerts_after": self.after,
            **self.changed,
        }
