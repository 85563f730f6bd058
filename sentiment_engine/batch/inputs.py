"""From what somebody typed to recordings, their call ids and the files their events go to.

All of it is decided by the names alone and in sorted order, so the same folder gives the same ids every time.
"""

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from sentiment_engine.batch.names import show

READABLE = (
    ".wav",
    ".wave",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".au",
    ".caf",
    ".w64",
    ".gsm",
)
UNREADABLE = (".m4a", ".aac", ".amr", ".wma", ".webm")
"""Calls are kept so too: better named as failed, with the remedy, than passed over in silence."""
SUFFIXES = frozenset(READABLE + UNREADABLE)
"""What is taken for a recording in a folder; a file named outright is always tried."""
LONGEST_ID = 200
LONGEST_NAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class Input:
    """One file to score."""

    path: Path
    folder: PurePath
    """Where it lies below the folder that was named; empty for a file named outright."""


def find(arguments: Iterable[str]) -> tuple[list[Input], list[str]]:
    """Recordings named by files, folders (searched to the bottom) and glob patterns; and what went wrong.

    Each file comes once, in the order of the arguments and sorted within one. Hidden files in folders
    are left alone. Files that are named but absent are returned too: opening them says so.

    Returns:
        The recordings; and a line for each argument that yielded nothing, or folder that cannot be searched.
    """
    found: dict[str, Input] = {}
    problems: list[str] = []
    for argument in arguments:
        before = len(problems)
        inputs = _matches(argument, problems)
        if not inputs and len(problems) == before:
            problems.append(
                f"{show(argument)}: no recording in this folder; looked for {' '.join(READABLE)}"
                if _is_folder(argument)
                else f"{show(argument)}: no file matches this pattern"
            )
        for one in inputs:
            found.setdefault(_absolute(one.path), one)
    return list(found.values()), problems


def call_ids(paths: Sequence[Path]) -> list[str]:
    """A call id for each of ``paths``: the name without its ending, told apart where two would be alike.

    Two of the same name in different folders carry as many folders as it takes (``monday/call``); two that
    differ in nothing but the ending keep it (``call.wav``). Unprintable characters are written as
    escapes, and an id over 200 characters ends in a digest instead.
    """
    parts = [Path(_absolute(path)).parts[1:] for path in paths]
    stems = [(*part[:-1], PurePath(part[-1]).stem) for part in parts]
    taken = Counter(stems) + Counter(set(parts))
    leaves = [
        part[-1] if taken[stem] > 1 + (stem == part) else stem[-1]
        for part, stem in zip(parts, stems, strict=True)
    ]
    depths = [0] * len(parts)
    while True:
        labels = [
            "/".join((*part[:-1][len(part) - 1 - depth :], leaf)) if depth else leaf
            for part, leaf, depth in zip(parts, leaves, depths, strict=True)
        ]
        count = Counter(labels)
        deeper = [
            min(depth + 1, len(part) - 1) if count[label] > 1 else depth
            for part, label, depth in zip(parts, labels, depths, strict=True)
        ]
        if deeper == depths:
            return [_shortened(show(label), LONGEST_ID) for label in labels]
        depths = deeper


def outputs(
    out: Path,
    inputs: Sequence[Input],
    ids: Sequence[str],
    suffix: str = ".jsonl",
    taken: str = "",
) -> list[Path]:
    """Where each recording's events go below ``out``: ``<call_id>.jsonl``, in the folders it was found in.

    Args:
        out: The folder.
        inputs: The recordings.
        ids: Their call ids, all different.
        suffix: Ending of the files.
        taken: A name in ``out`` itself, without its ending, that a call's file must not have.
    """
    paths = []
    for one, call_id in zip(inputs, ids, strict=True):
        *folders, leaf = call_id.split("/")
        where = folders or [show(part) for part in one.folder.parts]
        name = _file_name(leaf)
        if taken and not where and name.lower() == taken:  # some file systems take both cases for one
            name += f"~{hashlib.sha256(call_id.encode()).hexdigest()[:8]}"
        paths.append(out.joinpath(*map(_file_name, where), name + suffix))
    return paths


def _matches(argument: str, problems: list[str]) -> list[Input]:
    if _is_folder(argument):
        return _walk(Path(argument), problems)
    if os.path.lexists(argument) or not glob.has_magic(argument):
        return [Input(Path(argument), PurePath())]
    inputs: list[Input] = []
    # calls/*.dat means those files; calls/** means the recordings there.
    says_which = bool(PurePath(argument).suffix)
    for match in sorted(glob.glob(argument, recursive=True)):  # noqa: PTH207 Path.glob takes no absolute pattern
        if _is_folder(match):
            inputs += _walk(Path(match), problems)
        elif says_which or PurePath(match).suffix.lower() in SUFFIXES:
            inputs.append(Input(Path(match), PurePath()))
    return inputs


def _walk(top: Path, problems: list[str]) -> list[Input]:
    """The recordings in ``top`` and below, sorted; links to folders are not followed (they may go round)."""

    def unreadable(reason: OSError) -> None:
        problems.append(f"{show(reason.filename)}: this folder cannot be searched: {reason.strerror}")

    inputs = []
    for folder, folders, names in os.walk(top, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = PurePath(folder).relative_to(top)
        inputs += [
            Input(Path(folder, name), below)
            for name in sorted(names)
            if not name.startswith(".") and PurePath(name).suffix.lower() in SUFFIXES
        ]
    return inputs


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 Path.is_dir raises where a folder above may not be entered


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 resolving would follow links and call the file by another name


def _file_name(part: str) -> str:
    """``part`` as the name of a file or folder: no separators, and short enough for any file system."""
    safe = part.replace("/", "_").replace("\0", "_")
    while len(safe.encode()) > LONGEST_NAME_BYTES:
        safe = _shortened(part, len(safe) - 10)
    return safe


def _shortened(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters; what is cut off is kept apart by a digest."""
    if len(text) <= most:
        return text
    return f"{text[: most - 9]}~{hashlib.sha256(text.encode()).hexdigest()[:8]}"
