"""Any message becomes an event or a dead letter, ends no loop, and costs no more than the maximum of an article.

FUZZ_MESSAGES=N  number of messages, a quarter drawn and the rest mutated; by default 1,500, in `make fuzz` 10,000
FUZZ_SEED=N      seed of the mutations, from the message of a failure; hypothesis prints its own example
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprise.bootstrap import open_index
from reprise.index.redis.client import connect
from reprise.model import DeadLetterReason, EventType
from reprise.settings import load
from tests.fuzz.cost import MEGABYTES, SECONDS, SMALL_BYTES
from tests.fuzz.hostile import KINDS
from tests.fuzz.loop import SlowestMessage, memory_index, run_loop
from tests.fuzz.mutations import mutate, real_messages
from tests.fuzz.strategies import messages
from tests.support import REPOSITORY

MESSAGES: Final = int(os.environ.get("FUZZ_MESSAGES", "1500"))

#: Number of drawn messages in one run of the loop, so that the index has several of them.
_DRAWN: Final = 10

#: Number of mutated messages in one run of the loop, which has all in memory.
_RUN: Final = 250

#: Number of mutated messages that are processed with a real Redis, too.
_THROUGH_REDIS: Final = MESSAGES // 10

#: Timeout for the measurement of all kinds in seconds. It takes 30 s of processor time.
_COSTS_SECONDS: Final = 540

#: Directory of the real pages, if it exists; see tests/conftest.py.
_SHARED: Final = Path(os.environ.get("REPRISE_SHARED") or REPOSITORY.parent / "shared")

_EXPECTED: Final = {*DeadLetterReason, *EventType} - {
    DeadLetterReason.UNEXPECTED_ERROR,
    DeadLetterReason.RECORD_UNREADABLE,
    EventType.MERGED,
}


@settings(
    max_examples=max(1, MESSAGES // 4 // _DRAWN),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(values=st.lists(messages(), min_size=_DRAWN, max_size=_DRAWN))
def test_drawn_messages_become_events_or_dead_letters(values: list[bytes]) -> None:
    """Each message has one outcome, and all are committed."""
    assert set(run_loop(values)) <= _EXPECTED


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(1 << 32))


def test_mutated_pages_become_events_or_dead_letters(seed: int) -> None:
    """Each mutated page has one outcome within the maximum time of an article, while the index grows."""
    rng, real, index, outcomes = random.Random(seed), real_messages(_SHARED), memory_index(), set()
    for start in range(0, MESSAGES * 3 // 4, _RUN):
        values = [mutate(rng, real) for _ in range(_RUN)]
        slowest = SlowestMessage()
        try:
            outcomes |= set(run_loop(values, index=index, slowest=slowest))
        except Exception as error:
            raise AssertionError(f"FUZZ_SEED={seed}, between messages {start} and {start + _RUN}") from error
        assert slowest.seconds < SECONDS, f"FUZZ_SEED={seed}, message {start + slowest.offset}: {slowest.seconds:.1f} s"
    assert outcomes <= _EXPECTED, f"FUZZ_SEED={seed}"
    assert {EventType.NEW, EventType.VARIANT, DeadLetterReason.NOT_JSON, DeadLetterReason.NO_TEXT} <= outcomes, (
        f"FUZZ_SEED={seed}"
    )


def test_redis_decides_mutated_pages_as_the_memory_index(seed: int, redis_url: str) -> None:
    """For the ids, sources and signatures of mutated pages, both indexes return the same decisions."""
    through_redis = load({"REPRISE_REDIS_URL": redis_url, "REPRISE_NAMESPACE": f"fuzz{uuid4().hex[:8]}"})
    rng, real = random.Random(seed), real_messages(_SHARED)
    values = [mutate(rng, real) for _ in range(_THROUGH_REDIS)]
    index = open_index(through_redis, connect(through_redis.redis))
    try:
        assert run_loop(values, index=index) == run_loop(values), f"FUZZ_SEED={seed}"
    finally:
        index.close()


def test_small_hostile_messages_become_events_or_dead_letters() -> None:
    """Wrong types, invalid times, unusual URLs and wrong encodings have one outcome each, in one run."""
    messages_by_kind = {kind: build() for kind, build in KINDS.items()}
    small = {kind: value for kind, value in messages_by_kind.items() if len(value) < SMALL_BYTES}
    assert len(small) > 150
    outcomes = dict(zip(small, run_loop(list(small.values())), strict=True))
    assert {kind: outcome for kind, outcome in outcomes.items() if outcome not in _EXPECTED} == {}


@pytest.mark.timeout(_COSTS_SECONDS + 30)
def test_hostile_messages_cost_no_more_than_the_maximum() -> None:
    """Each kind becomes an event or a dead letter within the maximum time and memory of an article."""
    # The allocator returns freed memory at once. Otherwise a message could use memory that another one freed.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    child = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.cost", "--json"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        check=False,
        timeout=_COSTS_SECONDS,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    costs = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(costs) > 100
    assert [cost for cost in costs if cost["outcome"] not in _EXPECTED] == []
    assert [cost for cost in costs if cost["seconds"] > SECONDS or cost["megabytes"] > MEGABYTES] == []


def test_run_loop_raises_unexpected_errors() -> None:
    """An unexpected error in a step is raised, although the worker makes a dead letter of it."""

    class FailingIndex:
        def submit(self, *_: object) -> None:
            raise ZeroDivisionError

        def close(self) -> None: ...

    with pytest.raises(ZeroDivisionError):
        run_loop([b'{"text": "a"}'], index=FailingIndex())  # type: ignore[arg-type]
