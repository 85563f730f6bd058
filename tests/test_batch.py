"""Scoring recordings: the same as live, and never stopped by one file."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from live_server import LoudIsAngry, quarrel, small_talk

from sentiment_engine import CallMonitor, wire
from sentiment_engine.batch.pool import Job, Options, score_all
from sentiment_engine.batch.score import CutShortWarning, score_file
from sentiment_engine.errors import BadAudio, BadSettings
from sentiment_engine.resources import load_playbook, load_settings
from sentiment_engine.settings import Settings

OPTIONS = Options(settings=Settings(), model=None, language="en", stage="general", agent_channel=0)
RATE_HZ = 8000


def recorded(path: Path, audio: bytes, channels: int = 2) -> Path:
    soundfile.write(path, np.frombuffer(audio, "<i2").reshape(-1, channels), RATE_HZ, subtype="PCM_16")
    return path


def texts(events) -> list[str]:
    return [wire.encode(event).decode() for event in events]


def test_a_recording_gives_the_events_that_the_live_call_gave(tmp_path: Path):
    audio = quarrel()
    monitor = CallMonitor(
        Settings(),
        LoudIsAngry(),
        call_id="call",
        sample_rate_hz=RATE_HZ,
        language="en",
        playbook=load_playbook(),
    )
    live = [event for at in range(0, len(audio), 640) for event in monitor.feed(audio[at : at + 640])]
    live += monitor.finish("stop")
    path = recorded(tmp_path / "call.wav", audio)
    scored = texts(score_file(path, model=LoudIsAngry(), language="en"))
    assert scored == texts(live)
    assert any('"alert.raised"' in text for text in scored)


def test_the_agents_channel_can_be_the_second(tmp_path: Path):
    swapped = np.frombuffer(quarrel(), "<i2").reshape(-1, 2)[:, ::-1].tobytes()
    first = recorded(tmp_path / "call.wav", quarrel())
    (tmp_path / "swapped").mkdir()
    second = recorded(tmp_path / "swapped" / "call.wav", swapped)
    plain = list(score_file(first, model=LoudIsAngry()))
    other = list(score_file(second, model=LoudIsAngry(), agent_channel=1))
    assert other[0].channels == ("customer", "agent")
    assert plain[-1] == other[-1]


def test_one_channel_is_both_parties_mixed(tmp_path: Path):
    mono = np.frombuffer(small_talk(), "<i2").reshape(-1, 2).sum(axis=1).astype("<i2").tobytes()
    events = texts(score_file(recorded(tmp_path / "mono.wav", mono, channels=1), model=LoudIsAngry()))
    assert '"channels":["mixed"]' in events[0]


def test_a_recording_cut_short_ends_in_error_and_warns(tmp_path: Path):
    path = recorded(tmp_path / "cut.wav", small_talk())
    path.write_bytes(path.read_bytes()[:-80_000])
    with pytest.warns(CutShortWarning, match=r"cut\.wav: cut short"):
        events = list(score_file(path, model=LoudIsAngry()))
    assert events[-1].reason == "error"
    assert events[-1].duration_s == 7.5


def test_score_file_refuses_what_cannot_be(tmp_path: Path):
    path = recorded(tmp_path / "call.wav", small_talk())
    with pytest.raises(BadAudio, match="language"):
        list(score_file(path, model=LoudIsAngry(), language=""))
    with pytest.raises(ValueError, match="agent_channel is 2"):
        list(score_file(path, model=LoudIsAngry(), agent_channel=2))


def test_a_whole_recording_warns_of_nothing(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        events = list(score_file(recorded(tmp_path / "call.wav", small_talk()), model=LoudIsAngry()))
    assert events[-1].reason == "stop"


class Deadly(type(Path())):
    """A path that kills the process that receives it."""

    def __reduce__(self):
        return (exec, ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)",))


@pytest.mark.slow
def test_a_recording_that_kills_its_process_is_named_and_the_others_are_scored(tmp_path: Path):
    good = [recorded(tmp_path / f"{name}.wav", small_talk(3.0)) for name in "abc"]
    paths = [good[0], Deadly(tmp_path / "deadly.wav"), *good[1:]]
    jobs = [Job(path, path.stem, tmp_path / "out" / f"{path.stem}.jsonl") for path in paths]
    outcomes = {one.job.call_id: one for one in score_all(jobs, OPTIONS, 2)}
    assert "deadly.wav: the process scoring it died (killed by SIGKILL)" in outcomes["deadly"].problem
    assert [outcomes[name].problem for name in "abc"] == ["", "", ""]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jsonl", "b.jsonl", "c.jsonl"]


@pytest.mark.slow
def test_bad_options_stop_everything_before_the_first_recording(tmp_path: Path):
    path = recorded(tmp_path / "call.wav", small_talk(3.0))
    bad = Options(settings=Settings(), model=None, language="", stage="general", agent_channel=0)
    with pytest.raises(BadSettings, match="language"):
        list(score_all([Job(path, "call", tmp_path / "call.jsonl")], bad, 1))
    assert not (tmp_path / "call.jsonl").exists()


def test_settings_files_are_read_strictly_and_named_when_wrong(tmp_path: Path):
    file = tmp_path / "engine.toml"
    file.write_text("[alerts]\nraise_at = 0.7\n")
    assert load_settings(file).alerts.raise_at == 0.7
    assert load_settings() == Settings()
    for text, reason in [
        ("[alerts]\nraise_at = 7.0\n", "raise_at"),
        ("[alerts]\nraise_att = 0.7\n", "raise_att"),
        ("[alerts\n", "not TOML|Expected"),
    ]:
        file.write_text(text)
        with pytest.raises(BadSettings, match=rf"engine\.toml: .*({reason})"):
            load_settings(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadSettings, match="not UTF-8"):
        load_settings(file)
    with pytest.raises(BadSettings, match=r"absent\.toml: cannot be read"):
        load_settings(tmp_path / "absent.toml")


def test_a_playbook_file_is_named_when_wrong(tmp_path: Path):
    file = tmp_path / "book.yaml"
    for text in ("[", "- 1", "entries: 3", ""):
        file.write_text(text)
        with pytest.raises(BadSettings, match=r"book\.yaml: "):
            load_playbook(file)
