"""What a deployment's own file changes, what it leaves unanswered, and how people are told."""

import json
from pathlib import Path

import msgspec
import pytest
from phrasebook import book, entry
from test_cli import engine

from sentiment_engine import BadSettings, load_playbook
from sentiment_engine.events import STAGES
from sentiment_engine.phrase_file import read_file
from sentiment_engine.phrases import BASES
from sentiment_engine.playbook_check import SEVERITIES, effect_of, gaps
from sentiment_engine.resources import load_playbook_over

OWN = """\
version: 1
entries:
  - id: ca-gen-1
    stage: [general]
    cause: customer_anger
    audience: agent
    severity: [warning]
    technique: acknowledge
    mode: say
    zh-CN: 我听到了
    en: I hear you.
  - id: house-1
    stage: [general]
    cause: overlap
    audience: supervisor
    severity: [warning]
    technique: coach
    mode: do
    zh-CN: 提示放慢
    en: Prompt to slow down.
remove: [cd-gen-1]
"""


@pytest.fixture
def own(tmp_path: Path):
    """Writes a file of one's own."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "own.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_what_a_file_adds_replaces_and_removes_in_its_order():
    first = book(entry("keep"), entry("change"), entry("drop"), entry("renew"))
    content = {
        "version": 1,
        "entries": [entry("new"), entry("change"), entry("renew")],
        "remove": ["renew", "drop"],
    }
    file, problems = read_file(content)
    assert problems == []
    effect = effect_of(file, first)
    assert effect.adds == ("new",)
    assert effect.replaces == ("change", "renew")
    assert effect.removes == ("drop",)
    assert {one.id for one in first.under(file).entries} == {"keep", "change", "new", "renew"}


def test_a_playbook_without_entries_leaves_everything_open():
    found = gaps(book())
    assert len(found) == len(BASES) * 2 * len(STAGES)
    assert {gap.severities for gap in found} == {SEVERITIES}


def test_a_general_entry_closes_every_stage_and_one_of_a_stage_its_own():
    playbook = book(
        entry("any", cause="overlap", severity=["notice"]), entry("own", cause="overlap", stage=["facts"])
    )
    found = {
        gap.stage: gap.severities
        for gap in gaps(playbook)
        if (gap.cause, gap.audience) == ("overlap", "agent")
    }
    assert found == {stage: ("warning", "critical") for stage in STAGES if stage != "facts"}


def test_a_raised_voice_answers_anger_that_is_nobodys():
    found = {(gap.cause, gap.audience) for gap in gaps(book(entry("it", cause="raised_voice")))}
    assert ("anger", "agent") not in found
    assert ("anger", "supervisor") in found


def test_the_packaged_playbook_leaves_only_the_contact_limit_to_supervisors():
    assert {(gap.cause, gap.audience) for gap in gaps(load_playbook())} == {("contact_limit", "agent")}


def test_a_file_on_top_of_the_packaged_playbook_is_loaded_as_it_was_checked(own):
    packaged, loaded = load_playbook(), load_playbook_over(own(OWN))
    assert len(loaded.entries) == len(packaged.entries)
    entries = {one.id: one for one in loaded.entries}
    assert (entries["ca-gen-1"].en, entries["house-1"].basis) == ("I hear you.", "observable")
    assert "cd-gen-1" not in entries
    with pytest.raises(BadSettings, match=r"own\.yaml: playbook: entry 'none' \(remove\[0\]\)"):
        load_playbook_over(own("version: 1\nremove: [none]\n"))


def test_check_says_what_a_file_changes(own):
    done = engine("playbook", "check", own(OWN))
    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].endswith(f"own.yaml: usable; {len(load_playbook().entries)} entries with it")
    assert lines[1:4] == ["adds 1: house-1", "replaces 1: ca-gen-1", "removes 1: cd-gen-1"]
    assert lines[4].startswith(
        "no phrase for the agent when contact_limit: facts (notice, warning, critical); "
    )
    assert len(lines) == 5


def test_check_as_json_is_one_object(own):
    done = engine("playbook", "check", own(OWN), "--json")
    report = json.loads(done.stdout)
    assert (report["usable"], report["problems"]) == (True, [])
    assert (report["adds"], report["replaces"], report["removes"]) == (
        ["house-1"],
        ["ca-gen-1"],
        ["cd-gen-1"],
    )
    assert report["gaps"] == json.loads(msgspec.json.encode(gaps(load_playbook())))


def test_check_names_every_problem_with_its_line(own):
    wrong = OWN.replace("customer_anger", "anger_of_customer").replace("mode: do", "mode: say")
    path = own(
        wrong.replace("technique: coach", "technique: coach\n    tone: soft").replace("cd-gen-1", "none")
    )
    done = engine("playbook", "check", path, "--json")
    assert done.returncode == 1
    problems = json.loads(done.stdout)["problems"]
    assert [(one["line"], one["entry"], one["field"]) for one in problems] == [
        (5, "ca-gen-1", "cause"),
        (18, "house-1", "tone"),
        (22, "none", "0"),
    ]
    assert done.stderr.splitlines() == [f"{path}:{one['line']}: {one['message']}" for one in problems]
    plain = engine("playbook", "check", path)
    assert (plain.returncode, plain.stdout) == (1, "")
    assert plain.stderr == done.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"entries: [", "is not YAML"),
        (b"", "write version: 1"),
        (b"version: 1\nversion: 1\n", "line 2: 'version' stands twice"),
        (b"version: 1\nentries: &a []\n", "line 2: aliases"),
        (b"#" * ((1 << 20) + 1), "is larger than 1024 KiB"),
    ],
)
def test_check_refuses_what_is_no_playbook(own, content, says):
    done = engine("playbook", "check", own(content))
    assert done.returncode == 1
    assert done.stdout == ""
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "absent.yaml"], ["check", "."], ["show", "--cause", "x"]]
)
def test_what_cannot_be_asked_is_unusable(arguments):
    done = engine("playbook", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_show_prints_the_phrases_of_a_cause_in_a_language():
    rows = [
        line.split("\t")
        for line in engine("playbook", "show", "--cause", "silence", "--language", "en").stdout.splitlines()
    ]
    expected = [one for one in load_playbook().entries if one.cause == "silence"]
    assert rows == [[one.id, one.audience, ",".join(one.stage), one.mode, one.en] for one in expected]
    everything = engine("playbook", "show").stdout.splitlines()
    assert len(everything) == len(load_playbook().entries)
    assert everything[0].endswith(load_playbook().entries[0].zh_cn)
    raised = engine("playbook", "show", "--cause", "anger").stdout
    assert raised == engine("playbook", "show", "--cause", "raised_voice").stdout != ""


def test_serve_refuses_a_playbook_that_cannot_be_used(own):
    done = engine("serve", "--port", "0", "--playbook", own("version: 1\nremove: [none]\n"))
    assert done.returncode == 2
    assert "entry 'none' (remove[0])" in done.stderr
