"""Decisions of the Redis index on the five seed articles: four reprints of one report, and another text."""

from pathlib import Path

import pytest
import redis

from reprise.index.redis.index import RedisIndex
from tests.unit.dedup.test_seeds import ORDERS, RETENTION, RULE, fingerprint_seeds, stories


@pytest.mark.parametrize("with_sources", [False, True], ids=["no sources", "sources"])
def test_reprints_are_one_story_in_redis(seeds: list[Path], redis_url: str, namespace: str, with_sources: bool) -> None:
    """The Redis index makes the same decisions in all 120 orders."""
    fingerprints = fingerprint_seeds(seeds, with_sources)
    client = redis.Redis.from_url(redis_url)
    index = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=100)
    for at, order in enumerate(ORDERS):
        *reprints, other = stories(index, f"{namespace}-{at}", order, fingerprints)
        assert len(set(reprints)) == 1, order
        assert other != reprints[0], order
    client.close()
