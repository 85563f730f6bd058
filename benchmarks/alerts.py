"""Do alerts come when a call heats up, only then, and for the right cause?

    python -m benchmarks.alerts            the reported set: speakers and corpora nothing was fitted on
    python -m benchmarks.alerts --quick    a few calls, for continuous integration; writes nothing

Synthetic calls (benchmarks/calls) of the `eval` and `calm` splits. How alerts are counted stands in
`alert_scoring.py`, what the baselines are given in `alert_baselines.py`. Distress and talking over are on
rows of their own: an alert that names them is right, none is no miss, one that names anger is false.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as a script, too

from benchmarks.alert_baselines import (
    LEVELS,
    OPERATING_LEVELS,
    absolute_track,
    best_baseline,
    emotion_track,
    loudness_track,
    operating_curve,
    overlap_track,
)
from benchmarks.alert_hearing import Heard, Raised, hear, hear_all, judge, raised
from benchmarks.alert_scoring import Tally, precisions
from benchmarks.calls import CALMS, ESCALATIONS, ONE_SIDED, SCRIPTS, Studio, Truth, counts_for, recipes
from benchmarks.corpora import data_root
from sentiment_engine import Settings
from sentiment_engine.onnx_model import load_emotion_model

__all__ = ["Heard", "Raised", "Tally", "hear", "judge", "raised"]

RESULTS = Path(__file__).parent / "results" / "alerts.json"
EVAL_CORPORA = ("ased", "tess", "casia")
SEED = 1132
"""Drawn once, after the last change of a rule, the model or the generator: draw another after the next."""
COUNTED = (*ESCALATIONS, *CALMS, *ONE_SIDED)
"""Scripts of the engine's row and of the baselines'."""
LINES: dict[str, Callable[[Truth], bool]] = {
    "agc": lambda truth: any(line.agc for line in truth.lines),
    "noise": lambda truth: any(line.snr_db is not None for line in truth.lines),
    "loss": lambda truth: any(line.loss > 0 for line in truth.lines),
    "echo": lambda truth: any(line.echo_db is not None for line in truth.lines),
    "codec": lambda truth: any(line.codec is not None for line in truth.lines),
    "plain": lambda truth: (
        not any(
            line.agc or line.snr_db is not None or line.loss or line.echo_db is not None or line.codec
            for line in truth.lines
        )
    ),
}
"""Calls either of whose lines does so; `plain`: neither line does any of it."""
PARTIES: dict[str, tuple[str, ...]] = {
    "agent": ("agent",),
    "customer": ("customer",),
    "both": ("agent", "customer"),
}
SHOWN = {
    "recall": "recall",
    "recall_within_15_s": "<= 15 s",
    "false_alarms_per_hour": "false/h",
    "calm_hours": "calm h",
    "delay_p50_s": "delay p50",
    "delay_p95_s": "p95",
    "cause_accuracy": "causes",
}


def main() -> None:
    """Prints the table; writes the results unless `--quick`."""
    options = arguments()
    settings, model = Settings(), load_emotion_model()
    studio = Studio(data_root(), "eval")
    counts = counts_for(
        escalations=options.escalations,
        calm_hours=options.calm_hours,
        apart=max(2, options.escalations // 6),
    )
    todo = recipes(studio, counts, EVAL_CORPORA, options.seed)
    heard = list(hear_all(todo, studio, settings, model, processes=options.processes))
    said = [raised(judge(one, settings, model.labels)) for one in heard]

    def tally(keep: Callable[[Truth], bool]) -> Tally:
        result = Tally()
        for one, alerts in zip(heard, said, strict=True):
            if keep(one.truth):
                result.add(one.truth, alerts)
        return result

    engine = tally(counted)
    groups: dict[str, dict[str, Tally]] = {
        "per_corpus": {c: tally(lambda t, c=c: t.corpus == c and counted(t)) for c in EVAL_CORPORA},
        "per_script": {s: tally(lambda t, s=s: t.script == s) for s in (*SCRIPTS, *ONE_SIDED)},
        "per_party": {
            p: tally(lambda t, who=who: counted(t) and whose(t) == who) for p, who in PARTIES.items()
        },
        "per_line": {name: tally(lambda t, has=has: counted(t) and has(t)) for name, has in LINES.items()},
    }
    judged = [one for one in heard if counted(one.truth)]
    # at a rate of nothing a baseline could be silenced by one unlucky second: one false alarm is allowed
    baselines = run_baselines(
        judged, settings, model.labels, max(engine.false_per_hour, 1 / engine.calm_hours)
    )
    curve = [] if options.quick else operating_curve(judged, settings, model.labels, OPERATING_LEVELS)
    show(engine, groups, baselines, curve)
    if not options.quick:
        result = {
            "command": command(options),
            "material": "synthetic calls, see benchmarks/calls",
            "seed": options.seed,
            "model_sha256": model.sha256,
            **engine.report(),
            "mean_call_hours": round(engine.call_hours, 4),
            "precision_at": precisions(engine),
            **{group: {name: row.report() for name, row in rows.items()} for group, rows in groups.items()},
            "baselines": {
                name: {"threshold": threshold, **row.report()} for name, (threshold, row) in baselines.items()
            },
            "operating_curve": [{"raise_at": level, **row.report()} for level, row in curve],
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few calls only; writes nothing")
    parser.add_argument("--escalations", type=int, default=420, help="calls with one (default 420)")
    parser.add_argument("--calm-hours", type=float, default=20.0, help="of calm calls (default 20)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.quick:
        options.escalations, options.calm_hours, options.processes = len(ESCALATIONS), 0.2, 1
    if options.escalations < len(ESCALATIONS) or not 0 < options.calm_hours <= 1000 or options.processes < 1:
        parser.error(
            f"--escalations must be {len(ESCALATIONS)} or more (one of each script), --calm-hours above 0 "
            "and at most 1000, --processes 1 or more"
        )
    return options


def command(options: argparse.Namespace) -> str:
    """The command that gives these figures again."""
    said = "python -m benchmarks.alerts"
    for name, default in (("escalations", 420), ("calm_hours", 20.0), ("seed", SEED)):
        value = getattr(options, name)
        said += "" if value == default else f" --{name.replace('_', '-')} {value:g}"
    return said


def counted(truth: Truth) -> bool:
    """Whether a call is on the engine's row."""
    return truth.script in COUNTED


def whose(truth: Truth) -> tuple[str, ...]:
    """Who heats up, in the order of PARTIES; nobody on a calm call."""
    return tuple(sorted({party for one in truth.escalations for party in one.parties}))


def run_baselines(
    heard: Sequence[Heard], settings: Settings, labels: Sequence[str], budget: float
) -> dict[str, tuple[float, Tally]]:
    """Each baseline with its threshold."""
    decibels = [0.5 * n for n in range(2, 60)]
    ratios = [round(0.02 * n, 2) for n in range(1, 51)]
    angry = list(labels).index("angry")
    return {
        "loudness": best_baseline(heard, settings, loudness_track, decibels, budget),
        "overlap": best_baseline(heard, settings, overlap_track, ratios, budget),
        "emotion_alone": best_baseline(
            heard, settings, lambda one: emotion_track(one, settings, labels), LEVELS, budget
        ),
        "absolute_emotion": best_baseline(
            heard, settings, lambda one: absolute_track(one, angry), LEVELS, budget
        ),
    }


def show(
    engine: Tally,
    groups: Mapping[str, Mapping[str, Tally]],
    baselines: Mapping[str, tuple[float, Tally]],
    curve: Sequence[tuple[float, Tally]],
) -> None:
    """Prints it all."""
    console = Console(width=170)
    table = Table("system", *SHOWN.values(), title="synthetic calls")
    rows = {"engine": engine}
    for members in groups.values():
        rows |= {f"  {name}": row for name, row in members.items()}
    rows |= {f"{name} >= {threshold:g}": row for name, (threshold, row) in baselines.items()}
    rows |= {f"engine, raise_at {level:g}": row for level, row in curve}
    for name, row in rows.items():
        report = row.report()
        table.add_row(name, *(cell(report, column) for column in SHOWN))
    console.print(table)
    for name, row in groups["per_script"].items():
        if row.offered:
            console.print(
                f"{name}: named in {row.noticed} of {row.offered}, taken for anger {row.wrong_anger} times"
            )
    for point in precisions(engine):
        low, high = point["precision_interval"]
        console.print(
            f"precision where {point['prevalence']:.1%} of calls escalate: "
            f"{point['precision']} [{low}, {high}]"
        )


def cell(report: Mapping[str, object], column: str) -> str:
    """A value with its interval, if it has one."""
    value, interval = report[column], report.get(f"{column}_interval")
    if value is None:
        return "-"
    return f"{value} {interval}" if interval else str(value)


if __name__ == "__main__":
    main()
