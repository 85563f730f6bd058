"""Archives of both kinds: SQLite in a folder, and a PostgreSQL server of the tests' own."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psycopg
import pytest

from sentiment_engine.archive.database import Database
from sentiment_engine.archive.reading import Reading
from sentiment_engine.archive.store import Store


class Place(NamedTuple):
    """Where an archive is."""

    folder: Path
    url: str


class Opened(NamedTuple):
    """An open archive."""

    database: Database
    store: Store
    reading: Reading


@contextmanager
def opened(place: Place, **how: object) -> Iterator[Opened]:
    """The archive at ``place``, closed in the end as a server closes it."""
    with closing(Database(place.folder, place.url)) as database, closing(Store(database, **how)) as store:
        yield Opened(database, store, Reading(database))


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """A PostgreSQL server in a folder, reached over a Unix socket in it."""

    def __init__(self, folder: Path) -> None:
        programs = _programs()
        if programs is None:
            pytest.skip("no PostgreSQL server here: apt-get install postgresql")
        as_owner = []
        if os.getuid() == 0:  # which PostgreSQL refuses to run as
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            as_owner = ["runuser", "-u", "postgres", "--"]
        self._folder, self._control = (
            folder,
            [*as_owner, str(programs / "pg_ctl"), "-D", str(folder / "data")],
        )
        initdb = [*as_owner, str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
        self._run(*initdb, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-k {folder} -h '' -c fsync=off -c shared_buffers=16MB"
        self._run(*self._control, "-w", "-o", options, "-l", str(folder / "log"), "start")

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> None:
        self._run(*self._control, "-m", "immediate", "stop")
        shutil.rmtree(self._folder / "data")

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid4().hex}"
        with psycopg.connect(f"host={self._folder} user=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"
