"""The operating curve as a picture. Needs the extra ``plots``."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sentiment_engine.batch.names import show
from sentiment_engine.errors import BadSettings

FORMATS = (".png", ".svg")


def check_picture(path: Path) -> None:
    """Raises BadSettings for a picture that cannot be made: the ending, the folder, or a missing library."""
    if path.suffix.lower() not in FORMATS:
        raise BadSettings(f"{show(path)}: a picture's name must end in {' or '.join(FORMATS)}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise BadSettings(f"{show(path)}: is no file in a folder that exists: name one")
    if find_spec("matplotlib") is None:
        raise BadSettings('--plot needs matplotlib: pip install "sentiment-engine[plots]"')


def draw(path: Path, curve: Sequence[dict[str, Any]], chosen: float | None, budget: float) -> None:
    """Draws the rows of ``Tally.report``: alarms an hour over ``raise_at``, and recall over alarms if known.

    Args:
        path: Ends in ``.png`` or ``.svg``; replaced if it exists.
        curve: One row a threshold, lowest first.
        chosen: The ``raise_at`` proposed, if any.
        budget: Alarms per call-hour.

    Raises:
        BadSettings: the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 only who wants a picture needs it

    marked = "recall" in curve[0]
    figure = Figure(figsize=(10 if marked else 6, 4), layout="constrained")
    axes = figure.subplots(1, 2 if marked else 1, squeeze=False)[0]
    at = [row["raise_at"] for row in curve]
    rate = [row["alarms_per_hour"] for row in curve]
    low, high = zip(*(row["alarms_per_hour_interval"] for row in curve), strict=True)
    axes[0].fill_between(at, low, high, alpha=0.2, label="95 % interval")
    axes[0].plot(at, rate, label="false alarms by the marks" if marked else "all alerts")
    axes[0].axhline(budget, linestyle="--", color="black", linewidth=0.8, label=f"budget {budget:g}")
    axes[0].set(xlabel="alerts.raise_at", ylabel="alarms per call-hour", ylim=(0, None))
    if chosen is not None:
        axes[0].axvline(chosen, linestyle=":", color="black", label=f"proposed {chosen:g}")
    axes[0].legend()
    if marked:
        recall = [row["recall"] for row in curve]
        axes[1].plot(rate, recall, marker=".")
        axes[1].axvline(budget, linestyle="--", color="black", linewidth=0.8)
        axes[1].set(xlabel="false alarms per call-hour", ylabel="recall", ylim=(-0.02, 1.02))
        if chosen is not None:
            point = at.index(chosen)
            axes[1].annotate(
                f"{chosen:g}", (rate[point], recall[point]), xytext=(6, -12), textcoords="offset points"
            )
    try:
        # no date in the file: the same curve gives the same bytes
        date = {"Date": None} if path.suffix.lower() == ".svg" else {}
        figure.savefig(path, format=path.suffix[1:].lower(), dpi=150, metadata=date)
    except OSError as reason:
        raise BadSettings(f"{show(path)}: cannot be written: {reason.strerror}") from reason
