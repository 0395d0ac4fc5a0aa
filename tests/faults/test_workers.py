"""Workers that die, are stopped, freeze, come and go, with a load running: nothing is lost, nothing announced twice."""

import pytest

from tests.faults.scene import OpenScene
from tests.faults.servers import RedisServer

#: The most workers at once.
MOST_WORKERS = 3

#: Articles between two kills, at most: some batches, so that a kill falls anywhere in one.
BETWEEN_KILLS = 150


@pytest.mark.transactional
def test_workers_are_killed_at_random_moments(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """SIGKILL again and again, one to three workers at a time, whatever step they are at."""
    kills = 100 if long_form else 6
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin(workers=2)
        for number in range(1, kills + 1):
            at.advance(at.dice.randint(1, BETWEEN_KILLS))
            at.crew.kill(at.dice.choice(at.crew.members))
            if number % (kills // 5 or 1) == 0:
                at.glance()
            for _ in range(at.dice.randint(0 if at.crew.members else 1, MOST_WORKERS - len(at.crew.members))):
                at.crew.start()
            at.recovered()
        at.finish()
