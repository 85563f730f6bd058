"""Logs never hold audio, transcripts or contexts; ``cli.logs`` says where they go."""

import traceback


def plain_trace(fault: BaseException) -> str:
    """The traceback as text. structlog's own rendering may print local variables: here those are audio."""
    return "".join(traceback.format_exception(fault))
