"""The tables of benchmarks/emotion.py, and how long a window takes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from sentiment_engine.onnx_model import OnnxEmotionModel

FIGURES = {  # name -> (title, digits)
    "anger_auc": ("anger AUC, running normalisation", 3),
    "anger_auc_same_clips": ("anger AUC, nothing known, on those clips and that line", 3),
    "anger_auc_shuffled": ("anger AUC, baseline learns as it goes", 3),
    "anger_auc_raw": ("anger AUC, nothing known", 3),
    "anger_auc_four": ("anger AUC, four labels", 3),
    "uar4": ("UAR-4 %", 1),
    "uar5": ("UAR-5 %", 1),
    "ece": ("ECE", 3),
}


def speed(model: OnnxEmotionModel, rounds: int = 300) -> dict[str, Any]:
    """Milliseconds for one 3-second window on one thread, the wrapper included.

    `cpu_p50` is processor time, which a busy machine distorts less; `load` is the tasks that wanted to run.
    """
    window = np.random.default_rng(0).normal(0, 0.1, 3 * model.sample_rate_hz).astype(np.float32)
    took, cpu = [], []
    for _ in range(rounds + 10):
        started, cpu_started = time.perf_counter(), time.process_time()
        model([window])
        took.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - cpu_started))
    p50, p99 = np.quantile(took[10:], [0.5, 0.99])
    return {
        "p50": round(float(p50), 2),
        "p99": round(float(p99), 2),
        "cpu_p50": round(float(np.median(cpu[10:])), 2),
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }


def cell(figure: dict[str, Any], digits: int) -> str:
    """A figure and its interval."""
    low, high = figure["interval"]
    return f"{figure['value']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def show(results: dict[str, Any], corpora: Sequence[str]) -> None:
    """Print everything."""
    metrics = results["metrics"]
    console = Console(width=140)
    for table in (accuracy(metrics, corpora), against(metrics), other_lines(metrics, corpora)):
        console.print(table)
    console.print(relative(metrics["relative"], corpora))
    console.print(gaps(metrics))
    console.print(sureness(results["reliability"]))
    took, size = metrics["ms_per_window"], metrics["size_bytes"]
    console.print(
        f"3 s window on one thread: p50 {took['p50']} ms, p99 {took['p99']} ms, "
        f"processor {took['cpu_p50']} ms, load {took['load']} on {took['cores']} cores; model: {size} bytes",
        f"lead-in of a speaker, seconds (shortest, median, longest): {results['lead_in_s']}",
        sep="\n",
    )


def accuracy(metrics: dict[str, Any], corpora: Sequence[str]) -> Table:
    """The shipped model on each corpus."""
    table = Table("", *corpora, "mean", title="the shipped model, cross-corpus, telephone [95 %]")
    for name, (title, digits) in FIGURES.items():
        table.add_row(title, *(cell(metrics[name][corpus], digits) for corpus in (*corpora, "mean")))
    return table


def against(metrics: dict[str, Any]) -> Table:
    """The shipped model and its baselines, means over corpora."""
    shown = ("anger_auc", "anger_auc_raw", "uar4", "uar5", "ece")
    table = Table(
        "system", *(FIGURES[name][0] for name in shown), "RAVDESS-8 UAR %", title="means of corpora"
    )
    for name, row in {"shipped": metrics, **metrics["baselines"]}.items():
        if "not_measured" in row:
            table.add_row(name, f"not measured: {row['not_measured']}")
            continue
        means = [cell(row[figure]["mean"], FIGURES[figure][1]) for figure in shown]
        table.add_row(name, *means, cell(row["ravdess8_uar"], 1))
    return table


def relative(found: dict[str, Any], corpora: Sequence[str]) -> Table:
    """Scores beside the calm voice, and the model's own of the same clips."""
    ways = {
        "known": "calm lead-in",
        "unlabelled": "no label told",
        "one_mood": "one mood only",
    }
    table = Table("", "", *corpora, "mean", title="beside the speaker's own calm voice")
    for way, title in ways.items():
        for name, digits in (("uar4", 1), ("anger_auc", 3), ("ece", 3)):
            for state, row in (("before", found[way]["before"]), ("beside it", found[way])):
                shown = (cell(row[name][corpus], digits) for corpus in (*corpora, "mean"))
                table.add_row(f"{title}: {name}", state, *shown)
    return table


def other_lines(metrics: dict[str, Any], corpora: Sequence[str]) -> Table:
    """What the line costs, and int8."""
    table = Table("points lost", "of", *corpora, "mean", title="lines and rounding")
    losses = {"wide to telephone": metrics["wide_to_phone_loss"]}
    losses |= {f"{codec} before G.711": row for codec, row in metrics["codec"].items()}
    asked = {
        "uar4_points": "UAR-4",
        "uar5_points": "UAR-5",
        "anger_auc_raw_points": "anger AUC, nothing known",
    }
    for title, row in (losses | {"float to int8": metrics["int8_loss"]}).items():
        for name in (name for name in asked if name in row):
            table.add_row(title, asked[name], *(cell(row[name][corpus], 1) for corpus in (*corpora, "mean")))
    return table


def gaps(metrics: dict[str, Any]) -> Table:
    """Whom the model hears worst."""
    table = Table("", "running normalisation", "nothing known", title="anger recall, one threshold for all")
    sexes, languages = metrics["recall_gap_sex"], metrics["recall_gap_language"]
    table.add_row("women and men, points apart", cell(sexes, 1), cell(sexes["raw"], 1))
    table.add_row("  women, men", *(f"{row['women']:.2f}, {row['men']:.2f}" for row in (sexes, sexes["raw"])))
    table.add_row("languages, points apart", cell(languages, 1), cell(languages["raw"], 1))
    for name in languages["recalls"]:
        recalls = (row["recalls"][name] for row in (languages, languages["raw"]))
        table.add_row(f"  {name}", *(f"{recall:.2f}" for recall in recalls))
    worst = metrics["worst_speaker_recall"]
    table.add_row("worst speaker (angry is the top label)", "", cell(worst, 2))
    table.add_row("  tenth percentile", "", cell(worst["tenth_percentile"], 2))
    return table


def sureness(tables: dict[str, list[dict[str, float]]]) -> Table:
    """How often the top label is right where the model is so sure."""
    table = Table("confidence", *tables, title="accuracy of the top label (share of clips)")
    rows = {name: {row["above"]: row for row in own} for name, own in tables.items()}
    totals = {name: sum(row["clips"] for row in own) for name, own in tables.items()}
    for above in sorted({edge for own in rows.values() for edge in own}):
        cells = [
            f"{own[above]['accuracy']:.2f} ({own[above]['clips'] / totals[name]:.0%})" if above in own else ""
            for name, own in rows.items()
        ]
        table.add_row(f"{above:.1f} - {above + 0.1:.1f}", *cells)
    return table
