"""``report``: what many scored calls have in common."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_engine.batch.names import show
from sentiment_engine.cli.edge import FAILED, edge, one_of
from sentiment_engine.cli.reading import Reading
from sentiment_engine.errors import BadMessage, BadSettings

if TYPE_CHECKING:
    from sentiment_engine.events import Event
    from sentiment_engine.report.totals import Totals

FORMATS = ("text", "html", "json")


@edge
def report(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="SCORED...", help="Files from score --out, .jsonl, or folders of them."),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Written here, replacing what was there; standard output without."),
    ] = None,
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            callback=one_of(FORMATS),
            help="text, html (one self-contained page) or json (one object).",
        ),
    ] = "text",
) -> None:
    """Sum up many scored calls: alerts an hour, what followed after phrases, quality, what was not judged.

    Nothing is told of single people. A file that cannot be used is named on standard error with the reason,
    and the others are used.
    """
    # Imported here so that --help loads nothing but Typer.
    from sentiment_engine.report import counting  # noqa: PLC0415
    from sentiment_engine.report.call_files import write_whole  # noqa: PLC0415
    from sentiment_engine.report.totals import Totals  # noqa: PLC0415

    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise BadSettings(f"--out {show(out)}: is no file in a folder that exists: name one")
    totals = Totals()

    def use(call: "list[Event]") -> None:
        totals.add(counting.totals_of(call))

    with Reading(paths) as reading:
        if not reading.each(use):
            raise BadMessage("no call could be used: give .jsonl files from score --out")
    told = _told(totals, file_format)
    if out is None:
        sys.stdout.buffer.write(told.encode())  # a page says that it is UTF-8
    else:
        write_whole(out, told)
    if reading.failures:
        raise typer.Exit(FAILED)


def _told(totals: "Totals", file_format: str) -> str:
    if file_format == "html":
        from sentiment_engine.report.summary_page import summary_page  # noqa: PLC0415

        return summary_page(totals)
    if file_format == "json":
        import msgspec  # noqa: PLC0415

        from sentiment_engine.report.figures import report_of  # noqa: PLC0415

        return msgspec.json.encode(report_of(totals)).decode() + "\n"
    from sentiment_engine.report.summary_text import summary_text  # noqa: PLC0415

    return summary_text(totals)
