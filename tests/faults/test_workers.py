"""Faults of workers under load: kills, stops, freezes, and members that join and leave."""

import pytest

from deploy.local.stack import wait_until
from tests.faults.breakable_servers import BreakableBroker, BreakableRedis
from tests.faults.proxy import Proxy
from tests.faults.scenario import Scenario, ScenarioOpener
from tests.faults.worker_pool import READY_SECONDS, freeze, resume, wait_ready

#: Maximum number of workers at once.
MAX_WORKERS = 3

#: Maximum number of articles between two faults: a few batches, so that faults hit any point of a batch.
MAX_BETWEEN = 150

#: Articles per second, and small batches: the workers are busy most of the time, equally often at each step.
HIGH_RATE = 200.0
SMALL_BATCHES = {"REPRISE_BATCH_MAX_ARTICLES": "5"}

#: Delay of each chunk to and from Kafka in seconds, so that a worker is between two steps most of the time.
KAFKA_DELAY_SECONDS = 0.05


@pytest.mark.transactional
def test_workers_are_killed_at_random_moments(
    scenario: ScenarioOpener, broker: BreakableBroker, broker_proxy: Proxy, redis_server: BreakableRedis, is_long: bool
) -> None:
    """SIGKILL of one of up to three workers, at random steps. Responses of Kafka are delayed."""
    kills = 100 if is_long else 4
    broker_proxy.delay_seconds = KAFKA_DELAY_SECONDS
    through = f"127.0.0.1:{broker_proxy.port}"
    with scenario(kafka=broker.address, worker_kafka=through, redis_url=redis_server.url, rate=HIGH_RATE / 4) as run:
        run.create_topics()
        run.start(workers=2)
        for number in range(1, kills + 1):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            run.sleep(run.rng.random())  # a kill right after a commit would find little work in progress
            run.pool.kill(run.rng.choice(run.pool.workers))
            if number % (kills // 5 or 1) == 0:
                run.check_commits()
            for _ in range(run.rng.randint(0 if run.pool.workers else 1, MAX_WORKERS - len(run.pool.workers))):
                run.pool.start()
            run.wait_recovered()
        run.finish()


def test_workers_are_stopped_during_batches(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """SIGTERM ends a worker with exit code 0, and the next one continues at its position."""
    stops = 20 if is_long else 3
    with scenario(kafka=kafka, redis_url=redis_server.url, rate=HIGH_RATE, settings=SMALL_BATCHES) as run:
        run.create_topics()
        run.start()
        for _ in range(stops):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            run.pool.stop(run.pool.workers[0])
            run.check_commits()
            run.pool.start()
            run.wait_recovered()
        counts = run.finish()
    assert counts.copies == 0, "a stopped worker did not commit a published batch"


@pytest.mark.transactional
def test_a_frozen_worker_resumes_after_its_removal(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """SIGSTOP until the group has reassigned the partitions, then SIGCONT. The other worker publishes its articles."""
    freezes = 10 if is_long else 2
    with scenario(kafka=kafka, redis_url=redis_server.url, rate=HIGH_RATE, settings=SMALL_BATCHES) as run:
        run.create_topics()
        run.start(workers=2)
        for _ in range(freezes):
            wait_until(lambda: _members(run) == 2, READY_SECONDS, "two members")
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            frozen = run.rng.choice(run.pool.workers)
            freeze(frozen)
            wait_until(lambda: _members(run) == 1, READY_SECONDS, "a group without the frozen worker")
            run.wait_committed(MAX_BETWEEN)
            resume(frozen)
            wait_ready(frozen)
            run.wait_recovered()
            run.check_commits()
        run.finish()


@pytest.mark.transactional
def test_members_join_and_leave_during_rebalances(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """Workers join, leave and are killed, each before the previous rebalance has ended."""
    changes = 60 if is_long else 6
    with scenario(kafka=kafka, redis_url=redis_server.url, rate=HIGH_RATE, settings=SMALL_BATCHES) as run:
        run.create_topics()
        run.start()
        for _ in range(changes):
            pool = run.pool
            action = run.rng.choice(("join", "leave", "kill") if len(pool.workers) > 1 else ("join",))
            if len(pool.workers) > MAX_WORKERS:
                action = "leave"
            if action == "join":
                wait_ready(pool.start())
            elif action == "leave":
                pool.stop(run.rng.choice(pool.workers))
            else:
                pool.kill(run.rng.choice(pool.workers))
        run.wait_recovered()
        run.finish()


def _members(run: Scenario) -> int:
    """Return the number of members of the group, or 0 while it rebalances."""
    group = run.recorder.group()
    return len(group["members"]) if group["group_state"] == "Stable" else 0
