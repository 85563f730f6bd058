"""Key files: the private key for its owner's eyes only, the public one beside it."""

import contextlib
import os
import stat
from pathlib import Path

from sentiment_engine.archive.signing import Signer, Verifier, new_signer, parse_signer, parse_verifier
from sentiment_engine.errors import BadEvidence, BadSettings

MAX_KEY_BYTES = 4096


def make_keys(name: str, path: Path) -> Verifier:
    """Makes a key named ``name``: the private half in ``path`` (mode 0600), the public in ``path`` + .pub.

    Raises:
        BadSettings: ``name`` cannot be a key's name, a file is already there, or it cannot be written.
    """
    try:
        signer = new_signer(name)
    except BadEvidence as reason:
        raise BadSettings(str(reason)) from reason
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise BadSettings(f"{public} is already there: choose another file, a key is never overwritten")
    write_new(path, signer.secret_text(), 0o600)
    try:
        write_new(public, str(signer.verifier), 0o644)
    except BadSettings:
        path.unlink()
        raise
    return signer.verifier


def load_signer(path: Path) -> Signer:
    """The private key in the file ``path``.

    Raises:
        BadSettings: it cannot be read, is no private key, or others than its owner may read it.
    """
    text = read_private(path)
    try:
        return parse_signer(text)
    except BadEvidence as reason:
        raise BadSettings(f"{path}: {reason}") from reason


def load_verifier(path: Path) -> Verifier:
    """The public key in the file ``path``.

    Raises:
        BadSettings: it cannot be read, or is no public key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEY_BYTES)
    except OSError as reason:
        raise BadSettings(f"the public key {path} cannot be read: {reason.strerror}") from reason
    try:
        return parse_verifier(data.decode("utf-8", "replace").strip())
    except BadEvidence as reason:
        raise BadSettings(f"{path}: {reason}") from reason


def read_private(path: Path) -> str:
    """The text of the private key in the file ``path``, without white space around it.

    Raises:
        BadSettings: it cannot be read, or others than its owner may read it.
    """
    with contextlib.ExitStack() as files:
        try:
            file = files.enter_context(path.open("rb"))
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(MAX_KEY_BYTES)
        except OSError as reason:
            raise BadSettings(f"the private key {path} cannot be read: {reason.strerror}") from reason
    if mode & 0o077:
        raise BadSettings(
            f"others may read the private key {path} (mode {mode:04o}): chmod 600, or make a new key"
        )
    return data.decode("utf-8", "replace").strip()


def write_new(path: Path, text: str, mode: int) -> None:
    """Puts ``text`` and a line break in the new file ``path``, on disk when this returns.

    Raises:
        BadSettings: there is such a file already, or it cannot be written.
    """
    try:
        # With the mode from the start: between creation and chmod somebody could open it.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(file, "w", encoding="utf-8") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError as reason:
        raise BadSettings(
            f"{path} is already there: choose another file, a key is never overwritten"
        ) from reason
    except OSError as reason:
        raise BadSettings(f"the key {path} cannot be written: {reason.strerror}") from reason
