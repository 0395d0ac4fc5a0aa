"""The inspection of an index in Redis returns its decisions and changes nothing."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
import redis

from reprise.dedup.decision import source_key
from reprise.dedup.rule import Rule
from reprise.errors import Fatal, IndexMismatch
from reprise.index.redis.inspect import IndexInspector, find_index
from reprise.index.redis.inspect_types import StoredRepresentative
from reprise.index.redis.keys import meta_key
from reprise.index.redis.namespaces import parameters
from reprise.model import EventType, Kind
from tests.contract.indexed_stories import RETENTION, T0, decide_by_id, make_index, make_stories
from tests.contract.merging_stories import bridge, story
from tests.contract.texts import edit_words, make_fingerprint, make_text

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=5.0) as client:
        yield client


def inspect(client: redis.Redis, namespace: str, generation: str | None = None) -> IndexInspector:
    return find_index(client, namespace, generation=generation, retention=RETENTION)


def representatives(inspector: IndexInspector, story_id: str, now_ms: int = T0) -> list[StoredRepresentative]:
    return [stored for _, page in inspector.find_story(story_id, now_ms) for stored in page]


def test_a_small_index_is_counted_completely(client: redis.Redis, namespace: str) -> None:
    """The numbers of representatives, founders, articles, texts and revisions are those of the decisions."""
    index = make_index(client)
    decisions = decide_by_id(index, namespace, make_stories(20))
    decide_by_id(index, namespace, [make_fingerprint("founder-0", edit_words(make_text(0, 1, 2), 4))], T0 + 500)
    stats = inspect(client, namespace).stats(T0 + 1_000)
    added = [decision for decision in decisions.values() if decision.trace.indexed]
    assert (stats.founders, stats.representatives) == (20, len(added))
    assert stats.representatives == 40
    assert (stats.articles, stats.texts) == (60, 41)
    assert (stats.revisions, stats.superseded) == (1, 1)
    assert (stats.oldest_ms, stats.newest_ms) == (T0, T0 + 500)


def test_expired_representatives_are_not_counted(client: redis.Redis, namespace: str) -> None:
    """A representative is counted and listed until the last millisecond of its window."""
    decisions = decide_by_id(make_index(client), namespace, make_stories(3))
    inspector = inspect(client, namespace)
    story = decisions["founder-0"].story_id
    last = T0 + RETENTION.window_ms - 1
    assert (inspector.stats(last).representatives, len(representatives(inspector, story, last))) == (6, 2)
    assert (inspector.stats(last + 1).representatives, representatives(inspector, story, last + 1)) == (0, [])
    assert inspector.stats(last + 1).oldest_ms is None


def test_an_empty_index_has_no_entries(client: redis.Redis, namespace: str) -> None:
    """An index without articles is no error."""
    make_index(client).prepare(namespace)
    inspector = inspect(client, namespace)
    assert (inspector.info.last_number, inspector.info.swept_ms) == (0, None)
    assert (inspector.stats(T0).representatives, inspector.stats(T0).articles, inspector.stats(T0).newest_ms) == (
        0,
        0,
        None,
    )
    assert list(inspector.find_story("0" * 32, T0)) == []


def test_a_story_has_all_its_representatives(client: redis.Redis, namespace: str) -> None:
    """First, middle and last stories of the index have exactly their representatives, the newest first."""
    articles = make_stories(1_100)
    decisions = decide_by_id(make_index(client), namespace, articles)
    expected: defaultdict[str, list[str]] = defaultdict(list)
    for name, decision in decisions.items():
        if decision.trace.indexed:
            expected[decision.story_id].insert(0, name)
    inspector = inspect(client, namespace)
    assert inspector.info.last_number > 2_000
    for name in ("founder-0", "founder-500", "founder-1099"):
        story = decisions[name].story_id
        assert [stored.article_id for stored in representatives(inspector, story)] == expected[story]


def test_a_representative_has_the_fields_of_its_article(client: redis.Redis, namespace: str) -> None:
    """Founder or not, source, number of shingles and time are those of the article."""
    articles = [
        make_fingerprint("é-1", make_text(1, 2, 3)),
        make_fingerprint("b", f"{make_text(1, 2, 3)}\n{make_text(4)}", source="two"),
    ]
    decisions = decide_by_id(make_index(client), namespace, articles)
    later, founder = representatives(inspect(client, namespace), decisions["b"].story_id)
    assert (founder.article_id, founder.is_founder, founder.source) == ("é-1", True, None)
    assert (later.article_id, later.is_founder, later.source) == ("b", False, source_key("two").hex())
    signature = articles[0].signature
    assert signature is not None
    assert (founder.shingle_count, founder.last_seen_ms) == (signature.shingle_count, T0)


def test_a_decision_is_found_by_the_article_id(client: redis.Redis, namespace: str) -> None:
    """The latest decision of an article has its story and the matched article."""
    decisions = decide_by_id(make_index(client), namespace, make_stories(2))
    inspector = inspect(client, namespace)
    founder, copy = inspector.find_decision("founder-1", T0), inspector.find_decision("copy-1", T0)
    assert founder is not None
    assert copy is not None
    assert (founder.type, founder.kind, founder.decided_at_ms) == (EventType.NEW, None, T0)
    assert (copy.type, copy.kind, copy.matched_article_id) == (EventType.VARIANT, Kind.EXACT, "founder-1")
    assert founder.story_id == copy.story_id == copy.published_story_id == decisions["copy-1"].story_id
    assert inspector.find_decision("unknown", T0) is None
    assert inspector.find_decision("founder-1", T0 + RETENTION.record_ms) is None


def test_merged_stories_are_one(client: redis.Redis, namespace: str) -> None:
    """The decision of an article of a merged story has both stories, whose representatives are listed together."""
    articles = [*story(100, name="old"), *story(200, name="young"), bridge(100, 200)]
    decisions = decide_by_id(make_index(client), namespace, articles)
    inspector = inspect(client, namespace)
    old, young = decisions["old-a"].story_id, decisions["young-a"].story_id
    merged = inspector.find_decision("young-b", T0)
    assert merged is not None
    assert (merged.published_story_id, merged.story_id) == (young, old)
    assert (inspector.find_root(young), inspector.find_root(old), inspector.find_root("0" * 32)) == (old, old, "0" * 32)
    stored = representatives(inspector, old)
    assert [each.article_id for each in stored] == [article.article_id for article in reversed(articles)]
    assert [each.article_id for each in stored if each.is_founder] == ["old-a"]
    assert representatives(inspector, young) == []
    assert inspector.stats(T0).founders == 1


def test_an_inspection_changes_nothing(client: redis.Redis, namespace: str) -> None:
    """All keys and their values are the same before and after it."""

    def dump_all() -> dict[bytes, bytes | None]:
        return {key: client.dump(key) for key in client.scan_iter(match=f"{{{namespace}}}:*", count=1_000)}

    decisions = decide_by_id(make_index(client), namespace, make_stories(10))
    before = dump_all()
    inspector = inspect(client, namespace)
    inspector.stats(T0 + 1)
    inspector.find_decision("copy-3", T0 + 1)
    inspector.server_info()
    representatives(inspector, decisions["founder-3"].story_id, T0 + 1)
    assert dump_all() == before


def test_a_missing_index_is_an_error(client: redis.Redis, namespace: str) -> None:
    """The error names the namespace or the generation without an index. The inspection creates no key."""
    with pytest.raises(Fatal, match=f"namespace '{namespace}' holds no index"):
        inspect(client, namespace)
    assert not client.exists(meta_key(namespace))
    make_index(client).prepare(namespace)
    with pytest.raises(Fatal, match=r"generation 'g2', holds no index"):
        inspect(client, namespace, "g2")


def test_generations_are_separate(client: redis.Redis, namespace: str) -> None:
    """The entries of one generation are not counted in another."""
    decide_by_id(make_index(client), namespace, make_stories(2))
    decide_by_id(make_index(client, generation="g2"), namespace, make_stories(5))
    assert inspect(client, namespace).stats(T0).founders == 2
    assert inspect(client, namespace, "g2").stats(T0).founders == 5


def test_an_index_with_other_parameters_can_be_inspected(client: redis.Redis, namespace: str) -> None:
    """The inspection reads the parameters from the index, and finds its stories."""
    other = Rule(permutations=16, sketch_size=64)
    index = make_index(client, rule=other)
    founder = make_fingerprint("a", make_text(1, 2, 3), rule=other)
    (decision,) = index.decide(namespace, [founder], T0)
    inspector = inspect(client, namespace)
    assert inspector.info.parameters == parameters(other)
    assert inspector.stats(T0).representatives == 1
    assert [stored.article_id for stored in representatives(inspector, decision.story_id)] == ["a"]


def test_another_layout_is_refused(client: redis.Redis, namespace: str) -> None:
    """The error names the layout of the index and the supported one."""
    make_index(client).prepare(namespace)
    client.hset(meta_key(namespace), "parameters", "text=1 layout=0 permutations=32 sketch=256")
    with pytest.raises(IndexMismatch, match=r"layout=0 .*layout=[1-9]"):
        inspect(client, namespace)


def test_server_info_is_that_of_the_server(client: redis.Redis, namespace: str) -> None:
    """Name, memory and eviction policy equal the values of INFO."""
    make_index(client).prepare(namespace)
    server, info = inspect(client, namespace).server_info(), client.info("memory")
    assert server.name.split()[0] in {"Redis", "Valkey"}
    assert server.used_bytes > 0
    assert server.policy == info["maxmemory_policy"]
    assert server.max_bytes == (info["maxmemory"] or None)


def test_representatives_in_no_bucket_are_counted(client: redis.Redis, namespace: str) -> None:
    """The numbers of `stats` and of the metric are those of the keys, also where buckets are full."""
    index = make_index(client)
    phrase = make_text(7)
    for number in range(60):
        index.decide(namespace, [make_fingerprint(f"a{number}", phrase + make_text(100 + number))], T0)
    keys = len(list(client.scan_iter(match=f"{{{namespace}}}:*:r:*", count=1000)))
    assert keys > 12  # a bucket holds no more
    assert inspect(client, namespace).stats(T0).representatives == keys
    assert index.size(namespace, T0) == keys
