"""Fixtures that several files share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from archives import Place, Postgres
from hypothesis import HealthCheck, settings

# A shared machine stalls now and then: how long one example takes says nothing about the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Not under tmp_path: its path is too long for a Unix socket, and closed to the server's own user.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = Postgres(Path(folder))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an archive can be made, of either kind."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres").database()
    return Place(tmp_path, url)
