"""Small playbooks and moments to try the choice of phrases on."""

from typing import Any

from sentiment_engine.events import Suggestion
from sentiment_engine.playbook import Moment, Playbook, parse_playbook
from sentiment_engine.prompting import Prompter
from sentiment_engine.settings_alerts import PlaybookSettings

ALWAYS = PlaybookSettings(at_most=2, repeat_guard_s=120.0, jurisdiction="")


def entry(name: str, **changes: Any) -> dict[str, Any]:
    """An entry of a file; one text for each id, as no phrase is shown twice."""
    return {
        "id": name,
        "stage": ["general"],
        "cause": "customer_anger",
        "audience": "agent",
        "severity": ["notice", "warning", "critical"],
        "technique": "acknowledge",
        "mode": "say",
        "zh-CN": f"我听到了{name}。"[:40],
        "en": f"I hear you, {name}.",
        **changes,
    }


def book(*entries: dict[str, Any], **more: Any) -> Playbook:
    """A playbook of these entries."""
    return parse_playbook({"version": 1, "entries": list(entries), **more})


def moment(*causes: str, **changes: Any) -> Moment:
    """A moment: the customer's anger, a warning, at the beginning of a call."""
    fields: dict[str, Any] = {
        "causes": causes or ("customer_anger",),
        "by": {},
        "severity": "warning",
        "stage": "general",
        "language": "en",
        "risk_class": None,
        "at_s": 0.0,
        "seed": 1,
    }
    return Moment(**(fields | changes))


def shown(playbook: Playbook, when: Moment, settings: PlaybookSettings = ALWAYS) -> list[Suggestion]:
    """What a call that begins now is shown."""
    return list(Prompter(playbook, settings).suggest(when))
