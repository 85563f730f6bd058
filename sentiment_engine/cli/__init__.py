"""The command line, ``sentiment-engine``: one Typer app, a file for each family of commands.

Standard output carries results only; progress, warnings and errors go to standard error. Nothing heavy is
imported before a command runs, so ``--help`` answers at once.
"""

import sys

import typer

from sentiment_engine.cli import audio, demo, evidence, live, model, playbook, report, score, token, tune

app = typer.Typer(
    name="sentiment-engine",
    help="Real-time call tension monitor: hears both sides, says why it heats up, offers a calming phrase.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit status: 0 done; 1 some inputs failed, each named on standard error; 2 unusable arguments or "
    "settings; 130 interrupted.",
)
app.command("serve")(live.serve)
app.command("stream")(live.stream)
app.command("watch")(live.watch)
app.command("score")(score.score)
app.command("report")(report.report)
app.command("tune")(tune.tune)
app.command("demo")(demo.demo)
app.add_typer(evidence.app, name="evidence")
app.add_typer(audio.app, name="audio")
app.add_typer(model.app, name="model")
app.add_typer(playbook.app, name="playbook")
app.add_typer(token.app, name="token")


def main() -> None:
    """Runs the command line; the console script's entry."""
    try:
        app()
    except KeyboardInterrupt:  # before a command could take care of it
        sys.exit(130)
