"""``token new``: a secret for one client, and what the server's settings hold in its place."""

from typing import Annotated

import typer

from sentiment_engine.cli.edge import complain, edge
from sentiment_engine.settings_door import ROLES, Role, TokenSettings

app = typer.Typer(help="Tokens of the live server.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Tokens of the live server."""


def _role(value: str) -> str:
    if value not in ROLES:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(ROLES)}")
    return value


@app.command("new")
@edge
def new(
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="What logs call its holder, such as pbx-1.")],
    role: Annotated[
        str, typer.Option(metavar="ROLE", callback=_role, help=f"What it may do: {', '.join(ROLES)}.")
    ],
) -> None:
    """Make a token: its first line is the secret, shown once; the rest goes into the settings file.

    The settings hold its SHA-256 only, so whoever reads the file learns no token.
    """
    from sentiment_engine.live.secrecy import new_token, sha256_of  # noqa: PLC0415

    secret = new_token()
    known_role: Role = next(one for one in ROLES if one == role)
    settings = TokenSettings(name=name, role=known_role, sha256=sha256_of(secret))
    typer.echo(secret)
    complain("the line above is the token: give it to its client now, it is not shown again")
    complain("the lines below go into the server's settings (serve --config FILE):")
    typer.echo(
        f'\n[[door.tokens]]\nname = "{settings.name}"\nrole = "{settings.role}"\nsha256 = "{settings.sha256}"'
    )
