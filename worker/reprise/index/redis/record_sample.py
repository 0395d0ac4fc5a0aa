"""Estimate the number of representatives from a sample of their numbers.

No key lists the representatives: a record expires by itself. They are numbered in the order in which they were added,
so those within the window are most of the latest numbers and few of the earlier ones. The numbers are divided into
ranges, each four times as long as the one after it, and as many numbers are drawn from each. Within a range one number
is drawn from each of equal cells: a run of numbers that exist, or do not, then adds next to nothing to the error. This
is stratified sampling (Cochran, Sampling Techniques, chapter 5).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Factor by which each earlier range is longer.
_GROWTH: Final = 4

#: Numbers that one script counts: 1 to 2 ms of Redis's time, by which it may delay a decision.
STEP: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCounts:
    """Representatives within the window, the founders among them, and the earliest and latest time (0 without any)."""

    representatives: float = 0.0
    founders: float = 0.0
    earliest_ms: int = 0
    latest_ms: int = 0


def estimate_records(
    last_number: int, samples: int, count: Callable[[bytes], Sequence[int]], random: np.random.Generator | None = None
) -> RecordCounts:
    """Estimate the representatives among the numbers 1 to `last_number`.

    samples  numbers to draw from each range; the latest as many are counted completely
    count    counts the representatives among packed numbers: the reply of count_records
    """
    random = random or np.random.default_rng()
    total = RecordCounts()
    for first, last in ranges(last_number, samples):
        drawn = _draw(first, last, samples, random)
        weight = (last - first + 1) / len(drawn)
        for start in range(0, len(drawn), STEP):
            total = _add(total, count(_pack(drawn[start : start + STEP])), weight)
    return total


def ranges(last_number: int, samples: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of each range, the latest range first."""
    length, last = samples, last_number
    while last > 0:
        first = max(1, last - length + 1)
        yield first, last
        last, length = first - 1, length * _GROWTH


def _draw(first: int, last: int, samples: int, random: np.random.Generator) -> NDArray[np.uint64]:
    """Draw one number from each of equal cells; all numbers if there are no more than `samples`."""
    length = last - first + 1
    if length <= samples:
        return np.arange(first, last + 1, dtype=np.uint64)
    cells = np.arange(samples) + random.random(samples)
    return (first + np.floor(cells * (length / samples))).astype(np.uint64)


def _pack(numbers: NDArray[np.uint64]) -> bytes:
    """Pack numbers in five bytes each."""
    return numbers.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 3:].tobytes()


def _add(total: RecordCounts, reply: Sequence[int], weight: float) -> RecordCounts:
    representatives, founders, earliest_ms, latest_ms = reply
    return RecordCounts(
        representatives=total.representatives + representatives * weight,
        founders=total.founders + founders * weight,
        earliest_ms=min(filter(None, (total.earliest_ms, earliest_ms)), default=0),
        latest_ms=max(total.latest_ms, latest_ms),
    )
