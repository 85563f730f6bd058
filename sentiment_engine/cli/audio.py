"""``audio``: the key that kept audio is encrypted with."""

from pathlib import Path
from typing import Annotated

import typer

from sentiment_engine.cli.edge import complain, edge

app = typer.Typer(help="Kept audio and its key.", no_args_is_help=True)
key_app = typer.Typer(help="The key that kept audio is encrypted with.", no_args_is_help=True)
app.add_typer(key_app, name="key")


@app.callback()
def _group() -> None:
    """Kept audio and its key."""


@key_app.callback()
def _key_group() -> None:
    """The key that kept audio is encrypted with."""


@key_app.command("new")
@edge
def new(*, out: Annotated[Path, typer.Option(metavar="FILE", help="For the key; it must be new.")]) -> None:
    """Make a key for kept audio, in the format of age: whoever has the file can hear every recording.

    Without it nobody can, so keep a copy elsewhere.
    """
    from sentiment_engine.archive.audio_key import make_audio_key  # noqa: PLC0415

    key = make_audio_key(out)
    typer.echo(key.public)
    complain(f"wrote {out}: keep a copy elsewhere, and name it in the server's settings:")
    complain(f'keep_audio = true\n\n[audio]\nkey = "{out}"')
