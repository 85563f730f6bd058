"""What ``tune`` prints and writes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from sentiment_engine.batch.names import show
from sentiment_engine.cli.edge import complain
from sentiment_engine.cli.render import minutes
from sentiment_engine.errors import BadMessage
from sentiment_engine.events import Event
from sentiment_engine.settings import Settings
from sentiment_engine.tuning import picture, settings_file
from sentiment_engine.tuning.marks import Marks, check_within
from sentiment_engine.tuning.thresholds import Tally, propose, rules_to_try
from sentiment_engine.tuning.tracks import Spell, Track, follow
from sentiment_engine.tuning.whatif import Difference, Totals

if TYPE_CHECKING:
    from sentiment_engine.cli.reading import Reading

EVERY = 5
"""Rows of the table are so many hundredths of ``raise_at`` apart; ``--json`` has them all."""


class _Scored:
    """Whether the calls come out of a replay as they were scored."""

    def __init__(self) -> None:
        self.calls = self.others = 0

    def follow(self, call: Sequence[Event], settings: Settings) -> Track:
        """The call under the settings in force."""
        track = follow(call, settings)
        self.calls += 1
        self.others += not track.as_stored
        return track

    def notes(self) -> list[str]:
        """A warning where they do not."""
        if not self.others:
            return []
        return [
            f"{self.others} of {self.calls} calls do not come out as they were scored: name the settings "
            "they were scored with by --config, or score again; the figures are of the settings given now"
        ]


def propose_thresholds(
    reading: "Reading",
    settings: Settings,
    budget: float,
    marks: Marks | None,
    *,
    as_json: bool,
    plot: Path | None,
    config: Path | None,
    write: Path | None,
) -> None:
    """Counts, proposes, prints, draws and writes.

    Raises:
        BadMessage: nothing can be proposed; where thresholds were tried at all, the curve is printed first.
    """
    tallies = [Tally(rules) for rules in rules_to_try(settings)]
    scored, unmarked = _Scored(), 0

    def use(call: list[Event]) -> None:
        nonlocal unmarked
        track = scored.follow(call, settings)
        of_call = marks.of(track.call_id) if marks else None
        if marks is not None and of_call is None:
            unmarked += 1
            return
        check_within(of_call or (), track.duration_s)
        for tally in tallies:
            tally.add(track, of_call)

    calls = reading.each(use)
    notes = scored.notes()
    if unmarked:
        notes.append(f"{unmarked} of {calls} calls are not named in --marks and left out")
    if not calls:
        raise BadMessage("no call could be used: give .jsonl files from score --out")
    proposal, problem = None, None
    try:
        proposal = propose(tallies, budget, marked=marks is not None)
        notes += proposal.notes
    except BadMessage as reason:
        problem = reason
    if tallies[0].seconds:
        reports = [tally.report() for tally in tallies]
        told = {
            "budget_per_hour": budget,
            "calls": calls - unmarked,
            "hours": round(tallies[0].hours, 4),
            "alarms_are": "every alert" if marks is None else "false alarms by the marks",
            "proposed": proposal.chosen.report() if proposal else None,
            "in_force": next(row for row in reports if row["raise_at"] == settings.alerts.raise_at),
            "curve": reports,
            "notes": notes,
        }
        _print(told, as_json=as_json)
        if plot is not None:
            chosen = proposal.chosen.rules.raise_at if proposal else None
            picture.draw(plot, reports, chosen, budget)
    for note in notes:
        complain(f"note: {note}")
    if problem is not None:
        raise problem
    if write is not None and proposal is not None:
        settings_file.write(write, settings_file.with_thresholds(config, proposal.chosen.rules))


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        return
    console, proposed = Console(highlight=False, markup=False, soft_wrap=True), told["proposed"]
    console.print(_table(told))
    console.print(f"calls: {told['calls']}; call-hours in which an alert is an alarm: {told['hours']:.2f}")
    if proposed:
        console.print(
            f"proposed for at most {told['budget_per_hour']:g} alarms per call-hour: "
            + ", ".join(f"{name} {proposed[name]:g}" for name in settings_file.THRESHOLDS)
        )


def _table(told: dict[str, Any]) -> Table:
    marked = "recall" in told["in_force"]
    names = ["raise_at", "alarms", "per hour", "95 %"]
    names += ["recall", "95 %", "p50 s", "p95 s"] if marked else []
    table = Table(*names, "", box=None, padding=(0, 1, 0, 0))
    for row in told["curve"]:
        words = [name.replace("_", " ") for name in ("proposed", "in_force") if row == told[name]]
        if not words and round(100 * row["raise_at"]) % EVERY:
            continue
        cells = [f"{row['raise_at']:g}", str(row["alarms"]), *_with(row, "alarms_per_hour")]
        if marked:
            cells += [*_with(row, "recall"), *(_number(row[f"delay_{p}_s"]) for p in ("p50", "p95"))]
        table.add_row(*cells, ", ".join(words))
    return table


def _with(row: dict[str, Any], name: str) -> tuple[str, str]:
    """A figure and its interval."""
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.2f}", f"{low:.2f}-{high:.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def show_differences(reading: "Reading", settings: Settings, rules: Settings, *, as_json: bool) -> None:
    """Prints which alerts change in each call as it is replayed, then the totals.

    Raises:
        BadMessage: no call could be used.
    """
    totals, scored = Totals(), _Scored()
    console = Console(highlight=False, markup=False, soft_wrap=True)

    def use(call: list[Event]) -> None:
        before, after = scored.follow(call, settings), follow(call, rules)
        for one in totals.add(before, after):
            if as_json:
                told = {"call_id": before.call_id, **one.report()}
                sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
            else:
                console.print(f"{show(before.call_id)}: {sentence(one)}")

    if not reading.each(use):
        raise BadMessage("no call could be used: give .jsonl files from score --out")
    report = totals.report()
    if as_json:
        told = {"totals": report, "notes": scored.notes()}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        console.print(
            f"calls: {totals.calls}; call-hours: {totals.seconds / 3600:.2f}; "
            f"alerts before: {totals.before}, after: {totals.after}; "
            + ", ".join(f"{name}: {n}" for name, n in totals.changed.items())
        )
    for note in scored.notes():
        complain(f"note: {note}")


def sentence(one: Difference) -> str:
    """One alert's change in words."""
    if one.before is None or one.after is None:
        spell = one.before or one.after
        return f"{one.names[0]} {_alert(spell)}" if spell else ""
    said = [f"{abs(one.later_s or 0.0):g} s {name}" for name in one.names if name in ("earlier", "later")]
    if "kind" in one.names:
        said.append(f"now {one.after.kind}")
    if "severity" in one.names:
        said.append(f"now {one.after.severity}")
    return f"{_alert(one.before)}: {', '.join(said)}"


def _alert(spell: Spell) -> str:
    return f"{spell.severity} {spell.kind} at {minutes(spell.at_s)}"
