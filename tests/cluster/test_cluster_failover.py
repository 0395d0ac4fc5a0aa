"""A primary that hands over, or dies, while its namespace is being decided."""

import threading
from itertools import count

import redis

from reprise.index.memory import MemoryIndex
from reprise.model import EventType
from tests.cluster.deciding import BACK_SECONDS, T0, index_on, insist, told
from tests.cluster.servers import Node, RedisCluster, slot_of
from tests.contract.conftest import RETENTION
from tests.contract.streams import RULE, article, edited, text_of
from tests.contract.test_redis_keys import stream
from tests.support import wait_until

#: Articles a batch.
BATCH = 20


def connected(cluster: RedisCluster) -> redis.RedisCluster:
    """Give a client that waits no longer for a dead node than a worker's of these tests."""
    return cluster.connect(socket_timeout=0.5, socket_connect_timeout=0.5)


def fall_behind(primary: Node, replica: Node) -> None:
    """Cut a replica off from its primary for good; it may still take over with what it has."""
    primary.ask("ACL", "SETUSER", "default", "-psync", "-sync")
    primary.ask("CLIENT", "KILL", "TYPE", "replica")
    wait_until(lambda: replica.info("replication")["master_link_status"] == "down", BACK_SECONDS, "a cut replica")


def test_a_primary_that_hands_over_loses_nothing(cluster: RedisCluster, namespace: str) -> None:
    """CLUSTER FAILOVER under load: the events are those of a server that was never touched."""
    reference, index = MemoryIndex(rule=RULE, retention=RETENTION), index_on(connected(cluster))
    index.prepare(namespace)
    old = cluster.holder(namespace)
    replica, over = cluster.replica_of(old), threading.Event()

    def hand_over() -> None:
        replica.ask("CLUSTER", "FAILOVER")
        wait_until(lambda: replica.info("replication")["role"] == "master", BACK_SECONDS, "a new primary")
        over.set()

    other = threading.Thread(target=hand_over, daemon=True)
    after = 0
    for number in count():
        batch, now_ms = stream(BATCH, number * BATCH), T0 + number
        assert told(insist(index, namespace, batch, now_ms)) == told(reference.decide(namespace, batch, now_ms))
        if number == 3:
            other.start()
        after += over.is_set()
        if after == 5:
            break
    assert cluster.holder(namespace) is replica


def test_a_primary_that_dies_is_replaced_under_load(cluster: RedisCluster, namespace: str) -> None:
    """SIGKILL in mid-stream: the same index object goes on by itself, and every article gets its decision."""
    index = index_on(connected(cluster))
    index.prepare(namespace)
    old = cluster.holder(namespace)
    killer = threading.Thread(target=cluster.kill, args=[old], daemon=True)
    after = 0
    for number in count():
        assert len(insist(index, namespace, stream(BATCH, number * BATCH), T0 + number)) == BATCH
        if number == 5:
            killer.start()
        after += old not in cluster.living()
        if after == 5:
            break
    assert cluster.holder(namespace) is not old
    assert index.size(namespace) > 0


def test_what_a_replica_has_not_heard_of_is_decided_again(cluster: RedisCluster, namespace: str) -> None:
    """The promise after a failover: what had arrived is remembered, the rest is as if it had never been decided."""
    index = index_on(connected(cluster))
    heard, lost = stream(BATCH), stream(BATCH, BATCH)
    first = told(index.decide(namespace, heard, T0))
    primary = cluster.holder(namespace)
    replica = cluster.replica_of(primary)
    assert primary.ask("WAIT", 1, 5_000) == 1
    fall_behind(primary, replica)
    before = told(index.decide(namespace, lost, T0 + 1))
    (founder,) = index.decide(namespace, [article("a", text_of(901, 902, 903))], T0 + 1)
    cluster.kill(primary)
    again = insist(index, namespace, [*heard, *lost], T0 + 1)
    assert cluster.holder(namespace) is replica
    assert [each.trace.replayed for each in again] == [True] * BATCH + [False] * BATCH
    # a worker that reads them again tells of each what it told before: the same id, the same words
    assert told(again) == first + before
    # the next of a story whose founder was committed, and is not read again, announces it anew
    (variant,) = index.decide(namespace, [article("b", edited(text_of(901, 902, 903), 4))], T0 + 2)
    assert variant.type is EventType.NEW
    assert variant.story_id != founder.story_id


def test_a_namespace_outlives_the_nodes_of_others(cluster: RedisCluster, namespace: str) -> None:
    """Where a cluster answers for the slots it has left, a namespace on a living node goes on, and new ones begin."""
    for node in cluster.nodes:
        node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    index = index_on(connected(cluster))
    index.decide(namespace, stream(BATCH), T0)
    holder = cluster.holder(namespace)
    victim = next(node for node in cluster.primaries() if node is not holder)
    replica = cluster.replica_of(victim)
    cluster.kill(replica)
    cluster.kill(victim)
    holder.ask("SCRIPT", "FLUSH")
    assert len(insist(index, namespace, stream(BATCH, BATCH), T0 + 1)) == BATCH
    beside = next(f"{namespace}-{n}" for n in count() if holder.holds(slot_of(f"{namespace}-{n}")))
    assert len(insist(index, beside, stream(BATCH), T0 + 1)) == BATCH
