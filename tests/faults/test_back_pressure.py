"""A worker under load whose Redis or Kafka is away for long: it waits in its group, says so, and does not grow."""

import time

import pytest

from deploy.local.stack import wait_until
from tests.faults.scenario import OpenScene, Scene
from tests.faults.servers import Broker, RedisServer
from tests.faults.workers import READY_SECONDS, readiness, resident_bytes, wait_ready, wait_unready

#: Seconds within which work goes on after the return of what was away: twice the promise, on a machine that others use
#: too; the table tells what it took.
RESUME_SECONDS = 10.0

#: Bytes by which a worker's memory may grow while it waits: noise of the allocator, far below a second of load kept.
GROWTH_BYTES = 8_000_000

#: Seconds after which a waiting worker has settled: it holds its batch and what its consumer fetched ahead.
SETTLED_SECONDS = 3.0


@pytest.fixture
def away_seconds(long_form: bool) -> float:
    return 600.0 if long_form else 12.0


def wait_out(at: Scene, seconds: float, dependency: str) -> None:
    """Return when so long has passed, in which the worker must be unready and must not grow."""
    worker = at.crew.members[0]
    wait_unready(worker, f"{dependency} does not answer")
    began = time.monotonic()
    settled: list[int] = []

    def over() -> bool:
        status, text = readiness(worker)
        assert status == 503, text
        waited = time.monotonic() - began
        if waited >= SETTLED_SECONDS:
            settled.append(resident_bytes(worker))
        return waited >= seconds

    wait_until(over, seconds + 60.0, "the end of the outage")
    growth = max(settled) - settled[0]
    assert growth < GROWTH_BYTES, f"the worker grew by {growth:,} bytes while it waited"


def test_redis_is_away_for_long(scene: OpenScene, kafka: str, redis_server: RedisServer, away_seconds: float) -> None:
    """The group never rebalances, nothing is committed, and work goes on within five seconds of its return."""
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        members = _members(at)
        redis_server.kill()
        wait_out(at, away_seconds, "redis")
        committed = at.tape.committed()
        assert _members(at) == members
        assert at.tape.committed() == committed
        redis_server.start()
        at.recovered(RESUME_SECONDS)
        wait_ready(at.crew.members[0])
        assert _members(at) == members
        at.finish()


@pytest.mark.transactional
def test_kafka_is_away_for_long(
    scene: OpenScene, broker: Broker, redis_server: RedisServer, away_seconds: float
) -> None:
    """The worker survives it, and is at work within five seconds of the broker's return."""
    with scene(kafka=broker.address, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        broker.kill()
        wait_out(at, away_seconds, "kafka")
        broker.start()
        at.recovered(RESUME_SECONDS)
        wait_ready(at.crew.members[0])
        at.finish()


def test_an_idle_worker_says_that_kafka_is_away(scene: OpenScene, broker: Broker, redis_server: RedisServer) -> None:
    """Without an article in hand nothing fails; the worker is unready all the same, and ready again by itself."""
    with scene(kafka=broker.address, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        at.load.stop()
        wait_until(lambda: at.tape.committed() == at.tape.ends(), READY_SECONDS, "an idle worker")
        broker.kill()
        wait_unready(at.crew.members[0], "kafka does not answer")
        broker.start()
        wait_ready(at.crew.members[0])
        at.finish()


def _members(at: Scene) -> list[str]:
    """Return the ids of a settled group's members; none while it rebalances."""
    group = at.tape.group()
    return [member["member_id"] for member in group["members"]] if group["group_state"] == "Stable" else []
