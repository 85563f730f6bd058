"""Events as lines for people."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

STYLES = {"notice": "yellow", "warning": "dark_orange", "critical": "bold red"}
MARKS = {"alert.raised": "▲", "alert.updated": "△", "alert.cleared": "▽"}
BAR_WIDTH = 20


def lines(cloud_event: dict[str, Any]) -> Iterator[Text]:
    """The lines that tell of one CloudEvent of the feed: when, which call, how bad, what to say."""
    event = cloud_event.get("data") or {}
    clock = str(cloud_event.get("time", ""))[11:19]
    yield from event_lines(event, before=f"{clock} {event.get('call_id', '')} ")


def event_lines(event: dict[str, Any], *, before: str = "") -> Iterator[Text]:
    """The lines that tell of one event."""
    kind = str(event.get("type", ""))
    at = minutes(float(event.get("at_s", 0.0)))
    head = Text().append(f"{before}{at} ", style="dim")
    if kind == "alert.acknowledged":
        yield head.append(
            f"✓ {_line(event.get('alert_id', ''))} seen by {_line(event.get('by', '')) or 'somebody'}"
        )
    elif kind == "alert.answered":
        answer, by = _line(event.get("answer", "")), _line(event.get("by", "")) or "somebody"
        yield head.append(f"↩ {_line(event.get('alert_id', ''))} {answer.replace('_', ' ')}, says {by}")
    elif kind == "alert.assigned":
        holder = _line(event.get("to") or "") or "nobody"
        by = _line(event.get("by", "")) or "somebody"
        yield head.append(f"→ {_line(event.get('alert_id', ''))} assigned to {holder} by {by}")
    elif kind in ("alert.reviewed", "call.reviewed"):
        about = _line(event.get("alert_id", "") or event.get("call_id", ""))
        yield head.append(
            f"§ {about}: {_line(event.get('role', ''))} review by {_line(event.get('by', ''))}: "
            f"{_line(event.get('decision', ''))}"
        )
    elif kind.startswith("alert."):
        severity = str(event.get("severity", ""))
        style = "green" if kind == "alert.cleared" else STYLES.get(severity, "")
        yield (
            head.append(f"{MARKS.get(kind, '')} {kind.removeprefix('alert.')} {severity} ", style=style)
            .append_text(bar(float(event.get("level", 0.0)), style))
            .append(f" {_line(event.get('summary', ''))}")
        )
        for one in event.get("suggestions", ()):
            mark = "say" if one.get("mode") == "say" else "do"
            yield Text(f"    {one.get('audience', '')} · {mark}: ", style="dim").append(
                _line(one.get("text", ""))
            )
    elif kind == "tension.updated":
        level = float(event.get("level", 0.0))
        causes = sorted(event.get("causes", {}).items(), key=lambda cause: -cause[1])
        named = ", ".join(f"{name} {weight:+.1f}" for name, weight in causes[:3] if weight > 0)
        yield head.append_text(bar(level, _heat(level))).append(f" {named}", style="dim")
    elif kind == "call.ended":
        summary = event.get("summary", {})
        peak, mean = float(summary.get("peak", 0.0)), float(summary.get("mean", 0.0))
        length = minutes(float(event.get("duration_s", 0.0)))
        yield head.append(
            f"call ended ({_line(event.get('reason', ''))}) after {length}: peak {peak:.2f}, "
            f"mean {mean:.2f}, {summary.get('alerts', 0)} alerts"
        )
    else:
        party = f" {event['party']}" if "party" in event else ""
        yield head.append(f"{kind}{party}")


def bar(level: float, style: str) -> Text:
    """``level`` in 0..1 as a bar and a number."""
    full = max(0, min(BAR_WIDTH, round(level * BAR_WIDTH)))
    return Text("█" * full, style=style).append("░" * (BAR_WIDTH - full), style="dim").append(f" {level:.2f}")


def minutes(seconds: float) -> str:
    """``75.2`` as ``1:15``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _heat(level: float) -> str:
    return "green" if level < 0.4 else "yellow" if level < 0.6 else "red"


def _line(text: object) -> str:
    """Text from elsewhere without anything that could steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in str(text))
