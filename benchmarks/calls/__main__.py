"""Writes calls to listen to, or to feed to another system: NAME.wav (channel 0 the agent) and NAME.json.

python -m benchmarks.calls OUT_DIR --split train --scripts mutual,noisy_calm --seed 1 --hours 0.5
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import soundfile

from benchmarks.calls.one_sided import LONGEST_S
from benchmarks.calls.scripts import ONE_SIDED, SCRIPTS
from benchmarks.calls.sets import recipes, script_seconds
from benchmarks.calls.studio import Studio
from benchmarks.corpora import REPOSITORY, data_root
from benchmarks.telephone import RATE_HZ


def main() -> int:
    """Exit status 2 with the reason for arguments that cannot be used."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--split", choices=("train", "eval"), default="train")
    parser.add_argument(
        "--scripts", default=",".join(SCRIPTS), help="comma-separated (default: all two-sided)"
    )
    parser.add_argument("--corpora", default="", help="comma-separated (default: all of the split)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hours", type=float, default=0.5, help="of audio, about, shared by the scripts")
    options = parser.parse_args()
    if options.out.resolve().is_relative_to(REPOSITORY):
        parser.error(f"{options.out} lies in the repository, where no audio belongs: name a folder elsewhere")
    if not 0 < options.hours <= 1000:
        parser.error(f"--hours {options.hours}: must be above 0 and at most 1000")
    wanted = [name for name in options.scripts.split(",") if name]
    try:
        studio = Studio(data_root(), options.split)
        corpora = [name for name in options.corpora.split(",") if name] or sorted(studio.voices)
        share_s = options.hours * 3600 / max(1, len(wanted))
        length_s = {n: script_seconds(n) if n in SCRIPTS else LONGEST_S for n in (*SCRIPTS, *ONE_SIDED)}
        counts = {name: max(1, round(share_s / length_s.get(name, LONGEST_S))) for name in wanted}
        todo = recipes(studio, counts, corpora, options.seed)
    except ValueError as reason:
        parser.error(str(reason))
    options.out.mkdir(parents=True, exist_ok=True)
    for recipe in todo:
        call = studio.make(recipe)
        soundfile.write(options.out / f"{recipe.name}.wav", call.samples, RATE_HZ, subtype="PCM_16")
        text = json.dumps(call.truth.record(), indent=1) + "\n"
        (options.out / f"{recipe.name}.json").write_text(text, encoding="utf-8")
    print(f"{len(todo)} calls in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
