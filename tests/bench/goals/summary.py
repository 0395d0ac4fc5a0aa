"""The arithmetic of the report: pure functions on numbers."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Final

#: Messages of a batch at most: that of the naive pipeline, and the default of REPRISE_BATCH_MAX_ARTICLES.
BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of several rounds, between the lowest and the highest."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Summarise the values of several rounds, at least one."""
    return Spread(median=median(values), low=min(values), high=max(values))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Divide round by round, and summarise: what slows a round down slows both of its sides."""
    return spread([above / below for above, below in zip(numerators, denominators, strict=True)])


def steady_rate(times: Sequence[float]) -> float:
    """Events a second between the end of the first batch and the last event.

    times  one for each event, in seconds, ascending

    The first batch's events came out of work that was done before the first of them was seen, the start included: with
    them the rate would be too high by a batch. Raises ValueError where no time passes after it.
    """
    first = first_batch(times)
    if times[-1] <= times[first - 1]:
        raise ValueError("the stream is over with its first batch: send more")
    return (len(times) - first) / (times[-1] - times[first - 1])


def first_batch(times: Sequence[float]) -> int:
    """How many events came with the first batch, at least one.

    It ends at the longest pause that stands before as many events as a batch has at most: the next batch is worked on
    for longer than the events of one take to be written. Where events come evenly, any of them will do.
    """
    until = min(BATCH, len(times) - 1)
    return max(range(1, until + 1), key=lambda at: times[at] - times[at - 1], default=1)


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0..1] of the values does not exceed."""
    return ascending[max(0, ceil(share * len(ascending)) - 1)]


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Count values up to each edge, the edge included, and in one more the values above the last edge."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_left(edges, value)] += 1
    return counts
