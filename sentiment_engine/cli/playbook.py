"""``playbook check`` and ``playbook show``: for people who write phrases of their own."""

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiment_engine.cli.edge import FAILED, complain, edge
from sentiment_engine.errors import BadSettings
from sentiment_engine.phrases import BASES
from sentiment_engine.playbook import ANSWERED_AS
from sentiment_engine.playbook_check import Gap

app = typer.Typer(help="About the phrases.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")]


@app.callback()
def _group() -> None:
    """About the phrases."""


@app.command("check")
@edge
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A playbook of your own, YAML.")],
    as_json: AsJson = False,
) -> None:
    """Check a file that goes on top of the packaged playbook, and say what it changes.

    Every problem is named on standard error with its line. Exit status 1: the file cannot be used as it is;
    2: there is no such file to read.
    """
    # Imported here so that --help loads no YAML reader.
    from sentiment_engine.phrase_file import File, read_file  # noqa: PLC0415
    from sentiment_engine.playbook_check import effect_of, gaps  # noqa: PLC0415
    from sentiment_engine.resources import load_playbook  # noqa: PLC0415
    from sentiment_engine.strict_yaml import parse_yaml, read_bytes  # noqa: PLC0415

    try:
        data = read_bytes(file)
    except BadSettings as reason:
        raise BadSettings(f"{file}: {reason}") from reason
    packaged, content = load_playbook(), File()
    found: list[dict[str, Any]]
    try:
        document = parse_yaml(data)
        content, problems = read_file(document.data)
        found = [
            {
                "line": document.line(problem.path),
                "entry": problem.entry,
                "field": str(problem.path[-1]) if problem.path else "",
                "message": str(problem),
            }
            for problem in [*problems, *packaged.unknown(content)]
        ]
    except BadSettings as reason:
        found = [{"line": None, "entry": "", "field": "", "message": str(reason)}]
    for one in found:
        line = f"{one['line']}:" if one["line"] else ""
        complain(f"{file}:{line} {one['message']}")
    result = packaged.under(content)
    report = {
        "file": str(file),
        "usable": not found,
        "problems": found,
        **(_builtin(effect_of(content, packaged)) if not found else {}),
        "entries": len(result.entries) if not found else None,
        "gaps": _builtin(gaps(result)) if not found else None,
    }
    if as_json:
        _print_json(report)
    elif not found:
        print_lines(report, gaps(result))
    if found:
        raise typer.Exit(FAILED)


def print_lines(report: dict[str, Any], open_gaps: Sequence[Gap]) -> None:
    """What a usable file does, for people."""
    _print(f"{report['file']}: usable; {report['entries']} entries with it")
    for name in ("adds", "replaces", "removes"):
        _print(f"{name} {len(report[name])}: {', '.join(report[name]) or 'nothing'}")
    for (cause, audience), group in groupby(open_gaps, key=lambda gap: (gap.cause, gap.audience)):
        stages = "; ".join(f"{gap.stage} ({', '.join(gap.severities)})" for gap in group)
        _print(f"no phrase for the {audience} when {cause}: {stages}")


@app.command("show")
@edge
def show(
    cause: Annotated[str | None, typer.Option(metavar="CAUSE", help="Only what answers this cause.")] = None,
    language: Annotated[str, typer.Option(metavar="TAG", help="Language, a BCP 47 tag.")] = "zh-CN",
) -> None:
    """Print the packaged phrases: id, audience, stages, say or do, and the phrase."""
    from sentiment_engine.resources import load_playbook  # noqa: PLC0415

    if cause is not None and cause not in BASES:
        raise BadSettings(f"--cause {cause!r}: one of {', '.join(BASES)}")
    for entry in load_playbook().entries:
        if cause is None or ANSWERED_AS.get(cause, cause) == entry.cause:
            text, _ = entry.text(language)
            _print(f"{entry.id}\t{entry.audience}\t{','.join(entry.stage)}\t{entry.mode}\t{text}")


def _builtin(value: object) -> Any:
    import msgspec  # noqa: PLC0415

    return msgspec.to_builtins(value)


def _print_json(value: object) -> None:
    import msgspec  # noqa: PLC0415

    _print(msgspec.json.encode(value).decode())


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
