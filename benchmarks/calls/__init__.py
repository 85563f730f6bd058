"""Scripted two-channel telephone calls with the truth beside them. Synthetic: say so when quoting.

Every voice is real, acted speech of one speaker from the manifest; only the conversation is made: scripts
(`scripts.py`), turns (`turns.py`), voices (`voices.py`), telephone lines and noise (`lines.py`, `noise.py`),
put together by `studio.py`. A party's gain is set once a call, from its calm speech, so raising the voice
survives and absolute level does not. To hear some: `python -m benchmarks.calls OUT_DIR`.
"""

from benchmarks.calls.lines import line
from benchmarks.calls.scripts import APART, CALMS, ESCALATIONS, ONE_SIDED, SCRIPTS
from benchmarks.calls.sets import counts_for, recipes, script_seconds, scripted_set
from benchmarks.calls.studio import Studio
from benchmarks.calls.truth import Call, Escalation, Line, Recipe, Truth
from benchmarks.calls.voices import Speaker, Voices, folds, split_clips

__all__ = [
    "APART",
    "CALMS",
    "ESCALATIONS",
    "ONE_SIDED",
    "SCRIPTS",
    "Call",
    "Escalation",
    "Line",
    "Recipe",
    "Speaker",
    "Studio",
    "Truth",
    "Voices",
    "counts_for",
    "folds",
    "line",
    "recipes",
    "script_seconds",
    "scripted_set",
    "split_clips",
]
