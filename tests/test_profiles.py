"""Under `eu` no sample of the agent reaches the model, and nothing said speaks of the agent's emotion."""

import asyncio
import json
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from live_server import read_feed, rest, serving, streaming
from test_monitor import CALM_DB, HOT_DB, quarrel
from test_quality import ring_then_talk, talk
from voices import (
    RATE_HZ,
    SETTINGS,
    LoudIsAngry,
    at_rate,
    channels,
    encoded,
    examples,
    hush,
    lines,
    only,
    pieces,
    run,
    turns,
    voice,
)

from sentiment_engine import (
    AlertRaised,
    BadSettings,
    EmotionScored,
    QualityChanged,
    Settings,
    TensionUpdated,
    load_playbook,
    load_settings,
)
from sentiment_engine.batch.score import score_file
from sentiment_engine.events import Basis, Party, ProfileName, Snapshot, Voice
from sentiment_engine.profiles import ALL, PROFILES, playbook_settings
from sentiment_engine.settings_alerts import PlaybookSettings
from sentiment_engine.settings_tension import BaselineSettings
from sentiment_engine.tension import Tension
from sentiment_engine.usual import Effort, Manner

EU = msgspec.structs.replace(SETTINGS, profile="eu")
EMOTION = (
    "anger",
    "angry",
    "distress",
    "emotion",
    "heat",
    "sounds",
    "mutual",
    "激动",
    "情绪",
    "难受",
    "升级",
)
"""Words of emotion, in both languages, as causes, sentences and fields have them."""


class Recorder(LoudIsAngry):
    """Keeps every array it is given."""

    def __init__(self):
        super().__init__()
        self.windows = []

    def __call__(self, windows):
        self.windows += [np.array(window) for window in windows]
        return super().__call__(windows)


def carrier(seconds, level_db, hz, seed):
    """A voice with a whistle of its own: 26 dB weaker than the voice, and found wherever the voice goes."""
    said = voice(seconds, level_db, seed).astype(np.float64)
    t = np.arange(len(said)) / RATE_HZ
    whistle = 10 ** ((level_db - 26.0) / 20) * np.sqrt(2) * 32768 * np.sin(2 * np.pi * hz * t)
    return np.clip(np.rint(said + whistle), -32768, 32767).astype(np.int16)


AGENT_HZ, CUSTOMER_HZ = 3510.0, 3170.0


def whistles(window, hz):
    """Whether the whistle stands out of the window's spectrum."""
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window))))
    at = np.fft.rfftfreq(len(window), 1 / RATE_HZ)
    return spectrum[np.abs(at - hz) < 8].max() > 8 * np.median(spectrum[np.abs(at - hz) < 150])


@cache
def shouting_agent():
    """The agent is heard calm, then shouts; the customer answers calmly, then shouts as well. 40 s."""
    agent = turns(
        carrier(6.0, CALM_DB, AGENT_HZ, 1), hush(8.0), carrier(12.0, HOT_DB, AGENT_HZ, 2), hush(14.0)
    )
    customer = turns(
        hush(7.0),
        carrier(6.0, CALM_DB, CUSTOMER_HZ, 3),
        hush(14.0),
        carrier(11.0, HOT_DB, CUSTOMER_HZ, 4),
        hush(2.0),
    )
    return channels(agent, customer)


def heard(settings, sound, **description):
    model = Recorder()
    run([encoded(sound, description.get("encoding", "pcm_s16le"))], settings, model=model, **description)
    return model.windows


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("layout", [("agent", "customer"), ("customer", "agent")])
def test_no_sample_of_the_agent_reaches_the_model_under_eu(layout, rate_hz):
    sound = shouting_agent() if layout[0] == "agent" else shouting_agent()[:, ::-1]
    description = {"channels": layout, "sample_rate_hz": rate_hz}
    sound = at_rate(np.ascontiguousarray(sound), rate_hz)
    given_to, without = heard(EU, sound, **description), heard(SETTINGS, sound, **description)
    assert any(whistles(window, CUSTOMER_HZ) for window in given_to)
    assert not any(whistles(window, AGENT_HZ) for window in given_to)
    # and the test can tell: without the profile the agent's whistle is heard
    assert any(whistles(window, AGENT_HZ) for window in without)


def test_what_the_model_hears_under_eu_is_the_customers_channel_to_the_sample():
    for window in heard(EU, shouting_agent()):
        piece = np.rint(window * 32768.0).astype(np.int16)[:400].tobytes()
        assert piece in shouting_agent()[:, 1].tobytes()
        assert piece not in shouting_agent()[:, 0].tobytes()


@given(seed=st.integers(0, 2**16), step=st.sampled_from([640, 16_001, 100_000]))
@examples(8)
def test_whatever_the_agent_says_the_model_hears_the_same_under_eu(seed, step):
    rng = np.random.default_rng(seed)
    other = shouting_agent().copy()
    other[:, 0] = (rng.standard_normal(len(other)) * rng.uniform(1, 6000)).clip(-32768, 32767)
    model = Recorder()
    run(pieces(encoded(other), step), EU, model=model)
    assert [window.tobytes() for window in model.windows] == [
        w.tobytes() for w in heard(EU, shouting_agent())
    ]


@pytest.mark.parametrize("layout", [("mixed",), ("agent",)])
def test_a_channel_with_the_agent_in_it_is_never_scored_under_eu(layout):
    assert heard(EU, shouting_agent()[:, 0], channels=layout) == []
    assert heard(SETTINGS, shouting_agent()[:, 0], channels=layout)


def names_agents_emotion(value, path=""):
    """Paths inside one event that speak of the agent and of an emotion at once, or hold the agent's heat."""
    if isinstance(value, dict):
        return [
            where
            for name, inner in value.items()
            if name != "refused"  # says that it is not done
            for where in [
                *([f"{path}.{name}"] if name in ("agent_anger", "mutual_escalation") else []),
                *names_agents_emotion(inner, f"{path}.{name}"),
            ]
        ]
    if isinstance(value, list):
        return [where for inner in value for where in names_agents_emotion(inner, path)]
    text = str(value)
    ours = "agent" in text.lower() or "座席" in text
    return [path] if ours and any(word in text.lower() for word in EMOTION) else []


def complaints(events):
    """Everything in the events, as JSON, that says something about the agent's emotion."""
    found = []
    for event in map(json.loads, lines(events)):
        found += names_agents_emotion(event)
        if event["type"] == "emotion.scored" and event["party"] in ("agent", "mixed"):
            found.append("emotion.scored")
        if event["type"] == "tension.updated" and {"agent", "mixed"} & event.keys():
            found.append("heat")
    return found


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("layout", [("agent", "customer"), ("mixed",), ("agent",)])
def test_nothing_that_leaves_under_eu_speaks_of_the_agents_emotion(language, layout):
    sound = shouting_agent() if len(layout) == 2 else shouting_agent()[:, 0]
    description = {"channels": layout, "language": language, "playbook": load_playbook()}
    assert complaints(run([encoded(sound)], EU, **description)) == []
    assert complaints(run([encoded(sound)], SETTINGS, **description))


def test_the_customer_is_judged_under_eu_as_elsewhere():
    customer_only = channels(hush(28.0), quarrel()[:, 1])
    there, here = (run([encoded(customer_only)], settings) for settings in (EU, SETTINGS))
    scored = [[event.scores for event in only(EmotionScored, told)] for told in (there, here)]
    assert scored[0] == scored[1] != []
    assert [e.at_s for e in only(AlertRaised, there)] == [e.at_s for e in only(AlertRaised, here)] != []


def test_an_agents_raised_voice_is_still_observed_under_eu():
    ticks = only(TensionUpdated, run([encoded(shouting_agent())], EU))
    raised = [tick.at_s for tick in ticks if "raised_voice" in tick.causes]
    assert raised
    assert 15.0 <= raised[0] <= 20.0  # the agent shouts from 14 s on, the customer from 27 s


def test_the_start_says_which_profile_holds_and_what_it_refuses():
    (start, *_), (plain, *_), (mono, *_) = run([], EU), run([]), run([], EU, channels=("mixed",))
    assert (start.profile, start.refused) == ("eu", {"agent": ("acoustic_emotion",)})
    assert mono.refused == {"mixed": ("acoustic_emotion",)}
    assert (plain.profile, plain.refused) == ("cn", {})
    assert b"refused" not in lines([plain])[0]


def test_one_mix_on_both_channels_is_not_scored_under_eu_once_it_is_found():
    mix = talk()[:, 0] + talk()[:, 1]
    told = run([encoded(channels(mix, mix))], EU)
    found = next(e.at_s for e in only(QualityChanged, told) if "same_voice_on_both" in e.reasons)
    assert found < 10.0
    assert not [event for event in only(EmotionScored, told) if event.at_s > found]
    assert [event for event in only(EmotionScored, run([encoded(channels(mix, mix))])) if event.at_s > found]


def test_channels_that_look_swapped_are_not_scored_under_eu():
    assert heard(EU, ring_then_talk(0)) == []
    assert heard(EU, ring_then_talk(1))


def test_chunking_changes_nothing_under_eu():
    data = encoded(shouting_agent()[10 * RATE_HZ : 24 * RATE_HZ], "mulaw")
    whole = lines(run([data], EU, encoding="mulaw"))
    assert lines(run(pieces(data, 777), EU, encoding="mulaw")) == whole


@pytest.fixture
def eu_file(tmp_path):
    path = tmp_path / "engine.toml"
    path.write_text('profile = "eu"\n', "utf-8")
    return load_settings(path)


def test_a_recording_is_scored_under_the_profile_of_the_settings_file(eu_file, tmp_path):
    soundfile.write(tmp_path / "call.wav", shouting_agent(), RATE_HZ)
    model = Recorder()
    told = list(score_file(tmp_path / "call.wav", settings=eu_file, model=model, language="en"))
    assert told[0].profile == "eu"
    assert model.windows
    assert not any(whistles(window, AGENT_HZ) for window in model.windows)
    assert complaints(told) == []


def test_a_live_call_is_judged_under_the_profile_of_the_settings_file(eu_file):
    async def live():
        async with serving(eu_file, model) as server:
            async with streaming(server) as socket:
                for piece in pieces(encoded(shouting_agent()), 32_000):
                    await socket.send(piece)
                await socket.send('{"type":"stop"}')
                await rest(socket, 30.0)
            return [item["data"] for item in await read_feed(server)]

    model = Recorder()
    told = asyncio.run(live())
    assert told[0]["profile"] == "eu"
    assert model.windows
    assert not any(whistles(window, AGENT_HZ) for window in model.windows)
    assert [where for event in told for where in names_agents_emotion(event)] == []
    assert {event["party"] for event in told if event["type"] == "emotion.scored"} == {"customer"}


def test_no_summary_holds_an_aggregate_of_an_agent():
    told = json.loads(lines(run([encoded(shouting_agent())]))[-1])
    assert told["summary"].keys() == {
        "peak", "mean", "seconds_above", "alerts", "talk_share", "overlap_ratio", "interruptions",
        "longest_silence_s", "effects",
    }  # fmt: skip
    assert {name for name, value in told["summary"].items() if "agent" in json.dumps(value)} == {"talk_share"}


def test_every_profile_says_what_of_whom():
    assert set(PROFILES) == set(ProfileName.__args__)
    for name, profile in PROFILES.items():
        assert profile.name == name
        assert set(profile.bases) == set(Party.__args__)
        assert all(set(bases) <= set(Basis.__args__) for bases in profile.bases.values())
        assert all(profile.allows(party, "observable") for party in profile.bases)
        assert profile.allows("customer", "acoustic_emotion")
        assert profile.allows("agent", "acoustic_emotion") == profile.allows("mixed", "acoustic_emotion")
        assert profile.automated_decisions == "never"
        assert profile.notices
    assert set(ALL) == set(Basis.__args__)
    assert [name for name in PROFILES if PROFILES[name].refused(("agent",))] == ["eu"]


def test_the_table_of_profiles_cannot_be_changed():
    with pytest.raises(TypeError):
        PROFILES["eu"] = PROFILES["cn"]
    with pytest.raises(TypeError):
        PROFILES["eu"].bases["agent"] = ALL
    with pytest.raises(AttributeError):
        PROFILES["eu"].bases = PROFILES["cn"].bases


@pytest.mark.parametrize(("name", "jurisdiction"), [("cn", "CN"), ("us", "US"), ("gb", "GB"), ("eu", "EU")])
def test_phrases_follow_the_profile_unless_the_jurisdiction_is_set(name, jurisdiction):
    assert playbook_settings(Settings(profile=name)).jurisdiction == jurisdiction
    if name != "eu":
        own = Settings(profile=name, playbook=PlaybookSettings(jurisdiction="CH", at_most=1))
        assert playbook_settings(own) == own.playbook


def test_under_eu_no_other_jurisdiction_can_be_set():
    assert Settings(profile="eu", playbook=PlaybookSettings(jurisdiction="EU")).profile == "eu"
    with pytest.raises(BadSettings, match=r"playbook.jurisdiction is 'US', but profile \"eu\""):
        Settings(profile="eu", playbook=PlaybookSettings(jurisdiction="US"))


@pytest.mark.parametrize("profile", ["", "EU", "fr", None, 7, ["eu"]])
def test_an_unknown_profile_is_refused_by_name(profile):
    with pytest.raises(BadSettings, match=r"\$.profile"):
        Settings.from_mapping({"profile": profile})


def stretch(level_db, pitch_st=None, seconds=1.5):
    return Voice(
        new_speech_s=seconds, speech_s=seconds, level_db=level_db, over_noise_db=30.0, pitch_st=pitch_st,
        rate_sps=4.0,
    )  # fmt: skip


def test_a_voice_is_raised_against_its_own_usual_and_a_shout_does_not_become_usual():
    manner = Manner(BaselineSettings())
    assert manner.observe(stretch(-30.0, 4.0)) == Effort()
    for _ in range(6):
        manner.observe(stretch(-30.0, 4.0))
    assert manner.observe(stretch(-30.0)).louder_db == pytest.approx(0.0, abs=1e-6)
    first, *_, last = (manner.observe(stretch(-15.0, 10.0)) for _ in range(40))
    assert (first.louder_db, first.higher_st) == pytest.approx((15.0, 6.0), abs=0.1)
    assert (last.louder_db, last.higher_st) == pytest.approx((15.0, 6.0), abs=0.5)
    assert first.loud > 5.0


@given(levels=st.lists(st.floats(-100.0, 0.0), min_size=1, max_size=40))
@examples(50)
def test_a_usual_level_stays_among_what_was_heard(levels):
    manner = Manner(BaselineSettings())
    for earlier, level in pairwise([levels[0], *levels]):
        assert abs(manner.observe(stretch(earlier)).louder_db) <= max(levels) - min(levels) + 1e-6
        assert manner.observe(stretch(level, 0.0)).higher_st == 0.0


def test_a_party_that_is_only_observed_has_no_heat_and_no_anger():
    tension = Tension(SETTINGS.tension, ("agent", "customer"), ("agent",))
    tension.notice("agent", Effort(louder_db=10.0, higher_st=3.0), 5.0)
    level = tension.tick(1.0, {}, only_quiet())
    assert set(level.heat) == {"customer"}
    assert set(level.causes) == {"raised_voice"}
    tension.forget("agent")
    assert tension.tick(1.0, {}, only_quiet()).causes == {}


def only_quiet():
    return Snapshot(overlap_ratio=0.0, interruptions={}, silence_s=0.0)
