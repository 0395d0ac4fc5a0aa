"""A story of many near copies, over a real Redis: the cost of a decision does not grow with it."""

import random
from collections.abc import Iterator

import pytest
import redis

from reprise.index.redis.index import RedisIndex
from reprise.model import Fingerprint
from tests.contract.conftest import RETENTION
from tests.contract.texts import RULE, make_fingerprint, make_text

pytestmark = pytest.mark.redis

T0 = 1_700_000_000_000
REPORT = make_text(*range(10))

#: Parts of records that a decision reads at most: of all representatives in full buckets, and two of the match.
MAX_READS = RULE.permutations * RULE.bucket_entries + 2
#: Articles over which the reads are averaged.
PROBES = 12


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def near_copies(start: int, count: int) -> list[Fingerprint]:
    """Return copies of the report with other words at ten positions: each becomes a representative."""
    return [
        make_fingerprint(f"copy-{number}", edit(number), source=f"s{number}") for number in range(start, start + count)
    ]


def edit(number: int) -> str:
    words, rng = REPORT.split(" "), random.Random(number)
    for position in rng.sample(range(1, len(words) - 1), 10):
        # letters alone: another figure would make it another report of the same template
        words[position] = "".join(rng.choices("abcdefgh", k=9))
    return " ".join(words)


def test_the_reads_of_a_decision_do_not_grow_with_its_story(client: redis.Redis, namespace: str) -> None:
    """Near copies read no more of a story of 600 representatives than of one of 180, and compare 16 at most."""
    index = RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=1_000)
    reads, indexed = [], 0
    for start in range(0, 600, 60):
        decisions = index.decide(namespace, near_copies(start, 60), T0)
        indexed += sum(decision.trace.indexed for decision in decisions)
        client.config_resetstat()
        probes = index.decide(namespace, near_copies(10_000 + start, PROBES), T0)
        reads.append(client.info("commandstats")["cmdstat_getrange"]["calls"] / PROBES)
        assert max(decision.trace.candidates for decision in probes) <= RULE.candidates
        assert len({decision.story_id for decision in [*decisions, *probes]}) == 1
    assert indexed > 550
    assert max(reads) <= MAX_READS
    assert max(reads[5:]) <= 1.25 * max(reads[2:5])
