"""Opens the archive's database: SQLite in the data folder, or PostgreSQL by a URL.

SQLite runs in WAL mode, so that readers never hold the writer up. One server at a time may write: the order
of cursors and of leaves is its own. A lock, which ends with the process that holds it, sees to that.
"""

import contextlib
import fcntl
import os
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from sentiment_engine.errors import BadSettings

FILE_NAME = "archive.sqlite3"
BUSY_MS = 10_000
"""For how long SQLite waits for a lock that a backup or a maintainer's shell may hold."""
LOCK_KEY = 0x73656E74
"""PostgreSQL's advisory lock of the one server that writes an archive."""
PATIENCE_S = 2.0
"""How long it is waited for: PostgreSQL takes a moment to notice that a killed server is no more."""


class Database:
    """The engine, and the lock that keeps a second server out.

    Args:
        folder: the data folder, which exists; the SQLite file is made in it. With a PostgreSQL URL it holds
            nothing of the archive.
        url: empty for SQLite in ``folder``, or ``postgresql+psycopg://…`` without a password.

    Raises:
        BadSettings: the database cannot be opened, is in use by another server, or is newer than this code.
    """

    def __init__(self, folder: Path, url: str = "") -> None:
        parsed = _parsed(folder, url)
        self.where = parsed.render_as_string(hide_password=True)
        self._lock: Connection | int | None = None
        try:
            self.engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
        except ModuleNotFoundError as reason:
            raise BadSettings(
                f"archive.url {self.where}: {reason.name} is not installed: "
                "pip install 'sentiment-engine[postgres]'"
            ) from reason
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        try:
            self._lock_out_others(folder)
            with self.engine.begin() as connection:
                _migrate(connection, self.where)
        except (SQLAlchemyError, OSError) as reason:
            self.close()
            raise BadSettings(f"the archive {self.where} cannot be opened: {_short(reason)}") from reason
        except BadSettings:
            self.close()
            raise

    @property
    def is_sqlite(self) -> bool:
        """Whether the archive is a file of ours."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Lets go of connections and of the lock."""
        if isinstance(self._lock, Connection):
            with contextlib.suppress(SQLAlchemyError):  # a connection that is lost has let go already
                self._lock.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK_KEY})")
            self._lock.close()
        elif self._lock is not None:
            os.close(self._lock)
        self._lock = None
        self.engine.dispose()

    def hold(self) -> None:
        """Takes the lock again if a lost connection has let go of it.

        Raises:
            BadSettings: another server has it now.
            SQLAlchemyError: the database cannot be reached.
        """
        if isinstance(self._lock, Connection):
            try:
                self._lock.exec_driver_sql("SELECT 1")
            except DBAPIError:
                self._lock.close()
                self._take_advisory_lock()

    def _lock_out_others(self, folder: Path) -> None:
        if self.is_sqlite:
            self._lock = os.open(folder / "archive.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._taken() from None
            # Made here for its mode, which the files beside it copy: calls are nobody else's business.
            os.close(os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return
        self._take_advisory_lock()

    def _take_advisory_lock(self) -> None:
        self._lock = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        until = time.monotonic() + PATIENCE_S
        while not self._lock.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK_KEY})").scalar_one():
            if time.monotonic() > until:
                raise self._taken()
            time.sleep(0.05)

    def _taken(self) -> BadSettings:
        return BadSettings(
            f"the archive {self.where} is in use by another server: stop it, or use other --data"
        )


def _parsed(folder: Path, url: str) -> URL:
    if not url:
        return URL.create("sqlite", database=str(folder.absolute() / FILE_NAME))
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as reason:
        raise BadSettings("archive.url cannot be read: write postgresql+psycopg://HOST/DATABASE") from reason
    except ModuleNotFoundError:
        return parsed  # the driver is missing, which create_engine finds too
    return parsed


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, those of migrations too
    for pragma in ("journal_mode=WAL", f"busy_timeout={BUSY_MS}", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _migrate(connection: Connection, where: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("sentiment_engine.archive") / "migrations"))
    config.attributes["connection"] = connection
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if found - known:
        raise BadSettings(
            f"the archive {where} was written by a newer version (its schema is {', '.join(sorted(found))}): "
            "install that version, or use other --data"
        )
    command.upgrade(config, "head")


def _short(reason: BaseException) -> str:
    text = str(reason.orig if isinstance(reason, DBAPIError) else reason)
    return " ".join(text.split())[:300]
