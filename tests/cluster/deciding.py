"""A stream decided by an index whose cluster changes meanwhile."""

from collections.abc import Callable, Sequence
from typing import Final

import redis

from deploy.local.stack import wait_until
from reprise.dedup.rule import Rule
from reprise.errors import Unreachable
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, Fingerprint
from tests.contract.conftest import RETENTION
from tests.contract.streams import RULE

T0: Final = 1_700_000_000_000

#: Seconds within which a cluster must be usable again: a failover takes three, on a machine of one's own.
BACK_SECONDS: Final = 30.0


def index_on(client: redis.RedisCluster, rule: Rule = RULE) -> RedisIndex:
    """Give an index of one shard a kind: soon every key but records is there, as in one that has run for long."""
    return RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=50)


def insist(
    index: RedisIndex,
    namespace: str,
    batch: Sequence[Fingerprint],
    now_ms: int,
    meanwhile: Callable[[], object] = lambda: None,
) -> Sequence[Decision]:
    """Decide as the pipeline does: again and again while Redis is away, and nothing else in between but `meanwhile`."""

    def decided() -> Sequence[Decision]:
        try:
            return index.decide(namespace, batch, now_ms)
        except Unreachable:
            meanwhile()
            return ()

    return wait_until(decided, BACK_SECONDS, "a decided batch")


def told(decisions: Sequence[Decision]) -> list[tuple[object, ...]]:
    """Give all that an event is made of."""
    return [
        (
            each.type,
            each.story_id,
            each.kind,
            each.similarity,
            each.containment,
            each.matched_article_id,
            each.decided_at_ms,
            each.supersedes,
        )
        for each in decisions
    ]
