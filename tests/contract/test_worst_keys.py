"""The worst keys over a real Redis: ids with many texts, and the time of a sweep over them."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from reprise.dedup.retention import Retention
from reprise.index.redis.codec import sweep_arguments
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import meta_key
from reprise.index.redis.scripts import script
from tests.contract.texts import RULE, make_fingerprint, make_text

pytestmark = pytest.mark.redis

RETENTION = Retention(window_seconds=600, replay_seconds=600)
T0 = 1_700_000_000_000

#: Maximum fields of a hash of versions, as in commit.lua.
MAX_FIELDS = 1_500

#: Microseconds of the server's time for one call: four times the promise of 5 ms, because the machine may be busy.
MAX_USEC = 20_000


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def index(client: redis.Redis) -> RedisIndex:
    return RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=300)


def fill(client: redis.Redis, key: str, fields: int, time_ms: int, field_bytes: int) -> None:
    """Fill a hash with values that begin with a time."""
    value = time_ms.to_bytes(6, "big") + bytes(34)
    for start in range(0, fields, 10_000):
        numbers = range(start, min(fields, start + 10_000))
        client.hset(key, mapping={number.to_bytes(field_bytes, "big"): value for number in numbers})


def sweep_usec(client: redis.Redis, index: RedisIndex, namespace: str, now_ms: int) -> tuple[int, int]:
    """Run one sweep with everything due; return the entries that it removed and the server's microseconds."""
    keyspace = index.namespaces.open(namespace).keyspace
    client.config_resetstat()
    arguments = sweep_arguments(keyspace, now_ms, 64)
    removed = client.evalsha(script("sweep").sha, 1, meta_key(namespace), *arguments)[1]
    return int(removed), int(client.info("commandstats")["cmdstat_evalsha"]["usec"])


def test_the_versions_of_an_id_are_spread_over_all_keys(client: redis.Redis, index: RedisIndex) -> None:
    """An id of many texts has no key of its own, and the decision on each of its texts is repeated."""
    namespace = f"n{uuid4().hex}"
    shards = index.prepare(namespace)
    prefix = index.namespaces.open(namespace).keyspace.prefix
    versions = [make_fingerprint("undefined", make_text(number)) for number in range(60 * shards)]
    first = [decision for article in versions for decision in index.decide(namespace, [article], T0)]
    again = [decision for article in versions for decision in index.decide(namespace, [article], T0 + 1)]
    assert all(decision.trace.replayed for decision in again)
    assert [decision.story_id for decision in again] == [decision.story_id for decision in first]
    sizes = [client.hlen(f"{prefix}v:{shard}") for shard in range(shards)]
    assert sum(sizes) == len(versions) - 1
    assert max(sizes) < 120


def test_the_versions_of_an_id_are_bounded(client: redis.Redis, index: RedisIndex) -> None:
    """Full hashes take no more versions; the article itself is decided and recorded as before."""
    namespace = f"n{uuid4().hex}"
    prefix = index.namespaces.open(namespace).keyspace.prefix
    shards = index.prepare(namespace)
    for shard in range(shards):
        fill(client, f"{prefix}v:{shard}", MAX_FIELDS, T0, 16)
    for number in range(3):
        (decision,) = index.decide(namespace, [make_fingerprint("undefined", make_text(number))], T0 + number)
        (again,) = index.decide(namespace, [make_fingerprint("undefined", make_text(number))], T0 + number)
        assert again.trace.replayed
        assert (again.story_id, again.type) == (decision.story_id, decision.type)
    assert {client.hlen(f"{prefix}v:{shard}") for shard in range(shards)} == {MAX_FIELDS}


def test_a_sweep_is_bounded_whatever_the_keys(client: redis.Redis, index: RedisIndex) -> None:
    """Hashes of 100,000 fields, as earlier versions could make them, are swept in parts until they are empty."""
    namespace = f"n{uuid4().hex}"
    keyspace = index.namespaces.open(namespace).keyspace
    index.prepare(namespace)
    kinds = {"a": 8, "v": 16, "p": 16, "t": 8}
    for kind, field_bytes in kinds.items():
        for shard in range(keyspace.shards):
            fill(client, f"{keyspace.prefix}{kind}:{shard}", 25_000, T0, field_bytes)
    sweep_usec(client, index, namespace, T0)
    later = T0 + 10 * RETENTION.window_ms
    removed, slowest = 0, []
    for step in range(60):
        count, usec = sweep_usec(client, index, namespace, later + step * RETENTION.window_ms)
        removed += count
        slowest.append(usec)
    assert removed > 0
    print(f"sweep: median {sorted(slowest)[len(slowest) // 2]} us, slowest {max(slowest)} us")  # noqa: T201
    # the median, because other processes interrupt the server
    assert sorted(slowest)[len(slowest) // 2] < MAX_USEC, slowest
