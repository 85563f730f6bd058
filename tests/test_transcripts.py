"""Transcripts in a call: from where they come on, whatever the chunks; alerts, phrases, tension; and live."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_server import LoudIsAngry as LiveModel
from live_server import (
    come_true,
    heard_s,
    in_loop,
    play,
    read_feed,
    refusal,
    rest,
    said_of,
    small_talk,
    start,
    streaming,
)
from voices import SETTINGS, channels, encoded, examples, hush, lines, monitor, only, pieces, voice
from websockets.asyncio.client import connect

from sentiment_engine import (
    AlertCleared,
    AlertRaised,
    AlertUpdated,
    BadAudio,
    BadMessage,
    BadSettings,
    CallEnded,
    Settings,
    TensionUpdated,
    load_cues,
    load_playbook,
    wire,
)
from sentiment_engine.live.app import LiveServer
from sentiment_engine.monitor import LONGEST_TRANSCRIPT

CUES = load_cues()
PLAYBOOK = load_playbook()
THREAT = ("agent", "watch your back", 0.5, 1.5)
SELF_HARM = ("customer", "I don't want to live", 1.0, 2.0)
ALERTS = (AlertRaised, AlertUpdated, AlertCleared)


def silence(seconds, parties=2):
    return encoded(channels(*[hush(seconds)] * parties))


def call(*script, seconds=40.0, **description):
    """The events of a silent call: transcripts said at (second, party, text, start_s, end_s)."""
    one, out, at_s = monitor(cues=CUES, playbook=PLAYBOOK, **description), [], 0.0
    for second, *said in script:
        out += one.feed(silence(second - at_s, len(one.channels)))
        at_s = second
        one.transcript(*said)
    return out + one.feed(silence(seconds - at_s, len(one.channels))) + one.finish()


def test_an_agents_threat_raises_a_critical_alert_at_once_with_a_fitting_phrase():
    told = call((2.5, *THREAT))
    (raised,), (cleared,) = only(AlertRaised, told), only(AlertCleared, told)
    assert (raised.kind, raised.severity, raised.at_s, raised.since_s) == ("words", "critical", 2.5, 2.5)
    assert raised.flags == ("threat_of_harm",)
    assert raised.causes == {"words": 1.0}
    assert raised.summary == (
        "Possibly prohibited wording by the agent (threat of harm): a cue to be checked by ear."
    )
    assert {(one.audience, one.rule.split(",")[0]) for one in raised.suggestions} == {
        ("agent", "cause words of the agent"),
        ("supervisor", "cause words of the agent"),
    }
    assert raised.suggestions[0].id == "wd-stop-1"
    assert (cleared.alert_id, cleared.at_s, cleared.suggestions) == (raised.alert_id, 33.0, ())
    assert cleared.summary == "No further cue of prohibited wording."


def test_words_alone_are_no_alert_on_tension():
    settings = Settings()
    most = settings.tension.bias + settings.words.limit
    assert 1 / (1 + math.exp(-most)) < settings.alerts.raise_at


def test_words_add_to_tension_and_fade():
    ticks = only(TensionUpdated, call((2.5, *THREAT)))
    assert all("words" not in tick.causes for tick in ticks[:2])
    heat = [tick.causes["words"] for tick in ticks[2:]]
    assert heat[0] == pytest.approx(0.977, abs=0.001)
    assert heat == sorted(heat, reverse=True)
    assert heat[30] == pytest.approx(heat[0] / 2, abs=0.001)


def test_self_harm_switches_to_the_vulnerability_entries_and_heats_nothing():
    told = call((2.0, *SELF_HARM))
    (raised,) = only(AlertRaised, told)
    assert (raised.kind, raised.severity, raised.causes) == ("vulnerability", "critical", {})
    entries = {entry.id: entry for entry in PLAYBOOK.entries}
    shown = [entries[one.id] for one in raised.suggestions]
    assert {entry.audience for entry in shown} == {"agent", "supervisor"}
    assert all(
        entry.cause == "customer_distress" or "customer_self_harm" in entry.flags
        for entry in shown
        if entry.audience == "agent"
    )
    assert any("customer_self_harm" in entry.flags for entry in shown)
    assert all("words" not in tick.causes for tick in only(TensionUpdated, told))


@pytest.mark.parametrize(
    ("text", "kind"), [("wrong number", "customer_words"), ("I lost my job", "vulnerability")]
)
def test_a_customer_is_not_answered_with_a_stock_phrase(text, kind):
    (raised,) = only(AlertRaised, call((2.0, "customer", text, 1.0, 2.0), stage="notice"))
    entries = {entry.id: entry for entry in PLAYBOOK.entries}
    assert raised.kind == kind
    assert raised.suggestions
    for one in raised.suggestions:
        entry = entries[one.id]
        assert entry.audience == "supervisor" or entry.cause == "customer_distress" or entry.flags


def angry(**description):
    """A customer who grows loud, as a monitor and the bytes."""
    sound = channels(hush(14.0), voice(5.0, -32.0, 1).tolist() + voice(9.0, -14.0, 2).tolist())
    return monitor(cues=CUES, playbook=PLAYBOOK, **description), sound.astype("<i2").tobytes()


def test_once_the_customer_may_need_care_tension_is_answered_with_care():
    plain, data = angry()
    (tense,) = only(AlertRaised, plain.feed(data))
    caring, _ = angry()
    caring.transcript(*SELF_HARM)
    alerts = only(AlertRaised, caring.feed(data))
    assert [alert.kind for alert in alerts] == ["vulnerability", "customer_anger"]
    assert alerts[1].causes == tense.causes
    assert any(one.rule.startswith("cause customer_anger") for one in tense.suggestions)
    told = [one for one in alerts[1].suggestions if one.audience == "agent"]
    assert told
    assert all("care first (" in one.rule and "customer_self_harm" in one.rule for one in told)
    assert all(one.rule.startswith("cause customer_distress") for one in told)


def test_alerts_of_all_kinds_are_numbered_together_and_counted_in_the_end():
    one, data = angry(context={"local_time": "2026-11-24T23:00:00+08:00", "attempts_today": 9})
    told = one.feed(data[: len(data) // 4])
    one.transcript(*THREAT)
    told += one.feed(data[len(data) // 4 :]) + one.finish()
    raised = only(AlertRaised, told)
    assert [alert.kind for alert in raised] == ["outside_hours", "contact_limit", "words", "customer_anger"]
    assert [alert.alert_id for alert in raised] == ["c-1.a1", "c-1.a2", "c-1.a3", "c-1.a4"]
    assert [alert.at_s for alert in raised[:2]] == [0.0, 0.0]
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    ended = only(CallEnded, told)[0]
    assert ended.summary.alerts == 4
    cleared = {alert.alert_id: alert.flags for alert in only(AlertCleared, told)}
    assert cleared == {alert.alert_id: alert.flags for alert in raised}


def test_on_a_mixed_channel_nobody_is_named_unless_the_recogniser_does():
    (unnamed,) = only(AlertRaised, call((2.0, "mixed", "watch your back", 1.0, 2.0), channels=("mixed",)))
    assert unnamed.summary.startswith("Possibly risky wording on the line")
    assert "wd-stop-1" not in {one.id for one in unnamed.suggestions}
    (named,) = only(AlertRaised, call((2.0, *THREAT), channels=("mixed",)))
    assert named.suggestions[0].id == "wd-stop-1"


def test_without_cues_transcripts_raise_nothing_and_no_notice_is_missed():
    one = monitor(playbook=PLAYBOOK)
    one.transcript(*THREAT)
    assert only(ALERTS, one.feed(silence(5.0)) + one.finish()) == []


def test_notices_not_heard_in_the_agents_first_minute_are_missed_until_heard():
    one = monitor(cues=CUES, language="zh-CN")
    talk = encoded(channels(voice(75.0, -26.0, 3), hush(75.0)))
    one.transcript("agent", "您好", 0.0, 1.0)
    told = one.feed(talk) + one.feed(silence(2.0))
    (missed,) = only(AlertRaised, told)
    assert (missed.kind, missed.severity) == ("missing_notice", "notice")
    assert missed.summary == "通话开始阶段未听到：表明身份、告知录音；请听录音核对。"
    one.transcript("agent", "我这边是某某公司的，本次通话会录音。", 76.0, 78.0)
    (cleared,) = only(AlertCleared, one.judge([]))
    assert (cleared.kind, cleared.at_s) == ("missing_notice", 77.0)
    assert only(ALERTS, one.finish()) == []


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (("mixed", "x", 0.0, 1.0), "parties are agent, customer"),
        (("judge" * 100, "x", 0.0, 1.0), "parties are agent, customer"),
        (("agent", "x" * (LONGEST_TRANSCRIPT + 1), 0.0, 1.0), "at most 10000"),
        (("agent", "x", -0.1, 1.0), "from -0.1 to 1.0 s"),
        (("agent", "x", 1.1, 1.0), "from 1.1 to 1.0 s"),
        (("agent", "x", float("nan"), 1.0), "from nan"),
        (("agent", "x", 0.0, float("inf")), "to inf s"),
    ],
)
def test_a_transcript_that_does_not_belong_is_refused_and_the_call_goes_on(said, named):
    one = monitor(cues=CUES)
    with pytest.raises(BadMessage, match=named):
        one.transcript(*said)
    one.transcript("agent", "x" * LONGEST_TRANSCRIPT, 0.0, 1.0)
    assert isinstance((one.feed(silence(1.0)) + one.finish())[-1], CallEnded)
    with pytest.raises(BadAudio, match="has ended"):
        one.transcript(*THREAT)


def test_settings_that_require_a_notice_nobody_can_hear_are_refused():
    with pytest.raises(BadSettings, match="'notice_identity'"):
        monitor(cues=CUES.overridden({"remove": ["notice_identity"]}))


def test_a_context_that_cannot_be_used_is_refused():
    with pytest.raises(BadAudio, match="context: attempts_today is -1"):
        monitor(context={"attempts_today": -1})


SCRIPTS = st.lists(
    st.tuples(
        st.integers(0, 5000),
        st.sampled_from(["agent", "customer"]),
        st.sampled_from(
            [
                "watch your",
                "back",
                "骗子 住院了",
                "老赖",
                "不会 告诉你家里人",
                "wrong number",
                "\ud800 \u0301",
            ]
        ),
        st.integers(0, 9),
    ),
    max_size=12,
)


@given(script=SCRIPTS, step=st.integers(1, 9000), rate_hz=st.sampled_from([8000, 11_025, 16_000]))
@examples(25)
def test_only_a_transcripts_place_in_the_stream_counts_not_the_chunks(script, step, rate_hz):
    data = bytes(4 * 5000)
    script = sorted(script, key=lambda one: one[0])

    def told(size):
        one, out, at = monitor(cues=CUES, playbook=PLAYBOOK, sample_rate_hz=rate_hz), [], 0
        for sample, party, text, start_s in script:
            for piece in pieces(data[4 * at : 4 * sample], size):
                out += one.feed(piece)
            at = sample
            one.transcript(party, text, float(start_s), start_s + 1.0)
        for piece in pieces(data[4 * at :], size):
            out += one.feed(piece)
        return lines(out + one.finish())

    assert told(step) == told(len(data))


def test_scores_that_come_late_change_nothing():
    def told(*, late):
        one, data = angry()
        quarter = len(data) // 4
        due = one.listen(data[: 3 * quarter])
        out = [] if late else one.judge(one._scores(due))
        one.transcript(*THREAT)
        one.transcript(*SELF_HARM)
        more = one.listen(data[3 * quarter :]) + one.close("stop")
        return lines(out + one.judge(one._scores(due + more if late else more)))

    assert told(late=True) == told(late=False)


def test_thousands_of_transcripts_raise_few_alerts_and_leave_no_gap_in_seq():
    one, told = monitor(cues=CUES, playbook=PLAYBOOK), []
    for second in range(60):
        for part in range(50):
            one.transcript("agent", "老赖 watch your back", second + part / 50, second + part / 50)
            one.transcript("customer", "骗子", second + part / 50, second + (part + 1) / 50)
        told += one.feed(silence(1.0))
    told += one.finish()
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    raised = [alert.kind for alert in only(AlertRaised, told) if alert.flags]
    assert raised == ["words", "customer_words"]
    assert len([alert for alert in only(AlertUpdated, told) if alert.flags]) <= 2 * 60 / 5
    assert all(wire.decode(line) == event for line, event in zip(lines(told), told, strict=True))


def test_transcripts_without_cues_leave_nothing_behind():
    one = monitor(cues=CUES)
    for second in range(1000):
        one.transcript("agent", "good morning", float(second), second + 0.5)
    assert len(one._log) == 1


# -- through the live server


def live(**description):
    return LiveServer(SETTINGS, LiveModel(), PLAYBOOK, cues=CUES, port=0, **description)


def frame(party, text, start_s, end_s):
    return json.dumps(
        {"type": "transcript", "party": party, "text": text, "start_s": start_s, "end_s": end_s}
    )


@in_loop
async def test_a_threat_in_a_transcript_frame_raises_an_alert_within_the_same_second():
    audio = small_talk(4.0)
    async with live() as server, streaming(server) as socket:
        await play(socket, audio[:80_000])
        await come_true(lambda: heard_s(server, "c-1") == 2.5)
        await socket.send(frame(*THREAT))
        raised = json.loads(await socket.recv())
        assert (raised["type"], raised["kind"], raised["severity"]) == ("alert.raised", "words", "critical")
        assert 2.4 <= raised["at_s"] <= 2.5
        assert raised["flags"] == ["threat_of_harm"]
        assert raised["suggestions"][0]["id"] == "wd-stop-1"
        await play(socket, audio[80_000:])
        await socket.send('{"type":"stop"}')
        said = await rest(socket)
        assert [event["type"] for event in said] == ["alert.cleared", "call.ended"]
        one = monitor(SETTINGS, LiveModel(), cues=CUES, playbook=PLAYBOOK)
        expected = one.feed(audio[:80_000])
        one.transcript(*THREAT)
        expected += one.feed(audio[80_000:]) + one.finish()
        assert said_of(await read_feed(server), "c-1") == [json.loads(line) for line in lines(expected)]


@in_loop
async def test_a_context_in_quiet_hours_raises_an_alert_before_any_audio():
    context = {"local_time": "2026-11-24T23:00:00+08:00"}
    async with live() as server, streaming(server, context=context, language="zh-CN") as socket:
        raised = json.loads(await socket.recv())
        assert (raised["kind"], raised["at_s"]) == ("outside_hours", 0.0)
        assert raised["summary"] == "按传入的时间，对方当地处于非允许联系时段。"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame("mixed", "x", 0.0, 1.0), "bad_message"),
        (frame("agent", "x" * (LONGEST_TRANSCRIPT + 1), 0.0, 1.0), "bad_message"),
    ],
)
@in_loop
async def test_a_transcript_that_does_not_belong_closes_its_socket_with_1007(said, code):
    async with live() as server, streaming(server) as socket:
        await socket.send(said)
        assert await refusal(socket) == (code, 1007)


@in_loop
async def test_a_context_that_cannot_be_used_is_refused_by_name():
    async with live() as server, connect(server.url + "/v1/stream") as socket:
        await socket.send(start(context={"attempts_today": "many"}))
        assert await refusal(socket) == ("bad_audio", 1007)


def test_a_server_whose_required_notices_have_no_cues_does_not_start():
    with pytest.raises(BadSettings, match="'notice_recording'"):
        LiveServer(SETTINGS, LiveModel(), cues=CUES.overridden({"remove": ["notice_recording"]}), port=0)
