"""Slots that are moved to another node while the articles of their namespace are decided."""

import shutil
import subprocess
import threading
import time
from itertools import count, cycle
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprise.errors import Unreachable
from reprise.index.memory import MemoryIndex
from reprise.index.redis.codec import article_keys, lookup_arguments, parse_lookup
from reprise.index.redis.keys import meta_key
from reprise.index.redis.scripts import script
from reprise.model import Fingerprint, Kind
from tests.cluster.index_helpers import RECOVERY_SECONDS, T0, decide_with_retry, event_contents, make_index
from tests.cluster.servers import ClusterNode, RedisCluster, slot_of
from tests.cluster.slot_migration import plan_migration, supports_atomic_migration
from tests.contract.conftest import RETENTION
from tests.contract.test_index_property import RULE, streams
from tests.contract.test_redis_keys import article_stream
from tests.contract.texts import RULE as DEFAULT_RULE
from tests.contract.texts import edit_words, make_fingerprint, make_text

#: A text that only an exact copy can match: nothing of it is prose.
WITHOUT_PROSE = "Home\nNews"

#: Number of articles in a batch.
BATCH = 20

#: Milliseconds between two batches.
STEP_MS = 100


@settings(max_examples=25, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=streams, started_at=st.integers(0, 11), steps=st.lists(st.integers(5, 80), min_size=1, max_size=5))
def test_a_migration_key_by_key_changes_no_decision(
    client: redis.RedisCluster,
    shared_cluster: RedisCluster,
    batches: list[tuple[int, list[Fingerprint]]],
    started_at: int,
    steps: list[int],
) -> None:
    """At any start between two batches and with any steps, the decisions equal those of the memory index."""
    namespace = f"moved-{uuid4().hex}"
    index, reference = make_index(client, RULE), MemoryIndex(rule=RULE, retention=RETENTION)
    migration, sizes, now_ms = plan_migration(shared_cluster, namespace), cycle(steps), T0
    has_started = False

    def move_more_keys() -> None:
        if not migration.move_keys(next(sizes)):
            migration.finish()

    try:
        for number, (pause_ms, batch) in enumerate(batches):
            now_ms += pause_ms
            if number == min(started_at, len(batches) - 1):
                migration.begin()
                has_started = True
            decided = decide_with_retry(index, namespace, batch, now_ms, move_more_keys)
            assert event_contents(decided) == event_contents(reference.decide(namespace, batch, now_ms))
    finally:
        if has_started and migration.source.has_slot(migration.slot):
            while migration.move_keys(100):
                pass
            migration.finish()


def test_nothing_is_written_during_a_migration(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """During a migration a batch raises Unreachable and changes no key on either node."""
    index = make_index(client)
    index.decide(namespace, article_stream(30), T0)
    migration = plan_migration(shared_cluster, namespace)
    migration.begin()
    while True:
        before = [contents(node, namespace) for node in (migration.source, migration.target)]
        with pytest.raises(Unreachable, match="moved key by key"):
            index.decide(namespace, article_stream(30, 20), T0 + 1)
        assert [contents(node, namespace) for node in (migration.source, migration.target)] == before
        if not migration.move_keys(20):
            break
    migration.finish()
    assert [decision.trace.replayed for decision in index.decide(namespace, article_stream(30, 20), T0 + 1)] == [
        True
    ] * 10 + [False] * 20


def test_no_decision_is_written_in_part(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """A script that would find a missing key only in its last step writes nothing before."""
    index, reference = make_index(client), MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    one, other = make_text(1, 2, 3), make_text(11, 12, 13, 14, 15)
    before = [
        make_fingerprint("a", one),
        make_fingerprint("b", other),
        make_fingerprint("c", make_text(21)),
        make_fingerprint("c", edit_words(make_text(21), 3)),
    ]
    assert event_contents(index.decide(namespace, before, T0)) == event_contents(
        reference.decide(namespace, before, T0)
    )
    migration = plan_migration(shared_cluster, namespace)
    migration.begin()
    migration.move([key for key in contents(migration.source, namespace) if key.endswith(":r:1")])
    # The decision on a page with a replaced text needs the record of the old text in its last step.
    replaced = [make_fingerprint("a", edit_words(other, 5))]
    with pytest.raises(Unreachable, match="moved key by key"):
        index.decide(namespace, replaced, T0 + 1)
    while migration.move_keys(100):
        pass
    migration.finish()
    (decided,) = index.decide(namespace, replaced, T0 + 1)
    assert decided.kind is Kind.NEAR
    assert event_contents([decided]) == event_contents(reference.decide(namespace, replaced, T0 + 1))


def test_a_migration_does_not_affect_other_namespaces(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """Of two batches in flight, that of the moved namespace raises Unreachable, and the other one succeeds."""
    index, reference = make_index(client), MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    index.prepare(namespace)
    migration = plan_migration(shared_cluster, namespace)
    other = next(f"{namespace}-{n}" for n in count() if migration.target.has_slot(slot_of(f"{namespace}-{n}")))
    index.prepare(other)
    migration.begin()
    moved, unmoved = index.submit(namespace, article_stream(BATCH), T0), index.submit(other, article_stream(BATCH), T0)
    with pytest.raises(Unreachable, match="moved key by key"):
        moved.result()
    assert event_contents(unmoved.result()) == event_contents(reference.decide(other, article_stream(BATCH), T0))
    while migration.move_keys(100):
        pass
    migration.finish()
    assert event_contents(index.decide(namespace, article_stream(BATCH), T0)) == event_contents(
        reference.decide(namespace, article_stream(BATCH), T0)
    )


def test_an_interrupted_migration_is_repaired(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """After `redis-cli --cluster fix`, as in the runbook, all decisions are found again."""
    tool = shutil.which("redis-cli")
    if tool is None:
        pytest.skip("no redis-cli on the PATH")
    index = make_index(client)
    before = event_contents(index.decide(namespace, article_stream(30), T0))
    migration = plan_migration(shared_cluster, namespace)
    migration.begin()
    assert migration.move_keys(20) == 20
    with pytest.raises(Unreachable, match="moved key by key"):
        index.decide(namespace, article_stream(30), T0 + 1)
    address = f"127.0.0.1:{migration.source.port}"
    subprocess.run([tool, "--cluster", "fix", address], input=b"yes\n", check=True, timeout=RECOVERY_SECONDS)
    assert event_contents(decide_with_retry(index, namespace, article_stream(30), T0 + 1)) == before


def test_following_ask_would_announce_a_story_twice(cluster: RedisCluster, namespace: str) -> None:
    """A cluster client that follows ASK runs a script with a part of the keys. The index does not follow ASK."""
    client = cluster.connect()
    index, key = make_index(client), meta_key(namespace)
    index.prepare(namespace)
    index.decide(namespace, [make_fingerprint("a", WITHOUT_PROSE)], T0)
    keyspace = index.namespaces.open(namespace).keyspace
    migration = plan_migration(cluster, namespace)
    migration.begin()
    migration.move([key])
    copy = make_fingerprint("b", WITHOUT_PROSE)
    keys = article_keys(copy, keyspace.shards)
    response = client.eval(script("lookup").text, 1, key, *lookup_arguments(keyspace, keys, T0 + 1))
    found = parse_lookup(response, keys, RETENTION, T0 + 1)
    assert (found.copy, found.lookup.members) == (None, {}), "the original is on the other node"
    with pytest.raises(Unreachable, match="moved key by key"):
        index.decide(namespace, [copy], T0 + 1)


@pytest.mark.parametrize("method", ["key by key", "atomic"])
def test_repeated_migrations_change_no_decision(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str, method: str
) -> None:
    """Decisions of two workers during four migrations equal those of the memory index."""
    if method == "atomic" and not supports_atomic_migration(shared_cluster):
        pytest.skip("this server does not move slots atomically: Valkey 9 does")
    moves: list[float] = []
    ended = threading.Event()

    def migrate_repeatedly() -> None:
        try:
            while len(moves) < 4:
                migration = plan_migration(shared_cluster, namespace)
                start = time.monotonic()
                migration.move_atomically() if method == "atomic" else migration.move_key_by_key(10)
                moves.append(time.monotonic() - start)
        finally:
            ended.set()  # also after a failure, which the number of moves shows

    reference = MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    mover = threading.Thread(target=migrate_repeatedly, daemon=True)
    with shared_cluster.connect() as other:
        workers = cycle([make_index(client), make_index(other)])
        decided, number = [], 0
        mover.start()
        while not ended.is_set() or number < 10:
            batch, now_ms = article_stream(BATCH, number * BATCH), T0 + number * STEP_MS
            decided += event_contents(decide_with_retry(next(workers), namespace, batch, now_ms))
            assert decided[-BATCH:] == event_contents(reference.decide(namespace, batch, now_ms))
            number += 1
    mover.join(RECOVERY_SECONDS)
    assert len(moves) == 4


def contents(node: ClusterNode, namespace: str) -> dict[str, bytes]:
    """Return the keys of a namespace on a node with their serialized values."""
    with redis.Redis(port=node.port) as client, client.pipeline(transaction=False) as pipeline:
        keys = client.cluster("GETKEYSINSLOT", slot_of(namespace), 100_000)
        for key in keys:
            pipeline.execute_command("ASKING")
            pipeline.dump(key)
        return dict(zip(keys, pipeline.execute()[1::2], strict=True))
