"""Whose own call it is: the token that opened it, and the agent that its start names."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sentiment_engine.events import CallStarted, Event
from sentiment_engine.live.call import LiveCall
from sentiment_engine.settings_door import is_token_name


def agent_named(context: Mapping[str, Any]) -> str:
    """``context.agent``, the name of the agent's own token; empty where it is none that a token could have.

    Callers have always put into the context what they like: "Anna Smith" is nobody's own, and no reason to
    refuse the call. Whether there is a token of the name is not asked: an agent may get it later.
    """
    agent = context.get("agent")
    return agent if isinstance(agent, str) and is_token_name(agent) else ""


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
