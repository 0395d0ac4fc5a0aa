"""Fixtures of the contract tests: every kind of index, and every kind of source and delivery."""

from collections.abc import Iterator

import pytest
import redis

from reprise.dedup.retention import Retention
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.processing.ports import Index
from tests.contract.adapters import Adapters, KafkaAdapters, MemoryAdapters
from tests.contract.texts import RULE

RETENTION = Retention(window_seconds=60, replay_seconds=20)


@pytest.fixture(params=["memory", *(pytest.param(name, marks=pytest.mark.redis) for name in ("redis", "cluster"))])
def index(request: pytest.FixtureRequest) -> Iterator[Index]:
    """Yield an empty index of each kind."""
    if request.param == "memory":
        yield MemoryIndex(rule=RULE, retention=RETENTION)
        return
    client: redis.Redis | redis.RedisCluster
    if request.param == "cluster":
        client = request.getfixturevalue("shared_cluster").connect()
    else:
        client = redis.Redis.from_url(request.getfixturevalue("redis_url"))
    with client:
        yield RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=1_000)


@pytest.fixture(
    params=["memory", *(pytest.param(name, marks=pytest.mark.stack) for name in ("kafka", "transactional"))]
)
def adapters(request: pytest.FixtureRequest) -> Iterator[Adapters]:
    """Yield the adapters of each delivery mode."""
    adapters: Adapters
    if request.param == "memory":
        adapters = MemoryAdapters()
    else:
        servers = request.getfixturevalue("kafka_bootstrap_servers")
        adapters = KafkaAdapters(servers, transactional=request.param == "transactional")
    yield adapters
    adapters.close()
