"""The evidence log of an archive: what is signed next, and the bundle of a call.

Nothing here writes to the archive. Whoever is given a new checkpoint keeps it (``Store.keep_checkpoint``)
before anybody else sees it.
"""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from cryptography import x509

from sentiment_engine.archive.anchors import request_stamp
from sentiment_engine.archive.calendars import request_attestation, request_promise
from sentiment_engine.archive.checkpoints import Checkpoint, open_checkpoint, sign_next
from sentiment_engine.archive.database import Database
from sentiment_engine.archive.export import export
from sentiment_engine.archive.keys import load_signer
from sentiment_engine.archive.leaves import CallLeaves, StoredLeaves
from sentiment_engine.archive.merkle import Tree
from sentiment_engine.archive.ots import read_proof
from sentiment_engine.archive.promises import Promise, Promises
from sentiment_engine.archive.signed import Signed, SignedBefore
from sentiment_engine.archive.signing import Signer
from sentiment_engine.archive.timestamps import load_roots
from sentiment_engine.archive.verify import verify
from sentiment_engine.errors import BadEvidence
from sentiment_engine.settings_evidence import EvidenceSettings

EARLIER = 100
"""Checkpoints before its own that a bundle shows to be continued, beside those that are asked for."""

MOST_PROOFS = 8
"""Of calendars, in a bundle: those of the settings may have changed over time."""


class LogKeys:
    """The files that the settings name, read.

    Args:
        settings: checked settings, with a key.

    Raises:
        BadSettings: a file cannot be read, or holds something else; others may read the private key.
    """

    def __init__(self, settings: EvidenceSettings) -> None:
        self.settings = settings
        self.signer: Signer = load_signer(Path(settings.key))
        self.roots: Sequence[x509.Certificate] = load_roots(Path(settings.tsa_ca)) if settings.tsa_ca else ()


class EvidenceLog:
    """The log. Its methods may be called on any thread, and some take a while: they read all new leaves.

    Args:
        database: an open archive.
        keys: sign and check.
    """

    def __init__(self, database: Database, keys: LogKeys) -> None:
        self._keys = keys
        self._verifier = keys.signer.verifier
        self.key = f"{self._verifier.name}+{self._verifier.key_id.hex()}"
        """Name and id of the key that signs."""
        self.signed = SignedBefore(database, self.key)
        self.promises = Promises(database, self.key)
        self._leaves = StoredLeaves(database)
        self._tree = Tree(self._leaves, self.signed.chunks())
        self._tree_lock = threading.Lock()

    @property
    def settings(self) -> EvidenceSettings:
        """What it was opened with."""
        return self._keys.settings

    def sign_what_is_new(self) -> Signed | None:
        """The next checkpoint, for the caller to keep at once; None when the newest covers all leaves.

        Raises:
            BadEvidence: the leaves do not continue what was signed before; nothing may be signed.
        """
        with self._tree_lock:
            last = self.signed.newest()
            size = self._leaves.look()
            if size == (0 if last is None else last.size):
                return None
            note = sign_next(self._tree, size, None if last is None else last.note, self._keys.signer)
            return Signed(size, note, None, tuple(self._tree.chunks(self.signed.next_chunk(), size)))

    def time_stamp(self, signed: Signed) -> bytes:
        """A stamp of this checkpoint by the authority of the settings; blocks until it answers.

        Raises:
            NoTimeStamp: it gave none that holds.
        """
        return request_stamp(self.settings.tsa_url, signed.note, self._keys.roots)

    def promise(self, calendar: str, signed: Signed) -> Promise:
        """What this calendar promises of this checkpoint; blocks until it answers.

        Raises:
            NoTimeStamp: it promises nothing that holds.
        """
        proof = request_promise(calendar, hashlib.sha256(signed.note).digest())
        return Promise(signed.size, calendar, proof, bool(read_proof(proof).blocks))

    def ask_again(self, promise: Promise) -> Promise:
        """What its calendar says of a promise now: the same while it has not been attested.

        Raises:
            NoTimeStamp: the calendar cannot be reached, or answers something else.
        """
        proof = request_attestation(promise.calendar, promise.proof)
        return promise if proof is None else promise._replace(proof=proof, attested=True)

    def of_call(self, call_id: str) -> CallLeaves:
        """The leaves of the newest call of this id; none when it is not kept, or no longer."""
        return self._leaves.of_call(call_id)

    def opened(self, note: bytes) -> Checkpoint:
        """A checkpoint that somebody kept.

        Raises:
            BadEvidence: this log has not signed it.
        """
        return open_checkpoint(note, self._verifier)

    def pack(
        self,
        out: BinaryIO,
        call_id: str,
        leaves: CallLeaves,
        signed: Signed,
        *,
        seen: Sequence[bytes] = (),
        recording: Path | bytes | None = None,
    ) -> None:
        """Writes the bundle of a call to ``out``, and verifies it as its readers will.

        Args:
            out: an empty file, open for reading and writing.
            call_id: the call.
            leaves: of :meth:`of_call`.
            signed: covers ``leaves``, and what is ``seen``.
            seen: checkpoints that somebody kept, which the bundle shall show to be continued.
            recording: the call's recording, to be packed too: its file, or the bytes of a FLAC file.

        Raises:
            BadEvidence: what is kept is not what was signed, or the recording is not the one in the log.
        """
        earlier = {one.size: one.note for one in self.signed.before(signed.size, EARLIER)}
        # One of the very size of the bundle's own needs no proof: it is compared.
        asked = {kept.size: note for note in seen if (kept := self.opened(note)).size < signed.size}
        with self._tree_lock:
            self._leaves.look()
            export(
                out,
                signer=self._keys.signer,
                leaves=self._tree,
                checkpoint=signed.note,
                call_id=call_id,
                events=leaves.events,
                reviews=leaves.reviews,
                earlier=[note for _, note in sorted((earlier | asked).items())],
                timestamps=() if signed.stamp is None else (signed.stamp,),
                proofs=[one.proof for one in self.promises.of_size(signed.size)][:MOST_PROOFS],
                recording=recording,
            )
        report = verify(out, self._verifier, seen=[self.opened(note) for note in seen])
        if report.verdict == "NOT PROVEN":
            raise BadEvidence(f"the bundle of {call_id!r} would not verify: {report.line()}")
