"""Random streams: the reference and Redis take the same decisions, down to their counters."""

import dataclasses
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprise.dedup.rule import Rule
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import PendingBatch, RedisIndex
from reprise.model import Decision, Fingerprint, Trace
from tests.contract.conftest import RETENTION
from tests.contract.streams import article as fingerprint_of
from tests.contract.streams import edited, text_of

pytestmark = pytest.mark.redis

#: Small bounds, so that short streams reach them.
RULE = Rule(bucket_entries=3, candidates=4, permutations=16, sketch_size=48)

texts = st.one_of(
    st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True).map(lambda seeds: text_of(*seeds)),
    st.tuples(st.lists(st.integers(1, 6), min_size=2, max_size=4, unique=True), st.integers(0, 30)).map(
        lambda pair: edited(text_of(*pair[0]), pair[1])
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
#: Batches, each with the milliseconds since the one before: within the replay time, beyond it, beyond the window.
streams = st.lists(
    st.tuples(st.sampled_from([0, 1, 7_000, 21_000, 59_999, 60_000]), st.lists(articles, min_size=1, max_size=6)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams)
def test_redis_and_the_reference_decide_alike(redis_url: str, stream: list[tuple[int, list[Fingerprint]]]) -> None:
    """Over any stream, with expiry, revisions, late crawls, replays and full buckets, both indexes agree."""
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"  # one of its own: the server may be a user's
    real = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
    reference = MemoryIndex(rule=RULE, retention=RETENTION)
    now_ms = 1_700_000_000_000
    for pause_ms, batch in stream:
        now_ms += pause_ms
        assert real.decide(namespace, batch, now_ms) == reference.decide(namespace, batch, now_ms)
    client.close()


@settings(max_examples=30, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams)
def test_running_a_batch_twice_changes_nothing(redis_url: str, stream: list[tuple[int, list[Fingerprint]]]) -> None:
    """A batch that is sent again because its answer was lost gets the same decisions, and so does all that follows."""
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"  # one of its own: the server may be a user's
    real = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
    now_ms = 1_700_000_000_000
    for pause_ms, batch in stream:
        now_ms += pause_ms
        once = real.decide(namespace + "-once", batch, now_ms)
        real.decide(namespace + "-twice", batch, now_ms)
        again = real.decide(namespace + "-twice", batch, now_ms)
        assert [_of_one_namespace(each) for each in once] == [_of_one_namespace(each) for each in again]
    client.close()


def _of_one_namespace(decision: Decision) -> Decision:
    """Return a decision without the values that differ between two namespaces: story ids, and counts of a replay."""
    return dataclasses.replace(decision, story_id="", supersedes=None, trace=Trace())


#: The next step of one of three workers, chosen again and again until all batches are done.
turns = st.lists(st.integers(0, 2), min_size=1, max_size=30)
small_texts = st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True).map(lambda seeds: text_of(*seeds))
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
    """Workers whose lookups and commits interleave in any way decide like one worker that gets the articles in turn.

    The turn is the order in which the commits reached Redis; recorded decisions come last, since they change nothing.
    """
    client = redis.Redis.from_url(redis_url)
    namespace = f"property-{uuid4().hex}"
    now_ms = 1_700_000_000_000
    indexes = [RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500) for _ in batches]
    pending = [index.submit(namespace, batch, now_ms) for index, batch in zip(indexes, batches, strict=True)]
    steps = [_steps(each) for each in pending]
    #: (time at which the commits were sent, worker, article) of each article that is decided
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
    reference = MemoryIndex(rule=RULE, retention=RETENTION)
    replayed = [(w, n) for _, w, n in order if decisions[w][n].trace.replayed]
    changing = [(w, n) for _, w, n in order if not decisions[w][n].trace.replayed]
    for worker, number in [*changing, *replayed]:
        (expected,) = reference.decide(namespace, [batches[worker][number]], now_ms)
        assert _without_trace(decisions[worker][number]) == _without_trace(expected)
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
