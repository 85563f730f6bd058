"""``model info``: what the model is."""

import sys
from typing import Annotated, Any

import typer

from sentiment_engine.cli.edge import Model, edge

app = typer.Typer(help="About the emotion model.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """About the emotion model."""


@app.command("info")
@edge
def info(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    model: Model = None,
) -> None:
    """Say what the model is: labels, rates, training data, metrics, licence, checksum."""
    # Imported here so that --help loads no model runtime.
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from sentiment_engine.onnx_model import load_emotion_model  # noqa: PLC0415

    description = load_emotion_model(model).description  # loading checks the file against its description
    if as_json:
        sys.stdout.write(msgspec.json.encode(description).decode() + "\n")
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(msgspec.to_builtins(description)):
        table.add_row(name, value)
    Console(highlight=False, markup=False, soft_wrap=False).print(table)


def _rows(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A description as lines of a table: nested names joined with dots, lists of plain values in one line."""
    if isinstance(value, dict):
        return [
            row
            for name, inner in value.items()
            for row in _rows(inner, f"{prefix}.{name}" if prefix else name)
        ]
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        return [(prefix, ", ".join(f"{name}: {inner}" for name, inner in item.items())) for item in value]
    if isinstance(value, list | tuple):
        return [(prefix, ", ".join(map(str, value)))]
    return [(prefix, str(value))]
