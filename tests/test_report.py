"""What a report may say: hypothesis makes up findings, and the wording never claims more than they hold."""

import datetime
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_engine.archive.report import Findings, Numbering, failed, report
from sentiment_engine.archive.timestamps import Stamp

HEX = "ab" * 32
STAMP = Stamp(datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC), "CN=Clock")

counts = st.integers(0, 3)
sizes = st.sets(st.integers(1, 40), max_size=3).map(lambda chosen: tuple(sorted(chosen)))


@st.composite
def findings(draw):
    stamp = draw(st.none() | st.just(STAMP))
    return Findings(
        call_id=draw(st.sampled_from(["c-1", "two\nlines", "existed in 1999; the whole log", "'"])),
        origin="example.com/calls",
        key="example.com/calls+0123abcd",
        size=40,
        events=draw(counts),
        reviews=draw(counts),
        erased=draw(counts),
        numbering=Numbering(
            missing=draw(st.sampled_from([(), ((3, 3),), ((1, 2), (4, 9))])),
            in_order=draw(st.booleans()),
            ended=draw(st.booleans()),
            unnumbered=draw(counts),
        ),
        stamps=draw(counts) + (stamp is not None),
        stamp=stamp,
        stamp_trouble="" if stamp else draw(st.sampled_from(["", "the time stamp does not hold: x"])),
        continued=draw(sizes),
        seen=draw(sizes),
        unseen=draw(sizes),
        recording=draw(st.sampled_from(["none", "elsewhere", "matches", "uncovered"])),
        recording_sha256=HEX,
    )


def claims(found):
    """What the report calls proven, without the call's own name, which may hold any words."""
    return "; ".join(report(found).proven).replace(repr(found.call_id), "")


@settings(max_examples=300)
@given(findings())
def test_nothing_is_said_about_time_without_an_outside_stamp(found):
    said = re.search(
        r"\d{4}-\d\d|\bexist|\btime\b|\bclock\b|\bwhen\b|\bbefore\b|\bsince\b|\bago\b", claims(found)
    )
    assert bool(said) == (found.stamp is not None)
    internal = "only internal consistency is shown" in report(found).line()
    assert internal == (found.stamp is None)
    if found.stamp is not None:
        assert "existed at 2026-03-04T05:06:07Z by the clock of 'CN=Clock'" in claims(found)
        assert "how long before that time it was written" in report(found).open


@settings(max_examples=300)
@given(findings())
def test_nothing_is_said_about_the_rest_of_the_log_without_a_consistency_proof(found):
    shown = {int(size) for size in re.findall(r"the log's first (\d+) lea", claims(found))}
    assert shown == set(found.continued) | set(found.seen)
    nothing = any("anything about the rest of the log" in one for one in report(found).open)
    assert nothing == (not shown)
    others = any("others were shown the same log" in one for one in report(found).open)
    assert others == (bool(found.continued) and not found.seen)
    assert not re.search(r"\bwhole\b|\ball\b|\bentire\b|\bevery\b", claims(found))


@settings(max_examples=300)
@given(findings())
def test_proven_without_a_part_means_every_event_to_the_end_and_all_that_was_asked(found):
    complete = found.numbering.ended and found.numbering.in_order and not found.numbering.missing
    asked = not found.stamp_trouble and not found.unseen and found.recording != "uncovered"
    whole = complete and asked and not found.erased
    assert report(found).verdict == ("PROVEN" if whole else "PROVEN IN PART")
    assert ("no event is left out" in claims(found)) == (complete and not found.erased)


@settings(max_examples=300)
@given(findings())
def test_what_is_missing_is_said_to_be(found):
    open_points = "; ".join(report(found).open)
    assert ("erased leaves said" in open_points) == bool(found.erased)
    assert ("missing events" in open_points) == bool(found.numbering.missing)
    assert ("how the call ended" in open_points) == (not found.numbering.ended)
    assert ("order of the events" in open_points) == (not found.numbering.in_order)
    assert ("without a number" in open_points) == bool(found.numbering.unnumbered)
    assert ("anything about the recording" in open_points) == (found.recording == "uncovered")
    assert (HEX in claims(found)) == (found.recording in ("matches", "elsewhere"))
    assert all(f"size {size} you kept" in open_points for size in found.unseen)


@settings(max_examples=300)
@given(findings())
def test_some_things_are_never_claimed(found):
    never = r"\b(true|truth|authentic|genuine|cannot|impossible|law\w*|court|said|guarantee\w*|tamper\w*)\b"
    assert not re.search(never, claims(found))
    assert "that no review was left out" in report(found).open
    assert any(one.startswith("that the events tell what was said") for one in report(found).open)


@settings(max_examples=300)
@given(findings())
def test_a_report_is_one_line_whatever_a_call_is_called(found):
    line = report(found).line()
    assert line.isprintable()
    assert line.startswith(report(found).verdict + ": ")
    if found.events + found.reviews:
        assert f"of call {found.call_id!r}, " in line


@given(st.text())
def test_a_failure_claims_nothing(reason):
    said = failed(reason)
    assert (said.verdict, said.proven) == ("NOT PROVEN", ())
    assert said.line().isprintable()
    assert said.line().endswith("; nothing else in this bundle can be relied on.")
