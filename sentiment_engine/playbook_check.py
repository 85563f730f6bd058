"""What a deployment's own file does to a playbook, and what the result leaves unanswered."""

from typing import get_args

import msgspec

from sentiment_engine.events import STAGES, Audience, Reason, Severity, Stage
from sentiment_engine.phrase_file import File
from sentiment_engine.phrases import BASES
from sentiment_engine.playbook import ANSWERED_AS, Playbook

AUDIENCES: tuple[Audience, ...] = ("agent", "supervisor")
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What changes: ids in the order of the file."""

    adds: tuple[str, ...]
    replaces: tuple[str, ...]
    removes: tuple[str, ...]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that nobody has a phrase for."""

    cause: Reason
    audience: Audience
    stage: Stage
    severities: tuple[Severity, ...]


def effect_of(file: File, playbook: Playbook) -> Effect:
    """What a checked file does on top of a playbook."""
    known = {entry.id for entry in playbook.entries}
    ids = [entry.id for entry in file.entries]
    return Effect(
        adds=tuple(name for name in ids if name not in known),
        replaces=tuple(name for name in ids if name in known),
        removes=tuple(name for name in file.remove if name not in ids),
    )


def gaps(playbook: Playbook) -> list[Gap]:
    """Reason, audience and stage without any entry of their own or of stage general.

    Entries for one party, one risk class or flagged words count: some alert is answered by them.
    """
    found = []
    for cause in BASES:
        for audience in AUDIENCES:
            for stage in STAGES:
                answered = {
                    severity
                    for entry in playbook.entries
                    if entry.cause == ANSWERED_AS.get(cause, cause)
                    and entry.audience == audience
                    and (stage in entry.stage or "general" in entry.stage)
                    for severity in entry.severity
                }
                open_to = tuple(severity for severity in SEVERITIES if severity not in answered)
                if open_to:
                    found.append(Gap(cause=cause, audience=audience, stage=stage, severities=open_to))
    return found
