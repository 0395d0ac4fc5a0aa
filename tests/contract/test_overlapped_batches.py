"""Batches of one worker that overlap: one is recorded while the next is looked up, as in the pipeline."""

import dataclasses
from collections.abc import Iterator, Sequence
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprise.errors import Unreachable
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.pending_batch import PendingBatch
from reprise.model import Decision, Fingerprint, Trace
from tests.contract.conftest import RETENTION
from tests.contract.test_index_property import RULE, streams, worker_batches
from tests.contract.texts import make_fingerprint, make_text

pytestmark = pytest.mark.redis

NOW_MS = 1_700_000_000_000


def _decide_overlapped(
    index: RedisIndex, namespace: str, stream: Sequence[tuple[int, list[Fingerprint]]]
) -> Iterator[Sequence[Decision]]:
    """Decide batches in the order of the pipeline's calls; each comes with the milliseconds since the one before."""
    recording: PendingBatch | None = None
    looked_up: PendingBatch | None = None
    now_ms = NOW_MS
    for pause_ms, batch in [*stream, (0, []), (0, [])]:
        now_ms += pause_ms
        if recording:
            yield recording.result()
        if looked_up:
            looked_up.begin_commit()
        recording, looked_up = looked_up, index.submit(namespace, batch, now_ms)
    assert looked_up is not None
    looked_up.cancel()


@settings(max_examples=100, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams)
def test_overlapped_batches_decide_as_the_memory_index(
    redis_url: str, stream: list[tuple[int, list[Fingerprint]]]
) -> None:
    """A lookup sees the commits of the batch before it, although nothing waited for them: there is no conflict."""
    with redis.Redis.from_url(redis_url) as client:
        namespace = f"property-{uuid4().hex}"  # the server may have other data
        real = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
        reference = MemoryIndex(rule=RULE, retention=RETENTION)
        now_ms = NOW_MS
        for decisions, (pause_ms, batch) in zip(_decide_overlapped(real, namespace, stream), stream, strict=False):
            now_ms += pause_ms
            assert decisions == reference.decide(namespace, batch, now_ms)


@settings(max_examples=100, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=worker_batches,
    second=worker_batches,
    third=worker_batches,
    places=st.lists(st.integers(0, 5), min_size=1, max_size=3),
)
def test_overlapped_batches_beside_another_worker_decide_as_in_some_order(
    redis_url: str,
    first: list[list[Fingerprint]],
    second: list[list[Fingerprint]],
    third: list[list[Fingerprint]],
    places: list[int],
) -> None:
    """Another worker's batches come between any two calls. The order is that in which the commits reached Redis."""
    own, others = [first[0], second[0], third[0]], [*first[1:], *second[1:], *third[1:]]
    with redis.Redis.from_url(redis_url) as client:
        namespace = f"property-{uuid4().hex}"
        worker, other = (RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500) for _ in range(2))
        #: (step at which the commit was sent, conflicts, batch, position) of each article, with its decision
        order: list[tuple[tuple[int, int, int, int], Fingerprint, Decision]] = []
        step = 0

        def let_other_decide() -> None:
            nonlocal step
            step += 1
            if step % 6 in places and others:
                batch = others.pop()
                decided = zip(batch, other.decide(namespace, batch, NOW_MS), strict=True)
                order.extend(((step, 0, -1, at), *pair) for at, pair in enumerate(decided))
                step += 1

        began: dict[int, int] = {}
        pending: list[PendingBatch] = []
        for number in range(len(own) + 2):
            if number >= 2:
                decided = zip(own[number - 2], pending[number - 2].result(), strict=True)
                for at, (article, decision) in enumerate(decided):
                    conflicts = decision.trace.conflicts
                    # what was refused was committed again by `result`, after all that the other worker did before
                    order.append(((step if conflicts else began[number - 2], conflicts, number, at), article, decision))
                let_other_decide()
            if 1 <= number <= len(own):
                pending[number - 1].begin_commit()
                began[number - 1] = step
                let_other_decide()
            if number < len(own):
                pending.append(worker.submit(namespace, own[number], NOW_MS))
                let_other_decide()
        order.sort(key=lambda entry: entry[0])
        reference = MemoryIndex(rule=RULE, retention=RETENTION)
        changing = [entry for entry in order if not entry[2].trace.replayed]
        replayed = [entry for entry in order if entry[2].trace.replayed]
        for _, article, decision in [*changing, *replayed]:
            (expected,) = reference.decide(namespace, [article], NOW_MS)
            assert _without_trace(decision) == _without_trace(expected)


def test_a_batch_behind_a_cancelled_one_is_submitted_again(redis_url: str) -> None:
    """It shares the connection, so its replies are lost; the recorded decisions of the first batch are repeated."""
    with redis.Redis.from_url(redis_url) as client:
        namespace = f"lost-{uuid4().hex}"
        index = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=500)
        batches = [_batch(0), _batch(0, source="b"), _batch(1)]
        first = index.submit(namespace, batches[0], NOW_MS)
        first.begin_commit()
        second = index.submit(namespace, batches[1], NOW_MS)
        first.cancel()  # closes the connection on which both batches are in flight
        second.begin_commit()
        with pytest.raises(Unreachable):
            second.result()
        decisions = [index.decide(namespace, batch, NOW_MS) for batch in batches]
        reference = MemoryIndex(rule=RULE, retention=RETENTION)
        expected = [reference.decide(namespace, batch, NOW_MS) for batch in batches]
        assert [list(map(_without_trace, each)) for each in decisions] == [
            list(map(_without_trace, each)) for each in expected
        ]


def _batch(seed: int, source: str = "a") -> list[Fingerprint]:
    return [make_fingerprint(f"{source}{seed}", make_text(seed, seed + 10, seed + 20), source=source, rule=RULE)]


def _without_trace(decision: Decision) -> Decision:
    return dataclasses.replace(decision, trace=Trace())
