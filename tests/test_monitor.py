"""One call from bytes to events: the same answer however it arrives, in order, exact, and adding up."""

import json
import math
from functools import cache
from itertools import cycle, pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import (
    RATE_HZ,
    SETTINGS,
    LoudIsAngry,
    at_rate,
    channels,
    encoded,
    example_call,
    examples,
    hush,
    lines,
    monitor,
    only,
    pieces,
    run,
    turns,
    voice,
)

from sentiment_engine import (
    AlertCleared,
    AlertRaised,
    AlertUpdated,
    AudioGap,
    BadAudio,
    CallEnded,
    CallStarted,
    EmotionScored,
    ModelMismatch,
    QualityChanged,
    SpeechEnded,
    TensionUpdated,
    wire,
)
from sentiment_engine.calm import CalmVoice
from sentiment_engine.monitor import LONGEST_GAP_S, LONGEST_ID, LONGEST_LANGUAGE
from sentiment_engine.pcm import ENCODINGS, SILENCE
from sentiment_engine.playbook import parse_playbook
from sentiment_engine.resources import load_playbook

RATES = (8000, 11025, 16000, 44100, 48000)
LAYOUTS = (("agent", "customer"), ("customer",), ("mixed",))
CALM_DB, HOT_DB = -32.0, -14.0


@cache
def quarrel():
    """The customer speaks calmly, shouts while the agent talks against it, then both fall silent; 28 s."""
    customer = turns(voice(5.0, CALM_DB, 1), hush(0.5), voice(8.0, HOT_DB, 2), hush(14.5))
    agent = turns(hush(7.5), voice(5.0, CALM_DB, 3), hush(15.5))
    return channels(agent, customer)


@cache
def cut(encoding, rate_hz, layout):
    """Five seconds of two people talking, as a caller sends them."""
    sound = example_call(42.0, 5.0)
    sound = sound if len(layout) == 2 else (sound.sum(axis=1) // 2).astype(np.int16)[:, None]
    return encoded(at_rate(sound, rate_hz), encoding)


@cache
def whole(encoding, rate_hz, layout):
    """The events of that cut in one piece."""
    said = lines(
        run([cut(encoding, rate_hz, layout)], encoding=encoding, sample_rate_hz=rate_hz, channels=layout)
    )
    assert any(b"emotion.scored" in line for line in said)
    return said


def sized(data, sizes, first):
    """Bytes in pieces: ``first``, then 300 of these sizes in turn, then the rest."""
    at = first
    yield data[:first]
    for size, _ in zip(cycle(sizes), range(300), strict=False):
        yield data[at : at + size]
        at += size
    yield data[at:]


@given(
    encoding=st.sampled_from(ENCODINGS),
    rate_hz=st.sampled_from(RATES),
    layout=st.sampled_from(LAYOUTS),
    sizes=st.lists(
        st.integers(1, 9) | st.integers(10, 4000) | st.integers(4000, 200_000), min_size=1, max_size=6
    ),
    first=st.integers(0, 100_000),
)
@examples(25)
def test_chunking_never_changes_the_events(encoding, rate_hz, layout, sizes, first):
    chunks = sized(cut(encoding, rate_hz, layout), sizes, first)
    said = run(chunks, encoding=encoding, sample_rate_hz=rate_hz, channels=layout)
    assert lines(said) == whole(encoding, rate_hz, layout)


@pytest.mark.parametrize("step", [1, 160, 511, 512, 513, 16_000])
def test_chunk_size_does_not_change_the_events(step):
    call = encoded(example_call(40.0, 3.0 if step == 1 else 12.0), "mulaw")
    assert lines(run(pieces(call, step), encoding="mulaw")) == lines(run([call], encoding="mulaw"))


@cache
def said_at_once():
    """The events of the quarrel's first 12 s, scored as they come."""
    return lines(run([encoded(quarrel()[: 12 * RATE_HZ])]))


@given(
    portions=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    step=st.sampled_from([3200, 16_000, 100_000]),
)
@examples(12)
def test_scores_that_come_late_and_in_portions_give_the_same_events(portions, step):
    call, model = monitor(), LoudIsAngry()
    data, out, due = encoded(quarrel()[: 12 * RATE_HZ]), [], []
    for chunk, portion in zip(pieces(data, step), cycle(portions), strict=False):
        due += call.listen(chunk)
        assert call.waiting == len(due)
        now, due = due[:portion], due[portion:]
        out += call.judge([model.row(window.samples) for window in now])
    due += call.close("stop")
    for window in due:
        out += call.judge([model.row(window.samples)])
    out += call.judge([])
    assert call.waiting == 0
    assert lines(out) == said_at_once()


def test_nothing_is_said_that_would_come_before_a_window_still_waiting():
    call = monitor()
    (first, *_) = due = call.listen(encoded(quarrel()[: 5 * RATE_HZ]))
    assert only(EmotionScored, call.judge([])) == []
    told = call.judge([LoudIsAngry().row(first.samples)])
    assert [type(event) for event in told[:1]] == [EmotionScored]
    assert all(event.at_s <= due[1].at_s for event in told)


def test_more_scores_than_windows_waiting_is_the_callers_mistake():
    call = monitor()
    with pytest.raises(ValueError, match="1 scores for 0 windows waiting"):
        call.judge([np.full(5, 0.2, np.float32)])


def with_gaps(call, data):
    """A call that loses a piece of audio twice."""
    out = call.feed(data[: len(data) // 3 + 1])
    out += call.judge([None] * len(call.gap(2.34567, "lost")))
    out += call.feed(data[len(data) // 3 + 1 : -7])
    out += call.judge([None] * len(call.gap(0.05, "paused")))
    return out + call.feed(data[-7:]) + call.finish()


CALLS = {
    "quarrel": lambda: run([encoded(quarrel())]),
    "example": lambda: run([encoded(example_call())]),
    "cut short": lambda: run([encoded(quarrel()[: round(12.345 * RATE_HZ)]) + b"\1"]),
    "mixed": lambda: run([encoded(quarrel()[:, 1])], channels=("mixed",)),
    "agent alone": lambda: run([encoded(quarrel()[:, 1], "alaw")], encoding="alaw", channels=("agent",)),
    "44.1 kHz": lambda: run([encoded(at_rate(quarrel()[: 14 * RATE_HZ], 44100))], sample_rate_hz=44100),
    "gaps": lambda: with_gaps(monitor(), encoded(quarrel())),
    "nothing": lambda: run([]),
}


@pytest.fixture(scope="module", params=CALLS)
def told(request):
    return CALLS[request.param]()


def numbers(value):
    """All numbers inside plain data."""
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, (int, float)) else []


def test_events_are_numbered_from_1_without_gaps_between_a_start_and_an_end(told):
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert [type(event) for event in (told[0], told[-1])] == [CallStarted, CallEnded]
    assert len(only(CallStarted, told)) == len(only(CallEnded, told)) == 1
    assert {event.call_id for event in told} == {"c-1"}


def test_time_never_runs_backwards_nor_past_the_end(told):
    assert all(earlier.at_s <= later.at_s for earlier, later in pairwise(told))
    for event in only((SpeechEnded, EmotionScored, AudioGap), told):
        assert 0 <= event.start_s <= event.end_s <= told[-1].duration_s
        assert event.end_s <= event.at_s or isinstance(event, AudioGap)
    assert told[-1].at_s == told[-1].duration_s


def test_numbers_are_finite_and_times_are_in_milliseconds(told):
    for event in told:
        fields = json.loads(wire.encode(event))
        assert all(math.isfinite(number) for number in numbers(fields))
        times = [value for name, value in fields.items() if name.endswith("_s")]
        assert times == [round(value, 3) for value in times]


def test_every_event_can_be_read_back(told):
    assert [wire.decode(line) for line in lines(told)] == told


def test_the_causes_of_every_level_add_up_to_it(told):
    for tick in only(TensionUpdated, told):
        log_odds = math.log(tick.level / (1 - tick.level))
        assert log_odds == pytest.approx(tick.bias + sum(tick.causes.values()), abs=0.01)
        assert all(value > 0 for value in tick.causes.values())


def test_the_level_is_told_once_a_second(told):
    seconds = [tick.at_s for tick in only(TensionUpdated, told)]
    assert seconds == [float(second) for second in range(1, int(told[-1].duration_s) + 1)]


def test_the_summary_counts_what_was_told(told):
    ended, ticks = told[-1].summary, only(TensionUpdated, told)
    assert ended.peak == max((tick.level for tick in ticks), default=0.0)
    assert ended.mean == pytest.approx(sum(tick.level for tick in ticks) / max(1, len(ticks)), abs=1e-6)
    assert ended.seconds_above == sum(tick.level >= SETTINGS.alerts.raise_at for tick in ticks)
    assert ended.alerts == len(only(AlertRaised, told)) == len(only(AlertCleared, told))
    assert 0.0 <= ended.overlap_ratio <= 1.0
    assert set(ended.talk_share) == set(told[0].channels)
    assert sum(ended.talk_share.values()) in (0.0, pytest.approx(1.0, abs=2e-4))


def test_scores_are_probabilities_of_every_label(told):
    for scored in only(EmotionScored, told):
        assert tuple(scored.scores) == LoudIsAngry.labels
        assert sum(scored.scores.values()) == pytest.approx(1.0, abs=1e-3)
        assert all(p == round(p, 4) for p in scored.scores.values())


def test_scores_beside_the_calm_voice_are_each_partys_own_and_told_with_the_models(told):
    voices = {party: CalmVoice(SETTINGS.baseline) for party in told[0].channels}
    for scored in only(EmotionScored, told):
        beside_calm = voices[scored.party].relative(scored.scores, scored.voice.new_speech_s)
        assert scored.relative == beside_calm


def test_a_quarrel_raises_one_alert_that_says_why_and_calm_clears_it():
    told = run([encoded(quarrel())])
    raised, cleared = only((AlertRaised, AlertCleared), told)
    assert (type(raised), type(cleared)) == (AlertRaised, AlertCleared)
    assert 5.5 < raised.since_s < raised.at_s < 13.5 < cleared.at_s < 28.0
    assert raised.alert_id == cleared.alert_id == "c-1.a1"
    assert "customer_anger" in raised.causes
    assert "agent_anger" not in raised.causes
    assert list(raised.causes.values()) == sorted(raised.causes.values(), reverse=True)
    assert raised.summary.endswith("s.")
    assert cleared.summary.startswith("The call has calmed down")


def test_an_alert_does_not_wait_for_the_next_second():
    settings = msgspec.structs.replace(
        SETTINGS, alerts=msgspec.structs.replace(SETTINGS.alerts, min_duration_s=0.0)
    )
    told = run(pieces(encoded(quarrel()), 1600), settings=settings)
    (alert,) = only(AlertRaised, told)
    before = told[alert.seq - 2]
    assert isinstance(before, EmotionScored)
    assert before.at_s == alert.at_s
    assert not float(alert.at_s).is_integer()
    assert max(tick.level for tick in only(TensionUpdated, told) if tick.at_s < alert.at_s) < 0.6


def test_a_window_is_not_judged_without_its_scores():
    call = monitor()
    (window, *_) = call.listen(encoded(quarrel()))
    with pytest.raises(TypeError, match="with its scores"):
        call._judge.note(window, call._listener.conversation)


def test_a_calm_call_raises_nothing():
    talk = channels(
        turns(voice(5.0, CALM_DB, 1), hush(5.0)), turns(hush(5.2), voice(4.0, CALM_DB, 2), hush(0.8))
    )
    told = run([encoded(talk)])
    assert only((AlertRaised, AlertUpdated, AlertCleared), told) == []
    assert {event.party for event in only(SpeechEnded, told)} == {"agent", "customer"}


def test_an_alert_grows_with_the_heat():
    louder = turns(voice(4.0, CALM_DB), *(voice(3.0, level_db) for level_db in (-24.0, -20.0, -16.0, -12.0)))
    settings = msgspec.structs.replace(
        SETTINGS, alerts=msgspec.structs.replace(SETTINGS.alerts, raise_at=0.3, clear_at=0.2, warning_at=0.6)
    )
    raised, *updates, _ = only(
        (AlertRaised, AlertUpdated, AlertCleared), run([encoded(louder)], settings, channels=("customer",))
    )
    assert updates
    order = ("notice", "warning", "critical")
    ranks = [order.index(event.severity) for event in (raised, *updates)]
    assert ranks == sorted(set(ranks))


def test_somebody_hot_from_the_first_word_raises_an_alert():
    hot = channels(hush(10.0), voice(10.0, HOT_DB))
    assert only(AlertRaised, run([encoded(hot)]))[0].at_s < 8.0


def test_a_mixed_channel_names_no_party():
    told = run([encoded(quarrel()[:, 1])], channels=("mixed",), playbook=load_playbook())
    ticks = only(TensionUpdated, told)
    assert {cause for tick in ticks for cause in tick.causes} <= {"anger", "raised_voice", "silence"}
    assert all(tick.mixed is not None and tick.agent is tick.customer is None for tick in ticks)
    assert only(AlertRaised, told)[0].summary.startswith("Someone on the line sounds angry")


def test_the_end_of_a_call_closes_an_open_alert_and_says_so():
    told = run([encoded(quarrel()[: 13 * RATE_HZ])])
    cleared, ended = told[-2:]
    assert isinstance(cleared, AlertCleared)
    assert cleared.summary.startswith("The call ended while it was still tense")
    assert (cleared.at_s, ended.reason) == (13.0, "stop")


def test_an_alert_offers_phrases_of_the_stage_and_in_the_language_of_the_call():
    data, playbook = encoded(quarrel()), load_playbook()
    told = run([data], playbook=playbook, stage="facts", language="zh-CN")
    (raised,), (cleared,) = only(AlertRaised, told), only(AlertCleared, told)
    assert raised.suggestions
    assert cleared.suggestions
    assert all(suggestion.rule.startswith("cause recovery, ") for suggestion in cleared.suggestions)
    assert {suggestion.language for suggestion in raised.suggestions} == {"zh-CN"}
    assert "stage facts," in raised.suggestions[0].rule
    assert only(AlertRaised, run([data]))[0].suggestions == ()


def test_the_callers_risk_class_chooses_phrases_and_anything_else_is_ignored():
    fields = {
        "stage": ["general"],
        "cause": "customer_anger",
        "audience": "agent",
        "technique": "acknowledge",
    }
    fields |= {"severity": ["notice", "warning", "critical"], "mode": "say", "zh-CN": "好。", "en": "Yes."}
    playbook = parse_playbook(
        {"version": 1, "entries": [fields | {"id": "a", "risk_class": "A"}, fields | {"id": "any"}]}
    )
    data = encoded(quarrel()[4 * RATE_HZ : 12 * RATE_HZ])

    def phrase(context):
        return only(AlertRaised, run([data], playbook=playbook, context=context))[0].suggestions[0].id

    assert phrase({"risk_class": "A"}) == "a"
    assert {phrase(context) for context in (None, {"risk_class": 7}, {"risk_class": "Z"}, {"x": "A"})} == {
        "any"
    }


def test_a_stage_named_on_the_way_changes_later_suggestions():
    call, data = monitor(playbook=load_playbook(), stage="facts"), encoded(quarrel())
    half = len(data) // 6
    told = call.feed(data[:half])
    call.set_stage("negotiation")
    told += call.feed(data[half:]) + call.finish()
    assert told[0].stage == "facts"
    assert "stage negotiation," in only(AlertRaised, told)[0].suggestions[0].rule


def test_a_stage_counts_from_where_it_was_named_however_late_the_scores_come():
    call = monitor(playbook=load_playbook(), stage="facts")
    due = call.listen(encoded(quarrel()))
    call.set_stage("negotiation")
    due += call.close("stop")
    raised = only(AlertRaised, call.judge(list(LoudIsAngry()([window.samples for window in due]))))[0]
    assert "stage facts," in raised.suggestions[0].rule


def test_a_language_named_on_the_way_changes_later_suggestions_and_summaries():
    call, data = monitor(playbook=load_playbook(), language="zh-CN"), encoded(quarrel())
    half = len(data) // 6
    told = call.feed(data[:half])
    call.set_language("en-GB")
    raised = only(AlertRaised, told + call.feed(data[half:]))[0]
    assert {suggestion.language for suggestion in raised.suggestions} == {"en"}
    assert raised.summary.isascii()
    with pytest.raises(BadAudio, match="must be a BCP 47 tag"):
        call.set_language("")
    call.finish()
    with pytest.raises(BadAudio, match="has ended"):
        call.set_language("en")


def test_a_window_skipped_under_overload_is_marked_and_counts_for_nothing():
    call = monitor()
    told = call.judge([None] * len(call.listen(encoded(quarrel()))))
    told += call.judge([None] * len(call.close("idle")))
    assert {event.reason for event in only(AudioGap, told)} == {"overload"}
    assert len(only(AudioGap, told)) == len(only(EmotionScored, run([encoded(quarrel())])))
    assert not any("anger" in cause for tick in only(TensionUpdated, told) for cause in tick.causes)
    assert told[-1].reason == "idle"


@pytest.mark.parametrize("rate_hz", [8000, 11025])
def test_a_gap_moves_the_clock_exactly_and_is_told_of_every_party(rate_hz):
    call = monitor(sample_rate_hz=rate_hz)
    data = encoded(at_rate(quarrel()[: 3 * RATE_HZ], rate_hz))
    told = call.feed(data + b"\1\2\3")
    before_s = call.heard_s
    told += call.judge([LoudIsAngry().row(window.samples) for window in call.gap(12.5, "paused")])
    assert call.heard_s == pytest.approx(before_s + round(12.5 * rate_hz) / rate_hz, abs=1e-9)
    told += call.feed(data) + call.finish()
    gaps = only(AudioGap, told)
    assert [(gap.party, gap.reason) for gap in gaps] == [("agent", "paused"), ("customer", "paused")]
    assert {(gap.start_s, gap.end_s) for gap in gaps} == {(3.0, 15.5)}
    assert told[-1].duration_s == 18.5


def test_a_gap_ends_speech_and_nobody_speaks_across_it():
    call = monitor()
    data = encoded(channels(hush(3.0), voice(3.0)))
    told = call.feed(data)
    call.gap(5.0)
    told += call.judge([LoudIsAngry().row(np.ones(4800, np.float32))] * call.waiting)
    told += call.feed(data) + call.finish()
    spans = [(event.start_s, event.end_s) for event in only(SpeechEnded, told)]
    kinds = [type(event) for event in told]
    assert kinds.index(SpeechEnded) < kinds.index(AudioGap)
    assert len(spans) == 2
    assert spans[0][1] <= 3.0
    assert spans[1][0] >= 8.0


def test_tension_holds_still_across_a_gap_and_silence_is_not_counted():
    call = monitor()
    told = call.feed(encoded(quarrel()[: 13 * RATE_HZ]))
    told += call.judge([LoudIsAngry().row(window.samples) for window in call.gap(60.0)])
    told += call.feed(encoded(channels(hush(2.0), hush(2.0)))) + call.finish()
    ticks = {tick.at_s: tick for tick in only(TensionUpdated, told)}
    across = [ticks[float(second)] for second in range(14, 74)]
    assert across[0].level > SETTINGS.alerts.raise_at
    for name in ("customer", "causes", "level"):
        assert len({str(getattr(tick, name)) for tick in across}) == 1
    assert "silence" not in across[-1].causes
    assert ticks[75.0].level < across[-1].level
    assert only(AlertCleared, told)[0].at_s == 75.0
    assert told[-1].summary.longest_silence_s < 3.0


def test_a_gap_before_any_audio_is_only_time():
    call = monitor(channels=("mixed",))
    assert call.gap(2.0) == []
    told = call.finish()
    assert told[-1].duration_s == 2.0
    assert [tick.causes for tick in only(TensionUpdated, told)] == [{}, {}]


def absent(call, party, data, reason="lost"):
    """Feeds ``data`` while one party's audio does not come."""
    model = LoudIsAngry()

    def judged(windows):
        return call.judge([model.row(window.samples) for window in windows])

    told = judged(call.absent(party, reason)) + call.feed(data)
    return told + judged(call.present(party))


def test_a_party_whose_audio_does_not_come_is_told_and_the_other_is_heard():
    call = monitor()
    told = absent(call, "agent", encoded(channels(hush(4.5), voice(4.5))), "idle")
    told += call.feed(encoded(channels(voice(3.0), hush(3.0)))) + call.finish()
    assert [(gap.party, gap.start_s, gap.end_s, gap.reason) for gap in only(AudioGap, told)] == [
        ("agent", 0.0, 4.5, "idle")
    ]
    speech = {event.party: (event.start_s, event.end_s) for event in only(SpeechEnded, told)}
    assert speech["customer"][1] <= 4.6
    assert speech["agent"][0] >= 4.4
    assert not any(tick.missing for tick in only(TensionUpdated, told))


def test_a_long_absence_is_told_every_ten_seconds_and_at_its_end():
    call = monitor()
    told = absent(call, "customer", encoded(channels(voice(24.3), hush(24.3)))) + call.finish()
    spans = [(gap.start_s, gap.end_s) for gap in only(AudioGap, told)]
    assert spans == [(0.0, 10.0), (10.0, 20.0), (20.0, 24.3)]
    call = monitor()
    call.absent("customer")
    told = call.feed(encoded(channels(voice(4.0), hush(4.0)))) + call.finish()
    assert [(gap.start_s, gap.end_s) for gap in only(AudioGap, told)] == [(0.0, 4.0)]


def test_heat_holds_still_while_a_partys_audio_does_not_come():
    call = monitor()
    told = call.feed(encoded(quarrel()[: 13 * RATE_HZ]))
    told += absent(call, "customer", encoded(channels(hush(20.0), hush(20.0))), "idle")
    told += call.feed(encoded(channels(hush(4.0), hush(4.0)))) + call.finish()
    heat = {tick.at_s: tick.customer for tick in only(TensionUpdated, told)}
    assert heat[14.0] == heat[32.0] > 0.5
    assert heat[37.0] < heat[33.0]


def test_speech_that_breaks_off_ends_where_the_absence_begins():
    call = monitor()
    told = call.feed(encoded(channels(hush(3.05), voice(3.05))))
    told += absent(call, "customer", encoded(channels(hush(2.0), hush(2.0)))) + call.finish()
    (speech,) = only(SpeechEnded, told)
    assert speech.end_s <= 3.1
    kinds = [type(event) for event in told]
    assert kinds.index(SpeechEnded) < kinds.index(AudioGap)


def test_an_absence_lowers_the_quality_of_that_party_alone():
    call = monitor()
    talk = channels(voice(15.0), voice(15.0, seed=3))
    told = call.feed(encoded(talk))
    told += absent(call, "customer", encoded(channels(voice(15.0), hush(15.0))))
    told += call.finish()
    changed = [event for event in only(QualityChanged, told) if "loss" in event.reasons]
    assert {event.party for event in changed} == {"customer"}
    assert min(event.quality for event in changed) < 0.4


def test_absence_is_of_a_party_with_a_channel_and_being_present_twice_is_no_news():
    call = monitor()
    assert call.present("agent") == []
    with pytest.raises(BadAudio, match="no channel is mixed's alone"):
        call.absent("mixed")
    with pytest.raises(BadAudio, match="no channel is mixed's alone"):
        call.present("mixed")
    told = absent(call, "agent", b"") + call.finish()
    assert only(AudioGap, told) == []


@pytest.mark.parametrize("step", [7, 333, 5000])
def test_chunking_while_a_party_is_absent_changes_nothing(step):
    data = encoded(quarrel()[4 * RATE_HZ : 12 * RATE_HZ])

    def play(chunks):
        call, model = monitor(), LoudIsAngry()
        told = call.feed(data)
        told += call.judge([model.row(window.samples) for window in call.absent("agent")])
        told += [event for chunk in chunks for event in call.feed(chunk)]
        told += call.judge([model.row(window.samples) for window in call.present("agent")])
        return lines(told + call.feed(data) + call.finish())

    assert play(pieces(data, step)) == play([data])


@pytest.mark.parametrize("step", [7, 333, 5000])
def test_chunking_around_a_gap_changes_nothing(step):
    data, edge = encoded(quarrel()[4 * RATE_HZ : 12 * RATE_HZ], "mulaw"), 60_001

    def play(chunks_before, chunks_after):
        call, model = monitor(encoding="mulaw", sample_rate_hz=11025), LoudIsAngry()
        out = [event for chunk in chunks_before for event in call.feed(chunk)]
        out += call.judge([model.row(window.samples) for window in call.gap(1.2345)])
        return lines(out + [event for chunk in chunks_after for event in call.feed(chunk)] + call.finish())

    assert play(pieces(data[:edge], step), pieces(data[edge:], step)) == play([data[:edge]], [data[edge:]])


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf, LONGEST_GAP_S + 1])
def test_a_gap_of_no_length_is_refused(seconds):
    call = monitor()
    with pytest.raises(BadAudio, match="gap of"):
        call.gap(seconds)
    assert call.heard_s == 0.0


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_call_without_any_audio_starts_and_ends(rate_hz, layout):
    told = run([b"", b""], sample_rate_hz=rate_hz, channels=layout)
    assert [type(event) for event in told] == [CallStarted, CallEnded]
    assert told[-1].duration_s == 0.0
    assert told[-1].summary.talk_share == dict.fromkeys(layout, 0.0)


@given(
    encoding=st.sampled_from(ENCODINGS),
    rate_hz=st.sampled_from(RATES),
    layout=st.sampled_from(LAYOUTS),
    sizes=st.lists(st.integers(0, 3000), max_size=10),
)
@examples(25)
def test_the_clock_is_exact_under_any_bytes(encoding, rate_hz, layout, sizes):
    call = monitor(encoding=encoding, sample_rate_hz=rate_hz, channels=layout)
    for size in sizes:
        call.feed(bytes(size))
    expected_s = sum(sizes) // (len(SILENCE[encoding]) * len(layout)) / rate_hz
    assert call.heard_s == expected_s
    assert call.finish()[-1].duration_s == round(expected_s, 3)


@given(noise=st.binary(max_size=6000), encoding=st.sampled_from(ENCODINGS), layout=st.sampled_from(LAYOUTS))
@examples(25)
def test_no_bytes_break_a_call(noise, encoding, layout):
    told = run([noise * 20], encoding=encoding, channels=layout)
    assert [wire.decode(line) for line in lines(told)] == told
    assert isinstance(told[-1], CallEnded)


def test_the_start_repeats_what_the_caller_said():
    started = run([], started_at="2026-01-02T03:04:05Z", stage="notice", sample_rate_hz=16000)[0]
    assert (started.language, started.stage, started.sample_rate_hz) == ("en", "notice", 16000)
    assert (started.channels, started.started_at) == (("agent", "customer"), "2026-01-02T03:04:05Z")


def test_calls_share_only_the_model():
    model, data = LoudIsAngry(), encoded(quarrel())
    one, other = monitor(model=model), monitor(model=model)
    told = [one.feed(data[:200_000]), other.feed(data), one.feed(data[200_000:])]
    assert lines(told[0] + told[2] + one.finish()) == lines(told[1] + other.finish())
    assert model.heard == 2 * len(only(EmotionScored, run([data])))


@pytest.mark.parametrize(
    "ask",
    [
        lambda call: call.feed(b""),
        lambda call: call.listen(b"\0"),
        lambda call: call.gap(1.0),
        lambda call: call.set_stage("facts"),
        lambda call: call.close("stop"),
        lambda call: call.finish(),
    ],
)
def test_a_call_that_has_ended_takes_nothing_more(ask):
    call = monitor()
    call.finish()
    with pytest.raises(BadAudio, match="call c-1 has ended"):
        ask(call)
    assert call.judge([]) == []


@pytest.mark.parametrize(
    ("description", "named"),
    [
        ({"encoding": "opus"}, "encoding 'opus' is unknown"),
        ({"sample_rate_hz": 0}, "sample_rate 0 Hz"),
        ({"sample_rate_hz": 7}, "sample_rate 7 Hz"),
        ({"sample_rate_hz": 10**9}, "sample_rate 1000000000 Hz"),
        ({"channels": ()}, r"channels \[\]"),
        ({"channels": ("agent", "customer", "agent")}, r"channels \['agent', 'customer', 'agent'\]"),
        ({"channels": ("agent", "agent")}, r"channels \['agent', 'agent'\]"),
        ({"channels": ("mixed", "agent")}, r"channels \['mixed', 'agent'\]"),
        ({"channels": ("mixed", "mixed")}, r"channels \['mixed', 'mixed'\]"),
        ({"channels": ("left",)}, r"channels \['left'\]"),
        ({"channels": "agent"}, r"channels \['a', 'g'"),
        ({"call_id": ""}, "call_id ''"),
        ({"call_id": "x" * (LONGEST_ID + 1)}, f"1 to {LONGEST_ID} printable"),
        ({"call_id": "a\nb"}, r"call_id 'a\\nb'"),
        ({"call_id": "\x00"}, r"call_id '\\x00'"),
        ({"call_id": "\ud800"}, r"call_id '\\ud800'"),
        ({"language": ""}, "language ''"),
        ({"language": "x" * (LONGEST_LANGUAGE + 1)}, "language 'xxx"),
        ({"language": "en\r"}, r"language 'en\\r'"),
        ({"stage": "later"}, "stage 'later' is unknown"),
        ({"stage": ""}, "stage '' is unknown"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused_by_name(description, named):
    with pytest.raises(BadAudio, match=named):
        monitor(**description)


@pytest.mark.parametrize(
    "description", [{"call_id": "x" * LONGEST_ID}, {"call_id": "通话 7"}, {"language": "zh-Hant-HK"}]
)
def test_a_description_at_the_limit_is_taken(description):
    started = run([], **description)[0]
    assert all(getattr(started, name) == value for name, value in description.items())


def test_an_unknown_stage_on_the_way_is_refused_and_the_call_goes_on():
    call = monitor()
    with pytest.raises(BadAudio, match="stage 'later' is unknown"):
        call.set_stage("later")
    assert [type(event) for event in call.finish()] == [CallStarted, CallEnded]


def test_a_model_that_listens_at_another_rate_is_refused():
    model = LoudIsAngry()
    model.sample_rate_hz = 16000
    with pytest.raises(ModelMismatch, match="takes 16000 Hz, the engine listens at 8000 Hz"):
        monitor(model=model)


def test_feed_refuses_to_overtake_windows_that_wait_for_judge():
    call = monitor()
    assert call.listen(encoded(quarrel(), "pcm_s16le"))
    with pytest.raises(ValueError, match="wait for judge"):
        call.feed(b"")


def test_scores_that_are_not_numbers_are_the_models_fault():
    call = monitor()
    windows = call.listen(encoded(quarrel(), "pcm_s16le"))
    with pytest.raises(ModelMismatch, match="nan"):
        call.judge([np.full(5, np.nan, np.float32) for _ in windows])


def test_an_alert_that_outlives_a_call_already_calm_does_not_call_it_tense():
    settings = msgspec.structs.replace(
        SETTINGS, alerts=msgspec.structs.replace(SETTINGS.alerts, clear_after_s=60.0)
    )
    events = run([encoded(quarrel(), "pcm_s16le")], settings=settings)
    assert only(TensionUpdated, events)[-1].level < settings.alerts.clear_at
    assert "calmed down" in only(AlertCleared, events)[-1].summary
