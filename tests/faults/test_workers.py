"""Workers that die, are stopped, freeze, come and go, with a load running: nothing is lost, nothing announced twice."""

import pytest

from deploy.local.stack import wait_until
from tests.faults.proxy import Proxy
from tests.faults.scenario import OpenScene, Scene
from tests.faults.servers import Broker, RedisServer
from tests.faults.workers import READY_SECONDS, hold, let_go, wait_ready

#: The most workers at once.
MOST_WORKERS = 3

#: Articles between two faults, at most: some batches, so that one falls anywhere in one.
BETWEEN = 150

#: Articles a second, and small batches: the workers are at work most of the time, at each step as often as at another.
BUSY = 200.0
SMALL = {"REPRISE_BATCH_MAX_ARTICLES": "5"}

#: Seconds by which each piece from and to Kafka is late: a worker is between two steps most of the time.
KAFKA_SECONDS = 0.05


@pytest.mark.transactional
def test_workers_are_killed_at_random_moments(
    scene: OpenScene, broker: Broker, broker_proxy: Proxy, redis_server: RedisServer, long_form: bool
) -> None:
    """SIGKILL again and again, one to three workers at a time, whatever step they are at; Kafka's answers come late."""
    kills = 100 if long_form else 6
    broker_proxy.delay_seconds = KAFKA_SECONDS
    through = f"127.0.0.1:{broker_proxy.port}"
    with scene(kafka=broker.address, worker_kafka=through, redis_url=redis_server.url, rate=BUSY / 4) as at:
        at.create_topics()
        at.begin(workers=2)
        for number in range(1, kills + 1):
            at.advance(at.dice.randint(1, BETWEEN))
            at.let_pass(at.dice.random())  # what was just seen is a commit, and a kill right after it hurts least
            at.crew.kill(at.dice.choice(at.crew.members))
            if number % (kills // 5 or 1) == 0:
                at.glance()
            for _ in range(at.dice.randint(0 if at.crew.members else 1, MOST_WORKERS - len(at.crew.members))):
                at.crew.start()
            at.recovered()
        at.finish()


def test_workers_are_stopped_in_mid_batch(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """SIGTERM with a load that never ends: exit code 0, and the next worker goes on where it was."""
    stops = 20 if long_form else 3
    with scene(kafka=kafka, redis_url=redis_server.url, rate=BUSY, settings=SMALL) as at:
        at.create_topics()
        at.begin()
        for _ in range(stops):
            at.advance(at.dice.randint(1, BETWEEN))
            at.crew.stop(at.crew.members[0])
            at.glance()
            at.crew.start()
            at.recovered()
        verdict = at.finish()
    assert verdict.doubled == 0, "an orderly end commits what it sent"


@pytest.mark.transactional
def test_a_frozen_worker_comes_back_as_a_zombie(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """SIGSTOP until the group has given its partitions away, then SIGCONT: what it still holds is told by others."""
    freezes = 10 if long_form else 2
    with scene(kafka=kafka, redis_url=redis_server.url, rate=BUSY, settings=SMALL) as at:
        at.create_topics()
        at.begin(workers=2)
        for _ in range(freezes):
            wait_until(lambda: _members(at) == 2, READY_SECONDS, "two members")
            at.advance(at.dice.randint(1, BETWEEN))
            frozen = at.dice.choice(at.crew.members)
            hold(frozen)
            wait_until(lambda: _members(at) == 1, READY_SECONDS, "a group without the frozen one")
            at.advance(BETWEEN)
            let_go(frozen)
            wait_ready(frozen)
            at.recovered()
            at.glance()
        at.finish()


@pytest.mark.transactional
def test_members_come_and_go_all_the_time(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """Joining, leaving and dying, each before the group has settled after the one before."""
    changes = 60 if long_form else 6
    with scene(kafka=kafka, redis_url=redis_server.url, rate=BUSY, settings=SMALL) as at:
        at.create_topics()
        at.begin()
        for _ in range(changes):
            crew = at.crew
            act = at.dice.choice(("join", "leave", "die") if len(crew.members) > 1 else ("join",))
            if len(crew.members) > MOST_WORKERS:
                act = "leave"
            if act == "join":
                wait_ready(crew.start())
            elif act == "leave":
                crew.stop(at.dice.choice(crew.members))
            else:
                crew.kill(at.dice.choice(crew.members))
        at.recovered()
        at.finish()


def _members(at: Scene) -> int:
    """Return how many members a settled group has, 0 while it rebalances."""
    group = at.tape.group()
    return len(group["members"]) if group["group_state"] == "Stable" else 0
