"""An index in Redis learns the stories and decisions of its previous generation."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.dedup.text.signature import unpack_rows
from reprise.dedup.text.version import TEXT_VERSION
from reprise.errors import IndexMismatch
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import LAYOUT_VERSION, article_field, shard_of
from reprise.model import Decision, EventType, Fingerprint, Kind
from tests.contract.merging_stories import bridge, copy_of, story
from tests.contract.notice_pages import page
from tests.contract.texts import RULE, edit_words, make_fingerprint, make_text

pytestmark = pytest.mark.redis

T0 = 1_700_000_000_000
RETENTION = Retention(window_seconds=60, replay_seconds=20)
#: Other parameters than those of the previous generation.
OTHER = Rule(permutations=40)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def generation(client: redis.Redis, name: str | None, rule: Rule = OTHER) -> RedisIndex:
    """Return the index of a generation. It learns from the one without a generation."""
    return RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=300, generation=name)


def event_fields(decision: Decision) -> tuple[object, ...]:
    """Return the parts of a decision that the id and the time of its event depend on."""
    return decision.type, decision.story_id, decision.decided_at_ms, decision.supersedes


def test_two_generations_are_separate(client: redis.Redis, namespace: str) -> None:
    """Two indexes of one namespace with different parameters give the story of a founder the same id."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    (first,) = old.decide(namespace, [make_fingerprint("a", make_text(1, 2))], T0)
    (again,) = new.decide(namespace, [make_fingerprint("a", make_text(1, 2), rule=OTHER)], T0 + 5)
    assert event_fields(again) == (EventType.NEW, first.story_id, T0 + 5, None)
    assert not again.trace.replayed


def test_learning_in_another_order_keeps_the_stories(client: redis.Redis, namespace: str) -> None:
    """If a copy is learned before its founder, both and later variants have the story of the founder."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    text = make_text(1, 2, 3)
    founder, copy = old.decide(namespace, [make_fingerprint("a", text), make_fingerprint("b", edit_words(text, 4))], T0)
    assert (founder.type, copy.type) == (EventType.NEW, EventType.VARIANT)
    new.learn(
        namespace,
        [make_fingerprint("b", edit_words(text, 4), rule=OTHER), make_fingerprint("a", text, rule=OTHER)],
        T0 + 10,
    ).result()
    (later,) = new.decide(namespace, [make_fingerprint("c", edit_words(text, 9), rule=OTHER)], T0 + 20)
    assert (later.type, later.story_id) == (EventType.VARIANT, founder.story_id)


def test_a_later_crawl_repeats_the_old_decisions(client: redis.Redis, namespace: str) -> None:
    """The recorded decisions are those of the old index, so that nothing is announced twice."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    text, revised = make_text(1, 2, 3), edit_words(make_text(1, 2, 3), 4, 5)
    versions = [("a", text), ("b", edit_words(text, 6)), ("a", revised)]
    before = old.decide(namespace, [make_fingerprint(*version) for version in versions], T0)
    assert [decision.kind for decision in before] == [None, Kind.NEAR, Kind.REVISION]
    new.learn(namespace, [make_fingerprint(*versions[number], rule=OTHER) for number in (1, 0, 2)], T0 + 10).result()
    again = new.decide(namespace, [make_fingerprint(*version, rule=OTHER) for version in versions], T0 + 20)
    assert [event_fields(decision) for decision in again] == [event_fields(decision) for decision in before]
    assert all(decision.trace.replayed for decision in again)


def test_expired_articles_are_not_learned(client: redis.Redis, namespace: str) -> None:
    """An article that the old index has forgotten is not learned, because its story would not be announced."""
    old, new = generation(client, None, RULE), generation(client, "g2")
    text = make_text(1, 2, 3)
    old.decide(namespace, [make_fingerprint("x", make_text(7))], T0)
    new.learn(namespace, [make_fingerprint("a", text, rule=OTHER)], T0).result()
    (copy,) = new.decide(namespace, [make_fingerprint("b", text, rule=OTHER)], T0 + 1)
    assert copy.type is EventType.NEW


def test_without_a_previous_index_learning_is_deciding(client: redis.Redis, namespace: str) -> None:
    """If the previous generation has no index, a learned article has a story of its own."""
    new = generation(client, "g2")
    (first,) = new.learn(namespace, [make_fingerprint("a", make_text(1, 2), rule=OTHER)], T0).result()
    (copy,) = new.decide(namespace, [make_fingerprint("b", make_text(1, 2), rule=OTHER)], T0 + 1)
    assert new.previous_index(namespace) is None
    assert (copy.kind, copy.story_id) == (Kind.EXACT, first.story_id)


def test_every_key_has_its_generation(client: redis.Redis, namespace: str) -> None:
    """The keys of an old generation can be found and deleted."""
    generation(client, "g2").decide(namespace, [make_fingerprint("a", make_text(1, 2), rule=OTHER)], T0)
    keys = list(client.scan_iter(match=f"{{{namespace}}}:*"))
    assert keys
    assert all(key.startswith(f"{{{namespace}}}:g2:".encode()) for key in keys)


def test_pages_without_an_article_are_learned(client: redis.Redis, namespace: str) -> None:
    """A page that is crawled again repeats the old decision, and a further page of the notice is recognised."""
    old, new = generation(client, None, RULE), generation(client, "g2", RULE)
    pages = [page(number) for number in range(1, 5)]
    before = old.decide(namespace, pages, T0)
    assert [decision.is_article for decision in before] == [True, True, False, False]
    new.learn(namespace, pages, T0 + 1).result()
    *again, further = new.decide(namespace, [*pages, page(5)], T0 + 2)
    assert [(each.is_article, event_fields(each)) for each in again] == [
        (each.is_article, event_fields(each)) for each in before
    ]
    assert not further.is_article


OLD, YOUNG = 100, 200


def test_learned_merges_are_repeated_and_not_decided_again(client: redis.Redis, namespace: str) -> None:
    """A learned article repeats the merges that it showed in the old index; no other article shows them again."""
    old, new = generation(client, None, RULE), generation(client, "g2", RULE)
    articles = [*story(OLD, name="old"), *story(YOUNG, name="young")]
    (root, *_) = old.decide(namespace, articles, T0)
    new.learn(namespace, articles, T0 + 1).result()
    (merging,) = old.decide(namespace, [bridge(OLD, YOUNG)], T0 + 2)
    (learned,) = new.learn(namespace, [bridge(OLD, YOUNG)], T0 + 3).result()
    (again,) = new.decide(namespace, [bridge(OLD, YOUNG)], T0 + 4)
    assert len(merging.merges) == 1
    assert learned.merges == ()
    assert (again.merges, again.trace.replayed) == (merging.merges, True)
    other, copy = new.decide(namespace, [bridge(OLD, YOUNG, name="other"), copy_of(YOUNG, name="copy")], T0 + 5)
    assert (other.merges, other.story_id, copy.story_id) == ((), root.story_id, root.story_id)


def test_an_exact_copy_learns_the_merges_that_it_showed(client: redis.Redis, namespace: str) -> None:
    """The buckets of an exact copy are not looked up; they hold the representative of the same text."""
    old, new = generation(client, None, RULE), generation(client, "g2", replace(RULE, merge_sources=9))
    articles = [*story(OLD, name="old"), *story(YOUNG, name="young")]
    old.decide(namespace, articles, T0)
    new.learn(namespace, articles, T0 + 1).result()
    (merging,) = old.decide(namespace, [bridge(OLD, YOUNG)], T0 + 2)
    new.decide(namespace, [replace(bridge(OLD, YOUNG), article_id="twin")], T0 + 3)
    new.learn(namespace, [bridge(OLD, YOUNG)], T0 + 4).result()
    (again,) = new.decide(namespace, [bridge(OLD, YOUNG)], T0 + 5)
    assert len(merging.merges) == 1
    assert (again.merges, again.trace.replayed) == (merging.merges, True)


def test_articles_of_a_merged_story_are_learned_with_the_older_story(client: redis.Redis, namespace: str) -> None:
    """If the old index merged the stories before, later articles name the older story, without a second merge."""
    old, new = generation(client, None, RULE), generation(client, "g2", RULE)
    articles = [*story(OLD, name="old"), *story(YOUNG, name="young")]
    (root, *_) = old.decide(namespace, [*articles, bridge(OLD, YOUNG)], T0)
    new.learn(namespace, articles, T0 + 1).result()
    copy, other = new.decide(namespace, [copy_of(YOUNG, name="copy"), bridge(OLD, YOUNG, name="other")], T0 + 2)
    assert [each.story_id for each in (copy, other)] == [root.story_id] * 2
    assert other.merges == ()
    again = new.decide(namespace, articles, T0 + 3)
    assert len({each.story_id for each in again}) == 2
    assert all(each.trace.replayed for each in again)


def test_learning_merges_nothing_that_the_old_index_did_not_merge(client: redis.Redis, namespace: str) -> None:
    """A merge that the new rule alone finds waits for an article whose event is published."""
    old, new = generation(client, None, replace(RULE, merge_sources=9)), generation(client, "g2", RULE)
    articles = [*story(OLD, name="old"), *story(YOUNG, name="young"), bridge(OLD, YOUNG)]
    before = old.decide(namespace, articles, T0)
    learned = new.learn(namespace, articles, T0 + 1).result()
    assert [each.merges for each in (*before, *learned)] == [()] * 18
    (live,) = new.decide(namespace, [bridge(OLD, YOUNG, name="live")], T0 + 2)
    assert [(each.story_id, each.into) for each in live.merges] == [(before[4].story_id, before[0].story_id)]


def write_layout_1(client: redis.Redis, namespace: str, fingerprint: Fingerprint, story_id: str) -> None:
    """Write the keys of one decision and its representative in the previous layout."""
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


def test_the_previous_layout_is_learned(client: redis.Redis, namespace: str) -> None:
    """A worker refuses an index with the previous layout. A new generation learns its stories and decisions."""
    text, story_id = make_text(1, 2, 3), "5d" * 16
    original = make_fingerprint("a", text)
    write_layout_1(client, namespace, original, story_id)
    with pytest.raises(IndexMismatch, match=r"layout=1 .*reprise run --warm-up"):
        generation(client, None, RULE).prepare(namespace)
    new = generation(client, "g2", RULE)
    new.learn(namespace, [original], T0 + 10).result()
    (again,) = new.decide(namespace, [original], T0 + 20)
    assert (again.trace.replayed, again.story_id, again.decided_at_ms) == (True, story_id, T0)
    (copy,) = new.decide(namespace, [make_fingerprint("b", edit_words(text, 4))], T0 + 30)
    assert (copy.type, copy.story_id) == (EventType.VARIANT, story_id)


def test_the_versions_of_the_layout_before_are_learned(client: redis.Redis, namespace: str) -> None:
    """That layout has all versions of an article in the shard of the article."""
    old, new = generation(client, None, RULE), generation(client, "g2", RULE)
    text = make_text(1, 2, 3)
    versions = [make_fingerprint("a", text), make_fingerprint("a", edit_words(text, 4, 5))]
    before = old.decide(namespace, versions, T0)
    assert before[1].supersedes is not None
    keyspace = old.namespaces.open(namespace).keyspace
    shard = shard_of(article_field("a"), keyspace.shards)
    for kind in "vp":
        for other in range(keyspace.shards):
            fields = client.hgetall(f"{keyspace.prefix}{kind}:{other}")
            client.delete(f"{keyspace.prefix}{kind}:{other}")
            if fields:
                client.hset(f"{keyspace.prefix}{kind}:{shard}", mapping=fields)  # type: ignore[arg-type]  # invariant keys
    parameters = client.hget(f"{{{namespace}}}:reprise", "parameters")
    assert isinstance(parameters, bytes)
    earlier = parameters.replace(b"layout=%d " % LAYOUT_VERSION, b"layout=3 ")
    client.hset(f"{{{namespace}}}:reprise", "parameters", earlier)
    new.learn(namespace, versions, T0 + 10).result()
    again = new.decide(namespace, versions, T0 + 20)
    assert [event_fields(decision) for decision in again] == [event_fields(decision) for decision in before]
    assert all(decision.trace.replayed for decision in again)
