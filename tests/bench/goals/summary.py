"""Summarize measurements: medians, ratios, rates, percentiles, histograms."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Final

#: largest batch: the one of the naive pipeline, and the default of REPRISE_BATCH_MAX_ARTICLES
MAX_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianRange:
    """The median, lowest and highest value of several rounds."""

    median: float
    low: float
    high: float


def summarize_rounds(values: Sequence[float]) -> MedianRange:
    """Return the median, lowest and highest of at least one value."""
    return MedianRange(median=median(values), low=min(values), high=max(values))


def summarize_ratios(numerators: Sequence[float], denominators: Sequence[float]) -> MedianRange:
    """Return the summary of the ratios of each round. A slow round slows both of its sides."""
    return summarize_rounds([above / below for above, below in zip(numerators, denominators, strict=True)])


def steady_rate(times: Sequence[float]) -> float:
    """Return the events per second between the end of the first batch and the last event.

    times  time of each event in seconds, ascending

    The work for the first batch precedes its first event and includes the start, so counting it would overstate the
    rate. Raises ValueError if no event follows the first batch.
    """
    first = first_batch_size(times)
    if times[-1] <= times[first - 1]:
        raise ValueError("the stream ends with its first batch: send more articles")
    return (len(times) - first) / (times[-1] - times[first - 1])


def first_batch_size(times: Sequence[float]) -> int:
    """Return the number of events of the first batch, at least one.

    The batch ends at the longest pause among the first MAX_BATCH events, because the work on a batch takes longer than
    writing its events. If the events are evenly spaced, any position is right.
    """
    bound = min(MAX_BATCH, len(times) - 1)
    return max(range(1, bound + 1), key=lambda at: times[at] - times[at - 1], default=1)


def percentile(ascending: Sequence[float], share: float) -> float:
    """Return the smallest value v such that at least `share` (0..1] of the values are at most v."""
    return ascending[max(0, ceil(share * len(ascending)) - 1)]


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Count the values up to and including each edge. The last count is of values above the last edge."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_left(edges, value)] += 1
    return counts
