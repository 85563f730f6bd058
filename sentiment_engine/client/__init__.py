"""The other end of our own sockets: stream a live call, follow the feed, play a recording.

async with Stream("ws://127.0.0.1:8700/v1/stream", call_id="c-1", language="en") as call:
    await call.send(pcm)
"""

from sentiment_engine.client.follow import FeedEvent, follow
from sentiment_engine.client.link import Unreachable
from sentiment_engine.client.notices import Disconnected, Notice, Restarted, Resumed
from sentiment_engine.client.stream import Stream

__all__ = ["Disconnected", "FeedEvent", "Notice", "Restarted", "Resumed", "Stream", "Unreachable", "follow"]
