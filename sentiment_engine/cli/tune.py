"""``tune``: thresholds for a budget of false alarms, and what other rules would have done."""

from pathlib import Path
from typing import Annotated

import typer

from sentiment_engine.batch.names import show
from sentiment_engine.cli.edge import FAILED, Config, edge
from sentiment_engine.cli.reading import Reading
from sentiment_engine.errors import BadSettings


def _budget(value: float) -> float:
    if not 0 < value <= 1000:
        raise typer.BadParameter(f"{value} must be above 0 and at most 1000")
    return value


@edge
def tune(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="SCORED...", help="Files from score --out, .jsonl, or folders of them."),
    ],
    *,
    budget: Annotated[
        float, typer.Option(callback=_budget, metavar="N", help="False alarms allowed per call-hour.")
    ] = 0.5,
    marks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="True escalations, a CSV file with call_id,start_s,end_s[,cause]; both times empty: the "
            "call was calm. Calls that it does not name are left out.",
        ),
    ] = None,
    marks_complete: Annotated[
        bool, typer.Option("--marks-complete", help="Calls that --marks does not name were calm.")
    ] = False,
    config: Config = None,
    what_if: Annotated[
        Path | None,
        typer.Option(
            metavar="RULES",
            help="Compare the alerts with those of other settings: a TOML file laid over --config.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For machines: one JSON object; with --what-if one a line.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The operating curve as a picture, .png or .svg.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="--config with the thresholds proposed, or these alone, as a new file."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --write.")] = False,
) -> None:
    """Propose alert thresholds from scored calls, or say what other rules would have done with them.

    No audio is needed. The calls must have been scored under --config. Only alerts on tension are counted:
    those on words, clock and counters have no threshold. A file that cannot be used is named on standard
    error with the reason, and the others are used.
    """
    # Imported here so that --help loads nothing but Typer.
    from sentiment_engine.cli.tune_show import propose_thresholds, show_differences  # noqa: PLC0415
    from sentiment_engine.replay import check_replayable  # noqa: PLC0415
    from sentiment_engine.resources import load_settings  # noqa: PLC0415
    from sentiment_engine.tuning import marks as marking  # noqa: PLC0415
    from sentiment_engine.tuning.picture import check_picture  # noqa: PLC0415
    from sentiment_engine.tuning.settings_file import check_target, load_rules  # noqa: PLC0415

    settings = load_settings(config)
    if marks_complete and marks is None:
        raise BadSettings("--marks-complete: needs --marks, the escalations that there were")
    if force and write is None:
        raise BadSettings("--force: needs --write, the file to replace")
    if what_if is not None:
        if plot or write or marks:
            raise BadSettings("--what-if compares alerts: leave out --marks, --plot and --write")
        rules = load_rules(what_if, settings)
        try:
            check_replayable(settings, rules)
        except BadSettings as reason:
            raise BadSettings(f"{show(what_if)}: {reason}") from reason
        with Reading(paths) as reading:
            show_differences(reading, settings, rules, as_json=as_json)
    else:
        if plot is not None:
            check_picture(plot)
        if write is not None:
            check_target(write, force=force)
        known = marking.load_marks(marks, complete=marks_complete) if marks else None
        with Reading(paths) as reading:
            propose_thresholds(
                reading, settings, budget, known, as_json=as_json, plot=plot, config=config, write=write
            )
    if reading.failures:
        raise typer.Exit(FAILED)
