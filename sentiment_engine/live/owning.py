"""Whose own call it is: the token that opened it, and the agent that its start names."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sentiment_engine.events import CallStarted, Event
from sentiment_engine.live.call import LiveCall
from sentiment_engine.live.messages import Refused
from sentiment_engine.settings_door import is_token_name


def agent_named(context: Mapping[str, Any]) -> str:
    """``context.agent``, the name of the agent's own token; empty where none is named.

    Whether there is such a token is not asked: an agent may be given one later, and a name says nothing.

    Raises:
        Refused: ``bad_message``: it is no text, or none that a token can be called.
    """
    agent = context.get("agent", "")
    if agent == "":
        return ""
    if not isinstance(agent, str) or not is_token_name(agent):
        raise Refused(
            "bad_message",
            f"context.agent is {agent!r:.60}: send the name of the agent's token as text, 1 to 64 letters, "
            "digits, . _ and -, or leave it out",
        )
    return agent


def introduced(call: LiveCall, events: Sequence[Event], agent: str) -> list[Event]:
    """A call's first events, of which ``call.started`` now says whose it is; ``call`` knows it too.

    The monitor does not know: it judges voices, and who speaks makes no difference to that.
    """
    told: list[Event] = []
    for event in events:
        if isinstance(event, CallStarted):
            started = msgspec.structs.replace(event, opened_by=call.owner.name, agent=agent)
            call.owners = started.owners
            told.append(started)
        else:
            told.append(event)
    return told
