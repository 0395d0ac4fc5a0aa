"""A look into an index on a real Redis: what it finds is what was decided, and it changes nothing."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
import redis

from reprise.dedup.decision import source_key
from reprise.dedup.rule import Rule
from reprise.errors import Fatal, IndexMismatch
from reprise.index.redis.index import parameters
from reprise.index.redis.inspect import IndexInspector, find_index
from reprise.index.redis.inspect_types import StoredRepresentative
from reprise.index.redis.keys import meta_key
from reprise.model import EventType, Kind
from tests.contract.stories import RETENTION, T0, index_on, stream, told
from tests.contract.streams import article, edited, text_of

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=5.0) as found:
        yield found


def look_into(client: redis.Redis, namespace: str, generation: str | None = None) -> IndexInspector:
    return find_index(client, namespace, generation=generation, retention=RETENTION)


def walked(look: IndexInspector, story_id: str, now_ms: int = T0) -> list[StoredRepresentative]:
    return [each for _, found in look.find_story(story_id, now_ms) for each in found]


def test_a_small_index_is_counted_as_a_whole(client: redis.Redis, namespace: str) -> None:
    """Representatives, founders, articles, texts and revisions are as many as were decided."""
    index = index_on(client)
    decisions = told(index, namespace, stream(20))
    told(index, namespace, [article("founder-0", edited(text_of(0, 1, 2), 4))], T0 + 500)
    survey = look_into(client, namespace).stats(T0 + 1_000)
    added = [each for each in decisions.values() if each.trace.indexed]
    assert (survey.founders, survey.representatives) == (20, len(added))
    assert survey.representatives == 40
    assert (survey.articles, survey.texts) == (60, 41)
    assert (survey.revisions, survey.superseded) == (1, 1)
    assert (survey.oldest_ms, survey.newest_ms) == (T0, T0 + 500)


def test_what_is_forgotten_is_no_representative(client: redis.Redis, namespace: str) -> None:
    """A representative lives to the last moment of its window, in the counts and in its story."""
    decisions = told(index_on(client), namespace, stream(3))
    look = look_into(client, namespace)
    story = decisions["founder-0"].story_id
    last = T0 + RETENTION.window_ms - 1
    assert (look.stats(last).representatives, len(walked(look, story, last))) == (6, 2)
    assert (look.stats(last + 1).representatives, walked(look, story, last + 1)) == (0, [])
    assert look.stats(last + 1).oldest_ms is None


def test_an_empty_index_holds_nothing(client: redis.Redis, namespace: str) -> None:
    """A worker that has read no article yet is no error."""
    index_on(client).prepare(namespace)
    look = look_into(client, namespace)
    assert (look.info.last_number, look.info.swept_ms) == (0, None)
    assert (look.stats(T0).representatives, look.stats(T0).articles, look.stats(T0).newest_ms) == (0, 0, None)
    assert list(look.find_story("0" * 32, T0)) == []


def test_a_story_is_all_its_representatives(client: redis.Redis, namespace: str) -> None:
    """Wherever in the walk a story lies: what was added for it, the newest first, and nothing else."""
    articles = stream(1_100)
    decisions = told(index_on(client), namespace, articles)
    expected: defaultdict[str, list[str]] = defaultdict(list)
    for name, decision in decisions.items():
        if decision.trace.indexed:
            expected[decision.story_id].insert(0, name)
    look = look_into(client, namespace)
    assert look.info.last_number > 2_000
    for name in ("founder-0", "founder-500", "founder-1099"):
        story = decisions[name].story_id
        assert [each.article_id for each in walked(look, story)] == expected[story]


def test_a_representative_is_described(client: redis.Redis, namespace: str) -> None:
    """Founder or not, source, size and when it was seen: as the article had it."""
    articles = [article("é-1", text_of(1, 2, 3)), article("b", f"{text_of(1, 2, 3)}\n{text_of(4)}", source="two")]
    decisions = told(index_on(client), namespace, articles)
    later, founder = walked(look_into(client, namespace), decisions["b"].story_id)
    assert (founder.article_id, founder.is_founder, founder.source) == ("é-1", True, None)
    assert (later.article_id, later.is_founder, later.source) == ("b", False, source_key("two").hex())
    signature = articles[0].signature
    assert signature is not None
    assert (founder.shingle_count, founder.last_seen_ms) == (signature.shingle_count, T0)


def test_an_article_leads_to_its_story(client: redis.Redis, namespace: str) -> None:
    """The latest decision is found by the article's id, a variant's with what it matched."""
    decisions = told(index_on(client), namespace, stream(2))
    look = look_into(client, namespace)
    founder, copy = look.find_decision("founder-1", T0), look.find_decision("copy-1", T0)
    assert founder is not None
    assert copy is not None
    assert (founder.type, founder.kind, founder.decided_at_ms) == (EventType.NEW, None, T0)
    assert (copy.type, copy.kind, copy.matched_article_id) == (EventType.VARIANT, Kind.EXACT, "founder-1")
    assert founder.story_id == copy.story_id == copy.published_story_id == decisions["copy-1"].story_id
    assert look.find_decision("nobody", T0) is None
    assert look.find_decision("founder-1", T0 + RETENTION.record_ms) is None


def test_stories_that_met_are_one(client: redis.Redis, namespace: str) -> None:
    """An article whose story went over to an older one leads to that, and says which its event named."""
    articles = [
        article("a", text_of(1, 2, 3, 4, 5, 6), source="a"),
        article("b", text_of(1, 2, 3, 7), source="b"),
        article("c", text_of(11, 12, 13, 14, 15, 16), source="c"),
        article("d", f"{text_of(1, 2, 3)}\n{text_of(11, 12, 13, 14, 15)}", source="d"),
    ]
    decisions = told(index_on(client), namespace, articles)
    look = look_into(client, namespace)
    moved = look.find_decision("c", T0)
    assert moved is not None
    assert (moved.published_story_id, moved.story_id) == (decisions["c"].story_id, decisions["a"].story_id)
    assert moved.published_story_id != moved.story_id
    assert [each.article_id for each in walked(look, moved.story_id)] == ["d", "c", "b", "a"]
    assert walked(look, moved.published_story_id) == []


def test_a_look_changes_nothing(client: redis.Redis, namespace: str) -> None:
    """Every key holds afterwards what it held before, and none is new."""

    def everything() -> dict[bytes, bytes | None]:
        return {key: client.dump(key) for key in client.scan_iter(match=f"{{{namespace}}}:*", count=1_000)}

    decisions = told(index_on(client), namespace, stream(10))
    before = everything()
    look = look_into(client, namespace)
    look.stats(T0 + 1)
    look.find_decision("copy-3", T0 + 1)
    look.server_info()
    walked(look, decisions["founder-3"].story_id, T0 + 1)
    assert everything() == before


def test_no_index_is_an_error_and_none_is_made(client: redis.Redis, namespace: str) -> None:
    """A namespace, or a generation of it, that nobody wrote is named in one line; looking creates nothing."""
    with pytest.raises(Fatal, match=f"namespace '{namespace}' holds no index"):
        look_into(client, namespace)
    assert not client.exists(meta_key(namespace))
    index_on(client).prepare(namespace)
    with pytest.raises(Fatal, match=r"generation 'g2', holds no index"):
        look_into(client, namespace, "g2")


def test_a_generation_is_an_index_of_its_own(client: redis.Redis, namespace: str) -> None:
    """What one generation holds is not seen in another."""
    told(index_on(client), namespace, stream(2))
    told(index_on(client, generation="g2"), namespace, stream(5))
    assert look_into(client, namespace).stats(T0).founders == 2
    assert look_into(client, namespace, "g2").stats(T0).founders == 5


def test_an_index_of_other_parameters_can_be_looked_into(client: redis.Redis, namespace: str) -> None:
    """Who looks need not know how an index was written: its parameters are told, and its stories are found."""
    other = Rule(permutations=16, sketch_size=64)
    index = index_on(client, rule=other)
    founder = article("a", text_of(1, 2, 3), rule=other)
    (decision,) = index.decide(namespace, [founder], T0)
    look = look_into(client, namespace)
    assert look.info.parameters == parameters(other)
    assert look.stats(T0).representatives == 1
    assert [each.article_id for each in walked(look, decision.story_id)] == ["a"]


def test_another_layout_is_refused(client: redis.Redis, namespace: str) -> None:
    """What cannot be read is not misread: the line names both layouts."""
    index_on(client).prepare(namespace)
    client.hset(meta_key(namespace), "parameters", "text=1 layout=0 permutations=32 sketch=256")
    with pytest.raises(IndexMismatch, match=r"layout=0 .*layout=[1-9]"):
        look_into(client, namespace)


def test_the_server_is_asked(client: redis.Redis, namespace: str) -> None:
    """Name, memory and policy are the server's own."""
    index_on(client).prepare(namespace)
    server, told_by_server = look_into(client, namespace).server_info(), client.info("memory")
    assert server.name.split()[0] in {"Redis", "Valkey"}
    assert server.used_bytes > 0
    assert server.policy == told_by_server["maxmemory_policy"]
    assert server.max_bytes == (told_by_server["maxmemory"] or None)
