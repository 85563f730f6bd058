"""``score --format html``, ``--format parquet`` and ``report`` as their users meet them."""

import json
from pathlib import Path

import pytest
from live_server import quarrel, small_talk
from markup_read import read_page
from scored_calls import told
from test_cli import engine, recorded
from voices import lines

from sentiment_engine import wire
from sentiment_engine.batch.inputs import Input, outputs

HOT = ("calm", "answer", "shout", "both", 0, "silence", "silence", "calm")


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Path:
    """A folder of two scored calls."""
    folder = tmp_path_factory.mktemp("scored")
    for name, steps in (("loud", HOT), ("quiet", ("calm", "answer", "silence"))):
        heard = [{**json.loads(line), "call_id": name} for line in lines(told(steps))]
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in heard))
    return folder


def test_pages_and_an_index_that_links_to_them(tmp_path):
    recorded(tmp_path / "in" / "a" / "call.wav", quarrel(4.0, 6.0))
    recorded(tmp_path / "in" / "b" / "call.wav", small_talk(4.0))
    recorded(tmp_path / "in" / "index.wav", small_talk(4.0))
    recorded(tmp_path / "in" / "<b>&.wav", small_talk(4.0))
    (tmp_path / "in" / "bad.wav").write_bytes(b"RIFF")
    out = tmp_path / "out"
    done = engine("score", tmp_path / "in", "--out", out, "--format", "html", "--jobs", 2, "--language", "en")
    assert (done.returncode, done.stdout) == (1, "")
    assert "bad.wav" in done.stderr
    assert "Traceback" not in done.stderr
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    (renamed,) = [name for name in made if name.startswith("index~")]
    assert made == sorted(["<b>&.html", "a/call.html", "b/call.html", renamed, "index.html"])
    index = read_page((out / "index.html").read_text())
    links = [one.attributes["href"] for one in index.all("a")]
    assert links == ["./%3Cb%3E%26.html", f"./{renamed}", "./a/call.html", "./b/call.html"]
    assert [one.text for one in index.all("a")] == ["<b>&", "index", "a/call", "b/call"]
    for name in made:
        read_page((out / name).read_text())
    page = read_page((out / "a" / "call.html").read_text())
    assert page.one("h1").text == "a/call"
    assert len(page.all("path", class_="sound")) == 2
    assert page.all("path", class_="threshold")


def test_the_same_recording_gives_the_same_page_twice(tmp_path):
    call = recorded(tmp_path / "call.wav", quarrel(4.0, 6.0))
    for name in "xy":
        assert engine("score", call, "--out", tmp_path / name, "--format", "html").returncode == 0
    for page in ("call.html", "index.html"):
        assert (tmp_path / "x" / page).read_bytes() == (tmp_path / "y" / page).read_bytes()
    assert read_page((tmp_path / "x" / "index.html").read_text()).one("html").attributes["lang"] == "zh-CN"


def test_a_call_named_index_leaves_the_index_its_name_and_nobody_else_is_renamed(tmp_path):
    named = [Input(Path(f"{name}.wav"), Path()) for name in ("index", "Index", "call")]
    paths = outputs(tmp_path, named, ["index", "Index", "call"], ".html", "index")
    assert paths[2] == tmp_path / "call.html"
    assert len({path.name.lower() for path in paths} | {"index.html"}) == 4
    assert outputs(tmp_path, named[:1], ["index"]) == [tmp_path / "index.jsonl"]


def test_rows_hold_every_event_whole(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    call = recorded(tmp_path / "call.wav", quarrel(4.0, 6.0))
    for kind in ("jsonl", "parquet"):
        assert engine("score", call, "--out", tmp_path, "--format", kind).returncode == 0
    events = (tmp_path / "call.jsonl").read_text().splitlines()
    table = parquet.read_table(tmp_path / "call.parquet")
    assert table["event"].to_pylist() == events
    for row, line in zip(table.to_pylist(), events, strict=True):
        told_ = json.loads(line)
        assert {name: row[name] for name in ("type", "call_id", "at_s", "seq")} == {
            name: told_[name] for name in ("type", "call_id", "at_s", "seq")
        }
        for name in ("party", "level", "severity", "quality", "duration_s"):
            assert row[name] == told_.get(name)
        assert dict(row["causes"] or []) == told_.get("causes", {})
    assert table.schema.metadata[b"sentiment_engine.wire"] == str(wire.WIRE_VERSION).encode()


def test_without_pyarrow_rows_are_refused_with_the_remedy(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pyarrow'] = None\n")
    import os  # noqa: PLC0415

    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = engine("score", "x.wav", "--out", tmp_path / "out", "--format", "parquet", env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "sentiment-engine[parquet]"' in done.stderr


def test_a_report_is_text_json_or_a_page(scored, tmp_path):
    text = engine("report", scored)
    assert text.returncode == 0
    assert "calls: 2; " in text.stdout
    said = json.loads(engine("report", scored, "--format", "json").stdout)
    count = sum(len(path.read_text().splitlines()) for path in scored.iterdir())
    assert sum(said["events"].values()) == count
    page = engine("report", scored, "--format", "html")
    assert read_page(page.stdout).one("h1").text == "Summary of calls"
    done = engine("report", scored, "--format", "html", "--out", tmp_path / "r.html")
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "r.html").read_text() == page.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


def test_bad_inputs_are_named_the_rest_is_summed_up_and_the_status_is_1(scored, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "text.jsonl").write_text("not an event\n")
    whole = (scored / "loud.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_text("".join(whole[:-3]).replace('"loud"', '"cut"'))
    (tmp_path / "torn.jsonl").write_text("".join(whole[:9] + whole[10:]).replace('"loud"', '"torn"'))
    (tmp_path / "twice.jsonl").write_text("".join(whole))
    done = engine("report", scored, tmp_path, tmp_path / "absent.jsonl", "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["calls"] == 2
    for reason in (
        "empty.jsonl: is empty",
        "text.jsonl: line 1: ",
        "cut.jsonl: call cut: breaks off before call.ended",
        "torn.jsonl: call torn: event 11",
        "twice.jsonl: call loud: was given before",
        "absent.jsonl: cannot be read",
    ):
        assert reason in done.stderr
    assert "Traceback" not in done.stderr
    none = engine("report", tmp_path / "empty.jsonl", "--out", tmp_path / "r.txt")
    assert (none.returncode, none.stdout) == (1, "")
    assert "no call could be used" in none.stderr
    assert not (tmp_path / "r.txt").exists()
