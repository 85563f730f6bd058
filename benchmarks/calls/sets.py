"""Sets of calls: how many of each script, lazily made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.calls.one_sided import LONGEST_S
from benchmarks.calls.scripts import APART, CALMS, ESCALATIONS, ONE_SIDED, SCRIPTS
from benchmarks.calls.studio import Studio
from benchmarks.calls.truth import Call, Recipe
from benchmarks.calls.voices import Speaker

ONE_SIDED_SHARE = 0.05
"""Of the calm time, as far as there are recordings."""


def script_seconds(name: str) -> float:
    """Mean length of a call by its script, seconds."""
    return sum(sum(act.seconds) / 2 for act in SCRIPTS[name].acts)


def recipes(studio: Studio, counts: Mapping[str, int], corpora: Sequence[str], seed: int) -> list[Recipe]:
    """So many calls of each script, dealt to the corpora in turn; those without its moods are skipped.

    The next script goes on where the last one stopped, so that few calls of many scripts meet every corpus.

    Raises ValueError for a script that does not exist, or that none of the corpora can play.
    """
    out: list[Recipe] = []
    for script, count in counts.items():
        if script in ONE_SIDED:
            out += [
                Recipe(script, ONE_SIDED[script], n, seed)
                for n in range(min(count, studio.one_sided.calls(script)))
            ]
            continue
        if script not in SCRIPTS:
            raise ValueError(f"no script {script!r}: one of {', '.join([*SCRIPTS, *ONE_SIDED])}")
        able = [corpus for corpus in corpora if studio.can(script, corpus)]
        if count and not able:
            raise ValueError(f"no two speakers of {', '.join(corpora)} have the moods of script {script!r}")
        out += [Recipe(script, able[(len(out) + n) % len(able)], n, seed) for n in range(count)]
    return out


def counts_for(
    *, escalations: int, calm_hours: float, apart: int = 0, one_sided: bool = True
) -> dict[str, int]:
    """Shares alike: `escalations` among the scripts with anger, `calm_hours` among the calm ones.

    `apart` calls go to distress and talking over. With `one_sided`, some of the calm time is hold music,
    prompts and reading.
    """
    counts = _dealt(ESCALATIONS, escalations) | _dealt(APART, apart)
    share = ONE_SIDED_SHARE if one_sided else 0.0
    for name in CALMS:
        hours = calm_hours * (1 - share) / len(CALMS)
        counts[name] = max(1, round(hours * 3600 / script_seconds(name))) if calm_hours else 0
    if one_sided:
        for name in ONE_SIDED:
            counts[name] = max(1, round(calm_hours * share * 3600 / len(ONE_SIDED) / LONGEST_S))
    return counts


def scripted_set(
    root: Path,
    *,
    split: str,
    corpora: Sequence[str],
    calls: int,
    calm_minutes: float,
    seed: int,
    speakers: Collection[Speaker] | None = None,
) -> Iterator[Call]:
    """`calls` with an escalation and `calm_minutes` of calm talk, shared among `corpora`, one at a time."""
    studio = Studio(root, split, speakers)
    counts = counts_for(escalations=calls, calm_hours=calm_minutes / 60, one_sided=False)
    for recipe in recipes(studio, counts, corpora, seed):
        yield studio.make(recipe)


def _dealt(names: Sequence[str], total: int) -> dict[str, int]:
    return {name: total // len(names) + (i < total % len(names)) for i, name in enumerate(names)}
