"""Namespaces are distributed over the nodes of a cluster, each completely on one node."""

from uuid import uuid4

import redis
from hypothesis import HealthCheck, given, settings

from reprise.index.memory import MemoryIndex
from reprise.model import Fingerprint
from tests.cluster.index_helpers import T0, event_contents, make_index
from tests.cluster.servers import PRIMARIES, RedisCluster, slot_of
from tests.contract.conftest import RETENTION
from tests.contract.test_index_property import RULE, streams
from tests.contract.test_redis_keys import article_stream
from tests.contract.texts import RULE as DEFAULT_RULE


def test_namespaces_are_distributed_and_not_split(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """Every primary has some of twelve namespaces. All keys of a namespace are in one slot."""
    names = [f"{namespace}-{number}" for number in range(12)]
    index = make_index(client)
    for name in names:
        index.decide(name, article_stream(30), T0)
    primary_by_name = {name: shared_cluster.primary_of(name) for name in names}
    assert len({node.port for node in primary_by_name.values()}) == PRIMARIES
    for node in shared_cluster.primaries():
        with node.client() as node_client:
            keys = list(node_client.scan_iter(match=f"{{{namespace}-*", count=1_000))
            assert {key[1 : key.index("}")] for key in keys} == {
                name for name in names if primary_by_name[name] is node
            }
            assert all(node_client.cluster("KEYSLOT", key) == slot_of(key[1 : key.index("}")]) for key in keys)


def test_namespaces_do_not_affect_one_another(client: redis.RedisCluster, namespace: str) -> None:
    """One index decides the articles of namespaces on all nodes as the memory index decides each alone."""
    index, reference = make_index(client), MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    for at in range(0, 60, 20):
        for number in range(6):
            name = f"{namespace}-{number}"
            decided = index.decide(name, article_stream(20, at), T0 + at)
            assert event_contents(decided) == event_contents(reference.decide(name, article_stream(20, at), T0 + at))


@settings(max_examples=40, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=streams)
def test_a_cluster_decides_as_the_memory_index(
    client: redis.RedisCluster, batches: list[tuple[int, list[Fingerprint]]]
) -> None:
    """For streams with expiry, revisions, late crawls and replays, the decisions and their traces are equal."""
    namespace = f"property-{uuid4().hex}"
    real, reference = make_index(client, RULE), MemoryIndex(rule=RULE, retention=RETENTION)
    now_ms = T0
    for pause_ms, batch in batches:
        now_ms += pause_ms
        assert real.decide(namespace, batch, now_ms) == reference.decide(namespace, batch, now_ms)
