"""``tune`` as its users meet it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import tomlkit
from scored_calls import read_back, told
from voices import SETTINGS, lines, only

from sentiment_engine import load_settings
from sentiment_engine.events import AlertRaised
from sentiment_engine.replay import replay

ENGINE = (sys.executable, "-m", "sentiment_engine", "tune")
CALLS = {
    "loud": ("calm", "answer", "shout", "both", "silence", "silence", "calm"),
    "quiet": ("calm", "answer", "calm", "answer", "silence", "calm", "answer"),
    "gaps": ("calm", 3.0, 0, "answer", "shout", 2.5, "silence", "silence"),
}


def tune(*arguments: object, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ENGINE, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **how
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    """The tests' own settings, and rules that change some of them; the defaults may be tuned at any time."""
    path = tmp_path_factory.mktemp("settings") / "engine.toml"
    tables = msgspec.to_builtins(SETTINGS)
    plain = {
        name: {key: value for key, value in table.items() if value is not None}
        for name, table in tables.items()
        if isinstance(table, dict)
    }
    path.write_text(tomlkit.dumps(plain))
    assert load_settings(path) == SETTINGS
    return path


@pytest.fixture(scope="module")
def calls(tmp_path_factory) -> Path:
    """A folder of calls scored under the tests' own settings, which stand in ``config``."""
    folder = tmp_path_factory.mktemp("scored")
    for name, steps in CALLS.items():
        heard = [{**json.loads(line), "call_id": name} for line in lines(told(steps, settings=SETTINGS))]
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in heard))
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.jsonl", "--budget", "0"],
        ["x.jsonl", "--budget", "nan"],
        ["x.jsonl", "--marks", "absent.csv"],
        ["x.jsonl", "--marks-complete"],
        ["x.jsonl", "--force"],
        ["x.jsonl", "--config", "absent.toml"],
        ["x.jsonl", "--what-if", "absent.toml"],
        ["x.jsonl", "--what-if", __file__],
        ["x.jsonl", "--what-if", "x.toml", "--plot", "c.svg"],
        ["x.jsonl", "--plot", "curve.gif"],
        ["x.jsonl", "--write", __file__],
    ],
    ids=" ".join,
)
def test_unusable_arguments_exit_2_with_a_line_and_nothing_on_standard_output(arguments):
    done = tune(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rror" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_threshold_written_for_a_budget_keeps_to_it_when_the_calls_are_replayed(calls, config, tmp_path):
    target = tmp_path / "engine.toml"
    done = tune(calls, "--config", config, "--budget", 60, "--write", target, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    settings = load_settings(target)
    assert settings.alerts.raise_at == said["proposed"]["raise_at"]
    raised, seconds = 0, 0.0
    for steps in CALLS.values():
        heard = read_back(told(steps, settings=SETTINGS))
        again = list(replay(heard, settings))
        raised += sum(not alert.flags for alert in only(AlertRaised, again))
        seconds += again[-1].duration_s
    assert raised == said["proposed"]["alarms"]
    assert raised <= 60 * seconds / 3600
    assert said["hours"] == pytest.approx(seconds / 3600, abs=1e-4)
    assert any("without marks" in note for note in said["notes"])
    assert "note: " in done.stderr
    assert "do not come out as they were scored" not in done.stderr
    again = tune(calls, "--config", config, "--budget", 60, "--write", target)
    assert (again.returncode, again.stdout) == (2, "")
    assert "exists already" in again.stderr
    assert tune(calls, "--config", config, "--budget", 60, "--write", target, "--force").returncode == 0


def test_marks_give_recall_and_delays_and_unnamed_calls_are_left_out(calls, config, tmp_path):
    (tmp_path / "m.csv").write_text("call_id,start_s,end_s,cause\nloud,9,30,\nquiet,,,\n")
    done = tune(
        calls,
        "--config",
        config,
        "--budget",
        100,
        "--marks",
        tmp_path / "m.csv",
        env={**os.environ, "COLUMNS": "150"},
    )
    assert done.returncode == 0, done.stderr
    assert "recall" in done.stdout
    assert "proposed for at most 100" in done.stdout
    assert "1 of 3 calls are not named in --marks and left out" in done.stderr
    whole = tune(
        calls,
        "--config",
        config,
        "--budget",
        100,
        "--marks",
        tmp_path / "m.csv",
        "--marks-complete",
        "--json",
    )
    assert json.loads(whole.stdout)["calls"] == 3
    assert "left out" not in whole.stderr


def test_a_budget_that_no_threshold_keeps_to_is_an_error_after_the_curve(calls, tmp_path):
    rules = tmp_path / "hot.toml"
    rules.write_text("[tension]\nanger_weight = 9.0\nanger_drift = 0.1\nbias = -1.0\n")
    done = tune(calls, "--budget", 0.001, "--config", rules, "--write", tmp_path / "no.toml")
    assert done.returncode == 1
    assert "raise_at" in done.stdout
    assert "no threshold keeps to 0.001 alarms an hour" in done.stderr
    assert "3 of 3 calls do not come out as they were scored: name the settings" in done.stderr
    assert not (tmp_path / "no.toml").exists()


def test_what_if_tells_what_changes_in_each_call_and_in_all(calls, config, tmp_path):
    (tmp_path / "rules.toml").write_text("[alerts]\nraise_at = 0.45\nmin_duration_s = 0.0\n")
    done = tune(calls, "--config", config, "--what-if", tmp_path / "rules.toml", "--json")
    assert done.returncode == 0, done.stderr
    *changes, last = map(json.loads, done.stdout.splitlines())
    assert changes
    assert {change["call_id"] for change in changes} <= set(CALLS)
    assert last["totals"]["calls"] == 3
    for name in ("gained", "lost", "earlier", "later", "severity"):
        assert last["totals"][name] == sum(name in change["changes"] for change in changes)
    shown = tune(calls, "--config", config, "--what-if", tmp_path / "rules.toml").stdout
    assert len(shown.splitlines()) == len(changes) + 1
    (tmp_path / "same.toml").write_text("[live]\nmax_calls = 3\n")
    same = tune(calls, "--config", config, "--what-if", tmp_path / "same.toml").stdout
    assert same.startswith("calls: 3; ")
    (tmp_path / "ears.toml").write_text("[windows]\nhop_s = 2.0\n")
    refused = tune(calls, "--config", config, "--what-if", tmp_path / "ears.toml")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "ears.toml: windows.hop_s: cannot be replayed" in refused.stderr


def test_bad_inputs_are_named_the_rest_is_used_and_the_status_is_1(calls, config, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "text.jsonl").write_text("not an event\n")
    whole = (calls / "loud.jsonl").read_text()
    (tmp_path / "cut.jsonl").write_text(whole[: len(whole) // 2].rpartition("\n")[0] + "\n")
    old = [json.loads(line) for line in whole.splitlines()]
    for event in old:
        event.pop("conversation", None)
    (tmp_path / "old.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in old))
    (tmp_path / "twice.jsonl").write_text((calls / "quiet.jsonl").read_text())
    done = tune(calls, tmp_path, tmp_path / "absent.jsonl", "--config", config, "--budget", 100, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["calls"] == 3
    for reason in (
        "empty.jsonl: is empty",
        "text.jsonl: line 1: ",
        "cut.jsonl: call loud: was given before",
        "old.jsonl: line ",
        "an older engine wrote it, or it is damaged; score the recording again",
        "twice.jsonl: call quiet: was given before, in ",
        "absent.jsonl: cannot be read",
    ):
        assert reason in done.stderr
    assert "Traceback" not in done.stderr
    cut = tune(tmp_path / "cut.jsonl")
    assert (cut.returncode, cut.stdout) == (1, "")
    assert "call loud: breaks off before call.ended: score the recording again" in cut.stderr
    assert "no call could be used" in cut.stderr


def test_a_call_id_cannot_steer_the_terminal(calls, config, tmp_path):
    (tmp_path / "rules.toml").write_text("[alerts]\nraise_at = 0.45\nmin_duration_s = 0.0\n")
    events = [json.loads(line) for line in (calls / "loud.jsonl").read_text().splitlines()]
    lines_ = [json.dumps({**event, "call_id": "\x1b[2Jboo"}) for event in events]
    (tmp_path / "odd.jsonl").write_text("\n".join(lines_) + "\n")
    done = tune(
        tmp_path / "odd.jsonl",
        tmp_path / "odd.jsonl",
        calls / "loud.jsonl",
        "--what-if",
        tmp_path / "rules.toml",
    )
    assert "boo: " in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    (tmp_path / "cut.jsonl").write_text("\n".join(lines_[:-1]) + "\n")
    done = tune(tmp_path / "cut.jsonl", "--config", config, "--what-if", tmp_path / "rules.toml")
    assert "boo: breaks off" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_mark_beyond_its_call_leaves_the_call_out(calls, config, tmp_path):
    (tmp_path / "m.csv").write_text("call_id,start_s,end_s\nloud,9,3000\nquiet,1,3\n")
    done = tune(calls, "--config", config, "--budget", 100, "--marks", tmp_path / "m.csv", "--json")
    assert done.returncode == 1
    assert "the mark in line 2 ends at 3000 s" in done.stderr
    assert json.loads(done.stdout)["calls"] == 1
