"""Genesys AudioHook against a real server: the vendor's core cases, then what goes wrong in the field."""

import asyncio
import json
import uuid

import numpy as np
import pytest
from genesys_client import NULL, STEREO, Session, medium
from live_server import (
    SETTINGS,
    Held,
    LoudIsAngry,
    come_true,
    heard_s,
    in_loop,
    is_fed,
    live_settings,
    quarrel,
    read_feed,
    said_of,
    serving,
    small_talk,
    waiting,
)
from voices import encoded

from sentiment_engine.live import farewell
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.dialects.genesys import Genesys
from sentiment_engine.resources import load_playbook

ALL = "since=0&types=*"
PCMU = {channels: [medium(*channels)] for channels in (STEREO, STEREO[::-1], ("external",), ("internal",))}


def frames(call: bytes, channels: tuple[str, ...] = STEREO, form: str = "PCMU") -> tuple[bytes, int]:
    """A call of ``live_server`` (agent, customer) as Genesys would send it, and its length in samples."""
    agent, customer = np.frombuffer(call, "<i2").reshape(-1, 2).T
    voices = np.stack([{"external": customer, "internal": agent}[name] for name in channels], axis=1)
    return encoded(voices, "mulaw" if form == "PCMU" else "pcm_s16le"), len(voices)


QUARREL = frames(quarrel())
"""The customer shouts."""


async def events_of(server, call_id: str, until_end: bool = True) -> list[dict]:
    return said_of(await read_feed(server, ALL, until=call_id if until_end else None), call_id)


def of(kind: str, events: list[dict]) -> list[dict]:
    return [event for event in events if event["type"] == kind]


# -- the vendor's core cases


@pytest.mark.parametrize(
    "channels",
    [
        (("external", "internal"), ("external",), ("internal",)),
        (("internal", "external"), ("internal",), ("external",)),
        (("external", "internal"),),
        (("external",),),
        (("internal",),),
    ],
)
@in_loop
async def test_one_of_the_offered_media_is_selected_as_it_was_offered(channels):
    async with serving() as server, Session(server, media=[medium(*each) for each in channels]) as session:
        opened = await session.open()
        assert (opened["seq"], opened["clientseq"]) == (1, 1)
        assert opened["parameters"] == {"media": [medium(*channels[0])], "startPaused": False}
        await session.close()


@in_loop
async def test_ping_is_answered_with_pong():
    async with serving() as server, Session(server) as session:
        await session.open()
        pong = await session.ping()
        assert (pong["seq"], pong["clientseq"]) == (2, 2)
        assert (await session.ping(0.0123))["clientseq"] == 3
        await session.close()


@in_loop
async def test_a_close_right_after_a_ping_leaves_neither_unanswered():
    async with serving() as server, Session(server) as session:
        await session.open()
        session._pings.append(2)
        await session.say("ping", {})
        session.closing = True
        await session.say("close", {"reason": "end"})
        assert (await session.close())["clientseq"] == 3
        assert [message["type"] for message in session.said] == ["opened", "pong", "closed"]


@pytest.mark.parametrize(
    ("kind", "parameters", "answer"),
    [
        ("update", {"language": "en-US"}, ["updated"]),
        ("discarded", {"start": "PT6.3S", "discarded": "PT0.3S"}, []),
        ("error", {"code": 400, "message": "tough stuff"}, []),
        ("error", {"code": 429, "message": "slow down", "retryAfter": "PT3S"}, []),
        ("a_message_of_tomorrow", {"digit": "5"}, []),
    ],
)
@in_loop
async def test_after_any_message_close_is_answered_with_closed(kind, parameters, answer):
    async with serving() as server, Session(server) as session:
        await session.open()
        await session.say(kind, parameters)
        closed = await session.close("error" if kind == "error" else "end")
        assert (closed["seq"], closed["clientseq"]) == (2 + len(answer), 3)
        assert [message["type"] for message in session.said] == ["opened", *answer, "closed"]


@in_loop
async def test_pause_and_resume_keep_the_numbers_in_order_and_mark_the_hole():
    async with serving() as server, Session(server) as session:
        await session.open()
        await session.audio(*frames(small_talk(2.0)))
        await session.pause()
        await session.ping()
        await session.resume(10.25)
        await session.audio(*frames(small_talk(2.0)))
        assert (await session.close())["clientseq"] == 6
        events = await events_of(server, session.conversation)
    gaps = [(e["party"], e["start_s"], e["end_s"], e["reason"]) for e in of("audio.gap", events)]
    assert sorted(gaps) == [("agent", 2.0, 12.25, "paused"), ("customer", 2.0, 12.25, "paused")]
    assert of("call.ended", events)[0]["duration_s"] == 14.25


@in_loop
async def test_the_client_is_left_to_close_the_socket_after_closed():
    async with serving() as server, Session(server) as session:
        await session.open()
        session.closing = True
        await session.say("close", {"reason": "end"})
        await session.hear("closed")
        await asyncio.sleep(0.2)
        assert session.socket.close_code is None
        assert (await read_feed(server))[-1]["data"]["type"] == "call.ended"  # which did not wait for that


@in_loop
async def test_a_client_that_never_closes_is_closed_in_the_end(monkeypatch):
    monkeypatch.setattr(Genesys, "farewell_s", 0.1)
    async with serving() as server, Session(server) as session:
        await session.open()
        session.closing = True
        await session.say("close", {"reason": "end"})
        await asyncio.wait_for(session.socket.wait_closed(), 5)
        assert session.socket.close_code == 1000


# -- a call


@pytest.mark.parametrize("form", ["PCMU", "L16"])
@pytest.mark.parametrize("channels", [STEREO, STEREO[::-1]])
@in_loop
async def test_external_is_the_customer_whatever_the_order_and_format(channels, form):
    async with serving() as server, Session(server, media=[medium(*channels, form=form)]) as session:
        await session.open()
        await session.audio(*frames(quarrel(), channels, form))
        await session.close()
        events = await events_of(server, session.conversation)
    assert "customer_anger" in of("alert.raised", events)[0]["causes"]
    angry = {event["party"] for event in of("emotion.scored", events) if event["scores"]["angry"] > 0.5}
    assert angry == {"customer"}
    assert of("call.ended", events)[0]["reason"] == "stop"
    assert of("call.ended", events)[0]["duration_s"] == 20.0
    assert not [message for message in session.said if message["type"] == "event"]


@in_loop
async def test_an_explicit_role_map_overrides_the_usual_one():
    async with serving() as server, Session(server, customConfig={"agent_channel": "external"}) as session:
        await session.open()
        await session.audio(*QUARREL)
        await session.close()
        events = await events_of(server, session.conversation)
    angry = {event["party"] for event in of("emotion.scored", events) if event["scores"]["angry"] > 0.5}
    assert angry == {"agent"}
    assert events[0]["channels"] == ["agent", "customer"]


@pytest.mark.parametrize("step", [1, 7, 160, 160_000])
@in_loop
async def test_frames_of_any_length_give_the_same_events(step):
    data, samples = frames(small_talk(2.0) if step < 100 else quarrel(3.0, 6.0))
    conversation = str(uuid.uuid4())

    async def events(step: int) -> list[dict]:
        async with serving() as server, Session(server, conversationId=conversation) as session:
            await session.open()
            await session.audio(data, samples, step)
            await session.close()
            return await events_of(server, conversation)

    assert await events(step) == await events(1600)


@in_loop
async def test_the_alert_is_on_the_feed_while_the_call_still_runs_and_speaks_its_language():
    async with (
        LiveServer(SETTINGS, LoudIsAngry(), load_playbook(), port=0) as server,
        Session(server, language="zh-CN") as session,
    ):
        await session.open()
        await session.say("update", {"language": "en-US"})
        await session.audio(*QUARREL)
        await session.ping()
        await come_true(lambda: waiting(server, session.conversation) == 0)
        alert = of("alert.raised", await events_of(server, session.conversation, until_end=False))[0]
        assert {suggestion["language"] for suggestion in alert["suggestions"]} == {"en"}
        await session.close()


@in_loop
async def test_pongs_come_while_the_model_is_busy():
    model = Held()
    async with serving(model=model) as server, Session(server) as session:
        await session.open()
        model.hold()
        await session.audio(*frames(quarrel(1.0, 3.0)))
        await asyncio.wait_for(session.ping(), 2)
        model.release()
        await session.close()


@in_loop
async def test_custom_configuration_names_stage_and_case_and_its_token_is_kept_out():
    told = {"stage": "negotiation", "risk_class": "B", "token": "setk_of_a_friend", "language": "en-GB"}
    async with serving() as server, Session(server, customConfig=told) as session:
        await session.open()
        await session.say("update", {"language": "fr-CA"})
        await session.close()
        events = await read_feed(server, ALL, until=session.conversation)
    assert (events[0]["data"]["stage"], events[0]["data"]["language"]) == ("negotiation", "en-GB")
    assert "setk_of_a_friend" not in json.dumps(events) + json.dumps(session.said)


# -- sessions that end otherwise


@in_loop
async def test_a_dropped_session_is_continued_by_the_next_one_of_its_conversation():
    async with serving() as server:
        async with Session(server) as first:
            await first.open()
            await first.audio(*frames(small_talk(2.0)))
            first.socket.transport.abort()
        await come_true(lambda: not is_fed(server, first.conversation))
        known = [{"id": first.id, "serverseq": first.serverseq, "clientseq": first.seq}]
        async with Session(server, conversationId=first.conversation, continuedSessions=known) as second:
            await second.open()
            await second.audio(*frames(small_talk(2.0)))
            await second.close()
        events = await events_of(server, first.conversation)
    assert len(of("call.started", events)) == 1
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert of("call.ended", events)[0]["duration_s"] >= 4.0


@in_loop
async def test_a_client_that_closes_to_reconnect_ends_no_call():
    async with serving() as server:
        async with Session(server) as first:
            await first.open()
            await first.audio(*frames(small_talk(2.0)))
            await first.close("reconnect")
        async with Session(server, conversationId=first.conversation) as second:
            await second.open()
            assert heard_s(server, first.conversation) >= 2.0
            await second.close()
        events = await events_of(server, first.conversation)
    assert len(of("call.started", events)) == len(of("call.ended", events)) == 1


@in_loop
async def test_a_second_session_of_a_live_conversation_takes_over_and_the_first_is_told():
    async with serving() as server, Session(server) as first:
        await first.open()
        await first.audio(*frames(small_talk(2.0)))
        await first.ping()
        async with Session(server, conversationId=first.conversation) as second:
            await second.open()
            told = await first.hear("disconnect")
            assert told["parameters"]["reason"] == "completed"
            await first.close("disconnect")
            await second.ping()
            await second.close()
        assert len(of("call.ended", await events_of(server, first.conversation))) == 1


@in_loop
async def test_participants_of_one_conversation_may_be_calls_of_their_own():
    custom, conversation = {"one_call_per": "participant"}, str(uuid.uuid4())
    async with (
        serving() as server,
        Session(server, conversationId=conversation, customConfig=custom) as first,
        Session(server, conversationId=conversation, customConfig=custom) as second,
    ):
        await first.open()
        await second.open()
        assert is_fed(server, f"{conversation}.{first.opening['participant']['id']}")
        assert is_fed(server, f"{conversation}.{second.opening['participant']['id']}")
        await first.close()
        await second.close()


@in_loop
async def test_a_session_of_pings_alone_ends_as_idle_and_a_paused_one_does_not():
    async with serving(live_settings(idle_timeout_s=0.4)) as server:
        async with Session(server) as session:
            await session.open()
            await session.pause()
            for _ in range(8):
                await asyncio.sleep(0.1)
                await session.ping()
            assert is_fed(server, session.conversation)
            await session.resume(0.8)
            for _ in range(50):
                session._pings.append(session.seq + 1)
                await session.say("ping", {})
                await asyncio.sleep(0.02)
            assert (await session.hear("disconnect"))["parameters"]["reason"] == "completed"
            await session.close("disconnect")
        assert of("call.ended", await events_of(server, session.conversation))[0]["reason"] == "idle"


@in_loop
async def test_a_drain_asks_each_client_to_close_and_waits_for_it():
    async with serving() as server, Session(server) as session:
        await session.open()
        await session.audio(*QUARREL)
        await session.ping()
        leaving = asyncio.create_task(server.aclose())
        assert (await session.hear("disconnect"))["parameters"]["reason"] == "completed"
        assert (await session.close("disconnect"))["seq"] == session.serverseq
        await asyncio.wait_for(leaving, 5)


@in_loop
async def test_a_call_that_breaks_is_disconnected_as_an_error():
    async with serving() as server, Session(server) as session:
        await session.open()
        server.calls.fail(server.calls._calls[session.conversation], RuntimeError("broken"))
        told = await session.hear("disconnect")
        assert told["parameters"] == {
            "reason": "error",
            "info": "internal: an internal error ended this call",
        }
        await session.close("disconnect")


# -- probes


@in_loop
async def test_a_probe_is_answered_and_leaves_no_trace():
    participant = {"id": NULL, "ani": "", "aniName": "", "dnis": ""}
    async with serving() as server:
        async with Session(server, conversationId=NULL, participant=participant) as session:
            opened = await session.open()
            assert opened["parameters"]["media"] == [medium(*STEREO)]
            await session.audio(*QUARREL)
            await session.ping()
            await session.say("update", {"language": "en-GB"})
            await session.close()
        assert await read_feed(server, ALL) == []
        assert "calls_live 0" in server.metrics.render().decode()
        assert not server.calls.sessions


@in_loop
async def test_a_probe_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(farewell, "PROBE_S", 0.2)
    async with serving() as server, Session(server, conversationId=NULL, media=[]) as session:
        assert (await session.open())["parameters"]["media"] == []
        assert (await session.hear("disconnect"))["parameters"]["reason"] == "error"
        await session.close("disconnect")


# -- refusals


@pytest.mark.parametrize(
    ("opening", "reason", "info"),
    [
        ({"customConfig": {"stage": "warm-up"}}, "error", "stage is 'warm-up': one of facts, negotiation"),
        ({"customConfig": {"agent_channel": "left"}}, "error", "customConfig"),
        ({"customConfig": {"utc_offset": "noon"}}, "error", "utc_offset"),
        ({"language": "the Queen's"}, "error", "write a tag such as en-US"),
        ({"media": []}, "error", "offer PCMU or L16 at 8000 Hz"),
        ({"media": [medium(*STEREO) | {"rate": 16000}]}, "error", "offer PCMU or L16 at 8000 Hz"),
        ({"conversationId": "c-1"}, "error", "conversation_id is 'c-1': it must be a UUID"),
    ],
)
@in_loop
async def test_what_cannot_be_opened_is_disconnected_with_the_reason_and_still_closes(opening, reason, info):
    async with serving() as server, Session(server, **opening) as session:
        await session.say("open", session.opening)
        told = (await session.hear("disconnect"))["parameters"]
        assert told["reason"] == reason
        assert info in told["info"]
        await session.close("disconnect")
        assert [message["type"] for message in session.said] == ["disconnect", "closed"]
        assert await read_feed(server, ALL) == []


@in_loop
async def test_an_organisation_that_the_handshake_did_not_name_is_unauthorized():
    headers = {"audiohook-organization-id": str(uuid.uuid4())}
    async with (
        serving() as server,
        Session(server, headers=headers, organizationId=str(uuid.uuid4())) as session,
    ):
        await session.say("open", session.opening)
        assert (await session.hear("disconnect"))["parameters"]["reason"] == "unauthorized"
        await session.close("disconnect")


@in_loop
async def test_a_server_that_is_full_says_so_and_was_never_open():
    async with serving(live_settings(max_calls=1)) as server, Session(server) as first:
        await first.open()
        async with Session(server) as second:
            await second.say("open", second.opening)
            assert "overloaded" in (await second.hear("disconnect"))["parameters"]["info"]
            await second.close("disconnect")
            assert [message["type"] for message in second.said] == ["disconnect", "closed"]
        await first.close()


@in_loop
async def test_a_broken_session_disturbs_no_other():
    async with serving() as server, Session(server) as good:
        await good.open()
        for text in ("[", "{}", '{"version":"2"}', "\x00", "9" * 70_000):
            async with Session(server) as bad:
                await bad.open()
                await bad.socket.send(text)
                assert (await bad.hear("disconnect"))["parameters"]["reason"] == "error"
                await bad.close("disconnect")
        async with Session(server) as odd:
            await odd.open()
            await odd.socket.send(b"\xff" * 161)
            assert "whole frames of 2 bytes" in (await odd.hear("disconnect"))["parameters"]["info"]
            await odd.close("disconnect")
        await good.audio(*QUARREL)
        await good.close()
        assert of("alert.raised", await events_of(server, good.conversation))


@in_loop
async def test_a_socket_that_says_nothing_is_told_why_it_is_closed():
    async with serving(live_settings(start_timeout_s=0.2)) as server, Session(server) as session:
        session.id = NULL
        told = await session.hear("disconnect")
        assert "start_timeout" in told["parameters"]["info"]
