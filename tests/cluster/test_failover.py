"""Planned and unplanned failovers while articles are decided."""

import threading
from itertools import count

import redis

from reprise.index.memory import MemoryIndex
from reprise.model import EventType
from tests.cluster.index_helpers import RECOVERY_SECONDS, T0, decide_with_retry, event_contents, make_index
from tests.cluster.servers import ClusterNode, RedisCluster, slot_of
from tests.contract.conftest import RETENTION
from tests.contract.test_redis_keys import article_stream
from tests.contract.texts import RULE, edit_words, make_fingerprint, make_text
from tests.support import wait_until

#: Number of articles in a batch.
BATCH = 20


def connect(cluster: RedisCluster) -> redis.RedisCluster:
    """Return a client with short timeouts for killed nodes."""
    return cluster.connect(socket_timeout=0.5, socket_connect_timeout=0.5)


def disconnect_replica(primary: ClusterNode, replica: ClusterNode) -> None:
    """Stop the replication for good. The replica can still replace its primary, with the data that it has."""
    primary.execute("ACL", "SETUSER", "default", "-psync", "-sync")
    primary.execute("CLIENT", "KILL", "TYPE", "replica")
    wait_until(
        lambda: replica.info("replication")["master_link_status"] == "down", RECOVERY_SECONDS, "a disconnected replica"
    )


def test_a_planned_failover_changes_no_decision(cluster: RedisCluster, namespace: str) -> None:
    """Decisions before and after CLUSTER FAILOVER equal those of the memory index."""
    reference, index = MemoryIndex(rule=RULE, retention=RETENTION), make_index(connect(cluster))
    index.prepare(namespace)
    old = cluster.primary_of(namespace)
    replica, is_over = cluster.replica_of(old), threading.Event()

    def fail_over() -> None:
        replica.execute("CLUSTER", "FAILOVER")
        wait_until(lambda: replica.info("replication")["role"] == "master", RECOVERY_SECONDS, "a new primary")
        is_over.set()

    failover = threading.Thread(target=fail_over, daemon=True)
    after = 0
    for number in count():
        batch, now_ms = article_stream(BATCH, number * BATCH), T0 + number
        assert event_contents(decide_with_retry(index, namespace, batch, now_ms)) == event_contents(
            reference.decide(namespace, batch, now_ms)
        )
        if number == 3:
            failover.start()
        after += is_over.is_set()
        if after == 5:
            break
    assert cluster.primary_of(namespace) is replica


def test_a_killed_primary_is_replaced_under_load(cluster: RedisCluster, namespace: str) -> None:
    """After SIGKILL the same index object continues, and every article gets its decision."""
    index = make_index(connect(cluster))
    index.prepare(namespace)
    old = cluster.primary_of(namespace)
    killer = threading.Thread(target=cluster.kill, args=[old], daemon=True)
    after = 0
    for number in count():
        assert len(decide_with_retry(index, namespace, article_stream(BATCH, number * BATCH), T0 + number)) == BATCH
        if number == 5:
            killer.start()
        after += old not in cluster.running_nodes()
        if after == 5:
            break
    assert cluster.primary_of(namespace) is not old
    assert index.size(namespace, T0 + number) > 0


def test_articles_missing_in_the_replica_are_decided_again(cluster: RedisCluster, namespace: str) -> None:
    """After a failover replicated decisions are replayed. Other articles are decided as if they were new."""
    index = make_index(connect(cluster))
    replicated, lost = article_stream(BATCH), article_stream(BATCH, BATCH)
    first = event_contents(index.decide(namespace, replicated, T0))
    primary = cluster.primary_of(namespace)
    replica = cluster.replica_of(primary)
    assert primary.execute("WAIT", 1, 5_000) == 1
    disconnect_replica(primary, replica)
    before = event_contents(index.decide(namespace, lost, T0 + 1))
    (founder,) = index.decide(namespace, [make_fingerprint("a", make_text(901, 902, 903))], T0 + 1)
    cluster.kill(primary)
    again = decide_with_retry(index, namespace, [*replicated, *lost], T0 + 1)
    assert cluster.primary_of(namespace) is replica
    assert [decision.trace.replayed for decision in again] == [True] * BATCH + [False] * BATCH
    # A worker that reads these articles again publishes the same events again.
    assert event_contents(again) == first + before
    # A story whose founder is not read again is announced again by its next article.
    (variant,) = index.decide(namespace, [make_fingerprint("b", edit_words(make_text(901, 902, 903), 4))], T0 + 2)
    assert variant.type is EventType.NEW
    assert variant.story_id != founder.story_id


def test_a_namespace_survives_the_loss_of_other_nodes(cluster: RedisCluster, namespace: str) -> None:
    """Without full coverage of the slots, namespaces on running nodes continue, and new ones can be created there."""
    for node in cluster.nodes:
        node.execute("CONFIG", "SET", "cluster-require-full-coverage", "no")
    index = make_index(connect(cluster))
    index.decide(namespace, article_stream(BATCH), T0)
    primary = cluster.primary_of(namespace)
    victim = next(node for node in cluster.primaries() if node is not primary)
    replica = cluster.replica_of(victim)
    cluster.kill(replica)
    cluster.kill(victim)
    primary.execute("SCRIPT", "FLUSH")
    assert len(decide_with_retry(index, namespace, article_stream(BATCH, BATCH), T0 + 1)) == BATCH
    other = next(f"{namespace}-{n}" for n in count() if primary.has_slot(slot_of(f"{namespace}-{n}")))
    assert len(decide_with_retry(index, other, article_stream(BATCH), T0 + 1)) == BATCH
