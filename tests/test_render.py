"""Events as lines for people."""

import pytest

from sentiment_engine.cli.render import event_lines


def rendered(**event: object) -> list[str]:
    return [line.plain for line in event_lines({"at_s": 75.2, **event}, before="")]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            {"type": "alert.acknowledged", "alert_id": "c-1.a1", "by": "anna"},
            "1:15 ✓ c-1.a1 seen by anna",
        ),
        (
            {"type": "alert.answered", "alert_id": "c-1.a1", "by": "an\na", "answer": "did_not_help"},
            "1:15 ↩ c-1.a1 did not help, says an a",
        ),
        (
            {"type": "alert.assigned", "alert_id": "c-1.a1", "by": "anna", "to": "bo\x1b[2J"},
            "1:15 → c-1.a1 assigned to bo [2J by anna",
        ),
        (
            {"type": "alert.assigned", "alert_id": "c-1.a1", "by": "", "to": None},
            "1:15 → c-1.a1 assigned to nobody by somebody",
        ),
        (
            {"type": "alert.reviewed", "alert_id": "c-1.a1", "call_id": "c-1", "role": "legal", "by": "cleo"},
            "1:15 § c-1.a1: legal review by cleo: ",
        ),
        (
            {"type": "call.reviewed", "call_id": "c\x1b[2J", "role": "business", "decision": "no_action"},
            "1:15 § c [2J: business review by : no_action",
        ),
    ],
)
def test_what_people_said_is_one_line_that_steers_no_terminal(event, line):
    assert rendered(**event) == [line]
