"""A small log of two interleaved calls, and bundles of one of them, honest and otherwise."""

import io
import json

import msgspec

from sentiment_engine.archive.checkpoints import open_checkpoint, sign_checkpoint
from sentiment_engine.archive.container import read_container, read_member
from sentiment_engine.archive.export import export, pack
from sentiment_engine.archive.merkle import Tree, leaf_hash
from sentiment_engine.archive.signing import Signer
from sentiment_engine.archive.verify import verify

KEY = Signer("example.com/calls", bytes(range(32)))
OTHER_KEY = Signer("example.com/calls", bytes(32))


class Log:
    """Leaves with their bytes in memory, and leaf hashes that outlive them."""

    def __init__(self):
        self.texts = []
        self.kept = []

    def append(self, fields):
        data = msgspec.json.encode(fields)
        self.texts.append(data)
        self.kept.append(leaf_hash(data))

    def size(self):
        return len(self.kept)

    def hashes(self, start, end):
        return self.kept[start:end]

    def checkpoint(self, size=None, key=KEY):
        size = self.size() if size is None else size
        return sign_checkpoint(size, Tree(self).root(size), [key])

    def leaves(self, call_id, review):
        for index, data in enumerate(self.texts):
            if data is None:
                continue
            fields = json.loads(data)
            if fields["call_id"] == call_id and fields["type"].startswith("review.") == review:
                yield index, data

    def erase(self, call_id):
        for index, _ in [*self.leaves(call_id, False), *self.leaves(call_id, True)]:
            self.texts[index] = None


def two_calls(word="calm", sha256=None):
    """Events of ``c-1`` and ``c-2`` in turn, the end of both, and a review of each."""
    log = Log()
    for seq in range(1, 7):
        for call_id in ("c-1", "c-2"):
            kind = {1: "call.started", 6: "call.ended"}.get(seq, "tension.updated")
            log.append({"type": kind, "call_id": call_id, "at_s": float(seq), "seq": seq, "word": word})
    if sha256 is not None:
        log.append({"type": "recording.hashed", "call_id": "c-1", "at_s": 6.0, "seq": 7, "sha256": sha256})
    for call_id in ("c-1", "c-2"):
        log.append({"type": "review.business", "call_id": call_id, "text": "handled well"})
    return log


def exported(log, call_id="c-1", key=KEY, size=None, **more):
    out = io.BytesIO()
    given = {
        "checkpoint": log.checkpoint(size, key),
        "events": log.leaves(call_id, review=False),
        "reviews": log.leaves(call_id, review=True),
    }
    export(out, signer=key, leaves=log, call_id=call_id, **(given | more))
    return out.getvalue()


def everything(data):
    """The files of a bundle."""
    file = io.BytesIO(data)
    return {name: b"".join(read_member(file, one)) for name, one in read_container(file).items()}


def contents(data):
    """The files of a bundle but its manifest."""
    return {name: one for name, one in everything(data).items() if name != "manifest.txt"}


def repacked(files, call_id="c-1", key=KEY):
    """A bundle of whatever files, as only the holder of ``key`` can make it."""
    out = io.BytesIO()
    pack(out, key, call_id, files)
    return out.getvalue()


def checked(data, key=KEY, **more):
    return verify(io.BytesIO(data), key.verifier, **more)


def kept(note):
    return open_checkpoint(note, KEY.verifier)


def not_proven(report, *words):
    assert report.verdict == "NOT PROVEN"
    assert report.proven == ()
    for word in words:
        assert word in report.line()


def changed(files, name, change):
    return files | {name: change(files[name].splitlines(keepends=True))}
