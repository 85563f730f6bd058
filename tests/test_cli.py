"""The command line as its users meet it: exit statuses, and standard output that carries results only."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from live_server import quarrel, small_talk

ENGINE = (sys.executable, "-m", "sentiment_engine")


def engine(*arguments: object, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ENGINE, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **how
    )


def recorded(path: Path, audio: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.frombuffer(audio, "<i2").reshape(-1, 2), 8000, subtype="PCM_16")
    return path


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def imported_by(code: str) -> set[str]:
    report = "import sys; print('\\n'.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_help_and_the_public_page_load_no_model_runtime_and_no_web_stack():
    heavy = {"librosa", "onnxruntime", "starlette", "uvicorn", "websockets", "soundfile", "rich", "yaml"}
    code = (
        "import sys\nsys.argv = ['x', '--help']\nimport sentiment_engine.cli as c\n"
        "try: c.main()\nexcept SystemExit: pass"
    )
    assert not imported_by(code) & heavy
    assert not imported_by("import sentiment_engine") & heavy


def test_every_command_is_listed():
    done = engine("--help")
    assert done.returncode == 0
    assert {
        "serve",
        "stream",
        "watch",
        "score",
        "report",
        "tune",
        "model",
        "playbook",
        "demo",
        "evidence",
    } <= set(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["score"],
        ["score", "x.wav", "--format", "parquet"],
        ["score", "x.wav", "--format", "html"],
        ["report"],
        ["report", "x.jsonl", "--format", "pdf"],
        ["report", "x.jsonl", "--out", "/"],
        ["score", "x.wav", "--format", "xml"],
        ["score", "x.wav", "--jobs", "0"],
        ["score", "x.wav", "--agent-channel", "2"],
        ["score", "x.wav", "--stage", "shouting"],
        ["score", "x.wav", "--config", "absent.toml"],
        ["score", "x.wav", "--resume"],
        ["score", __file__, "--out", __file__],
        ["stream", "x.wav"],
        ["stream", "x.wav", "--url", "http://127.0.0.1:8700/v1/stream"],
        ["stream", "x.wav", "--url", "ws://127.0.0.1:8700/v1/stream", "--speed", "-1"],
        ["stream", "x.wav", "--url", "ws://127.0.0.1:8700/v1/stream", "--speed", "nan"],
        ["watch", "--url", "127.0.0.1:8700"],
        ["serve", "--port", "70000"],
        ["serve", "--cues", "absent.yaml"],
        ["serve", "--host", "0.0.0.0"],  # noqa: S104 that it is refused is the point
        ["frobnicate"],
    ],
    ids=" ".join,
)
def test_unusable_arguments_exit_2_with_a_line_and_nothing_on_standard_output(arguments: list[str]):
    done = engine(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rror" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_settings_file_is_named(tmp_path: Path):
    (tmp_path / "engine.toml").write_text("[alerts]\nraise_at = 3\n")
    done = engine("score", tmp_path / "x.wav", "--config", tmp_path / "engine.toml")
    assert done.returncode == 2
    assert "engine.toml: " in done.stderr
    assert "raise_at" in done.stderr


def test_events_come_call_after_call_in_the_order_of_the_arguments(tmp_path: Path):
    calls = [recorded(tmp_path / f"{name}.wav", small_talk(4.0 + 2 * (name == "c"))) for name in "cab"]
    one = engine("score", *calls, "--jobs", 1)
    two = engine("score", *calls, "--jobs", 2)
    assert (one.returncode, two.returncode) == (0, 0)
    assert one.stdout == two.stdout
    told = events(one.stdout)
    assert [event["call_id"] for event in told if event["type"] == "call.started"] == ["c", "a", "b"]
    order = [event["call_id"] for event in told]
    assert order == sorted(order, key="cab".index)
    assert "scored 3 of 3 recordings" in one.stderr


def test_bad_inputs_are_named_the_rest_is_scored_and_the_status_is_1(tmp_path: Path):
    good = recorded(tmp_path / "good.wav", small_talk(4.0))
    cut = recorded(tmp_path / "cut.wav", small_talk(6.0))
    cut.write_bytes(cut.read_bytes()[:-64_000])
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not a sound\n" * 20)
    done = engine("score", tmp_path, tmp_path / "absent.wav", tmp_path / "*.zip")
    assert done.returncode == 1
    for reason in (
        "empty.wav: is empty",
        "text.wav: holds text",
        "cut.wav: cut short",
        "absent.wav: there is no",
        "*.zip",
    ):
        assert reason in done.stderr
    assert "Traceback" not in done.stderr
    ended = {event["call_id"]: event for event in events(done.stdout) if event["type"] == "call.ended"}
    assert {name: event["reason"] for name, event in ended.items()} == {"cut": "error", "good": "stop"}
    assert ended["cut"]["duration_s"] == 4.0
    assert str(good) not in done.stderr


def test_with_out_each_recording_has_a_file_and_standard_output_is_empty(tmp_path: Path):
    recorded(tmp_path / "in" / "a.wav", small_talk(4.0))
    recorded(tmp_path / "in" / "x" / "b.wav", small_talk(4.0))
    recorded(tmp_path / "in" / "y" / "b.wav", small_talk(4.0))
    (tmp_path / "in" / "bad.wav").write_bytes(b"RIFF")
    done = engine("score", tmp_path / "in", "--out", tmp_path / "out", "--jobs", 2)
    assert (done.returncode, done.stdout) == (1, "")
    made = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
    assert made == ["a.jsonl", "x/b.jsonl", "y/b.jsonl"]
    told = events((tmp_path / "out" / "x" / "b.jsonl").read_text())
    assert (told[0]["call_id"], told[-1]["type"]) == ("x/b", "call.ended")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path):
    calls = [recorded(tmp_path / f"{number}.wav", quarrel()) for number in range(4)]
    with subprocess.Popen(
        [*ENGINE, "score", *calls], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        words = process.stderr.read().decode()
    assert process.returncode == 128 + signal.SIGPIPE
    assert words == ""


@pytest.mark.slow
def test_clients_whose_reader_has_seen_enough_end_quietly(tmp_path: Path):
    call = recorded(tmp_path / "call.wav", small_talk(10.0))
    with subprocess.Popen([*ENGINE, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True) as server:
        address = ""
        while "listening on ws://" not in address:
            address = server.stderr.readline()
            assert address, "the server ended before it was ready"
        url = address.split()[2].rstrip(":") + "/v1/stream"
        command = [*ENGINE, "stream", str(call), "--url", url, "--send-tension"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
            client.stdout.readline()
            client.stdout.close()
            assert client.stderr.read() == ""
        assert client.returncode == 128 + signal.SIGPIPE
        server.terminate()
        server.stderr.read()


def scoring(folder: Path, *arguments: object) -> tuple[subprocess.Popen, psutil.Process]:
    """A long recording on its way through ``score --out``; with the process that is at work on it."""
    process = subprocess.Popen(
        [*ENGINE, "score", *map(str, arguments), "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while not list(folder.glob(".*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = [
        one for one in psutil.Process(process.pid).children() if "spawn_main" in " ".join(one.cmdline())
    ]
    return process, workers[0]


def test_a_worker_that_is_killed_costs_one_recording_and_leaves_no_half_written_file(tmp_path: Path):
    long = recorded(tmp_path / "a_long.wav", small_talk(10.0) * 360)
    short = recorded(tmp_path / "b_short.wav", small_talk(4.0))
    process, worker = scoring(tmp_path / "out", long, short)
    worker.kill()
    words = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert "a_long.wav: the process scoring it died (killed by SIGKILL)" in words
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b_short.jsonl"]


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_stops_at_once_without_a_traceback_or_half_written_file(tmp_path, sent, status):
    long = recorded(tmp_path / "long.wav", small_talk(10.0) * 360)
    process, worker = scoring(tmp_path / "out", long)
    process.send_signal(sent)
    words = process.communicate(timeout=10)[1].decode()
    assert (process.returncode, words) == (status, "")
    assert list((tmp_path / "out").iterdir()) == []
    assert not worker.is_running()


def test_a_model_that_is_not_what_it_claims_stops_everything_with_status_2(tmp_path: Path):
    code = (
        "import sentiment_engine.onnx_model as m\n"
        "from sentiment_engine.errors import ModelMismatch\n"
        "def no(*a, **k): raise ModelMismatch('emotion.onnx has another sha256')\n"
        "m.load_emotion_model = no\n"
        "import sys; sys.argv = ['x', 'model', 'info']\n"
        "from sentiment_engine.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: emotion.onnx has another sha256\n"


def test_model_info_says_what_the_model_is():
    told = json.loads(engine("model", "info", "--json").stdout)
    assert {"labels", "sample_rate_hz", "training_data", "metrics", "licence", "sha256"} <= set(told)
    shown = engine("model", "info", env={**os.environ, "COLUMNS": "200"})
    assert shown.returncode == 0
    assert told["sha256"] in shown.stdout
    assert told["licence"] in shown.stdout


@pytest.mark.slow
def test_the_demo_ends_well_when_an_alert_reached_the_feed():
    done = engine("demo", "--once", "--speed", 20)
    assert done.returncode == 0, done.stderr
    assert "/v1/feed" in done.stdout
    assert "▲ raised" in done.stdout
    assert "agent · say: " in done.stdout


def test_no_samples_at_all_is_not_a_crash(tmp_path: Path):
    sound = bytearray(recorded(tmp_path / "c.wav", small_talk(1.0)).read_bytes())
    struct.pack_into("<I", sound, sound.index(b"data") + 4, 0)
    (tmp_path / "c.wav").write_bytes(sound)
    done = engine("score", tmp_path / "c.wav")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no samples" in done.stderr
