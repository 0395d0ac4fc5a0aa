"""An index with stories in it, for the tests that look into one: 60 s of window, ids that say what an article is."""

import redis

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, Fingerprint
from tests.contract.streams import RULE, article, text_of

T0 = 1_700_000_000_000
RETENTION = Retention(window_seconds=60, replay_seconds=20)


def index_on(client: redis.Redis, *, generation: str | None = None, rule: Rule = RULE) -> RedisIndex:
    return RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=300, generation=generation)


def stream(stories: int) -> list[Fingerprint]:
    """Articles of so many stories: a founder, a variant that is indexed, and an exact copy."""
    articles = []
    for story in range(stories):
        text = text_of(10 * story, 10 * story + 1, 10 * story + 2)
        longer = f"{text}\n{text_of(10 * story + 5)}"
        named = {"founder": text, "longer": longer, "copy": text}
        articles += [article(f"{name}-{story}", each, source=name) for name, each in named.items()]
    return articles


def told(index: RedisIndex, namespace: str, articles: list[Fingerprint], now_ms: int = T0) -> dict[str, Decision]:
    decisions = index.decide(namespace, articles, now_ms)
    return {each.article_id: decision for each, decision in zip(articles, decisions, strict=True)}
