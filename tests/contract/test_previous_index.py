"""What an index learns from the generation before it, on a real Redis."""

from collections.abc import Iterator

import pytest
import redis

from reprise.dedup.comparison import sketch_of
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.signature import unpack_rows
from reprise.dedup.text.version import TEXT_VERSION
from reprise.errors import IndexMismatch
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import article_field
from reprise.model import Decision, EventType, Fingerprint, Kind
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


def written_by_layout_1(client: redis.Redis, namespace: str, fingerprint: Fingerprint, story_id: str) -> None:
    """Write the keys of one decision and its representative as the version before wrote them."""
    signature = fingerprint.signature
    assert signature is not None
    client.hset(
        f"{{{namespace}}}:reprise",
        mapping={
            "version": "0a1b2c",
            "parameters": f"text={TEXT_VERSION} layout=1 permutations=32 sketch=256",
            "shards": 4,
            "number": 1,
        },
    )
    prefix, story = f"{{{namespace}}}:0a1b2c:", bytes.fromhex(story_id)
    article_id = fingerprint.article_id.encode()
    field, now = article_field(fingerprint.article_id), T0.to_bytes(6, "big")
    head = now + bytes([0, 0, 0, 0, 1]) + signature.shingle_count.to_bytes(4, "big") + bytes(8) + story + now
    rows = b"".join(row.to_bytes(4, "big") for row in unpack_rows(signature))
    sketch = b"".join(int(value).to_bytes(3, "big") for value in sketch_of(signature))
    client.set(f"{prefix}r:1", head + len(article_id).to_bytes(2, "big") + article_id + rows + sketch)
    decision = b"N" + bytes(4) + now + bytes([0, 0, 0, 0, 1]) + story
    shard = int.from_bytes(field[:4], "big") % 4
    client.hset(f"{prefix}a:{shard}", field, bytes(6) + fingerprint.content_hash + decision)
    content = fingerprint.content_hash
    text_shard = int.from_bytes(content[:4], "big") % 4
    client.hset(f"{prefix}t:{text_shard}", content[:8], bytes([0, 0, 0, 0, 1]) + now)


def test_the_layout_of_the_version_before_is_taken_over(client: redis.Redis, namespace: str) -> None:
    """A worker refuses the old index with the way out, and a warm-up beside it keeps its stories and decisions."""
    text, story_id = text_of(1, 2, 3), "5d" * 16
    original = article("a", text)
    written_by_layout_1(client, namespace, original, story_id)
    with pytest.raises(IndexMismatch, match=r"layout=1 .*reprise run --warm-up"):
        generation(client, None, RULE).prepare(namespace)
    new = generation(client, "g2", RULE)
    new.learn(namespace, [original], T0 + 10).result()
    (again,) = new.decide(namespace, [original], T0 + 20)
    assert (again.trace.replayed, again.story_id, again.decided_at_ms) == (True, story_id, T0)
    (copy,) = new.decide(namespace, [article("b", edited(text, 4))], T0 + 30)
    assert (copy.type, copy.story_id) == (EventType.VARIANT, story_id)
