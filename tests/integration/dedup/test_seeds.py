"""The five seed articles in Redis: four reprints of one report and a text of its own about the same affair."""

from pathlib import Path

import pytest
import redis

from reprise.index.redis.index import RedisIndex
from tests.unit.dedup.test_seeds import ORDERS, RETENTION, RULE, prints, stories


@pytest.mark.parametrize("with_sources", [False, True], ids=["no sources", "sources"])
def test_reprints_are_one_story_in_redis(seeds: list[Path], redis_url: str, namespace: str, with_sources: bool) -> None:
    """Redis finds the same in all 120 orders."""
    fingerprints = prints(seeds, with_sources)
    client = redis.Redis.from_url(redis_url)
    index = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=100)
    for at, order in enumerate(ORDERS):
        *reprints, other = stories(index, f"{namespace}-{at}", order, fingerprints)
        assert len(set(reprints)) == 1, order
        assert other != reprints[0], order
    client.close()
