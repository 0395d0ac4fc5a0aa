"""Long outages of Redis or Kafka: the worker stays in its group, reports that it is not ready, and does not grow."""

import time

import pytest

from deploy.local.stack import wait_until
from tests.faults.breakable_servers import BreakableBroker, BreakableRedis
from tests.faults.scenario import Scenario, ScenarioOpener
from tests.faults.worker_pool import READY_SECONDS, readiness, resident_bytes, wait_ready, wait_unready

#: Maximum seconds until commits continue after an outage: twice the documented bound, because the machine may be busy.
#: The table at the end has the measured time.
RESUME_SECONDS = 10.0

#: Maximum growth of a waiting worker's memory in bytes: noise of the allocator, far less than a second of load.
GROWTH_BYTES = 8_000_000

#: Seconds until the memory of a waiting worker is stable: it has its batch and the records fetched ahead.
SETTLED_SECONDS = 3.0


@pytest.fixture
def outage_seconds(is_long: bool) -> float:
    return 600.0 if is_long else 12.0


def wait_unready_without_growth(run: Scenario, seconds: float, dependency: str) -> None:
    """Wait for a time in which the worker must be unready and must not grow."""
    worker = run.pool.workers[0]
    wait_unready(worker, f"{dependency} does not answer")
    start = time.monotonic()
    resident: list[int] = []

    def is_over() -> bool:
        status, text = readiness(worker)
        assert status == 503, text
        waited = time.monotonic() - start
        if waited >= SETTLED_SECONDS:
            resident.append(resident_bytes(worker))
        return waited >= seconds

    wait_until(is_over, seconds + 60.0, "the end of the outage")
    growth = max(resident) - resident[0]
    assert growth < GROWTH_BYTES, f"the worker grew by {growth:,} bytes while it waited"


def test_a_long_outage_of_redis(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, outage_seconds: float
) -> None:
    """During the outage the group does not rebalance and nothing is committed. Commits continue soon after it."""
    with scenario(kafka=kafka, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        members = _members(run)
        redis_server.kill()
        wait_unready_without_growth(run, outage_seconds, "redis")
        committed = run.recorder.committed()
        assert _members(run) == members
        assert run.recorder.committed() == committed
        redis_server.start()
        run.wait_recovered(RESUME_SECONDS)
        wait_ready(run.pool.workers[0])
        assert _members(run) == members
        run.finish()


@pytest.mark.transactional
def test_a_long_outage_of_kafka(
    scenario: ScenarioOpener, broker: BreakableBroker, redis_server: BreakableRedis, outage_seconds: float
) -> None:
    """The worker keeps running, and commits continue soon after the outage."""
    with scenario(kafka=broker.address, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        broker.kill()
        wait_unready_without_growth(run, outage_seconds, "kafka")
        broker.start()
        run.wait_recovered(RESUME_SECONDS)
        wait_ready(run.pool.workers[0])
        run.finish()


def test_an_idle_worker_reports_an_outage_of_kafka(
    scenario: ScenarioOpener, broker: BreakableBroker, redis_server: BreakableRedis
) -> None:
    """A worker without a batch is unready during the outage, too, and ready again after it."""
    with scenario(kafka=broker.address, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        run.load.stop()
        wait_until(lambda: run.recorder.committed() == run.recorder.ends(), READY_SECONDS, "an idle worker")
        broker.kill()
        wait_unready(run.pool.workers[0], "kafka does not answer")
        broker.start()
        wait_ready(run.pool.workers[0])
        run.finish()


def _members(run: Scenario) -> list[str]:
    """Return the ids of the group's members, or none while it rebalances."""
    group = run.recorder.group()
    return [member["member_id"] for member in group["members"]] if group["group_state"] == "Stable" else []
