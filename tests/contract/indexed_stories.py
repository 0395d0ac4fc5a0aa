"""An index with stories for the inspection tests, with a window of 60 s. Article ids have the role of the article."""

import redis

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, Fingerprint
from tests.contract.texts import RULE, make_fingerprint, make_text

T0 = 1_700_000_000_000
RETENTION = Retention(window_seconds=60, replay_seconds=20)


def make_index(client: redis.Redis, *, generation: str | None = None, rule: Rule = RULE) -> RedisIndex:
    return RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=300, generation=generation)


def make_stories(stories: int) -> list[Fingerprint]:
    """Return three articles of each story: a founder, a variant that is indexed, and an exact copy."""
    articles = []
    for story in range(stories):
        text = make_text(10 * story, 10 * story + 1, 10 * story + 2)
        longer = f"{text}\n{make_text(10 * story + 5)}"
        texts = {"founder": text, "longer": longer, "copy": text}
        articles += [make_fingerprint(f"{name}-{story}", content, source=name) for name, content in texts.items()]
    return articles


def decide_by_id(
    index: RedisIndex, namespace: str, articles: list[Fingerprint], now_ms: int = T0
) -> dict[str, Decision]:
    decisions = index.decide(namespace, articles, now_ms)
    return {article.article_id: decision for article, decision in zip(articles, decisions, strict=True)}
