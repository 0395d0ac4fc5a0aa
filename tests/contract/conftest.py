"""The indexes under contract."""

import pytest
import redis

from tests.contract.streams import RULE
from worker.memory_index import MemoryIndex
from worker.ports import Index
from worker.redis_index.index import RedisIndex
from worker.retention import Retention

RETENTION = Retention(window_seconds=60, replay_seconds=20)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def index(request: pytest.FixtureRequest) -> Index:
    """An empty index of each kind."""
    if request.param == "memory":
        return MemoryIndex(rule=RULE, retention=RETENTION)
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"))
    request.addfinalizer(client.close)
    return RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=1_000)
