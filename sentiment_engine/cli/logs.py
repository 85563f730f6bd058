"""Where the server's log goes when it is run from the command line."""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from sentiment_engine.live.secrecy import redacted


def log_to_stderr(least: int = logging.INFO) -> None:
    """The log on standard error: for people on a terminal, one JSON object a line elsewhere."""
    human = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if human else [structlog.processors.format_exc_info]),
            _without_tokens,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if human
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    theirs = logging.StreamHandler(sys.stderr)  # uvicorn's own words
    theirs.setFormatter(_WithoutTokens(logging.BASIC_FORMAT))
    logging.basicConfig(handlers=[theirs], level=max(least, logging.WARNING))


def _without_tokens(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last fence: nothing of ours logs a token, but a client may give its call the name of one."""
    return {name: redacted(value) if isinstance(value, str) else value for name, value in event.items()}


class _WithoutTokens(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))
