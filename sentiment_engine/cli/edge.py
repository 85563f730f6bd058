"""Where errors become exit statuses, once; and the options that several commands share."""

import functools
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn, ParamSpec, cast

import typer

from sentiment_engine.errors import BadSettings, EngineError, ModelMismatch
from sentiment_engine.events import STAGES, Stage
from sentiment_engine.live.secrecy import redacted

FAILED, UNUSABLE, INTERRUPTED, BROKEN_PIPE, TERMINATED = 1, 2, 130, 141, 143
"""Exit statuses; the last three are what a shell reports for SIGINT, SIGPIPE and SIGTERM."""

P = ParamSpec("P")


def complain(line: str) -> None:
    """One line to standard error, without tokens: some repeat what stands in a file or what a server said."""
    typer.echo(redacted(line), err=True)


def edge(command: Callable[P, None]) -> Callable[P, None]:
    """A command that ends with the right status and one clear line instead of a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            signal.signal(signal.SIGTERM, _terminated)
            command(*args, **kwargs)
            sys.stdout.flush()
        except (BadSettings, ModelMismatch) as reason:
            complain(f"error: {reason}")
            raise typer.Exit(UNUSABLE) from reason
        except EngineError as reason:
            complain(f"error: {reason}")
            raise typer.Exit(FAILED) from reason
        except BrokenPipeError as reason:  # the reader has seen enough, as in: score call.wav | head
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
            )  # or the interpreter complains at exit
            raise typer.Exit(BROKEN_PIPE) from reason
        except OSError as reason:  # standard output cannot be written: a full disk
            complain(f"error: {reason}")
            raise typer.Exit(FAILED) from reason
        except KeyboardInterrupt as reason:
            raise typer.Exit(INTERRUPTED) from reason

    return wrapped


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)  # as an exception, so that half-written files are cleared away


def one_of(known: Sequence[str]) -> Callable[[str], str]:
    """The callback of an option that takes one of these words."""

    def checked(value: str) -> str:
        if value not in known:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(known)}")
        return value

    return checked


def as_stage(value: str) -> Stage:
    """The checked option as the core's type."""
    return cast("Stage", value)


def _speed(value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{value} must be 0 (as fast as it goes) or a positive number")
    return value


Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings, a TOML file; defaults without.")
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="FILE", help="An emotion model of your own, .onnx with its .json; ours without."
    ),
]
Language = Annotated[str, typer.Option(metavar="TAG", help="Language of the call, a BCP 47 tag.")]
StageName = Annotated[
    str,
    typer.Option(
        metavar="STAGE", callback=one_of(STAGES), help=f"Stage of the conversation: {', '.join(STAGES)}."
    ),
]
AgentChannel = Annotated[int, typer.Option(min=0, max=1, help="Which of two channels is the agent's.")]
Speed = Annotated[float, typer.Option(callback=_speed, help="1 is real time; 0 is as fast as it goes.")]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        help="A private authority's certificate (PEM), for wss:// addresses it has signed.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        envvar="SENTIMENT_ENGINE_TOKEN",
        help="Sent as Authorization: Bearer.",
        show_default=False,
    ),
]
