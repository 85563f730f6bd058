"""The wording of a verification: one plain line of what is proven and what is not.

It never claims more than was checked: nothing about time without an outside time stamp, nothing about the
rest of the log without a consistency proof, and never anything about what went before an event was written.
"""

from dataclasses import dataclass, field
from typing import Literal

from sentiment_engine.archive import anchored
from sentiment_engine.archive.anchored import Anchored
from sentiment_engine.archive.timestamps import Stamp

Verdict = Literal["PROVEN", "PROVEN IN PART", "NOT PROVEN"]
Recording = Literal["none", "elsewhere", "matches", "uncovered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """How the numbers of a call's events run; they are given from 1 without gaps."""

    missing: tuple[tuple[int, int], ...] = ()
    """Numbers that are not there, as first and last of each gap."""
    in_order: bool = True
    """Whether the log holds the events in the order of their numbers, each once."""
    ended: bool = True
    """Whether the event that ends the call is there."""
    unnumbered: int = 0
    """Events without a number."""

    @property
    def complete(self) -> bool:
        """Whether the numbers show that no numbered event is left out."""
        return self.ended and self.in_order and not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What has been checked of a bundle none of whose checks failed."""

    call_id: str
    origin: str
    """The log's name."""
    key: str
    """Name and id of the key."""
    size: int
    """Leaves in the log at the checkpoint."""
    events: int
    reviews: int
    """Leaves of each kind that stand in the log as in the bundle."""
    erased: int = 0
    """Further leaves of which only hashes are left."""
    numbering: Numbering
    stamps: int = 0
    """Time stamps in the bundle, checked or not."""
    stamp: Stamp | None = None
    """The earliest of those that hold."""
    stamp_trouble: str = ""
    """Why none holds, though the verifier gave an authority's certificate."""
    anchored: Anchored = field(default_factory=Anchored)
    """What its OpenTimestamps proofs show."""
    continued: tuple[int, ...] = ()
    """Sizes of the bundle's earlier checkpoints, all of which the log continues."""
    seen: tuple[int, ...] = ()
    """Sizes of checkpoints that the verifier kept, and that are of the same log."""
    unseen: tuple[int, ...] = ()
    """Sizes of those that the bundle has no consistency proof for."""
    recording: Recording = "none"
    """Whether the log holds the hash of a recording, and whether the bundle holds that file."""
    recording_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification says."""

    verdict: Verdict
    """PROVEN: every event of the call, from the first to its end, unaltered. IN PART: less than that, or than
    was asked for. NOT PROVEN: a check failed, and nothing the bundle says can be relied on."""
    proven: tuple[str, ...]
    open: tuple[str, ...]
    """What is not proven."""

    def line(self) -> str:
        """All of it in one line of printable characters."""
        proven = "".join(f" {one};" for one in self.proven)[:-1]
        parts = f"{self.verdict}:{proven}{'. Not proven:' if proven else ''}"
        text = f"{parts}{''.join(f' {one};' for one in self.open)[:-1]}."
        return "".join(one if one.isprintable() else "?" for one in text)


def failed(reason: str) -> Report:
    """The report of a bundle of which a check failed."""
    return Report("NOT PROVEN", (), (reason, "nothing else in this bundle can be relied on"))


def report(found: Findings) -> Report:
    """The report of a bundle none of whose checks failed."""
    partial = bool(
        found.erased
        or not found.numbering.complete
        or found.stamp_trouble
        or found.anchored.trouble
        or found.unseen
        or found.recording == "uncovered"
    )
    proven = (_leaves(found), *_numbers(found), *_time(found), *_continuity(found), *_recording(found))
    unproven = (
        *_erased(found),
        *_gaps(found),
        *_no_recording(found),
        *_no_time(found),
        *_no_continuity(found),
        "that no review was left out",
        "that the events tell what was said: a log shows changes made after they were written, not before",
    )
    return Report("PROVEN IN PART" if partial else "PROVEN", proven, unproven)


def _leaves(found: Findings) -> str:
    where = f"in the log {found.origin} of {_count(found.size, 'leaf')}, as signed with the key {found.key}"
    if not found.events + found.reviews:
        return f"{_count(found.erased, 'hash')} of erased leaves stand {where}"
    kept = f"{_count(found.events, 'event')} and {_count(found.reviews, 'review')} stand unaltered"
    erased = f", beside {_count(found.erased, 'hash')} of erased leaves" if found.erased else ""
    return f"of call {found.call_id!r}, {kept} {where}{erased}"


def _numbers(found: Findings) -> tuple[str, ...]:
    if not found.numbering.complete or found.erased:
        return ()
    return ("by their numbers no event is left out, from the call's first to its end",)


def _time(found: Findings) -> tuple[str, ...]:
    mined = anchored.proven(found.anchored)
    if found.stamp is None:
        return mined
    clock = f"{found.stamp.at:%Y-%m-%dT%H:%M:%SZ} by the clock of {found.stamp.authority!r}"
    return (f"the checkpoint, and these leaves with it, existed at {clock}", *mined)


def _continuity(found: Findings) -> tuple[str, ...]:
    others = sorted(set(found.continued) - set(found.seen))
    checkpoints = dict.fromkeys(found.seen, "the checkpoint you kept")
    if len(others) <= 3:
        checkpoints |= dict.fromkeys(others, "its earlier checkpoint of that size")
        many: tuple[str, ...] = ()
    else:
        many = (f"it continues its {len(others)} checkpoints from {others[0]} to {others[-1]} leaves",)
    each = (
        f"the log's first {_count(size, 'leaf')} are as in {which}" for size, which in checkpoints.items()
    )
    return (*each, *many)


def _recording(found: Findings) -> tuple[str, ...]:
    if found.recording == "matches":
        return (
            f"the recording in the bundle is the one whose SHA-256 the log holds, {found.recording_sha256}",
        )
    if found.recording == "elsewhere":
        return (
            f"the log holds a recording's SHA-256, {found.recording_sha256}; the file is not in the bundle",
        )
    return ()


def _erased(found: Findings) -> tuple[str, ...]:
    if not found.erased:
        return ()
    return (
        f"what the erased leaves said, and that they are of this call: {_count(found.erased, 'hash')} left",
    )


def _gaps(found: Findings) -> tuple[str, ...]:
    numbering = found.numbering
    gaps = []
    if numbering.missing:
        spans = [f"{a}" if a == b else f"{a} to {b}" for a, b in numbering.missing]
        more = f" and {len(spans) - 5} more gaps" if len(spans) > 5 else ""
        gaps.append(f"what the missing events said, number {', '.join(spans[:5])}{more}")
    if not numbering.in_order:
        gaps.append("the order of the events: their numbers do not rise one by one")
    if not numbering.ended:
        gaps.append("how the call ended: its last event is not there")
    if numbering.unnumbered:
        gaps.append(
            f"that none like the {_count(numbering.unnumbered, 'event')} without a number was left out"
        )
    return tuple(gaps)


def _no_recording(found: Findings) -> tuple[str, ...]:
    if found.recording != "uncovered":
        return ()
    return ("anything about the recording: the log does not hold its SHA-256",)


def _no_time(found: Findings) -> tuple[str, ...]:
    unchecked = list(anchored.unchecked(found.anchored))
    if found.stamp_trouble:
        unchecked.insert(0, found.stamp_trouble)
    elif found.stamps and found.stamp is None:
        unchecked.insert(0, f"{_count(found.stamps, 'time stamp')} in the bundle unchecked, give --tsa-ca")
    if found.stamp is not None or found.anchored.header is not None:
        return (
            *anchored.unproven(found.anchored),
            "how long before that time it was written",
            *(f"any other time ({reason})" for reason in unchecked),
        )
    reason = ", and ".join(unchecked or ["there is no outside time stamp"])
    return (
        f"when any of it was written ({reason}): only internal consistency is shown, and whoever holds the "
        "key could have written it all anew",
    )


def _no_continuity(found: Findings) -> tuple[str, ...]:
    unseen = tuple(
        f"that the log continues the checkpoint of size {size} you kept: ask for a bundle that shows it"
        for size in found.unseen
    )
    if found.seen:
        return unseen
    if found.continued:
        return (*unseen, "that others were shown the same log: compare a checkpoint kept elsewhere, --seen")
    return (*unseen, "anything about the rest of the log: no consistency proof was checked")


def _count(number: int, what: str) -> str:
    plural = {"leaf": "leaves", "hash": "hashes"}.get(what, what + "s")
    return f"{number} {what if number == 1 else plural}"
