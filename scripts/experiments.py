"""Every design tried for the emotion model, judged by leaving one corpus out: models/EXPERIMENTS.md.

    python scripts/experiments.py                 # what is missing; each finished run is kept at once
    python scripts/experiments.py --list
    python scripts/experiments.py --only LoRA     # again: runs with the word in the name of a row or group
    python scripts/experiments.py --table         # only writes the table

Trains on RAVDESS and asks nEMO, and the other way round; the eval corpora are never touched. Figures are kept
in models/experiments.json. Needs the `train` extra (the last groups torch) and the corpora.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from scripts.experiments_loco import FIGURES, Lab  # noqa: E402
from scripts.experiments_rows import PROBE, Experiment, experiments  # noqa: E402
from scripts.train_emotion import SEED  # noqa: E402

TEXT = REPOSITORY / "models" / "EXPERIMENTS.md"
FOUND = REPOSITORY / "models" / "experiments.json"
MARKED = re.compile(
    r"(<!-- table: written by scripts/experiments.py -->\n).*(<!-- end of table -->)", re.DOTALL
)
DIRECTIONS = ("nemo", "ravdess")
"""Held out, in the order of the cells."""


HEADER = "| design | takes | anger AUC | UAR | UAR, 4 labels | own calm AUC | with happy | against probe |"


def main() -> None:
    """Run what is missing or named, then write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="parts of names of rows or groups"
    )
    parser.add_argument("--list", action="store_true", help="the rows, and which are there")
    parser.add_argument("--table", action="store_true", help="only write the table")
    arguments = parser.parse_args()
    every = list(experiments())
    found = read(FOUND)
    if arguments.list:
        for one in every:
            for row in one.rows:
                print("done   " if row in found else "missing", f"{one.group} | {row}")
        return
    if not arguments.table:
        lab = Lab()
        for one in chosen(every, arguments.only, found):
            run(one, lab)
    TEXT.write_text(with_table(TEXT.read_text(encoding="utf-8"), table(every, read(FOUND))), encoding="utf-8")


def chosen(every: Iterable[Experiment], words: list[str], found: dict[str, Any]) -> list[Experiment]:
    """Those with a word in group or row; without words, those with a row not found yet."""
    if words:
        return [
            one for one in every if any(word in name for word in words for name in (one.group, *one.rows))
        ]
    return [one for one in every if not all(row in found for row in one.rows)]


def run(one: Experiment, lab: Lab) -> None:
    """Run one experiment and keep its rows."""
    start = time.perf_counter()
    scored = lab.score(one.answer(lab))
    seconds = round(time.perf_counter() - start, 1)
    found = read(FOUND)
    for row, figures in scored.items():
        shown = {held_out: {name: f[name] for name in one.shown} for held_out, f in figures.items()}
        found[row] = {"group": one.group, "takes": one.takes, "seed": SEED, "seconds": seconds} | {
            "held_out": shown,
            "mean": {name: round(sum(f[name] for f in shown.values()) / len(shown), 4) for name in one.shown},
        }
        print(f"{seconds:6.0f} s  {row}: {found[row]['mean']}", flush=True)
    FOUND.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(file: Path) -> dict[str, Any]:
    """Rows by name."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def table(every: Iterable[Experiment], found: dict[str, Any]) -> str:
    """The Markdown table of the rows that were found, by group."""
    lines = [
        HEADER,
        "|---|--:|---|---|---|---|---|--:|",
    ]
    group = ""
    for one in every:
        there = [row for row in one.rows if row in found]
        if there and one.group != group:
            group = one.group
            lines.append(f"| **{group}** | | | | | | | |")
        lines += [_line(row, found[row], found.get(PROBE)) for row in there]
    return "\n".join(lines) + "\n"


def _line(row: str, figures: dict[str, Any], probe: dict[str, Any] | None) -> str:
    cells = []
    for name in FIGURES:
        if name not in figures["mean"]:
            cells.append("–")
            continue
        digits, scale = (1, 1) if name.startswith("uar") else (1, 100)
        each = " ".join(f"{scale * figures['held_out'][corpus][name]:.{digits}f}" for corpus in DIRECTIONS)
        cells.append(f"{scale * figures['mean'][name]:.{digits}f} ({each})")
    gain = ""
    if probe is not None and row != PROBE:
        gains = (
            100 * (figures["mean"][name] - probe["mean"][name]) for name in ("anger_auc", "calm_happy_auc")
        )
        gain = " / ".join(f"{value:+.1f}" for value in gains)
    return f"| {row} | {figures['takes']} | {' | '.join(cells)} | {gain} |"


def with_table(text: str, made: str) -> str:
    """`text` with the table between its marks; raises ValueError when there are none."""
    if not MARKED.search(text):
        raise ValueError(f"no marks for the table in {TEXT.name}")
    return MARKED.sub(lambda marks: f"{marks[1]}{made}{marks[2]}", text)


if __name__ == "__main__":
    main()
