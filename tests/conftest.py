"""Fixtures that every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replication import Cluster
from tests.stores import SQLITE, PostgreSQL, Stores
from tests.workbench import Workbench


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Give a PostgreSQL server."""
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    with Cluster(2, max_standby_streaming_delay="100ms") as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Iterator[Cluster]:
    """Give a primary with two standbys, all well; a test may do to them what it likes."""
    yield _cluster
    _cluster.mend()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Return where stores are: each test that needs one runs once for each kind of database."""
    if request.param == "sqlite":
        return SQLITE
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server


@pytest.fixture
def bench(tmp_path: Path, stores: Stores) -> Iterator[Workbench]:
    """Give a library with an empty store."""
    bench = Workbench(tmp_path, stores)
    yield bench
    bench.close()
