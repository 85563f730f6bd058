"""A short smoke of every benchmark: they run, they print, and what must hold of any run holds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser import executable

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SENTIMENT_DATA", ROOT.parent / "shared" / "data"))
sys.path.insert(0, str(ROOT))

from benchmarks.calls import ONE_SIDED, SCRIPTS  # noqa: E402

needs_data = pytest.mark.skipif(
    not (DATA / "manifest.tsv").is_file(), reason=f"no labelled speech in {DATA}: set SENTIMENT_DATA"
)
pytestmark = pytest.mark.slow


def run(script, *arguments):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # other tests may run beside this one
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_data
def test_alerts_beat_nothing_at_all_on_a_few_real_voices():
    printed = run("alerts.py", "--quick")
    (engine,) = [line.split("│")[1:] for line in printed.splitlines() if line.startswith("│ engine ")]
    recall, within, false_per_hour = (float(cell.split()[0]) for cell in engine[1:4])
    assert 0.4 <= within <= recall <= 1.0  # seven calls: a broken engine finds none of them
    assert false_per_hour < 40.0
    assert all(f"│   {name} " in printed for name in (*SCRIPTS, *ONE_SIDED, "agc", "plain"))
    assert all(f"│ {name} >= " in printed for name in ("loudness", "overlap", "emotion_alone"))


@needs_data
def test_the_emotion_model_hears_anger_in_a_few_clips_and_every_figure_is_there():
    pytest.importorskip("onnx", reason="benchmarks/emotion.py cuts the graph with onnx: extra `train`")
    pytest.importorskip("scipy", reason="benchmarks/emotion.py fits its baselines with scipy: extra `train`")
    results = ROOT / "benchmarks" / "results" / "emotion.json"
    before = results.read_bytes()
    printed = run("emotion.py", "--quick")
    rows = {line.split("│")[1].strip(): line.split("│")[2:-1] for line in printed.splitlines() if "│" in line}
    tess, _, _, mean = (float(cell.split()[0]) for cell in rows["anger AUC, nothing known"])
    assert tess > 0.7  # English, clear voices: a broken model or line finds half
    assert 0.5 < mean <= 1.0
    assert {"shipped", "frozen_probe", "log_mel", "egemaps"} <= rows.keys()
    assert {"women and men, points apart", "languages, points apart"} <= rows.keys()
    assert "float to int8" in rows
    assert {"calm lead-in: uar4", "one mood only: anger_auc"} <= rows.keys()
    assert results.read_bytes() == before


def test_a_few_live_calls_are_carried_without_a_loss(tmp_path):
    out = tmp_path / "capacity.json"
    run("capacity.py", "--calls", 3, "--seconds", 12, "--out", out)
    found = json.loads(out.read_text())
    assert found["calls"] == 3
    assert found["dropped"] == 0
    assert found["ratio_to_sink"] > 0


@needs_data
def test_voices_are_found_on_telephone_lines_and_tones_are_not_taken_for_them():
    (engine,) = [
        line.split("│")[1:] for line in run("vad.py", "--quick").splitlines() if "│ engine  " in line
    ]
    assert float(engine[1].split()[0]) > 0.85  # to call everything speech has .86; three files vary
    assert engine[8].strip() == engine[9].strip() == "0.0%"  # DTMF, ringing and busy


def test_the_results_in_the_tree_are_of_the_model_in_the_tree():
    model = json.loads((ROOT / "models" / "emotion.json").read_text())["sha256"]
    results = ROOT / "benchmarks" / "results"
    for name in ("emotion.json", "alerts.json"):
        assert json.loads((results / name).read_text())["model_sha256"] == model, name


def test_a_recording_is_scored_faster_than_life_in_flat_memory(tmp_path):
    out = tmp_path / "batch.json"
    run("batch.py", "--quick", "--out", out)
    found = json.loads(out.read_text())
    assert found["x_realtime_per_core"] > 10
    assert found["memory_long_over_short"] < 1.2


def test_the_readme_says_what_the_results_say():
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "figures.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.conformance
def test_the_console_shows_every_call_and_every_alert(tmp_path):
    executable()
    out = tmp_path / "console.json"
    run("console.py", "--quick", "--calls", 20, "--out", out)
    found = json.loads(out.read_text())
    assert (found["live_calls"], found["calls_on_screen"]) == (20, 20)
    assert found["alerts"] > 0
    assert found["alerts_missing"] == 0
    assert found["alert_to_screen_ms_p50"] < 1000


def test_every_reader_of_the_feed_is_given_every_alert_and_one_that_stalls_comes_back(tmp_path):
    out = tmp_path / "feed.json"
    run("feed.py", "--quick", "--out", out)
    found = json.loads(out.read_text())
    assert found["readers"] == 16
    assert found["measured"] == 15 * found["alerts_raised"] > 100
    assert (found["missed"], found["twice"], found["closed"], found["stalled_missed"]) == (0, 0, 0, 0)
    assert found["stalled_closed_with"] == 1013
    assert 0.0 <= found["feed_ms_p50"] <= found["feed_ms_p99"]
    assert found["rss_growth"] < 1.2  # other tests run beside it, and it is short
