"""Test the summaries of measurements and the stream of the benchmark."""

from itertools import accumulate

import pytest

from tests.bench.goals.stream import make_stream
from tests.bench.goals.summary import (
    MAX_BATCH,
    MedianRange,
    first_batch_size,
    histogram,
    percentile,
    steady_rate,
    summarize_ratios,
    summarize_rounds,
)


def _in_batches(sizes: list[int], pause: float) -> list[float]:
    """Return the times of events: 0.1 ms apart within a batch, and `pause` seconds of work before each batch."""
    steps = [pause if at == 0 else 0.0001 for size in sizes for at in range(size)]
    return list(accumulate(steps))


def test_a_summary_has_the_median_lowest_and_highest() -> None:
    """The order of the rounds has no effect."""
    assert summarize_rounds([3.0, 1.0, 10.0]) == MedianRange(median=3.0, low=1.0, high=10.0)
    assert summarize_rounds([2.0]) == MedianRange(median=2.0, low=2.0, high=2.0)


def test_ratios_are_computed_for_each_round() -> None:
    """A round that slows both sides does not change the ratio."""
    assert summarize_ratios([100.0, 20.0, 90.0], [10.0, 2.0, 10.0]) == MedianRange(median=10.0, low=9.0, high=10.0)
    with pytest.raises(ValueError, match="zip"):
        summarize_ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize("sizes", [[500] * 10, [22, 500, 500, 500, 300], [500, 40, 500, 500, 1]])
def test_a_rate_leaves_out_the_first_batch(sizes: list[int]) -> None:
    """Batches of any size, each in proportional time, result in the rate of the work."""
    steps = [size / 250 if at == 0 else 0.0 for size in sizes for at in range(size)]
    assert steady_rate(list(accumulate(steps))) == pytest.approx(250)


def test_the_first_batch_ends_at_the_longest_pause() -> None:
    """Short gaps between its events do not end it."""
    times = [0.0, 0.001, 0.02, 0.021, 1.3, 1.301]
    assert first_batch_size(times) == 4
    assert first_batch_size(_in_batches([MAX_BATCH, MAX_BATCH], 2.0)) == MAX_BATCH


def test_evenly_spaced_events_have_their_own_rate() -> None:
    """Without batches the rate is the one of the events."""
    assert steady_rate([at / 800 for at in range(4000)]) == pytest.approx(800)


@pytest.mark.parametrize("times", [[1.0], [1.0, 1.0, 1.0]])
def test_events_at_one_time_have_no_rate(times: list[float]) -> None:
    """One event, or several at the same time, raise ValueError."""
    with pytest.raises(ValueError, match="send more"):
        steady_rate(times)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_percentile_is_a_measured_value(share: float, value: float) -> None:
    """It is the smallest value that bounds at least the share of the values."""
    assert percentile([float(at) for at in range(1, 101)], share) == value


def test_a_histogram_counts_every_value() -> None:
    """An edge belongs to the bin below it, and values above the last edge have a bin of their own."""
    assert histogram([0.0, 1.0, 1.5, 2.0, 7.0], [1.0, 2.0]) == [2, 2, 1]


def test_the_stream_is_reproducible_and_half_of_it_are_variants() -> None:
    """This holds with and without the labelled pages."""
    stream, again = make_stream(4000), make_stream(4000)
    assert stream == again
    assert len(stream.messages) == stream.facts.articles == 4000
    assert stream.facts.variants_share == pytest.approx(0.5, abs=0.03)
