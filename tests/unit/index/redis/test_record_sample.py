"""The estimate of the number of representatives, against populations of which every number is known."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from reprise.index.redis.record_sample import STEP, estimate_records, ranges

#: Numbers drawn from each range, as for the metric.
SAMPLES = 3_000


class Population:
    """Representatives by number; every third is a founder, and the time of each is its number."""

    def __init__(self, numbers: NDArray[np.int64], last_number: int) -> None:
        self.exists = np.zeros(last_number + 1, dtype=bool)
        self.exists[numbers] = True
        self.last_number = last_number
        self.calls: list[int] = []

    def count(self, packed: bytes) -> Sequence[int]:
        """Reply as the script does."""
        numbers = np.frombuffer(packed, np.uint8).reshape(-1, 5).astype(np.int64) @ (256 ** np.arange(4, -1, -1))
        self.calls.append(len(numbers))
        found = numbers[self.exists[numbers]]
        times = (int(found.min()), int(found.max())) if len(found) else (0, 0)
        return [len(found), int((found % 3 == 0).sum()), *times]


def window(size: int, last: int, density: float, seed: int) -> Population:
    """Return the latest numbers, of which this share exists, and a few earlier ones."""
    random = np.random.default_rng(seed)
    latest = np.arange(last - size, last) + 1
    latest = latest[random.random(size) < density]
    earlier = random.integers(1, last - size + 1, size // 20)
    return Population(np.concatenate([latest, earlier]), last)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("size", "last", "density"), [(300_000, 300_001, 0.86), (300_000, 1_000_000, 0.86), (100_000, 300_000, 1.0)]
)
def test_the_estimate_is_within_two_percent(size: int, last: int, density: float, seed: int) -> None:
    """Also where many numbers were never used, and where most representatives have expired."""
    population = window(size, last, density, seed)
    found = estimate_records(population.last_number, SAMPLES, population.count, np.random.default_rng(seed))
    assert found.representatives == pytest.approx(population.exists.sum(), rel=0.02)
    assert found.founders == pytest.approx(population.exists[::3].sum(), rel=0.08)
    assert sum(population.calls) <= 8 * SAMPLES
    assert max(population.calls) <= STEP


def test_a_small_index_is_counted_completely() -> None:
    """Each number is counted once."""
    population = Population(np.array([1, 5, 9, 1_500]), 1_700)
    found = estimate_records(1_700, SAMPLES, population.count)
    assert (found.representatives, found.founders, found.earliest_ms, found.latest_ms) == (4, 2, 1, 1_500)
    assert sum(population.calls) == 1_700


def test_an_empty_index_has_no_representatives() -> None:
    """Nothing is counted."""
    assert estimate_records(0, SAMPLES, lambda _: [1, 1, 1, 1]).representatives == 0


def test_ranges_cover_every_number_once() -> None:
    """The latest range first, each earlier one four times as long."""
    assert list(ranges(100, 10)) == [(91, 100), (51, 90), (1, 50)]
    assert list(ranges(7, 10)) == [(1, 7)]
