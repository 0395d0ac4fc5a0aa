"""On random streams the memory index and the Redis index make equal decisions with equal traces."""

import dataclasses
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from reprise.dedup.rule import Rule
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.pending_batch import PendingBatch
from reprise.model import Decision, EventType, Fingerprint, Trace
from tests.contract.conftest import RETENTION
from tests.contract.merging_stories import MERGE_RULE, merge_articles
from tests.contract.notice_pages import notice_pages
from tests.contract.texts import edit_words, make_text
from tests.contract.texts import make_fingerprint as fingerprint_of

pytestmark = pytest.mark.redis

#: Small limits, so that short streams reach them.
RULE = Rule(bucket_entries=3, candidates=4, permutations=16, sketch_size=48)

texts = st.one_of(
    st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True).map(lambda seeds: make_text(*seeds)),
    st.tuples(st.lists(st.integers(1, 6), min_size=2, max_size=4, unique=True), st.integers(0, 30)).map(
        lambda pair: edit_words(make_text(*pair[0]), pair[1])
    ),
    st.sampled_from(["", "!!!", "Home\nNews\nSport", "Home\nNews"]),
)
articles = st.builds(
    fingerprint_of,
    st.integers(0, 12).map(str),
    texts,
    source=st.sampled_from([None, "a", "b", "c"]),
    crawled_at_ms=st.sampled_from([None, 1_000, 2_000, 3_000]),
    rule=st.just(RULE),
)
#: Batches with the milliseconds since the previous one: within and after the replay retention, and after the window.
streams = st.lists(
    st.tuples(st.sampled_from([0, 1, 7_000, 21_000, 59_999, 60_000]), st.lists(articles, min_size=1, max_size=6)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams)
def test_redis_decides_as_the_memory_index(redis_url: str, stream: list[tuple[int, list[Fingerprint]]]) -> None:
    """The streams have expiry, revisions, late crawls, replays and full buckets."""
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"  # the server may have other data
    real = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
    reference = MemoryIndex(rule=RULE, retention=RETENTION)
    now_ms = 1_700_000_000_000
    for pause_ms, batch in stream:
        now_ms += pause_ms
        assert real.decide(namespace, batch, now_ms) == reference.decide(namespace, batch, now_ms)
    client.close()


@settings(max_examples=30, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams)
def test_a_repeated_batch_changes_nothing(redis_url: str, stream: list[tuple[int, list[Fingerprint]]]) -> None:
    """A batch that is sent twice, as after a lost response, has the same decisions. So do later batches."""
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"  # the server may have other data
    real = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
    now_ms = 1_700_000_000_000
    for pause_ms, batch in stream:
        now_ms += pause_ms
        once = real.decide(namespace + "-once", batch, now_ms)
        real.decide(namespace + "-twice", batch, now_ms)
        again = real.decide(namespace + "-twice", batch, now_ms)
        assert [_of_one_namespace(decision) for decision in once] == [_of_one_namespace(decision) for decision in again]
    client.close()


def _of_one_namespace(decision: Decision) -> Decision:
    """Return a decision without the values that differ between two namespaces: story ids, and counts of a replay."""
    return dataclasses.replace(decision, story_id="", supersedes=None, trace=Trace())


merge_streams = st.lists(
    st.tuples(st.sampled_from([0, 1, 21_000, 59_999]), st.lists(merge_articles, min_size=3, max_size=8)),
    min_size=2,
    max_size=8,
)


def _crawl(article_id: str, *paragraphs: int, source: str | None = None) -> Fingerprint:
    """Return an article with these paragraphs, as the streams above have them."""
    return fingerprint_of(article_id, make_text(*paragraphs), source=source, rule=MERGE_RULE)


#: The second story is merged into the first, expires, and is founded again by its founder, with the same story id. The
#: first story does not expire, so that the second stays merged, and another article joins the two.
FOUNDED_AGAIN = [
    (0, [_crawl("0", *range(10, 14), 40, source="a"), _crawl("2", *range(20, 24), 41, source="a")]),
    (
        0,
        [
            _crawl("3", *range(10, 14), 42, source="b"),
            _crawl("4", *range(20, 24), 40, source="b"),
            _crawl("1", *range(10, 13), *range(20, 23), source="c"),
        ],
    ),
    (59_999, [_crawl("5", *range(10, 14), 43)]),
    (1, [_crawl("2", *range(20, 24), 41, source="a"), _crawl("6", *range(20, 24), 44)]),
    (1, [_crawl("7", *range(20, 24), 45)]),
]

#: After a merge, article 9 matches a representative that is recorded for the merged story. Its second crawl is too
#: short to share a bucket with that representative. Another article of the same batch finds the merged story.
SHORT_SECOND_CRAWL = [
    (
        0,
        [
            _crawl("0", *range(10, 14), 40, source="a"),
            _crawl("2", *range(20, 24), 41, source="a"),
            _crawl("3", *range(10, 14), 42, source="b"),
            _crawl("4", *range(20, 24), 43, source="b"),
            _crawl("1", *range(10, 13), *range(20, 23), source="c"),
        ],
    ),
    (0, [_crawl("9", *range(20, 24), 41, source="d")]),
    (
        0,
        [
            _crawl("10", *range(20, 24), 47, source="e"),
            fingerprint_of("9", " ".join(make_text(*range(20, 24), 41).split()[60:76]), source="d", rule=MERGE_RULE),
        ],
    ),
]


@settings(max_examples=80, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=merge_streams)
@example(stream=FOUNDED_AGAIN)
@example(stream=SHORT_SECOND_CRAWL)
def test_redis_merges_as_the_memory_index(redis_url: str, stream: list[tuple[int, list[Fingerprint]]]) -> None:
    """The streams have merges, merges of merged stories, and later articles of all of them."""
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"
    # Every second batch is decided by a new worker, which has no cached records.
    first_worker = RedisIndex(client, rule=MERGE_RULE, retention=RETENTION, expected_articles=500)
    reference = MemoryIndex(rule=MERGE_RULE, retention=RETENTION)
    now_ms = 1_700_000_000_000
    merged: dict[str, str] = {}
    founded_ms: dict[str, int] = {}
    for number, (pause_ms, batch) in enumerate(stream):
        now_ms += pause_ms
        new_worker = RedisIndex(client, rule=MERGE_RULE, retention=RETENTION, expected_articles=500)
        decisions = (new_worker if number % 2 else first_worker).decide(namespace, batch, now_ms)
        assert decisions == reference.decide(namespace, batch, now_ms)
        for decision in decisions:
            event(f"merges in a decision: {len(decision.merges)}")
            for merge in decision.merges:
                assert merged.setdefault(merge.story_id, merge.into) == merge.into
            if decision.trace.replayed or not decision.is_article:
                continue
            if decision.type is EventType.NEW:
                # An article founds its story again only after its decision expired. That decision is kept for
                # `replay_ms` at least, even if the next article of the batch superseded it.
                earlier_ms = founded_ms.get(decision.story_id)
                assert earlier_ms is None or now_ms - earlier_ms >= RETENTION.replay_ms
                founded_ms[decision.story_id] = now_ms
            else:
                assert _follow(decision.story_id, merged) == decision.story_id
    client.close()


def test_founders_of_merged_stories_outlive_later_matches(redis_url: str) -> None:
    """A match, a merge and a new representative renew the founder of the root; so Redis has it as long as memory."""
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"
    index = RedisIndex(client, rule=MERGE_RULE, retention=RETENTION, expected_articles=500)
    now_ms = 1_700_000_000_000
    founders = [_crawl("0", *range(10, 14), 40, source="a"), _crawl("2", *range(20, 24), 41, source="a")]
    later = [_crawl("3", *range(10, 14), 42, source="b"), _crawl("4", *range(20, 24), 43, source="b")]
    index.decide(namespace, [*founders, *later], now_ms)
    merging, copy_of_second_story = (
        _crawl("1", *range(10, 13), *range(20, 23), source="c"),
        _crawl("9", *range(20, 24), 41, source="d"),
    )
    (root,) = client.scan_iter(f"*{namespace}*r:1", count=1000)
    for article in (merging, copy_of_second_story):
        client.pexpire(root, 30_000)
        (decision,) = index.decide(namespace, [article], now_ms)
        assert decision.type is EventType.VARIANT
        assert client.pttl(root) > RETENTION.window_ms
    client.close()


def _follow(story_id: str, merged: dict[str, str]) -> str:
    """Return the root of a story, as a consumer of the events computes it."""
    for _ in range(len(merged) + 1):
        if story_id not in merged:
            return story_id
        story_id = merged[story_id]
    raise AssertionError("the merges form a cycle")


notice_streams = st.lists(
    st.tuples(st.sampled_from([0, 1, 21_000, 59_999, 60_000]), st.lists(notice_pages(RULE), min_size=1, max_size=6)),
    min_size=2,
    max_size=10,
)


@settings(max_examples=100, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=notice_streams)
def test_redis_recognises_notices_as_the_memory_index(
    redis_url: str, stream: list[tuple[int, list[Fingerprint]]]
) -> None:
    """The streams have notices under several addresses, titles and sources, and articles at these addresses later."""
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"
    first_worker = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
    reference = MemoryIndex(rule=RULE, retention=RETENTION)
    now_ms = 1_700_000_000_000
    for number, (pause_ms, batch) in enumerate(stream):
        now_ms += pause_ms
        new_worker = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
        decisions = (new_worker if number % 2 else first_worker).decide(namespace, batch, now_ms)
        assert decisions == reference.decide(namespace, batch, now_ms)
        event(f"pages without an article in a batch: {sum(not decision.is_article for decision in decisions)}")
    client.close()


#: The next step of one of three workers, chosen again and again until all batches are done.
turns = st.lists(st.integers(0, 2), min_size=1, max_size=30)
small_texts = st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True).map(lambda seeds: make_text(*seeds))
worker_batches = st.lists(
    st.lists(
        st.builds(
            fingerprint_of,
            st.integers(0, 5).map(str),
            small_texts,
            source=st.sampled_from([None, "a", "b"]),
            rule=st.just(RULE),
        ),
        min_size=1,
        max_size=4,
    ),
    min_size=2,
    max_size=3,
)


@settings(max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=worker_batches, turns=turns)
def test_interleaved_workers_decide_as_in_some_order(
    redis_url: str, batches: list[list[Fingerprint]], turns: list[int]
) -> None:
    """Workers whose lookups and commits interleave in any way decide like one worker that gets the articles in turn."""
    _check_interleaving(redis_url, RULE, [], batches, turns)


notice_batches = st.lists(st.lists(notice_pages(RULE), min_size=1, max_size=4), min_size=2, max_size=3)


@settings(max_examples=100, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=notice_batches, turns=turns)
def test_interleaved_workers_recognise_notices_as_in_some_order(
    redis_url: str, batches: list[list[Fingerprint]], turns: list[int]
) -> None:
    """The same for pages that show a notice in place of an article."""
    _check_interleaving(redis_url, RULE, [], batches, turns)


merge_batches = st.lists(st.lists(merge_articles, min_size=1, max_size=5), min_size=2, max_size=3)


@settings(max_examples=100, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=merge_batches, turns=turns)
def test_interleaved_workers_merge_as_in_some_order(
    redis_url: str, batches: list[list[Fingerprint]], turns: list[int]
) -> None:
    """The same while workers merge the stories that other workers are about to join."""
    stories = [
        fingerprint_of(
            f"{first}-{source}", make_text(*range(first, first + 4), 50 + number), source=source, rule=MERGE_RULE
        )
        for first in (10, 20, 30)
        for number, source in enumerate("ab")
    ]
    _check_interleaving(redis_url, MERGE_RULE, stories, batches, turns)


def _check_interleaving(
    redis_url: str, rule: Rule, first: list[Fingerprint], batches: list[list[Fingerprint]], turns: list[int]
) -> None:
    """Compare interleaved workers with the memory index, after both have decided the articles `first`.

    The turn is the order in which the commits reached Redis; recorded decisions come last, since they change nothing.
    """
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"
    now_ms = 1_700_000_000_000
    indexes = [RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=500) for _ in batches]
    indexes[0].decide(namespace, first, now_ms)
    pending = [index.submit(namespace, batch, now_ms) for index, batch in zip(indexes, batches, strict=True)]
    steps = [_steps(each) for each in pending]
    # (time at which the commits were sent, worker, article) of each decided article
    order: list[tuple[int, int, int]] = []
    sent_at = [0] * len(batches)
    schedule = [*turns, *range(len(batches))]
    now = 0
    while not all(each.is_done for each in pending):
        worker = schedule[now % len(schedule)]
        now += 1
        if worker < len(batches) and not pending[worker].is_done:
            before = set(pending[worker].decided)
            sends_commits = next(steps[worker])
            sent_at[worker] = now if sends_commits else sent_at[worker]
            order += [(sent_at[worker], worker, number) for number in set(pending[worker].decided) - before]
    order.sort()
    decisions = [each.result() for each in pending]
    event(f"workers that merge: {sum(any(each.merges for each in batch) for batch in decisions)}")
    reference = MemoryIndex(rule=rule, retention=RETENTION)
    reference.decide(namespace, first, now_ms)
    replayed = [(w, n) for _, w, n in order if decisions[w][n].trace.replayed]
    changing = [(w, n) for _, w, n in order if not decisions[w][n].trace.replayed]
    for worker, number in [*changing, *replayed]:
        (expected,) = reference.decide(namespace, [batches[worker][number]], now_ms)
        decision = decisions[worker][number]
        if not decision.trace.indexed and not decision.merges and expected.merges:
            # The article is decided as of its lookup, since a commit that adds no representative does not read the
            # buckets again. A later article shows the merge. From here on the two indexes differ.
            event("a representative added after the lookup completed a merge")
            break
        assert _without_trace(decision) == _without_trace(expected)
    client.close()


def _steps(pending: PendingBatch) -> Iterator[bool]:
    """Run the steps of a batch one by one; yield whether the step sent commits."""
    while True:
        pending.decide()
        yield True
        pending.commit()
        yield False
        pending.look_up()
        yield False


def _without_trace(decision: Decision) -> Decision:
    return dataclasses.replace(decision, trace=Trace())
