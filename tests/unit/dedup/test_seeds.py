"""Decisions on the five seed articles: four reprints of one report, and another text about the same event."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Fingerprint

RULE = Rule()
RETENTION = Retention(window_seconds=600, replay_seconds=60)
ORDERS = list(permutations(range(5)))


def fingerprint_seeds(seeds: Sequence[Path], with_sources: bool) -> list[Fingerprint]:
    return [
        fingerprint(
            Article(
                article_id=str(number),
                text=seed.read_text("utf-8"),
                source=f"site{number}.example" if with_sources else None,
            ),
            RULE,
        )
        for number, seed in enumerate(seeds)
    ]


def stories(
    index: MemoryIndex | RedisIndex, namespace: str, order: Sequence[int], fingerprints: Sequence[Fingerprint]
) -> list[str]:
    """Decide the seeds in an order; return the story of each seed, in the order of their numbers."""
    decisions = index.decide(namespace, [fingerprints[number] for number in order], 1_000_000)
    story_of = dict(zip(order, (decision.story_id for decision in decisions), strict=True))
    return [story_of[number] for number in range(5)]


def in_memory() -> MemoryIndex:
    return MemoryIndex(rule=RULE, retention=RETENTION)


@pytest.mark.parametrize("with_sources", [False, True], ids=["no sources", "sources"])
def test_reprints_are_one_story_in_every_order(seeds: list[Path], with_sources: bool) -> None:
    """In all 120 orders, with and without sources, the reprints are one story and the fifth text another."""
    fingerprints = fingerprint_seeds(seeds, with_sources)
    for order in ORDERS:
        *reprints, other = stories(in_memory(), "n", order, fingerprints)
        assert len(set(reprints)) == 1, order
        assert other != reprints[0], order
