"""``evidence export``: the bundle of one call, from the archive on this machine."""

import os
import re
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sentiment_engine.cli.edge import Config, complain, edge
from sentiment_engine.errors import BadEvidence, BadRecording, BadSettings

if TYPE_CHECKING:
    from sentiment_engine.archive.database import Database
    from sentiment_engine.archive.evidence import EvidenceLog
    from sentiment_engine.archive.leaves import CallLeaves
    from sentiment_engine.archive.signed import Signed
    from sentiment_engine.archive.store import Store
    from sentiment_engine.settings import Settings

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@edge
def export(
    call_id: Annotated[str, typer.Argument(metavar="CALL_ID", help="The call.")],
    *,
    data: Annotated[Path, typer.Option(metavar="DIR", help="The server's data folder.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.zip", help="For the bundle; CALL_ID.zip here if not given."),
    ] = None,
    config: Config = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The log's private key; that of --config if not given."),
    ] = None,
    seen: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A checkpoint that somebody kept, which the bundle shall show to be continued; "
            "may be given again.",
        ),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The call's recording, to be packed too; without, the one that the archive keeps, if the "
            "--config names its audio.key.",
        ),
    ] = None,
) -> None:
    """Write the evidence bundle of a call, beside a server that runs or without one.

    Against the first time-stamped checkpoint that covers the call, or the newest; if none does, a new one is
    signed, unless a server runs on the archive: that alone writes to it.
    """
    from sentiment_engine.archive.evidence import EvidenceLog, LogKeys  # noqa: PLC0415
    from sentiment_engine.resources import load_settings  # noqa: PLC0415

    settings = load_settings(config)
    evidence = settings.evidence
    if key is not None:
        evidence = msgspec.structs.replace(evidence, key=str(key))
    if not evidence.key:
        raise BadSettings(
            "nothing is signed without a key, so nothing can be proven: give --key FILE, or a --config that "
            "names evidence.key"
        )
    keys = LogKeys(evidence)
    notes = [_note(path) for path in seen or []]
    target = Path(_UNSAFE.sub("_", call_id)[:100] + ".zip") if out is None else out
    with ExitStack() as opened:
        database, store = _archive(opened, data, settings.archive.url)
        log = EvidenceLog(database, keys)
        packed = _kept(database, data, settings, call_id) if recording is None else recording
        leaves = log.of_call(call_id)
        if not leaves.end:
            raise BadEvidence(f"nothing of the call {call_id!r} is kept: it is not known, or was erased")
        signed = _checkpoint(log, store, call_id, leaves, notes)
        half = _beside(target)
        try:
            with half.open("r+b") as file:
                log.pack(file, call_id, leaves, signed, seen=notes, recording=packed)
                file.flush()
                os.fsync(file.fileno())
            half.replace(target)
        finally:
            half.unlink(missing_ok=True)
    complain(f"wrote {target}: verify it with evidence verify {target} --key FILE.pub")


def _kept(database: "Database", data: Path, settings: "Settings", call_id: str) -> bytes | None:
    """The recording that the archive keeps; None when it keeps none, or the settings name no key."""
    from sentiment_engine.archive import recordings  # noqa: PLC0415
    from sentiment_engine.archive.audio import FOLDER, KeptAudio  # noqa: PLC0415
    from sentiment_engine.archive.audio_key import load_audio_key  # noqa: PLC0415
    from sentiment_engine.archive.reading import Reading  # noqa: PLC0415

    row = recordings.of_call(Reading(database), call_id)
    if row is None or row.sha256 is None:
        return None
    if not settings.audio.key:
        complain(f"the recording of {call_id!r} is not packed: give a --config that names audio.key")
        return None
    kept = KeptAudio(data / FOLDER, load_audio_key(Path(settings.audio.key)))
    try:
        return kept.read(row.name, row.form).flac
    except BadRecording as reason:
        raise BadEvidence(f"the recording of {call_id!r} {reason}") from reason


def _archive(opened: ExitStack, data: Path, url: str) -> "tuple[Database, Store | None]":
    """The archive, and what writes to it; None for that while a server runs."""
    from sentiment_engine.archive.database import FILE_NAME, Database, InUse  # noqa: PLC0415
    from sentiment_engine.archive.store import Store  # noqa: PLC0415

    # Or a mistyped folder would be given an empty archive.
    if not (data.is_dir() if url else (data / FILE_NAME).is_file()):
        raise BadSettings(f"--data {data}: there is no archive; give the folder that serve was given")
    try:
        database = opened.enter_context(closing(Database(data, url)))
    except InUse:
        return opened.enter_context(closing(Database(data, url, alone=False))), None
    return database, opened.enter_context(closing(Store(database)))


def _checkpoint(
    log: "EvidenceLog", store: "Store | None", call_id: str, leaves: "CallLeaves", seen: list[bytes]
) -> "Signed":
    """One that covers the call and what was seen; on disk."""
    end = max([leaves.end, *(log.opened(note).size for note in seen)])
    signed = log.signed.covering(end)
    if signed is not None:
        return signed
    if store is None:
        raise BadEvidence(
            f"the call {call_id!r} is newer than what the running server has signed: it signs every "
            f"evidence.every_s, or at once for whoever asks it for /v1/calls/{call_id}/evidence"
        )
    signed = log.sign_what_is_new()
    if signed is None or signed.size < end:
        raise BadEvidence(f"the log ends before its call {call_id!r}, or before what was seen of it")
    store.keep_checkpoint(log.key, signed)
    return signed


def _note(path: Path) -> bytes:
    from sentiment_engine.archive.notes import MAX_NOTE_BYTES  # noqa: PLC0415

    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except OSError as reason:
        raise BadSettings(f"the checkpoint {path} cannot be read: {reason.strerror}") from reason


def _beside(target: Path) -> Path:
    """A new empty file that only its owner may read: what was said in a call is nobody else's business."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as reason:
        raise BadSettings(f"--out {target} cannot be written: {reason.strerror}") from reason
    os.close(number)
    return Path(name)
