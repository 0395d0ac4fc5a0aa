"""Claims about the arithmetic of the benchmark's report: what is written as measured follows from the measurements."""

from itertools import accumulate

import pytest

from tests.bench.goals.stream import make_stream
from tests.bench.goals.summary import BATCH, Spread, first_batch, histogram, percentile, ratios, spread, steady_rate


def _in_batches(sizes: list[int], pause: float) -> list[float]:
    """Times of events that are written a tenth of a millisecond apart, after each batch was worked on for `pause`."""
    steps = [pause if at == 0 else 0.0001 for size in sizes for at in range(size)]
    return list(accumulate(steps))


def test_a_spread_is_the_median_between_the_lowest_and_the_highest() -> None:
    """Whatever the order of the rounds."""
    assert spread([3.0, 1.0, 10.0]) == Spread(median=3.0, low=1.0, high=10.0)
    assert spread([2.0]) == Spread(median=2.0, low=2.0, high=2.0)


def test_ratios_are_taken_round_by_round() -> None:
    """A round in which everything is slow changes no ratio."""
    assert ratios([100.0, 20.0, 90.0], [10.0, 2.0, 10.0]) == Spread(median=10.0, low=9.0, high=10.0)
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize("sizes", [[500] * 10, [22, 500, 500, 500, 300], [500, 40, 500, 500, 1]])
def test_a_rate_counts_no_batch_that_was_worked_on_before_the_clock_ran(sizes: list[int]) -> None:
    """Batches of any size, each in time that its size asks for, come to the rate at which they were worked on."""
    steps = [size / 250 if at == 0 else 0.0 for size in sizes for at in range(size)]
    assert steady_rate(list(accumulate(steps))) == pytest.approx(250)


def test_the_first_batch_ends_at_the_longest_pause() -> None:
    """Not where its own events stand a little apart."""
    times = [0.0, 0.001, 0.02, 0.021, 1.3, 1.301]
    assert first_batch(times) == 4
    assert first_batch(_in_batches([BATCH, BATCH], 2.0)) == BATCH


def test_events_that_come_evenly_have_their_own_rate() -> None:
    """Where there are no batches to see, none is left out wrongly."""
    assert steady_rate([at / 800 for at in range(4000)]) == pytest.approx(800)


@pytest.mark.parametrize("times", [[1.0], [1.0, 1.0, 1.0]])
def test_no_rate_is_made_up_where_no_time_passes(times: list[float]) -> None:
    """One event, or all of them at once, is no pace."""
    with pytest.raises(ValueError, match="send more"):
        steady_rate(times)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    """The smallest that at least the share does not exceed."""
    assert percentile([float(at) for at in range(1, 101)], share) == value


def test_a_histogram_loses_no_value() -> None:
    """An edge belongs to the bin below it, and what is above the last has one of its own."""
    assert histogram([0.0, 1.0, 1.5, 2.0, 7.0], [1.0, 2.0]) == [2, 2, 1]


def test_the_stream_is_the_same_for_all_and_half_of_it_variants() -> None:
    """With or without the labelled pages, which add variants of their own."""
    stream, again = make_stream(4000), make_stream(4000)
    assert stream == again
    assert len(stream.messages) == stream.facts.articles == 4000
    assert stream.facts.variants_share == pytest.approx(0.5, abs=0.03)
