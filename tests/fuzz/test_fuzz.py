"""Any message is an event or a dead letter: none ends the loop, and none costs more than one article may.

FUZZ_MESSAGES=N  how many messages, a quarter drawn and the rest mutated; 1,500 unless given, `make fuzz` takes 10,000
FUZZ_SEED=N      the seed of the mutations, as a failure told it; hypothesis prints its own example
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
from tests.fuzz.loop import Timing, memory_index, run_loop
from tests.fuzz.mutations import mutated, real_messages
from tests.fuzz.strategies import messages

MESSAGES: Final = int(os.environ.get("FUZZ_MESSAGES", "1500"))

#: Drawn messages of one run of the loop: enough to meet one another in an index.
_DRAWN: Final = 10

#: Mutated messages of one run of the loop, which holds them all in memory.
_RUN: Final = 250

#: Mutated messages that go through a real Redis as well: its answers differ by what the index holds, not by the bytes.
_THROUGH_REDIS: Final = MESSAGES // 10

#: Seconds for all kinds in their processes: some 30 s of processor time, and a machine may be busy with others.
_COSTS_SECONDS: Final = 540

#: Where real pages lie, if they do; see tests/conftest.py.
_SHARED: Final = Path(os.environ.get("REPRISE_SHARED") or Path(__file__).parents[3] / "shared")

_EXPECTED: Final = {*DeadLetterReason, *EventType} - {
    DeadLetterReason.UNEXPECTED_ERROR,
    DeadLetterReason.RECORD_UNREADABLE,
}


@settings(
    max_examples=max(1, MESSAGES // 4 // _DRAWN),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(values=st.lists(messages(), min_size=_DRAWN, max_size=_DRAWN))
def test_any_drawn_message_is_an_event_or_a_dead_letter(values: list[bytes]) -> None:
    """Wrong types, strange text and broken JSON each lead to one record, and everything is committed."""
    assert set(run_loop(values)) <= _EXPECTED


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(1 << 32))


def test_any_mutated_page_is_an_event_or_a_dead_letter(seed: int) -> None:
    """Real pages, damaged, each lead to one record within the time of one article, while the index fills with them."""
    rng, real, index, met = random.Random(seed), real_messages(_SHARED), memory_index(), set()
    for begin in range(0, MESSAGES * 3 // 4, _RUN):
        values = [mutated(rng, real) for _ in range(_RUN)]
        timing = Timing()
        try:
            met |= set(run_loop(values, index=index, timing=timing))
        except Exception as error:
            raise AssertionError(f"FUZZ_SEED={seed}, between messages {begin} and {begin + _RUN}") from error
        assert timing.seconds < SECONDS, f"FUZZ_SEED={seed}, message {begin + timing.offset}: {timing.seconds:.1f} s"
    assert met <= _EXPECTED, f"FUZZ_SEED={seed}"
    assert {EventType.NEW, EventType.VARIANT, DeadLetterReason.NOT_JSON, DeadLetterReason.NO_TEXT} <= met, (
        f"FUZZ_SEED={seed}"
    )


def test_redis_decides_what_it_gets_of_them(seed: int, redis_url: str) -> None:
    """Ids, sources and signatures of damaged pages pass through the scripts, and lead where the reference's lead."""
    through_redis = load({"REPRISE_REDIS_URL": redis_url, "REPRISE_NAMESPACE": f"fuzz{uuid4().hex[:8]}"})
    rng, real = random.Random(seed), real_messages(_SHARED)
    values = [mutated(rng, real) for _ in range(_THROUGH_REDIS)]
    index = open_index(through_redis, connect(through_redis.redis))
    try:
        assert run_loop(values, index=index) == run_loop(values), f"FUZZ_SEED={seed}"
    finally:
        index.close()


def test_a_small_hostile_message_is_an_event_or_a_dead_letter() -> None:
    """Wrong types, impossible times, odd addresses and broken encodings each lead to one record, side by side."""
    built = {kind: build() for kind, build in KINDS.items()}
    small = {kind: value for kind, value in built.items() if len(value) < SMALL_BYTES}
    assert len(small) > 150
    outcomes = dict(zip(small, run_loop(list(small.values())), strict=True))
    assert {kind: outcome for kind, outcome in outcomes.items() if outcome not in _EXPECTED} == {}


@pytest.mark.timeout(_COSTS_SECONDS + 30)
def test_no_hostile_message_costs_more_than_an_article_may() -> None:
    """Each kind becomes an event or a dead letter of its own reason, within its time and its memory."""
    # memory that is freed goes back to the system at once: what one kind leaves would hide what the next one takes
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    child = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.cost", "--json"],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        check=False,
        timeout=_COSTS_SECONDS,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    found = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(found) > 100
    assert [each for each in found if each["outcome"] not in _EXPECTED] == []
    assert [each for each in found if each["seconds"] > SECONDS or each["megabytes"] > MEGABYTES] == []


def test_the_loop_would_tell_of_an_error() -> None:
    """An article whose step breaks is not hidden in the dead letters: the fuzzing sees its error."""

    class Broken:
        def submit(self, *_: object) -> None:
            raise ZeroDivisionError

        def close(self) -> None: ...

    with pytest.raises(ZeroDivisionError):
        run_loop([b'{"text": "a"}'], index=Broken())  # type: ignore[arg-type]
