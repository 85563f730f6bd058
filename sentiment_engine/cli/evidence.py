"""``evidence``: makes bundles of calls, verifies them, offline, and makes the log's key."""

from pathlib import Path
from typing import Annotated

import typer

from sentiment_engine.cli import evidence_export
from sentiment_engine.cli.edge import FAILED, complain, edge
from sentiment_engine.errors import BadEvidence, BadSettings

app = typer.Typer(help="Evidence bundles and the key of the log.", no_args_is_help=True)
key_app = typer.Typer(help="The key that signs the log.", no_args_is_help=True)
app.add_typer(key_app, name="key")
app.command("export")(evidence_export.export)


@app.callback()
def _group() -> None:
    """Evidence bundles and the key of the log."""


@key_app.callback()
def _key_group() -> None:
    """The key that signs the log."""


@app.command("verify")
@edge
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The .zip to verify.")],
    *,
    key: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The log's public key, got another way than the bundle."),
    ],
    tsa_ca: Annotated[
        Path | None,
        typer.Option(
            "--tsa-ca",
            metavar="FILE",
            help="Root certificates (PEM) of the time-stamp authorities that you trust.",
        ),
    ] = None,
    bitcoin_header: Annotated[
        list[str] | None,
        typer.Option(
            "--bitcoin-header",
            metavar="HEX80",
            help="The header (80 bytes, as 160 hex digits) of the block that an OpenTimestamps proof names, "
            "from where you trust it; may be given again.",
        ),
    ] = None,
    seen: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A checkpoint of the log that you kept, to compare with; may be given again."
        ),
    ] = None,
) -> None:
    """Say in one line what a bundle proves and what it does not; needs no network.

    Exit status: 0 proven; 1 not, or in part; 2 unusable arguments.
    """
    from sentiment_engine.archive import keys, timestamps  # noqa: PLC0415
    from sentiment_engine.archive.bitcoin import read_header  # noqa: PLC0415
    from sentiment_engine.archive.checkpoints import open_checkpoint  # noqa: PLC0415
    from sentiment_engine.archive.notes import MAX_NOTE_BYTES  # noqa: PLC0415
    from sentiment_engine.archive.verify import verify as verified  # noqa: PLC0415

    verifier = keys.load_verifier(key)
    roots = timestamps.load_roots(tsa_ca) if tsa_ca else ()
    headers = [read_header(text) for text in bitcoin_header or []]
    kept = []
    for path in seen or []:
        try:
            with path.open("rb") as note:
                kept.append(open_checkpoint(note.read(MAX_NOTE_BYTES + 1), verifier))
        except OSError as reason:
            raise BadSettings(f"the checkpoint {path} cannot be read: {reason.strerror}") from reason
        except BadEvidence as reason:
            raise BadSettings(f"the checkpoint {path} cannot be used: {reason}") from reason
    try:
        with bundle.open("rb") as file:
            report = verified(file, verifier, roots=roots, seen=kept, headers=headers)
    except OSError as reason:
        raise BadSettings(f"the bundle {bundle} cannot be read: {reason.strerror or reason}") from reason
    typer.echo(report.line())
    if report.verdict != "PROVEN":
        raise typer.Exit(FAILED)


@key_app.command("new")
@edge
def new(
    *,
    name: Annotated[
        str,
        typer.Option(metavar="NAME", help="The log's name, like an address: example.com/calls."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="For the private key; the public one: FILE.pub.")],
) -> None:
    """Make the key that signs the log: a private file for the server, and a public one for everybody."""
    from sentiment_engine.archive.keys import make_keys  # noqa: PLC0415

    verifier = make_keys(name, out)
    complain(f"the private key is in {out}: only the server may read it, and a copy belongs in a safe place")
    complain(f"the public key is in {out}.pub, and below: give it to those who shall verify, in good time")
    typer.echo(str(verifier))
