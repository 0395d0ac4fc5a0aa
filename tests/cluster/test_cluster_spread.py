"""Namespaces spread over the nodes of a cluster, and each lies whole on one of them."""

from uuid import uuid4

import redis
from hypothesis import HealthCheck, given, settings

from reprise.index.memory import MemoryIndex
from reprise.model import Fingerprint
from tests.cluster.deciding import T0, index_on, told
from tests.cluster.servers import PRIMARIES, RedisCluster, slot_of
from tests.contract.conftest import RETENTION
from tests.contract.streams import RULE as DEFAULT_RULE
from tests.contract.test_index_property import RULE, streams
from tests.contract.test_redis_keys import stream


def test_namespaces_spread_and_none_is_torn(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """Of a dozen namespaces every primary holds some; all keys of one are in its slot, on the node that holds it."""
    names = [f"{namespace}-{number}" for number in range(12)]
    index = index_on(client)
    for name in names:
        index.decide(name, stream(30), T0)
    held = {name: shared_cluster.holder(name) for name in names}
    assert len({node.port for node in held.values()}) == PRIMARIES
    for node in shared_cluster.primaries():
        with node.client() as one:
            keys = list(one.scan_iter(match=f"{{{namespace}-*", count=1_000))
            assert {key[1 : key.index("}")] for key in keys} == {name for name in names if held[name] is node}
            assert all(one.cluster("KEYSLOT", key) == slot_of(key[1 : key.index("}")]) for key in keys)


def test_many_namespaces_in_one_index_decide_as_if_alone(client: redis.RedisCluster, namespace: str) -> None:
    """One worker may serve namespaces on all nodes in turn; none of them hears of another."""
    index, reference = index_on(client), MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    for at in range(0, 60, 20):
        for number in range(6):
            name = f"{namespace}-{number}"
            decided = index.decide(name, stream(20, at), T0 + at)
            assert told(decided) == told(reference.decide(name, stream(20, at), T0 + at))


@settings(max_examples=40, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams)
def test_a_cluster_and_the_reference_decide_alike(
    client: redis.RedisCluster, stream: list[tuple[int, list[Fingerprint]]]
) -> None:
    """Over any stream, with expiry, revisions, late crawls and replays, a cluster agrees, its counters included."""
    namespace = f"property-{uuid4().hex}"
    real, reference = index_on(client, RULE), MemoryIndex(rule=RULE, retention=RETENTION)
    now_ms = T0
    for pause_ms, batch in stream:
        now_ms += pause_ms
        assert real.decide(namespace, batch, now_ms) == reference.decide(namespace, batch, now_ms)
