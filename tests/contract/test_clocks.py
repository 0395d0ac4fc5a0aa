"""Time in the index over a real Redis: the server's time, and a worker whose clock was ahead."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from reprise.dedup.retention import Retention
from reprise.index.redis.client import read_server_time
from reprise.index.redis.codec import sweep_arguments
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import meta_key
from reprise.index.redis.scripts import script
from tests.contract.texts import RULE

pytestmark = pytest.mark.redis

RETENTION = Retention(window_seconds=60, replay_seconds=20)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_the_time_is_that_of_the_server(client: redis.Redis) -> None:
    """This machine's Redis has this machine's clock."""
    index = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=300)
    server_time = index.server_time(f"n{uuid4().hex}")
    assert server_time is not None
    assert abs(server_time - time.time()) < 5


def test_a_user_without_the_right_reads_the_time_from_info(client: redis.Redis, redis_url: str) -> None:
    """INFO is needed anyway. Servers before 7.0 may lack the field; then the time is unknown."""
    name = f"u{uuid4().hex}"
    client.execute_command("ACL", "SETUSER", name, "on", ">secret", "~*", "+ping", "+info", "+client")  # type: ignore[no-untyped-call]
    try:
        with redis.Redis.from_url(redis_url, username=name, password="secret") as limited:
            server_time = read_server_time(limited)
    finally:
        client.execute_command("ACL", "DELUSER", name)  # type: ignore[no-untyped-call]
    has_field = "server_time_usec" in client.info("server")
    assert (server_time is not None) == has_field
    assert server_time is None or abs(server_time - time.time()) < 5


def test_the_sweep_continues_after_a_worker_whose_clock_was_ahead(client: redis.Redis) -> None:
    """The time of the last sweep is 29 days ahead: the next sweep corrects it, and then shards become due again."""
    namespace = f"n{uuid4().hex}"
    index = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=300)
    shards = (RULE.permutations + 5) * index.prepare(namespace)
    keyspace, now_ms = index.namespaces.open(namespace).keyspace, 1_700_000_000_000

    def visit(time_ms: int) -> int:
        arguments = sweep_arguments(keyspace, time_ms, shards)
        response: list[int] = client.eval(script("sweep").text, 1, meta_key(namespace), *arguments)
        return response[0]

    visit(now_ms + 29 * 86_400_000)
    assert visit(now_ms) == 0
    assert visit(now_ms + RETENTION.window_ms // 8) == shards
    # a clock that is minutes behind that of the last sweep is no reason to begin again
    assert visit(now_ms + RETENTION.window_ms // 8 - 299_000) == 0
    assert int(client.hget(meta_key(namespace), "swept_ms") or 0) == now_ms + RETENTION.window_ms // 8
