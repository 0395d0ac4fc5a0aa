"""Random streams: the reference and Redis take the same decisions, down to their counters."""

import dataclasses
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprise.dedup.decision import Rule
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
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
    """A decision without what differs between two namespaces: ids of stories, and the counters of a replay."""
    return dataclasses.replace(decision, story_id="", supersedes=None, trace=Trace())
