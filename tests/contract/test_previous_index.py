"""What an index learns from the generation before it, on a real Redis."""

from collections.abc import Iterator

import pytest
import redis

from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, EventType, Kind
from tests.contract.streams import RULE, article, edited, text_of

pytestmark = pytest.mark.redis

T0 = 1_700_000_000_000
RETENTION = Retention(window_seconds=60, replay_seconds=20)
#: Other parameters than those of the index before.
OTHER = Rule(permutations=40)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as found:
        yield found


def generation(client: redis.Redis, name: str | None, rule: Rule = OTHER) -> RedisIndex:
    """An index that learns from the one without a generation."""
    return RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=300, generation=name)


def told(decision: Decision) -> tuple[object, ...]:
    """What an event's id and its time are made of."""
    return decision.type, decision.story_id, decision.decided_at_ms, decision.supersedes


def test_two_generations_live_beside_each_other(client: redis.Redis, namespace: str) -> None:
    """Indexes of one namespace with other parameters do not see each other, and give a founder's story the same id."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    (first,) = old.decide(namespace, [article("a", text_of(1, 2))], T0)
    (again,) = new.decide(namespace, [article("a", text_of(1, 2), rule=OTHER)], T0 + 5)
    assert told(again) == (EventType.NEW, first.story_id, T0 + 5, None)
    assert not again.trace.replayed


def test_learning_in_another_order_keeps_the_stories(client: redis.Redis, namespace: str) -> None:
    """Where a copy is read before its founder, both belong to the founder's story, and so does what comes later."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    text = text_of(1, 2, 3)
    founder, copy = old.decide(namespace, [article("a", text), article("b", edited(text, 4))], T0)
    assert (founder.type, copy.type) == (EventType.NEW, EventType.VARIANT)
    new.learn(namespace, [article("b", edited(text, 4), rule=OTHER), article("a", text, rule=OTHER)], T0 + 10).result()
    (later,) = new.decide(namespace, [article("c", edited(text, 9), rule=OTHER)], T0 + 20)
    assert (later.type, later.story_id) == (EventType.VARIANT, founder.story_id)


def test_a_later_crawl_repeats_what_was_told(client: redis.Redis, namespace: str) -> None:
    """The decision on record is the one of the old index: a copy learnt first is no second announcement."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    text, revised = text_of(1, 2, 3), edited(text_of(1, 2, 3), 4, 5)
    sent = [("a", text), ("b", edited(text, 6)), ("a", revised)]
    before = old.decide(namespace, [article(*each) for each in sent], T0)
    assert [each.kind for each in before] == [None, Kind.NEAR, Kind.REVISION]
    new.learn(namespace, [article(*sent[at], rule=OTHER) for at in (1, 0, 2)], T0 + 10).result()
    again = new.decide(namespace, [article(*each, rule=OTHER) for each in sent], T0 + 20)
    assert [told(each) for each in again] == [told(each) for each in before]
    assert all(each.trace.replayed for each in again)


def test_what_the_old_index_forgot_is_not_learnt(client: redis.Redis, namespace: str) -> None:
    """An article past its window would found a story that nobody was told of: its copy is a new story, as ever."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    text = text_of(1, 2, 3)
    old.decide(namespace, [article("x", text_of(7))], T0)
    new.learn(namespace, [article("a", text, rule=OTHER)], T0).result()
    (copy,) = new.decide(namespace, [article("b", text, rule=OTHER)], T0 + 1)
    assert copy.type is EventType.NEW


def test_without_an_index_before_it_learns_as_it_decides(client: redis.Redis, namespace: str) -> None:
    """A namespace that holds nothing yet, or the own generation, leaves an article its own story."""
    new = generation(client, "g2")
    (first,) = new.learn(namespace, [article("a", text_of(1, 2), rule=OTHER)], T0).result()
    (copy,) = new.decide(namespace, [article("b", text_of(1, 2), rule=OTHER)], T0 + 1)
    assert new.previous_index(namespace) is None
    assert (copy.kind, copy.story_id) == (Kind.EXACT, first.story_id)


def test_every_key_of_a_generation_carries_it(client: redis.Redis, namespace: str) -> None:
    """So that the old index can be told from the new one, and be deleted."""
    generation(client, "g2").decide(namespace, [article("a", text_of(1, 2), rule=OTHER)], T0)
    keys = list(client.scan_iter(match=f"{{{namespace}}}:*"))
    assert keys
    assert all(key.startswith(f"{{{namespace}}}:g2:".encode()) for key in keys)
