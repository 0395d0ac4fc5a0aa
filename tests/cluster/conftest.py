"""Clusters for the tests of this folder: one that all of them share, and one of a test's own to break."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.cluster.servers import RedisCluster, redis_cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("redis")


@pytest.fixture
def client(shared_cluster: RedisCluster) -> Iterator[redis.RedisCluster]:
    with shared_cluster.connect() as found:
        yield found


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    """Give a cluster that the test may break."""
    with tempfile.TemporaryDirectory(prefix="reprise-cluster-") as name, redis_cluster(Path(name)) as made:
        yield made
