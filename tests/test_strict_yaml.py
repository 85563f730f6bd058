"""YAML as people write it is read; what is costly, dangerous or ambiguous is refused by its line."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings
from sentiment_engine.strict_yaml import DEEPEST, LARGEST_BYTES, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (
            "a: 1\nb: [x, 'y', -2]\nc: {d: true, e: null, f: no}\n",
            {"a": 1, "b": ["x", "y", -2], "c": {"d": True, "e": None, "f": False}},
        ),
        ("", None),
        ("# nothing\n", None),
        ("\ufeffa: b\n", {"a": "b"}),
        ("a: '1'\nb: \"true\"\n", {"a": "1", "b": "true"}),
        (
            "when: 2026-13-45\nversion: 1.0\nclock: 1:30\nhex: 0x1f\n",
            {"when": "2026-13-45", "version": "1.0", "clock": "1:30", "hex": "0x1f"},
        ),
        ("n: " + "9" * 5000, {"n": "9" * 5000}),
        ("1: one\n", {"1": "one"}),
        ("a: ! b\n", {"a": "b"}),
    ],
)
def test_values_are_text_whole_numbers_true_false_and_null(text, data):
    assert parse_yaml(text.encode()).data == data


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x 1\n", "line 1: aliases"),
        ("a: 1\nb: *a\n", "is not YAML|line 2: aliases"),
        ("a: &x []\nb: [*x, *x]\n", "line 1: aliases"),
        ("a: !!python/object/apply:os.system [ls]\n", "line 1: tags"),
        ("a: 1\nb: !!binary aGk=\n", "line 2: tags"),
        ("a: 1\na: 2\n", "line 2: 'a' stands twice"),
        ("- {a: 1, 'a': 2}\n", "line 1: 'a' stands twice"),
        ("[a]: 1\n", "line 1: a name must be a plain word"),
        ("? {a: 1}\n: 2\n", "line 1: a name must be a plain word"),
        ("a: 1\n---\nb: 2\n", "is not YAML: expected a single document"),
        ("a: [", "is not YAML"),
        ("\ta: 1", "is not YAML"),
        ("a: \x00", "is not YAML"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), f"line 1: nested deeper than {DEEPEST}"),
    ],
)
def test_what_is_dangerous_or_ambiguous_is_refused(text, says):
    with pytest.raises(BadSettings, match=says):
        parse_yaml(text.encode())


def test_the_deepest_nesting_allowed_is_read():
    assert parse_yaml(("[" * DEEPEST + "]" * DEEPEST).encode()).data


@pytest.mark.parametrize(
    "data",
    [
        b"a" * (LARGEST_BYTES + 1),
        b"[" * LARGEST_BYTES,
        b"- " * (LARGEST_BYTES // 2),
        b"a: &a [x]\n" + b"".join(b"b%d: [*a,*a]\n" % n for n in range(50_000)),
        b"\xff" * 1000,
    ],
)
def test_a_hostile_file_costs_no_time(data):
    began = time.process_time()
    with pytest.raises(BadSettings):
        parse_yaml(data)
    assert time.process_time() - began < 2.0


def test_a_file_is_read_and_one_that_cannot_be_is_refused(tmp_path):
    path = tmp_path / "it.yaml"
    path.write_text("a: 1\n")
    assert read_yaml(path).data == {"a": 1}
    for missing in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(BadSettings, match="cannot be read: "):
            read_yaml(missing)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("entries",), 3),
        (("entries", 0), 4),
        (("entries", 0, "b"), 6),
        (("entries", 1, "a"), 7),
        (("entries", 1, "missing"), 7),
        (("entries", 9), 3),
        (("other",), 1),
        (("version", 0), 1),
        ((0,), 1),
    ],
)
def test_a_line_is_that_of_the_part_or_of_the_last_one_on_the_way(path, line):
    assert parse_yaml(b"version: 1\n\nentries:\n  - a: 1\n    # two\n    b: 2\n  - a: 3\n").line(path) == line


def test_an_empty_document_has_one_line():
    assert parse_yaml(b"").line(("entries", 0)) == 1


@given(
    data=st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!?'\"|>#\n\t ,0", max_size=60).map(str.encode)
)
@examples(200)
def test_any_bytes_are_read_or_refused_with_a_reason(data):
    line, reason = 0, ""
    try:
        line = parse_yaml(data).line(())
    except BadSettings as problem:
        reason = str(problem)
    assert line >= 1 or reason


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(value=plain)
@examples(100)
def test_what_a_yaml_writer_wrote_is_read_back(value):
    assert parse_yaml(yaml.safe_dump(value).encode()).data == value
