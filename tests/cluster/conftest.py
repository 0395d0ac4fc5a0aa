"""Fixtures of the cluster tests: a shared cluster, and a cluster that one test may break."""

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
    with shared_cluster.connect() as client:
        yield client


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    """Yield a cluster that the test may break."""
    with tempfile.TemporaryDirectory(prefix="reprise-cluster-") as name, redis_cluster(Path(name)) as cluster:
        yield cluster
