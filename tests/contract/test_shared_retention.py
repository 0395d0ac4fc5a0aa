"""Workers with different retentions on one namespace, over a real Redis: the longer one holds for both."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from reprise.dedup.retention import Retention
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import meta_key
from reprise.model import EventType
from tests.contract.texts import RULE, make_fingerprint, make_text

pytestmark = pytest.mark.redis

LONG = Retention(window_seconds=604_800, replay_seconds=86_400)
SHORT = Retention(window_seconds=3_600, replay_seconds=172_800)
BOTH = Retention(window_seconds=604_800, replay_seconds=172_800)

T0 = 1_700_000_000_000
HOUR_MS = 3_600_000


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def open_index(client: redis.Redis, retention: Retention) -> RedisIndex:
    return RedisIndex(client, rule=RULE, retention=retention, expected_articles=300)


@pytest.mark.parametrize("first_is_short", [True, False])
def test_the_longer_retention_holds_for_both(client: redis.Redis, first_is_short: bool) -> None:
    """Each of the two durations is the longest of all workers, whichever starts first."""
    namespace = f"n{uuid4().hex}"
    retentions = [SHORT, LONG] if first_is_short else [LONG, SHORT]
    for retention in retentions:
        last = open_index(client, retention)
        last.prepare(namespace)
    assert last.retention_of(namespace) == BOTH


def test_a_running_worker_takes_over_the_longer_retention(client: redis.Redis) -> None:
    """The worker with the short window neither removes stories within the long one nor shortens their life."""
    namespace = f"n{uuid4().hex}"
    short = open_index(client, SHORT)
    short.decide(namespace, [make_fingerprint("a", make_text(1))], T0)
    long = open_index(client, LONG)
    (first,) = long.decide(namespace, [make_fingerprint("b", make_text(2))], T0)
    for hours in range(2, 40):
        short.decide(namespace, [make_fingerprint(f"c{hours}", make_text(100 + hours))], T0 + hours * HOUR_MS)
    assert short.retention_of(namespace) == BOTH
    (copy,) = short.decide(namespace, [make_fingerprint("d", make_text(2))], T0 + 40 * HOUR_MS)
    assert (copy.type, copy.story_id) == (EventType.VARIANT, first.story_id)
    ttl_ms = min(int(client.pttl(key)) for key in client.scan_iter(match=f"{{{namespace}}}:*:b:*"))
    assert ttl_ms > 600_000 * 1_000


def test_equal_retentions_leave_the_id_of_the_index(client: redis.Redis) -> None:
    """A worker that starts with the same settings does not disturb the others."""
    namespace = f"n{uuid4().hex}"
    open_index(client, LONG).prepare(namespace)
    index_id = client.hget(meta_key(namespace), "id")
    open_index(client, LONG).prepare(namespace)
    assert client.hget(meta_key(namespace), "id") == index_id


def test_the_documented_command_shortens_the_retention(client: redis.Redis) -> None:
    """Without the two fields the next worker's retention holds."""
    namespace = f"n{uuid4().hex}"
    open_index(client, LONG).prepare(namespace)
    client.hdel(meta_key(namespace), "window_ms", "replay_ms")
    index = open_index(client, SHORT)
    index.prepare(namespace)
    assert index.retention_of(namespace) == SHORT
