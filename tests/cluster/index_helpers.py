"""An index on a cluster that changes while articles are decided."""

from collections.abc import Callable, Sequence
from typing import Final

import redis

from deploy.local.stack import wait_until
from reprise.dedup.rule import Rule
from reprise.errors import Unreachable
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, Fingerprint
from tests.contract.conftest import RETENTION
from tests.contract.texts import RULE

T0: Final = 1_700_000_000_000

#: Maximum seconds until a cluster accepts commands again. A failover takes three on an idle machine.
RECOVERY_SECONDS: Final = 30.0


def make_index(client: redis.RedisCluster, rule: Rule = RULE) -> RedisIndex:
    """Return an index with one shard for each kind of key, so that all keys but records exist soon."""
    return RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=50)


def decide_with_retry(
    index: RedisIndex,
    namespace: str,
    batch: Sequence[Fingerprint],
    now_ms: int,
    meanwhile: Callable[[], object] = lambda: None,
) -> Sequence[Decision]:
    """Repeat a decision while Redis is unreachable, as the pipeline does, and call `meanwhile` between the attempts."""

    def decide() -> Sequence[Decision]:
        try:
            return index.decide(namespace, batch, now_ms)
        except Unreachable:
            meanwhile()
            return ()

    return wait_until(decide, RECOVERY_SECONDS, "a decided batch")


def event_contents(decisions: Sequence[Decision]) -> list[tuple[object, ...]]:
    """Return the parts of the decisions that events are made of."""
    return [
        (
            decision.type,
            decision.story_id,
            decision.kind,
            decision.similarity,
            decision.containment,
            decision.matched_article_id,
            decision.decided_at_ms,
            decision.supersedes,
        )
        for decision in decisions
    ]
