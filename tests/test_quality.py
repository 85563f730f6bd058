"""A channel that cannot be judged is told, with its reason; one that can is left alone."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_monitor import CALM_DB, HOT_DB, quarrel
from voices import (
    RATE_HZ,
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
    EmotionScored,
    QualityChanged,
    Settings,
    TensionUpdated,
)
from sentiment_engine.channel import HINT, linear, zero_runs
from sentiment_engine.frames import BLOCK_SAMPLES
from sentiment_engine.pcm import ENCODINGS
from sentiment_engine.quality import Quality
from sentiment_engine.same_voice import alike_envelopes, alike_waves
from sentiment_engine.settings_tension import QualitySettings

LIMIT = QualitySettings().cannot_judge_below
BOTH = ("agent", "customer")


def noise(seconds, level_db, seed=9):
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ)) * 10 ** (level_db / 20)
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def added(*sounds):
    return np.clip(np.sum([sound.astype(np.int32) for sound in sounds], axis=0), -32768, 32767).astype(
        np.int16
    )


@cache
def talk(seconds=24.0, level_db=-26.0):
    """Two people taking turns of two seconds: a call without a fault, shape (samples, 2)."""
    agent, customer = [], []
    for at in np.arange(0.0, seconds, 4.0):
        agent += [hush(0.5), voice(1.5, level_db, int(at)), hush(2.0)]
        customer += [hush(2.5), voice(1.5, level_db, int(at) + 1)]
    return channels(turns(*agent), turns(*customer))


def changes(sound, **description):
    return only(QualityChanged, run([encoded(sound)], Settings(), **description))


def reasons(events, party):
    """All reasons ever named of a party."""
    return {reason for event in events if event.party == party for reason in event.reasons}


def lowest(events, party):
    return min((event.quality for event in events if event.party == party), default=1.0)


def spoilt(change, party=1):
    """The faultless call with one channel changed."""
    call = talk().copy()
    call[:, party] = change(call[:, party])
    return call


def clip(channel):
    return added(channel.astype(np.int32) * 80)


def lose(channel, share=0.25, seed=3):
    """Packets of 20 ms replaced by zeros, not on the engine's own grid of frames."""
    packets = np.random.default_rng(seed).random(len(channel) // 160 + 1) < share
    return np.where(np.roll(np.repeat(packets, 160), 61)[: len(channel)], 0, channel).astype(np.int16)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda channel: added(channel, noise(24.0, -27.0)), "noise"),
        (clip, "clipping"),
        (lose, "loss"),
    ],
    ids=["noise", "clipping", "loss"],
)
@pytest.mark.parametrize("party", [0, 1])
def test_a_spoilt_channel_cannot_be_judged_and_says_why_and_the_other_is_left_alone(change, reason, party):
    told = changes(spoilt(change, party))
    assert reasons(told, BOTH[party]) == {reason}
    assert lowest(told, BOTH[party]) < LIMIT
    assert reasons(told, BOTH[1 - party]) == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda channel: channel,
        lambda channel: added(channel, noise(24.0, -41.0)),
        lambda channel: lose(channel, 0.02),
        lambda channel: added(channel.astype(np.int32) * 2),
    ],
    ids=["clean", "15 dB", "2 % lost", "loud"],
)
def test_a_normal_line_is_judged(change):
    assert lowest(changes(spoilt(change)), "customer") >= LIMIT


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("fault", [lambda channel: added(channel, noise(24.0, -27.0)), clip])
def test_every_encoding_and_rate_is_judged_alike(encoding, rate_hz, fault):
    sound = at_rate(spoilt(fault)[: 12 * RATE_HZ], rate_hz)
    told = only(
        QualityChanged, run([encoded(sound, encoding)], Settings(), encoding=encoding, sample_rate_hz=rate_hz)
    )
    assert lowest(told, "customer") < LIMIT
    assert lowest(told, "agent") >= LIMIT


@pytest.mark.parametrize("step", [7, 333, 5000])
def test_chunking_changes_no_quality(step):
    data = encoded(spoilt(lambda channel: added(lose(channel), noise(24.0, -30.0)))[: 9 * RATE_HZ], "mulaw")
    whole = lines(run([data], Settings(), encoding="mulaw"))
    assert any(b"quality.changed" in line for line in whole)
    assert lines(run(pieces(data, step), Settings(), encoding="mulaw")) == whole


def test_gaps_are_loss_until_half_a_minute_has_passed():
    call = monitor()
    told = call.feed(encoded(talk()[: 8 * RATE_HZ])) + call.judge([None] * len(call.gap(7.0, "lost")))
    told += call.feed(encoded(np.concatenate((talk(), talk()))[: 40 * RATE_HZ])) + call.finish()
    of_customer = [event for event in only(QualityChanged, told) if event.party == "customer"]
    assert reasons(of_customer, "customer") == {"loss"}
    assert next(event.at_s for event in of_customer if event.quality < LIMIT) <= 15.0
    good = of_customer[-1]
    assert good.reasons == ()
    assert lowest(only(QualityChanged, told), "agent") < LIMIT
    assert good.at_s >= 38.0


@pytest.mark.parametrize("reason", ["paused", "idle"])
def test_a_pause_is_no_loss(reason):
    call = monitor()
    told = call.feed(encoded(talk()[: 8 * RATE_HZ]))
    told += call.judge([None] * len(call.gap(20.0, reason))) + call.feed(encoded(talk())) + call.finish()
    assert only(QualityChanged, told) == []


def test_too_little_speech_is_told_after_a_minute_and_taken_back_and_stops_nothing():
    silent = channels(np.tile(talk()[:, 0], 3), hush(72.0))
    told = [event for event in changes(np.concatenate((silent, talk()))) if event.party == "customer"]
    assert [(event.reasons, event.quality >= LIMIT) for event in told] == [
        (("little_speech",), True),
        ((), True),
    ]
    assert told[0].at_s == 60.0
    assert told[0].quality == HINT


def test_a_mono_party_is_judged_too():
    told = changes(added(talk()[:, 1], noise(24.0, -27.0)), channels=("mixed",))
    assert reasons(told, "mixed") == {"noise"}


def test_a_line_whose_noise_would_drown_any_voice_is_told_although_nobody_was_heard():
    told = changes(channels(noise(14.0, -18.0, 1), hush(14.0)))
    assert reasons(told, "agent") == {"noise"}
    assert told[0].at_s == 10.0
    assert changes(channels(noise(14.0, -40.0, 1), hush(14.0))) == []


def test_the_same_mix_on_both_channels_is_nobodys():
    mix = added(talk()[:, 0], talk()[:, 1])
    told = changes(
        channels(
            added(mix, noise(24.0, -50.0, 1)), added((mix * 0.6).astype(np.int16), noise(24.0, -50.0, 2))
        )
    )
    assert {party: reasons(told, party) for party in BOTH} == {
        party: {"same_voice_on_both"} for party in BOTH
    }
    assert lowest(told, "agent") == lowest(told, "customer") == 0.0
    assert told[0].at_s < 10.0


def test_a_mix_that_comes_apart_is_two_people_again():
    mix = added(talk()[:, 0], talk()[:, 1])
    told = changes(np.concatenate((channels(mix, mix), talk())))
    assert only(QualityChanged, told)[-1].reasons == ()


@pytest.mark.parametrize("below_db", [15, 20, 30])
def test_crosstalk_far_below_the_voice_is_normal(below_db):
    gain, call = 10 ** (-below_db / 20), talk()
    leaked = [np.roll(call[:, 1 - side], 400) * gain for side in (0, 1)]
    line = [noise(24.0, -55.0, side) for side in (0, 1)]
    both = channels(*(added(call[:, side], leaked[side].astype(np.int16), line[side]) for side in (0, 1)))
    assert not any("same_voice_on_both" in event.reasons for event in changes(both))


def test_two_voices_of_one_rhythm_are_two_voices():
    rhythm = np.where(np.arange(20 * RATE_HZ) // 2400 % 3 > 0, 1.0, 0.02)
    pitched = []
    for hz, seed in ((110.0, 1), (173.0, 2)):
        t = np.arange(len(rhythm)) / RATE_HZ
        phase = 2 * np.pi * hz * t + 3 * np.sin(2 * np.pi * (1.3 + seed) * t)
        tone = sum(np.sin(k * phase + seed * k) / (1 + abs(k * hz - 600) / 300) for k in range(1, 15))
        pitched.append(np.rint(1500 * tone * rhythm).astype(np.int16))
    envelopes = np.stack(
        [np.abs(sound.astype(np.float32)).reshape(-1, 160).mean(axis=1) for sound in pitched]
    )
    assert alike_envelopes(envelopes)[0] > 0.85
    assert alike_waves(np.stack(pitched)) < 0.3
    assert changes(channels(*pitched)) == []


def test_a_mix_is_alike_although_late_inverted_and_softer():
    mix = talk()[:, 0] + talk()[:, 1]
    both = np.stack((mix[: 3 * RATE_HZ], -(np.roll(mix, 1600) // 3)[: 3 * RATE_HZ]))
    assert alike_waves(both) > 0.9
    envelopes = np.sqrt(np.square(both.astype(np.float32)).reshape(2, -1, 160).mean(axis=2))
    alike, apart_db = alike_envelopes(envelopes)
    assert alike > 0.9
    assert apart_db == pytest.approx(20 * np.log10(3), abs=0.5)


def test_silence_is_like_nothing():
    assert alike_waves(np.zeros((2, 8000), np.int16)) == 0.0
    assert alike_envelopes(np.zeros((2, 500), np.float32))[0] == 0.0


@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(0.01, 100.0), lag=st.integers(-12, 12))
@examples(30)
def test_correlations_stay_in_their_range_and_find_any_lag(seed, gain, lag):
    one = np.abs(np.random.default_rng(seed).standard_normal(500)).astype(np.float32)
    alike, _ = alike_envelopes(np.stack((one, np.roll(one, lag) * np.float32(gain))))
    assert 0.9 < alike <= 1.0 + 1e-5


def ringing(seconds):
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.rint(3000 * np.sin(2 * np.pi * 450 * t)).astype(np.int16)


def ring_then_talk(side, ring=None):
    rung = [hush(5.0), hush(5.0)]
    rung[side] = turns(
        ringing(1.0) if ring is None else ring, hush(4.0 if ring is None else 5.0 - len(ring) / RATE_HZ)
    )
    return np.concatenate((channels(*rung), talk()))


def test_ringing_on_the_agents_channel_looks_swapped_and_stops_nothing():
    told = changes(ring_then_talk(0))
    assert {party: reasons(told, party) for party in BOTH} == {party: {"channels_swapped?"} for party in BOTH}
    assert lowest(told, "agent") == HINT > LIMIT


@pytest.mark.parametrize(
    "call",
    [
        lambda: ring_then_talk(1),
        lambda: np.concatenate((talk(), ring_then_talk(0))),
        lambda: np.concatenate((channels(ringing(1.0), ringing(1.0)), talk())),
        lambda: ring_then_talk(0, ringing(0.4)),
    ],
    ids=["the customer's", "after speech", "both", "short"],
)
def test_ringing_elsewhere_says_nothing(call):
    assert changes(call()) == []


def test_other_evidence_can_say_that_the_channels_are_swapped():
    quality = Quality(QualitySettings(), BOTH)
    assert quality.one_voice_a_channel
    quality.suspect_swap()
    assert not quality.one_voice_a_channel
    assert [verdict.reasons for verdict in quality.second()] == [("channels_swapped?",)] * 2


def test_a_quality_that_moves_every_second_is_told_every_five():
    quality, told = Quality(QualitySettings(), ("mixed",)), []
    for second in range(60):
        if second < 12:
            quality.gap("mixed", 1.0, "lost")
            for _ in range(10):
                quality.missing("mixed")
        told += [(second, verdict.quality) for verdict in quality.second()]
    assert [level for _, level in told][-1] == 1.0
    assert min(level for _, level in told) == 0.0
    assert len(told) >= 3
    assert all(later - earlier >= QualitySettings().every_s for (earlier, _), (later, _) in pairwise(told))


def heated(change=lambda channel: channel):
    """A customer who is heard calm, then shouts; the agent hushes. 26 s."""
    customer = turns(
        *[voice(1.5, CALM_DB, n) if n % 2 else hush(0.5) for n in range(14)],
        voice(10.0, HOT_DB, 2),
        hush(2.0),
    )
    return channels(hush(len(customer) / RATE_HZ), change(customer))


def test_a_voice_that_cannot_be_judged_is_scored_and_published_and_does_not_count():
    told = run([encoded(heated(lambda channel: lose(channel, 0.3)))])
    clean = run([encoded(heated())])
    assert only(AlertRaised, clean)
    first = next(event.at_s for event in only(QualityChanged, told) if event.quality < LIMIT)
    assert [
        event for event in only(EmotionScored, told) if event.at_s > first and event.scores["angry"] > 0.8
    ]
    assert [event for event in only(EmotionScored, told) if event.at_s > first and event.uncertain > 0.0]
    assert all(event.relative for event in only(EmotionScored, clean))
    assert None in [event.relative for event in only(EmotionScored, told) if event.at_s > first]
    assert only(AlertRaised, told) == []


def lost_after_the_alert(**description):
    """An alert is raised, then sound is lost: what is said afterwards cannot be judged."""
    call = monitor(**description)
    told = call.feed(encoded(heated()[: 20 * RATE_HZ]))
    told += call.judge([None] * len(call.gap(8.0, "lost")))
    return told + call.feed(encoded(heated()[: 20 * RATE_HZ])) + call.finish()


def test_an_alert_says_who_cannot_be_judged():
    told = lost_after_the_alert()
    raised, cleared = only(AlertRaised, told)[0], only(AlertCleared, told)[0]
    assert raised.cannot_judge == {}
    assert b"cannot_judge" not in lines([raised])[0]
    assert cleared.cannot_judge == {"agent": ("loss",), "customer": ("loss",)}
    assert cleared.summary.endswith("The customer cannot be judged: lost sound.")
    assert (
        "无法判断客户（声音丢失）。" in only(AlertCleared, lost_after_the_alert(language="zh-CN"))[0].summary
    )


def test_what_is_held_against_a_voice_fades_while_it_cannot_be_judged():
    levels = {tick.at_s: tick.customer for tick in only(TensionUpdated, lost_after_the_alert())}
    assert levels[21.0] == levels[27.0] > levels[29.0] > levels[31.0]


def test_one_mix_on_both_channels_accuses_nobody():
    shout = turns(voice(5.0, CALM_DB, 1), hush(0.5), voice(14.0, HOT_DB, 2), hush(0.5))
    told = run([encoded(channels(shout, shout))])
    found = next(event.at_s for event in only(QualityChanged, told) if "same_voice_on_both" in event.reasons)
    after = [tick for tick in only(TensionUpdated, told) if tick.at_s > found]
    assert len(after) > 5
    assert {cause for tick in after for cause in tick.causes} <= {"silence"}


def test_the_example_call_has_nothing_to_complain_about():
    assert {reason for event in changes(example_call()) for reason in event.reasons} <= {"little_speech"}


def test_a_quarrel_is_judged():
    assert changes(quarrel()) == []


@given(value=st.floats(-1e6, 1e6), worst=st.floats(-100, 100), fine=st.floats(-100, 100))
@examples(50)
def test_a_factor_is_a_share(value, worst, fine):
    if abs(worst - fine) > 1e-3:
        assert 0.0 <= linear(value, worst, fine) <= 1.0
        assert linear(worst, worst, fine) == 0.0
        assert linear(fine, worst, fine) == 1.0


@given(zeros=st.lists(st.booleans(), min_size=100, max_size=100))
@examples(50)
def test_runs_of_zeros_are_counted_by_frame(zeros):
    block = np.repeat(~np.array(zeros), BLOCK_SAMPLES // 100).astype(np.int16)
    assert zero_runs(block) == np.array(zeros).reshape(5, 20).sum(axis=1).tolist()


@given(
    noise_bytes=st.binary(min_size=200, max_size=4000), layout=st.sampled_from([BOTH, ("mixed",), ("agent",)])
)
@examples(25)
def test_no_sound_gives_a_quality_out_of_range(noise_bytes, layout):
    for event in only(QualityChanged, run([noise_bytes * 60], channels=layout)):
        assert 0.0 <= event.quality <= 1.0
        assert len(set(event.reasons)) == len(event.reasons)
