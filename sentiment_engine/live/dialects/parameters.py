"""What an address, or a setting, tells of a call as plain strings: its language, stage and context."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from sentiment_engine.contact import Told
from sentiment_engine.events import STAGES, Party
from sentiment_engine.live.messages import Refused, Start

OF_THE_CALL = frozenset({"call_id", "role", "format", "language", "stage", "token"})
"""What is said of the call itself; everything else goes to its context."""
SHOWN = 40
"""So many characters of what a client sent are repeated to it."""


class Form(NamedTuple):
    """How samples are written."""

    encoding: str
    sample_rate_hz: int


def start_of(told: Mapping[str, str], call_id: str, form: Form, channels: tuple[Party, ...]) -> Start:
    """The start of a call.

    Args:
        told: ``language``, ``stage``, and what goes to the context (``risk_class``, the fields of
            :class:`~sentiment_engine.contact.Told` such as ``attempts_today``), all as text.
        call_id: the caller's own id.
        form: of every channel.
        channels: the parties.

    Raises:
        Refused: ``bad_query`` for a stage or a value of the context that cannot be used.
    """
    stage = told.get("stage", "general")
    if stage not in STAGES:
        raise Refused("bad_query", f"stage is {stage[:SHOWN]!r}: write one of {', '.join(STAGES)}")
    return Start(
        call_id=call_id,
        encoding=form.encoding,
        sample_rate=form.sample_rate_hz,
        channels=channels,
        language=told.get("language", "zh-CN"),
        stage=stage,
        context=_context({name: value for name, value in told.items() if name not in OF_THE_CALL}),
    )


def _context(told: Mapping[str, str]) -> dict[str, Any]:
    """The context with numbers for numbers; ``notices_given`` is separated by commas."""
    fields: dict[str, Any] = {name: told[name] for name in Told.__struct_fields__ if name in told}
    if "notices_given" in fields:
        fields["notices_given"] = fields["notices_given"].split(",")
    try:
        read = msgspec.convert(fields, Told, strict=False)
    except (msgspec.ValidationError, UnicodeError) as reason:
        raise Refused(
            "bad_query", f"{reason}: leave the field out, or send what contact.py names"
        ) from reason
    return {**told, **{name: getattr(read, name) for name in fields}}
